package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosentinel/sentinel/jepsen/sim"
)

// played is the outcome of one seed.
type played struct {
	mix    mix
	result sim.Result
}

// hunt plays seeds until there are no more, the time is over or something fails.
func hunt(ctx context.Context, o options, out, info io.Writer) int {
	if o.verbose && o.seeds == 1 {
		return single(ctx, o, out, info)
	}
	playing := ctx
	if o.duration > 0 {
		var cancel context.CancelFunc
		playing, cancel = context.WithTimeout(ctx, o.duration)
		defer cancel()
	}
	t := newTally(o)
	results := start(playing, o, &t.next)
	progress := time.NewTicker(5 * time.Second)
	defer progress.Stop()
	failures := 0
	for {
		select {
		case p, more := <-results:
			if !more {
				t.summary(out)
				return min(failures, 1)
			}
			t.add(p)
			if p.result.Failed() {
				failures++
				if failures == 1 || o.keepGoing {
					report(ctx, o, p, out, info)
				}
			}
		case <-progress.C:
			t.progress(info)
		}
	}
}

// start plays seeds on several goroutines, each of which ends with the seed that
// it has begun when ctx ends or a seed has failed. The channel of results is
// closed after the last one. next is the lowest seed that was not begun.
func start(ctx context.Context, o options, next *atomic.Uint64) <-chan played {
	ctx, enough := context.WithCancel(ctx)
	next.Store(o.seed)
	c := make(chan played, o.parallel)
	var workers sync.WaitGroup
	for range o.parallel {
		workers.Go(func() {
			for ctx.Err() == nil {
				seed := next.Add(1) - 1
				if o.seeds > 0 && seed-o.seed >= o.seeds {
					next.Add(^uint64(0)) // it was not begun
					return
				}
				p := o.play(seed)
				if p.result.Failed() && !o.keepGoing {
					enough()
				}
				c <- p
			}
		})
	}
	go func() {
		workers.Wait()
		enough()
		close(c)
	}()
	return c
}

// play plays one seed; with several mixes they take turns.
func (o *options) play(seed uint64) played {
	m := o.mixes[seed%uint64(len(o.mixes))]
	return played{m, sim.Run(o.draw(seed, m), nil)}
}

func (o *options) draw(seed uint64, m mix) sim.Scenario {
	s := sim.Draw(seed, m.groups)
	s.Options.Bug = sim.Bug(o.bug)
	return s
}

// single plays one seed and prints everything about it.
func single(ctx context.Context, o options, out, info io.Writer) int {
	m := o.mixes[o.seed%uint64(len(o.mixes))]
	s := o.draw(o.seed, m)
	fmt.Fprintf(out, "# what was drawn for seed %d, mix %s\n%s\n# what happened\n", o.seed, m.name, s)
	r := sim.Run(s, func(line string) { fmt.Fprintln(out, line) })
	if r.Failed() {
		minimise(ctx, o, played{m, r}, out, info)
		return 1
	}
	fmt.Fprintf(out, "\nnothing was violated in %v: %s\n", r.Virtual.Round(time.Second), outcome(r))
	return 0
}

// tail is how much of the trace of a failing seed is printed without -v.
const tail = 40

// report prints what went wrong in a seed, and makes it smaller.
func report(ctx context.Context, o options, p played, out, info io.Writer) {
	seed := p.result.Scenario.Seed
	fmt.Fprintf(out, "\nseed %d, mix %s: %s\n", seed, p.mix.name, p.result.Violation)
	var trace []string
	sim.Run(p.result.Scenario, func(line string) { trace = append(trace, line) })
	if o.verbose {
		fmt.Fprintf(out, "# what was drawn\n%s\n", p.result.Scenario)
	} else if len(trace) > tail {
		fmt.Fprintf(out, "# the last %d of %d lines of the trace; -seed %d -seeds 1 -faults %s -v shows all\n",
			tail, len(trace), seed, strings.Join(p.mix.groups, ","))
		trace = trace[len(trace)-tail:]
	}
	for _, line := range trace {
		fmt.Fprintln(out, line)
	}
	minimise(ctx, o, p, out, info)
}

// minimise makes a failing scenario smaller, prints it and writes it to a file.
func minimise(ctx context.Context, o options, p played, out, info io.Writer) {
	small := p.result
	if o.minimise > 0 {
		fmt.Fprintf(info, "making the scenario smaller, in at most %d runs\n", o.minimise)
		runs := 0
		more := func() bool { runs++; return runs <= o.minimise && ctx.Err() == nil }
		small = sim.Minimise(p.result, more, func(r sim.Result) {
			op := r.Scenario.Options
			fmt.Fprintf(info, "\r%d Sentinels, %d servers, %d faults, %v   ", op.Sentinels+op.Stock,
				op.Masters*(op.Replicas+1), len(r.Scenario.Faults), op.Calm+op.Chaos)
		})
		fmt.Fprintln(info)
	}
	text := script(p, small)
	fmt.Fprintf(out, "\n%s\n", text)
	name := filepath.Join(o.out, fmt.Sprintf("%s-%s-%d.txt", strings.ToLower(small.Invariant.String()), p.mix.name, p.result.Scenario.Seed))
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		fmt.Fprintf(info, "sim: the scenario was not saved: %v\n", err)
		return
	}
	fmt.Fprintf(out, "written to %s; to see its trace: go run ./jepsen/cmd/sim -v %s\n", name, name)
}

// script is a scenario with a heading that says where it comes from.
func script(p played, small sim.Result) string {
	return fmt.Sprintf("# Found by seed %d of the mix %s, then made smaller. It violated:\n#   %s: %s\n#   %s\n%s",
		p.result.Scenario.Seed, p.mix.name, small.Invariant, small.Invariant.Text(), small.Violation, small.Scenario)
}
