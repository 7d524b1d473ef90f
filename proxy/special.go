package proxy

import (
	"bytes"
	"strconv"
)

// special handles what needs more than a place on the shared connection.
func (c *client) special(cmd *command, raw []byte) bool {
	if c.relaying {
		return c.subscribed(cmd, raw)
	}
	switch cmd.kind {
	case local:
		return c.local(cmd, raw)
	case refused:
		c.error("ERR proxy: " + cmd.name + " makes a replica of a connection; use a listener with mode = \"tcp\"")
		return true
	case subscribe, unsubscribe, monitor:
		return c.listen(cmd, raw)
	}
	if c.pin != nil && c.pin.key.db != c.db && !c.leavePin() {
		return false // it was for what concerns no database
	}
	if !c.needsPin(cmd, raw) {
		return c.leavePin() && c.sendShared(cmd, raw)
	}
	replica := ""
	if c.l.cfg.Mode == ModeReplicas && c.pin == nil {
		if replica = c.replica(false); replica == "" {
			c.noReplica()
			return true
		}
	}
	db := c.db
	if cmd.kind == aside {
		db = 0 // while a script runs, a server refuses SELECT
	}
	if !c.ownRoute(replica, db) {
		return false
	}
	if cmd.kind == waiting && !c.tx {
		if c.pending > 0 {
			c.stalled = true
			return false
		}
		// WAIT is about what this connection has seen. What the client has written came
		// by another, and is behind the server's position of now.
		c.pin.askPosition()
	}
	switch cmd.kind {
	case watch:
		c.watching = true
	case multi:
		c.tx = true
	case own, unknown:
		c.sticky = true
	}
	sent := c.send(c.pin, cmd, raw)
	if sent && (cmd.kind == exec || cmd.kind == discard) {
		c.tx, c.watching = false, false
		c.stalled = c.stalled || c.pin.own.listens // what follows may be for a subscriber
	}
	if sent && cmd.name == "UNWATCH" && !c.tx {
		c.watching = false
	}
	return sent
}

// maxShared is the largest request on a connection that clients share. A server ends a
// connection on which one of its words is longer than proto-max-bulk-len, and that is at
// least so much. Nor do others wait while it is sent.
const maxShared = 1 << 20

// needsPin reports whether a command needs a connection of the client's own.
func (c *client) needsPin(cmd *command, raw []byte) bool {
	if c.tx || c.watching || c.sticky || len(raw) > maxShared {
		return true
	}
	switch cmd.kind {
	case own, blocking, aside, waiting, watch, multi, unknown:
		return true
	case mayBlock:
		for _, a := range arguments(raw)[1:] {
			if bytes.EqualFold(a, []byte("BLOCK")) {
				return true
			}
			if bytes.EqualFold(a, []byte("STREAMS")) {
				break
			}
		}
	}
	return false
}

// ownRoute sees to it that the client has a connection of its own. It reports false
// when that has to wait for replies on the shared one.
func (c *client) ownRoute(replica string, db int) bool {
	if c.pin != nil {
		return true
	}
	if c.pending > 0 {
		c.stalled = true
		return false
	}
	c.pin = c.h.lend(c, routeKey{replica: replica, proto: c.proto, db: db})
	return true
}

// leavePin returns to the shared connection. It reports false when that has to wait.
func (c *client) leavePin() bool {
	if c.pin == nil {
		return true
	}
	if c.pending > 0 {
		c.stalled = true
		return false
	}
	c.unpin()
	return true
}

func (c *client) unpin() {
	t := c.pin
	c.pin = nil
	t.h.giveBack(t)
}

// mayUnpin gives the connection back when it is needed no more.
func (c *client) mayUnpin() {
	if c.pin != nil && c.pending == 0 && !c.tx && !c.watching && !c.sticky && !c.relaying {
		c.unpin()
	}
}

// askPosition has the server note its present position for this connection.
func (t *route) askPosition() {
	t.tell(pingBytes)
	if t.up() {
		t.touch()
	} else {
		t.dial()
	}
}

// answered is called when a request has its reply, of which b is the last part.
func (c *client) answered(r *req, b []byte) {
	ok := r.first != '-'
	switch {
	case r.kind == exec && ok && r.arg >= 0:
		c.moveTo(r.arg)
	case r.kind == local && r.cmd.name == "SELECT" && ok && !r.inTx:
		c.moveTo(r.arg)
	case r.kind == local && r.cmd.name == "HELLO" && !ok:
		c.proto, c.shared = uint8(r.arg), nil
	}
}

// moveTo is called when the client has selected a database.
func (c *client) moveTo(db int) {
	c.db, c.shared = db, nil
	if c.pin != nil {
		c.pin.key.db = db
	}
}

// listen begins to subscribe, or to monitor.
func (c *client) listen(cmd *command, raw []byte) bool {
	if c.tx && c.h.g.cfg.AckReplicas > 0 {
		c.pin.own.spoiled = true // EXEC is answered as aborted
		c.error(noAckForSubscriber)
		return true
	}
	if c.tx { // queued, or refused; the server knows
		c.pin.own.moved, c.pin.own.listens = true, true
		return c.send(c.pin, cmd, raw)
	}
	if !c.ownRoute("", c.db) { // the master's messages reach all replicas, and a failover does not end this connection
		return false
	}
	if c.pending > 0 {
		c.stalled = true
		return false
	}
	c.relaying = true
	c.pin.own.relay = &relay{}
	return c.subscribed(cmd, raw)
}

const noAckForSubscriber = "ERR proxy: with ack-replicas, writes need another connection than subscriptions"

// subscribed handles the requests of a subscriber.
func (c *client) subscribed(cmd *command, raw []byte) bool {
	name := cmd.name
	switch {
	case c.busy() && (cmd.kind == local && name != "SELECT" || cmd.kind == refused):
		c.stalled = true
		return false
	case (cmd.kind == subscribe || cmd.kind == unsubscribe) && c.pin.own.relay.turning():
		c.stalled = true // in a transaction it has one reply, and else one for each channel
		return false
	case name == "HELLO" || name == "CLIENT|REPLY" || cmd.kind == refused:
		c.message([]byte("-ERR proxy: " + name + " is not possible while subscribed\r\n"))
		return true
	case (cmd.write || cmd.kind == exec) && c.h.g.cfg.AckReplicas > 0:
		if c.busy() {
			c.stalled = true
			return false
		}
		c.message([]byte("-" + noAckForSubscriber + "\r\n"))
		return true
	case name == "QUIT":
		c.message(okReply)
		c.closing = true
		return true
	case name == "RESET":
		c.reset()
		c.message([]byte("+RESET\r\n"))
		return true
	case name == "PROXY" || name == "AUTH":
		return c.local(cmd, raw)
	case cmd.kind == monitor:
		c.pin.own.relay.monitor = true
	}
	c.pin.relay(cmd, raw)
	return true
}

// number reads a database or protocol; -1 is none.
func number(b []byte) int {
	n, err := strconv.Atoi(string(b))
	if err != nil || n < 0 {
		return -1
	}
	return n
}
