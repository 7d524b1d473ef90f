package planned

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// Options say what to measure.
type Options struct {
	trial.Setup          // Replicas is a matter of the rows
	Repeat      int      // switchovers in each cluster, to and fro
	Words       []string // of SENTINEL FAILOVER, behind the name of the master
	Lines       []string // further lines for the Sentinels' configuration
	Server      []string // the command that starts a server; nil: redis-server
	Embedded    []string // the command that starts the embedded server
	Limits      bool     // fail if the first program exceeds what is promised
	Keep        bool     // the files of the clusters
	Programs    []Program
	Rows        []Row
}

// Program is a Sentinel under measurement.
type Program = trial.Program

type side = trial.Side[[]result]

// Run measures and prints what it sees. The error says what could not be measured, or
// which promise was not kept. Switchovers up to an error, such as the end of ctx, are
// summed up all the same.
func Run(ctx context.Context, o Options, out io.Writer) error {
	printHeader(out, o)
	var errs []error
	for _, row := range o.Rows {
		var sides []side
		for _, p := range o.Programs {
			run := 0
			sides = append(sides, side{Name: p.Name, Measure: func(ctx context.Context) ([]result, error) {
				run++
				return perform(ctx, o, p, row, func(r result) { printRun(out, run, p.Name, r) })
			}})
		}
		printRow(out, row)
		err := trial.Alternate(ctx, o.Runs, sides, func(int, string, []result) {})
		printSummary(out, sides)
		errs = append(errs, err)
		if o.Limits {
			errs = append(errs, judge(row, sides[0]))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// judge compares each switchover of a program with what is promised.
func judge(row Row, s side) error {
	gap := row.MaxGap
	if gap == 0 {
		gap = MaxGap
	}
	var errs []error
	for _, rs := range s.Results {
		for i, r := range rs {
			wrong := func(ok bool, format string, values ...any) {
				if !ok {
					errs = append(errs, fmt.Errorf("%s, %s, switchover %d: %s", row.Name, s.Name, i+1, fmt.Sprintf(format, values...)))
				}
			}
			wrong(r.Refused == "", "refused: %s", r.Refused)
			wrong(r.LostFollow+r.LostStay == 0, "lost %d and %d acknowledged writes", r.LostFollow, r.LostStay)
			wrong(r.Gap <= gap, "a gap of %v, the limit is %v", r.Gap, gap)
			wrong(r.Takes <= maxTakes, "the old master took writes for %v, the limit is %v", r.Takes, maxTakes)
			wrong(r.Fulls == 0, "%d full resynchronisations", r.Fulls)
			wrong(r.PerConn <= 1, "%d errors of one connection", r.PerConn)
		}
	}
	return errors.Join(errs...)
}
