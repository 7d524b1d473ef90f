package sentinel

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/scripts"
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/monitor/link"
	"github.com/gosentinel/sentinel/pubsub"
)

// Version is the version of this package and of the daemon.
const Version = "0.1.0"

// Config describes a Sentinel that lives inside another program. The zero value
// of a field is its default.
type Config struct {
	// Listen is the address of the RESP server, ":26379" for example. Clients and
	// other Sentinels connect to it. "" means no server: such a Sentinel watches
	// and may lead, but cannot be asked for its vote.
	Listen string

	// StateFile keeps identity, epochs, votes and what was learned about the
	// masters, in TOML. It is created when missing. "" keeps all of it in memory:
	// after a restart this Sentinel has a new identity, and the others count it
	// twice until they are told to forget the old one (SENTINEL RESET).
	StateFile string

	// Masters are monitored from the start. What StateFile says about a master of
	// the same name, such as its address after a failover, wins.
	Masters []Master

	// Password is required from clients and peers (requirepass), and used towards
	// other Sentinels.
	Password string

	// AnnounceIP and AnnouncePort replace the address that other Sentinels are
	// told, for hosts behind NAT or in containers.
	AnnounceIP   string
	AnnouncePort int

	// Logger takes the log; nil discards it.
	Logger *slog.Logger
}

// Master is one master to monitor. Name, Addr and Quorum are required.
type Master struct {
	Name            string
	Addr            string        // "host:port"
	Quorum          int           // how many Sentinels must agree that it is down
	DownAfter       time.Duration // 0: 30 seconds
	FailoverTimeout time.Duration // 0: 3 minutes
	ParallelSyncs   int           // 0: 1
	AuthUser        string        // AUTH towards its servers; "" = none
	AuthPass        string
}

// ErrNotRunning is returned by methods that need a running Sentinel.
var ErrNotRunning = errors.New("sentinel: not running")

// Sentinel is one Sentinel. Its methods may be called concurrently.
type Sentinel struct {
	store    saver
	state    monitor.State
	settings configrewrite.Settings
	path     string // of the configuration file, "" without one
	warnings []string
	openLog  func() (runLog, error)
	listen   func() ([]net.Listener, error)

	bus     *pubsub.Bus
	started atomic.Bool
	running atomic.Pointer[loop]
	addrs   atomic.Pointer[[]net.Addr]
}

// New returns a Sentinel for embedding. It does nothing until Run is called.
// The error says what is wrong with cfg or with the state file.
func New(cfg Config) (*Sentinel, error) {
	base, err := cfg.base()
	if err != nil {
		return nil, err
	}
	s := &Sentinel{settings: base.Settings, openLog: slogLog(cfg.Logger)}
	s.listen = func() ([]net.Listener, error) { return listenOn(cfg.Listen) }
	if cfg.StateFile == "" {
		s.store, s.state = memory{}, base.State
		s.bus = pubsub.NewBus(pubsub.Limits{})
		return s, nil
	}
	file, err := configrewrite.New(cfg.StateFile, base)
	if err != nil {
		return nil, err
	}
	s.use(file)
	return s, nil
}

// Open returns a Sentinel that is configured by a file: a sentinel.toml if its
// name ends in .toml, else a sentinel.conf. Overrides are lines in sentinel.conf
// syntax that win over the file. All mistakes are reported at once, as a
// [*configrewrite.Error].
func Open(path string, overrides ...string) (*Sentinel, error) {
	file, err := configrewrite.Load(path, overrides)
	if err != nil {
		return nil, err
	}
	if err := file.CheckWritable(); err != nil {
		return nil, err
	}
	if err := refuse(file.Settings()); err != nil {
		return nil, err
	}
	s := &Sentinel{path: file.Path()}
	s.use(file)
	s.openLog = fileLog(s.settings)
	s.listen = func() ([]net.Listener, error) { return bindAll(s.settings) }
	return s, nil
}

func (s *Sentinel) use(file *configrewrite.File) {
	s.store, s.state, s.settings, s.warnings = file, file.State(), file.Settings(), file.Warnings()
	s.bus = pubsub.NewBus(pubsub.Limits{})
}

// memory is the store of a Sentinel without a state file.
type memory struct{}

func (memory) Save(monitor.State) error { return nil }

// base turns cfg into the form that a configuration file has.
func (cfg Config) base() (configrewrite.Config, error) {
	base := configrewrite.Config{Settings: configrewrite.DefaultSettings()}
	base.Settings.RequirePass = cfg.Password
	base.State.Options.AnnounceIP = cfg.AnnounceIP
	base.State.Options.AnnouncePort = cfg.AnnouncePort
	for _, m := range cfg.Masters {
		host, portText, err := net.SplitHostPort(m.Addr)
		if err != nil {
			return base, fmt.Errorf("sentinel: master %q: address %q must be host:port: %w", m.Name, m.Addr, err)
		}
		port, err := strconv.Atoi(portText)
		if err != nil || port < 1 || port > 65535 {
			return base, fmt.Errorf("sentinel: master %q: port %q must be a number from 1 to 65535", m.Name, portText)
		}
		addr, ok := monitor.IPAddr(host, port)
		if !ok {
			addr = monitor.Addr{Host: host, Port: port}
		}
		base.State.Masters = append(base.State.Masters, monitor.MasterState{MasterConfig: monitor.MasterConfig{
			Name: m.Name, Addr: addr, Quorum: m.Quorum, DownAfter: m.DownAfter, FailoverTimeout: m.FailoverTimeout,
			ParallelSyncs: m.ParallelSyncs, AuthUser: m.AuthUser, AuthPass: m.AuthPass,
		}})
	}
	return base, nil
}

// Run works until ctx ends or a client sends SHUTDOWN, and returns nil then. It
// may be called once. No goroutine outlives it.
//
// The listening sockets are opened before anything is written: a second start
// by mistake fails without touching the state of the first.
func (s *Sentinel) Run(ctx context.Context) (err error) {
	if s.started.Swap(true) {
		return errors.New("sentinel: Run was called before")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	log, err := s.openLog()
	if err != nil {
		return err
	}
	defer log.close()
	defer s.bus.Close()

	listeners, err := s.listen()
	if err != nil {
		log.Log(monitor.LevelWarning, err.Error())
		return err
	}
	port := portOf(listeners)
	if err := s.prepare(log, port); err != nil {
		closeAll(listeners)
		return err
	}
	l, stopShells, err := s.newLoop(log, port)
	if err != nil {
		closeAll(listeners)
		return err
	}
	s.serve(ctx, cancel, l, listeners, log, stopShells)
	log.Log(monitor.LevelWarning, "Sentinel is now ready to exit, bye bye...")
	return nil
}

// prepare gives this Sentinel an identity and makes sure that it can be kept.
func (s *Sentinel) prepare(log logSink, port int) error {
	log.Log(monitor.LevelNotice, "Running mode=sentinel, port="+strconv.Itoa(port)+".")
	for _, w := range s.warnings {
		log.Log(monitor.LevelWarning, w)
	}
	if s.state.Options.MyID == "" {
		s.state.Options.MyID = newRunID()
		if err := s.store.Save(s.state); err != nil {
			return fmt.Errorf("sentinel: the new identity cannot be saved: %w", err)
		}
		log.Log(monitor.LevelNotice, "Sentinel new configuration saved on disk")
	}
	log.Log(monitor.LevelNotice, "Sentinel ID is "+string(s.state.Options.MyID))
	return nil
}

// newLoop builds the core and everything that carries out its effects.
// stopShells ends the latter once the loop has ended.
func (s *Sentinel) newLoop(log logSink, port int) (l *loop, stopShells func(), err error) {
	l = &loop{clock: newClock(), store: s.store, log: log, publish: s.bus.Publish, lookup: lookupIP}
	l.start()
	l.core, err = monitor.New(l.clock.now(), monitor.Params{
		State: s.state, Port: port, PeerPass: s.settings.RequirePass, Seed: randomSeed(),
	})
	if err != nil {
		return nil, nil, err
	}
	pool := link.New(link.Config{
		Deliver: l.deliver, Now: l.clock.now, BindSource: s.settings.BindSourceAddr, Log: log.Log,
	})
	runner := scripts.New(scripts.Config{
		Emit: func(ev monitor.Event) { log.Event(ev); s.bus.Publish(ev) },
		Log:  log.Log,
	})
	l.links, l.script, l.scripts = pool, runner.Run, runner.Counts
	return l, func() { pool.Shutdown(); s.endScripts(runner, log) }, nil
}

// endScripts ends the script runner. A daemon that is stopped leaves its running
// scripts alone, as stock Sentinels do: one may be moving an address at this
// moment. Inside another program, which goes on, they are killed instead of
// left to nobody.
func (s *Sentinel) endScripts(runner *scripts.Runner, log logSink) {
	if running, _ := runner.Counts(); running > 0 && s.path != "" {
		return
	}
	now, cancel := context.WithCancel(context.Background())
	cancel()
	if err := runner.Close(now); err != nil {
		log.Log(monitor.LevelWarning, err.Error())
	}
}

// serve runs loop and front end until ctx ends.
func (s *Sentinel) serve(ctx context.Context, cancel func(), l *loop, listeners []net.Listener, log runLog, stopShells func()) {
	srv := newServer(s.serverConfig(cancel, l, log, portOf(listeners)), l, s.bus)
	var work sync.WaitGroup
	for _, ln := range listeners {
		work.Go(func() {
			if err := srv.serve(ln); err != nil {
				log.Log(monitor.LevelWarning, "The RESP server failed: "+err.Error())
				cancel()
			}
		})
	}
	addrs := make([]net.Addr, len(listeners))
	for k, ln := range listeners {
		addrs[k] = ln.Addr()
	}
	s.addrs.Store(&addrs)
	s.running.Store(l)
	l.run(ctx)
	s.running.Store(nil)
	srv.close()
	work.Wait()
	stopShells()
}

func (s *Sentinel) serverConfig(cancel func(), l *loop, log runLog, port int) serverConfig {
	executable, _ := os.Executable()
	return serverConfig{
		requirePass:   s.settings.RequirePass,
		protectedMode: s.settings.ProtectedMode,
		maxClients:    s.settings.MaxClients,
		idleTimeout:   s.settings.Timeout,
		version:       Version,
		runID:         string(newRunID()),
		port:          port,
		executable:    executable,
		configFile:    s.path,
		resolve:       l.lookup,
		shutdown: func() {
			log.Log(monitor.LevelNotice, "User requested shutdown...")
			cancel()
		},
		log:         log.Log,
		logLevel:    log.level,
		setLogLevel: log.setLevel,
		scripts:     l.scripts,
	}
}

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

// Events returns the events from the moment of the call until ctx ends or the
// Sentinel stops. A consumer that is too slow finds a [Lagged] in the place of
// what it missed; it never slows down the Sentinel.
func (s *Sentinel) Events(ctx context.Context) iter.Seq[Event] { return s.bus.Events(ctx) }

// MasterAddr returns the address that clients of a master should use now. It
// reports false when no such master is monitored or the Sentinel is not running.
func (s *Sentinel) MasterAddr(name string) (HostPort, bool) {
	var addr HostPort
	var found bool
	s.view(func(c *monitor.Core, _ monitor.Instant) { addr, found = c.MasterAddr(name) })
	return addr, found
}

// Masters returns the state of every master, nil when not running.
func (s *Sentinel) Masters() []monitor.MasterView {
	var views []monitor.MasterView
	s.view(func(c *monitor.Core, now monitor.Instant) { views = c.Masters(now) })
	return views
}

func (s *Sentinel) view(f func(*monitor.Core, monitor.Instant)) {
	if l := s.running.Load(); l != nil {
		l.query(f)
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
	r, ok := l.call(monitor.FailoverOp{Name: name})
	if !ok {
		return ErrNotRunning
	}
	return r.Err
}

// newRunID returns a random identity of 40 hexadecimal digits.
func newRunID() monitor.RunID {
	var b [20]byte
	rand.Read(b[:]) // never fails
	return monitor.RunID(hex.EncodeToString(b[:]))
}

func randomSeed() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:])
}
