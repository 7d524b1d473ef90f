package sentinel

import (
	"context"
	"crypto/tls"
	"errors"
	"iter"
	"math"
	"net"
	"os"
	"sync/atomic"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/acl"
	"github.com/gosentinel/sentinel/internal/listen"
	"github.com/gosentinel/sentinel/internal/logfile"
	"github.com/gosentinel/sentinel/internal/recorder"
	"github.com/gosentinel/sentinel/internal/server"
	"github.com/gosentinel/sentinel/internal/tlsfiles"
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/pubsub"
)

// Version is the version of this package and of the daemon.
const Version = "0.1.0"

// RedisVersion is the Redis version whose commands and error texts this package
// reproduces. Client libraries infer from it which commands they may send.
const RedisVersion = server.RedisVersion

// ErrNotRunning is returned by methods that need a running Sentinel.
var ErrNotRunning = errors.New("sentinel: not running")

// ErrSimulatedCrash is returned by [Sentinel.Run] when a client asked for a crash
// at some point of a failover (SENTINEL SIMULATE-FAILURE) and that point was
// reached. A Sentinel from [Open] exits the process instead.
var ErrSimulatedCrash = errors.New("sentinel: crashed as SENTINEL SIMULATE-FAILURE asked for")

// crashStatus is the exit status of a simulated crash.
const crashStatus = 99

// Sentinel is one Sentinel, made by [New] or [Open]. Its methods are safe for
// concurrent use, except [Sentinel.SetHooks] and [Sentinel.Record], which come
// before Run.
type Sentinel struct {
	store    saver
	state    monitor.State
	settings configrewrite.Settings
	path     string // of the configuration file, "" without one
	warnings []string
	openLog  func() (logfile.Log, error)
	listen   func(logfile.Sink) (*listen.Sockets, error)
	users    *acl.List
	commands *server.Commands // under their names after rename-command
	aclFile  *server.ACLFile  // nil without one
	tls      *tlsfiles.Keeper // nil when no file configures TLS
	dialTLS  *tls.Config      // nil: plain TCP
	hooks    Hooks
	record   *recorder.Recorder // nil: nothing is recorded
	exit     func(status int)   // of the process, for a simulated crash; nil in a library

	bus     *pubsub.Bus
	started atomic.Bool
	log     atomic.Pointer[logfile.Log] // non-nil while Run is running
	running atomic.Pointer[loop]
	addrs   atomic.Pointer[[]net.Addr]

	levelSet atomic.Pointer[string] // the log level set at run time; nil if it was not changed
}

// New returns a Sentinel for embedding. It does nothing until Run is called. The
// error joins all mistakes in cfg, or describes what is wrong with the state
// file.
func New(cfg Config) (*Sentinel, error) {
	base, err := cfg.base()
	if err != nil {
		return nil, err
	}
	s := &Sentinel{settings: base.Settings, openLog: func() (logfile.Log, error) { return logfile.Slog(cfg.Logger), nil }, dialTLS: cfg.DialTLS}
	s.listen = func(log logfile.Sink) (*listen.Sockets, error) { return listen.One(cfg.Listen, cfg.ListenTLS, log.Log) }
	if cfg.StateFile == "" {
		s.store, s.state = memory{}, base.State
		s.bus = pubsub.NewBus(pubsub.Limits{})
		return s.ready()
	}
	file, err := configrewrite.Loader{CheckUsers: server.CheckUsers}.New(cfg.StateFile, base)
	if err != nil {
		return nil, err
	}
	s.use(file)
	return s.ready()
}

// ready loads the users and commands of s and returns it.
func (s *Sentinel) ready() (*Sentinel, error) {
	if err := errors.Join(s.useRenames(), s.useACL()); err != nil {
		return nil, err
	}
	return s, nil
}

// Open returns a Sentinel that is configured by a file: a sentinel.toml if its
// name ends in .toml, otherwise a sentinel.conf. Overrides are lines in
// sentinel.conf syntax that take precedence over the file.
//
// Open finds everything that would keep the Sentinel from working, as far as that
// can be known before a port is opened, and the error joins all of it. For
// mistakes in the configuration it wraps a [*configrewrite.Error], and for a
// place that cannot be written to a [*configrewrite.NotWritableError]. Nothing is
// changed, except that the process's limit of open files is raised when the
// configuration needs more.
func Open(path string, overrides ...string) (*Sentinel, error) {
	// 1. Read the file. Without it there is nothing to check.
	file, err := configrewrite.Loader{CheckUsers: server.CheckUsers}.Load(path, overrides)
	if err != nil {
		return nil, err
	}
	s := &Sentinel{path: file.Path(), exit: os.Exit}
	var problems []error
	// 2. Can the state be saved, and can clients connect?
	problems = append(problems, file.CheckWritable())
	s.use(file)
	problems = append(problems, listen.CheckReachable(s.settings))
	// 3. Which users and command names are there?
	problems = append(problems, s.useRenames(), s.useACL())
	// 4. Are TLS and gossip configured correctly?
	problems = append(problems, s.useTLS(), checkGossip(s.settings.Gossip))
	// 5. Are there enough file descriptors?
	problems = append(problems, s.fitFiles())
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	d := s.users.Default()
	for _, a := range file.Advice(d.Enabled() && d.NoPass()) {
		s.warnings = append(s.warnings, a.String())
	}
	// 6. Only Run opens the log and the sockets.
	s.openLog = func() (logfile.Log, error) { return logfile.Open(s.settings) }
	s.listen = func(log logfile.Sink) (*listen.Sockets, error) { return listen.All(s.settings, s.tlsListeners(log)) }
	return s, nil
}

// useTLS reads the certificates that the settings name.
func (s *Sentinel) useTLS() (err error) {
	if !tlsfiles.Used(s.settings.TLS) {
		return nil
	}
	if s.tls, err = tlsfiles.New(s.settings.TLS, s.settings.Dir); err != nil {
		return err
	}
	if s.settings.TLS.Replication {
		s.dialTLS = s.tls.ClientConfig()
	}
	return nil
}

func (s *Sentinel) tlsListeners(log logfile.Sink) func(net.Listener) net.Listener {
	return func(ln net.Listener) net.Listener { return listen.TLS(ln, s.tls.ServerConfig, log.Log) }
}

func (s *Sentinel) use(file *configrewrite.File) {
	s.store, s.state, s.settings, s.warnings = file, file.State(), file.Settings(), file.Warnings()
	s.bus = pubsub.NewBus(pubsub.Limits{ClientQueueBytes: queueLimit(s.settings.OutputLimits.PubSub)})
	file.Track(s.live)
	file.Listen(func(text string) { s.Log(monitor.LevelWarning, text) })
}

// queueLimit returns how many bytes may wait for a subscriber. It is the lower of
// the hard and the soft limit, and applies at once instead of after the soft
// limit's seconds, because a subscriber that is so far behind does not catch up.
// 0, when neither is set, selects the default and does not mean unlimited.
func queueLimit(l configrewrite.OutputLimit) int {
	lowest := int64(math.MaxInt)
	for _, n := range []int64{l.HardBytes, l.SoftBytes} {
		if n > 0 {
			lowest = min(lowest, n)
		}
	}
	if lowest == math.MaxInt {
		return 0
	}
	return int(lowest)
}

// memory is the store of a Sentinel without a state file.
type memory struct{}

func (memory) Save(monitor.State) error { return nil }

// Addr returns the address of the RESP server, or nil while it is not open.
func (s *Sentinel) Addr() net.Addr {
	if a := s.addrs.Load(); a != nil && len(*a) > 0 {
		return (*a)[0]
	}
	return nil
}

// Dir returns the working directory that the configuration file asks for, or ""
// without a file. Scripts run in the working directory of the process.
func (s *Sentinel) Dir() string { return s.settings.Dir }

// Settings returns the settings of the process, with command-line overrides
// applied, for a daemon to act on.
func (s *Sentinel) Settings() configrewrite.Settings { return s.settings }

// Warnings returns one line of text for each questionable setting that was
// accepted. Run logs them.
func (s *Sentinel) Warnings() []string {
	list := append([]string(nil), s.warnings...)
	if s.tls != nil {
		list = append(list, s.tls.Warnings()...)
	}
	return list
}

// Log adds a line to the Sentinel's log. Outside of Run it does nothing. It never
// blocks.
func (s *Sentinel) Log(level monitor.Level, text string) {
	if log := s.log.Load(); log != nil {
		log.Log(level, text)
	}
}

// Alive waits for an answer from the goroutine that makes all decisions and
// returns true, or returns false when the Sentinel is not running. It is meant
// for watchdogs: while it blocks, the Sentinel is stuck.
func (s *Sentinel) Alive() bool {
	l := s.running.Load()
	return l != nil && l.View(func(server.Reader, monitor.Instant) {})
}

// Events returns the events from the moment of the call until ctx ends or the
// Sentinel stops. A consumer that is too slow receives a [Lagged] in place of the
// events it missed; it never slows down the Sentinel.
func (s *Sentinel) Events(ctx context.Context) iter.Seq[Event] { return s.bus.Events(ctx) }

// MasterAddr returns the address that clients should use for a master now. It
// returns false when no such master is monitored or the Sentinel is not running.
func (s *Sentinel) MasterAddr(name string) (HostPort, bool) {
	var addr HostPort
	var found bool
	s.view(func(c server.Reader, _ monitor.Instant) { addr, found = c.MasterAddr(name) })
	return addr, found
}

// Masters returns the state of every master, or nil when the Sentinel is not
// running.
func (s *Sentinel) Masters() []monitor.MasterView {
	var views []monitor.MasterView
	s.view(func(c server.Reader, now monitor.Instant) { views = c.Masters(now) })
	return views
}

func (s *Sentinel) view(f func(server.Reader, monitor.Instant)) {
	if l := s.running.Load(); l != nil {
		l.View(f)
	}
}

// Failover starts a failover of a master, which need not be down, and returns
// once it has begun. The errors are those of SENTINEL FAILOVER, such as
// [monitor.ErrNoGoodReplica], or ErrNotRunning.
func (s *Sentinel) Failover(name string) error {
	_, err := s.RequestFailover(monitor.FailoverOp{Name: name})
	return err
}

// RequestFailover is Failover for those who choose how it is made, or which replica
// is promoted; the Host of op.To is an IP address. It returns what the reply of
// SENTINEL FAILOVER says besides OK: what a forced failover loses.
func (s *Sentinel) RequestFailover(op monitor.FailoverOp) (text string, err error) {
	l := s.running.Load()
	if l == nil {
		return "", ErrNotRunning
	}
	r, ok := l.Call(op)
	if !ok {
		return "", ErrNotRunning
	}
	return r.Text, r.Err
}

// useRenames builds the command table with the renames that the settings ask for.
func (s *Sentinel) useRenames() (err error) {
	var warnings []string
	s.commands, warnings, err = server.NewCommands(s.settings.RenameCommands)
	s.warnings = append(s.warnings, warnings...)
	return err
}

// useACL creates the users that the settings ask for.
func (s *Sentinel) useACL() (err error) {
	var warnings []string
	s.users, s.aclFile, warnings, err = server.OpenUsers(s.settings)
	s.warnings = append(s.warnings, warnings...)
	return err
}

// live returns what configrewrite saves along with the core's state.
func (s *Sentinel) live() configrewrite.Live {
	now := configrewrite.Live{Users: s.users.Declarations()}
	if level := s.levelSet.Load(); level != nil {
		now.LogLevel = *level
	}
	return now
}

// setLogLevel returns a function that changes the log's level and remembers it
// for the next save.
func (s *Sentinel) setLogLevel(log logfile.Log) func(string) {
	return func(level string) {
		log.SetLevel(level)
		s.levelSet.Store(&level)
	}
}

// fitFiles raises the limit of open files as far as needed, and reduces
// maxclients to what fits.
func (s *Sentinel) fitFiles() error {
	clients, warnings, err := listen.FitFiles(&s.state, s.settings.MaxClients)
	if err != nil {
		return err
	}
	s.settings.MaxClients = clients
	s.warnings = append(s.warnings, warnings...)
	return nil
}

// ReloadTLS reads certificates, keys and authorities again; the daemon calls it
// on SIGHUP. New handshakes use them, open connections stay as they are. If the
// files are invalid, the previous ones stay in use and the error says what to
// fix. It returns nil when TLS is not used. Changed files are also noticed
// without this call, within a second of the next handshake.
//
// tls-protocols and tls-ciphers of outgoing connections are fixed at the start.
func (s *Sentinel) ReloadTLS() error {
	if s.tls == nil {
		return nil
	}
	return s.tls.Reload()
}
