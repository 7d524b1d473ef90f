package respguard

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Conn is a client connection that yields only whole, valid commands in canonical
// form. There are two ways to get them. Read makes of it a connection that any RESP
// server can read. A server that shares memory between its connections calls, over and
// over:
//
//	err := c.Await(scratch)       // or Arm, and Feed when something has arrived
//	for {
//		batch, err := c.Next(buf) // whole commands, until there are none
//	}
//	c.Done(buf)
//
// Only one goroutine at a time may read, in either way. All other methods are safe for
// concurrent use.
type Conn struct {
	net.Conn
	guard  *Guard
	auth   atomic.Bool
	exempt atomic.Bool
	closed sync.Once

	// The rest belongs to the goroutine that reads.
	scan     scanner
	raw      []byte // received but not scanned yet
	ownRaw   bool   // raw is memory of this connection
	lent     bool   // scan.out is memory of a Buffer
	err      error  // of the last read; it counts after all of raw
	begun    time.Time
	deadline time.Time
	charged  atomic.Int64

	// Of Read alone.
	buf   *Buffer // in use
	batch []byte  // what it has yet to return
}

// A command of n bytes takes about this many times n of memory: up to twice here, in a
// buffer that grows by doubling, and as much for what is made of it, or for redcon where
// that reads the connection.
const copiesPerCommand = 4

// Buffer is memory in which commands are put together. Many connections can share one,
// each between its first [Conn.Next] and [Conn.Done]. The zero value is ready to use.
type Buffer struct{ out []byte }

// buffers lends them to Read, so that an idle connection holds none.
var buffers = sync.Pool{New: func() any { return new(Buffer) }}

// maxKeptBytes is what a Buffer keeps after a large command.
const maxKeptBytes = 64 << 10

// ReadBytes bounds one read from a connection.
const ReadBytes = 16 << 10

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
	for len(c.batch) == 0 {
		if c.buf == nil {
			c.buf = buffers.Get().(*Buffer)
		}
		var err error
		if c.batch, err = c.Next(c.buf); err != nil {
			c.release()
			return 0, c.Fail(err)
		}
		if c.batch == nil {
			c.release()
			c.Await(p[:min(len(p), ReadBytes)])
		}
	}
	c.keepRaw() // it lies in p
	n := copy(p, c.batch)
	if c.batch = c.batch[n:]; len(c.batch) == 0 {
		c.release()
	}
	return n, nil
}

func (c *Conn) release() {
	c.Done(c.buf)
	buffers.Put(c.buf)
	c.buf = nil
}

// Await waits until something has arrived, for which scratch is used, or the
// connection has ended, and returns how much has arrived. [Conn.Next] has the outcome.
func (c *Conn) Await(scratch []byte) (n int) {
	if len(c.raw) > 0 || c.err != nil {
		return 0
	}
	err := c.Arm()
	if err == nil {
		n, err = c.Conn.Read(scratch)
	}
	c.Feed(scratch[:n], err)
	return n
}

// Feed hands over what was read from the connection, which must be left alone until
// Done, and the error of that read. All of what was fed before must have been taken.
func (c *Conn) Feed(p []byte, err error) {
	c.raw, c.ownRaw, c.err = p, false, err
}

// Next returns the next whole commands in canonical form, which are valid until the
// next call of Next or Done. It returns nil when there is none among what was received,
// and then the error of the connection, if it has one. What the client may send is
// judged when Next is called: before a client is authenticated, that is for each
// command.
func (c *Conn) Next(b *Buffer) (batch []byte, err error) {
	s := &c.scan
	if s.out == nil {
		s.out, c.lent = b.out[:0], true
	}
	if s.start > 0 { // what the last call returned
		rest := copy(s.out, s.out[s.start:])
		s.out, s.name, s.start = s.out[:rest], s.name-s.start, 0
	}
	if len(c.raw) > 0 {
		auth := c.auth.Load()
		n, v := s.scan(c.raw, auth, !auth)
		if c.raw = c.raw[n:]; v != nil {
			c.err, c.raw = v, nil
		}
		if s.start > 0 || !s.partial() {
			c.begun = time.Time{} // a command that is partial now has only just begun
		}
	}
	if s.start > 0 {
		return s.out[:s.start], nil
	}
	return nil, c.err
}

// Done ends the use of a Buffer. What is not whole yet is kept.
func (c *Conn) Done(b *Buffer) {
	s := &c.scan
	rest := s.out[s.start:]
	s.name -= s.start
	if c.lent && cap(s.out) <= maxKeptBytes {
		b.out = s.out // it may have grown
	}
	switch {
	case len(rest) == 0:
		s.out = nil
	case c.lent:
		s.out = append(make([]byte, 0, 2*len(rest)), rest...)
	case s.start > 0:
		s.out = s.out[:copy(s.out, rest)]
	}
	s.start, c.lent = 0, false
	c.keepRaw()
}

// keepRaw gives the memory that was fed back.
func (c *Conn) keepRaw() {
	switch {
	case len(c.raw) == 0:
		c.raw = nil
	case !c.ownRaw:
		c.raw, c.ownRaw = append([]byte(nil), c.raw...), true
	}
}

// Arm sets the deadline of the connection that applies to what it receives next.
func (c *Conn) Arm() error {
	var want time.Time
	if c.scan.partial() {
		// The time runs from the first byte: a client that sends one byte a
		// minute must not hold memory indefinitely.
		if c.begun.IsZero() {
			c.begun = time.Now()
		}
		want = c.begun.Add(c.guard.lim.PartialTimeout)
	}
	if idle := c.guard.lim.IdleTimeout; idle > 0 && !c.exempt.Load() {
		if by := time.Now().Add(idle); want.IsZero() || by.Before(want) {
			want = by // half a command does not buy time
		}
	}
	if want == c.deadline {
		return nil
	}
	c.deadline = want
	return c.Conn.SetReadDeadline(want)
}

// Fail ends the connection after an error that Next has returned, and returns it. If
// the client broke a rule, it is told first.
func (c *Conn) Fail(err error) error {
	v, ok := err.(*Violation)
	if !ok {
		return err
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
