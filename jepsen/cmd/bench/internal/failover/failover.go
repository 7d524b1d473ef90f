package failover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// Options say what to measure.
type Options struct {
	trial.Setup
	Signal    string          // to the master; a key of Signals
	MaxMedian time.Duration   // of the first program, less down-after; 0: no limit
	Programs  []trial.Program // at least one
	Lines     []string        // further lines for the Sentinels' configuration of the first program
}

// Signals are the signals that a master can get.
var Signals = map[string]syscall.Signal{
	"KILL": syscall.SIGKILL, "SEGV": syscall.SIGSEGV, "TERM": syscall.SIGTERM, "STOP": syscall.SIGSTOP,
}

type side = trial.Side[result]

// Run measures and prints what it sees. The error says what could not be measured,
// or which promise was not kept. Failovers up to an error, such as the end of ctx,
// are summed up all the same.
func Run(ctx context.Context, o Options, out io.Writer) error {
	var sides []side
	for k, p := range o.Programs {
		var lines []string
		if k == 0 {
			lines = o.Lines
		}
		sides = append(sides, side{Name: p.Name, Measure: func(ctx context.Context) (result, error) {
			return trial.InCluster(ctx, o.Setup, p.Command, func(ctx context.Context, c *cluster.Cluster) (result, error) {
				return measure(ctx, c, o, lines)
			})
		}})
	}
	printHeader(out, o)
	err := trial.Alternate(ctx, o.Runs, sides, func(run int, name string, r result) { printRow(out, run, name, r) })
	if trial.Measured(sides) {
		printSummary(out, o, sides)
	}
	if err != nil {
		return err
	}
	return judge(o, sides)
}

// judge turns violated promises into an exit status.
func judge(o Options, sides []side) error {
	var errs []error
	for _, s := range sides {
		for i, r := range s.Results {
			if r.SecondLeader {
				errs = append(errs, fmt.Errorf("%s, run %d: two leaders in one epoch, or two promoted replicas", s.Name, i+1))
			}
		}
	}
	if limit := o.MaxMedian; limit > 0 {
		first := sides[0]
		if m := median(first.Results) - o.DownAfter; m > limit {
			errs = append(errs, fmt.Errorf("%s: the median client's write came %v after down-after, the limit is %v", first.Name, m.Round(time.Millisecond), limit))
		}
		for i, r := range first.Results {
			if r.Retries != 0 || r.Aborts != 0 {
				errs = append(errs, fmt.Errorf("%s, run %d: the election was split: %d retries, %d aborted attempts", first.Name, i+1, r.Retries, r.Aborts))
			}
		}
	}
	return errors.Join(errs...)
}
