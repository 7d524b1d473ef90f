package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/mixed"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "mixed:", err)
		os.Exit(1)
	}
}

func parse(args []string, errOut io.Writer) (Experiments, error) {
	o := Experiments{}
	var ratios, ours, stock string
	fs := flag.NewFlagSet("mixed", flag.ContinueOnError)
	fs.SetOutput(errOut)
	fs.StringVar(&ratios, "ratios", "2+1,1+2,3+2,2+3", "numbers of stock Sentinels and gosentinels")
	fs.IntVar(&o.Runs, "runs", 10, "failovers of each ratio")
	fs.IntVar(&o.Tours, "tours", 2, "times that all Sentinels are replaced, there and back")
	fs.IntVar(&o.PerSecond, "writes", 1000, "writes per second while they are replaced")
	fs.IntVar(&o.Rounds, "rounds", 12, "times that many masters die at once, for each kind of set")
	fs.IntVar(&o.Masters, "masters", 5, "number of masters that die at once")
	fs.DurationVar(&o.DownAfter, "down-after", 2*time.Second, "down-after-milliseconds of the Sentinels; with 1s a stock one now and then fails over a healthy master")
	fs.IntVar(&o.Parallel, "parallel", 2, "experiments that run side by side")
	fs.StringVar(&ours, "sentinel", "", "`command` of gosentinel (default: the one beside this program, else freshly built)")
	fs.StringVar(&stock, "stock", "", "`command` of the original (default: redis-sentinel)")
	fs.Func("line", "further `line` for the configuration of gosentinels; may be repeated (not for the replacements, where files change hands)",
		func(s string) error { o.Programs.OursConf = append(o.Programs.OursConf, s); return nil })
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	for text := range strings.SplitSeq(ratios, ",") {
		r, err := mixed.ParseRatio(strings.TrimSpace(text))
		if err != nil {
			return o, fmt.Errorf("-ratios: %w", err)
		}
		o.Ratios = append(o.Ratios, r)
	}
	if min(o.Runs, o.Tours, o.Rounds) < 0 || min(o.Masters, o.Parallel, o.PerSecond) < 1 || o.PerSecond > 100000 || o.DownAfter < time.Second || fs.NArg() > 0 {
		return o, errors.New("want -runs, -tours and -rounds of at least 0, -masters, -parallel and -writes (up to 100000) of at least 1, -down-after of at least 1s, and no other arguments")
	}
	o.Programs.Ours, o.Programs.Stock = strings.Fields(ours), strings.Fields(stock)
	return o, nil
}

func run(ctx context.Context, args []string, out, errOut io.Writer) error {
	o, err := parse(args, errOut)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "gosentinel-bin-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := o.find(ctx, dir); err != nil {
		return err
	}
	return o.Run(ctx, out)
}

// find fills in the programs that were not named.
func (o *Experiments) find(ctx context.Context, dir string) error {
	if len(o.Programs.Stock) == 0 {
		path, err := cluster.FindStockSentinel()
		if err != nil {
			return err
		}
		o.Programs.Stock = []string{path}
	}
	if len(o.Programs.Ours) == 0 {
		path, err := cluster.FindSentinel(ctx, dir)
		if err != nil {
			return err
		}
		o.Programs.Ours = []string{path}
	}
	return nil
}
