package pubsub

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/gosentinel/sentinel/event"
)

// Events returns the events that are published from this call on, those below
// publishing level included. The sequence can be ranged over once. It ends when
// ctx is done or, after the last event, when the bus is closed. A consumer that
// is too slow finds a [event.Lagged] in place of the events it missed, with the number of
// the last of them.
//
// Until ctx is done the events are kept for a range that may still begin, up to
// Limits.EventsQueueBytes.
func (b *Bus) Events(ctx context.Context) iter.Seq[Event] {
	l := b.listen()
	stop := context.AfterFunc(ctx, l.close)
	return func(yield func(Event) bool) {
		defer stop()
		defer l.close()
		for {
			ev, ok := l.next(ctx)
			if !ok || !yield(ev) {
				return
			}
		}
	}
}

// listener is the queue of one library user.
type listener struct {
	bus   *Bus
	ready chan struct{} // holds a token when next should look again

	// Guarded by bus.mu.
	queue    []queued // oldest first
	bytes    int
	missed   uint64 // events dropped before queue[0]
	last     uint64 // number of the last of those
	finished bool
}

type queued struct {
	ev   Event
	size int
}

func (b *Bus) listen() *listener {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := &listener{bus: b, ready: make(chan struct{}, 1), finished: b.ended}
	if !b.ended {
		b.listeners = append(b.listeners, l)
	}
	return l
}

// close makes the bus forget the listener.
func (l *listener) close() {
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	if i := slices.Index(l.bus.listeners, l); i >= 0 {
		l.bus.listeners = slices.Delete(l.bus.listeners, i, i+1)
	}
	l.queue, l.bytes, l.missed = nil, 0, 0
	l.finish()
}

// next waits for an event. It reports false at the end.
func (l *listener) next(ctx context.Context) (Event, bool) {
	for {
		if ctx.Err() != nil {
			return Event{}, false
		}
		if ev, ok, end := l.take(); ok || end {
			return ev, ok
		}
		select {
		case <-l.ready:
		case <-ctx.Done():
		}
	}
}

func (l *listener) take() (ev Event, ok, end bool) {
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	if l.missed > 0 {
		ev = Event{Seq: l.last, Time: time.Now(), Body: event.Lagged{Missed: l.missed}}
		l.missed = 0
		return ev, true, false
	}
	if len(l.queue) == 0 {
		return Event{}, false, l.finished
	}
	return l.drop().ev, true, false
}

// The rest is called with bus.mu held.

func (l *listener) push(ev Event, size, max int) {
	for len(l.queue) > 0 && l.bytes+size > max {
		l.last = l.drop().ev.Seq
		l.missed++
		l.bus.dropped.Add(1)
	}
	l.queue = append(l.queue, queued{ev, size})
	l.bytes += size
	signal(l.ready)
}

// drop removes the oldest event.
func (l *listener) drop() queued {
	q := l.queue[0]
	l.queue[0] = queued{} // for the garbage collector
	l.queue = l.queue[1:]
	l.bytes -= q.size
	if len(l.queue) == 0 {
		l.queue = nil
	}
	return q
}

// miss records events that were lost after those in the queue. The queue is
// dropped too: otherwise the gap would be reported too early.
func (l *listener) miss(n, last uint64) {
	l.missed += n + uint64(len(l.queue))
	l.last = last
	l.queue, l.bytes = nil, 0
	signal(l.ready)
}

func (l *listener) finish() {
	l.finished = true
	signal(l.ready)
}
