package sweep

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gosentinel/sentinel/jepsen/sim"
)

// tally adds up what was played. Only next is used by several goroutines.
type tally struct {
	o     Options
	next  atomic.Uint64 // the lowest seed that was not begun
	begun time.Time
	total counts
	mixes map[string]*counts
	cover sim.Coverage
}

// counts is about many seeds.
type counts struct {
	seeds, failed             int
	virtual                   time.Duration
	steps, events             int
	states                    uint64
	faults, attempts, elected int
	moves, acked, lost        int
	tainted                   int
}

func newTally(o Options) *tally {
	t := &tally{o: o, begun: time.Now(), mixes: map[string]*counts{}}
	t.cover.Faults, t.cover.Events = map[string]int{}, map[string]int{}
	for _, m := range o.Mixes {
		t.mixes[m.Name] = &counts{}
	}
	return t
}

func (t *tally) add(p played) {
	t.total.add(p.result)
	t.mixes[p.mix.Name].add(p.result)
	t.covered(p.result.Coverage)
}

// covered adds what one run has covered.
func (t *tally) covered(c sim.Coverage) {
	for name, n := range c.Faults {
		t.cover.Faults[name] += n
	}
	for name, n := range c.Events {
		t.cover.Events[name] += n
	}
	for i, n := range c.Looked {
		t.cover.Looked[i] += n
	}
}

func (c *counts) add(r sim.Result) {
	c.seeds++
	if r.Failed() {
		c.failed++
	}
	if r.Tainted != "" {
		c.tainted++
	}
	c.virtual += r.Virtual
	c.steps, c.events, c.states = c.steps+r.Steps, c.events+r.Events, c.states+r.Checked
	c.faults, c.attempts, c.elected = c.faults+r.Faults, c.attempts+r.Started, c.elected+r.Elected
	c.moves, c.acked, c.lost = c.moves+r.Moves, c.acked+r.Acked, c.lost+r.Lost
}

// years writes a time in the largest unit that makes it readable.
func years(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 365*day:
		return fmt.Sprintf("%.2f years", d.Hours()/24/365)
	case d >= 2*day:
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	}
	return d.Round(time.Second).String()
}

func (t *tally) progress(w io.Writer) {
	spent := time.Since(t.begun)
	c := &t.total
	fmt.Fprintf(w, "%s seed %d: %d played, %.0f a second; %s of virtual time, %.0f times real time; %d invariants checked in %s states; %d failed\n",
		spent.Round(time.Second), t.next.Load(), c.seeds, float64(c.seeds)/spent.Seconds(), years(c.virtual),
		c.virtual.Seconds()/spent.Seconds(), len(sim.Invariants()), large(c.states), c.failed)
}

// large writes a number with a word for its size.
func large(n uint64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f billion", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f million", float64(n)/1e6)
	}
	return fmt.Sprint(n)
}

// summary prints what was covered, and how to go on.
func (t *tally) summary(w io.Writer) {
	spent := time.Since(t.begun)
	c := &t.total
	fmt.Fprintf(w, "\n%d seeds in %s: %s of virtual time, %.0f times real time (%d at once), %s a seed\n",
		c.seeds, spent.Round(time.Second), years(c.virtual), c.virtual.Seconds()/max(spent.Seconds(), 1e-9), t.o.Parallel,
		(spent * time.Duration(t.o.Parallel) / time.Duration(max(1, c.seeds))).Round(10*time.Microsecond))
	fmt.Fprintf(w, "%s inputs into cores, %s events of the model, %s states of masters compared\n",
		large(uint64(c.steps)), large(uint64(c.events)), large(c.states))
	fmt.Fprintf(w, "\n%-10s %9s %12s %9s %9s %9s %9s %9s %8s %7s\n", "mix", "seeds", "virtual", "faults", "attempts", "elected", "moves", "writes", "lost", "failed")
	for _, m := range t.o.Mixes {
		m.row(w, t.mixes[m.Name])
	}
	if len(t.o.Mixes) > 1 {
		Mix{Name: "total"}.row(w, c)
	}
	fmt.Fprintf(w, "\nfaults: %s\n", countsOf(t.cover.Faults))
	fmt.Fprintf(w, "events: %s\n", countsOf(t.cover.Events))
	fmt.Fprintf(w, "decided: %s\n", t.decided())
	if c.tainted > 0 {
		fmt.Fprintf(w, "In %d seeds two leaders became possible for a reason that no Sentinel can help (a cloned id, a stock Sentinel on a bad disk); S4, S7, S10, who has departed and what one driver of a switchover owes were not judged from there on.\n", c.tainted)
	}
	fmt.Fprintf(w, "%d failed. To go on: -seed %d\n", c.failed, t.next.Load())
}

func (m Mix) row(w io.Writer, c *counts) {
	fmt.Fprintf(w, "%-10s %9d %12s %9d %9d %9d %9d %9d %8d %7d\n", m.Name, c.seeds, years(c.virtual), c.faults, c.attempts, c.elected, c.moves, c.acked, c.lost, c.failed)
}

// countsOf lists numbers by name, the most frequent first.
func countsOf(m map[string]int) string {
	names := slices.SortedFunc(maps.Keys(m), func(a, b string) int { return cmp.Or(m[b]-m[a], strings.Compare(a, b)) })
	for k, name := range names {
		names[k] = fmt.Sprintf("%s %d", name, m[name])
	}
	return strings.Join(names, ", ")
}

// decided lists how often each invariant had something to decide.
func (t *tally) decided() string {
	var list []string
	for _, i := range sim.Invariants() {
		list = append(list, fmt.Sprintf("%s %d", i, t.cover.Looked[i]))
	}
	return strings.Join(list, ", ")
}

// Outcome sums up one run.
func Outcome(r sim.Result) string {
	return fmt.Sprintf("%d faults, %d attempts, %d elections won, %d moves, %d of %d writes lost",
		r.Faults, r.Started, r.Elected, r.Moves, r.Lost, r.Acked)
}
