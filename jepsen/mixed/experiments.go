package mixed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// Experiments are all three experiments, at length.
type Experiments struct {
	Programs  Programs
	Ratios    []Ratio // for the failovers
	Runs      int     // failovers of each ratio; 0: none
	Tours     int     // replacements of all Sentinels, there and back; 0: none
	PerSecond int     // writes while they are replaced
	Rounds    int     // bursts of each set; 0: none
	Masters   int     // that die in a burst
	DownAfter time.Duration
	Parallel  int // experiments that run side by side
}

// Run carries out the experiments and prints them as tables, in which 2+1 means
// two stock Sentinels and one gosentinel. The error says what could not be carried
// out, or what happened that must not. What was seen up to an error, such as the
// end of ctx, is summed up all the same.
func (o Experiments) Run(ctx context.Context, out io.Writer) error {
	p := &printer{w: out}
	var errs []error
	for _, experiment := range []func(context.Context, Experiments, *printer) error{failovers, tours, bursts} {
		if ctx.Err() == nil {
			errs = append(errs, experiment(ctx, o, p))
		}
	}
	if len(errs) == 0 {
		return context.Cause(ctx)
	}
	return errors.Join(errs...)
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
func failovers(ctx context.Context, o Experiments, p *printer) error {
	if o.Runs == 0 {
		return nil
	}
	p.failoverHeader(o)
	var all []Run
	var jobs []func(context.Context) error
	for _, r := range o.Ratios {
		jobs = append(jobs, func(ctx context.Context) error {
			_, err := Failovers{
				Programs: o.Programs, Ratio: r, Runs: o.Runs, DownAfter: o.DownAfter,
				OnRun: func(run Run) {
					p.run(run)
					p.mu.Lock()
					defer p.mu.Unlock()
					all = append(all, run)
				},
			}.Run(ctx)
			return err
		})
	}
	err := sideBySide(ctx, o.Parallel, jobs)
	p.failoverSummary(o, all)
	return errors.Join(err, judgeRuns(o, all))
}

// judgeRuns returns what was violated. An experiment in which only one kind ever
// led has not shown what it is for, unless it was very short.
func judgeRuns(o Experiments, all []Run) error {
	var errs []error
	for _, run := range all {
		for _, text := range run.Violations {
			errs = append(errs, fmt.Errorf("failover %d of %s: %s", run.N, run.Ratio, text))
		}
	}
	for _, r := range o.Ratios {
		for _, k := range []Kind{Stock, Ours} {
			led := func(run Run) bool { return run.Ratio == r && run.Led == k }
			if o.Runs >= 4 && r.Stock > 0 && r.Ours > 0 && !slices.ContainsFunc(all, led) {
				errs = append(errs, fmt.Errorf("no failover of %s was led by %s", r, k))
			}
		}
	}
	return errors.Join(errs...)
}

// tours runs the second experiment.
func tours(ctx context.Context, o Experiments, p *printer) error {
	if o.Tours == 0 {
		return nil
	}
	p.tourHeader(o)
	programs := o.Programs
	programs.OursConf = nil
	var errs []error
	for i := range o.Tours {
		out, err := Roll{
			Programs: programs, DownAfter: o.DownAfter, PerSecond: o.PerSecond,
			OnStep: func(s Step) { p.step(i+1, s) },
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
func bursts(ctx context.Context, o Experiments, p *printer) error {
	if o.Rounds == 0 {
		return nil
	}
	p.burstHeader(o)
	sets := []Ratio{{Stock: 3}, {Stock: 2, Ours: 1}, {Stock: 1, Ours: 2}}
	var all []Round
	var jobs []func(context.Context) error
	for _, r := range sets {
		jobs = append(jobs, func(ctx context.Context) error {
			b := Burst{
				Programs: o.Programs, Ratio: r, Masters: o.Masters, Rounds: o.Rounds, DownAfter: o.DownAfter,
				OnRound: func(round Round) {
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
	errs := []error{sideBySide(ctx, o.Parallel, jobs)}
	p.burstSummary(sets, all)
	for _, round := range all {
		for _, text := range round.Violations {
			errs = append(errs, fmt.Errorf("burst %d of %s: %s", round.N, round.Ratio, text))
		}
	}
	return errors.Join(errs...)
}
