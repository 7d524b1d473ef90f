package compare

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/jepsen/sim"
)

// Results are the comparisons of all faults and mixes.
type Results struct {
	first, seeds   uint64
	singles, mixed []*subject
}

func (r *Results) all() []*subject {
	return append(append([]*subject(nil), r.singles...), r.mixed...)
}

func (r *Results) runs() (n int) {
	for _, s := range r.all() {
		n += s.sides[ours].runs + s.sides[stock].runs
	}
	return n
}

func (r *Results) played() (d time.Duration) {
	for _, s := range r.all() {
		d += s.sides[ours].played + s.sides[stock].played
	}
	return d
}

// New returns the comparisons that kind stands for, with so many seeds from first
// on, none of them played. kind is one of [Kinds], or empty for all.
func New(kind string, first, seeds uint64) *Results {
	return &Results{first: first, seeds: seeds, singles: singles(kind), mixed: mixed(kind)}
}

// Kinds returns the names of all faults and mixes that are compared.
func Kinds() (names []string) {
	for _, s := range New("", 0, 0).all() {
		names = append(names, s.name)
	}
	return names
}

// WriteScenarios writes what [Results.Play] would play.
func (r *Results) WriteScenarios(out io.Writer) {
	for _, s := range r.all() {
		for seed := r.first; seed < r.first+r.seeds; seed++ {
			fmt.Fprintf(out, "# %s\n%s\n", s.name, s.draw(seed))
		}
	}
}

// Play plays all seeds of all faults and mixes with both kinds of Sentinels. The
// results are added in the order of the seeds, so that it does not matter how many
// run at once. progress is told which of how many kinds is done.
func (r *Results) Play(ctx context.Context, parallel int, progress func(done, of int, kind string)) error {
	subjects := r.all()
	for k, s := range subjects {
		for side := range s.sides {
			runs := s.measure(ctx, side, r.first, r.seeds, parallel)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			for _, m := range runs {
				// Stock Sentinels may stay in disorder forever; real ones must not.
				if m.Failed() && side == ours {
					return fmt.Errorf("%s, seed %d: %s\nits scenario: go run ./jepsen/cmd/sim stats -scenario -kind %s -seeds 1 -seed %d",
						s.name, m.Scenario.Seed, m.Violation, s.name, m.Scenario.Seed)
				}
				s.sides[side].add(m)
			}
			s.sides[side].sort()
		}
		progress(k+1, len(subjects), s.name)
	}
	return nil
}

// measure plays the seeds of one side, several at once. It returns early when ctx
// ends, with results that mean nothing.
func (s *subject) measure(ctx context.Context, side int, first, seeds uint64, parallel int) []sim.Measurement {
	runs := make([]sim.Measurement, seeds)
	next := make(chan uint64)
	var workers sync.WaitGroup
	for range parallel {
		workers.Go(func() {
			for k := range next {
				scenario := s.draw(first + k)
				if side == stock {
					scenario = scenario.Stocked()
				}
				runs[k] = sim.Measure(scenario)
			}
		})
	}
	for k := uint64(0); k < seeds && ctx.Err() == nil; k++ {
		next <- k
	}
	close(next)
	workers.Wait()
	return runs
}
