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

// RedisVersion is the Redis version whose commands and error texts a Sentinel of
// this package has. Client libraries derive from it what they may send.
const RedisVersion = server.RedisVersion

// ErrNotRunning is returned by methods that need a running Sentinel.
var ErrNotRunning = errors.New("sentinel: not running")

// ErrSimulatedCrash is returned by [Sentinel.Run] when a client has asked for a
// crash at a certain point of a failover (SENTINEL SIMULATE-FAILURE) and that
// point was reached. A Sentinel from [Open] ends the process instead.
var ErrSimulatedCrash = errors.New("sentinel: crashed as SENTINEL SIMULATE-FAILURE asked for")

// crashStatus is the exit status of a simulated crash.
const crashStatus = 99

// Sentinel is one Sentinel. Its methods may be called concurrently.
type Sentinel struct {
	store    saver
	state    monitor.State
	settings configrewrite.Settings
	path     string // of the configuration file, "" without one
	warnings []string
	openLog  func() (logfile.Log, error)
	listen   func(logfile.Sink) (*listen.Sockets, error)
	users    *acl.List
	commands *server.Commands // by the names that clients have to use
	aclFile  *server.ACLFile  // nil without one
	tls      *tlsfiles.Keeper // nil when no file configures TLS
	dialTLS  *tls.Config      // nil: plain TCP
	hooks    Hooks
	record   *recorder.Recorder // nil: nothing is recorded
	exit     func(status int)   // of the process, for a simulated crash; nil in a library

	bus     *pubsub.Bus
	started atomic.Bool
	log     atomic.Pointer[logfile.Log] // while Run works
	running atomic.Pointer[loop]
	addrs   atomic.Pointer[[]net.Addr]

	levelSet atomic.Pointer[string] // the log level that was set at run time, nil if none was
}

// New returns a Sentinel for embedding. It does nothing until Run is called.
// The error says what is wrong with cfg or with the state file.
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

// ready returns s once its users are there.
func (s *Sentinel) ready() (*Sentinel, error) {
	if err := errors.Join(s.useRenames(), s.useACL()); err != nil {
		return nil, err
	}
	return s, nil
}

// Open returns a Sentinel that is configured by a file: a sentinel.toml if its
// name ends in .toml, else a sentinel.conf. Overrides are lines in sentinel.conf
// syntax that win over the file.
//
// It finds out everything that would keep the Sentinel from working, as far as
// that can be known before a port is opened, and the error joins all of it. For
// mistakes in the configuration it holds a [*configrewrite.Error], and for a
// place that cannot be written to a [*configrewrite.NotWritableError]. Nothing
// is changed, but that the limit of open files of this process is raised when
// the configuration needs more.
func Open(path string, overrides ...string) (*Sentinel, error) {
	// 1. Read the file. Without it there is nothing to judge.
	file, err := configrewrite.Loader{CheckUsers: server.CheckUsers}.Load(path, overrides)
	if err != nil {
		return nil, err
	}
	s := &Sentinel{path: file.Path(), exit: os.Exit}
	s.use(file)
	var problems []error
	// 2. Can state be kept, and can anyone connect?
	problems = append(problems, file.CheckWritable(), listen.CheckReachable(s.settings))
	// 3. Who may do what, by which names?
	problems = append(problems, s.useRenames(), s.useACL())
	// 4. How are connections and gossip protected?
	problems = append(problems, s.useTLS(), checkGossip(s.settings.Gossip))
	// 5. Does all of it fit into this process?
	problems = append(problems, s.fitFiles())
	if err := errors.Join(problems...); err != nil {
		return nil, err
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
}

// queueLimit is what may wait for a subscriber: the lower of both limits that
// are set, at once, because one that is that far behind does not catch up. 0,
// when none is set, is the default and not the absence of a limit.
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
// without one. Scripts run in the working directory of the process.
func (s *Sentinel) Dir() string { return s.settings.Dir }

// Settings returns the settings of the process, with what the command line
// changed, for a daemon to act on.
func (s *Sentinel) Settings() configrewrite.Settings { return s.settings }

// Warnings returns one line of text for each oddity of the configuration that
// was tolerated. Run logs them.
func (s *Sentinel) Warnings() []string {
	list := append([]string(nil), s.warnings...)
	if s.tls != nil {
		list = append(list, s.tls.Warnings()...)
	}
	return list
}

// Log adds a line to the log of the Sentinel while Run works, and does nothing
// otherwise. It never waits.
func (s *Sentinel) Log(level monitor.Level, text string) {
	if log := s.log.Load(); log != nil {
		log.Log(level, text)
	}
}

// Alive waits until the goroutine that makes all decisions has answered, and
// returns true; false when the Sentinel is not running. It is made for
// watchdogs: while it does not return, the Sentinel is stuck.
func (s *Sentinel) Alive() bool {
	l := s.running.Load()
	return l != nil && l.View(func(server.Reader, monitor.Instant) {})
}

// Events returns the events from the moment of the call until ctx ends or the
// Sentinel stops. A consumer that is too slow finds a [Lagged] in the place of
// what it missed; it never slows down the Sentinel.
func (s *Sentinel) Events(ctx context.Context) iter.Seq[Event] { return s.bus.Events(ctx) }

// MasterAddr returns the address that clients of a master should use now. It
// reports false when no such master is monitored or the Sentinel is not running.
func (s *Sentinel) MasterAddr(name string) (HostPort, bool) {
	var addr HostPort
	var found bool
	s.view(func(c server.Reader, _ monitor.Instant) { addr, found = c.MasterAddr(name) })
	return addr, found
}

// Masters returns the state of every master, nil when not running.
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

// Failover starts a failover of a master that need not be down, and returns
// once it has begun. Errors are those of SENTINEL FAILOVER, such as
// [monitor.ErrNoGoodReplica], or ErrNotRunning.
func (s *Sentinel) Failover(name string) error {
	l := s.running.Load()
	if l == nil {
		return ErrNotRunning
	}
	r, ok := l.Call(monitor.FailoverOp{Name: name})
	if !ok {
		return ErrNotRunning
	}
	return r.Err
}

// useRenames makes the commands by the names that the settings ask for.
func (s *Sentinel) useRenames() (err error) {
	var warnings []string
	s.commands, warnings, err = server.NewCommands(s.settings.RenameCommands)
	s.warnings = append(s.warnings, warnings...)
	return err
}

// useACL makes the users that the settings ask for.
func (s *Sentinel) useACL() (err error) {
	var warnings []string
	s.users, s.aclFile, warnings, err = server.OpenUsers(s.settings)
	s.warnings = append(s.warnings, warnings...)
	return err
}

// live returns what configrewrite saves along with the state.
func (s *Sentinel) live() configrewrite.Live {
	now := configrewrite.Live{Users: s.users.Declarations()}
	if level := s.levelSet.Load(); level != nil {
		now.LogLevel = *level
	}
	return now
}

// setLogLevel changes the level of a log, to be saved as well.
func (s *Sentinel) setLogLevel(log logfile.Log) func(string) {
	return func(level string) {
		log.SetLevel(level)
		s.levelSet.Store(&level)
	}
}

// fitFiles makes room for the files that are needed, and reduces maxclients to
// what is left.
func (s *Sentinel) fitFiles() error {
	clients, warnings, err := listen.FitFiles(&s.state, s.settings.MaxClients)
	if err != nil {
		return err
	}
	s.settings.MaxClients = clients
	s.warnings = append(s.warnings, warnings...)
	return nil
}

// ReloadTLS reads certificates, keys and authorities again, which the daemon
// does on SIGHUP. New handshakes use them; open connections stay as they are.
// When something is wrong with the files, what was in force stays in force and
// the error says what to mend. It returns nil when TLS is not used. A change of
// the files is noticed without this call too, within a second of the next
// handshake.
//
// tls-protocols and tls-ciphers of outgoing connections are fixed at the start.
func (s *Sentinel) ReloadTLS() error {
	if s.tls == nil {
		return nil
	}
	return s.tls.Reload()
}
