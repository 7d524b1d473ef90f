package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
	"github.com/gosentinel/sentinel/jepsen/sim/explore"
	"github.com/gosentinel/sentinel/monitor"
)

// exploreCommand visits every state of small elections.
var exploreCommand = cli.Command{
	Name:    "explore",
	Summary: "visit every state of small elections",
	Text: `Visits every state of elections in a small world and checks the promises in each.
Without flags it visits a list of worlds, the largest that take minutes.`,
	New: func() cli.Task { return &exploration{} },
}

// exploration is the world of the flags, and after Check the worlds to visit.
type exploration struct {
	world  explore.Config
	epochs uint64
	flags  *flag.FlagSet
	worlds []explore.Config
}

func (e *exploration) Flags(f *flag.FlagSet) {
	c := &e.world
	f.IntVar(&c.Sentinels, "sentinels", 3, "number of Sentinels, 1 to 4")
	f.IntVar(&c.Masters, "masters", 1, "number of masters, 1 or 2")
	f.Uint64Var(&e.epochs, "epochs", 1, "highest epoch, 1 to 3")
	f.IntVar(&c.Quorum, "quorum", 1, "quorum of each master")
	f.IntVar(&c.Voters, "voters", 0, "Sentinels that only vote")
	f.BoolVar(&c.Alone, "alone", false, "one Sentinel of the world, which may be told anything")
	f.BoolVar(&c.NoCrashes, "no-crashes", false, "leave crashes out")
	f.BoolVar(&c.DiskFaults, "disk-faults", false, "writes fail and hang")
	f.BoolVar(&c.Expiry, "expiry", false, "answers of peers expire")
	f.BoolVar(&c.Others, "others", false, "other masters raise the epoch and cause writes; with -alone")
	f.BoolVar(&c.Meddling, "meddling", false, "a stranger raises the epoch")
	f.BoolVar(&c.Everything, "everything", false, "without the reductions")
	f.IntVar(&c.MaxStates, "max-states", 0, "give up at so many states; 0 means 100 million")
	f.BoolVar(&c.MixedEpochs, "mixed", false, "have votes asked for and counted as stock Sentinels do")
	e.flags = f
}

func (e *exploration) Check([]string) error {
	e.world.Epochs = monitor.Epoch(e.epochs)
	switch n := e.flags.NFlag(); {
	case n == 0:
		e.worlds = explore.Worlds
		return nil
	case n == 1 && e.world.MixedEpochs:
		e.worlds = []explore.Config{explore.StockWorld}
		return nil
	}
	e.worlds = []explore.Config{e.world}
	return e.world.Validate()
}

func (e *exploration) Run(ctx context.Context, s cli.Streams) error {
	var failed error
	for _, c := range e.worlds {
		progress := s.Progress()
		r, err := explore.Explore(ctx, c, progress.Elapsed, func(r explore.Result) {
			if progress.Due(10 * time.Second) {
				progress.Line("%v: depth %d, %d states, %d steps of a core, %v", c, r.Depth, r.States, r.Steps, r.Elapsed.Round(time.Second))
			}
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "%v, %v\n", r, r.Elapsed.Round(time.Second/10))
		for _, line := range r.Trace {
			fmt.Fprintln(s.Out, line)
		}
		if r.Violation == "" && r.Leaders == 0 {
			fmt.Fprintln(s.Out, "nobody was elected, so that this proves nothing")
			failed = cli.Failed
		}
		if r.Violation != "" || !r.Complete {
			failed = cli.Failed
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
	}
	return failed
}
