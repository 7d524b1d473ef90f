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

// Bounds of handshakes.
const (
	handshakeTimeout = 10 * time.Second
	// More handshakes at once than this, and the oldest is given up. A client
	// that means it needs milliseconds for its part, so it is the last to suffer
	// from those who connect and say nothing.
	maxHandshakes = 1024
	// At most one line about failed handshakes in this time.
	handshakeLogGap = time.Second
)

// tlsListener accepts TLS connections. Accept returns a connection when its
// handshake is complete, so that those who never complete it do not count as
// clients, and cost no more than maxHandshakes allows.
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

// TLS accepts from ln until Close. config is asked for each
// connection; log may be nil.
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

// Close implements net.Listener. It gives up the handshakes under way and
// returns when no goroutine is left.
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

// run accepts connections. An error goes to the caller of Accept, and nothing
// more is accepted before he took it: he knows how long to pause.
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

// begin enters a connection among the pending ones, or returns nil when the
// listener is closed.
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

// failed logs a handshake that failed, unless that would fill the log.
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

// tlsConn is an accepted connection whose Close never waits. That of tls.Conn
// may: it says goodbye to a client that does not read, for up to 5 seconds, and
// waits without limit for a write that answers a request for new keys. Clients
// are closed under locks and one after the other.
type tlsConn struct {
	*tls.Conn
	under *tlsTransport
}

// Close implements net.Conn. It says goodbye if that can be done at once.
func (c *tlsConn) Close() error {
	c.under.hurry()
	return c.Conn.Close()
}

// tlsTransport carries the records of a tlsConn.
type tlsTransport struct {
	net.Conn
	closing atomic.Bool
}

// hurry ends a write that waits, and keeps later ones from waiting.
func (t *tlsTransport) hurry() {
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
