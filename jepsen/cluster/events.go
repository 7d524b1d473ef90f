package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Event is one Pub/Sub message of a Sentinel.
type Event struct {
	At       time.Time // when it arrived here
	Sentinel string    // name of the node that published it
	Name     string    // for example "+switch-master"
	Text     string    // the payload
}

// String returns the event as one line.
func (e Event) String() string { return e.Sentinel + " " + e.Name + " " + e.Text }

// Named returns a matcher for [Events.Wait]: events with one of the names.
func Named(names ...string) func(Event) bool {
	return func(e Event) bool { return slices.Contains(names, e.Name) }
}

// Events collects what all Sentinels of a cluster publish, in the order of
// arrival. It is safe for concurrent use.
type Events struct {
	on func(Event) // may be nil

	mu      sync.Mutex
	list    []Event
	changed chan struct{} // closed and replaced at every new event
}

func newEvents(on func(Event)) *Events {
	return &Events{on: on, changed: make(chan struct{})}
}

// maxEvents bounds the memory of a run in which Sentinels flap for hours. The
// first ones are kept: they tell how it began.
const maxEvents = 1 << 20

func (e *Events) add(ev Event) {
	e.mu.Lock()
	if len(e.list) < maxEvents {
		e.list = append(e.list, ev)
	}
	close(e.changed)
	e.changed = make(chan struct{})
	e.mu.Unlock()
	if e.on != nil {
		e.on(ev)
	}
}

// All returns a copy of everything collected so far.
func (e *Events) All() []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.list)
}

// Since returns the events that arrived after t.
func (e *Events) Since(t time.Time) []Event {
	all := e.All()
	return slices.DeleteFunc(all, func(ev Event) bool { return !ev.At.After(t) })
}

// Count returns how many of the events so far match.
func (e *Events) Count(match func(Event) bool) int {
	n := 0
	for _, ev := range e.All() {
		if match(ev) {
			n++
		}
	}
	return n
}

// Wait returns the first event that matches, be it past or future.
func (e *Events) Wait(ctx context.Context, what string, match func(Event) bool) (Event, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultWait)
		defer cancel()
	}
	seen := 0
	for {
		e.mu.Lock()
		fresh, changed := e.list[seen:], e.changed
		e.mu.Unlock()
		if i := slices.IndexFunc(fresh, match); i >= 0 {
			return fresh[i], nil
		}
		seen += len(fresh)
		select {
		case <-ctx.Done():
			return Event{}, fmt.Errorf("waiting for %s: %w; last events:\n%s", what, context.Cause(ctx), e.tail(12))
		case <-changed:
		}
	}
}

// tail returns the last events for an error message.
func (e *Events) tail(n int) string {
	all := e.All()
	all = all[max(0, len(all)-n):]
	if len(all) == 0 {
		return "  (none)"
	}
	var b strings.Builder
	for _, ev := range all {
		fmt.Fprintf(&b, "  %s %s\n", ev.At.Format("15:04:05.000"), ev)
	}
	return strings.TrimRight(b.String(), "\n")
}

// subscription follows the events of one Sentinel over all its lives.
type subscription struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu    sync.Mutex
	ready chan struct{} // closed while a subscription is confirmed
}

func subscribe(name string, client *redis.Client, to *Events) *subscription {
	ctx, cancel := context.WithCancel(context.Background())
	s := &subscription{cancel: cancel, done: make(chan struct{}), ready: make(chan struct{})}
	go s.run(ctx, name, client, to)
	return s
}

// close ends the subscription and returns when its goroutine is done.
func (s *subscription) close() {
	s.cancel()
	<-s.done
}

// wait returns when the Sentinel has confirmed the subscription, so that no
// event after it is missed.
func (s *subscription) wait(ctx context.Context) error {
	return WaitFor(ctx, "the subscription to be confirmed", func(context.Context) (string, bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		select {
		case <-s.ready:
			return "confirmed", true
		default:
			return "not subscribed", false
		}
	})
}

func (s *subscription) setReady(ready bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.ready:
		if !ready {
			s.ready = make(chan struct{})
		}
	default:
		if ready {
			close(s.ready)
		}
	}
}

// run subscribes again and again: the Sentinel is killed and restarted by those
// who use this package. go-redis would reconnect by itself, but silently, and
// wait must know.
func (s *subscription) run(ctx context.Context, name string, client *redis.Client, to *Events) {
	defer close(s.done)
	retry := time.NewTicker(pollEvery)
	defer retry.Stop()
	for ctx.Err() == nil {
		s.pump(ctx, name, client.PSubscribe(ctx, "*"), to)
		s.setReady(false)
		select {
		case <-ctx.Done():
		case <-retry.C:
		}
	}
}

// pump delivers messages until the connection breaks or ctx ends.
func (s *subscription) pump(ctx context.Context, name string, ps *redis.PubSub, to *Events) {
	// Receive does not watch ctx while it reads; closing the connection wakes it.
	unhook := context.AfterFunc(ctx, func() { _ = ps.Close() })
	defer func() {
		unhook()
		_ = ps.Close()
	}()
	for {
		msg, err := ps.Receive(ctx)
		if err != nil {
			return
		}
		switch msg := msg.(type) {
		case *redis.Subscription:
			s.setReady(true)
		case *redis.Message:
			to.add(Event{At: time.Now(), Sentinel: name, Name: msg.Channel, Text: msg.Payload})
		}
	}
}
