package monitor

import "slices"

// hold keeps hellos away from a server whose writes may be paused: a PUBLISH waits
// for the end of the pause, and holds up the PINGs behind it. It is about the server
// and not about a link: a server may be monitored under several names, forgotten and
// found again.
type hold struct {
	at    HostPort
	until Instant
}

func holdKey(i *instance) HostPort { return HostPort{Host: i.addr.DialTarget(), Port: i.addr.Port} }

// holdHellos keeps hellos away from the server of i for a while; an instant that has
// passed ends that.
func (c *Core) holdHellos(i *instance, until Instant) {
	at := holdKey(i)
	c.holds = slices.DeleteFunc(c.holds, func(h hold) bool { return h.at == at || h.until <= c.now })
	if until > c.now {
		c.holds = append(c.holds, hold{at, until})
	}
}

// holdHellosAt is holdHellos for a server at an address, and never ends sooner what there is.
func (c *Core) holdHellosAt(at HostPort, until Instant) {
	c.holds = slices.DeleteFunc(c.holds, func(h hold) bool { return h.until <= c.now })
	k := slices.IndexFunc(c.holds, func(h hold) bool { return h.at == at })
	if k < 0 {
		c.holds = append(c.holds, hold{at: at})
		k = len(c.holds) - 1
	}
	c.holds[k].until = max(c.holds[k].until, until)
}

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
			return max(until, h.until)
		}
	}
	return until
}
