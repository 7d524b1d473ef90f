package sim

import "github.com/gosentinel/sentinel/monitor"

// handler is something that can be scheduled. code tells it what for, so that
// one object has several kinds of event and scheduling allocates nothing.
type handler interface{ fire(code int) }

// once is a handler for what happens rarely.
type once func()

func (f once) fire(int) { f() }

// event is a place in the queue. What it is about stands in a slot, so that the
// queue holds no pointers: moving its entries about is much of what a run does,
// and the collector would have to watch every move.
type event struct {
	at   Instant
	seq  uint32 // order among equal instants: the order of scheduling
	slot uint32
}

type slot struct {
	who  handler
	code int
}

// before is the order of events.
func before(a, b *event) bool { return a.at < b.at || (a.at == b.at && a.seq < b.seq) }

// queue holds what is to happen. Nearly all of it is messages, which are under
// way for about a millisecond, while most of what waits at any moment is timers,
// which run much later. So what is near is a short list in order, which a new
// message joins close to the end and the next event leaves at the front, and only
// the rest is a heap. Which of the two holds an event makes no difference to when
// it comes out.
type queue struct {
	seq    uint32
	near   []event // in order, from head on
	head   int
	far    []event // a heap, see pop
	slots  []slot
	unused []uint32 // slots
}

// What is near: less than this ahead when it is scheduled, and not too many, for
// the list is slow when it is long.
const (
	nearby   = 4e6 // ns
	nearMost = 64
)

// next returns the instant of the next event.
func (q *queue) next() Instant {
	at := monitor.Never
	if q.head < len(q.near) {
		at = q.near[q.head].at
	}
	if len(q.far) > 0 {
		at = min(at, q.far[0].at)
	}
	return at
}

func (q *queue) add(at, now Instant, who handler, code int) {
	q.seq++
	e := event{at, q.seq, q.keep(who, code)}
	if at-now < nearby && len(q.near)-q.head < nearMost {
		q.addNear(e)
	} else {
		q.addFar(e)
	}
}

func (q *queue) addNear(e event) {
	if len(q.near) == cap(q.near) && q.head > 0 {
		q.near = q.near[:copy(q.near, q.near[q.head:])]
		q.head = 0
	}
	q.near = append(q.near, e)
	k := len(q.near) - 1
	for k > q.head && before(&e, &q.near[k-1]) {
		q.near[k] = q.near[k-1]
		k--
	}
	q.near[k] = e
}

// addFar puts e into the heap, in which each place has four below: half as deep
// as a binary one, and its neighbours share cache lines.
func (q *queue) addFar(e event) {
	q.far = append(q.far, e)
	h := q.far
	k := len(h) - 1
	for k > 0 {
		up := (k - 1) / 4
		if !before(&e, &h[up]) {
			break
		}
		h[k] = h[up]
		k = up
	}
	h[k] = e
}

// pop takes out the next event and what it is about. There must be one.
func (q *queue) pop() (event, slot) {
	var e event
	if q.head < len(q.near) && (len(q.far) == 0 || before(&q.near[q.head], &q.far[0])) {
		e = q.near[q.head]
		q.head++
	} else {
		e = q.popFar()
	}
	return e, q.take(e)
}

func (q *queue) popFar() event {
	h := q.far
	first, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	q.far = h
	if len(h) == 0 {
		return first
	}
	k := 0
	for {
		low := 4*k + 1
		if low >= len(h) {
			break
		}
		for c := low + 1; c < min(4*k+5, len(h)); c++ {
			if before(&h[c], &h[low]) {
				low = c
			}
		}
		if !before(&h[low], &last) {
			break
		}
		h[k] = h[low]
		k = low
	}
	h[k] = last
	return first
}

// keep puts what an event is about into a slot.
func (q *queue) keep(who handler, code int) uint32 {
	if n := len(q.unused); n > 0 {
		k := q.unused[n-1]
		q.unused = q.unused[:n-1]
		q.slots[k] = slot{who, code}
		return k
	}
	q.slots = append(q.slots, slot{who, code})
	return uint32(len(q.slots) - 1)
}

// take empties the slot of an event.
func (q *queue) take(e event) slot {
	s := q.slots[e.slot]
	q.slots[e.slot] = slot{}
	q.unused = append(q.unused, e.slot)
	return s
}
