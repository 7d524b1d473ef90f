package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/failover"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
)

// failoverCommand measures failovers.
var failoverCommand = cli.Command{
	Name:    "failover",
	Summary: "measure how long a failover takes, with one program or with two",
	Text: `Measures how long a failover takes: until a replica accepts a write, and until
besides that a Sentinel gives clients its address.`,
	New: func() cli.Task {
		return &failoverTask{Options: failover.Options{Setup: trial.Setup{Runs: 20, Sentinels: 3}}}
	},
}

// failoverTask are the flags.
type failoverTask struct {
	failover.Options
	commands []string
}

func (t *failoverTask) Flags(f *flag.FlagSet) {
	f.IntVar(&t.Runs, "runs", t.Runs, "number of failovers of each program")
	setupFlags(f, &t.Setup)
	f.StringVar(&t.Signal, "signal", "KILL", "what the master gets: KILL, SEGV, TERM or STOP")
	f.DurationVar(&t.MaxMedian, "max-median", 0, "fail when the first program's median, less down-after, exceeds this (0: no limit)")
	f.Func("line", "`line` of the first program's configuration, such as 'sentinel down-after-refused-milliseconds mymaster 150'; may be repeated",
		func(s string) error { t.Lines = append(t.Lines, s); return nil })
	programFlag(f, &t.commands, "more of them are compared")
}

func (t *failoverTask) Check([]string) error {
	t.Signal = strings.TrimPrefix(strings.ToUpper(t.Signal), "SIG")
	if _, known := failover.Signals[t.Signal]; !known {
		return fmt.Errorf("-signal %s: want KILL, SEGV, TERM or STOP", t.Signal)
	}
	if t.Runs < 1 || t.Replicas < 1 || t.Sentinels < 1 || t.DownAfter < time.Millisecond {
		return errors.New("want -runs, -replicas and -sentinels of at least 1, and -down-after of at least 1ms")
	}
	var err error
	t.Programs, err = trial.Programs(t.commands)
	return err
}

func (t *failoverTask) Run(ctx context.Context, s cli.Streams) error {
	remove, err := needPrograms(ctx, &t.Programs)
	if err != nil {
		return err
	}
	defer remove()
	return failover.Run(ctx, t.Options, s.Out)
}
