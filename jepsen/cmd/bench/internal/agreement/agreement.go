package agreement

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// Options say what to measure.
type Options struct {
	trial.Setup
	MaxODown, MaxAddress time.Duration // limits of the medians with gossip; 0: none
	Sentinel             string        // path of gosentinel
}

type side = trial.Side[result]

// Run measures and prints what it sees. The error says what could not be measured,
// or which promise was not kept. Failovers up to an error, such as the end of ctx,
// are summed up all the same.
func Run(ctx context.Context, o Options, out io.Writer) error {
	with := func(gossip bool) func(context.Context) (result, error) {
		return func(ctx context.Context) (result, error) {
			return trial.InCluster(ctx, o.Setup, []string{o.Sentinel}, func(ctx context.Context, c *cluster.Cluster) (result, error) {
				return measure(ctx, c, o, gossip)
			})
		}
	}
	sides := []side{{Name: "gossip", Measure: with(true)}, {Name: "no gossip", Measure: with(false)}}
	printHeader(out, o)
	err := trial.Alternate(ctx, o.Runs, sides, func(run int, name string, r result) { printRow(out, run, name, r) })
	if trial.Measured(sides) {
		printSummary(out, sides)
	}
	if err != nil {
		return err
	}
	return judge(o, sides[0])
}

// judge turns violated promises into an exit status.
func judge(o Options, s side) error {
	var errs []error
	for _, m := range []struct {
		metric
		limit time.Duration
	}{{metrics[0], o.MaxODown}, {metrics[1], o.MaxAddress}} {
		if got := trial.Quantile(sorted(s.Results, m.of), 0.5); m.limit > 0 && got > m.limit {
			errs = append(errs, fmt.Errorf("the median of %s is %v, the limit is %v", m.name, got, m.limit))
		}
	}
	return errors.Join(errs...)
}
