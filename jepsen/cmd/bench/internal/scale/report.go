package scale

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// verdicts on a figure.
const (
	good    = "goal"   // the goal is reached
	enough  = "must"   // what must be is, and no more
	missed  = "MISSED" // neither
	noLimit = ""
)

// judge returns the value that counts, a ratio or the median itself, and the verdict.
func (f Figure) judge(m Measured, nth int) (value float64, verdict string) {
	if value = median(m.Sides[0].Values[nth]); value == unknown {
		return math.NaN(), noLimit
	}
	if !f.Absolute {
		if len(m.Sides) < 2 {
			return math.NaN(), noLimit
		}
		last := median(m.Sides[len(m.Sides)-1].Values[nth])
		switch {
		case value == last:
			value = 1 // also when nothing happened on both sides
		default:
			value /= last
		}
	}
	reached := func(limit float64) bool { return f.More && value >= limit || !f.More && value <= limit }
	switch {
	case f.Goal == 0 && f.Must == 0:
		return value, noLimit
	case reached(f.Goal):
		return value, good
	case f.Must == 0:
		return value, missed
	case reached(f.Must):
		return value, enough
	}
	return value, missed
}

func median(sorted []float64) float64 { return trial.Quantile(sorted, 0.5) }

// printMeasured prints a row: a line for each figure.
func printMeasured(w io.Writer, row Row, m Measured) {
	fmt.Fprintf(w, "%-11s %s; runs: %d, load %s, took %v\n", m.Name, row.Text, m.Runs, m.Load, m.Took)
	for i, f := range row.Figures {
		fmt.Fprintf(w, "  %-28s", f.title())
		for _, s := range m.Sides {
			fmt.Fprintf(w, " %-26s", s.Program+" "+spread(s.Values[i]))
		}
		value, verdict := f.judge(m, i)
		if !f.Absolute && !math.IsNaN(value) {
			fmt.Fprintf(w, " ratio %s", number(value))
		}
		fmt.Fprintf(w, " %s\n", verdict)
	}
}

func (f Figure) title() string {
	if f.Unit == "" {
		return f.Name
	}
	return f.Name + ", " + f.Unit
}

// limits returns goal and must as text.
func (f Figure) limits() string {
	if f.Goal == 0 && f.Must == 0 {
		return ""
	}
	sign := "≤"
	if f.More {
		sign = "≥"
	}
	text := sign + " " + number(f.Goal)
	if f.Must != 0 && f.Must != f.Goal {
		text += " (" + number(f.Must) + ")"
	}
	if !f.Absolute {
		text += " ×"
	}
	return text
}

// spread shows the median, and the least and the most of several.
func spread(sorted []float64) string {
	if median(sorted) == unknown {
		return "–"
	}
	text := number(median(sorted))
	if len(sorted) > 1 {
		text += " (" + number(sorted[0]) + "–" + number(sorted[len(sorted)-1]) + ")"
	}
	return text
}

// number shows three digits.
func number(x float64) string {
	switch a := math.Abs(x); {
	case a >= 10000:
		return strconv.FormatFloat(x/1000, 'f', 1, 64) + "k"
	case a >= 100:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strings.TrimSuffix(strconv.FormatFloat(x, 'f', 2, 64), ".00")
}

func rowNamed(name string) (Row, bool) {
	i := slices.IndexFunc(Rows, func(r Row) bool { return r.Name == name })
	if i < 0 {
		return Row{}, false
	}
	return Rows[i], true
}
