package sentinel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/redcon"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/gossip"
	"github.com/gosentinel/sentinel/internal/acl"
	"github.com/gosentinel/sentinel/internal/respguard"
	"github.com/gosentinel/sentinel/internal/scripts"
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/pubsub"
)

// engine is the loop that owns the core, as the RESP front end sees it. Every
// method waits for the loop and may be called from any goroutine. The results
// that are bool are false when the loop is stopping.
type engine interface {
	query(f func(c *monitor.Core, now monitor.Instant)) bool // runs f on the loop goroutine
	call(op monitor.Op) (monitor.CallResult, bool)           // waits for the disk where the result depends on it
	ask(q monitor.Ask) (monitor.Reply, bool)                 // From is filled in by the engine
	hello(h monitor.Hello)
}

// coreReader is what the commands read from the core, on the loop goroutine.
type coreReader interface {
	Masters(monitor.Instant) []monitor.MasterView
	Master(monitor.Instant, string) (monitor.MasterView, bool)
	Replicas(monitor.Instant, string) ([]monitor.ReplicaView, bool)
	Sentinels(monitor.Instant, string) ([]monitor.SentinelView, bool)
	MasterAddr(string) (monitor.HostPort, bool)
	Options() monitor.Options
	Tunables() monitor.Tunables
	Failures() monitor.Failures
	Tilt(monitor.Instant) (bool, time.Duration)
}

// backend is engine with the core narrowed to what is read of it, so that the
// commands can be tested against states that a real core reaches slowly.
type backend interface {
	read(f func(c coreReader, now monitor.Instant)) bool
	call(op monitor.Op) (monitor.CallResult, bool)
	ask(q monitor.Ask) (monitor.Reply, bool)
	hello(h monitor.Hello)
}

type engineBackend struct{ engine }

func (b engineBackend) read(f func(coreReader, monitor.Instant)) bool {
	return b.query(func(c *monitor.Core, now monitor.Instant) { f(c, now) })
}

// serverConfig is what the front end needs to know. Functions left nil take
// defaults that do nothing.
type serverConfig struct {
	users         *acl.List     // nil = the default user alone, without a password
	aclFile       *aclFile      // nil = none
	commands      *commandTable // nil = serverCommands
	protectedMode bool          // serve strangers only over loopback while there is no password
	maxClients    int           // 0 = 10000
	idleTimeout   time.Duration // 0 = never

	version    string   // of gosentinel, for INFO
	runID      string   // of this process, for INFO; unrelated to MyID
	supervisor string   // for INFO; "" = none
	port       int      // for INFO
	listeners  []string // lines for INFO
	executable string   // for INFO
	configFile string   // for INFO

	resolve     func(ctx context.Context, host string) string // "" when the name does not resolve
	shutdown    func()                                        // SHUTDOWN; must return at once
	log         func(monitor.Level, string)                   // must not block
	logLevel    func() string
	setLogLevel func(string) // gets a name that logLevels has
	scripts     scriptQueue
	gossip      gossipReader
}

// gossipReader is what the commands see of gossip.
type gossipReader interface {
	endpoint(announceIP string) monitor.GossipEndpoint
	state(monitor.SentinelView) string
	stats() gossip.Stats
}

// noGossip is the gossip of a Sentinel that has none.
type noGossip struct{}

func (noGossip) endpoint(string) monitor.GossipEndpoint {
	return monitor.GossipEndpoint{Version: Version}
}
func (noGossip) state(monitor.SentinelView) string { return "off" }
func (noGossip) stats() gossip.Stats               { return gossip.Stats{} }

// scriptQueue is what the commands see and change of the script runner.
type scriptQueue interface {
	Counts() (running, queued int) // queued includes running
	Pending() []scripts.Job
	MaxRuntime() time.Duration
	SetMaxRuntime(time.Duration)
	RetryDelay() time.Duration
	SetRetryDelay(time.Duration)
}

func (cfg serverConfig) withDefaults() serverConfig {
	if cfg.users == nil {
		cfg.users = newUsers(configrewrite.DefaultSettings())
	}
	if cfg.commands == nil {
		cfg.commands = serverCommands()
	}
	if cfg.resolve == nil {
		cfg.resolve = func(context.Context, string) string { return "" }
	}
	if cfg.shutdown == nil {
		cfg.shutdown = func() {}
	}
	if cfg.log == nil {
		cfg.log = func(monitor.Level, string) {}
	}
	if cfg.logLevel == nil {
		cfg.logLevel = func() string { return "notice" }
	}
	if cfg.setLogLevel == nil {
		cfg.setLogLevel = func(string) {}
	}
	if cfg.scripts == nil {
		cfg.scripts = noScripts{}
	}
	if cfg.gossip == nil {
		cfg.gossip = noGossip{}
	}
	return cfg
}

// noScripts is the queue of a Sentinel that runs no scripts.
type noScripts struct{}

func (noScripts) Counts() (running, queued int) { return 0, 0 }
func (noScripts) Pending() []scripts.Job        { return nil }
func (noScripts) MaxRuntime() time.Duration     { return scripts.DefaultMaxRuntime }
func (noScripts) SetMaxRuntime(time.Duration)   {}
func (noScripts) RetryDelay() time.Duration     { return scripts.DefaultRetryDelay }
func (noScripts) SetRetryDelay(time.Duration)   {}

// server is the RESP front end: it turns the commands of clients, peers and
// operators into queries and operations of the engine. redcon reads them,
// behind a guard that lets nothing but whole, valid commands through.
//
// A connection has one goroutine, which executes its commands one after the
// other, and a second one while it is subscribed, which writes events.
type server struct {
	cfg      serverConfig
	backend  backend
	bus      *pubsub.Bus
	guard    *respguard.Guard
	commands *commandTable
	pause    *pause
	started  time.Time

	work sync.WaitGroup // every goroutine of every connection, and serve itself

	mu        sync.Mutex
	closed    bool
	lifetime  context.Context // ends with close: nothing that waits may hold that up
	end       context.CancelFunc
	listeners map[net.Listener]struct{}
	clients   map[uint64]*client

	lastID      atomic.Uint64
	connections atomic.Uint64
	processed   atomic.Uint64
	errorsSent  atomic.Uint64
	bytesIn     atomic.Uint64
	bytesOut    atomic.Uint64
}

func newServer(cfg serverConfig, eng engine, bus *pubsub.Bus) *server {
	return newServerOn(cfg, engineBackend{eng}, bus)
}

func newServerOn(cfg serverConfig, b backend, bus *pubsub.Bus) *server {
	lifetime, end := context.WithCancel(context.Background())
	cfg = cfg.withDefaults()
	s := &server{
		cfg:       cfg,
		backend:   b,
		bus:       bus,
		commands:  cfg.commands,
		pause:     newPause(),
		lifetime:  lifetime,
		end:       end,
		started:   time.Now(),
		listeners: make(map[net.Listener]struct{}),
		clients:   make(map[uint64]*client),
	}
	s.guard = respguard.New(respguard.Limits{
		MaxClients:   s.cfg.maxClients,
		IdleTimeout:  s.cfg.idleTimeout,
		AuthRequired: true, // until newClient knows better
		OnAcceptError: func(err error, pause time.Duration) {
			s.cfg.log(monitor.LevelWarning, fmt.Sprintf("Error accepting a client connection, trying again in %v: %v", pause, err))
		},
	})
	return s
}

// serve answers the clients of ln until close is called, and then returns nil.
// It may be called for several listeners at once; the limits count over all.
func (s *server) serve(ln net.Listener) error {
	guarded := s.guard.Listener(ln)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		guarded.Close() // the end came before the beginning
		return nil
	}
	s.listeners[guarded] = struct{}{}
	s.work.Add(1) // keeps the count above zero while connections are added
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, guarded)
		s.mu.Unlock()
		s.work.Done()
	}()
	return redcon.Serve(guarded, s.handle, s.accept, s.gone)
}

// close ends all connections and returns when no goroutine of the server is
// left, which redcon does not wait for. Commands that wait for the engine hold
// it up, so the engine must be stopping or still working.
func (s *server) close() {
	s.mu.Lock()
	s.closed = true
	s.end()
	for ln := range s.listeners {
		ln.Close()
	}
	s.mu.Unlock()
	for _, c := range s.snapshot() { // accept adds none any more
		c.conn.Close()
	}
	s.work.Wait()
}

// accept is called by redcon for each new connection.
func (s *server) accept(rc redcon.Conn) bool {
	conn := rc.NetConn().(*respguard.Conn)
	if s.cfg.protectedMode && s.cfg.users.Default().NoPass() && !isLocal(conn.RemoteAddr()) {
		respguard.Refuse(conn, deniedText)
		return false
	}
	c := newClient(s, conn)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.clients[c.id] = c
	s.work.Add(1)
	rc.SetContext(c)
	return true
}

// deniedText says what to do, in one line, because a client reads one line as
// the reply.
const deniedText = "DENIED gosentinel runs in protected mode and no password is set, so it serves connections from the " +
	"loopback interface only. To be reachable from here, set a password (requirepass) or 'protected-mode no' and restart it."

func isLocal(a net.Addr) bool {
	if a.Network() == "unix" {
		return true
	}
	ap, err := netip.ParseAddrPort(a.String())
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

// gone is called by redcon at the end of each accepted connection, with the
// lock of redcon's server held: nothing here may wait.
func (s *server) gone(rc redcon.Conn, err error) {
	c := rc.Context().(*client)
	s.mu.Lock()
	delete(s.clients, c.id)
	s.mu.Unlock()
	c.end()
	var bad *respguard.Violation
	if errors.As(err, &bad) {
		s.cfg.log(monitor.LevelVerbose, "Client "+c.addr+": "+bad.Error())
	}
	s.work.Done()
}

// handle is called by redcon for each command, on the goroutine of the
// connection.
func (s *server) handle(rc redcon.Conn, cmd redcon.Command) {
	c := rc.Context().(*client)
	if c.closing || c.killed.Load() {
		return // what was sent behind QUIT is not executed
	}
	s.bytesIn.Add(uint64(len(cmd.Raw)))
	s.execute(c, cmd.Args)
	if c.closing || len(c.out.buf) >= flushBytes || len(rc.PeekPipeline()) == 0 {
		c.flush()
	}
	if c.closing {
		rc.Close()
	}
}

// snapshot returns the clients, oldest first.
func (s *server) snapshot() []*client {
	s.mu.Lock()
	list := make([]*client, 0, len(s.clients))
	for _, c := range s.clients {
		list = append(list, c)
	}
	s.mu.Unlock()
	sortClients(list)
	return list
}

func (s *server) hasClient(id uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clients[id] != nil
}

func (s *server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}
