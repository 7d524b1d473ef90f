package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
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
		fmt.Fprintln(os.Stderr, "failover:", err)
		os.Exit(1)
	}
}

// options are the parsed flags.
type options struct {
	runs      int
	downAfter time.Duration
	replicas  int
	sentinels int
	signal    string // a key of signals
	maxMedian time.Duration
	timeout   time.Duration
	sides     []side
}

// side is one program under measurement and its results.
type side struct {
	name    string
	command []string
	results []result
}

var signals = map[string]syscall.Signal{
	"KILL": syscall.SIGKILL, "SEGV": syscall.SIGSEGV, "TERM": syscall.SIGTERM, "STOP": syscall.SIGSTOP,
}

func parse(args []string, errOut io.Writer) (options, error) {
	var o options
	var commands []string
	fs := flag.NewFlagSet("failover", flag.ContinueOnError)
	fs.SetOutput(errOut)
	fs.IntVar(&o.runs, "runs", 20, "number of failovers of each program")
	fs.DurationVar(&o.downAfter, "down-after", time.Second, "down-after-milliseconds of the Sentinels")
	fs.IntVar(&o.replicas, "replicas", 2, "number of replicas")
	fs.IntVar(&o.sentinels, "sentinels", 3, "number of Sentinels; the quorum is their majority")
	fs.StringVar(&o.signal, "signal", "KILL", "what the master gets: KILL, SEGV, TERM or STOP")
	fs.DurationVar(&o.maxMedian, "max-median", 0, "fail when the first program's median, less down-after, exceeds this (0: no limit)")
	fs.DurationVar(&o.timeout, "timeout", time.Minute, "give up a run after this time")
	fs.Func("sentinel", "`command` that starts a Sentinel; twice compares two programs (default: gosentinel beside this program, else freshly built)",
		func(s string) error { commands = append(commands, s); return nil })
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	o.signal = strings.TrimPrefix(strings.ToUpper(o.signal), "SIG")
	if _, known := signals[o.signal]; !known {
		return o, fmt.Errorf("-signal %s: want KILL, SEGV, TERM or STOP", o.signal)
	}
	if o.runs < 1 || o.replicas < 1 || o.sentinels < 1 || o.downAfter < time.Millisecond || len(commands) > 2 || fs.NArg() > 0 {
		return o, errors.New("want -runs, -replicas and -sentinels of at least 1, -down-after of at least 1ms, at most two -sentinel, and no other arguments")
	}
	for _, c := range commands {
		words := strings.Fields(c)
		if len(words) == 0 {
			return o, errors.New("-sentinel: empty command")
		}
		o.sides = append(o.sides, side{name: filepath.Base(words[0]), command: words})
	}
	if len(o.sides) == 2 && o.sides[0].name == o.sides[1].name {
		o.sides[0].name, o.sides[1].name = "1:"+o.sides[0].name, "2:"+o.sides[1].name
	}
	return o, nil
}

func run(ctx context.Context, args []string, out, errOut io.Writer) error {
	o, err := parse(args, errOut)
	if err != nil {
		return err
	}
	if len(o.sides) == 0 {
		dir, err := os.MkdirTemp("", "gosentinel-bin-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		path, err := cluster.FindSentinel(ctx, dir)
		if err != nil {
			return err
		}
		o.sides = []side{{name: "gosentinel", command: []string{path}}}
	}
	printHeader(out, o)
	for i := range o.runs {
		for s := range o.sides {
			r, err := measure(ctx, o, o.sides[s].command)
			if err != nil {
				return fmt.Errorf("run %d of %s: %w", i+1, o.sides[s].name, err)
			}
			o.sides[s].results = append(o.sides[s].results, r)
			printRow(out, i+1, o.sides[s].name, r)
		}
	}
	printSummary(out, o)
	return judge(o)
}

// judge turns violated promises into an exit status.
func judge(o options) error {
	var errs []error
	for _, s := range o.sides {
		for i, r := range s.results {
			if r.SecondLeader {
				errs = append(errs, fmt.Errorf("%s, run %d: two leaders in one epoch, or two promoted replicas", s.name, i+1))
			}
		}
	}
	if limit := o.maxMedian; limit > 0 {
		first := o.sides[0]
		if m := median(first.results) - o.downAfter; m > limit {
			errs = append(errs, fmt.Errorf("%s: the median client's write came %v after down-after, the limit is %v", first.name, m.Round(time.Millisecond), limit))
		}
		for i, r := range first.results {
			if r.Retries != 0 || r.Aborts != 0 {
				errs = append(errs, fmt.Errorf("%s, run %d: the election was split: %d retries, %d aborted attempts", first.name, i+1, r.Retries, r.Aborts))
			}
		}
	}
	return errors.Join(errs...)
}
