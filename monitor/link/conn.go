package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/internal/epoll"
	"github.com/gosentinel/sentinel/monitor"
)

// conn is one connection, from the attempt to the loss. It is never reused.
//
// Three goroutines use it. The loop sends and closes. The connection's own
// goroutine dials, then reads, or leaves that to the reader of many, which is its
// goroutine then. A writing goroutine exists only while there is something that could
// not be written at once.
type conn struct {
	pool   *Pool
	id     monitor.ConnID
	kind   monitor.ConnKind
	peer   peer
	others []string // further addresses of the same name
	limits Limits

	dirty bool // listed in pool.dirty; belongs to the loop

	mu          sync.Mutex
	cancel      context.CancelFunc // ends the attempt; nil once it ended
	underlying  net.Conn           // to close; nil until connected
	nc          net.Conn           // to write to
	raw         syscall.RawConn    // for writing without waiting; nil when nc cannot
	polled      *epoll.Conn        // nc, if it is read by the reader of many; nil: it is not
	writesEnded bool               // nothing is sent any more
	failed      bool               // closed by this side
	closed      bool               // nothing is delivered any more
	reason      string             // why this side ended it
	grace       *time.Timer        // ends it some time after a failed write
	out         *output            // not yet handed to the system; nil when empty
	inFlight    int                // bytes that the writing goroutine is writing
	writing     bool               // there is a writing goroutine
	notAfter    monitor.Instant    // out must not be written later; 0: no limit
	expect      fifo

	in inbound // belongs to the connection's goroutine
}

func newConn(p *Pool, d monitor.Dial, cancel context.CancelFunc) *conn {
	c := &conn{
		pool: p, id: d.Conn, kind: d.Kind, cancel: cancel,
		peer:   peer{target: d.Target, addr: d.Addr},
		others: d.Others,
		limits: p.cfg.Limits.withDefaults(),
		out:    newOutput(),
	}
	c.in.secret = d.Pass
	e := encoder{out: c.out.b, expect: &c.expect, rename: d.Rename}
	e.greeting(d)
	c.out.b = e.out
	return c
}

// send queues a command. It returns false when there is nothing to flush.
func (c *conn) send(s monitor.Send) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writesEnded {
		return false
	}
	if c.kind == monitor.ConnPubSub {
		c.pool.cfg.Log(monitor.LevelWarning, fmt.Sprintf("command %T for the Pub/Sub connection to %s was not sent", s.Cmd, c.peer))
		return false
	}
	if c.out == nil {
		c.out = newOutput()
	}
	e := encoder{out: c.out.b, expect: &c.expect, rename: s.Rename, token: s.Token}
	known := e.send(s.Cmd)
	c.out.b = e.out
	if !known {
		c.pool.cfg.Log(monitor.LevelWarning, fmt.Sprintf("unknown command %T for %s was not sent", s.Cmd, c.peer))
		return false
	}
	if s.NotAfter != 0 && (c.notAfter == 0 || s.NotAfter < c.notAfter) {
		c.notAfter = s.NotAfter
	}
	if c.expect.n > c.limits.pending(c.peer.target, c.pool.cfg.Masters()) {
		c.fail(fmt.Sprintf("%d commands without a reply", c.expect.n))
		return false
	}
	c.keepUnsentSmall()
	return true
}

// keepUnsentSmall writes early when a batch grows large, and gives up on a
// connection whose other side does not read.
func (c *conn) keepUnsentSmall() {
	limit := c.limits.unsentBytes(c.peer.target, c.pool.cfg.Masters())
	if c.nc != nil && len(c.out.b) > c.limits.UnsentBytes/4 {
		c.write()
	}
	unsent := c.inFlight
	if c.out != nil {
		unsent += len(c.out.b)
	}
	if unsent > limit {
		c.fail(fmt.Sprintf("%d bytes of commands that the other side does not read", unsent))
	}
}

func (c *conn) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.write()
}

// write hands to the system as much of the queue as it takes at once, and the
// rest to a writing goroutine. It never waits. The caller holds mu.
func (c *conn) write() {
	if c.writesEnded || c.nc == nil || c.out == nil || c.writing || c.tooLate() {
		return
	}
	if c.raw != nil || c.polled != nil {
		n, err := c.writeNow(c.out.b)
		if err != nil {
			c.writeFailed(err)
			return
		}
		if n == len(c.out.b) {
			c.out.release()
			c.out, c.notAfter = nil, 0
			return
		}
		c.out.b = append(c.out.b[:0], c.out.b[n:]...)
	}
	c.writing = true
	c.pool.wg.Go(c.writeRest)
}

// writeNow writes what the system takes at once, which may be nothing.
func (c *conn) writeNow(b []byte) (int, error) {
	if c.polled != nil {
		return c.polled.TryWrite(b)
	}
	return writeNow(c.raw, b)
}

// tooLate ends the connection when an order in the queue must not be sent any more.
// The process may have been stopped since the order was given, and others may have
// acted in its place. The caller holds mu.
func (c *conn) tooLate() bool {
	if c.notAfter == 0 || c.pool.cfg.Now() < c.notAfter {
		return false
	}
	c.fail("an order could not be sent in time")
	return true
}

// writeRest is the writing goroutine: it waits until all is written.
func (c *conn) writeRest() {
	for {
		c.mu.Lock()
		o := c.out
		c.out, c.inFlight = nil, 0
		if o == nil || c.writesEnded || c.tooLate() {
			c.writing = false
			c.mu.Unlock()
			return
		}
		c.inFlight, c.notAfter = len(o.b), 0
		c.mu.Unlock()

		_, err := c.nc.Write(o.b)
		o.release()
		if err != nil {
			c.mu.Lock()
			c.writeFailed(err)
			c.mu.Unlock()
		}
	}
}

// failedWriteGrace is how long a connection is still read after a write failed.
const failedWriteGrace = time.Second

// writeFailed ends a connection whose other side is gone. A server that rejects
// a client says why and closes; a Sentinel that closed at the first failed
// write would often miss the reason. The caller holds mu.
func (c *conn) writeFailed(err error) {
	if c.writesEnded {
		return
	}
	c.writesEnded = true
	reason := "write: " + plainError(err)
	c.grace = time.AfterFunc(failedWriteGrace, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.fail(reason)
	})
}

// fail ends the connection for a reason of this side. The connection's own
// goroutine reports the loss, so that it is reported once. The caller holds mu.
func (c *conn) fail(reason string) {
	if c.failed {
		return
	}
	c.failed, c.writesEnded, c.reason = true, true, reason
	if c.cancel != nil {
		c.cancel()
	}
	if c.underlying != nil {
		c.underlying.Close()
	}
}

// close ends the connection without a report. With abort the system gives up what
// it has not delivered.
func (c *conn) close(abort bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if tcp, ok := c.underlying.(*net.TCPConn); ok && abort {
		_ = tcp.SetLinger(0) // fails only on a socket that is closed already
	} else if c.polled != nil && abort {
		c.polled.Abort()
	} else if !abort {
		c.write() // what was ordered before
	}
	c.closed = true
	c.fail("closed")
}

// connect is the goroutine that dials. Reading is done by another one, because
// dialling grows the stack, which would stay large for the life of the
// connection.
func (c *conn) connect(ctx context.Context) {
	o, err := c.pool.open(ctx, append([]string{c.peer.addr.Host}, c.others...), c.peer.addr.Port, c.slowHandshake)
	if err != nil {
		c.end(err)
		return
	}
	c.in.told = false // whatever took long, it came
	if !c.adopt(o.nc, o.under) {
		o.under.Close()
		c.end(net.ErrClosed)
		return
	}
	remote := ""
	if len(c.others) > 0 {
		remote = o.host
	}
	if c.polled != nil {
		c.up(remote)
		c.pool.many.watch(c)
		return
	}
	c.pool.wg.Go(func() { c.serve(remote) })
}

// slowHandshake tells about a server that took the connection and does not answer
// the first message of TLS. A server without TLS waits for the end of a line that
// never comes.
func (c *conn) slowHandshake() {
	c.trouble(monitor.StepConnect, monitor.CauseTLS, "no answer to the TLS handshake within "+handshakePatience.String()+
		" (does it use TLS on this port? If not, set tls-replication no or its TLS port)")
	c.deliverReady(c.pool.cfg.Now())
}

// adopt takes a fresh connection and writes all that was sent before it
// existed. It returns false when the connection is no longer wanted.
func (c *conn) adopt(nc, under net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancel()
	c.cancel = nil
	if c.failed {
		return false
	}
	c.nc, c.underlying = nc, under
	if c.polled = c.pool.many.take(c, nc); c.polled != nil {
		c.nc, c.underlying = c.polled, c.polled
	} else {
		c.raw = rawConn(nc)
	}
	c.write()
	return true
}

// serve reads until the connection is lost. remote is the address that answered,
// if there was a choice.
func (c *conn) serve(remote string) {
	c.up(remote)
	c.end(c.receive())
}

func (c *conn) up(remote string) {
	c.deliver(c.pool.cfg.Now(), monitor.LinkUp{Conn: c.id, LocalIP: localIP(c.nc), RemoteIP: remote})
}

func (c *conn) receive() error {
	r := newReader(c.nc, c.raw)
	for {
		b, err := r.read()
		if err != nil {
			return err
		}
		at := c.pool.cfg.Now()
		err = c.feed(b)
		// Deliver may block. Many connections that wait for a busy loop must
		// not hold a buffer each.
		r.release()
		c.deliverReady(at)
		if err != nil {
			return err
		}
	}
}

func (c *conn) deliverReady(at monitor.Instant) {
	for i, in := range c.in.ready {
		c.in.ready[i] = nil
		c.deliver(at, in)
	}
	if c.in.ready = c.in.ready[:0]; cap(c.in.ready) > keepReady {
		c.in.ready = nil
	}
}

func (c *conn) deliver(at monitor.Instant, in monitor.Input) {
	c.mu.Lock()
	silent := c.closed
	c.mu.Unlock()
	if !silent {
		c.pool.cfg.Deliver(at, in)
	}
}

// end reports the loss, once: it is the last thing that the connection's
// goroutine does.
func (c *conn) end(err error) {
	c.lost(err)
	c.deliverReady(c.pool.cfg.Now())
}

// lost ends the connection, and makes ready what is said about it.
func (c *conn) lost(err error) {
	c.pool.take(c.id)
	c.mu.Lock()
	reason, own := c.lossReason(err), c.failed
	loss := lossOf(err, c.nc != nil)
	if own {
		loss = monitor.LossOther
	}
	c.fail(reason)
	if c.grace != nil {
		c.grace.Stop()
	}
	c.mu.Unlock()
	if cause, text, tell := c.explain(err, reason, own); tell {
		c.trouble(monitor.StepConnect, cause, text)
	}
	c.emit(monitor.LinkDown{Conn: c.id, Reason: reason, Loss: loss})
}

// lossReason says why the connection ended. The caller holds mu.
func (c *conn) lossReason(err error) string {
	reason := plainError(err)
	if c.failed {
		reason = c.reason
	}
	if c.in.greetingRefusal != "" {
		// A server that refuses a client says why and closes: without that text
		// the operator sees only that it closed.
		reason += " after " + c.in.greetingRefusal
	}
	if c.in.secret != "" {
		reason = strings.ReplaceAll(reason, c.in.secret, "******")
	}
	return reason
}

// plainError is the text of an error without what the operator knows already
// and without what differs every time, such as the local port.
func plainError(err error) string {
	if errors.Is(err, io.EOF) {
		return "closed by the other side"
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op != "dial" && op.Err != nil {
		return op.Err.Error()
	}
	return err.Error()
}
