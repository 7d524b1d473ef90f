package server

import "sync"

// A command whose reply depends on the disk does not hold up those behind it on its
// connection: they are executed at once, so that all votes that a peer asks for in one
// go share one save. Their replies wait in a backlog, since clients tell replies by
// their order.

// promise is a reply that comes later.
type promise struct {
	ready  func() bool  // whether render would not wait
	render func(*reply) // waits for what it needs, and appends the reply
}

// later keeps the place of this command's reply for what render appends, on another
// goroutine. The words of the command are gone by then.
func (r *request) later(ready func() bool, render func(*reply)) {
	r.promised = promise{ready, render}
}

// redeem appends a promised reply that is there already.
func (r *request) redeem() {
	if r.promised.render != nil && r.promised.ready() {
		r.promised.render(r.reply)
		r.promised = promise{}
	}
}

// Limits of what waits. Beyond them a connection executes nothing until its own
// replies have been written.
const (
	maxBacklog     = 1 << 20  // bytes of one connection
	maxBacklogs    = 64 << 20 // of all together
	bytesByPromise = 256
)

// backlog holds the replies of a connection from the first one that is not there yet,
// in the order of their commands. While it is active a goroutine writes them, and the
// connection's own must not write.
type backlog struct {
	mu     sync.Mutex
	idle   sync.Cond // signalled when replies were taken
	queue  []delayed
	bytes  int
	active bool
	broken bool // a write failed: nothing more is written
}

// delayed is a promise or a text.
type delayed struct {
	text []byte
	promise
	resp3, silent bool
}

func (d *delayed) size() int {
	if d.render != nil {
		return bytesByPromise
	}
	return cap(d.text)
}

// postpone queues a promised reply behind the replies collected so far.
func (c *client) postpone(p promise, silent bool) {
	if c.backlog == nil {
		c.backlog = &backlog{}
		c.backlog.idle.L = &c.backlog.mu
	}
	c.queue(&delayed{promise: p, resp3: c.out.resp3, silent: silent})
}

// queue moves the replies collected so far into the backlog, and behind them d, unless
// it is nil. If there is none and nothing waits, it does nothing and reports false. It
// waits while the backlog is full.
func (c *client) queue(d *delayed) bool {
	b := c.backlog
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.broken:
		c.closing, c.out.buf = true, nil
		return true
	case d == nil && !b.active:
		return false
	}
	if len(c.out.buf) > 0 {
		c.push(delayed{text: c.out.buf})
		c.out.buf = nil
	}
	if d != nil {
		c.push(*d)
	}
	if !b.active {
		b.active = true
		c.server.work.Go(c.writeBacklog)
	}
	for b.active && (b.bytes > maxBacklog || c.server.backlogs.Load() > maxBacklogs) {
		b.idle.Wait()
	}
	return true
}

func (c *client) push(d delayed) {
	c.backlog.queue = append(c.backlog.queue, d)
	c.backlog.bytes += d.size()
	c.server.backlogs.Add(int64(d.size()))
}

// pop takes the first reply of the backlog; none is left when ok is false. It ends the
// backlog when none is left and end is set.
func (c *client) pop(end bool) (d delayed, ok bool) {
	b := c.backlog
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) > 0 {
		d, b.queue[0] = b.queue[0], delayed{}
		b.queue = b.queue[1:]
		b.bytes -= d.size()
		c.server.backlogs.Add(-int64(d.size()))
		b.idle.Signal()
		return d, true
	}
	if end {
		b.queue, b.active = nil, false
		b.idle.Signal()
	}
	return d, false
}

// hasBacklog reports whether replies to earlier commands are still to come.
func (c *client) hasBacklog() bool {
	b := c.backlog
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.active
}

// settle waits until all replies collected so far have been written.
func (c *client) settle() {
	c.flush()
	b := c.backlog
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.active {
		b.idle.Wait()
	}
}

// writeBacklog writes the replies of the backlog until there are none.
func (c *client) writeBacklog() {
	buf := replyBuffers.Get().(*[]byte)
	out := reply{buf: (*buf)[:0]}
	for {
		d, ok := c.pop(len(out.buf) == 0)
		if !ok && len(out.buf) == 0 {
			break
		}
		wait := !ok || d.render != nil && !d.ready()
		if len(out.buf) > 0 && (wait || len(out.buf) >= flushBytes) {
			c.writing.Lock()
			err := c.writeLocked(out.buf)
			c.writing.Unlock()
			out.buf = out.buf[:0]
			if err != nil {
				c.dropBacklog()
				break
			}
		}
		if ok {
			c.appendDelayed(&out, &d)
		}
	}
	if cap(out.buf) <= pooledReplyBytes {
		*buf = out.buf
		replyBuffers.Put(buf)
	}
}

func (c *client) appendDelayed(out *reply, d *delayed) {
	if d.render == nil {
		out.buf = append(out.buf, d.text...)
		return
	}
	before := len(out.buf)
	out.resp3 = d.resp3
	d.render(out)
	if out.buf[before] == '-' {
		c.server.errorsSent.Add(1)
	}
	if d.silent {
		out.buf = out.buf[:before]
	}
}

// dropBacklog ends a connection to which nothing can be written.
func (c *client) dropBacklog() {
	c.conn.Close() // the reading goroutine then ends the rest
	b := c.backlog
	b.mu.Lock()
	defer b.mu.Unlock()
	c.server.backlogs.Add(-int64(b.bytes))
	b.queue, b.bytes, b.active, b.broken = nil, 0, false, true
	b.idle.Signal()
}
