package sentinel

import (
	"context"
	"errors"
	"iter"
	"net"
	"slices"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/internal/listen"
	"github.com/gosentinel/sentinel/internal/logfile"
	"github.com/gosentinel/sentinel/internal/lookout"
	"github.com/gosentinel/sentinel/internal/node"
	"github.com/gosentinel/sentinel/internal/recorder"
)

// Version is the release that this source is, or will become.
const Version = node.Version

// Sentinel is one Sentinel, made by [New] or [Open]. Its methods are safe for
// concurrent use.
type Sentinel struct {
	node     *node.Node
	updating chan struct{} // holds a token while Update works
}

func newSentinel(n *node.Node) *Sentinel { return &Sentinel{node: n, updating: make(chan struct{}, 1)} }

// New returns a Sentinel for embedding. It does nothing until Run is called. The
// error joins all mistakes in cfg, or describes what is wrong with the state
// file.
func New(cfg Config) (*Sentinel, error) {
	base, err := cfg.base()
	if err != nil {
		return nil, errors.Join(err, cfg.stateMistakes())
	}
	n, err := node.New(node.Config{
		Base: base, StateFile: cfg.StateFile, Store: cfg.Store, Logger: cfg.Logger,
		DialTLS: cfg.DialTLS, Dial: node.DialFunc(cfg.Dial), Resolver: cfg.Resolver,
		Policy: cfg.Policy.node(), EventsBytes: cfg.Limits.EventsBytes, AllowShutdown: cfg.AllowShutdown,
		Listen: func(log logfile.Sink) (*listen.Sockets, error) {
			if cfg.Listener != nil {
				return listen.Given(cfg.Listener, cfg.ListenTLS, log.Log), nil
			}
			return listen.One(cfg.Listen, cfg.ListenTLS, log.Log)
		},
	})
	if err != nil {
		return nil, err
	}
	if cfg.Record != nil {
		n.Record(cfg.Record, recorder.DefaultLimit)
	}
	return newSentinel(n), nil
}

// Open returns a Sentinel that is configured by a file: a sentinel.toml if its
// name ends in .toml, otherwise a sentinel.conf. Overrides are lines in
// sentinel.conf syntax that take precedence over the file.
//
// Open finds everything that would keep the Sentinel from working, as far as that
// can be known before a port is opened, and the error joins all of it. For
// mistakes in the configuration it wraps a [*configrewrite.Error], and for a
// place that cannot be written to a [*configrewrite.NotWritableError]. Nothing is
// changed. With http-port in the file, Run needs package httpconsole.
func Open(path string, overrides ...string) (*Sentinel, error) {
	n, err := node.Open(path, node.Process{}, overrides...)
	if err != nil {
		return nil, err
	}
	return newSentinel(n), nil
}

// Run works until ctx ends, and then returns nil. Every other end is an error, such
// as [ErrShutdownByClient], and is logged. Run may be called once. No goroutine
// outlives it. If ctx was cancelled with a cause (see [context.Cause]), the cause is
// logged.
//
// The listening sockets are opened before anything is written, so starting a
// second Sentinel by mistake fails without touching the state of the first.
func (s *Sentinel) Run(ctx context.Context) error { return s.node.Run(ctx) }

// Ready returns a channel that is closed when the sockets are open, the identity is
// durable and monitoring is about to begin. From then on Addr knows the port, also
// of a Listen such as ":0". If Run fails before that, the channel stays open, so a
// caller should wait for the end of Run as well.
func (s *Sentinel) Ready() <-chan struct{} { return s.node.Ready() }

// DialRESP returns a connection to the RESP server from within the process, also
// without Listen. Clients on it are like those of a Unix socket: they need Password
// if there is one.
func (s *Sentinel) DialRESP(ctx context.Context) (net.Conn, error) { return s.node.DialRESP(ctx) }

// Addr returns the address of the RESP server, or nil while it is not open.
func (s *Sentinel) Addr() net.Addr { return s.node.Addr() }

// Attach is for package httpconsole, which shows how a Sentinel is: it has what happens
// told to a console, and returns it.
func (s *Sentinel) Attach(make func(lookout.Source) lookout.Console) lookout.Console {
	return s.node.Attach(make)
}

// Health returns nil, or a [*HealthError] with the first thing that keeps this
// Sentinel from doing its work. It waits at most two seconds.
func (s *Sentinel) Health(ctx context.Context) error {
	check, reason, err := s.node.Health(ctx)
	switch {
	case ctx.Err() != nil && check == node.CheckLoop:
		return ctx.Err()
	case check == "":
		return nil
	}
	return &HealthError{Check: check, Reason: reason, err: err}
}

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
