package main

import (
	"context"
	"errors"
	"flag"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/agreement"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
)

// agreementCommand measures what gossip saves.
var agreementCommand = cli.Command{
	Name:    "agreement",
	Summary: "measure how fast gosentinels agree, with gossip and without it",
	Text: `Measures how fast gosentinels agree in a failover, with gossip and without it:
that the master is down, and on the address of the new one.`,
	New: func() cli.Task {
		return &agreementTask{Options: agreement.Options{Setup: trial.Setup{Runs: 50, Sentinels: 5}}}
	},
}

// agreementTask are the flags.
type agreementTask struct{ agreement.Options }

func (t *agreementTask) Flags(f *flag.FlagSet) {
	f.IntVar(&t.Runs, "runs", t.Runs, "number of failovers with gossip, and as many without")
	setupFlags(f, &t.Setup)
	f.DurationVar(&t.MaxODown, "max-odown", 0, "fail when the median of odown with gossip exceeds this (0: no limit)")
	f.DurationVar(&t.MaxAddress, "max-address", 0, "fail when the median of address with gossip exceeds this (0: no limit)")
	f.StringVar(&t.Sentinel, "sentinel", "", "path of gosentinel (default: the one beside this program, else freshly built)")
}

func (t *agreementTask) Check([]string) error {
	if t.Runs < 1 || t.Replicas < 1 || t.Sentinels < 2 || t.DownAfter < time.Millisecond {
		return errors.New("want -runs and -replicas of at least 1, -sentinels of at least 2, and -down-after of at least 1ms")
	}
	return nil
}

func (t *agreementTask) Run(ctx context.Context, s cli.Streams) error {
	if t.Sentinel == "" {
		path, remove, err := findGosentinel(ctx)
		if err != nil {
			return err
		}
		defer remove()
		t.Sentinel = path
	}
	return agreement.Run(ctx, t.Options, s.Out)
}
