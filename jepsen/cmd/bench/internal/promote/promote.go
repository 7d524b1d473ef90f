package promote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// Options say what to try.
type Options struct {
	trial.Setup          // Runs are the tries of each program
	Lines       []string // further lines for the Sentinels' configuration
	Seed        uint64   // of the instants
	Only        int      // the number of the only try that is made; 0: all are
	Keep        bool     // the files of the clusters
	Parallel    int      // tries side by side
	Limits      bool     // fail if the first program promoted what it must not
	Programs    []trial.Program
}

// window is how long after the beginning of a moment something may happen: the time
// that a full resynchronisation takes, and a bit more.
const window = 2500 * time.Millisecond

// tries returns so many tries: every combination in turn, each at another instant.
func tries(n int, seed uint64) (all []try) {
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range n {
		all = append(all, try{
			n: i + 1, kill: i%2 == 1, beside: i/2%2 == 1, moment: Moments[i/4%len(Moments)], ranked: i/20%2 == 0,
			after: time.Duration(random.Int64N(int64(window))),
		})
	}
	return all
}

// side are the results of one program.
type side struct {
	name    string
	results []result
}

// Run tries and prints what it sees. The error says what could not be tried, or which
// promotion must not be. Tries up to an error, such as the end of ctx, are summed up all
// the same.
func Run(ctx context.Context, o Options, out io.Writer) error {
	sides := make([]side, len(o.Programs))
	for i, p := range o.Programs {
		sides[i].name = p.Name
	}
	printHeader(out, o)
	type job struct {
		side int
		try  try
	}
	jobs := make(chan job, o.Runs*len(sides))
	for _, t := range tries(o.Runs, o.Seed) {
		for i := range sides {
			if o.Only == 0 || o.Only == t.n {
				jobs <- job{i, t}
			}
		}
	}
	close(jobs)
	var mu sync.Mutex
	var errs []error
	var work sync.WaitGroup
	for range o.Parallel {
		work.Go(func() {
			for j := range jobs {
				if ctx.Err() != nil {
					return
				}
				r, err := perform(ctx, o, o.Programs[j.side], j.try)
				mu.Lock()
				switch s := &sides[j.side]; {
				case err == nil:
					s.results = append(s.results, r)
					printTry(out, s.name, r)
				case ctx.Err() == nil:
					errs = append(errs, fmt.Errorf("%s, %s: %w", s.name, j.try, err))
				}
				mu.Unlock()
			}
		})
	}
	work.Wait()
	printSummary(out, sides)
	if o.Limits {
		errs = append(errs, judge(sides[0]))
	}
	return errors.Join(append(errs, context.Cause(ctx))...)
}

// wrong says why what happened must not; empty: it may.
func (r result) wrong() string {
	switch {
	case r.Promoted != "" && r.KeysAt < keys:
		return fmt.Sprintf("%s was promoted with %d of %d keys", r.Promoted, r.KeysAt, keys)
	case r.Promoted != "" && r.Stranger && r.kill:
		return fmt.Sprintf("%s was promoted with data of before", r.Promoted)
	case r.LostKeys > 0:
		return fmt.Sprintf("%d keys are gone", r.LostKeys)
	case r.LostWrites > 0 && !r.lastResort():
		return fmt.Sprintf("%d acknowledged writes are gone", r.LostWrites)
	}
	return ""
}

// lastResort reports whether a promotion was right although writes are gone: the master
// was dead, and the only replica had data of it, only not the latest; or the one to
// which its rank gives precedence had.
func (r result) lastResort() bool {
	return r.kill && (!r.beside || r.ranked) && r.Promoted != "" && r.KeysAt == keys
}

func judge(s side) error {
	var errs []error
	for _, r := range s.results {
		if text := r.wrong(); text != "" {
			errs = append(errs, fmt.Errorf("%s, %s: %s", s.name, r.try, text))
		}
	}
	return errors.Join(errs...)
}
