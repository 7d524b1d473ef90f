package agent

import (
	"context"
	"slices"
	"sync"
	"time"
)

// hub has the newest snapshot, and wakes those who work with it.
type hub struct {
	mu      sync.Mutex
	groups  Snapshot
	wakes   []chan struct{}
	changed chan struct{} // closed at the next change
}

func newHub(names []string) *hub {
	h := &hub{changed: make(chan struct{})}
	for _, name := range names {
		h.groups = append(h.groups, Group{Name: name})
	}
	return h
}

// waker returns a channel on which there is one value after one or more changes.
func (h *hub) waker() chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := make(chan struct{}, 1)
	h.wakes = append(h.wakes, c)
	return c
}

func (h *hub) snapshot() Snapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.groups
}

// update replaces what is known of the i-th group.
func (h *hub) update(i int, g Group) {
	h.mu.Lock()
	h.groups = slices.Clone(h.groups)
	h.groups[i] = g
	close(h.changed)
	h.changed = make(chan struct{})
	h.mu.Unlock()
	h.wakeAll()
}

// wakeAll has every target compared again.
func (h *hub) wakeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.wakes {
		select {
		case c <- struct{}{}:
		default: // it is awake already
		}
	}
}

// settle waits until there is a master of each group of the names (of all groups,
// if there are no names), for some time. It reports whether the context still holds.
func (h *hub) settle(ctx context.Context, names []string, most time.Duration) bool {
	limited, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	h.await(limited, func(s Snapshot) bool {
		if len(names) > 0 {
			s = s.only(names)
		}
		return len(s.unknown()) == 0
	})
	return ctx.Err() == nil
}

// await waits until a condition holds or the context ends. It reports which.
func (h *hub) await(ctx context.Context, holds func(Snapshot) bool) bool {
	for {
		h.mu.Lock()
		s, changed := h.groups, h.changed
		h.mu.Unlock()
		if holds(s) {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}
