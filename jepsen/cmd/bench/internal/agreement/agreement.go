package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	default:
		fmt.Fprintln(os.Stderr, "agreement:", err)
		os.Exit(1)
	}
}

// options are the parsed flags.
type options struct {
	runs, replicas, sentinels, quorum int
	downAfter, timeout                time.Duration
	maxODown, maxAddress              time.Duration // limits of the medians with gossip
	sentinel                          string
}

// side is a way to run Sentinels, and its results.
type side struct {
	name    string
	gossip  bool
	results []result
}

func parse(args []string, errOut io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("agreement", flag.ContinueOnError)
	fs.SetOutput(errOut)
	fs.IntVar(&o.runs, "runs", 50, "number of failovers with gossip, and as many without")
	fs.IntVar(&o.replicas, "replicas", 2, "number of replicas")
	fs.IntVar(&o.sentinels, "sentinels", 5, "number of Sentinels; the quorum is their majority")
	fs.DurationVar(&o.downAfter, "down-after", time.Second, "down-after-milliseconds of the Sentinels")
	fs.DurationVar(&o.timeout, "timeout", time.Minute, "give up a run after this time")
	fs.DurationVar(&o.maxODown, "max-odown", 0, "fail when the median of odown with gossip exceeds this (0: no limit)")
	fs.DurationVar(&o.maxAddress, "max-address", 0, "fail when the median of address with gossip exceeds this (0: no limit)")
	fs.StringVar(&o.sentinel, "sentinel", "", "path of gosentinel (default: the one beside this program, else freshly built)")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	o.quorum = o.sentinels/2 + 1
	if o.runs < 1 || o.replicas < 1 || o.sentinels < 2 || o.downAfter < time.Millisecond || fs.NArg() > 0 {
		return o, errors.New("want -runs and -replicas of at least 1, -sentinels of at least 2, -down-after of at least 1ms, and no other arguments")
	}
	return o, nil
}

func run(ctx context.Context, args []string, out, errOut io.Writer) error {
	o, err := parse(args, errOut)
	if err != nil {
		return err
	}
	if o.sentinel == "" {
		dir, err := os.MkdirTemp("", "gosentinel-bin-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if o.sentinel, err = cluster.FindSentinel(ctx, dir); err != nil {
			return err
		}
	}
	sides := []side{{name: "gossip", gossip: true}, {name: "no gossip"}}
	printHeader(out, o)
	for i := range o.runs {
		for k := range sides {
			r, err := measure(ctx, o, sides[k].gossip)
			if err != nil {
				return fmt.Errorf("run %d, %s: %w", i+1, sides[k].name, err)
			}
			sides[k].results = append(sides[k].results, r)
			printRow(out, i+1, sides[k].name, r)
		}
	}
	printSummary(out, sides)
	return judge(o, sides[0])
}

// judge turns violated promises into an exit status.
func judge(o options, s side) error {
	var errs []error
	for _, m := range []struct {
		metric
		limit time.Duration
	}{{metrics[0], o.maxODown}, {metrics[1], o.maxAddress}} {
		if got := quantile(sorted(s.results, m.of), 0.5); m.limit > 0 && got > m.limit {
			errs = append(errs, fmt.Errorf("the median of %s is %v, the limit is %v", m.name, got, m.limit))
		}
	}
	return errors.Join(errs...)
}
