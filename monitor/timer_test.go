package monitor

import (
	"math/rand/v2"
	"testing"
)

// TestTimerHeap compares the heap with a slice that is searched from end to end,
// on random operations over few instants, so that equal ones are frequent.
func TestTimerHeap(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var h timerHeap
		timers := make([]*timer, 1+rng.IntN(40))
		for k := range timers {
			timers[k] = &timer{seq: uint64(k), pos: -1}
		}
		set := map[*timer]Instant{} // the obvious implementation
		for range 300 {
			tm := timers[rng.IntN(len(timers))]
			switch rng.IntN(4) {
			case 0:
				h.remove(tm)
				delete(set, tm)
			case 1:
				h.set(tm, Never)
				delete(set, tm)
			default:
				at := Instant(1 + rng.IntN(20))
				h.set(tm, at)
				set[tm] = at
			}
			checkHeap(t, &h, timers, set)
		}
		for len(set) > 0 { // take all out in order
			first := obviousFirst(timers, set)
			if got := h.items[0]; got.timer != first {
				t.Fatalf("seed %d: timer %d at %d comes first, want %d at %d", seed, got.seq, got.at, first.seq, set[first])
			}
			h.remove(first)
			delete(set, first)
			checkHeap(t, &h, timers, set)
		}
	}
}

// obviousFirst returns the earliest timer, of equal ones the oldest.
func obviousFirst(timers []*timer, set map[*timer]Instant) *timer {
	var first *timer
	for _, tm := range timers {
		at, ok := set[tm]
		if ok && (first == nil || at < set[first]) {
			first = tm
		}
	}
	return first
}

func checkHeap(t *testing.T, h *timerHeap, timers []*timer, set map[*timer]Instant) {
	t.Helper()
	if len(h.items) != len(set) {
		t.Fatalf("%d timers are set, want %d", len(h.items), len(set))
	}
	want := Never
	if first := obviousFirst(timers, set); first != nil {
		want = set[first]
	}
	if got := h.next(); got != want {
		t.Fatalf("next is %d, want %d", got, want)
	}
	for _, tm := range timers {
		at, ok := set[tm]
		switch {
		case !ok && tm.pos != -1:
			t.Fatalf("timer %d is at position %d although it is not set", tm.seq, tm.pos)
		case ok && (h.items[tm.pos].timer != tm || h.items[tm.pos].at != at):
			t.Fatalf("timer %d is at %d, want %d", tm.seq, h.items[tm.pos].at, at)
		}
	}
}
