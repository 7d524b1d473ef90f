package monitor

// switchToPromoted ends a failover that this Sentinel led.
func (c *Core) switchToPromoted(now Instant, m *master) {
	to := m.promoted.addr
	c.emit(&m.instance, SwitchMaster{m.cfg.Name, c.shown(m.addr), c.shown(to), m.configEpoch})
	c.switchTo(now, m, to)
}

// server is a data node while it changes its place in the configuration.
type server struct {
	addr Addr
	link *link
}

// switchTo makes addr the address of m, with the old master and the other
// replicas as its replicas (state-machine.md §9.2). The links stay open and go
// over to the new records: the new master is watched without a gap, and nothing
// is dialled again.
//
// Everything that was concluded about the old address is dropped, including
// what peers said about it. Stock Sentinel keeps their answers for five seconds
// and its reconnection clock, and so fails over a healthy new master about once
// in twenty failovers when down-after is one second.
func (c *Core) switchTo(now Instant, m *master, addr Addr) {
	servers := []server{}
	for _, r := range m.replicas {
		servers = append(servers, server{r.addr, r.link})
		c.unregister(&r.instance)
	}
	servers = append(servers, server{m.addr, m.link})
	m.replicas = nil

	c.unindex(m)
	m.addr, m.cfg.Addr = addr, addr
	c.index(m)
	c.resetMaster(now, m)
	m.configSeq = c.disk.next()
	c.changed()

	m.link = nil
	for _, s := range servers {
		// Names that came to mean the same address can make two of them.
		if s.addr.Same(addr) && m.link == nil {
			c.adopt(now, s.link, &m.instance)
		}
	}
	if m.link == nil {
		c.attach(c.newLink(now, true), &m.instance)
		c.resolve(&m.instance)
	}
	for _, s := range servers {
		if s.link == m.link {
			continue
		}
		if r := c.addReplica(now, m, s.addr, s.link); r != nil {
			c.adopt(now, s.link, &r.instance)
			c.emit(&r.instance, ReplicaAdded{c.ref(&r.instance)})
		} else {
			c.closeLink(s.link)
			c.stopTimer(&s.link.timer)
		}
	}
	c.wake(&m.instance)
	c.touch(m)
}

// adopt gives an open link to a new record and starts its clocks afresh.
func (c *Core) adopt(now Instant, l *link, i *instance) {
	l.owners = l.owners[:0]
	c.attach(l, i)
	l.lastAvail, l.lastPong, l.pubsubActivity = now, now, now
	l.unansweredSince = 0
	if !l.cmd.up || l.pingPending {
		l.unansweredSince = now
	}
	l.cmd.redial()
	l.pubsub.redial()
	c.ready(&l.timer)
}

// redial lets a connection that is down be dialled without waiting for the
// reconnection period.
func (cn *conn) redial() {
	if cn.id == 0 {
		cn.dialedAt = 0
	}
}

// resetMaster clears what is known and going on about m, except its
// configuration, its epochs, its vote and its members.
func (c *Core) resetMaster(now Instant, m *master) {
	m.flags = 0
	m.runID, m.info = "", nil
	m.infoRefresh, m.infoSent, m.infoPending = 0, 0, false
	m.helloDue, m.helloPending = now, false
	m.role, m.roleSince = RoleMaster, now
	m.slaveofSeq, m.slaveofLost, m.slaveofError = 0, false, ""
	m.sdownSince, m.odownSince = 0, 0
	m.attempt.Clear()
	m.promoted = nil
	m.candidateAt, m.restartAt, m.delayLogged = 0, 0, 0
	m.askFloor = c.lastSeq
	for _, p := range m.peers {
		p.clear(FlagMasterDown)
		p.votedFor, p.askedVote, p.askSentAt = "", 0, 0
	}
}

// reset is SENTINEL RESET for one master (state-machine.md §9.1).
func (c *Core) reset(now Instant, m *master) {
	if m.attempt.Published() {
		// The configuration epoch has been raised for the new address. With the old
		// one it would contradict what the others hear, and nobody reconciles two
		// configurations of one epoch.
		c.switchToPromoted(now, m)
	}
	c.dropMembers(m)
	c.resetMaster(now, m)
	m.ledger.Forget()
	c.closeLink(m.link)
	c.adopt(now, m.link, &m.instance)
	c.emit(&m.instance, ResetMaster{c.ref(&m.instance)})
	c.wake(&m.instance)
	c.touch(m)
}

// dropMembers forgets the replicas and Sentinels of m.
func (c *Core) dropMembers(m *master) {
	for _, r := range m.replicas {
		c.dropReplica(r)
	}
	for _, p := range m.peers {
		c.dropPeer(p)
	}
	m.replicas, m.peers, m.promoted = nil, nil, nil
}
