package mock

import (
	"sync"
	"time"

	"github.com/gosentinel/sentinel/internal/glob"
	"github.com/gosentinel/sentinel/internal/respguard"
	"github.com/tidwall/redcon"
)

// Bounds of what one connection to a Sentinel can make the mock hold.
const (
	maxQueued        = 128 << 10 // bytes of replies and messages that it does not read
	maxSubscriptions = 64
	maxName          = 256 // bytes of a channel or a name of a connection
)

// conn is a client's connection to a Sentinel.
type conn struct {
	v  *sentinel
	id int64
	nc *respguard.Conn

	cut  sync.Once
	gone chan struct{} // closed by reset

	// Only its reader uses these.
	proto  int
	authed bool
	name   string

	// channels and patterns are guarded by Mock.mu; so is push, the form of
	// messages.
	channels, patterns []string
	push               bool

	out outbox
}

// outbox is the bounded queue of what is still to be written.
type outbox struct {
	mu     sync.Mutex
	some   sync.Cond
	queue  []byte
	ending bool // close when the queue is empty
	dead   bool
}

// serve starts to read and write a connection, or closes it when the Sentinel is
// being killed.
func (v *sentinel) serve(nc *respguard.Conn) {
	m := v.n.m
	c := &conn{v: v, nc: nc, gone: make(chan struct{}), proto: 2, authed: v.n.Password == ""}
	c.out.some.L = &c.out.mu
	m.mu.Lock()
	v.nextClient++
	c.id = v.nextClient
	listed := v.conns != nil
	if listed {
		v.conns[c] = struct{}{}
	}
	m.mu.Unlock()
	if !listed {
		_ = nc.Close()
		return
	}
	v.handlers.Go(c.write)
	v.handlers.Go(func() {
		c.read()
		c.finish()
		m.mu.Lock()
		delete(v.conns, c)
		m.mu.Unlock()
		v.n.gone(c.id)
	})
}

// read handles commands until the connection ends. What the guard lets through
// is sound and canonical, and a command may still come in pieces.
func (c *conn) read() {
	var pending []byte
	buffer := make([]byte, 16<<10)
	for {
		n, err := c.nc.Read(buffer)
		pending = append(pending, buffer[:n]...)
		for len(pending) > 0 {
			whole, args, _, rest, bad := redcon.ReadNextCommand(pending, nil)
			if bad != nil {
				return
			}
			if !whole {
				break
			}
			pending = rest
			if len(args) > 0 && !c.handle(args) {
				return
			}
		}
		if len(pending) == 0 {
			pending = nil
		}
		if err != nil {
			return
		}
	}
}

// handle answers one command as the rules want. It reports whether to go on.
func (c *conn) handle(args [][]byte) bool {
	n := c.v.n
	if !c.awake() {
		return false
	}
	n.m.trace(n, args)
	names := commandNames(args)
	n.m.mu.Lock()
	n.seen(c.id)
	kind, counted := sentinelClass(names)
	var r rule
	if counted {
		n.count(kind, 1)
		r = n.treatment(names, kind)
	} else {
		r = n.treatment(names)
	}
	n.m.mu.Unlock()
	switch r.how {
	case anError:
		return c.send(redcon.AppendError(nil, r.text))
	case null:
		a := &answer{proto: c.proto}
		a.null()
		return c.send(a.b)
	case raw:
		return c.send([]byte(r.text))
	case half:
		reply, _ := c.reply(names[0], args)
		c.send(reply[:len(reply)/2])
		return false
	case closing:
		return false
	case silent:
		return true
	case slow:
		n.pause(r.delay)
	}
	reply, more := c.reply(names[0], args)
	return c.send(reply) && more
}

// awake waits while the Sentinel is frozen. It reports false when the mock ends.
func (c *conn) awake() bool {
	c.v.n.m.mu.Lock()
	frozen, life := c.v.frozen, c.v.n.life
	c.v.n.m.mu.Unlock()
	if frozen == nil {
		return true
	}
	select {
	case <-frozen:
		return true
	case <-life:
	case <-c.v.n.m.quit:
	}
	return false
}

// sentinelClass says under what a command is counted.
func sentinelClass(names []string) (quantity, bool) {
	switch names[0] {
	case "get-master-addr-by-name", "master", "masters":
		return asks, true
	case "replicas", "slaves":
		return lists, true
	case "subscribe", "psubscribe":
		return subscribes, true
	case "failover":
		return failovers, true
	}
	return 0, false
}

// send queues bytes. A client that does not read them is cut.
func (c *conn) send(b []byte) bool {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dead || o.ending {
		return false
	}
	if len(o.queue)+len(b) > maxQueued {
		o.dead, o.queue = true, nil
		o.some.Signal()
		return false
	}
	o.queue = append(o.queue, b...)
	o.some.Signal()
	return true
}

// message sends a Pub/Sub message if the connection watches the channel. The
// lock of the mock is held.
func (c *conn) message(channel, text string) {
	for _, name := range c.channels {
		if name == channel {
			a := &answer{push: c.push}
			a.event(3)
			a.bulks("message", channel, text)
			c.send(a.b)
		}
	}
	for _, pattern := range c.patterns {
		if glob.Match(pattern, channel) {
			a := &answer{push: c.push}
			a.event(4)
			a.bulks("pmessage", pattern, channel, text)
			c.send(a.b)
		}
	}
}

// lingerTime is how long a connection that is to be closed may take to read its
// last reply.
const lingerTime = time.Second

// finish closes the connection when everything is written.
func (c *conn) finish() {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.out.ending = true
	_ = c.nc.SetWriteDeadline(time.Now().Add(lingerTime)) // a dead socket ends the writer anyway
	c.out.some.Signal()
}

// reset closes it at once, as the death of the process would.
func (c *conn) reset() {
	c.cut.Do(func() { close(c.gone) })
	c.out.mu.Lock()
	c.out.dead, c.out.queue = true, nil
	c.out.some.Signal()
	c.out.mu.Unlock()
	if tcp, ok := c.nc.NetConn().(interface{ SetLinger(sec int) error }); ok {
		_ = tcp.SetLinger(0) // fails only on a socket that is closed already
	}
	_ = c.nc.Close()
}

// write is the writing goroutine. It closes the connection at its end.
func (c *conn) write() {
	defer c.nc.Close()
	for {
		o := &c.out
		o.mu.Lock()
		for len(o.queue) == 0 && !o.ending && !o.dead {
			o.some.Wait()
		}
		batch := o.queue
		o.queue = nil
		o.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		if _, err := c.nc.Write(batch); err != nil {
			o.mu.Lock()
			o.dead = true
			o.mu.Unlock()
			return
		}
	}
}
