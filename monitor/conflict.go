package monitor

import "time"

// Two Sentinels with one id, made by copying a configuration file, are one
// voter with two hands: each may vote for another candidate at the same epoch,
// and both candidates be elected. Stock Sentinels do not notice. Here the two
// notice each other by their hellos, say so, and neither votes nor stands for
// election until only one is left.

// How sure and for how long.
const (
	conflictSilence = 10 * time.Second // without a sign of the other, the conflict is over
	flapWindow      = 30 * time.Second // in which a peer's address goes back and forth

	// ownAddrWindow is for how long an own hello can come back after an address was
	// given up: masters pass hellos on to their replicas, and those may lag.
	ownAddrWindow = time.Minute
	maxOwnAddrs   = 16 // addresses that are remembered
)

// ownAddr is an address under which this process has announced itself.
type ownAddr struct {
	at   HostPort
	last Instant
}

// rememberOwnAddr remembers where a hello that is published now says that this
// process is. Without it a change of announce-ip, or of the address of the host,
// would make own hellos that are still under way look like those of a clone.
func (c *Core) rememberOwnAddr(now Instant, h *Hello) {
	at, oldest := HostPort{h.IP, h.Port}, 0
	for k := range c.ownAddrs {
		if c.ownAddrs[k].at == at {
			c.ownAddrs[k].last = now
			return
		}
		if c.ownAddrs[k].last < c.ownAddrs[oldest].last {
			oldest = k
		}
	}
	if len(c.ownAddrs) < maxOwnAddrs {
		c.ownAddrs = append(c.ownAddrs, ownAddr{at, now})
		return
	}
	c.ownAddrs[oldest] = ownAddr{at, now}
}

// usedOwnAddr reports whether this process has announced itself at an address not
// long ago.
func (c *Core) usedOwnAddr(now Instant, at HostPort) bool {
	for _, o := range c.ownAddrs {
		if o.at == at {
			return now < o.last.Add(ownAddrWindow)
		}
	}
	return false
}

// conflict is what is known about another Sentinel with the own id.
type conflict struct {
	own, other  HostPort // where the two announce themselves
	first, last Instant
	open        bool
	timer       timer
}

// run ends the conflict when nothing was heard of the other for long enough.
func (k *conflict) run(c *Core, now Instant) Instant {
	if !k.open {
		return Never
	}
	if due := k.last.Add(conflictSilence); now < due {
		return due
	}
	k.open = false
	c.emit(nil, SentinelIDConflict{c.opts.MyID, k.own, k.other, true})
	*k = conflict{timer: k.timer}
	for _, m := range c.masters {
		c.touch(m)
	}
	return Never
}

// helloWithOwnID looks at a hello with the own id, which is nearly always one that
// this Sentinel has published.
func (c *Core) helloWithOwnID(now Instant, m *master, h *Hello) {
	at := HostPort{h.IP, h.Port}
	if c.isOwnHello(m, h) || c.usedOwnAddr(now, at) {
		return
	}
	k := &c.conflict
	if k.other != at || now >= k.last.Add(conflictSilence) {
		if k.open {
			return // one at a time; the next is reported when this one is gone
		}
		k.other, k.first = at, now
	}
	k.last = now
	if !k.open && now >= k.first.Add(c.tun.PublishPeriod/2) {
		c.openConflict(now, m)
	}
}

func (c *Core) openConflict(now Instant, m *master) {
	k := &c.conflict
	h := c.helloOf(m, m.link)
	k.open, k.own = true, HostPort{h.IP, h.Port}
	c.emit(nil, SentinelIDConflict{c.opts.MyID, k.own, k.other, false})
	c.log(LevelWarning, "Another Sentinel at "+k.other.String()+" uses the id "+string(c.opts.MyID)+" of this one at "+
		k.own.String()+". Neither votes until one of them is stopped, its 'sentinel myid' line removed, and started again")
	c.ready(&k.timer)
	for _, m := range c.masters {
		if m.electing() && !m.attempt.Forced {
			c.abort(now, m, FailoverAbortNotElected{c.ref(&m.instance)})
		}
		c.touch(m)
	}
}

// isOwnHello reports whether h can be a hello of this process. Its address is
// the local one of whichever link it was published on, so on a host with
// several addresses there are several.
func (c *Core) isOwnHello(m *master, h *Hello) bool {
	switch {
	case h.Port != c.announcedPort():
		return false
	case c.opts.AnnounceIP != "":
		return h.IP == c.opts.AnnounceIP
	case h.IP == m.link.cmd.localIP:
		return true
	}
	for _, r := range m.replicas {
		if h.IP == r.link.cmd.localIP {
			return true
		}
	}
	for _, p := range m.peers {
		if h.IP == p.link.cmd.localIP {
			return true
		}
	}
	return false
}

// addrChange is what is known about the changes of a peer's address.
type addrChange struct {
	previous     Addr    // the address before
	changedAt    Instant // of the last change
	currentSeen  Instant // when it was last announced where it is thought to be
	previousSeen Instant // when the old address was last announced again
	returns      int     // times that it was, after the present one had been
}

// keepsAddress reports whether a peer that announces itself at addr stays where it
// is: it was there a moment ago, so either two Sentinels share its id, or it is
// one that has two addresses. Following each hello, as stock does, would close
// the connection to it every second and forget what it said.
func (c *Core) keepsAddress(now Instant, p *peer, addr Addr) bool {
	v := &p.link.addrChange
	if !addr.Same(v.previous) || now >= v.changedAt.Add(flapWindow) {
		*v = addrChange{previous: p.addr, changedAt: now, currentSeen: now}
		return false
	}
	// Who announces itself here no more has moved back, though something may
	// still answer here: a host with two addresses answers at both.
	if !p.link.cmd.up || p.has(FlagSDown) || now >= v.currentSeen.Add(3*c.tun.PublishPeriod) {
		v.previous, v.changedAt, v.currentSeen, v.returns = p.addr, now, now, 0
		return false
	}
	again := v.currentSeen > v.previousSeen // each server repeats a hello, and that tells nothing
	v.changedAt, v.previousSeen = now, now
	if !again {
		return true
	}
	if v.returns++; v.returns == 2 {
		c.emit(nil, SentinelIDConflict{p.runID, c.shown(p.addr), c.shown(addr), false})
		c.log(LevelWarning, "Sentinel "+string(p.runID)+" announces itself at "+c.shown(p.addr).String()+" and at "+c.shown(addr).String()+
			". If these are two Sentinels with one id, stop one, remove its 'sentinel myid' line, and start it again; if it is one, set 'sentinel announce-ip'")
	}
	return true
}
