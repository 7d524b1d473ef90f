package compare

import (
	"math"
	"slices"
	"time"

	"github.com/gosentinel/sentinel/jepsen/sim"
)

// outcome is what all runs of one side came to.
type outcome struct {
	runs      int
	incidents int
	failovers int // incidents in which a replica was promoted
	disorder  int // runs in which order has not returned long after everything was healed
	faults    int
	acked     int
	played    time.Duration

	// Of the incidents with a failover, counted from the fault.
	odown, promotion, convergence sample // less down-after, if +odown was waited for
	whole                         sample // promotion, with down-after

	lost, split, outage sample // of each run
}

// sample are observations: times in milliseconds, or writes. What did not happen
// is infinite.
type sample []float64

// never is the time of what did not happen.
var never = math.Inf(1)

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (o *outcome) add(m sim.Measurement) {
	o.runs++
	o.acked += m.Acked
	o.faults += m.Faults
	o.played += m.Virtual
	if m.Disorder != "" {
		o.disorder++
	}
	o.lost = append(o.lost, float64(m.Lost))
	o.split = append(o.split, ms(m.SplitBrain))
	o.outage = append(o.outage, ms(m.Outage))
	for _, i := range m.Incidents {
		o.incidents++
		if i.Promotion > 0 {
			o.failovers++
			o.failover(i)
		}
	}
}

func (o *outcome) failover(i sim.Incident) {
	waited := time.Duration(0)
	if i.ODown > 0 && i.ODown <= i.Promotion { // an order of an operator does not wait
		waited = i.DownAfter
		o.odown = append(o.odown, ms(i.ODown-waited))
	}
	o.promotion = append(o.promotion, ms(i.Promotion-waited))
	o.whole = append(o.whole, ms(i.Promotion))
	if i.Convergence > 0 {
		o.convergence = append(o.convergence, ms(i.Convergence-waited))
	} else {
		o.convergence = append(o.convergence, never)
	}
}

// sort prepares the samples for quantile.
func (o *outcome) sort() {
	for _, s := range []sample{o.odown, o.promotion, o.convergence, o.whole, o.lost, o.split, o.outage} {
		slices.Sort(s)
	}
}

// quantile returns the smallest value that at least the share q of a sorted,
// non-empty sample does not exceed.
func (s sample) quantile(q float64) float64 {
	return s[max(0, int(math.Ceil(q*float64(len(s))))-1)]
}

func (s sample) sum() (sum float64) {
	for _, v := range s {
		sum += v
	}
	return sum
}

func (s sample) mean() float64 { return s.sum() / float64(len(s)) }

// above is the share of observations that are more than zero.
func (s sample) above() float64 {
	n := 0
	for _, v := range s {
		if v > 0 {
			n++
		}
	}
	return float64(n) / float64(len(s))
}
