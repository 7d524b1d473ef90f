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

// renderPairs renders one row for each subject: in each cell the figure of this
// Sentinel and that of stock.
func (t table) renderPairs(subjects []*subject) string {
	var b strings.Builder
	row := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	row(append([]string{t.first}, t.header...))
	b.WriteString("|---|" + strings.Repeat("--:|", len(t.header)) + "\n")
	for _, s := range subjects {
		cells := []string{s.text}
		theirs := t.cells(&s.sides[stock])
		for i, own := range t.cells(&s.sides[ours]) {
			cells = append(cells, own+pairMark+theirs[i])
		}
		row(cells)
	}
	return b.String()
}

// pairMark stands between the figures of a pair.
const pairMark = " / "

// glance is what one fault comes to.
var glance = table{
	"fault",
	[]string{"failovers", "promotion, median", "lost writes, mean", "two masters, mean", "no service, mean"},
	func(o *outcome) []string {
		cells := append([]string{fmt.Sprint(o.failovers)}, quantiles(o.promotion, duration, 0.5)...)
		return append(cells, fmt.Sprintf("%.1f", o.lost.mean()), duration(o.split.mean()), duration(o.outage.mean()))
	},
}

// mixesAtAGlance is what many faults come to.
var mixesAtAGlance = table{
	"mix",
	[]string{"failovers", "promotion, median", "lost of a million writes", "two masters, s/h", "no service, s/h", "no order after healing"},
	func(o *outcome) []string {
		cells := append([]string{fmt.Sprint(o.failovers)}, quantiles(o.promotion, duration, 0.5)...)
		return append(cells, o.lostOfAMillion(), o.perHour(o.split), o.perHour(o.outage), o.disorderly())
	},
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
		cells := []string{percent(o.lost.above()), fmt.Sprintf("%.1f", o.lost.mean())}
		cells = append(cells, quantiles(o.lost, count, 0.9, 1)...)
		cells = append(cells, percent(o.split.above()), duration(o.split.mean()))
		cells = append(cells, quantiles(o.split, duration, 0.9, 1)...)
		cells = append(cells, duration(o.outage.mean()))
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
		cells := []string{fmt.Sprint(o.faults), fmt.Sprint(o.failovers)}
		cells = append(cells, quantiles(o.promotion, duration, 0.5, 0.9, 0.99)...)
		cells = append(cells, quantiles(o.convergence, text, 0.5, 0.9)...)
		return append(cells, o.lostOfAMillion(), o.perHour(o.split), o.perHour(o.outage), o.disorderly())
	},
}

func (o *outcome) lostOfAMillion() string {
	return count(o.lost.sum() * 1e6 / max(1, float64(o.acked)))
}

// perHour renders a sample of milliseconds as seconds in an hour.
func (o *outcome) perHour(s sample) string {
	return fmt.Sprintf("%.1f", s.sum()/1000/o.played.Hours())
}

func (o *outcome) disorderly() string { return fmt.Sprintf("%d of %d", o.disorder, o.runs) }

// text is duration for worlds that do not wait for [sim.Aftermath].
func text(v float64) string {
	if math.IsInf(v, 1) {
		return "not"
	}
	return duration(v)
}
