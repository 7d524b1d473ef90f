package sim

import (
	"math/bits"

	"github.com/gosentinel/sentinel/monitor"
)

// handler is something that can be scheduled. code tells it what for, so that
// one object has several kinds of event and scheduling allocates nothing.
type handler interface{ fire(code int) }

// once is a handler for what happens rarely.
type once func()

func (f once) fire(int) { f() }

// event is something that is to happen.
type happening struct {
	at   Instant
	seq  uint32 // order among equal instants: the order of scheduling
	next uint32 // slot of the next event of the same bucket, or of the next free slot; 0: none
	who  handler
	code int
}

// queue holds what is to happen, in order. Nearly all of it is messages, which
// are under way for about a millisecond and often set out together, while much of
// what waits at any moment is timers, which run much later. So what is near goes
// into a ring of buckets, which cover a moment each and hold few events, and only
// the rest into a heap. Where an event waits makes no difference to when it comes
// out.
//
// Events stand in slots and do not move.
type queue struct {
	seq   uint32
	slots []happening // from 1 on
	free  uint32      // the first free slot

	ring  [buckets]uint32 // the first event of each bucket, which are in order
	used  [64]uint64      // a bit for each bucket that is not empty
	words uint64          // a bit for each word of used that is not 0
	far   []farEvent      // a heap, see popFar
}

// A bucket covers 8 µs, the ring 33 ms.
const (
	buckets    = 64 * 64
	bucketBits = 13
)

// farEvent is an event of the heap: without pointers, so that the collector need
// not watch how entries move about.
type farEvent struct {
	at   Instant
	seq  uint32
	slot uint32
}

func bucketOf(at Instant) int { return int(at >> bucketBits) }

// add schedules an event, which must not lie before now. The instant of the last
// event that came out is now.
func (q *queue) add(at, now Instant, who handler, code int) {
	q.seq++
	k := q.slot()
	e := &q.slots[k]
	e.at, e.seq, e.who, e.code = at, q.seq, who, code
	if bucketOf(at)-bucketOf(now) < buckets {
		q.addNear(k)
	} else {
		q.addFar(farEvent{at, q.seq, k})
	}
}

// addNear puts an event into its bucket, behind all that are not later.
func (q *queue) addNear(k uint32) {
	e := &q.slots[k]
	b := bucketOf(e.at) % buckets
	q.used[b/64] |= 1 << (b % 64)
	q.words |= 1 << (b / 64)
	place := &q.ring[b]
	for *place != 0 && q.slots[*place].at <= e.at {
		place = &q.slots[*place].next
	}
	e.next, *place = *place, k
}

// pop takes out the next event unless it lies after end.
func (q *queue) pop(now, end Instant) (happening, bool) {
	at, seq, b := monitor.Never, uint32(0), q.bucket(now)
	if b >= 0 {
		first := &q.slots[q.ring[b]]
		at, seq = first.at, first.seq
	}
	switch {
	case len(q.far) > 0 && q.far[0].before(farEvent{at: at, seq: seq}):
		if q.far[0].at > end {
			return happening{}, false
		}
		return q.take(q.popFar().slot), true
	case at > end || b < 0:
		return happening{}, false
	}
	e := q.take(q.ring[b])
	if q.ring[b] = e.next; e.next == 0 {
		q.emptied(b)
	}
	return e, true
}

// bucket returns the first bucket from that of now on, around the ring, in which
// there is something, or -1.
func (q *queue) bucket(now Instant) int {
	from := bucketOf(now) % buckets
	word := from / 64
	if left := q.used[word] >> (from % 64); left != 0 {
		return from + bits.TrailingZeros64(left)
	}
	if q.words == 0 {
		return -1
	}
	// The last one looked at is the first again, for what lies before from.
	ahead := bits.RotateLeft64(q.words, -(word + 1))
	word = (word + 1 + bits.TrailingZeros64(ahead)) % 64
	return word*64 + bits.TrailingZeros64(q.used[word])
}

func (q *queue) emptied(b int) {
	if q.used[b/64] &^= 1 << (b % 64); q.used[b/64] == 0 {
		q.words &^= 1 << (b / 64)
	}
}

// before is the order of events.
func (e farEvent) before(o farEvent) bool { return e.at < o.at || (e.at == o.at && e.seq < o.seq) }

// addFar puts e into the heap, in which each place has four below: half as deep
// as a binary one, and its neighbours share cache lines.
func (q *queue) addFar(e farEvent) {
	q.far = append(q.far, e)
	h := q.far
	k := len(h) - 1
	for k > 0 {
		up := (k - 1) / 4
		if !e.before(h[up]) {
			break
		}
		h[k] = h[up]
		k = up
	}
	h[k] = e
}

func (q *queue) popFar() farEvent {
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
			if h[c].before(h[low]) {
				low = c
			}
		}
		if !h[low].before(last) {
			break
		}
		h[k] = h[low]
		k = low
	}
	h[k] = last
	return first
}

// slot finds room for an event.
func (q *queue) slot() uint32 {
	k := q.free
	if k != 0 {
		q.free = q.slots[k].next
		return k
	}
	if len(q.slots) == 0 {
		q.slots = append(q.slots, happening{}) // 0 stands for none
	}
	q.slots = append(q.slots, happening{})
	return uint32(len(q.slots) - 1)
}

// take empties the slot of an event.
func (q *queue) take(k uint32) happening {
	place := &q.slots[k]
	e := *place
	place.who, place.next = nil, q.free
	q.free = k
	return e
}
