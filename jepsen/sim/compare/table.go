package compare

import (
	"fmt"
	"math"
	"strings"

	"github.com/gosentinel/sentinel/jepsen/sim"
)

// duration renders milliseconds with three digits at most.
func duration(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return fmt.Sprintf("> %.0f s", sim.Aftermath.Seconds())
	case v < 999.5:
		return fmt.Sprintf("%.0f ms", math.Round(v)+0) // + 0 turns -0 into 0
	case v < 9995:
		return fmt.Sprintf("%.2f s", v/1000)
	case v < 99950:
		return fmt.Sprintf("%.1f s", v/1000)
	}
	return fmt.Sprintf("%.0f s", v/1000)
}

func count(v float64) string { return fmt.Sprintf("%.0f", v) }

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

// quantiles renders some quantiles of a sample as cells.
func quantiles(s sample, text func(float64) string, qs ...float64) (cells []string) {
	for _, q := range qs {
		if len(s) == 0 {
			cells = append(cells, "–")
		} else {
			cells = append(cells, text(s.quantile(q)))
		}
	}
	return cells
}

// table is a Markdown table whose rows come in pairs: the one of this Sentinel,
// the one of stock.
type table struct {
	first  string // header of the first column
	header []string
	cells  func(o *outcome) []string
}

func (t table) render(subjects []*subject) string {
	var b strings.Builder
	row := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	row(append([]string{t.first, "Sentinels"}, t.header...))
	b.WriteString("|---|---|" + strings.Repeat("--:|", len(t.header)) + "\n")
	for _, s := range subjects {
		for side := range s.sides {
			text := s.text
			if side == stock {
				text = ""
			}
			row(append([]string{text, sideNames[side]}, t.cells(&s.sides[side])...))
		}
	}
	return b.String()
}

var times = table{
	"fault",
	[]string{
		"failovers", "+odown p50", "p90", "p99", "promotion p50", "p90", "p99", "convergence p50", "p90", "p99", "promotion, down-after included, p50",
	},
	func(o *outcome) []string {
		cells := []string{fmt.Sprint(o.failovers)}
		for _, s := range []sample{o.odown, o.promotion, o.convergence} {
			cells = append(cells, quantiles(s, duration, 0.5, 0.9, 0.99)...)
		}
		return append(cells, quantiles(o.whole, duration, 0.5)...)
	},
}

var damage = table{
	"fault",
	[]string{
		"runs that lose writes", "lost writes, mean", "p90", "max", "runs with two masters", "two masters, mean", "p90", "max", "no service, mean", "p90",
	},
	func(o *outcome) []string {
		mean := func(s sample) float64 { return s.sum() / float64(len(s)) }
		cells := []string{percent(o.lost.above()), fmt.Sprintf("%.1f", mean(o.lost))}
		cells = append(cells, quantiles(o.lost, count, 0.9, 1)...)
		cells = append(cells, percent(o.split.above()), duration(mean(o.split)))
		cells = append(cells, quantiles(o.split, duration, 0.9, 1)...)
		cells = append(cells, duration(mean(o.outage)))
		return append(cells, quantiles(o.outage, duration, 0.9)...)
	},
}

var everything = table{
	"mix",
	[]string{
		"faults", "failovers", "promotion p50", "p90", "p99", "convergence p50", "p90",
		"lost of a million writes", "two masters, s/h", "no service, s/h", "no order after healing",
	},
	func(o *outcome) []string {
		perHour := func(s sample) string { return fmt.Sprintf("%.1f", s.sum()/1000/o.played.Hours()) }
		cells := []string{fmt.Sprint(o.faults), fmt.Sprint(o.failovers)}
		cells = append(cells, quantiles(o.promotion, duration, 0.5, 0.9, 0.99)...)
		cells = append(cells, quantiles(o.convergence, text, 0.5, 0.9)...)
		return append(cells, count(o.lost.sum()*1e6/max(1, float64(o.acked))),
			perHour(o.split), perHour(o.outage), fmt.Sprintf("%d of %d", o.disorder, o.runs))
	},
}

// text is duration for worlds that do not wait for [sim.Aftermath].
func text(v float64) string {
	if math.IsInf(v, 1) {
		return "not"
	}
	return duration(v)
}
