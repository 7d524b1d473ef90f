package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
	"github.com/gosentinel/sentinel/jepsen/mixed"
)

// mixedCommand runs the experiments of package mixed.
var mixedCommand = cli.Command{
	Name:    "mixed",
	Summary: "put stock Sentinels and gosentinels into one quorum",
	Text: `Puts stock Sentinels and gosentinels into one quorum: failovers, replacement of one
kind by the other under load, and many masters that die at once.`,
	New: func() cli.Task { return &mixedTask{} },
}

// mixedTask are the flags.
type mixedTask struct {
	mixed.Experiments
	ratios, ours, stock string
}

func (t *mixedTask) Flags(f *flag.FlagSet) {
	f.StringVar(&t.ratios, "ratios", "2+1,1+2,3+2,2+3", "numbers of stock Sentinels and gosentinels")
	f.IntVar(&t.Runs, "runs", 10, "failovers of each ratio")
	f.IntVar(&t.Tours, "tours", 2, "times that all Sentinels are replaced, there and back")
	f.IntVar(&t.PerSecond, "writes", 1000, "writes per second while they are replaced")
	f.IntVar(&t.Rounds, "rounds", 12, "times that many masters die at once, for each kind of set")
	f.IntVar(&t.Masters, "masters", 5, "number of masters that die at once")
	f.DurationVar(&t.DownAfter, "down-after", 2*time.Second, "down-after-milliseconds of the Sentinels; with 1s a stock one now and then fails over a healthy master")
	f.IntVar(&t.Parallel, "parallel", 2, "experiments that run side by side")
	f.StringVar(&t.ours, "sentinel", "", "`command` of gosentinel (default: the one beside this program, else freshly built)")
	f.StringVar(&t.stock, "stock", "", "`command` of the original (default: redis-sentinel)")
	f.Func("line", "further `line` for the configuration of gosentinels; may be repeated (not for the replacements, where files change hands)",
		func(s string) error { t.Programs.OursConf = append(t.Programs.OursConf, s); return nil })
}

func (t *mixedTask) Check([]string) error {
	for text := range strings.SplitSeq(t.ratios, ",") {
		r, err := mixed.ParseRatio(strings.TrimSpace(text))
		if err != nil {
			return fmt.Errorf("-ratios: %w", err)
		}
		t.Ratios = append(t.Ratios, r)
	}
	if min(t.Runs, t.Tours, t.Rounds) < 0 || min(t.Masters, t.Parallel, t.PerSecond) < 1 || t.PerSecond > 100000 || t.DownAfter < time.Second {
		return errors.New("want -runs, -tours and -rounds of at least 0, -masters, -parallel and -writes (up to 100000) of at least 1, and -down-after of at least 1s")
	}
	t.Programs.Ours, t.Programs.Stock = strings.Fields(t.ours), strings.Fields(t.stock)
	return nil
}

func (t *mixedTask) Run(ctx context.Context, s cli.Streams) error {
	if len(t.Programs.Stock) == 0 {
		path, err := cluster.FindStockSentinel()
		if err != nil {
			return err
		}
		t.Programs.Stock = []string{path}
	}
	if len(t.Programs.Ours) == 0 {
		path, remove, err := findGosentinel(ctx)
		if err != nil {
			return err
		}
		defer remove()
		t.Programs.Ours = []string{path}
	}
	return t.Experiments.Run(ctx, s.Out)
}
