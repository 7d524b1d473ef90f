package conformance

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// document is what the run proves, for people.
const document = "../../docs/compatibility.md"

const documentHead = `# Compatibility with redis-sentinel

<!-- Written by make conformance. Do not edit. -->

The same things were done to redis-sentinel 7.0.15 and to gosentinel, and what
came out was compared: %d command lines, sent as RESP2, as RESP3, inline and as one
pipeline; events, log lines and calls of scripts, in one order for each instance;
random configuration files, loaded, changed, saved, and loaded by the other one.

*same* means equal byte for byte, except for ids, ports, times and counters. Other
cells name the differences, which are explained first. How gosentinel decides, and
how fast, is not compared here: see [differences.md](differences.md).

## Differences
`

// kinds say in the document why differences of a kind are there; letter begins
// their names.
var kinds = []struct {
	kind         kind
	letter, text string
}{
	{newer, "n", "newer: a version of Redis after 7.0 does so, and gosentinel follows it"},
	{valkey, "v", "Valkey: a name or an addition of Valkey, accepted beside that of Redis"},
	{ours, "o", "ours: an addition, or a defect of the original that gosentinel does not share"},
}

// reasons are what gosentinel does differently, of one kind, in the order of
// differences. Several of these can have one reason.
func reasons(of kind) (list []string) {
	for _, d := range differences {
		if d.kind == of && !slices.Contains(list, d.reason) {
			list = append(list, d.reason)
		}
	}
	return list
}

// legend gives each reason the name by which the tables refer to it: n1, n2 and
// so on.
func legend() string {
	var b strings.Builder
	for _, k := range kinds {
		fmt.Fprintf(&b, "\n| | %s |\n|---|---|\n", k.text)
		for i, reason := range reasons(k.kind) {
			fmt.Fprintf(&b, "| %s%d | %s |\n", k.letter, i+1, reason)
		}
	}
	return b.String()
}

// testDocument demands that every difference on purpose was met, and that the
// document says what was found.
func testDocument(t *testing.T, p pair) {
	for _, d := range differences {
		if len(d.used) == 0 {
			t.Errorf("nothing needs this difference any more: %s: %s (lines %q)", d.kind, d.reason, d.line)
		}
	}
	if n := countLines(); n < 400 {
		t.Errorf("the table has %d different lines, want at least 400", n)
	}
	text := p.document(t)
	if *write {
		if err := os.WriteFile(document, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	old, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if string(old) != text {
		t.Errorf("docs/compatibility.md is not what this run has found; `make conformance` writes it anew. This run:\n%s", text)
	}
}

// countLines counts the different lines of the table.
func countLines() int {
	lines := map[string]bool{}
	for _, g := range groups() {
		for _, line := range g.lines {
			if !strings.HasPrefix(line, "{") {
				lines[g.on+" "+line] = true
			}
		}
	}
	return len(lines)
}

// topics counts the lines of the table by what they are about.
func (p pair) topics(t *testing.T) map[string]int {
	known := p.commandList(t)
	count := map[string]int{}
	for _, g := range groups() {
		for _, line := range g.lines {
			switch {
			case strings.HasPrefix(line, "{"):
			case g.raw:
				count[malformed]++
			case known[commandOf(line)]:
				count[commandOf(line)]++
			default:
				count["unknown commands and subcommands"]++
			}
		}
	}
	return count
}

// commandList returns the names of all commands of gosentinel.
func (p pair) commandList(t *testing.T) map[string]bool {
	t.Helper()
	names, err := p[1].peer.Client().Do(t.Context(), "COMMAND", "LIST").StringSlice()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"quit": true, "echo": true} // are not listed
	for _, name := range names {
		known[strings.ReplaceAll(name, "|", " ")] = true
	}
	return known
}

func (p pair) document(t *testing.T) string {
	var b strings.Builder
	fmt.Fprintf(&b, documentHead, countLines())
	b.WriteString(legend())
	b.WriteString("\n## Commands\n\n| command | lines | differences |\n|---|---|---|\n")
	count := p.topics(t)
	for _, name := range slices.Sorted(maps.Keys(count)) {
		fmt.Fprintf(&b, "| %s | %d | %s |\n", shownName(name), count[name], verdict(name))
	}
	b.WriteString("\n## Events, log, scripts and files\n\n| what | differences |\n|---|---|\n")
	for _, sc := range scenarios {
		name := eventsTopic + sc.name
		fmt.Fprintf(&b, "| %s | %s |\n", name, verdict(name))
	}
	fmt.Fprintf(&b, "| files | %s |\n", verdict("files"))
	return b.String()
}

// shownName writes the name of a command in capitals.
func shownName(name string) string {
	if name == malformed || strings.HasPrefix(name, "unknown") {
		return name
	}
	return "`" + strings.ToUpper(name) + "`"
}

// verdict is the cell of the document about one topic.
func verdict(name string) string {
	var cells []string
	for _, k := range kinds {
		for i, reason := range reasons(k.kind) {
			if slices.ContainsFunc(differences, func(d *difference) bool {
				return d.kind == k.kind && d.reason == reason && d.used[name]
			}) {
				cells = append(cells, fmt.Sprintf("%s%d", k.letter, i+1))
			}
		}
	}
	if len(cells) == 0 {
		return "same"
	}
	return strings.Join(cells, ", ")
}
