package main

import (
	"context"
	"errors"
	"flag"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/promote"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
)

// promoteCommand tries to have replicas promoted that lack the data.
var promoteCommand = cli.Command{
	Name:    "promote",
	Summary: "try to have a replica promoted that lacks the data",
	Text: `Tries to have a replica promoted that lacks the data: right after REPLICAOF, a restart,
or in a full resynchronisation, by SENTINEL FAILOVER and by the death of the master.`,
	New: func() cli.Task {
		return &promoteTask{Options: promote.Options{Setup: trial.Setup{Runs: 200, Sentinels: 3}}}
	},
}

// promoteTask are the flags.
type promoteTask struct {
	promote.Options
	commands []string
}

func (t *promoteTask) Flags(f *flag.FlagSet) {
	f.IntVar(&t.Runs, "runs", t.Runs, "number of tries of each program; 40 try everything once")
	f.IntVar(&t.Sentinels, "sentinels", t.Sentinels, "number of Sentinels; the quorum is their majority")
	f.IntVar(&t.Parallel, "parallel", 3, "tries side by side")
	f.Uint64Var(&t.Seed, "seed", 1, "begins the row of random instants")
	f.DurationVar(&t.DownAfter, "down-after", time.Second, "down-after-milliseconds of the Sentinels")
	f.DurationVar(&t.Timeout, "timeout", 2*time.Minute, "give up a try after this time")
	f.Func("line", "further `line` for the configuration of the Sentinels; may be repeated",
		func(s string) error { t.Lines = append(t.Lines, s); return nil })
	f.IntVar(&t.Only, "only", 0, "make only the try with this number (0: all)")
	f.BoolVar(&t.Keep, "keep", false, "keep the files and logs of each cluster")
	f.BoolVar(&t.Limits, "limits", false, "fail if the first program promoted what it must not")
	programFlag(f, &t.commands, "more of them are compared")
}

func (t *promoteTask) Check([]string) (err error) {
	if min(t.Runs, t.Sentinels, t.Parallel) < 1 || t.DownAfter < time.Millisecond {
		return errors.New("want -runs, -sentinels and -parallel of at least 1, and -down-after of at least 1ms")
	}
	t.Programs, err = trial.Programs(t.commands)
	return err
}

func (t *promoteTask) Run(ctx context.Context, s cli.Streams) error {
	remove, err := needPrograms(ctx, &t.Programs)
	if err != nil {
		return err
	}
	defer remove()
	return promote.Run(ctx, t.Options, s.Out)
}
