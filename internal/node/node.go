package node

import (
	"context"
	"crypto/tls"
	"errors"
	"iter"
	"log/slog"
	"math"
	"net"
	"sync/atomic"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/acl"
	"github.com/gosentinel/sentinel/internal/listen"
	"github.com/gosentinel/sentinel/internal/logfile"
	"github.com/gosentinel/sentinel/internal/lookout"
	"github.com/gosentinel/sentinel/internal/mempipe"
	"github.com/gosentinel/sentinel/internal/recorder"
	"github.com/gosentinel/sentinel/internal/server"
	"github.com/gosentinel/sentinel/internal/tlsfiles"
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/pubsub"
)

// RedisVersion is the Redis version whose commands and error texts are reproduced.
// Client libraries infer from it which commands they may send.
const RedisVersion = server.RedisVersion

// ErrNotRunning is returned by methods that need a running Sentinel.
var ErrNotRunning = errors.New("sentinel: not running")

// ErrShutdown is returned by [Node.Run] after a client has sent SHUTDOWN.
var ErrShutdown = errors.New("sentinel: a client sent SHUTDOWN")

// ErrSimulatedCrash is returned by [Node.Run] when a client asked for a crash
// at some point of a failover (SENTINEL SIMULATE-FAILURE) and that point was
// reached. A daemon exits instead.
var ErrSimulatedCrash = errors.New("sentinel: crashed as SENTINEL SIMULATE-FAILURE asked for")

// crashStatus is the exit status of a simulated crash.
const crashStatus = 99

// Node is one Sentinel, made by [New] or [Open]. Its methods are safe for
// concurrent use, except [Node.SetHooks] and [Node.Record], which come before
// Run.
type Node struct {
	store    saver
	load     func(ctx, saving context.Context) error // reads the state at the start of Run; nil: New has
	state    monitor.State
	settings configrewrite.Settings
	path     string // of the configuration file, "" without one

	reread    func() (*configrewrite.File, error) // of New: reads the state anew; nil: it cannot be
	journalAt string                              // file of the state, beside which the journal is kept; "" keeps it in memory
	warnings  []string
	advice    []configrewrite.Advice
	files     string // what FitFiles says, for the log
	openLog   func() (logfile.Log, error)
	listen    func(logfile.Sink) (*listen.Sockets, error)
	users     *acl.List
	commands  *server.Commands // under their names after rename-command
	aclFile   *server.ACLFile  // nil without one
	tls       *tlsfiles.Keeper // nil when no file configures TLS
	dialTLS   *tls.Config      // nil: plain TCP
	dial      DialFunc         // nil: TCP
	resolver  Resolver         // nil: that of the system
	policy    Policy
	shutdown  bool // clients may end this Sentinel with SHUTDOWN
	hooks     Hooks
	record    *recorder.Recorder // nil: nothing is recorded
	process   Process
	room      listen.Room

	console attached
	vitals  atomic.Pointer[func() lookout.Vitals] // of the running Sentinel

	bus     *pubsub.Bus
	started atomic.Bool
	log     atomic.Pointer[logfile.Log] // non-nil while Run is running
	running atomic.Pointer[loop]
	addrs   atomic.Pointer[[]net.Addr]
	opened  chan struct{} // closed when Ready says so
	inner   *mempipe.Listener

	levelSet atomic.Pointer[string] // the log level set at run time; nil if it was not changed
}

// Config is what a Sentinel in another program is made of.
type Config struct {
	Base      configrewrite.Config // settings and the first state
	StateFile string               // "" keeps the state in Store
	Store     Store                // nil keeps it in memory
	Logger    *slog.Logger         // nil discards the log
	Listen    func(logfile.Sink) (*listen.Sockets, error)
	DialTLS   *tls.Config // nil: plain TCP
	Dial      DialFunc    // nil: TCP
	Resolver  Resolver    // nil: the system's

	Policy        Policy // what the program says to failovers
	EventsBytes   int    // that wait for a reader of Events; 0: as package pubsub has it
	AllowShutdown bool   // clients may end this Sentinel with SHUTDOWN
}

// DialFunc opens a connection to an IP address with a port.
type DialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// checked returns a function that never returns nothing at all, which would take the
// program down.
func (d DialFunc) checked() DialFunc {
	if d == nil {
		return nil
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := d(ctx, network, addr)
		if nc == nil && err == nil {
			err = errors.New("Config.Dial has returned neither a connection nor an error")
		}
		return nc, err
	}
}

// New returns a Node for embedding. It does nothing until Run is called. The error
// joins all mistakes in cfg, or describes what is wrong with the state file.
func New(cfg Config) (*Node, error) {
	n := &Node{
		settings: cfg.Base.Settings, listen: cfg.Listen, dialTLS: cfg.DialTLS, dial: cfg.Dial.checked(), resolver: cfg.Resolver,
		policy: cfg.Policy, shutdown: cfg.AllowShutdown,
		opened: make(chan struct{}), inner: mempipe.Listen(inProcess),
		openLog: func() (logfile.Log, error) { return logfile.Slog(cfg.Logger), nil },
	}
	n.bus = pubsub.NewBus(pubsub.Limits{ClientQueueBytes: queueLimit(n.settings.OutputLimits.PubSub), EventsQueueBytes: cfg.EventsBytes})
	switch {
	case cfg.StateFile != "":
		n.reread = func() (*configrewrite.File, error) { return n.loader().New(cfg.StateFile, cfg.Base) }
		file, err := n.reread()
		if err != nil {
			return nil, err
		}
		n.use(file)
		n.journalAt = file.StatePath()
	case cfg.Store != nil:
		n.load = func(ctx context.Context, saving context.Context) error {
			return n.useStore(ctx, saving, cfg.Store, cfg.Base)
		}
		// Run reads the store. What is wrong with the rest is found now.
		fallthrough
	default:
		n.store, n.state = memory{}, cfg.Base.State
	}
	if err := errors.Join(n.useRenames(), n.useACL()); err != nil {
		return nil, err
	}
	return n, nil
}

// names returns the resolver of host names.
func (n *Node) names() resolver { return newResolver(n.resolver, n.settings.BindSourceAddr) }

// loader returns what reads the configuration of an embedding program.
func (n *Node) loader() configrewrite.Loader {
	return configrewrite.Loader{CheckUsers: server.CheckUsers, Resolve: n.names().one}
}

// Process is what a Node may do to the process that it runs in. A daemon sets all
// of it. With the zero value the process is left alone.
type Process struct {
	// FitFiles raises the limit of open files as far as needed, and returns what it
	// has room for.
	FitFiles func(st *monitor.State, maxClients, others int) (listen.Files, error)
	// Exit ends the process at a simulated crash.
	Exit func(status int)
	// Console makes what operators see.
	Console func(lookout.Source) lookout.Console
}

// Open returns a Node that is configured by a file: a sentinel.toml if its name
// ends in .toml, otherwise a sentinel.conf. Overrides are lines in sentinel.conf
// syntax that take precedence over the file.
//
// Open finds everything that would keep the Sentinel from working, as far as that
// can be known before a port is opened, and the error joins all of it. For
// mistakes in the configuration it wraps a [*configrewrite.Error], and for a
// place that cannot be written to a [*configrewrite.NotWritableError]. Nothing is
// changed, except for what process says.
func Open(path string, process Process, overrides ...string) (*Node, error) {
	// 1. Read the file. Without it there is nothing to check.
	file, err := configrewrite.Loader{CheckUsers: server.CheckUsers}.Load(path, overrides)
	if err != nil {
		return nil, err
	}
	n := &Node{path: file.Path(), process: process, shutdown: true, opened: make(chan struct{}), inner: mempipe.Listen(inProcess)}
	if process.Console != nil {
		n.Attach(process.Console)
	}
	var problems []error
	// 2. Can the state be saved, and can clients connect?
	problems = append(problems, file.CheckWritable())
	n.use(file)
	n.journalAt = file.StatePath()
	n.bus = pubsub.NewBus(pubsub.Limits{ClientQueueBytes: queueLimit(n.settings.OutputLimits.PubSub)})
	problems = append(problems, listen.CheckReachable(n.settings))
	// 3. Which users and command names are there?
	problems = append(problems, n.useRenames(), n.useACL())
	// 4. Are TLS and gossip configured correctly?
	problems = append(problems, n.useTLS(), errors.Join(CheckGossip(n.settings.Gossip, nil)...))
	// 5. Are there enough file descriptors?
	problems = append(problems, n.fitFiles())
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	d := n.users.Default()
	n.advice = file.Advice(d.Enabled() && d.NoPass())
	for _, a := range n.advice {
		n.warnings = append(n.warnings, a.String())
	}
	// 6. Only Run opens the log and the sockets.
	n.openLog = func() (logfile.Log, error) { return logfile.Open(n.settings) }
	n.listen = func(log logfile.Sink) (*listen.Sockets, error) { return listen.All(n.settings, n.tlsListeners(log)) }
	return n, nil
}

// useTLS reads the certificates that the settings name.
func (n *Node) useTLS() (err error) {
	if !tlsfiles.Used(n.settings.TLS) && !(n.settings.HTTP.TLS && n.settings.HTTP.Port != 0) {
		return nil
	}
	set := n.settings.TLS
	if !tlsfiles.Used(set) { // for HTTP alone, which asks nobody for a certificate
		set.AuthClients = "no"
	}
	if n.tls, err = tlsfiles.New(set, n.settings.Dir); err != nil {
		return err
	}
	if n.settings.TLS.Replication {
		n.dialTLS = n.tls.ClientConfig()
	}
	return nil
}

func (n *Node) tlsListeners(log logfile.Sink) func(net.Listener) net.Listener {
	return func(ln net.Listener) net.Listener { return listen.TLS(ln, n.tls.ServerConfig, log.Log) }
}

func (n *Node) use(file *configrewrite.File) {
	n.store, n.state, n.settings, n.warnings = file, file.State(), file.Settings(), file.Warnings()
	file.Track(n.live)
	file.Listen(func(text string) { n.Log(monitor.LevelWarning, text) })
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

// inProcess is the address that a client has which is part of the program.
const inProcess = "in-process"

// DialRESP returns a connection to the RESP server from within the process.
func (n *Node) DialRESP(ctx context.Context) (net.Conn, error) {
	if n.running.Load() == nil {
		return nil, ErrNotRunning
	}
	nc, err := n.inner.Dial(ctx)
	if errors.Is(err, net.ErrClosed) {
		err = ErrNotRunning
	}
	return nc, err
}

// Ready returns a channel that is closed when the sockets are open, the identity is
// durable and monitoring is about to begin. It stays open if Run fails before.
func (n *Node) Ready() <-chan struct{} { return n.opened }

// Addr returns the address of the RESP server, or nil while it is not open.
func (n *Node) Addr() net.Addr {
	if a := n.addrs.Load(); a != nil && len(*a) > 0 {
		return (*a)[0]
	}
	return nil
}

// Dir returns the working directory that the configuration file asks for, or ""
// without a file. Scripts run in the working directory of the process.
func (n *Node) Dir() string { return n.settings.Dir }

// Settings returns the settings of the process, with command-line overrides
// applied, for a daemon to act on.
func (n *Node) Settings() configrewrite.Settings { return n.settings }

// Advice returns what is legal in the file and will most likely not do what is wanted. It
// is among the Warnings, too.
func (n *Node) Advice() []configrewrite.Advice { return n.advice }

// Warnings returns one line of text for each questionable setting that was
// accepted. Run logs them.
func (n *Node) Warnings() []string {
	list := append([]string(nil), n.warnings...)
	if n.tls != nil {
		list = append(list, n.tls.Warnings()...)
	}
	return list
}

// Log adds a line to the Sentinel's log. Outside of Run it does nothing. It never
// blocks.
func (n *Node) Log(level monitor.Level, text string) {
	if log := n.log.Load(); log != nil {
		log.Log(level, text)
	}
}

// Alive waits for an answer from the goroutine that makes all decisions and
// returns true, or returns false when the Sentinel is not running. It is meant
// for watchdogs: while it blocks, the Sentinel is stuck.
func (n *Node) Alive() bool {
	l := n.running.Load()
	return l != nil && l.View(func(server.Reader, monitor.Instant) {})
}

// Events returns the events from the moment of the call until ctx ends or the
// Sentinel stops. A consumer that is too slow receives a [event.Lagged] in place of the
// events it missed; it never slows down the Sentinel.
func (n *Node) Events(ctx context.Context) iter.Seq[pubsub.Event] { return n.bus.Events(ctx) }

func (n *Node) view(f func(server.Reader, monitor.Instant)) {
	if l := n.running.Load(); l != nil {
		l.View(f)
	}
}

// useRenames builds the command table with the renames that the settings ask for.
func (n *Node) useRenames() (err error) {
	var warnings []string
	n.commands, warnings, err = server.NewCommands(n.settings.RenameCommands)
	n.warnings = append(n.warnings, warnings...)
	return err
}

// useACL creates the users that the settings ask for.
func (n *Node) useACL() (err error) {
	var warnings []string
	n.users, n.aclFile, warnings, err = server.OpenUsers(n.settings)
	n.warnings = append(n.warnings, warnings...)
	return err
}

// live returns what configrewrite saves along with the core's state.
func (n *Node) live() configrewrite.Live {
	now := configrewrite.Live{Users: n.users.Declarations()}
	if level := n.levelSet.Load(); level != nil {
		now.LogLevel = *level
	}
	return now
}

// setLogLevel returns a function that changes the log's level and remembers it
// for the next save.
func (n *Node) setLogLevel(log logfile.Log) func(string) {
	return func(level string) {
		log.SetLevel(level)
		n.levelSet.Store(&level)
	}
}

// fitFiles reduces maxclients to what fits into the limit of open files.
func (n *Node) fitFiles() error {
	if n.process.FitFiles == nil {
		return nil
	}
	others := 0
	if c := n.console.get(); c != nil && n.settings.HTTP.Port != 0 {
		others = c.MaxConns()
	}
	files, err := n.process.FitFiles(&n.state, n.settings.MaxClients, others)
	if err != nil {
		return err
	}
	n.settings.MaxClients, n.files = files.Clients, files.Need
	n.room.Limit, n.room.Clients, n.room.Others = files.Limit, files.Clients, others
	n.warnings = append(n.warnings, files.Warnings...)
	return nil
}

// ReloadTLS reads certificates, keys and authorities again; the daemon calls it
// on SIGHUP. New handshakes use them, open connections stay as they are. If the
// files are invalid, the previous ones stay in use and the error says what to
// fix. It returns nil when TLS is not used. Changed files are also noticed
// without this call, within a second of the next handshake.
//
// tls-protocols and tls-ciphers of outgoing connections are fixed at the start.
func (n *Node) ReloadTLS() error {
	if n.tls == nil {
		return nil
	}
	return n.tls.Reload()
}
