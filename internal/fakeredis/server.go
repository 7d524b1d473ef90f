package fakeredis

import (
	"cmp"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/internal/respguard"
	"github.com/tidwall/redcon"
)

// Server is a running mini-Redis. Its methods are safe for concurrent use.
type Server struct {
	log     *slog.Logger
	hook    Hook // nil: none
	file    string
	addr    string
	host    string
	port    int
	runID   string
	ids     io.Reader // guarded by mu once the server has started
	dial    dialFunc
	redial  time.Duration
	started time.Time

	rc      *redcon.Server
	sockets sockets
	gate    gate
	wake    chan struct{} // wakes the timer goroutine when a deadline may be earlier

	stop     sync.Once
	stopping chan struct{}
	crash    bool // whether to stop by a crash; written before stopping is closed
	done     chan struct{}
	handlers sync.WaitGroup // redcon's accept loop and connections, the link to the master
	writers  sync.WaitGroup // outboxes

	// mu takes the place of Redis's single thread: its holder executes commands.
	mu       sync.Mutex
	settings settings
	db       *keyspace
	clients  map[int64]*client
	nextID   int64
	ended    bool // no new client or link may start
	stats    stats
	subs     subscriptions

	repl      replication
	replicas  []*client // attached replicas, in order of attachment
	link      *masterLink
	outgoing  [][]string // changes of the command being executed
	executing *client    // the client whose EXEC is being executed; nil otherwise

	pause    pauseState
	nextCron time.Time
	nextPing time.Time // when to send the next PING to the replication stream
}

// stats are the counters of INFO; CONFIG RESETSTAT clears them.
type stats struct {
	connections, commands, rejected       int64
	syncFull, syncPartial, syncPartialErr int64
	cut                                   int64 // clients disconnected for exceeding a limit
}

// Start starts a server and returns once it listens. The error says which part of
// the configuration is wrong, or why the address cannot be listened on.
func Start(cfg Config) (*Server, error) {
	st, masterHost, masterPort, err := cfg.prepare()
	if err != nil {
		return nil, err
	}
	ln, err := cfg.listen()
	if err != nil {
		return nil, err
	}
	s := &Server{
		log: cfg.Logger, hook: cfg.Hook, file: cfg.file, addr: ln.Addr().String(), ids: cfg.ids(), dial: cfg.dialer(), redial: cmp.Or(cfg.Redial, redialPeriod), started: time.Now(),
		wake: make(chan struct{}, 1), stopping: make(chan struct{}), done: make(chan struct{}),
		settings: st, db: newKeyspace(), clients: make(map[int64]*client),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.log = s.log.With("redis", s.addr)
	tcp := ln.Addr().(*net.TCPAddr)
	s.host, s.port = tcp.IP.String(), tcp.Port
	s.runID = newID(s.ids)
	s.repl.init(cfg.Data, masterHost != "", newID(s.ids))
	if cfg.Data != nil {
		s.db = cfg.Data.db.clone()
	}
	s.subs.init()
	s.nextCron = s.started.Add(cronPeriod)
	s.nextPing = s.started
	if masterHost != "" {
		s.mu.Lock()
		s.follow(masterHost, masterPort)
		s.mu.Unlock()
	}
	s.serve(ln)
	return s, nil
}

// newID returns an id of 40 hexadecimal digits, the form of run ids and
// replication ids.
func newID(source io.Reader) string {
	var b [20]byte
	_, _ = io.ReadFull(source, b[:]) // crypto/rand never fails, by its documentation
	return hex.EncodeToString(b[:])
}

// serve starts the goroutines of the server.
func (s *Server) serve(ln net.Listener) {
	guarded := respguard.NewListener(&listener{Listener: ln, sockets: &s.sockets}, s.limits())
	s.rc = redcon.NewServerNetwork("tcp", s.addr, s.handle, s.accept, s.closed)
	s.handlers.Go(func() {
		// It ends when the listener is closed; the guard reports and retries any
		// other failure.
		_ = s.rc.Serve(guarded)
	})
	go s.run(guarded)
}

// limits returns the limits of the guard in front of redcon.
func (s *Server) limits() respguard.Limits {
	return respguard.Limits{
		MaxArgs: maxArgs, MaxBulkBytes: maxBulkBytes, MaxCommandBytes: maxCommandBytes, TotalBytes: 512 << 20,
		OnAcceptError: func(err error, pause time.Duration) {
			s.log.Error("cannot accept a connection; trying again", "err", err, "pause", pause)
		},
	}
}

// run executes timers, and tears everything down at the end.
func (s *Server) run(ln net.Listener) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-s.wake:
		case <-s.stopping:
			s.tearDown(ln)
			return
		}
		if s.enter() {
			timer.Reset(time.Until(s.timers(time.Now())))
			s.mu.Unlock()
		}
	}
}

// tearDown ends all goroutines and closes done.
func (s *Server) tearDown(ln net.Listener) {
	if s.crash {
		s.sockets.reset()
	}
	s.gate.open(true)
	s.mu.Lock()
	s.ended = true
	link := s.link
	for _, c := range s.sortedClients() {
		if s.crash {
			s.drop(c)
		} else {
			c.out.finish()
		}
	}
	s.mu.Unlock()
	if link != nil {
		link.stop()
	}
	if !s.crash {
		s.writers.Wait() // before redcon closes their connections
	}
	_ = ln.Close() // ends the accept loop, which closes the remaining connections
	s.handlers.Wait()
	s.writers.Wait()
	close(s.done)
}

// Addr returns the address that the server listens on, as "ip:port".
func (s *Server) Addr() string { return s.addr }

// Port returns the port that the server listens on.
func (s *Server) Port() int { return s.port }

// RunID returns the id of this run, as INFO shows it.
func (s *Server) RunID() string { return s.runID }

// Done returns a channel that is closed when the server has ended, for any
// reason: Close, Crash or SHUTDOWN.
func (s *Server) Done() <-chan struct{} { return s.done }

// Close ends the server in an orderly way: clients get the replies that are
// queued, then connections are closed. It returns when no goroutine and no socket
// of the server is left. It may be called again, and after Crash.
func (s *Server) Close() { s.end(false) }

// Crash ends the server as kill -9 would: nothing more is written and every
// connection is reset. It returns when no goroutine and no socket of the server
// is left. It may be called again, and after Close.
func (s *Server) Crash() { s.end(true) }

func (s *Server) end(crash bool) {
	s.requestStop(crash)
	<-s.done
}

// requestStop starts the shutdown without waiting for it, so that a command can
// call it.
func (s *Server) requestStop(crash bool) {
	s.stop.Do(func() {
		s.crash = crash
		close(s.stopping)
		s.gate.open(true) // a paused server must be able to end
	})
}

// Pause freezes the server as SIGSTOP does: connections stay open and the kernel
// accepts new ones, but nothing is answered, replicated or timed. When Pause
// returns, no command is being executed. A second Pause has no effect.
func (s *Server) Pause() {
	s.gate.close()
	s.mu.Lock() // the last command has finished now
	defer s.mu.Unlock()
	s.log.Info("paused")
}

// Resume continues after Pause: everything received in the meantime is executed.
func (s *Server) Resume() {
	s.gate.open(false)
	s.log.Info("resumed")
}

// Data returns a copy of the data with its replication id and offset. It may be
// called at any time, even after the end.
func (s *Server) Data() *Data {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Data{db: s.db.clone(), id: s.repl.id, offset: s.repl.offset}
}

// enter locks mu to execute something. It waits while the server is paused. It
// reports false, without the lock, if the server is ending.
func (s *Server) enter() bool {
	for {
		s.gate.wait()
		s.mu.Lock()
		if s.ended {
			s.mu.Unlock()
			return false
		}
		if !s.gate.isShut() {
			return true
		}
		s.mu.Unlock() // Pause came between the gate and the lock
	}
}

// wakeTimer makes the timer goroutine check the deadlines again.
func (s *Server) wakeTimer() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// accept registers a new connection. redcon calls it from its accept loop.
func (s *Server) accept(rc redcon.Conn) bool {
	if !s.enter() {
		return false
	}
	defer s.mu.Unlock()
	if len(s.clients) >= s.settings.maxClients {
		s.stats.rejected++
		rc.WriteError("ERR max number of clients reached")
		return false
	}
	conn := rc.NetConn()
	now := time.Now()
	s.nextID++
	c := &client{
		id: s.nextID, conn: conn, out: newOutbox(conn, &s.gate, normalOutputLimit),
		addr: conn.RemoteAddr().String(), localAddr: conn.LocalAddr().String(), proto: 2, created: now, active: now, lastCmd: "NULL",
	}
	c.setAuthenticated(s.settings.requirePass == "")
	s.clients[c.id] = c
	s.stats.connections++
	rc.SetContext(c)
	s.handlers.Add(1) // undone by closed
	s.writers.Go(c.out.run)
	return true
}

// closed removes a connection that has ended. redcon calls it, under a lock of
// its own, at the end of each connection.
func (s *Server) closed(rc redcon.Conn, _ error) {
	defer s.handlers.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(rc.Context().(*client))
}

// drop closes and removes a client at once. It may be called again.
func (s *Server) drop(c *client) {
	if c.gone {
		return
	}
	c.gone = true
	if hooked(c.hooked.Load()) == visible {
		s.hook.Closed(c.id)
	}
	c.pending, c.pendingBytes, c.blocked, c.tx = nil, 0, nil, nil
	delete(s.clients, c.id)
	s.subs.dropClient(c)
	if i := slices.Index(s.replicas, c); i >= 0 {
		s.replicas = slices.Delete(s.replicas, i, i+1)
		s.log.Info("replica lost", "replica", c.replica.address(c))
	}
	c.out.kill()
}

// cut drops a client that misbehaves and logs the reason.
func (s *Server) cut(c *client, reason string) {
	if c.gone {
		return
	}
	s.stats.cut++
	s.log.Warn("connection cut: "+reason, "client", c.addr, "name", c.name, "kind", string(c.kind()))
	s.drop(c)
}

// send queues bytes for a client, which is disconnected if its queue exceeds the
// limit.
func (s *Server) send(c *client, b []byte) {
	if !c.gone && !c.out.put(b) {
		s.cut(c, "it does not read what it is sent (output limit reached)")
	}
}

// sortedClients returns the clients in the order in which they connected.
func (s *Server) sortedClients() []*client {
	list := make([]*client, 0, len(s.clients))
	for _, c := range s.clients {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *client) int { return int(a.id - b.id) })
	return list
}

// setAuthenticated records whether the client may execute commands. It also
// informs the guard, whose limits are tighter before authentication.
func (c *client) setAuthenticated(yes bool) {
	c.authed = yes
	if g, ok := c.conn.(*respguard.Conn); ok {
		g.SetAuthenticated(yes)
	}
}

var processID = os.Getpid()
