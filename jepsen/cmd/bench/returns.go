package main

import (
	"context"
	"errors"
	"flag"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/returns"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
)

// returnsCommand measures what an old master takes that comes back.
var returnsCommand = cli.Command{
	Name:    "returns",
	Summary: "measure what an old master accepts that comes back after a failover",
	Text: `Measures what an old master accepts that comes back after a failover, from clients that
know nothing but its address; or, with -all, how long writes to a rightful master wait when
everything was restarted.`,
	New: func() cli.Task {
		return &returnsTask{Options: returns.Options{Setup: trial.Setup{Runs: 10, Sentinels: 3}}}
	},
}

// returnsTask are the flags.
type returnsTask struct {
	returns.Options
	commands []string
}

func (t *returnsTask) Flags(f *flag.FlagSet) {
	f.IntVar(&t.Runs, "runs", t.Runs, "number of returns of each program")
	setupFlags(f, &t.Setup)
	f.IntVar(&t.Clients, "clients", 1, "number of clients that write to the old master")
	f.IntVar(&t.PerClient, "rate", 1000, "writes that each of them tries in a second")
	f.DurationVar(&t.Away, "away", 5*time.Second, "for how long the old master is gone")
	f.IntVar(&t.Keys, "keys", 0, "keys that it has to load when it is started again")
	f.BoolVar(&t.All, "all", false, "restart everything at once instead")
	f.Func("conf", "`line` for the configuration of gosentinels", func(s string) error { t.Config = append(t.Config, s); return nil })
	programFlag(f, &t.commands, "twice compares two programs")
}

func (t *returnsTask) Check([]string) error {
	if t.Runs < 1 || t.Replicas < 1 || t.Sentinels < 1 || t.Clients < 1 || t.PerClient < 1 || t.PerClient > 1000 || t.Keys < 0 || t.DownAfter < time.Millisecond {
		return errors.New("want -runs, -replicas, -sentinels and -clients of at least 1, -rate from 1 to 1000, and -down-after of at least 1ms")
	}
	var err error
	t.Programs, err = trial.Programs(t.commands)
	return err
}

func (t *returnsTask) Run(ctx context.Context, s cli.Streams) error {
	remove, err := needPrograms(ctx, &t.Programs)
	if err != nil {
		return err
	}
	defer remove()
	return returns.Run(ctx, t.Options, s.Out)
}
