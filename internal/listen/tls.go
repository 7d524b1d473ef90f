package listen

import (
	"container/list"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// Limits on handshakes.
const (
	handshakeTimeout = 10 * time.Second
	// When more handshakes than this are under way, the oldest is aborted. A
	// genuine client needs only milliseconds for its part, so it is the last to
	// suffer from connections that send nothing.
	maxHandshakes = 1024
	// At most one line about failed handshakes is logged in this time.
	handshakeLogGap = time.Second
)

// tlsListener accepts TLS connections. Accept returns a connection only when its
// handshake is complete. Connections that never complete it therefore do not
// count as clients, and maxHandshakes bounds their cost.
type tlsListener struct {
	net.Listener
	config func() *tls.Config
	log    func(monitor.Level, string)
	limit  int

	accepted chan acceptedConn
	closed   chan struct{}
	work     sync.WaitGroup

	mu       sync.Mutex
	pending  *list.List // of net.Conn, oldest first
	closing  bool
	lastLog  time.Time
	unlogged int
}

type acceptedConn struct {
	conn net.Conn
	err  error
}

// TLS returns a listener that accepts TLS connections from ln until Close. config
// is called for each connection; log may be nil.
func TLS(ln net.Listener, config func() *tls.Config, log func(monitor.Level, string)) *tlsListener {
	if log == nil {
		log = func(monitor.Level, string) {}
	}
	l := &tlsListener{
		Listener: ln, config: config, log: log, limit: maxHandshakes,
		accepted: make(chan acceptedConn), closed: make(chan struct{}), pending: list.New(),
	}
	l.work.Go(l.run)
	return l
}

// Accept implements net.Listener.
func (l *tlsListener) Accept() (net.Conn, error) {
	select {
	case a := <-l.accepted:
		return a.conn, a.err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. It aborts the handshakes under way and returns
// when no goroutine is left.
func (l *tlsListener) Close() error {
	l.mu.Lock()
	if l.closing {
		l.mu.Unlock()
		return net.ErrClosed
	}
	l.closing = true
	close(l.closed)
	for e := l.pending.Front(); e != nil; e = e.Next() {
		e.Value.(net.Conn).Close()
	}
	l.mu.Unlock()
	err := l.Listener.Close()
	l.work.Wait()
	return err
}

// run accepts connections. After an error it accepts nothing until a caller of
// Accept has taken the error, because the caller knows how long to pause.
func (l *tlsListener) run() {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			if !l.deliver(nil, err) {
				return
			}
			continue
		}
		if e := l.begin(nc); e != nil {
			l.work.Go(func() { l.handshake(nc, e) })
		}
	}
}

func (l *tlsListener) deliver(nc net.Conn, err error) bool {
	select {
	case l.accepted <- acceptedConn{nc, err}:
		return true
	case <-l.closed:
		return false
	}
}

// begin adds a connection to the pending ones, or returns nil if the listener is
// closed.
func (l *tlsListener) begin(nc net.Conn) *list.Element {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		nc.Close()
		return nil
	}
	if l.pending.Len() >= l.limit {
		oldest := l.pending.Front()
		oldest.Value.(net.Conn).Close()
		l.pending.Remove(oldest)
	}
	return l.pending.PushBack(nc)
}

func (l *tlsListener) handshake(nc net.Conn, e *list.Element) {
	under := &tlsTransport{Conn: nc}
	conn := &tlsConn{tls.Server(under, l.config()), under}
	err := nc.SetDeadline(time.Now().Add(handshakeTimeout))
	if err == nil {
		err = conn.Handshake()
	}
	if err == nil {
		err = nc.SetDeadline(time.Time{})
	}
	l.mu.Lock()
	l.pending.Remove(e) // does nothing if begin removed it
	l.mu.Unlock()
	if err != nil {
		nc.Close()
		l.failed(nc.RemoteAddr(), err)
		return
	}
	if !l.deliver(conn, nil) {
		nc.Close()
	}
}

// failed logs a failed handshake, but no more often than handshakeLogGap.
func (l *tlsListener) failed(from net.Addr, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.closing || now.Sub(l.lastLog) < handshakeLogGap {
		l.unlogged++
		return
	}
	more := ""
	if l.unlogged > 0 {
		more = fmt.Sprintf(" (and %d more)", l.unlogged)
	}
	l.lastLog, l.unlogged = now, 0
	l.log(monitor.LevelWarning, fmt.Sprintf("Error accepting a client connection: %v (from %s)%s", err, from, more))
}

// tlsConn is an accepted connection whose Close never blocks. That of tls.Conn
// may: it sends close_notify to a client that may not be reading, for up to 5
// seconds, and waits without limit for a write that answers a key update. Clients
// are closed one after the other and under locks.
type tlsConn struct {
	*tls.Conn
	under *tlsTransport
}

// Close implements net.Conn. It sends close_notify if that is possible without
// blocking.
func (c *tlsConn) Close() error {
	c.under.stopBlocking()
	return c.Conn.Close()
}

// tlsTransport carries the records of a tlsConn.
type tlsTransport struct {
	net.Conn
	closing atomic.Bool
}

// stopBlocking ends a write that blocks, and keeps later ones from blocking.
func (t *tlsTransport) stopBlocking() {
	t.closing.Store(true)
	t.Conn.SetWriteDeadline(time.Unix(1, 0))
}

// Write implements net.Conn.
func (t *tlsTransport) Write(p []byte) (int, error) {
	if !t.closing.Load() {
		return t.Conn.Write(p)
	}
	return writeAtOnce(t.Conn, p)
}
