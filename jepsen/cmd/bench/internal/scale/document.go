package scale

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Document returns docs/benchmarks.md.
func (r *Results) Document() string {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\n<!-- Written by `make bench`. Do not edit. -->\n\n" +
		"What a Sentinel costs and how quick it is, beside the original. Each row ran all programs in turn.\n" +
		"Figures are medians, with the least and the most in brackets. What counts is the ratio to the original\n" +
		"(×), or where a goal has no × the figure itself. A goal in brackets is the least that is accepted.\n\n")
	fmt.Fprintf(&b, "A process may have %d open files, which is enough for %d masters with a replica each.\n\n", MaxFiles(), (MaxFiles()-200)/4)
	b.WriteString("The load is that of the whole machine when the row had been measured, the processes of the row included.\n" +
		"Where it is far above the number of processors, times tell of the machine: ratios and CPU count.\n\n")
	programs := r.programs()
	fmt.Fprintf(&b, "| row | figure | %s | ratio | goal | | runs, load, date |\n|---|---|%s---|---|---|---|\n", strings.Join(programs, " | "), strings.Repeat("---|", len(programs)))
	for _, row := range Rows {
		if m, ok := r.named(row.Name); ok {
			writeRow(&b, row, m, programs)
		}
	}
	b.WriteString("\nRows:\n\n")
	for _, row := range Rows {
		if _, ok := r.named(row.Name); ok {
			fmt.Fprintf(&b, "- `%s`: %s.\n", row.Name, row.Text)
		}
	}
	if missing := r.missing(); len(missing) > 0 {
		fmt.Fprintf(&b, "\nNot measured: `%s`.\n", strings.Join(missing, "`, `"))
	}
	b.WriteString("\n")
	for _, p := range r.plots() {
		fmt.Fprintf(&b, "![%s](img/%s)\n\n", p.title, p.file)
	}
	b.WriteString("## How it was measured\n\n")
	r.writeEnvironments(&b)
	b.WriteString(microBenchmarks)
	return b.String()
}

const microBenchmarks = "## Parts\n\n" +
	"`make benchmem` runs the benchmarks of the parts: a step of the core, INFO, hellos, the guard in front of\n" +
	"the parser, the rewriting of files. To compare two commits:\n\n" +
	"```\ngit stash && make benchmem > old.txt && git stash pop && make benchmem > new.txt\n" +
	"go run golang.org/x/perf/cmd/benchstat@latest old.txt new.txt\n```\n"

// writeEnvironments says how the rows were measured, those together that have it in common.
func (r *Results) writeEnvironments(b *strings.Builder) {
	rows, order := map[string][]string{}, []string{}
	for _, row := range Rows {
		if m, ok := r.named(row.Name); ok {
			text := m.Environment.text()
			if rows[text] == nil {
				order = append(order, text)
			}
			rows[text] = append(rows[text], row.Name)
		}
	}
	for _, text := range order {
		if len(order) > 1 {
			fmt.Fprintf(b, "Measured for `%s`:\n\n", strings.Join(rows[text], "`, `"))
		}
		b.WriteString(text + "\n")
	}
}

func (e Environment) text() string {
	if e.Command == "" { // results of before this was kept
		return "- command, machine and versions: not known\n"
	}
	text := fmt.Sprintf("- command: `%s`\n- machine: %s\n", e.Command, e.Machine)
	for _, v := range e.Versions {
		text += "- " + v + "\n"
	}
	return text
}

func writeRow(b *strings.Builder, row Row, m Measured, programs []string) {
	for i, f := range row.Figures {
		name, about := "", ""
		if i == 0 {
			name, about = "`"+row.Name+"`", fmt.Sprintf("%d, %s, %s", m.Runs, m.Load, m.At.Format("2006-01-02 15:04"))
		}
		fmt.Fprintf(b, "| %s | %s |", name, f.title())
		for _, p := range programs {
			cell := ""
			for _, s := range m.Sides {
				if s.Program == p && i < len(s.Values) {
					cell = spread(s.Values[i])
				}
			}
			fmt.Fprintf(b, " %s |", cell)
		}
		value, verdict := f.judge(m, i)
		ratio := ""
		if !f.Absolute && !math.IsNaN(value) {
			ratio = number(value)
		}
		fmt.Fprintf(b, " %s | %s | %s | %s |\n", ratio, f.limits(), verdict, about)
	}
}

// programs returns the names of all programs, in the order of their first results.
func (r *Results) programs() (names []string) {
	seen := map[string]bool{}
	for _, m := range r.Rows {
		for _, s := range m.Sides {
			if !seen[s.Program] {
				seen[s.Program] = true
				names = append(names, s.Program)
			}
		}
	}
	return names
}

func (r *Results) missing() (names []string) {
	for _, row := range Rows {
		if _, ok := r.named(row.Name); !ok {
			names = append(names, row.Name)
		}
	}
	return names
}

// documentName is that of the file in its directory.
const documentName = "benchmarks.md"

// Keeps returns an error that names the rows of the document in a directory which one of
// these results and of rows that are still to be measured would lack.
func (r *Results) Keeps(dir string, coming []Row) error {
	text, err := os.ReadFile(filepath.Join(dir, documentName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var lost []string
	for _, row := range Rows {
		_, kept := r.named(row.Name)
		kept = kept || slices.ContainsFunc(coming, func(c Row) bool { return c.Name == row.Name })
		if !kept && strings.Contains(string(text), "\n| `"+row.Name+"` |") {
			lost = append(lost, row.Name)
		}
	}
	if len(lost) > 0 {
		return fmt.Errorf("%s has figures that would be lost, as the results lack them: %s; give a results file that has them, measure them too, or write into another directory",
			filepath.Join(dir, documentName), strings.Join(lost, ", "))
	}
	return nil
}

// WriteDocument writes benchmarks.md and its plots into a directory.
func (r *Results) WriteDocument(dir string) error {
	for _, p := range r.plots() {
		if err := os.WriteFile(filepath.Join(dir, "img", p.file), []byte(p.text), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, documentName), []byte(r.Document()), 0o644)
}
