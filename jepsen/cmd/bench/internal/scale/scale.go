package scale

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// Options say what to measure.
type Options struct {
	Runs     int
	Short    bool            // less of everything, to see that it works
	Most     time.Duration   // for which a row watches; 0: as long as it should
	Mass     int             // masters of the row "mass"
	Fleet    []string        // the command that starts a process of a fleet
	Programs []trial.Program // the first is measured against the last
	Rows     []Row
	Results  *Results // is given what was measured

	Environment Environment
}

// Run measures the rows and prints each when it is done. The error says what could not
// be measured; the other rows are measured all the same.
func Run(ctx context.Context, o Options, out io.Writer) error {
	var errs []error
	for _, row := range o.Rows {
		var sides []trial.Side[[]float64]
		for _, p := range o.Programs {
			if row.Own && len(sides) > 0 {
				break
			}
			sides = append(sides, trial.Side[[]float64]{Name: p.Name, Measure: func(ctx context.Context) ([]float64, error) {
				return one(ctx, o, row, p)
			}})
		}
		runs := o.Runs
		if row.Once {
			runs = 1
		}
		begun := time.Now()
		err := trial.Alternate(ctx, runs, sides, func(int, string, []float64) {})
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", row.Name, err))
			fmt.Fprintf(out, "%-11s could not be measured: %.200s\n", row.Name, firstLine(err))
		}
		if trial.Measured(sides) {
			m := measuredNow(row, o.Environment, sides, time.Since(begun))
			o.Results.put(m)
			printMeasured(out, row, m)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// one measures one side once.
func one(ctx context.Context, o Options, row Row, p trial.Program) ([]float64, error) {
	timeout := row.Timeout
	if timeout == 0 {
		timeout = 2 * time.Minute
	}
	figures, err := trial.InCluster(ctx, trial.Setup{Timeout: timeout}, p.Command, func(ctx context.Context, c *cluster.Cluster) ([]float64, error) {
		return row.Run(ctx, &stage{c: c, o: o, program: p})
	})
	if err == nil && len(figures) != len(row.Figures) {
		err = fmt.Errorf("%d figures instead of %d", len(figures), len(row.Figures))
	}
	return figures, err
}

// firstLine leaves out the logs that errors of clusters come with.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
