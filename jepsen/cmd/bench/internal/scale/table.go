package scale

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Row is one measurement.
type Row struct {
	Name    string
	Text    string
	Figures []Figure
	Timeout time.Duration // of one side of one run; 0: two minutes
	Once    bool          // one run of each side, whatever is asked for
	Own     bool          // only gosentinel can do it
	Masters int           // of a point of the plots over them

	// Run measures one program in a cluster of its own and returns the figures in their
	// order.
	Run func(ctx context.Context, s *stage) ([]float64, error)
}

// Figure is what a row tells. Goal and Must are ratios to the last program, or absolute
// values.
type Figure struct {
	Name       string
	Unit       string
	More       bool // more is better
	Absolute   bool
	Goal, Must float64 // 0: none
}

// ratio is a figure whose ratio counts, less being better.
func ratio(name, unit string, goal, must float64) Figure {
	return Figure{Name: name, Unit: unit, Goal: goal, Must: must}
}

// absolute is a figure that counts by itself, less being better.
func absolute(name, unit string, goal, must float64) Figure {
	return Figure{Name: name, Unit: unit, Absolute: true, Goal: goal, Must: must}
}

// told is a figure without a limit.
func told(name, unit string) Figure { return Figure{Name: name, Unit: unit} }

// more is a figure whose ratio counts, more being better.
func more(name, unit string, goal, must float64) Figure {
	return Figure{Name: name, Unit: unit, More: true, Goal: goal, Must: must}
}

// Rows are all measurements.
var Rows []Row

func init() {
	Rows = slices.Concat(commandRows, subscriberRows, linkRows, voteRows, startRows, scrapeRows, failureRows, failoverRows)
}

// Named returns the rows of these names, with commas between them; "all" are all.
func Named(names string) ([]Row, error) {
	if names == "all" {
		return Rows, nil
	}
	var rows []Row
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(Rows, func(r Row) bool { return r.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no row %q", name)
		}
		rows = append(rows, Rows[i])
	}
	return rows, nil
}
