package monitor

import (
	"slices"
	"time"

	"github.com/gosentinel/sentinel/event"
)

// peer is another Sentinel of one master.
type peer struct {
	instance
	lastHello  Instant
	askReplyAt Instant
	opinionAt  Instant // when its last opinion came over gossip
	askSentAt  Instant
	askSlot    Instant // see hurry
	asks       int     // questions not answered yet
	askedVote  Epoch   // epoch of the last vote request sent on this connection
	votedFor   RunID   // last vote that it reported
	votedEpoch Epoch
	voteSeq    uint64 // token of the last vote request
	pledge     pledge
	// refusedVote is the epoch at which it has answered a vote request without any
	// vote.
	refusedVote   Epoch
	toldNoVote    Epoch // at which it asked for a vote when it was logged last that it got none
	passed        passed
	told          toldConfig
	configAsked   Instant
	configSlot    Instant // see hurry
	configSeq     uint64  // token of the question for its config epoch; 0: it is answered
	configRefused bool    // it did not tell it when it was asked last, on this connection
	buried        passedTombstones
	tookOrder     bool          // its last hello named the address that an operator has ordered here
	toldDownAfter time.Duration // when last asked with a lease; 0: it never was, or is redis-sentinel
}

func (p *peer) base() *instance { return &p.instance }

// hello processes a hello message (state-machine.md §3.2, Receiving): it makes
// peers known, carries epochs, and spreads the outcome of failovers. This also
// happens in TILT.
func (c *Core) hello(now Instant, in *HelloReceived) {
	if l := c.conns[in.Conn]; l != nil {
		l.pubsubActivity = now
		l.greeted(&l.pubsub, ConnPubSub)
	}
	h := &in.Hello
	m := c.byName[h.MasterName]
	c.noteClaim(now, in.Conn, h)
	if m == nil || !c.plausible(h) || !c.mayTell(m, in.Conn, h) {
		return
	}
	if h.RunID == c.opts.MyID {
		c.helloWithOwnID(now, m, h)
		return
	}
	if c.heardAgain(now, m, h.RunID) {
		c.raiseEpoch(m, h)
		return
	}
	p := c.peerFromHello(now, m, h)
	c.raiseEpoch(m, h)
	if p != nil {
		p.lastHello = now
		c.noteOrder(m, p, h)
	}
	if p != nil || m.isUnreachable(h.RunID) {
		c.recallHeard(now, m)
		c.adoptIfNewer(now, m, h)
	}
}

// mayTell reports whether what is heard over a connection can be about m: it was
// published to this Sentinel itself, or on a server that is watched for m and not foreign. Otherwise
// anybody who may publish on one server could move the masters of all others.
func (c *Core) mayTell(m *master, conn ConnID, h *Hello) bool {
	if conn == 0 {
		return true
	}
	l := c.conns[conn]
	if l == nil {
		return false // closed by us; what it was to is not known any more
	}
	i := l.owners[0]
	if i.foreign {
		return false // its Sentinels may call their master by the same name
	}
	if !c.mayIntroduce(i, h) {
		return false
	}
	if i.master == m || i.addr.Same(m.addr) || m.replicaAt(i.addr) != nil {
		return true
	}
	c.logOnce("alien:"+m.cfg.Name+" "+i.name, LevelNotice, "A hello about master "+m.cfg.Name+" was heard on "+
		c.shown(i.addr).String()+", a server of "+i.master.cfg.Name+": such hellos are ignored")
	return false
}

func (c *Core) plausible(h *Hello) bool {
	return h.RunID.Valid() && h.CurrentEpoch.Plausible(c.epoch) && h.ConfigEpoch.Plausible(c.epoch)
}

// raiseEpoch adopts the epoch of another Sentinel if it is higher.
//
// A config epoch counts too. Above our current epoch, it would make every later
// failover of m produce a configuration older than the known one, which would
// be aborted after the replica was promoted. No correct hello has a config
// epoch above its own current epoch.
func (c *Core) raiseEpoch(m *master, h *Hello) {
	if epoch := max(h.CurrentEpoch, h.ConfigEpoch); epoch > c.epoch {
		c.epoch, c.epochAt = epoch, c.now
		c.emit(&m.instance, event.NewEpoch{Epoch: c.epoch}) // others know it already: this is no promise of ours
		c.changed()
		c.touch(m)
	}
}

// peerFromHello returns the peer that sent a hello, adding or moving it as
// needed, or nil when it cannot be reached at the address that it announces. Such
// an address leaves a known peer as it is.
func (c *Core) peerFromHello(now Instant, m *master, h *Hello) *peer {
	p := m.peerByID(h.RunID)
	if p != nil && p.announcedAt(h) {
		p.link.addrChange.currentSeen = now
		return p
	}
	if p == nil && now < m.quietUntil {
		return nil
	}
	addr, err := c.peerAddr(now, m, h)
	if err != nil {
		c.unreachable(now, m, p, h, err)
		return nil
	}
	if p != nil && p.addr.Same(addr) {
		p.link.addrChange.currentSeen = now
		return p
	}
	if p != nil && c.keepsAddress(now, p, addr) {
		return p
	}
	if p != nil {
		c.emit(&m.instance, event.SentinelAddressSwitch{Instance: c.ref(&m.instance), To: c.shown(addr), RunID: h.RunID})
		c.movePeer(now, p, addr)
		c.changed()
		return p
	}
	addr = c.knownAddr(now, h.RunID, addr)
	q := m.peerAt(addr)
	if q != nil {
		c.emit(&q.instance, event.SentinelInvalidAddr{Instance: c.ref(&q.instance)})
		c.replacePeer(now, q.runID, h.RunID)
	}
	p = c.addPeer(now, m, addr, h.RunID)
	if p == nil {
		return nil
	}
	if q != nil {
		p.link.takenAt = now
	}
	m.forgetDistant(now, h.RunID)
	c.emit(&p.instance, event.SentinelAdded{Instance: c.ref(&p.instance)})
	c.changed()
	return p
}

// replacePeer removes a Sentinel id from all masters, because another Sentinel has its
// address now. That one is a voter of each of them from now on, although its hellos tell of
// one master after the other: meanwhile too few would pass for a majority.
func (c *Core) replacePeer(now Instant, id, successor RunID) {
	l := c.peerLinks[id]
	if l == nil {
		return
	}
	for _, o := range append([]*instance(nil), l.owners...) {
		m := o.master
		c.touch(m)
		c.removePeer(c.members[o.id].(*peer))
		m.awaited = first(maxSentinels, append([]awaited{{id: successor, until: now.Add(3 * c.tun.PublishPeriod)}}, m.awaited...))
	}
}

// addPeer adds a Sentinel to m. All masters that know the same Sentinel share
// one link to it (state-machine.md §1.5, Sharing of sentinel links).
func (c *Core) addPeer(now Instant, m *master, addr Addr, id RunID) *peer {
	if len(m.peers) >= maxSentinels {
		c.logOnce("sentinels:"+m.cfg.Name, LevelWarning, "Too many Sentinels announce themselves for master "+m.cfg.Name+"; the others are ignored")
		return nil
	}
	p := &peer{lastHello: now, askReplyAt: now}
	c.initInstance(now, &p.instance, KindSentinel, string(id), m, addr, m.downAfter)
	p.runID = id
	if k := slices.IndexFunc(m.awaited, func(a awaited) bool { return a.id == id }); k >= 0 {
		p.toldDownAfter = m.awaited[k].toldDownAfter
	}
	l := c.peerLinks[id]
	if l == nil {
		l = c.newLink(now, false)
		l.gossip.mayBeOwn = c.announcesToo(now, addr)
		c.peerLinks[id] = l
	}
	m.peers = append(m.peers, p)
	c.warnLoopback(m, addr)
	c.register(p, l)
	c.touch(m) // a majority is more now
	return p
}

func (m *master) peerByID(id RunID) *peer {
	for _, p := range m.peers {
		if p.runID == id {
			return p
		}
	}
	return nil
}

func (c *Core) removePeer(p *peer) {
	m := p.master
	for k, q := range m.peers {
		if q == p {
			m.peers = append(m.peers[:k], m.peers[k+1:]...)
			break
		}
	}
	m.isolation.loses()
	c.dropPeer(p)
}

// dropPeer releases a peer that was already taken out of its master.
func (c *Core) dropPeer(p *peer) {
	c.unregister(&p.instance)
	if c.detach(p.link, &p.instance) {
		delete(c.peerLinks, p.runID)
	}
}

// reportBadHello reports, once for each, hellos that cannot be read. Their sender
// announces itself in vain, and sees no fault.
func (c *Core) reportBadHello(l *link, reason string) {
	if reason != "" {
		c.logStrange("hello:"+reason, "A hello message at "+c.shown(l.owners[0].addr).String()+" is ignored: "+reason+
			". If a Sentinel sent it, the others do not know that one: correct its 'sentinel announce-ip' or the name of the master")
	}
}
