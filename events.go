package sentinel

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/gosentinel/sentinel/event"
)

// Event is something that happened, with its place in the stream of all events.
type Event struct {
	// Seq numbers the events of a Sentinel from 1 at each start. A gap means that
	// filters left something out, or that a [event.Lagged] stands there.
	Seq    uint64
	Time   time.Time
	Master string // the master that it is about; "" for none
	// Body is one of the types of package event; a type switch tells which.
	Body event.Event
}

// String returns channel and message, as RESP subscribers see them.
func (e Event) String() string {
	return string(e.Body.AppendText(append([]byte(e.Body.Name()), ' ')))
}

// Filter selects events; see [Sentinel.Events].
type Filter func(Event) bool

// OfMaster selects the events about some masters.
func OfMaster(names ...string) Filter {
	return func(e Event) bool { return slices.Contains(names, e.Master) }
}

// OfType selects the events of one type, as in OfType[event.SwitchMaster]().
func OfType[T event.Event]() Filter {
	return func(e Event) bool { _, ok := e.Body.(T); return ok }
}

// Events returns the events from the moment of the call until ctx ends or the
// Sentinel stops. Filters leave out what any of them does not select, but never a
// [event.Lagged], which takes the place of events that were dropped because the consumer
// was too slow. It never slows down the Sentinel. The sequence can be ranged over
// once; until then events wait, up to Limits.EventsBytes.
func (s *Sentinel) Events(ctx context.Context, filters ...Filter) iter.Seq[Event] {
	stream := s.node.Events(ctx)
	return func(yield func(Event) bool) {
		for ev := range stream {
			if e := (Event{ev.Seq, ev.Time, masterOf(ev.Body), ev.Body}); selected(e, filters) && !yield(e) {
				return
			}
		}
	}
}

func selected(e Event, filters []Filter) bool {
	if _, gap := e.Body.(event.Lagged); gap {
		return true
	}
	return !slices.ContainsFunc(filters, func(f Filter) bool { return !f(e) })
}

// masterOf returns the name of the master that an event is about.
func masterOf(ev event.Event) string {
	switch ev := ev.(type) {
	case event.SwitchMaster:
		return ev.Master
	case event.VoteForLeader:
		return ev.Master
	case interface{ MasterName() string }:
		return ev.MasterName()
	}
	return ""
}
