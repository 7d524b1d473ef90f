package returns

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// Options say what to measure.
type Options struct {
	trial.Setup
	Clients   int           // that write to the old master
	PerClient int           // writes a second that each tries
	Away      time.Duration // for how long the old master is gone
	Keys      int           // that it has to load
	All       bool          // everything is restarted at once instead, and nobody is replaced
	Config    []string      // lines for the Sentinels
	Programs  []trial.Program
}

// result is what one run showed.
type result struct {
	accepted         int
	taken, converted time.Duration
	delay            time.Duration // of a write, when everything was restarted
}

type side = trial.Side[result]

// Run measures and prints what it sees. The error says what could not be measured.
func Run(ctx context.Context, o Options, out io.Writer) error {
	var sides []side
	for _, p := range o.Programs {
		sides = append(sides, side{Name: p.Name, Measure: func(ctx context.Context) (result, error) {
			return trial.InCluster(ctx, o.Setup, p.Command, func(ctx context.Context, c *cluster.Cluster) (result, error) {
				if o.All {
					return restartAll(ctx, c, o, p.Name)
				}
				return measure(ctx, c, o, p.Name)
			})
		}})
	}
	if o.All {
		fmt.Fprintf(out, "The master, %d replicas and %d Sentinels are restarted at once, down-after %v\n\n%3s %-18s %9s\n",
			o.Replicas, o.Sentinels, o.DownAfter, "run", "program", "delay ms")
	} else {
		fmt.Fprintf(out, "The old master returns after %v, %d keys; %d clients write to it, %d times a second each; %d Sentinels, down-after %v\n\n%3s %-18s %9s %9s %13s\n",
			o.Away, o.Keys, o.Clients, o.PerClient, o.Sentinels, o.DownAfter, "run", "program", "accepted", "taken ms", "converted ms")
	}
	err := trial.Alternate(ctx, o.Runs, sides, func(run int, name string, r result) { o.printRow(out, run, name, r) })
	if trial.Measured(sides) {
		o.printSummary(out, sides)
	}
	return err
}

func (o Options) printRow(out io.Writer, run int, name string, r result) {
	if o.All {
		fmt.Fprintf(out, "%3d %-18.18s %9.1f\n", run, name, ms(r.delay))
		return
	}
	fmt.Fprintf(out, "%3d %-18.18s %9d %9.1f %13.1f\n", run, name, r.accepted, ms(r.taken), ms(r.converted))
}

func (o Options) printSummary(out io.Writer, sides []side) {
	what, of := "accepted", func(r result) float64 { return float64(r.accepted) }
	if o.All {
		what, of = "delay ms", func(r result) float64 { return ms(r.delay) }
	}
	fmt.Fprintf(out, "\n%-18s %5s %9s %9s %9s\n", what, "runs", "min", "median", "max")
	for _, s := range sides {
		v := make([]float64, len(s.Results))
		for i, r := range s.Results {
			v[i] = of(r)
		}
		slices.Sort(v)
		fmt.Fprintf(out, "  %-16.16s %5d %9.1f %9.1f %9.1f\n", s.Name, len(v), v[0], trial.Quantile(v, 0.5), v[len(v)-1])
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
