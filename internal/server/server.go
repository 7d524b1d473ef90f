package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosentinel/sentinel/internal/epoll"
	"github.com/gosentinel/sentinel/internal/respguard"
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/pubsub"
)

// Server is the RESP front end: it converts the commands of clients, other
// Sentinels and operators to queries and operations of the engine. redcon parses
// them, behind a guard that passes only whole, valid commands.
//
// A connection has one goroutine, which executes its commands one after the
// other; while it is subscribed a second one, which writes events; and while replies
// wait for the disk one that writes those.
type Server struct {
	cfg      Config
	engine   Engine
	addrs    *Addrs // of the engine
	bus      *pubsub.Bus
	guard    *respguard.Guard
	commands *Commands
	pause    *pause
	poller   *poller // nil: there is none
	events   fanOut
	started  time.Time

	work sync.WaitGroup // every goroutine of every connection, and Serve itself

	mu        sync.Mutex
	closed    bool
	lifetime  context.Context // ends with Close, so that nothing that waits can delay it
	end       context.CancelFunc
	listeners map[net.Listener]struct{}
	clients   map[uint64]*client

	lastID      atomic.Uint64
	connections atomic.Uint64
	processed   atomic.Uint64
	errorsSent  atomic.Uint64
	bytesIn     atomic.Uint64
	bytesOut    atomic.Uint64
	backlogs    atomic.Int64 // bytes of all backlogs together
	cut         atomic.Uint64
}

// Stats are what a server has counted.
type Stats struct {
	Clients  int    // that are connected
	Refused  uint64 // connections, since there were too many
	Commands uint64
	Cut      uint64 // subscribers that did not take their messages
}

// Stats returns what was counted since the start.
func (s *Server) Stats() Stats {
	return Stats{Clients: s.guard.Clients(), Refused: s.guard.Refused(), Commands: s.processed.Load(), Cut: s.cut.Load()}
}

// New returns a front end. It serves no client before Serve is called.
func New(cfg Config, eng Engine, bus *pubsub.Bus) *Server {
	lifetime, end := context.WithCancel(context.Background())
	cfg = cfg.withDefaults()
	s := &Server{
		cfg:       cfg,
		engine:    eng,
		addrs:     eng.Addrs(),
		bus:       bus,
		commands:  cfg.Commands,
		pause:     newPause(),
		lifetime:  lifetime,
		end:       end,
		started:   time.Now(),
		listeners: make(map[net.Listener]struct{}),
		clients:   make(map[uint64]*client),
	}
	s.guard = respguard.New(respguard.Limits{
		MaxClients:   s.cfg.MaxClients,
		Room:         s.cfg.Room,
		IdleTimeout:  s.cfg.IdleTimeout,
		AuthRequired: true, // until newClient finds out
		OnAcceptError: func(err error, pause time.Duration) {
			s.cfg.Log(monitor.LevelWarning, fmt.Sprintf("Error accepting a client connection, trying again in %v: %v", pause, err))
		},
	})
	return s
}

// Serve serves the clients of ln until Close is called, and then returns nil. It
// may be called for several listeners at once; the limits apply to all of them
// together.
func (s *Server) Serve(ln net.Listener) error {
	guarded := s.guard.Listener(ln)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		guarded.Close() // Close was called before Serve
		return nil
	}
	s.listeners[guarded] = struct{}{}
	s.work.Add(1) // keeps the counter above zero while connections are added
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, guarded)
		s.mu.Unlock()
		s.work.Done()
	}()
	for {
		nc, err := guarded.Accept()
		if err != nil {
			return nil // Close was called
		}
		s.accept(nc.(*respguard.Conn))
	}
}

// Close ends all connections and returns when no goroutine of the server is left.
// Commands that wait for the engine delay it,
// so the engine must be stopping or still working.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.end()
	for ln := range s.listeners {
		ln.Close()
	}
	s.mu.Unlock()
	for _, c := range s.snapshot() { // accept no longer adds any
		c.conn.Close()
	}
	s.work.Wait()
	s.poller.close()
}

// accept begins to serve a new connection.
func (s *Server) accept(conn *respguard.Conn) {
	if s.cfg.ProtectedMode && s.cfg.Users.Default().NoPass() && !isLocal(conn.RemoteAddr()) {
		respguard.Refuse(conn, deniedText)
		return
	}
	p := s.poll(conn)
	c := newClient(s, conn)
	c.polled = p
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		conn.Close()
		if p != nil {
			p.Release()
		}
		return
	}
	s.clients[c.id] = c
	s.work.Add(1)
	s.mu.Unlock()
	if p == nil {
		go s.serveAlone(c)
		return
	}
	p.Owner = c
	if err := errors.Join(conn.Arm(), p.Watch()); err != nil {
		s.finish(c, err)
	}
}

// poll has the poller take a connection over, if it can. A server whose connections are
// of other kinds has no poller.
func (s *Server) poll(conn *respguard.Conn) *epoll.Conn {
	if _, tcp := conn.NetConn().(*net.TCPConn); !tcp || s.cfg.NoPoller {
		return nil
	}
	s.mu.Lock()
	if s.poller == nil && !s.closed {
		s.poller = newPoller(s)
	}
	w := s.poller
	s.mu.Unlock()
	return w.take(conn)
}

// deniedText says what to do in a single line, because clients read one line as
// the reply.
const deniedText = "DENIED gosentinel runs in protected mode and no password is set, so it serves connections from the " +
	"loopback interface only. To be reachable from here, set a password (requirepass) or 'protected-mode no' and restart it."

func isLocal(a net.Addr) bool {
	switch a.Network() {
	case "unix", "pipe": // a pipe does not even leave this process
		return true
	}
	ap, err := netip.ParseAddrPort(a.String())
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

func (s *Server) forget(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, c.id)
}

// snapshot returns the current clients, oldest first.
func (s *Server) snapshot() []*client {
	s.mu.Lock()
	list := make([]*client, 0, len(s.clients))
	for _, c := range s.clients {
		list = append(list, c)
	}
	s.mu.Unlock()
	sortClients(list)
	return list
}

func (s *Server) hasClient(id uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clients[id] != nil
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}
