package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/jepsen/sim"
)

// results are all comparisons.
type results struct {
	first, seeds   uint64
	singles, mixed []*subject
}

func (r *results) all() []*subject {
	return append(append([]*subject(nil), r.singles...), r.mixed...)
}

func (r *results) runs() (n int) {
	for _, s := range r.all() {
		n += s.sides[ours].runs + s.sides[stock].runs
	}
	return n
}

func (r *results) played() (d time.Duration) {
	for _, s := range r.all() {
		d += s.sides[ours].played + s.sides[stock].played
	}
	return d
}

// play plays all seeds of all subjects with both sides. The results are added in
// the order of the seeds, so that it does not matter how many run at once.
func (r *results) play(ctx context.Context, parallel int, info io.Writer) error {
	begun := time.Now()
	subjects := r.all()
	for k, s := range subjects {
		for side := range s.sides {
			runs := s.measure(ctx, side, r.first, r.seeds, parallel)
			if err := ctx.Err(); err != nil {
				return err
			}
			for _, m := range runs {
				// Stock Sentinels may stay in disorder for ever; real ones must not.
				if m.Failed() && side == ours {
					return fmt.Errorf("%s, seed %d: %s\nits scenario: go run ./jepsen/sim/compare -scenario -kind %s -seeds 1 -seed %d",
						s.name, m.Scenario.Seed, m.Violation, s.name, m.Scenario.Seed)
				}
				s.sides[side].add(m)
			}
			s.sides[side].sort()
		}
		fmt.Fprintf(info, "%2d/%d %-16s %s\n", k+1, len(subjects), s.name, time.Since(begun).Round(time.Second))
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
