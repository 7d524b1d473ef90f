package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
	"github.com/gosentinel/sentinel/jepsen/sim/compare"
)

// statsCommand compares with stock Sentinel.
var statsCommand = cli.Command{
	Name:    "stats",
	Summary: "compare gosentinel with a model of stock redis-sentinel",
	Text:    "Compares gosentinel with a model of stock redis-sentinel in the simulator.",
	New:     func() cli.Task { return &stats{} },
}

// stats are the flags.
type stats struct {
	seeds, first uint64
	kind         string
	parallel     int
	write        string
	scenario     bool
}

func (t *stats) Flags(f *flag.FlagSet) {
	f.Uint64Var(&t.seeds, "seeds", 20, "number of seeds for every kind of fault and every mix")
	f.Uint64Var(&t.first, "seed", 1, "the first seed")
	f.StringVar(&t.kind, "kind", "", "only this kind of fault, or this mix")
	f.IntVar(&t.parallel, "parallel", runtime.NumCPU(), "runs to play at once")
	f.StringVar(&t.write, "write", "", "`directory` with simulation.md, to be written anew together with its pictures")
	f.BoolVar(&t.scenario, "scenario", false, "print the scenarios of -kind instead of playing them")
}

func (t *stats) Check([]string) error {
	switch kinds := compare.Kinds(); {
	case t.seeds < 1 || t.seeds > 1<<20:
		return fmt.Errorf("-seeds %d: want 1 to %d", t.seeds, 1<<20)
	case t.kind != "" && !slices.Contains(kinds, t.kind):
		return fmt.Errorf("-kind: there is no %q: want one of %s", t.kind, strings.Join(kinds, ", "))
	case t.scenario && t.kind == "":
		return errors.New("-scenario needs -kind")
	case t.write != "" && t.kind != "":
		return errors.New("-write needs all kinds: leave -kind out")
	}
	return checkParallel(t.parallel)
}

func (t *stats) Run(ctx context.Context, s cli.Streams) error {
	r := compare.New(t.kind, t.first, t.seeds)
	if t.scenario {
		r.WriteScenarios(s.Out)
		return nil
	}
	progress := s.Progress()
	err := r.Play(ctx, t.parallel, func(done, of int, kind string) {
		progress.Line("%2d/%d %-16s %s", done, of, kind, progress.Elapsed().Round(time.Second))
	})
	if err != nil {
		return err
	}
	if t.write != "" {
		return r.Write(t.write)
	}
	_, err = io.WriteString(s.Out, r.Tables())
	return err
}
