package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/planned"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
)

// plannedCommand measures planned switchovers.
var plannedCommand = cli.Command{
	Name:    "planned",
	Summary: "measure what a planned switchover costs the clients",
	Text: `Measures SENTINEL FAILOVER of a sound master under load: acknowledged writes that are
lost, how long clients wait, and how long the old master takes writes.`,
	New: func() cli.Task {
		return &plannedTask{Options: planned.Options{Setup: trial.Setup{Runs: 20, Sentinels: 3}}}
	},
	More: func(w io.Writer) {
		fmt.Fprintln(w, "\nrows:")
		for _, r := range planned.Rows {
			fmt.Fprintf(w, "  %-12s %s\n", r.Name, r.Text)
		}
	},
}

// plannedTask are the flags.
type plannedTask struct {
	planned.Options
	commands            []string
	rows, words, server string
}

func (t *plannedTask) Flags(f *flag.FlagSet) {
	f.IntVar(&t.Runs, "runs", t.Runs, "number of clusters of each program in each row")
	f.IntVar(&t.Repeat, "repeat", 1, "number of switchovers in each cluster, to and fro")
	f.IntVar(&t.Sentinels, "sentinels", t.Sentinels, "number of Sentinels; the quorum is their majority")
	f.DurationVar(&t.DownAfter, "down-after", 5*time.Second, "down-after-milliseconds of the Sentinels")
	f.DurationVar(&t.Timeout, "timeout", 2*time.Minute, "give up a switchover after this time")
	f.StringVar(&t.rows, "rows", "all", "names of the rows, with commas between them")
	f.StringVar(&t.words, "words", "", "further words of SENTINEL FAILOVER <master>")
	f.StringVar(&t.server, "server", "", "`command` that starts a server (default: redis-server)")
	f.Func("line", "further `line` for the configuration of the Sentinels; may be repeated",
		func(s string) error { t.Lines = append(t.Lines, s); return nil })
	f.BoolVar(&t.Limits, "limits", false, "fail if a switchover of the first program exceeds the limits")
	f.BoolVar(&t.Keep, "keep", false, "keep the files and logs of each cluster")
	programFlag(f, &t.commands, "more of them are compared")
}

func (t *plannedTask) Check([]string) (err error) {
	if t.Runs < 1 || t.Repeat < 1 || t.Sentinels < 1 || t.DownAfter < time.Millisecond {
		return errors.New("want -runs, -repeat and -sentinels of at least 1, and -down-after of at least 1ms")
	}
	if t.Rows, err = planned.Named(t.rows); err != nil {
		return fmt.Errorf("-rows: %w", err)
	}
	t.Words = strings.Fields(t.words)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	t.Embedded = []string{self, miniCommand}
	if t.server != "" {
		t.Server = strings.Fields(t.server)
	}
	t.Programs, err = trial.Programs(t.commands)
	return err
}

func (t *plannedTask) Run(ctx context.Context, s cli.Streams) error {
	remove, err := needPrograms(ctx, &t.Programs)
	if err != nil {
		return err
	}
	defer remove()
	return planned.Run(ctx, t.Options, s.Out)
}
