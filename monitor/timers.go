package monitor

// timed is something that has work to do at a certain instant. run does what is
// due and says when it wants to run next ([Never] for not at all). What run
// answers must lie after now: work that is due is done, not announced.
type timed interface {
	run(c *Core, now Instant) Instant
}

// timer is the place of one timed thing in the heap of a Core.
type timer struct {
	at    Instant
	seq   uint64 // order among equal instants: the order of creation
	pos   int    // index in the heap, -1 when not in it
	queue bool   // waits to be run within the current step
	dead  bool   // its owner is gone
	owner timed
}

// timerHeap is a binary heap over (at, seq). It is written out because
// container/heap would cost an interface call for each comparison on the
// busiest path of a Sentinel with thousands of masters.
type timerHeap struct{ items []*timer }

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
	t.at = at
	if t.pos < 0 {
		t.pos = len(h.items)
		h.items = append(h.items, t)
	}
	h.down(h.up(t.pos))
}

func (h *timerHeap) remove(t *timer) {
	i := t.pos
	if i < 0 {
		return
	}
	last := len(h.items) - 1
	h.swap(i, last)
	h.items[last] = nil
	h.items = h.items[:last]
	t.pos = -1
	if i < last {
		h.down(h.up(i))
	}
}

func (h *timerHeap) less(i, j int) bool {
	a, b := h.items[i], h.items[j]
	return a.at < b.at || (a.at == b.at && a.seq < b.seq)
}

func (h *timerHeap) swap(i, j int) {
	h.items[i], h.items[j] = h.items[j], h.items[i]
	h.items[i].pos, h.items[j].pos = i, j
}

func (h *timerHeap) up(i int) int {
	for i > 0 {
		parent := (i - 1) / 2
		if !h.less(i, parent) {
			break
		}
		h.swap(i, parent)
		i = parent
	}
	return i
}

func (h *timerHeap) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h.items) {
			return
		}
		if r := child + 1; r < len(h.items) && h.less(r, child) {
			child = r
		}
		if !h.less(child, i) {
			return
		}
		h.swap(i, child)
		i = child
	}
}
