package monitor

import (
	"time"

	"github.com/gosentinel/sentinel/event"
)

// Two Sentinels with one id, made by copying a configuration file, count as one
// voter that may vote twice: each can vote for a different candidate at the
// same epoch, and both candidates be elected. Stock Sentinels do not notice.
// Here the two detect each other by their hellos and report it, and neither
// votes nor stands for election until only one is left.

// Time limits for conflicts of ids.
const (
	conflictSilence = 10 * time.Second // after this long without a hello of the other, the conflict is over
	flapWindow      = 30 * time.Second // for so long it counts that a peer was announced at another address

	// ownAddrWindow is how long after a change of address our own hellos may
	// still arrive with the old one: masters pass hellos on to replicas, which
	// may lag.
	ownAddrWindow = time.Minute
	maxOwnAddrs   = 16 // addresses that are remembered at most
)

// ownAddr is an address under which this process has announced itself.
type ownAddr struct {
	at   HostPort
	last Instant
}

// rememberOwnAddr records the address that a hello published now announces for
// this process. Without it, after a change of announce-ip or of the host's
// address, our own late hellos would look like those of a clone.
func (c *Core) rememberOwnAddr(now Instant, h *Hello) {
	at, oldest := HostPort{Host: h.IP, Port: h.Port}, 0
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

// usedOwnAddr reports whether this process announced itself at an address
// recently.
func (c *Core) usedOwnAddr(now Instant, at HostPort) bool {
	for _, o := range c.ownAddrs {
		if o.at == at {
			return now < o.last.Add(ownAddrWindow)
		}
	}
	return false
}

// announcesToo reports whether a is an address that this process announces too.
func (c *Core) announcesToo(now Instant, a Addr) bool {
	set := c.opts.AnnounceIP != "" && a.Port == c.announcedPort() && (a.Host == c.opts.AnnounceIP || a.IP == c.opts.AnnounceIP)
	return set || c.usedOwnAddr(now, HostPort{Host: a.Host, Port: a.Port}) || c.usedOwnAddr(now, HostPort{Host: a.IP, Port: a.Port})
}

// conflict is what is known about another Sentinel with our id.
type conflict struct {
	own, other  HostPort // where the two announce themselves
	first, last Instant
	open        bool
	timer       timer
}

// run ends the conflict when the other has been silent for conflictSilence.
func (k *conflict) run(c *Core, now Instant) Instant {
	if !k.open {
		return Never
	}
	if due := k.last.Add(conflictSilence); now < due {
		return due
	}
	k.open = false
	c.emit(nil, event.SentinelIDConflict{RunID: c.opts.MyID, Addr: k.own, Other: k.other, Over: true})
	*k = conflict{timer: k.timer}
	for _, m := range c.masters {
		c.touch(m)
	}
	return Never
}

// helloWithOwnID handles a hello that carries our id. Nearly always this
// Sentinel has published it.
func (c *Core) helloWithOwnID(now Instant, m *master, h *Hello) {
	at := HostPort{Host: h.IP, Port: h.Port}
	if c.isOwnHello(m, h) || c.usedOwnAddr(now, at) {
		return
	}
	k := &c.conflict
	if k.other != at || now >= k.last.Add(conflictSilence) {
		if k.open {
			return // one at a time: the next is reported when this one is over
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
	k.open, k.own = true, HostPort{Host: h.IP, Port: h.Port}
	c.emit(nil, event.SentinelIDConflict{RunID: c.opts.MyID, Addr: k.own, Other: k.other, Over: false})
	c.log(LevelWarning, "Another Sentinel at "+k.other.String()+" uses the id "+string(c.opts.MyID)+" of this one at "+
		k.own.String()+". Neither votes until one of them is stopped, its 'sentinel myid' line removed, and started again")
	c.ready(&k.timer)
	for _, m := range c.masters {
		if m.electing() && !m.attempt.Forced {
			c.abort(now, m, event.FailoverAbortNotElected{Instance: c.ref(&m.instance)})
		}
		c.touch(m)
	}
}

// isOwnHello reports whether h can be a hello of this process. It carries the
// local address of the link that it was published on, and a host may have
// several.
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

// addrChange is the history of a peer's address: of who announces the id where.
type addrChange struct {
	currentSeen Instant // when the current address was last announced
	other       Addr    // another one that was announced
	otherSeen   Instant // when it last was
	returns     int     // how often that was, each time after the current one

	previous  Addr    // the address that was left because it was silent
	changedAt Instant // when that was
}

// keepsAddress reports whether a peer that is announced at addr keeps its current
// address: while it is heard there. Otherwise anybody who may publish on a monitored
// server could move it away, and keep it away. Two Sentinels with one id, or one with
// two addresses, would move it to and fro; following each hello, as stock does,
// closes the connection every second and drops what the peer said.
func (c *Core) keepsAddress(now Instant, p *peer, addr Addr) bool {
	v := &p.link.addrChange
	left := addr.Same(v.previous) && now < v.changedAt.Add(flapWindow)
	if c.unheard(now, p) && !(left && now < v.changedAt.Add(c.tun.PublishPeriod)) {
		was := Addr{}
		if l := p.link; !left && l.cmd.upAt > v.changedAt && l.lastPong > l.cmd.upAt && !l.wrongID() {
			was = p.addr // it has answered there, and is not just going back
		}
		*v = addrChange{previous: was, changedAt: now, currentSeen: now}
		return false
	}
	if !addr.Same(v.other) || now >= v.otherSeen.Add(flapWindow) {
		v.other, v.otherSeen, v.returns = addr, now, 0
		c.logOnce("elsewhere:"+string(p.runID), LevelNotice, "Sentinel "+string(p.runID)+
			" is announced at "+c.shown(addr).String()+" too: it stays at "+c.shown(p.addr).String()+" while it is heard there")
		return true
	}
	again := v.currentSeen > v.otherSeen // each server repeats a hello, which is no news
	v.otherSeen = now
	if !again {
		return true
	}
	if v.returns++; v.returns == 2 {
		c.emit(nil, event.SentinelIDConflict{RunID: p.runID, Addr: c.shown(p.addr), Other: c.shown(addr), Over: false})
		c.log(LevelWarning, "Sentinel "+string(p.runID)+" announces itself at "+c.shown(p.addr).String()+" and at "+c.shown(addr).String()+
			". If these are two Sentinels with one id, stop one, remove its 'sentinel myid' line, and start it again; if it is one, set 'sentinel announce-ip'")
	}
	if v.returns < 2 || !left {
		return true
	}
	// It is back where it was before it fell silent. Another that took its id meanwhile
	// must not keep it out.
	*v = addrChange{currentSeen: now, other: p.addr, otherSeen: now, returns: v.returns}
	return false
}

// unheard reports whether nothing is heard of a peer at its address: there is no
// connection, another Sentinel answers there, or it has not announced itself for
// three hello periods. A process that has slept itself knows nothing of that yet.
func (c *Core) unheard(now Instant, p *peer) bool {
	l := p.link
	return !l.cmd.up || p.has(FlagSDown) || l.wrongID() ||
		!c.tilt && now >= max(l.addrChange.currentSeen, l.cmd.upAt).Add(3*c.tun.PublishPeriod)
}
