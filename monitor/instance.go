package monitor

import (
	"slices"
	"time"

	"github.com/gosentinel/sentinel/election"
)

// Bounds on what the network can make a Sentinel remember. Whoever can publish
// on a monitored server could otherwise fill the memory with invented members.
const (
	maxReplicas  = 4096
	maxSentinels = 1024
	maxNames     = 4096 // cached host names
)

// instance is what masters, replicas and Sentinels have in common
// (state-machine.md §1.2).
type instance struct {
	id        InstanceID
	kind      Kind
	name      string // master name, replica address at creation, Sentinel run id
	master    *master
	addr      Addr
	link      *link
	runID     RunID
	flags     Flags // only the flags that are state; View adds the derived ones
	downAfter time.Duration

	sdownSince, odownSince Instant

	helloDue     Instant
	helloPending bool

	info         *Info
	infoRefresh  Instant // last INFO reply; 0: never
	infoSent     Instant // last INFO request
	infoPending  bool
	role         Role
	roleSince    Instant
	slaveofSeq   uint64 // token of the role change in flight, 0 when none
	slaveofLost  bool   // the connection went down before its outcome was known
	slaveofError string // last refusal, so that each is logged once

	timer timer
}

func (i *instance) has(f Flags) bool { return i.flags&f != 0 }
func (i *instance) set(f Flags)      { i.flags |= f }
func (i *instance) clear(f Flags)    { i.flags &^= f }

// member is implemented by the three kinds of instance.
type member interface{ base() *instance }

// master is one monitored master and all that this Sentinel knows around it.
type master struct {
	instance
	cfg      MasterConfig
	replicas []*replica
	peers    []*peer

	ledger  election.Ledger
	voteSeq uint64 // the Persist that holds the ledger's vote

	configEpoch Epoch
	configSeq   uint64 // the Persist that holds address and config epoch
	durable     published
	announced   bool // the promotion of the running failover was made known

	attempt     election.Attempt
	promoted    *replica
	candidateAt Instant // end of the desynchronisation wait, 0 when not waiting
	restartAt   Instant // when a hopeless election is repeated, 0 when not planned
	delayLogged Instant // attempt.Start for which the next delay was logged

	rebootSince Instant
	askFloor    uint64 // replies to older questions are about an older address
	askedKick   Instant
	awaiting    bool // is in disk.waiting
	sharedDown  bool // the opinion that peers were given over gossip

	hello   Hello   // the last one that was published, see publishing
	publish Command // which publishes it

	judge timer // the timer of run; instance.timer drives the periodic commands
}

// published is the configuration that other Sentinels may be told: what a
// restart of this process could not take back.
type published struct {
	addr  Addr
	epoch Epoch
}

// replica is a replica of a monitored master.
type replica struct {
	instance
	masterLinkDown time.Duration
	masterLinkUp   bool
	masterHost     string
	masterPort     int
	priority       int
	offset         uint64
	announced      bool
	confChange     Instant // when the reported master, or the role to replica, changed
	reconfSentAt   Instant
}

// peer is another Sentinel of one master.
type peer struct {
	instance
	lastHello  Instant
	askReplyAt Instant
	opinionAt  Instant // when it last said over gossip whether the master is down
	askSentAt  Instant
	asks       int   // questions not answered yet
	askedVote  Epoch // epoch of the last vote request sent on this connection
	votedFor   RunID // last vote reported by it
	votedEpoch Epoch
}

func (m *master) base() *instance  { return &m.instance }
func (r *replica) base() *instance { return &r.instance }
func (p *peer) base() *instance    { return &p.instance }

// ref describes an instance for an event, as it is now.
func (c *Core) ref(i *instance) Instance {
	r := Instance{Kind: i.kind, Name: i.name, Addr: c.shown(i.addr)}
	if i.kind != KindMaster {
		r.Master, r.MasterAddr = i.master.cfg.Name, c.shown(i.master.addr)
	}
	return r
}

func (c *Core) shown(a Addr) HostPort {
	return HostPort{Host: a.Shown(c.opts.AnnounceHostnames), Port: a.Port}
}

func (c *Core) initInstance(now Instant, i *instance, kind Kind, name string, m *master, addr Addr, downAfter time.Duration) {
	c.lastInstance++
	*i = instance{
		id: c.lastInstance, kind: kind, name: name, master: m, addr: addr, downAfter: downAfter,
		role: RoleReplica, roleSince: now, helloDue: now,
	}
	switch kind {
	case KindMaster:
		i.role = RoleMaster
	case KindSentinel:
		i.role = RoleNone
	}
}

func (c *Core) register(mem member, l *link) {
	i := mem.base()
	c.members[i.id] = mem
	c.initTimer(&i.timer, periodic{i})
	c.attach(l, i)
	c.resolve(i)
	c.wake(i)
}

func (c *Core) unregister(i *instance) {
	delete(c.members, i.id)
	c.stopTimer(&i.timer)
}

// addReplica adds a replica with the given link, or with a new one when l is
// nil. It returns nil when the address cannot be one of a replica of m.
func (c *Core) addReplica(now Instant, m *master, addr Addr, l *link) *replica {
	if addr.Port < 0 || addr.Port > 65535 || addr.Same(m.addr) || m.replicaAt(addr) != nil {
		return nil
	}
	if len(m.replicas) >= maxReplicas {
		c.logOnce("replicas:"+m.cfg.Name, LevelWarning, "Master "+m.cfg.Name+" reports too many replicas; the others are ignored")
		return nil
	}
	r := &replica{priority: 100, announced: true, confChange: now}
	c.initInstance(now, &r.instance, KindReplica, c.shown(addr).String(), m, addr, m.downAfter)
	if l == nil {
		l = c.newLink(now, true)
	}
	m.replicas = append(m.replicas, r)
	c.register(r, l)
	return r
}

func (m *master) replicaAt(addr Addr) *replica {
	for _, r := range m.replicas {
		if r.addr.Same(addr) {
			return r
		}
	}
	return nil
}

// addPeer adds a Sentinel to m. All masters that know the same Sentinel share
// one link to it (state-machine.md §1.5).
func (c *Core) addPeer(now Instant, m *master, addr Addr, id RunID) *peer {
	if len(m.peers) >= maxSentinels {
		c.logOnce("sentinels:"+m.cfg.Name, LevelWarning, "Too many Sentinels announce themselves for master "+m.cfg.Name+"; the others are ignored")
		return nil
	}
	p := &peer{lastHello: now, askReplyAt: now}
	c.initInstance(now, &p.instance, KindSentinel, string(id), m, addr, m.downAfter)
	p.runID = id
	l := c.peerLinks[id]
	if l == nil {
		l = c.newLink(now, false)
		c.peerLinks[id] = l
	}
	m.peers = append(m.peers, p)
	c.register(p, l)
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
	c.dropPeer(p)
}

// dropPeer releases a peer that was already taken out of its master.
func (c *Core) dropPeer(p *peer) {
	c.unregister(&p.instance)
	if c.detach(p.link, &p.instance) {
		delete(c.peerLinks, p.runID)
	}
}

// dropSelf removes the replica that turns out to be the master itself, now that
// the master's name is resolved: when a hello announces a new master by name,
// nobody can tell yet which of the replicas that is.
func (c *Core) dropSelf(m *master) {
	r := m.replicaAt(m.addr)
	if r == nil || r == m.promoted {
		return
	}
	c.removeReplica(r)
}

// unite removes a replica that turns out, now that its name is resolved, to be
// the master or another replica that is known by another name, and reports
// whether r is the one that is gone. It would be counted twice, and a master
// that is taken for a replica would be told to follow itself.
func (c *Core) unite(r *replica) bool {
	m := r.master
	if r.addr.Same(m.addr) {
		if r != m.promoted {
			c.removeReplica(r)
		}
		return r != m.promoted
	}
	for _, o := range m.replicas {
		if o == r || !o.addr.Same(r.addr) {
			continue
		}
		if r == m.promoted {
			c.removeReplica(o)
			return false
		}
		c.removeReplica(r)
		return true
	}
	return false
}

func (c *Core) removeReplica(r *replica) {
	m := r.master
	m.replicas = slices.DeleteFunc(m.replicas, func(o *replica) bool { return o == r })
	c.dropReplica(r)
	c.touch(m)
	c.changed()
}

func (c *Core) dropReplica(r *replica) {
	c.unregister(&r.instance)
	c.detach(r.link, &r.instance)
}
