package monitor

import "time"

// slot is the grid of what need not be exact. All that falls into one slot is done at
// its beginning, so that a Sentinel with thousands of links wakes up for many of them at
// once.
const slot = 20 * time.Millisecond

// slotted returns the beginning of the slot of due, an instant that comes back every
// period: early and not late, so that nothing is noticed later. What comes more often
// than a few times per slot stays exact. No deadline that judges anybody is slotted.
func slotted(due Instant, period time.Duration) Instant {
	if period < 5*slot {
		return due
	}
	return due - due%Instant(slot)
}

// sendAlong sends a hello and INFO to a server in the write of a PING, if they are due
// before the middle between this PING and the next. Together with pingAlong it brings
// the three in step, whenever each was sent first: then one system call is enough for
// all, on both sides. A link to a Sentinel has one PING for the hellos of many masters;
// there the slots are enough.
func (c *Core) sendAlong(now Instant, l *link) {
	if !l.server || !l.cmd.up {
		return
	}
	i, soon := l.owners[0], now.Add(c.pingPeriod(l)/2)
	if !i.helloPending && i.helloDue <= soon && c.heldUntil(i) <= now {
		c.sendHello(now, i)
	}
	if !i.infoPending && c.infoDue(i) <= soon && c.infoHeldUntil(i) <= now {
		c.requestInfo(now, i)
	}
}

// pingAlong sends a PING to a server, and with it what is due, if the PING is due before
// the middle between it and the one before. It reports whether it did.
func (c *Core) pingAlong(now Instant, l *link) bool {
	if !l.server || l.pingPending || l.pingDue(c) > now.Add(c.pingPeriod(l)/2) {
		return false
	}
	c.sendPing(now, l)
	return true
}
