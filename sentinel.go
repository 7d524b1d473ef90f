package sentinel

import (
	"context"
	"io"
	"iter"
	"net"

	"github.com/gosentinel/sentinel/internal/listen"
	"github.com/gosentinel/sentinel/internal/logfile"
	"github.com/gosentinel/sentinel/internal/node"
	"github.com/gosentinel/sentinel/monitor"
)

// Version is the version of this package and of the daemon.
const Version = node.Version

// ErrNotRunning is returned by methods that need a running Sentinel.
var ErrNotRunning = node.ErrNotRunning

// ErrSimulatedCrash is returned by [Sentinel.Run] when a client asked for a crash
// at some point of a failover (SENTINEL SIMULATE-FAILURE) and that point was
// reached.
var ErrSimulatedCrash = node.ErrSimulatedCrash

// Sentinel is one Sentinel, made by [New] or [Open]. Its methods are safe for
// concurrent use, except [Sentinel.Record], which comes before Run.
type Sentinel struct{ node *node.Node }

// New returns a Sentinel for embedding. It does nothing until Run is called. The
// error joins all mistakes in cfg, or describes what is wrong with the state
// file.
func New(cfg Config) (*Sentinel, error) {
	base, err := cfg.base()
	if err != nil {
		return nil, err
	}
	n, err := node.New(node.Config{
		Base: base, StateFile: cfg.StateFile, Logger: cfg.Logger, DialTLS: cfg.DialTLS, Dial: node.DialFunc(cfg.Dial),
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
	return &Sentinel{n}, nil
}

// Open returns a Sentinel that is configured by a file: a sentinel.toml if its
// name ends in .toml, otherwise a sentinel.conf. Overrides are lines in
// sentinel.conf syntax that take precedence over the file.
//
// Open finds everything that would keep the Sentinel from working, as far as that
// can be known before a port is opened, and the error joins all of it. For
// mistakes in the configuration it wraps a [*configrewrite.Error], and for a
// place that cannot be written to a [*configrewrite.NotWritableError]. Nothing is
// changed.
func Open(path string, overrides ...string) (*Sentinel, error) {
	n, err := node.Open(path, node.Process{}, overrides...)
	if err != nil {
		return nil, err
	}
	return &Sentinel{n}, nil
}

// Run works until ctx ends or a client sends SHUTDOWN; then it returns nil. It
// may be called once. No goroutine outlives it. If ctx was cancelled with a cause
// (see [context.Cause]), the cause is logged. Errors are logged as well as
// returned, except when the log itself cannot be opened.
//
// The listening sockets are opened before anything is written, so starting a
// second Sentinel by mistake fails without touching the state of the first.
func (s *Sentinel) Run(ctx context.Context) error { return s.node.Run(ctx) }

// Record has Run write to w what goes into the core and what comes out of it, in a
// form that `sim replay` plays again, up to limit bytes. It must be called before
// Run, and w is not used after Run has returned. Writing must not block, since all
// decisions wait for it. The record holds passwords.
func (s *Sentinel) Record(w io.Writer, limit int64) { s.node.Record(w, limit) }

// Ready returns a channel that is closed when the sockets are open, the identity is
// durable and monitoring is about to begin. From then on Addr knows the port, also
// of a Listen such as ":0". If Run fails before that, the channel stays open, so a
// caller should wait for the end of Run as well.
func (s *Sentinel) Ready() <-chan struct{} { return s.node.Ready() }

// Addr returns the address of the RESP server, or nil while it is not open.
func (s *Sentinel) Addr() net.Addr { return s.node.Addr() }

// Warnings returns one line of text for each questionable setting that was
// accepted. Run logs them.
func (s *Sentinel) Warnings() []string { return s.node.Warnings() }

// Alive waits for an answer from the goroutine that makes all decisions and
// returns true, or returns false when the Sentinel is not running. It is meant
// for watchdogs: while it blocks, the Sentinel is stuck.
func (s *Sentinel) Alive() bool { return s.node.Alive() }

// Events returns the events from the moment of the call until ctx ends or the
// Sentinel stops. A consumer that is too slow receives a [Lagged] in place of the
// events it missed; it never slows down the Sentinel.
func (s *Sentinel) Events(ctx context.Context) iter.Seq[Event] { return s.node.Events(ctx) }

// MasterAddr returns the address that clients should use for a master now. It
// returns false when no such master is monitored or the Sentinel is not running.
func (s *Sentinel) MasterAddr(name string) (HostPort, bool) { return s.node.MasterAddr(name) }

// Masters returns the state of every master, or nil when the Sentinel is not
// running.
func (s *Sentinel) Masters() []monitor.MasterView { return s.node.Masters() }

// Failover starts a failover of a master, which need not be down, and returns
// once it has begun. The errors are those of SENTINEL FAILOVER, such as
// [monitor.ErrNoGoodReplica], or ErrNotRunning.
func (s *Sentinel) Failover(name string) error {
	_, err := s.node.Failover(monitor.FailoverOp{Name: name})
	return err
}
