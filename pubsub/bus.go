package pubsub

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosentinel/sentinel/internal/glob"
	"github.com/gosentinel/sentinel/monitor"
)

// Limits bounds the memory of a [Bus]. A field that is zero takes its default.
type Limits struct {
	// ClientQueueBytes is what may wait for one RESP client before it is cut.
	// Default 8 MiB, at which stock Redis disconnects a client after a minute
	// (at 32 MiB it does so at once).
	ClientQueueBytes int
	// EventsQueueBytes is what may wait for one library user before the oldest
	// events are dropped. Default 1 MiB, several thousand events.
	EventsQueueBytes int
	// ClientNameBytes is the length of all channel names and patterns that one
	// client is subscribed to, plus 64 for each. Default 256 KiB.
	ClientNameBytes int
	// TotalNameBytes is the same for all clients together. Default 16 MiB.
	TotalNameBytes int
	// BacklogEvents is the number of events that may wait for the dispatcher.
	// Default 65536. The dispatcher never blocks, so many wait only when the
	// process gets no processor time.
	BacklogEvents int
}

func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		v   *int
		def int
	}{
		{&l.ClientQueueBytes, 8 << 20}, {&l.EventsQueueBytes, 1 << 20}, {&l.ClientNameBytes, 256 << 10},
		{&l.TotalNameBytes, 16 << 20}, {&l.BacklogEvents, 1 << 16},
	} {
		if *f.v == 0 {
			*f.v = f.def
		}
	}
	return l
}

// Bus distributes events. Make one with [NewBus]; all methods may be called
// concurrently.
type Bus struct {
	lim Limits

	// The backlog has a lock of its own, held for an append only, so that
	// Publish cannot wait behind the distribution of an event.
	inMu    sync.Mutex
	backlog []Event
	seq     uint64 // of the last event
	lost    uint64
	closing bool
	running bool          // dispatch was started
	wake    chan struct{} // holds one token when there is something to do
	stopped chan struct{} // closed when the dispatcher has ended

	dropped atomic.Uint64

	mu        sync.Mutex
	channels  map[string][]*Client
	patterns  []*patternSubs
	byPattern map[string]*patternSubs
	numbers   map[string]int // numbers of the channels, as they first occur
	listeners []*listener
	nameBytes int
	ended     bool
}

// patternSubs are the subscribers of one pattern: it is matched once for all.
type patternSubs struct {
	pattern string
	index   int    // in Bus.patterns
	tried   uint64 // one bit for each channel number: the pattern was matched with it
	hits    uint64 // and this was the outcome
	clients []*Client
}

// NewBus returns a bus. Its goroutine starts with the first event and ends with
// Close, so an unused bus need not be closed.
func NewBus(lim Limits) *Bus {
	b := &Bus{
		lim:       lim.withDefaults(),
		wake:      make(chan struct{}, 1),
		stopped:   make(chan struct{}),
		channels:  make(map[string][]*Client),
		byPattern: make(map[string]*patternSubs),
		numbers:   make(map[string]int),
	}
	return b
}

// Event is an event with its place in the stream of all events.
type Event struct {
	// Seq numbers the events from 1. Those that are only logged count too, and so do
	// those that a consumer missed.
	Seq  uint64
	Time time.Time // when it was published
	Body monitor.Event
}

// Publish distributes ev to all subscribers. It takes constant time and never
// waits, so the loop that owns the core may call it. After Close it does
// nothing.
func (b *Bus) Publish(ev monitor.Event) {
	b.inMu.Lock()
	defer b.inMu.Unlock()
	if b.closing {
		return
	}
	b.seq++
	if len(b.backlog) >= b.lim.BacklogEvents {
		b.lost++
		b.dropped.Add(1)
	} else {
		b.backlog = append(b.backlog, Event{b.seq, time.Now(), ev})
	}
	b.start()
	signal(b.wake)
}

// Dropped returns how many events were dropped since the start because somebody who
// ranges over them, or this process, was too slow.
func (b *Bus) Dropped() uint64 { return b.dropped.Load() }

// start makes sure that the dispatcher runs. The caller holds inMu.
func (b *Bus) start() {
	if !b.running {
		b.running = true
		go b.dispatch()
	}
}

// Close distributes what was published before, ends each event stream of a
// library user after its last event, and returns when no goroutine of the bus
// is left. RESP clients are closed by the connections that own them.
func (b *Bus) Close() {
	b.inMu.Lock()
	b.closing = true
	b.start()
	signal(b.wake)
	b.inMu.Unlock()
	<-b.stopped
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (b *Bus) dispatch() {
	defer close(b.stopped)
	var events []Event
	for range b.wake {
		b.inMu.Lock()
		events, b.backlog = b.backlog, events[:0]
		lost, last, closing := b.lost, b.seq, b.closing // the lost ones are the last
		b.lost = 0
		b.inMu.Unlock()
		for _, ev := range events {
			b.deliver(ev)
		}
		clear(events) // do not keep the events of a burst alive
		if lost > 0 {
			b.gap(lost, last)
		}
		if closing {
			b.end()
			return
		}
	}
}

// deliver puts one event into the queues of its subscribers.
func (b *Bus) deliver(ev Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := newMessage(ev.Body)
	for _, l := range b.listeners {
		l.push(ev, m.size(), b.lim.EventsQueueBytes)
	}
	if ev.Body.Level() == monitor.LevelDebug {
		return // logged, never published (wire.md §6, Events)
	}
	for _, c := range b.channels[m.channel] {
		c.push(m.frame(c.resp3))
	}
	number := b.number(m.channel)
	for _, p := range b.patterns {
		if !p.matches(m.channel, number) {
			continue
		}
		frames := m.patternFrames(p.pattern)
		for _, c := range p.clients {
			c.push(frames.get(c.resp3))
		}
	}
}

// number returns the number of a channel. Channels are the names of events, of
// which the code has a few dozen, so the map stays small.
func (b *Bus) number(channel string) int {
	n, known := b.numbers[channel]
	if !known {
		n = len(b.numbers)
		b.numbers[channel] = n
	}
	return n
}

// matches reports whether the pattern selects a channel. The two are matched
// only once: clients choose the patterns, and many slow ones would otherwise
// delay every event for all subscribers.
func (p *patternSubs) matches(channel string, number int) bool {
	if number >= 64 {
		return glob.Match(p.pattern, channel)
	}
	bit := uint64(1) << number
	if p.tried&bit == 0 {
		p.tried |= bit
		if glob.Match(p.pattern, channel) {
			p.hits |= bit
		}
	}
	return p.hits&bit != 0
}

// gap tells all subscribers that n events, up to number last, were lost before they
// reached the queues.
func (b *Bus) gap(n, last uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.listeners {
		l.miss(n, last)
	}
	for _, clients := range b.channels { // in any order: all are cut
		for _, c := range clients {
			c.cut()
		}
	}
	for _, p := range b.patterns {
		for _, c := range p.clients {
			c.cut()
		}
	}
}

// end ends the streams of library users.
func (b *Bus) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	for _, l := range b.listeners {
		l.finish()
	}
}

// Counts returns how many different channels and patterns RESP clients are
// subscribed to.
func (b *Bus) Counts() (channels, patterns int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.channels), len(b.patterns)
}
