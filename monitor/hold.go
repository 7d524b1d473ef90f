package monitor

import "slices"

// hold keeps hellos away from a server whose writes may be paused: a PUBLISH waits
// for the end of the pause, and holds up the PINGs behind it. It is about the server
// and not about a link: a server may be monitored under several names, forgotten and
// found again. What is paused over the command connection and what over a fence is held
// apart: the end of the one says nothing about the other.
type hold struct {
	at    HostPort
	by    holder
	until Instant
}

// holder is what keeps hellos away.
type holder uint8

const (
	byCommand holder = iota // what was told over the command connection
	byFence
	byPeer // what another Sentinel has told
)

func holdKey(i *instance) HostPort { return HostPort{Host: i.addr.DialTarget(), Port: i.addr.Port} }

// holdHellos keeps hellos away from the server of i for a while, because of what is said
// over its command connection; an instant that has passed ends that.
func (c *Core) holdHellos(i *instance, until Instant) { c.holdAt(hold{at: holdKey(i), until: until}) }

// holdHellosAt does so because of a fence to a server, and never ends sooner what another
// fence to it holds.
func (c *Core) holdHellosAt(at HostPort, until Instant) {
	c.holdLonger(hold{at: at, by: byFence, until: until})
}

// holdHellosFor does so because another Sentinel says that it has paused the server of i.
func (c *Core) holdHellosFor(i *instance, until Instant) {
	c.holdLonger(hold{at: holdKey(i), by: byPeer, until: until})
}

func (c *Core) holdLonger(h hold) {
	if k := slices.IndexFunc(c.holds, h.replaces); k >= 0 {
		h.until = max(h.until, c.holds[k].until)
	}
	c.holdAt(h)
}

// letHellosTo ends what a fence holds.
func (c *Core) letHellosTo(at HostPort) { c.holdAt(hold{at: at, by: byFence}) }

// holdAt takes h in the place of what it replaces, if it has not ended already.
func (c *Core) holdAt(h hold) {
	c.holds = slices.DeleteFunc(c.holds, func(o hold) bool { return h.replaces(o) || o.until <= c.now })
	if h.until > c.now {
		c.holds = append(c.holds, h)
	}
}

func (h hold) replaces(o hold) bool { return h.at == o.at && h.by == o.by }

// heldUntil returns until when no hello is published at the server of i. An observer
// publishes none.
func (c *Core) heldUntil(i *instance) Instant {
	if c.opts.Observe {
		return Never
	}
	if i.kind == KindSentinel {
		return 0
	}
	until := c.quietAt(i)
	if len(c.holds) == 0 {
		return until
	}
	at := holdKey(i)
	for _, h := range c.holds {
		if h.at == at {
			until = max(until, h.until)
		}
	}
	return until
}
