package discovery

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// ErrDemoted is in the error of a connection of DialMaster whose server is no
// master any more. That error is io.EOF as well.
var ErrDemoted = errors.New("the server is no master any more")

// cutError is what everything but Close fails with after a connection has been cut.
type cutError struct{ addr string }

func (e *cutError) Error() string   { return "discovery: " + e.addr + ": " + ErrDemoted.Error() }
func (e *cutError) Unwrap() []error { return []error{ErrDemoted, io.EOF} }

// guard is a connection to a server that can be cut when it is demoted.
type guard struct {
	net.Conn
	r      *Resolver
	addr   string
	master bool // cut it when the server is demoted

	mu       sync.Mutex
	gone     bool
	held     []byte    // read ahead of the caller
	deadline time.Time // of reads, as the caller wants it
	until    time.Time // of a read ahead; zero: there is none
}

// sysGuard is a guard of a socket: clients look at it to see whether a connection
// that they have kept is still of use.
type sysGuard struct {
	*guard
	syscall.Conn
}

// conn returns what the caller gets.
func (g *guard) conn() net.Conn {
	if s, ok := g.Conn.(syscall.Conn); ok {
		return sysGuard{g, s}
	}
	return g
}

// guard registers a connection. Nil: the server has been demoted meanwhile.
func (r *Resolver) guard(conn net.Conn, to Addr, master bool) *guard {
	r.mu.Lock()
	defer r.mu.Unlock()
	if master && r.view.Master.String() != to.String() {
		return nil
	}
	g := &guard{Conn: conn, r: r, addr: to.String(), master: master}
	r.conns[g] = struct{}{}
	return g
}

// cut ends the connections of a master. r.mu is held.
func (r *Resolver) cut(addr string) {
	for g := range r.conns {
		if g.master && g.addr == addr {
			delete(r.conns, g)
			g.mu.Lock()
			g.gone = true
			g.mu.Unlock()
			r.tasks.Go(func() { hangUp(g.Conn) })
		}
	}
}

// Close closes the connection.
func (g *guard) Close() error {
	g.r.mu.Lock()
	delete(g.r.conns, g)
	g.r.mu.Unlock()
	return g.Conn.Close()
}

// err returns what the caller gets for an error.
func (g *guard) err(err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gone && err != nil {
		return &cutError{g.addr}
	}
	return err
}

func (g *guard) Write(p []byte) (int, error) {
	n, err := g.Conn.Write(p)
	return n, g.err(err)
}

// Read watches for replies that only a server sends that was demoted. They are
// hints and nothing more: data may look the same.
func (g *guard) Read(p []byte) (int, error) {
	g.mu.Lock()
	n := copy(p, g.held)
	g.held = g.held[n:]
	g.mu.Unlock()
	if n > 0 {
		return n, nil
	}
	n, err := g.Conn.Read(p)
	if !g.master || n == 0 || p[0] != '-' {
		return n, g.err(err)
	}
	switch line := p[:n]; {
	case isUnblocked(line):
		if err == nil && g.ends() {
			g.r.askAll()
			g.mu.Lock()
			g.gone = true
			g.mu.Unlock()
			return 0, &cutError{g.addr}
		}
	case bytes.HasPrefix(line, []byte("-READONLY ")), bytes.HasPrefix(line, []byte("-MASTERDOWN ")):
		g.r.askAll()
	}
	return n, g.err(err)
}

// isUnblocked recognises what a server that becomes a replica tells clients that
// are blocked in a command. The command has done nothing, and after this line the
// server closes the connection.
func isUnblocked(b []byte) bool {
	return bytes.HasPrefix(b, []byte("-UNBLOCKED force unblock from blocking operation")) && bytes.IndexByte(b, '\n') == len(b)-1
}

// ends reports whether the connection ends here. It waits for a second at most,
// and keeps what arrives instead.
func (g *guard) ends() bool {
	g.mu.Lock()
	g.until = time.Now().Add(time.Second)
	g.Conn.SetReadDeadline(earlier(g.deadline, g.until))
	g.mu.Unlock()

	b := make([]byte, 1)
	n, err := g.Conn.Read(b)

	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = b[:n]
	g.until = time.Time{}
	g.Conn.SetReadDeadline(g.deadline)
	var late net.Error
	return n == 0 && err != nil && !(errors.As(err, &late) && late.Timeout())
}

// Clients that set deadlines before each request meet a cut connection there.

func (g *guard) SetDeadline(t time.Time) error {
	if err := g.SetReadDeadline(t); err != nil {
		return err
	}
	return g.SetWriteDeadline(t)
}

func (g *guard) SetReadDeadline(t time.Time) error {
	g.mu.Lock()
	g.deadline = t
	err := g.Conn.SetReadDeadline(earlier(t, g.until))
	g.mu.Unlock()
	return g.err(err)
}

func (g *guard) SetWriteDeadline(t time.Time) error { return g.err(g.Conn.SetWriteDeadline(t)) }

// earlier returns the earlier of two deadlines; zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
