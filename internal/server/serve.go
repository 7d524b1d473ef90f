package server

import (
	"errors"
	"sync"
	"time"

	"github.com/tidwall/redcon"

	"github.com/gosentinel/sentinel/internal/epoll"
	"github.com/gosentinel/sentinel/internal/respguard"
	"github.com/gosentinel/sentinel/monitor"
)

// A connection is served in one of two forms, by the same code. In the first, a
// goroutine waits for input and executes all commands. In the second, the poller waits
// for many connections and executes the commands that need no waiting; for the others,
// and when a client does not read its replies, it calls in a goroutine, which ends when
// that is done. An idle connection holds no buffer in either form.

// work is the memory that a connection uses while it is served.
type work struct {
	in   []byte // of the poller
	buf  respguard.Buffer
	rest []byte // of the commands that Next has returned
	args [][]byte
	outs [][]byte // for replies
}

var works = sync.Pool{New: func() any { return new(work) }}

const (
	// mostArgs keeps the words of a large command from staying in the pool.
	mostArgs = 1024
	// keptReplyBytes keeps the memory of a large reply from staying with the poller,
	// which has some for many clients.
	keptReplyBytes = 4 << 10
)

// lend returns memory for replies.
func (w *work) lend() (out []byte) {
	if n := len(w.outs) - 1; n >= 0 {
		out, w.outs = w.outs[n], w.outs[:n]
		return out[:0]
	}
	return (*replyBuffers.Get().(*[]byte))[:0]
}

// takeBack takes the memory of replies that have been written.
func (w *work) takeBack(out []byte) {
	switch {
	case cap(out) <= keptReplyBytes && len(w.outs) < epoll.AtOnce:
		w.outs = append(w.outs, out)
	case cap(out) <= pooledReplyBytes:
		large := out // is moved to the heap, as out need not be
		replyBuffers.Put(&large)
	}
}

// free gives w back, after the connection has no use for it.
func (w *work) free() {
	if w.rest = nil; cap(w.args) > mostArgs {
		w.args = nil
	}
	clear(w.args[:cap(w.args)])
	works.Put(w)
}

// outcome says how to go on with a connection.
type outcome uint8

const (
	idle     outcome = iota // everything that has arrived is executed
	mustWait                // the rest may take time
	ended                   // by the client, by an error or by a command
)

// turn executes what has arrived. If it is patient it writes the replies too. Otherwise
// it leaves them to its caller, and stops at whatever could wait for the loop, the disk
// or the client. The error is that of the connection, if it has one.
func (s *Server) turn(c *client, w *work, patient bool) (outcome, error) {
	c.lastUse.Store(int64(time.Since(c.since)))
	for {
		if len(w.rest) == 0 {
			batch, err := c.conn.Next(&w.buf)
			if len(batch) == 0 {
				if patient {
					c.flush()
				}
				if err != nil || c.closing {
					return ended, err
				}
				return idle, nil
			}
			s.bytesIn.Add(uint64(len(batch)))
			w.rest = batch
		}
		for len(w.rest) > 0 {
			if c.closing || c.killed.Load() { // what was sent after QUIT is not executed
				w.rest = nil
				if patient {
					c.flush()
				}
				return ended, nil
			}
			if !s.next(c, w, patient) || len(c.out.buf) >= flushBytes && !c.flushed(w, patient) {
				return mustWait, nil
			}
		}
	}
}

// next executes the next command, or reports false if that could wait and must not.
func (s *Server) next(c *client, w *work, patient bool) bool {
	whole, args, _, rest, err := redcon.ReadNextCommand(w.rest, w.args[:0])
	if !whole || err != nil { // the guard passes no such thing on
		c.closing, w.rest = true, nil
		return true
	}
	cmd, known := s.commands.lookup(args)
	if !patient && !c.immediate(cmd, args) {
		return false
	}
	w.args, w.rest = args, rest
	if c.out.buf == nil {
		c.out.buf = w.lend()
	}
	s.run(c, cmd, known, args)
	return true
}

// immediate reports whether a command can be executed without waiting.
func (c *client) immediate(cmd *command, args [][]byte) bool {
	const few = 4
	switch {
	case cmd == nil || c.server.pause.active.Load() || c.behind():
		return false
	case cmd.flags.has(flagQuestion):
		return c.asksQuiet(args)
	}
	return cmd.flags.has(flagImmediate) && len(args) <= few
}

// behind reports whether the loop may not have seen yet what this connection has sent
// before, or others by PUBLISH.
func (c *client) behind() bool { return c.server.addrs.awaited.Load() != 0 || c.hasBacklog() }

// flushed writes the replies collected so far. Unless it is patient, it reports false
// when that would have to wait.
func (c *client) flushed(w *work, patient bool) bool {
	if patient {
		c.flush()
		return true
	}
	if len(c.out.buf) == 0 {
		return true
	}
	if !c.writing.TryLock() {
		return false
	}
	n, err := c.polled.TryWrite(c.out.buf)
	c.server.bytesOut.Add(uint64(n))
	if err == nil && n < len(c.out.buf) {
		// Nothing may come in between: flush unlocks when the rest is written.
		c.out.buf, c.halfWritten = c.out.buf[:copy(c.out.buf, c.out.buf[n:])], true
		return false
	}
	c.writing.Unlock()
	if err != nil {
		c.closing = true
	}
	w.takeBack(c.out.buf)
	c.out.buf = nil
	return true
}

// smallRead is what the goroutine of an idle connection has for input. While more
// arrives at once, it has more.
const smallRead = 512

// serveAlone serves a connection on a goroutine of its own until it ends.
func (s *Server) serveAlone(c *client) {
	scratch := make([]byte, smallRead)
	for {
		n := c.conn.Await(scratch)
		w := works.Get().(*work)
		how, err := s.turn(c, w, true)
		c.conn.Done(&w.buf)
		w.free()
		switch {
		case how == ended:
			s.finish(c, err)
			return
		case n == len(scratch) && n == smallRead:
			scratch = make([]byte, respguard.ReadBytes)
		case n < smallRead && len(scratch) > smallRead:
			scratch = make([]byte, smallRead)
		}
	}
}

// finish ends a connection that has ended with err. It may wait for the client.
func (s *Server) finish(c *client, err error) {
	c.settle()  // a client that sends no more may still read
	s.forget(c) // first, so that a client that sees the end is in no list any more
	if err != nil && !c.closing {
		c.conn.Fail(err)
	}
	c.conn.Close()
	c.end()
	if c.polled != nil {
		c.polled.Release()
	}
	var bad *respguard.Violation
	if errors.As(err, &bad) {
		s.cfg.Log(monitor.LevelVerbose, "Client "+c.addr+": "+bad.Error())
	}
	s.work.Done()
}
