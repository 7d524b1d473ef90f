package monitor

// timerOwner has work to do at certain instants. run does what is due and
// returns when it wants to run next, [Never] for not at all. The result must
// lie after now: work that is due is done, not postponed.
type timerOwner interface {
	run(c *Core, now Instant) Instant
}

// timer is the entry of one timerOwner in the heap of a Core.
type timer struct {
	seq     uint64 // order among equal instants: the order of creation
	pos     int    // index in the heap, -1 when not in it
	queued  bool   // queued to run within the current step
	stopped bool   // its owner is gone
	owner   timerOwner
}

// timerHeap is a 4-ary heap over (at, seq). container/heap would cost an
// interface call for each comparison, on the busiest path of a Sentinel with
// thousands of masters. What is compared stands in the heap itself, because the
// timers are spread over memory.
type timerHeap struct{ items []heapEntry }

// heapEntry is a timer with the instant for which it is set.
type heapEntry struct {
	at  Instant
	seq uint64
	*timer
}

func (p *heapEntry) before(o *heapEntry) bool { return p.at < o.at || (p.at == o.at && p.seq < o.seq) }

func (h *timerHeap) next() Instant {
	if len(h.items) == 0 {
		return Never
	}
	return h.items[0].at
}

// set moves t to the given instant; Never takes it out.
func (h *timerHeap) set(t *timer, at Instant) {
	if at == Never {
		h.remove(t)
		return
	}
	if t.pos < 0 {
		t.pos = len(h.items)
		h.items = append(h.items, heapEntry{})
	}
	h.put(t.pos, heapEntry{at, t.seq, t})
}

func (h *timerHeap) remove(t *timer) {
	k := t.pos
	if k < 0 {
		return
	}
	t.pos = -1
	n := len(h.items) - 1
	last := h.items[n]
	h.items[n] = heapEntry{}
	h.items = h.items[:n]
	if k < n {
		h.put(k, last)
	}
}

// put writes p into the heap, starting at the free index k.
func (h *timerHeap) put(k int, p heapEntry) {
	for k > 0 {
		up := (k - 1) / 4
		if !p.before(&h.items[up]) {
			break
		}
		h.move(k, up)
		k = up
	}
	for {
		low := h.lowest(4*k+1, 4*k+5)
		if low < 0 || !h.items[low].before(&p) {
			break
		}
		h.move(k, low)
		k = low
	}
	h.items[k] = p
	p.pos = k
}

// lowest returns the index from first up to end whose entry comes before the
// others, or -1 when there is none.
func (h *timerHeap) lowest(first, end int) int {
	if first >= len(h.items) {
		return -1
	}
	low := first
	for k := first + 1; k < min(end, len(h.items)); k++ {
		if h.items[k].before(&h.items[low]) {
			low = k
		}
	}
	return low
}

func (h *timerHeap) move(to, from int) {
	h.items[to] = h.items[from]
	h.items[to].pos = to
}
