package sweep

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

// Options say what to play.
type Options struct {
	First, Seeds uint64        // the first seed and how many; 0: until the time is over or the context ends
	Mixes        []Mix         // take turns; at least one
	Verbose      bool          // print all of the trace: of the only seed, or of those that fail
	Parallel     int           // seeds to play at once
	Duration     time.Duration // when to stop; 0: never
	Minimise     int           // runs that may be spent to make a failing scenario smaller; 0: none
	Dir          string        // where scenarios of failing seeds are written
	KeepGoing    bool          // after a seed that fails
	Bug          sim.Bug       // that the model has on purpose
	Due          func() bool   // is asked after each seed whether to print how far it is; nil: never
}

// played is the outcome of one seed.
type played struct {
	mix    Mix
	result sim.Result
}

// Run plays seeds until there are no more, the time is over, ctx ends or a seed
// fails. It prints failures and at the end a summary to out, and how far it is to
// info. It reports whether no seed has failed.
func Run(ctx context.Context, o Options, out, info io.Writer) bool {
	if o.Verbose && o.Seeds == 1 {
		return single(ctx, o, out, info)
	}
	playing := ctx
	if o.Duration > 0 {
		var cancel context.CancelFunc
		playing, cancel = context.WithTimeout(ctx, o.Duration)
		defer cancel()
	}
	t := newTally(o)
	failures := 0
	for p := range start(playing, o, &t.next) {
		t.add(p)
		if p.result.Failed() {
			failures++
			if failures == 1 || o.KeepGoing {
				report(ctx, o, p, out, info)
			}
		}
		if o.Due != nil && o.Due() {
			t.progress(info)
		}
	}
	t.summary(out)
	return failures == 0
}

// start plays seeds on several goroutines, each of which ends with the seed that
// it has begun when ctx ends or a seed has failed. The channel of results is
// closed after the last one. next is the lowest seed that was not begun.
func start(ctx context.Context, o Options, next *atomic.Uint64) <-chan played {
	ctx, enough := context.WithCancel(ctx)
	next.Store(o.First)
	c := make(chan played, o.Parallel)
	var workers sync.WaitGroup
	for range o.Parallel {
		workers.Go(func() {
			for ctx.Err() == nil {
				seed := next.Add(1) - 1
				if o.Seeds > 0 && seed-o.First >= o.Seeds {
					next.Add(^uint64(0)) // it was not begun
					return
				}
				p := o.play(seed)
				if p.result.Failed() && !o.KeepGoing {
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
func (o *Options) play(seed uint64) played {
	m := o.Mixes[seed%uint64(len(o.Mixes))]
	return played{m, sim.Run(o.draw(seed, m), nil)}
}

func (o *Options) draw(seed uint64, m Mix) sim.Scenario {
	s := sim.Draw(seed, m.Groups)
	s.Options.Bug = o.Bug
	return s
}

// single plays one seed and prints everything about it.
func single(ctx context.Context, o Options, out, info io.Writer) bool {
	m := o.Mixes[o.First%uint64(len(o.Mixes))]
	s := o.draw(o.First, m)
	fmt.Fprintf(out, "# what was drawn for seed %d, mix %s\n%s\n# what happened\n", o.First, m.Name, s)
	r := sim.Run(s, func(line string) { fmt.Fprintln(out, line) })
	if r.Failed() {
		minimise(ctx, o, played{m, r}, out, info)
		return false
	}
	fmt.Fprintf(out, "\nnothing was violated in %v: %s\n", r.Virtual.Round(time.Second), Outcome(r))
	return true
}

// tail is how much of the trace of a failing seed is printed without -v.
const tail = 40

// report prints what went wrong in a seed, and makes it smaller.
func report(ctx context.Context, o Options, p played, out, info io.Writer) {
	seed := p.result.Scenario.Seed
	fmt.Fprintf(out, "\nseed %d, mix %s: %s\n", seed, p.mix.Name, p.result.Violation)
	var trace []string
	sim.Run(p.result.Scenario, func(line string) { trace = append(trace, line) })
	if o.Verbose {
		fmt.Fprintf(out, "# what was drawn\n%s\n", p.result.Scenario)
	} else if len(trace) > tail {
		fmt.Fprintf(out, "# the last %d of %d lines of the trace; -seed %d -seeds 1 -faults %s -v shows all\n",
			tail, len(trace), seed, strings.Join(p.mix.Groups, ","))
		trace = trace[len(trace)-tail:]
	}
	for _, line := range trace {
		fmt.Fprintln(out, line)
	}
	minimise(ctx, o, p, out, info)
}

// minimise makes a failing scenario smaller, prints it and writes it to a file.
func minimise(ctx context.Context, o Options, p played, out, info io.Writer) {
	small := p.result
	if o.Minimise > 0 {
		fmt.Fprintf(info, "making the scenario smaller, in at most %d runs\n", o.Minimise)
		runs := 0
		more := func() bool { runs++; return runs <= o.Minimise && ctx.Err() == nil }
		small = sim.Minimise(p.result, more, func(r sim.Result) {
			op := r.Scenario.Options
			fmt.Fprintf(info, "\r%d Sentinels, %d servers, %d faults, %v   ", op.Sentinels+op.Stock,
				op.Masters*(op.Replicas+1), len(r.Scenario.Faults), op.Calm+op.Chaos)
		})
		fmt.Fprintln(info)
	}
	text := script(p, small)
	fmt.Fprintf(out, "\n%s\n", text)
	name := filepath.Join(o.Dir, fmt.Sprintf("%s-%s-%d.txt", strings.ToLower(small.Invariant.String()), p.mix.Name, p.result.Scenario.Seed))
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		fmt.Fprintf(info, "the scenario was not saved: %v\n", err)
		return
	}
	fmt.Fprintf(out, "written to %s; to see its trace: go run ./jepsen/cmd/sim run -v %s\n", name, name)
}

// script is a scenario with a heading that says where it comes from.
func script(p played, small sim.Result) string {
	return fmt.Sprintf("# Found by seed %d of the mix %s, then made smaller. It violated:\n#   %s: %s\n#   %s\n%s",
		p.result.Scenario.Seed, p.mix.Name, small.Invariant, small.Invariant.Text(), small.Violation, small.Scenario)
}
