package sim

import (
	"fmt"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// client is a program that uses one master. It asks a Sentinel where the master
// is, writes and reads, listens for +switch-master, and asks again when anything
// goes wrong. Every write has a number, so that it can be told in the end which
// of the acknowledged ones are lost.
type client struct {
	w       *world
	id      hostID
	group   *group
	name    string
	follows bool // listens for +switch-master
	sticky  bool // tries the server that it had again for a while when that refuses

	think     time.Duration
	sentinels int // the one to ask next
	ask       *conn
	listen    *conn
	conn      *conn
	was       monitor.HostPort // the server that conn was opened to last
	due       Instant          // end of the wait that counts
	planned   [2]Instant       // events, for a long wait and for a short one; 0: none
	pending   uint32           // write without an answer
	last      uint32           // last write that was acknowledged
	lastAck   Instant
}

// patience is how long a client waits for an answer.
const patience = time.Second

func (c *client) host() hostID { return c.id }

// await has the client look again after d unless something else happens first.
func (c *client) await(d time.Duration) {
	c.due = c.w.now.Add(d)
	c.plan()
}

// plan makes sure that there is an event when the wait ends. Nearly every wait is
// replaced by the next one long before, so the event of an earlier one serves as
// well, and plans the next one when it comes.
func (c *client) plan() {
	kind := 0
	if c.due.Sub(c.w.now) < patience {
		kind = 1
	}
	if at := c.planned[kind]; at == 0 || c.due < at {
		c.planned[kind] = c.due
		c.w.at(c.due, c, kind)
	}
}

func (c *client) fire(kind int) {
	if c.planned[kind] != c.w.now {
		return // replaced by an earlier one
	}
	c.planned[kind] = 0
	switch {
	case c.due > c.w.now:
		c.plan()
	case c.conn != nil && c.pending == 0:
		c.write()
	case c.isStuck() && c.conn == nil && c.ask == nil:
		c.connect(c.was)
	default: // no answer, or time to try again
		c.leave()
		c.lookup()
	}
}

// isStuck reports whether the client goes on with the server that it had.
func (c *client) isStuck() bool {
	return c.sticky && c.was.Port != 0 && c.w.now.Sub(c.lastAck) < stuckTime
}

// stuckTime is for how long a sticky client tries one server after it was served.
const stuckTime = 3 * time.Second

// again tries anew after d, or nearly at once where the client sticks to a server.
func (c *client) again(d time.Duration) {
	if c.isStuck() {
		d = time.Millisecond
	}
	c.await(d)
}

func (c *client) leave() {
	if c.conn != nil {
		c.conn.close(0, "closed by the client")
		c.conn = nil
	}
	if c.ask != nil {
		c.ask.close(0, "closed by the client")
		c.ask = nil
	}
	c.pending = 0
}

// lookup asks the next Sentinel.
func (c *client) lookup() {
	c.sentinels++
	s := c.w.nodes[c.sentinels%len(c.w.nodes)].base()
	c.ask = c.w.dial(c, clientConn, 0, s.addr)
	if c.follows && c.listen == nil {
		c.listen = c.w.dial(c, clientConn, 0, s.addr)
	}
	c.await(patience)
}

func (c *client) up(cn *conn) {
	switch cn {
	case c.ask:
		cn.send(toAcceptor, whereIs{c.group.name})
	case c.conn:
		c.write()
	}
}

func (c *client) down(cn *conn, _ string) {
	switch cn {
	case c.listen:
		c.listen = nil
	case c.ask, c.conn:
		c.pending = 0
		c.ask, c.conn = nil, nil
		c.again(c.w.between(20*time.Millisecond, 100*time.Millisecond))
	}
}

func (c *client) hear(cn *conn, msg any) {
	switch m := msg.(type) {
	case itIs:
		if cn == c.ask {
			c.connect(m.addr)
		}
	case switched:
		if cn == c.listen && m.master == c.group.name && (c.conn == nil || c.conn.addr != m.to) {
			c.leave()
			c.connect(m.to)
		}
	case clientReply:
		if cn == c.conn {
			c.answered(m)
		}
	}
}

func (c *client) connect(to monitor.HostPort) {
	if c.ask != nil {
		c.ask.close(0, "closed by the client")
		c.ask = nil
	}
	if to == (monitor.HostPort{}) {
		c.await(100 * time.Millisecond)
		return
	}
	c.conn, c.was = c.w.dial(c, clientConn, 0, to), to
	c.pending = reading // until it is established
	c.await(patience)
}

// reading is the pending write while there is none.
const reading = 1<<32 - 1

func (c *client) write() {
	c.pending = c.w.meter.newWrite(c.group)
	c.conn.send(toAcceptor, clientWrite{c.pending})
	c.await(patience)
}

func (c *client) answered(m clientReply) {
	switch {
	case m.err != "":
		c.pending = 0
		c.leave()
		c.again(c.w.between(20*time.Millisecond, 200*time.Millisecond))
	case m.id == c.pending:
		c.w.meter.acked(c, m.id)
		c.last, c.lastAck = m.id, c.w.now
		c.pending = reading
		c.conn.send(toAcceptor, clientRead{m.id})
		c.await(patience)
	case c.pending == reading:
		if !m.seen {
			c.w.meter.unseen++
		}
		c.pending = 0
		c.await(c.think)
	}
}

// whyUnserved says why the client is not served, or "".
func (c *client) whyUnserved() string {
	if since := c.w.now.Sub(c.lastAck); since > 5*time.Second {
		return fmt.Sprintf("client %s has not written for %v", c.name, since.Round(time.Second))
	}
	return ""
}
