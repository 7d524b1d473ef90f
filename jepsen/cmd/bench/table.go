package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/scale"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
)

// fleetCommand is the hidden first argument that turns this program into a process of a
// fleet of fake servers.
const fleetCommand = "fleet"

// tableCommand measures what a Sentinel costs.
var tableCommand = cli.Command{
	Name:    "table",
	Summary: "measure what a Sentinel costs and how quick it is, row by row, with one program or more",
	Text: `Measures what a Sentinel costs and how quick it is: commands, subscribers, links,
votes, saves, the start, many failures at once. Programs take turns. Figures are compared
with their goals.`,
	New: func() cli.Task { return &tableTask{} },
	More: func(w io.Writer) {
		fmt.Fprintln(w, "\nrows:")
		for _, r := range scale.Rows {
			fmt.Fprintf(w, "  %-12s %s\n", r.Name, r.Text)
		}
	},
}

// tableTask are the flags.
type tableTask struct {
	scale.Options
	commands             []string
	rows, results, write string
}

func (t *tableTask) Flags(f *flag.FlagSet) {
	f.IntVar(&t.Runs, "runs", 5, "number of runs of each program in each row")
	f.StringVar(&t.rows, "rows", "all", "names of the rows, with commas between them")
	f.BoolVar(&t.Short, "short", false, "measure less of everything, to see that it works; the figures mean little")
	f.DurationVar(&t.Most, "most", 0, "the longest `time` for which a row watches a Sentinel; figures of less time vary more (0: as long as it should be)")
	f.IntVar(&t.Mass, "mass", 2500, "masters of the row mass, a fifth of which are killed")
	f.StringVar(&t.results, "results", "", "`file` that keeps the figures of each row from run to run, and how they were measured")
	f.StringVar(&t.write, "write", "", "`directory` into which benchmarks.md and its pictures are written")
	programFlag(f, &t.commands, "more of them are compared with the last")
}

func (t *tableTask) Check([]string) (err error) {
	if t.Runs < 1 || t.Mass < 10 {
		return errors.New("want -runs of at least 1 and -mass of at least 10")
	}
	if t.Rows, err = scale.Named(t.rows); err != nil {
		return fmt.Errorf("-rows: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	t.Fleet = []string{self, fleetCommand}
	t.Programs, err = trial.Programs(t.commands)
	return err
}

func (t *tableTask) Run(ctx context.Context, s cli.Streams) error {
	remove, err := needPrograms(ctx, &t.Programs)
	if err != nil {
		return err
	}
	defer remove()
	if t.Results, err = scale.OpenResults(t.results); err != nil {
		return err
	}
	if t.write != "" {
		if err := t.Results.Keeps(t.write, t.Rows); err != nil {
			return err // before hours of measuring
		}
	}
	t.Environment = t.environment(ctx)
	err = scale.Run(ctx, t.Options, s.Out)
	if t.write != "" {
		err = errors.Join(err, t.Results.WriteDocument(t.write))
	}
	return errors.Join(err, t.Results.Save())
}

func (t *tableTask) environment(ctx context.Context) scale.Environment {
	e := scale.Environment{Command: "bench " + strings.Join(os.Args[1:], " "), Machine: machine()}
	for _, p := range t.Programs {
		out, err := exec.CommandContext(ctx, p.Command[0], "--version").Output()
		if err != nil {
			out = []byte(err.Error())
		}
		e.Versions = append(e.Versions, p.Name+": "+strings.TrimSpace(string(out)))
	}
	return e
}

// machine says what the figures depend on.
func machine() string {
	text := fmt.Sprintf("%d processors, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	if out, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(out)) {
			if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				return strings.TrimSpace(model) + ", " + text
			}
		}
	}
	return text
}
