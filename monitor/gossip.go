package monitor

import "time"

// Gossip is a second channel between gosentinels. It carries opinions, new
// configurations and the liveness of peers without delay, and may fail at any
// time: all of that travels over the RESP links as well. So the core takes from
// gossip only what it would also take from a link, and only from peers that it
// knows from a link. Gossip never adds a voter, and a peer has one opinion,
// whichever way it came. Votes are not gossiped: they need durable answers.

// How often a peer is asked on one connection what it is. A stock Sentinel
// answers with an error and is not asked again for long. A gosentinel is asked
// often enough to learn of a new endpoint in time.
const (
	gossipRetry   = 10 * time.Minute
	gossipRefresh = time.Minute
)

// PeerKind is what a peer turned out to be.
type PeerKind uint8

// The kinds of peer. PeerUnknown has not been asked, or has not answered yet.
const (
	PeerUnknown PeerKind = iota
	PeerStock            // redis-sentinel, valkey-sentinel and everything that behaves like them
	PeerGosentinel
)

// String returns the name of the product.
func (k PeerKind) String() string {
	switch k {
	case PeerStock:
		return "redis-sentinel"
	case PeerGosentinel:
		return "gosentinel"
	}
	return "unknown"
}

// GossipEndpoint is where and how a peer can be reached by gossip.
type GossipEndpoint struct {
	// ID is the peer's own id; "" when it did not say.
	ID RunID
	// Addr is the address of its gossip port. Port 0 means that it does not
	// gossip. From a peer, an empty Host stands for that of its Sentinel address.
	Addr HostPort
	// Boot is drawn by the peer at each start of its process. Messages carry
	// it, so that one from an earlier run cannot be replayed to a later one.
	Boot string
	// KeyID tells keys apart without revealing them.
	KeyID   string
	Version string // of the peer's software
}

// gossipState is what a link to a peer knows about gossip.
type gossipState struct {
	kind     PeerKind
	endpoint GossipEndpoint
	asked    bool    // and not answered yet
	due      Instant // next question
	answers  RunID   // who says on this connection that it is there; "" if nobody has said
	mayBeOwn bool    // this connection may lead to this Sentinel itself
}

// wrongID reports whether another Sentinel answers than the one that the link is for.
func (l *link) wrongID() bool {
	return l.gossip.answers != "" && l.gossip.answers != l.owners[0].runID
}

// counts reports whether an answer is one of the Sentinel that the link is for.
func (l *link) counts() bool { return !l.wrongID() && !l.gossip.mayBeOwn }

// askGossip asks a peer for its endpoint when it is time.
func (l *link) askGossip(c *Core, now Instant) Instant {
	g := &l.gossip
	if l.server || !l.cmd.up || g.asked {
		return Never
	}
	if now < g.due {
		return g.due
	}
	g.asked = true
	c.send(l, Token{}, AskGossip{})
	return Never
}

func (c *Core) gossipReply(now Instant, in GossipReply) {
	l := c.replyOn(in.Conn)
	if l == nil || l.server {
		return
	}
	g, e := &l.gossip, in.Endpoint
	if in.Denied {
		g.asked, g.due = false, now.Add(gossipRefresh)
		c.ready(&l.timer)
		return
	}
	if in.Known {
		l.works(StepAsk) // its SENTINEL command has its name again
	}
	g.asked, g.kind, g.due = false, PeerGosentinel, now.Add(gossipRefresh)
	if g.answers = ""; in.Known {
		g.answers = e.ID
	}
	g.mayBeOwn = g.mayBeOwn && in.Known && e.ID == ""
	if l.wrongID() {
		// A Sentinel that lost its state came back at the same address with a
		// new id. It remembers none of its votes and must not cast them again
		// under the old id. Its own hello makes it known under the new one.
		c.logOnce("stranger:"+string(e.ID), LevelWarning, "Sentinel "+string(e.ID)+" answers at "+
			c.shown(l.owners[0].addr).String()+" in place of "+string(l.owners[0].runID))
		g.kind, e = PeerUnknown, GossipEndpoint{}
		for _, o := range l.owners {
			if p, ok := c.members[o.id].(*peer); ok {
				c.peerSays(p, false) // that Sentinel is gone
			}
			c.touch(o.master)
		}
	}
	if !in.Known {
		g.kind, g.due, e = PeerStock, now.Add(gossipRetry), GossipEndpoint{}
	}
	if e.Addr.Port != 0 && e.Addr.Host == "" {
		e.Addr.Host = l.owners[0].addr.DialTarget()
	}
	c.setEndpoint(l, e)
	c.ready(&l.timer)
	for _, o := range l.owners {
		if o.master.pause.Version != 0 || len(o.master.tombstones) > 0 {
			c.touch(o.master) // it is told
		}
	}
}

func (c *Core) setEndpoint(l *link, e GossipEndpoint) {
	if !c.gossip || e.Addr.Port == 0 {
		e = GossipEndpoint{Version: e.Version}
	}
	if l.gossip.endpoint == e {
		return
	}
	was := l.gossip.endpoint.Addr.Port
	l.gossip.endpoint = e
	if e.Addr.Port == 0 {
		if was == 0 {
			return
		}
		e = GossipEndpoint{}
	}
	c.free(GossipPeer{ID: l.owners[0].runID, Endpoint: e})
}

// gossipPeer returns a master and a peer of it if both are known.
func (c *Core) gossipPeer(name string, id RunID) (*master, *peer) {
	m := c.byName[name]
	if m == nil {
		return nil, nil
	}
	return m, m.peerByID(id)
}

func (c *Core) peerOpinion(now Instant, in PeerOpinion) {
	m, p := c.gossipPeer(in.Master, in.From)
	if p == nil {
		return
	}
	// An opinion about another address, or about this one under an older
	// configuration, says nothing about the current master.
	addr, err := c.addrOf(in.Addr.Host, in.Addr.Port)
	if err != nil || !addr.Same(m.addr) || in.ConfigEpoch < m.configEpoch {
		return
	}
	p.opinionAt = now
	c.peerSays(p, in.Down)
	c.touch(m)
}

func (c *Core) peerConfig(now Instant, in PeerConfig) {
	if m, p := c.gossipPeer(in.Hello.MasterName, in.Hello.RunID); p != nil && c.plausible(&in.Hello) {
		c.raiseEpoch(m, &in.Hello)
		c.adoptIfNewer(now, m, &in.Hello)
	}
}

// peerLiveness checks a peer at once: one that came back is dialled without
// waiting for the reconnection period, one that was lost is pinged.
func (c *Core) peerLiveness(now Instant, in PeerLiveness) {
	l := c.peerLinks[in.ID]
	switch {
	case l == nil:
	case !in.Alive && l.cmd.up && !l.pingPending:
		c.sendPing(now, l)
	case in.Alive && now >= l.cmd.dialedAt.Add(c.tun.PingFloor):
		l.cmd.allowRedial()
		c.ready(&l.timer)
	}
}

// shareOpinion tells the peers when the opinion about m has changed. In TILT it
// is withdrawn, because questions are answered with "not down" then.
func (c *Core) shareOpinion(m *master) {
	down := m.has(FlagSDown) && !c.tilt
	if !c.gossip || down == m.sharedDown {
		return
	}
	m.sharedDown = down
	o := ShareOpinion{
		Master: m.cfg.Name, Addr: HostPort{Host: m.addr.Shown(c.opts.AnnounceHostnames), Port: m.addr.Port},
		ConfigEpoch: c.published(m).epoch, Down: down,
	}
	if down {
		o.Since = m.sdownSince
	}
	c.free(o)
}

// withdrawOpinion takes back what was said about a master that is no longer
// monitored.
func (c *Core) withdrawOpinion(m *master) {
	m.clear(FlagSDown)
	c.shareOpinion(m)
}
