package respguard

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Guard holds what the connections of one server share. Several listeners may
// share one Guard; its limits then apply to all of them together. All methods are
// safe for concurrent use.
type Guard struct {
	lim     Limits
	clients atomic.Int64
	large   atomic.Int64 // bytes charged against lim.TotalBytes
	refused atomic.Uint64
}

// New returns a Guard with the given limits.
func New(lim Limits) *Guard { return &Guard{lim: lim.withDefaults()} }

// NewListener returns a guarded listener with a Guard of its own.
func NewListener(ln net.Listener, lim Limits) net.Listener { return New(lim).Listener(ln) }

// Clients returns the number of connections that are open now.
func (g *Guard) Clients() int { return int(g.clients.Load()) }

// Refused returns the number of connections refused so far because of MaxClients or Room.
func (g *Guard) Refused() uint64 { return g.refused.Load() }

// Limits returns the limits in force, with defaults filled in.
func (g *Guard) Limits() Limits { return g.lim }

// Listener returns ln with every connection guarded: Accept returns a [*Conn].
//
// After Close, Accept returns net.ErrClosed, and it returns no other error. Any
// other failure of ln, above all running out of file descriptors, is reported to
// Limits.OnAcceptError and retried after a pause, since a server that got the
// error could only spin or give up.
func (g *Guard) Listener(ln net.Listener) net.Listener {
	return &listener{Listener: ln, guard: g, closed: make(chan struct{})}
}

type listener struct {
	net.Listener
	guard  *Guard
	once   sync.Once
	closed chan struct{}
}

// The pause after a failed accept doubles from the first to the second.
const (
	minAcceptPause = 5 * time.Millisecond
	maxAcceptPause = time.Second
)

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	pause := minAcceptPause
	for {
		nc, err := l.Listener.Accept()
		if err == nil {
			if c := l.guard.admit(nc); c != nil {
				return c, nil
			}
			pause = minAcceptPause
			continue
		}
		if errors.Is(err, net.ErrClosed) || l.isClosed() {
			return nil, net.ErrClosed
		}
		l.guard.lim.OnAcceptError(err, pause)
		if !l.wait(pause) {
			return nil, net.ErrClosed
		}
		pause = min(2*pause, maxAcceptPause)
	}
}

// Close implements net.Listener. Accepted connections stay open.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

func (l *listener) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

// wait waits for d and reports false if the listener was closed in the meantime.
func (l *listener) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.closed:
		return false
	}
}

// admit returns the guarded connection, or nil when there are too many.
func (g *Guard) admit(nc net.Conn) *Conn {
	if g.clients.Add(1) > int64(min(g.lim.MaxClients, g.lim.Room())) {
		g.clients.Add(-1)
		g.refused.Add(1)
		Refuse(nc, "ERR max number of clients reached")
		return nil
	}
	return newConn(nc, g)
}

// Refuse sends an error line to a connection that was just accepted, and closes
// it. reply is the line without "-" and CRLF.
//
// It does not block, so an accept loop may call it: a new TCP connection has room
// for one line. A TLS connection is closed without a reply, because writing to it
// would first wait for the client's part of the handshake.
func Refuse(nc net.Conn, reply string) {
	below := nc
	if c, ok := nc.(*Conn); ok {
		below = c.Conn
	}
	if _, wrapped := below.(interface{ NetConn() net.Conn }); !wrapped {
		below.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		below.Write([]byte("-" + reply + "\r\n"))
	}
	nc.Close()
}

// reserve charges n more bytes, or charges nothing and reports false.
func (g *Guard) reserve(n int64) bool {
	if g.large.Add(n) > g.lim.TotalBytes {
		g.large.Add(-n)
		return false
	}
	return true
}
