package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
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

// options are the parsed flags.
type options struct {
	ratios    []mixed.Ratio
	runs      int // failovers of each ratio
	tours     int // replacements of all Sentinels, there and back
	perSecond int
	rounds    int // bursts of each set
	masters   int
	downAfter time.Duration
	parallel  int
	programs  mixed.Programs
}

func parse(args []string, errOut io.Writer) (options, error) {
	o := options{}
	var ratios, ours, stock string
	fs := flag.NewFlagSet("mixed", flag.ContinueOnError)
	fs.SetOutput(errOut)
	fs.StringVar(&ratios, "ratios", "2+1,1+2,3+2,2+3", "numbers of stock Sentinels and gosentinels")
	fs.IntVar(&o.runs, "runs", 10, "failovers of each ratio")
	fs.IntVar(&o.tours, "tours", 2, "times that all Sentinels are replaced, there and back")
	fs.IntVar(&o.perSecond, "writes", 1000, "writes per second while they are replaced")
	fs.IntVar(&o.rounds, "rounds", 12, "times that many masters die at once, for each kind of set")
	fs.IntVar(&o.masters, "masters", 5, "number of masters that die at once")
	fs.DurationVar(&o.downAfter, "down-after", 2*time.Second, "down-after-milliseconds of the Sentinels; with 1s a stock one now and then fails over a healthy master")
	fs.IntVar(&o.parallel, "parallel", 2, "experiments that run side by side")
	fs.StringVar(&ours, "sentinel", "", "`command` of gosentinel (default: the one beside this program, else freshly built)")
	fs.StringVar(&stock, "stock", "", "`command` of the original (default: redis-sentinel)")
	fs.Func("line", "further `line` for the configuration of gosentinels; may be repeated (not for the replacements, where files change hands)",
		func(s string) error { o.programs.OursConf = append(o.programs.OursConf, s); return nil })
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	for text := range strings.SplitSeq(ratios, ",") {
		r, err := mixed.ParseRatio(strings.TrimSpace(text))
		if err != nil {
			return o, fmt.Errorf("-ratios: %w", err)
		}
		o.ratios = append(o.ratios, r)
	}
	if min(o.runs, o.tours, o.rounds) < 0 || min(o.masters, o.parallel, o.perSecond) < 1 || o.perSecond > 100000 || o.downAfter < time.Second || fs.NArg() > 0 {
		return o, errors.New("want -runs, -tours and -rounds of at least 0, -masters, -parallel and -writes (up to 100000) of at least 1, -down-after of at least 1s, and no other arguments")
	}
	o.programs.Ours, o.programs.Stock = strings.Fields(ours), strings.Fields(stock)
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
	p := &printer{w: out}
	return errors.Join(failovers(ctx, o, p), tours(ctx, o, p), bursts(ctx, o, p))
}

// find fills in the programs that were not named.
func (o *options) find(ctx context.Context, dir string) error {
	if len(o.programs.Stock) == 0 {
		path, err := cluster.FindStockSentinel()
		if err != nil {
			return err
		}
		o.programs.Stock = []string{path}
	}
	if len(o.programs.Ours) == 0 {
		path, err := cluster.FindSentinel(ctx, dir)
		if err != nil {
			return err
		}
		o.programs.Ours = []string{path}
	}
	return nil
}

// sideBySide runs jobs, so many at a time, and returns all errors. After an
// error no further job begins.
func sideBySide(ctx context.Context, parallel int, jobs []func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	next := make(chan func(context.Context) error, len(jobs))
	for _, j := range jobs {
		next <- j
	}
	close(next)
	errs := make([]error, parallel)
	var wg sync.WaitGroup
	for i := range parallel {
		wg.Go(func() {
			for j := range next {
				if ctx.Err() != nil {
					return
				}
				if err := j(ctx); err != nil {
					errs[i] = errors.Join(errs[i], err)
					cancel()
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// failovers runs the first experiment for every ratio.
func failovers(ctx context.Context, o options, p *printer) error {
	if o.runs == 0 {
		return nil
	}
	p.failoverHeader(o)
	var all []mixed.Run
	var jobs []func(context.Context) error
	for _, r := range o.ratios {
		jobs = append(jobs, func(ctx context.Context) error {
			_, err := mixed.Failovers{
				Programs: o.programs, Ratio: r, Runs: o.runs, DownAfter: o.downAfter,
				OnRun: func(run mixed.Run) {
					p.run(run)
					p.mu.Lock()
					defer p.mu.Unlock()
					all = append(all, run)
				},
			}.Run(ctx)
			return err
		})
	}
	err := sideBySide(ctx, o.parallel, jobs)
	p.failoverSummary(o, all)
	return errors.Join(err, judgeRuns(o, all))
}

// judgeRuns returns what was violated. An experiment in which only one kind ever
// led has not shown what it is for, unless it was very short.
func judgeRuns(o options, all []mixed.Run) error {
	var errs []error
	for _, run := range all {
		for _, text := range run.Violations {
			errs = append(errs, fmt.Errorf("failover %d of %s: %s", run.N, run.Ratio, text))
		}
	}
	for _, r := range o.ratios {
		for _, k := range []mixed.Kind{mixed.Stock, mixed.Ours} {
			led := func(run mixed.Run) bool { return run.Ratio == r && run.Led == k }
			if o.runs >= 4 && r.Stock > 0 && r.Ours > 0 && !slices.ContainsFunc(all, led) {
				errs = append(errs, fmt.Errorf("no failover of %s was led by %s", r, k))
			}
		}
	}
	return errors.Join(errs...)
}

// tours runs the second experiment.
func tours(ctx context.Context, o options, p *printer) error {
	if o.tours == 0 {
		return nil
	}
	p.tourHeader(o)
	programs := o.programs
	programs.OursConf = nil
	var errs []error
	for i := range o.tours {
		out, err := mixed.Roll{
			Programs: programs, DownAfter: o.downAfter, PerSecond: o.perSecond,
			OnStep: func(s mixed.Step) { p.step(i+1, s) },
		}.Run(ctx)
		errs = append(errs, err)
		if err == nil {
			p.tour(i+1, out)
		}
		for _, text := range out.Violations {
			errs = append(errs, fmt.Errorf("replacing all, tour %d: %s", i+1, text))
		}
	}
	return errors.Join(errs...)
}

// late are the delays of gosentinels in the bursts. A stock Sentinel needs some
// 100 ms from its own verdict to the votes.
var late = []time.Duration{0, 100 * time.Millisecond, 150 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond, 4 * time.Second}

// bursts runs the third experiment for stock Sentinels alone and for mixed sets.
func bursts(ctx context.Context, o options, p *printer) error {
	if o.rounds == 0 {
		return nil
	}
	p.burstHeader(o)
	sets := []mixed.Ratio{{Stock: 3}, {Stock: 2, Ours: 1}, {Stock: 1, Ours: 2}}
	var all []mixed.Round
	var jobs []func(context.Context) error
	for _, r := range sets {
		jobs = append(jobs, func(ctx context.Context) error {
			b := mixed.Burst{
				Programs: o.programs, Ratio: r, Masters: o.masters, Rounds: o.rounds, DownAfter: o.downAfter,
				OnRound: func(round mixed.Round) {
					p.round(round)
					p.mu.Lock()
					defer p.mu.Unlock()
					all = append(all, round)
				},
			}
			if r.Ours > 0 {
				b.Late = late
			}
			_, err := b.Run(ctx)
			return err
		})
	}
	errs := []error{sideBySide(ctx, o.parallel, jobs)}
	p.burstSummary(sets, all)
	for _, round := range all {
		for _, text := range round.Violations {
			errs = append(errs, fmt.Errorf("burst %d of %s: %s", round.N, round.Ratio, text))
		}
	}
	return errors.Join(errs...)
}
