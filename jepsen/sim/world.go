package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// Instant is a point in virtual time.
type Instant = monitor.Instant

// origin is the instant at which every world begins. It is above zero because a
// core takes 0 for "never".
const origin = Instant(time.Hour)

// handler is something that can be scheduled. code tells it what for, so that
// one object has several kinds of event and scheduling allocates nothing.
type handler interface{ fire(code int) }

// once is a handler for what happens rarely.
type once func()

func (f once) fire(int) { f() }

// event is a place in the queue. What it is about stands in the slot, so that
// the queue holds no pointers: moving its entries about is most of what a run
// does, and the collector would have to watch every move.
type event struct {
	at   Instant
	seq  uint32 // order among equal instants: the order of scheduling
	slot uint32
}

type slot struct {
	who  handler
	code int
}

// world is virtual time and everything that lives in it. Whatever happens is an
// event in one queue, and every random choice comes from one generator, so the
// same scenario always gives the same run, to the last message.
type world struct {
	now    Instant
	seq    uint32
	queue  []event
	slots  []slot
	unused []uint32 // slots
	rng    *rand.Rand
	events int    // fired so far
	hash   uint64 // of everything that happened so far

	opts    Options
	net     network
	servers []*server
	nodes   []sentinel // all Sentinels, of both kinds
	clients []*client
	groups  []*group

	tap    *tap // nil: nobody dies at a midpoint
	check  *checker
	meter  *meter
	hellos map[monitor.Hello]*helloMsg // see encoded

	cover Coverage

	healed bool
	faults int // injected so far
	waits  []waiting
	trace  func(line string) // nil: nobody listens
}

// group is one master with its replicas.
type group struct {
	name    string
	index   int
	servers []*server
}

// waiting is a fault that waits for an event to be emitted.
type waiting struct {
	fault Fault
	after Instant
}

func (w *world) at(t Instant, who handler, code int) {
	w.seq++
	e := event{max(t, w.now), w.seq, w.keep(who, code)}
	w.queue = append(w.queue, e)
	q := w.queue
	k := len(q) - 1
	for k > 0 {
		up := (k - 1) / 4
		if !before(&e, &q[up]) {
			break
		}
		q[k] = q[up]
		k = up
	}
	q[k] = e
}

// keep puts what an event is about into a slot.
func (w *world) keep(who handler, code int) uint32 {
	if n := len(w.unused); n > 0 {
		k := w.unused[n-1]
		w.unused = w.unused[:n-1]
		w.slots[k] = slot{who, code}
		return k
	}
	w.slots = append(w.slots, slot{who, code})
	return uint32(len(w.slots) - 1)
}

// take empties the slot of an event.
func (w *world) take(e event) slot {
	s := w.slots[e.slot]
	w.slots[e.slot] = slot{}
	w.unused = append(w.unused, e.slot)
	return s
}

// before is the order of the queue, a heap in which each place has four below:
// half as deep as a binary one, and its neighbours share cache lines.
func before(a, b *event) bool { return a.at < b.at || (a.at == b.at && a.seq < b.seq) }

func (w *world) pop() event {
	q := w.queue
	first, last := q[0], q[len(q)-1]
	q = q[:len(q)-1]
	w.queue = q
	if len(q) == 0 {
		return first
	}
	k := 0
	for {
		low := 4*k + 1
		if low >= len(q) {
			break
		}
		for c := low + 1; c < min(4*k+5, len(q)); c++ {
			if before(&q[c], &q[low]) {
				low = c
			}
		}
		if !before(&q[low], &last) {
			break
		}
		q[k] = q[low]
		k = low
	}
	q[k] = last
	return first
}

func (w *world) after(d time.Duration, do func()) { w.at(w.now.Add(d), once(do), 0) }

// advance plays d of virtual time, or less when an invariant is violated.
func (w *world) advance(d time.Duration) {
	end := w.now.Add(d)
	for len(w.queue) > 0 && w.queue[0].at <= end && !w.check.failed() {
		e := w.pop()
		w.now = e.at
		w.events++
		s := w.take(e)
		w.mix(uint64(e.at) ^ uint64(e.seq)<<32 ^ uint64(s.code)<<61)
		s.who.fire(s.code)
	}
	if !w.check.failed() {
		w.now = end
	}
}

// mix adds something that happened to the hash of the run (FNV-1a on words).
func (w *world) mix(v uint64) { w.hash = (w.hash ^ v) * 1099511628211 }

func (w *world) mixText(s string) {
	for i := range len(s) {
		w.mix(uint64(s[i]))
	}
}

func (w *world) uptime() time.Duration { return w.now.Sub(origin) }

// say writes a line of the trace.
func (w *world) say(who, format string, args ...any) {
	if w.trace != nil {
		w.trace(fmt.Sprintf("%9.3fs %-5s %s", w.uptime().Seconds(), who, fmt.Sprintf(format, args...)))
	}
}

// between draws a duration from [low, high].
func (w *world) between(low, high time.Duration) time.Duration {
	if high <= low {
		return low
	}
	return low + time.Duration(w.rng.Int64N(int64(high-low)+1))
}

// chance is true once in n times.
func (w *world) chance(n int) bool { return w.rng.IntN(n) == 0 }
