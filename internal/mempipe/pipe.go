package mempipe

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// pipeBytes is how much may be under way in one direction of a connection in
// memory before a write waits, as with the buffers of a kernel.
const pipeBytes = 256 << 10

// New returns the two ends of a connection in memory. The first one has the local
// address a and the remote address b.
func New(a, b net.Addr) (endA, endB *End) {
	ab, ba := &stream{}, &stream{}
	endA = &End{in: ba, out: ab, local: a, remote: b}
	endB = &End{in: ab, out: ba, local: b, remote: a}
	return endA, endB
}

// stream is one direction of a connection.
type stream struct {
	mu      sync.Mutex
	buf     []byte
	changed chan struct{} // closed by wake; nil while nobody waits
	readErr error         // what the reader gets when buf is empty
	sendErr error         // what the writer gets
}

// wait returns the channel of the next change. The caller holds mu.
func (s *stream) wait() <-chan struct{} {
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// wake tells those who wait. The caller holds mu.
func (s *stream) wake() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// tryRead takes what there is. It returns a channel if that is nothing.
func (s *stream) tryRead(p []byte) (n int, wait <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.buf) > 0:
		n = copy(p, s.buf)
		if s.buf = s.buf[n:]; len(s.buf) == 0 {
			s.buf = nil
		}
		s.wake()
		return n, nil, nil
	case s.readErr != nil:
		return 0, nil, s.readErr
	}
	return 0, s.wait(), nil
}

// tryWrite puts what fits. It returns a channel if nothing does.
func (s *stream) tryWrite(p []byte) (n int, wait <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sendErr != nil {
		return 0, nil, s.sendErr
	}
	if n = min(len(p), pipeBytes-len(s.buf)); n == 0 {
		return 0, s.wait(), nil
	}
	s.buf = append(s.buf, p[:n]...)
	s.wake()
	return n, nil, nil
}

// finish ends the stream: the reader gets err after what is still under way, or at
// once if that is lost.
func (s *stream) finish(err error, lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readErr != nil {
		return
	}
	s.readErr, s.sendErr = err, syscall.EPIPE
	if lost {
		s.buf = nil
	}
	s.wake()
}

// abandon is for an end that is closed: what it does fails from now on.
func (s *stream) abandon(reads bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if reads {
		s.readErr, s.buf = net.ErrClosed, nil
	} else {
		s.sendErr = net.ErrClosed
	}
	s.wake()
}

// End is one end of a connection in memory.
type End struct {
	in, out       *stream
	local, remote net.Addr
	read, write   Deadline

	// Peer is for whoever made the connection, and means nothing here. It must be set
	// before the end is used.
	Peer string

	mu     sync.Mutex
	linger bool // Close is a reset
	closed bool
}

// LocalAddr implements [net.Conn].
func (c *End) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements [net.Conn].
func (c *End) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements [net.Conn].
func (c *End) SetDeadline(t time.Time) error {
	c.read.Set(t)
	c.write.Set(t)
	return nil
}

// SetReadDeadline implements [net.Conn].
func (c *End) SetReadDeadline(t time.Time) error {
	c.read.Set(t)
	return nil
}

// SetWriteDeadline implements [net.Conn].
func (c *End) SetWriteDeadline(t time.Time) error {
	c.write.Set(t)
	return nil
}

// Read implements [net.Conn].
func (c *End) Read(p []byte) (int, error) {
	for len(p) > 0 {
		late := c.read.Passed()
		if isClosed(late) {
			return 0, c.fail("read", os.ErrDeadlineExceeded)
		}
		n, wait, err := c.in.tryRead(p)
		if wait == nil {
			if err != nil && err != io.EOF {
				err = c.fail("read", err)
			}
			return n, err
		}
		select {
		case <-wait:
		case <-late:
		}
	}
	return 0, nil
}

// Write implements [net.Conn].
func (c *End) Write(p []byte) (done int, err error) {
	for done < len(p) {
		late := c.write.Passed()
		if isClosed(late) {
			return done, c.fail("write", os.ErrDeadlineExceeded)
		}
		n, wait, err := c.out.tryWrite(p[done:])
		if err != nil {
			return done, c.fail("write", err)
		}
		if done += n; wait == nil {
			continue
		}
		select {
		case <-wait:
		case <-late:
		}
	}
	return done, nil
}

func (c *End) fail(op string, err error) error {
	if no, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError(op, no)
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}

// SetLinger is that of [net.TCPConn]: after SetLinger(0), Close is a reset.
func (c *End) SetLinger(sec int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.linger = sec == 0
	return nil
}

// CloseWrite ends what this end sends.
func (c *End) CloseWrite() error {
	c.out.finish(io.EOF, false)
	return nil
}

// Close implements [net.Conn]. What the other end has sent and this one has not read is
// lost.
func (c *End) Close() error {
	c.mu.Lock()
	again, reset := c.closed, c.linger
	c.closed = true
	c.mu.Unlock()
	if again {
		return c.fail("close", net.ErrClosed)
	}
	if reset {
		c.out.finish(syscall.ECONNRESET, true)
	} else {
		c.out.finish(io.EOF, false)
	}
	// What this end has not read is lost, and the other end cannot write any more.
	c.in.finish(net.ErrClosed, true)
	c.in.abandon(true)
	c.out.abandon(false)
	c.read.Set(time.Time{})
	c.write.Set(time.Time{})
	return nil
}

// Deadline is a point in time at which a channel is closed. The zero value has
// none.
type Deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	late  chan struct{}
}

// Set sets the point in time; the zero time is never.
func (d *Deadline) Set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.late // its function has been started
	}
	d.timer = nil
	if d.late == nil || isClosed(d.late) {
		d.late = make(chan struct{})
	}
	if t.IsZero() {
		return
	}
	if left := time.Until(t); left > 0 {
		late := d.late
		d.timer = time.AfterFunc(left, func() { close(late) })
		return
	}
	close(d.late)
}

// Passed returns the channel that is closed at the deadline.
func (d *Deadline) Passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.late == nil {
		d.late = make(chan struct{})
	}
	return d.late
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}
