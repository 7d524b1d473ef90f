package session

import (
	"container/heap"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// statement is something that this Sentinel tells all peers.
type statement struct {
	key   key
	item  item            // without sequence number and age
	since monitor.Instant // when it became true
	until monitor.Instant // when it expires; Never while it holds
}

// key tells statements apart: a newer one with the same key replaces an older.
type key struct {
	kind   kind
	master string
}

func (st *statement) standing() bool { return st.until == monitor.Never }

// peer is another gosentinel.
type peer struct {
	id    monitor.RunID
	boot  Boot
	alive bool // according to the membership

	confirmed monitor.Instant // when it last confirmed a statement

	sendQueue queue
	byKey     map[key]*entry
	bySeq     map[uint64]*entry // what was sent and is not confirmed
	acks      []uint64          // owed
	rest      monitor.Instant   // no packet is sent before, after a burst

	lastSeq map[key]uint64 // the newest sequence number of each
	top     uint64         // of all in lastSeq
	floor   uint64         // nothing up to here is new
}

// entry is a statement on its way to one peer.
type entry struct {
	st      *statement
	seq     uint64          // 0: not sent yet
	said    monitor.Instant // when seq was drawn
	next    monitor.Instant // to be sent then
	wait    time.Duration   // until the repetition after that
	arrived bool
	order   uint64 // order among entries that are due at the same time
	place   int    // index in the queue
}

// queue is a heap of entries by the instant at which they are due.
type queue []*entry

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, k int) bool {
	return q[i].next < q[k].next || q[i].next == q[k].next && q[i].order < q[k].order
}
func (q queue) Swap(i, k int) {
	q[i], q[k] = q[k], q[i]
	q[i].place, q[k].place = i, k
}
func (q *queue) Push(x any) {
	e := x.(*entry)
	e.place = len(*q)
	*q = append(*q, e)
}
func (q *queue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return e
}

// next returns the instant at which the peer has to be sent something.
func (p *peer) next() monitor.Instant {
	at := monitor.Never
	if len(p.acks) > 0 {
		at = 0
	} else if len(p.sendQueue) > 0 {
		at = p.sendQueue[0].next
	}
	return max(at, p.rest)
}

// enqueue queues a statement for p, in place of the one with the same key.
func (p *peer) enqueue(now monitor.Instant, st *statement, order uint64) {
	e := p.byKey[st.key]
	if e == nil {
		e = &entry{}
		p.byKey[st.key] = e
		heap.Push(&p.sendQueue, e)
	}
	delete(p.bySeq, e.seq)
	e.st, e.seq, e.arrived, e.next, e.wait, e.order = st, 0, false, now, firstWait, order
	heap.Fix(&p.sendQueue, e.place)
}

func (p *peer) drop(e *entry) {
	heap.Remove(&p.sendQueue, e.place)
	delete(p.byKey, e.st.key)
	delete(p.bySeq, e.seq)
}

// sent schedules the repetition of an entry that was just written.
func (p *peer) sent(now monitor.Instant, e *entry) {
	longest := longestWait
	if e.st.key.kind == kindProbe {
		longest = probePeriod
	}
	e.next = now.Add(e.wait)
	e.wait = min(2*e.wait, longest)
	heap.Fix(&p.sendQueue, e.place)
}

// confirm handles the confirmation of a sequence number. It reports whether
// that was a probe.
func (p *peer) confirm(now monitor.Instant, seq uint64) (probe bool) {
	e := p.bySeq[seq]
	if e == nil {
		return false // confirmed before, or sent with a new number since
	}
	delete(p.bySeq, seq)
	p.confirmed = now
	probe = e.st.key.kind == kindProbe
	switch {
	case probe:
		e.next = now.Add(probePeriod)
	case e.st.standing():
		e.next = e.said.Add(refreshPeriod)
	default:
		p.drop(e)
		return false
	}
	e.arrived, e.wait = true, firstWait
	heap.Fix(&p.sendQueue, e.place)
	return probe
}
