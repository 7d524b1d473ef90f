package respguard

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Conn is a client connection that yields only whole, valid commands in canonical
// form. Read must be called by one goroutine at a time; all other methods are
// safe for concurrent use.
type Conn struct {
	net.Conn
	guard  *Guard
	auth   atomic.Bool
	exempt atomic.Bool
	closed sync.Once
	before func() // see BeforeEnd

	// The rest belongs to the goroutine that reads.
	scan     scanner
	off      int    // how much of scan.out Read has returned
	raw      []byte // read from the socket but not scanned yet; memory of its own
	err      error  // what Read returns after all of scan.out
	begun    time.Time
	deadline time.Time
	charged  atomic.Int64
}

// A command of n bytes takes about this many times n of memory: once here, up to
// twice in redcon's buffer, which grows by doubling, and once in the copy that
// redcon passes to the handler.
const copiesPerCommand = 4

// buffers lends memory to connections that have something to return, so that an
// idle connection holds none.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// maxPooledBytes keeps the rare large command from staying in the pool.
const maxPooledBytes = 64 << 10

// readBytes bounds one read from the socket.
const readBytes = 16 << 10

func newConn(nc net.Conn, g *Guard) *Conn {
	c := &Conn{Conn: nc, guard: g}
	c.auth.Store(!g.lim.AuthRequired)
	c.scan = scanner{lim: &g.lim, reserve: c.reserve}
	return c
}

// SetAuthenticated lifts the limits for unauthenticated clients (true) or
// restores them. It takes effect with the first command that Read has not
// returned yet.
func (c *Conn) SetAuthenticated(ok bool) { c.auth.Store(ok) }

// SetIdleExempt sets whether the connection is exempt from Limits.IdleTimeout, as
// subscribers are, which are normally silent. It takes effect with the next Read.
func (c *Conn) SetIdleExempt(exempt bool) { c.exempt.Store(exempt) }

// BeforeEnd makes Read call f before it returns its first error, or writes one to the
// client: replies to earlier commands that are not written yet come first. It must be
// called before the first Read.
func (c *Conn) BeforeEnd(f func()) { c.before = f }

// NetConn returns the underlying connection.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// Write implements net.Conn. Empty writes, of which redcon makes many, do not
// reach the system.
func (c *Conn) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return c.Conn.Write(p)
}

// Close implements net.Conn. Only the first call has an effect.
func (c *Conn) Close() (err error) {
	c.closed.Do(func() {
		err = c.Conn.Close()
		c.guard.large.Add(-c.charged.Swap(closedCharge))
		c.guard.clients.Add(-1)
	})
	return err
}

// closedCharge marks a connection that must no longer be charged.
const closedCharge = -1

// reserve charges the connection for a command of size bytes; see
// Limits.TotalBytes. The scanner calls it.
func (c *Conn) reserve(size int) bool {
	want := int64(size) * copiesPerCommand
	have := c.charged.Load()
	if want <= have {
		return true
	}
	if have == closedCharge || !c.guard.reserve(want-have) {
		return false
	}
	if !c.charged.CompareAndSwap(have, want) { // closed in the meantime
		c.guard.large.Add(have - want)
		return false
	}
	return true
}

// Read implements net.Conn. After a violation it returns a [*Violation].
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for c.off == c.scan.start {
		if c.err != nil && len(c.raw) == 0 {
			return 0, c.fail()
		}
		c.recycle()
		c.fill(p)
	}
	n := copy(p, c.scan.out[c.off:c.scan.start])
	c.off += n
	if c.off == c.scan.start {
		c.recycle()
	}
	return n, nil
}

// fill scans what is left in raw, or reads more into scratch and scans that.
func (c *Conn) fill(scratch []byte) {
	src := c.raw
	own := len(src) > 0
	if !own {
		scratch = scratch[:min(len(scratch), readBytes)]
		n, err := c.receive(scratch)
		if err != nil {
			c.err = err
		}
		if src = scratch[:n]; n == 0 {
			return
		}
	}
	if c.scan.out == nil {
		c.scan.out = *buffers.Get().(*[]byte)
	}
	auth := c.auth.Load()
	n, v := c.scan.scan(src, auth, !auth)
	switch {
	case v != nil:
		c.err, c.raw = v, nil
	case n == len(src):
		c.raw = nil
	case own:
		c.raw = src[n:] // a copy for each command would cost a stranger nothing and us the square
	default:
		c.raw = append([]byte(nil), src[n:]...)
	}
	if c.scan.start > 0 || !c.scan.partial() {
		c.begun = time.Time{} // a command that is partial now has only just begun
	}
}

// recycle drops what Read has returned and, when nothing is left, gives the
// buffer back to the pool.
func (c *Conn) recycle() {
	s := &c.scan
	if c.off > 0 {
		rest := copy(s.out, s.out[c.off:])
		s.out, s.start, s.name, c.off = s.out[:rest], 0, s.name-c.off, 0
	}
	if len(s.out) > 0 || s.out == nil {
		return
	}
	if cap(s.out) <= maxPooledBytes {
		buf := s.out
		buffers.Put(&buf)
	}
	s.out = nil
}

// receive reads from the socket under the deadline that applies now.
func (c *Conn) receive(p []byte) (int, error) {
	var want time.Time
	switch idle := c.guard.lim.IdleTimeout; {
	case c.scan.partial():
		// The time runs from the first byte: a client that sends one byte a
		// minute must not hold memory indefinitely.
		if c.begun.IsZero() {
			c.begun = time.Now()
		}
		want = c.begun.Add(c.guard.lim.PartialTimeout)
	case idle > 0 && !c.exempt.Load():
		want = time.Now().Add(idle)
	}
	if want != c.deadline {
		if err := c.Conn.SetReadDeadline(want); err != nil {
			return 0, err
		}
		c.deadline = want
	}
	return c.Conn.Read(p)
}

// fail ends the connection and returns the reason.
func (c *Conn) fail() error {
	if f := c.before; f != nil {
		c.before = nil
		f()
	}
	v, ok := c.err.(*Violation)
	if !ok {
		return c.err
	}
	if v.Reply != "" {
		c.Conn.SetWriteDeadline(time.Now().Add(lingerTimeout))
		if _, err := c.Conn.Write([]byte("-" + v.Reply + "\r\n")); err == nil {
			c.linger()
		}
	}
	c.Close()
	return v
}

// The limits of linger.
const (
	lingerTimeout = 200 * time.Millisecond
	lingerBytes   = 256 << 10
)

// linger reads and discards what the client is still sending. Closing a socket
// with unread bytes resets the connection, and the reset would overtake the error
// reply, so the client would never learn what it did wrong.
func (c *Conn) linger() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	if c.Conn.SetReadDeadline(time.Now().Add(lingerTimeout)) == nil {
		io.CopyN(io.Discard, c.Conn, lingerBytes)
	}
}
