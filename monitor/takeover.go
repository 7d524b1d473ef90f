package monitor

import (
	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
)

// A driver that dies between the demotion of the master and the end of the
// switchover leaves no master: the old one is a replica of nobody. Any gosentinel
// that sees it there takes over, once the driver cannot act any more and a
// majority agrees.

// takeover is how far that has come.
type takeover struct {
	begun Instant // when the servers were asked anew; 0: not yet
	seq   uint64  // answers with a later token are new
}

// maybeTakeOver begins to take over when it is due.
func (c *Core) maybeTakeOver(now Instant, m *master) Instant {
	if !m.followsNobody() || m.has(FlagODown) || m.switchover.active() || c.barred(m) != "" {
		m.takeOverAt, m.askedAnew = 0, 0
		return Never
	}
	due := max(c.mayStandFrom(m), c.boundUntil(m))
	if m.lease.holder == "" || m.lease.until <= m.roleSince {
		// Who drives, and until when, is not known here: it has not voted, or was
		// started since.
		due = max(due, m.roleSince.Add(switchoverLease))
	}
	if !m.hasListed {
		// A replica that the driver has promoted may be none that is known here: the
		// others, who know it, come first. They have to hear of the demotion and wait for
		// the driver before.
		due = max(due, m.roleSince.Add(max(m.cfg.FailoverTimeout, c.tun.InfoPeriod+2*switchoverLease)))
	}
	if m.attempt.Start != 0 {
		due = max(due, m.attempt.Start.Add(c.tun.ElectionTimeout))
	}
	if now < due || !m.link.connected() {
		m.takeOverAt, m.askedAnew = 0, 0
		if now < due {
			return due
		}
		return Never // until it can be asked
	}
	// What the master said last may be over: it may have got its role back since.
	if m.askedAnew == 0 {
		m.askedAnew = c.sendFor(&m.instance, InfoRequest{})
	}
	if m.infoSeq < m.askedAnew {
		return Never
	}
	if m.takeOverAt == 0 {
		m.takeOverAt = now.Add(c.candidacyDelay(m, c.rng.Float64()))
	}
	if now < m.takeOverAt {
		return m.takeOverAt
	}
	m.takeOverAt, m.askedAnew = 0, 0
	c.emit(&m.instance, event.SwitchoverTakenOver{Instance: c.ref(&m.instance)})
	m.switchover = switchover{stage: takingOver}
	// Who went on without a majority, because there was none, may go back without one.
	c.startAttempt(now, m, m.droveAlone && m.lease.holder == c.opts.MyID)
	return Never
}

// takeOver reads all servers anew after it has disconnected their clients, a driver
// that sleeps among them: what it has sent and they have not read is lost then.
// It goes on with the switchover from where it stands, or gives the master its
// role back.
func (c *Core) takeOver(now Instant, m *master) Instant {
	t := &m.switchover.takeover
	if t.begun == 0 {
		c.readAnew(now, m)
	}
	if !c.hasOwnVote(m) {
		c.endTakeover(now, m, "this Sentinel has voted for another since")
		return Never
	}
	due := t.begun.Add(c.tun.SelectPatience)
	if c.awaitsAnswer(m) && now < due {
		return due
	}
	if m.infoSeq <= t.seq {
		c.endTakeover(now, m, "the master does not answer, and may have its role back")
		return Never
	}
	if !m.followsNobody() {
		c.endTakeover(now, m, "the master is not a replica of nobody any more")
		m.attempt.Allow() // there was nothing to take over
		return Never
	}
	return c.finish(now, m)
}

// finish goes on from where the servers say that they are.
func (c *Core) finish(now Instant, m *master) Instant {
	s := &m.switchover
	have := m.instance.data()
	have.Offset = max(have.Offset, m.info.Offset)
	s.history, s.end = have.ReplID, have.Offset
	if r := m.promotedAlready(have); r != nil {
		c.choose(now, m, r)
		m.attempt.Advance(election.WaitPromotion, now)
		c.emit(&r.instance, event.FailoverStateWaitPromotion{Instance: c.ref(&r.instance)})
		m.orders++ // of the driver
		s.stage = retiring
		c.promotionConfirmed(now, m)
		return Never
	}
	if until := c.mayBePromoted(m); now < until {
		return until
	}
	if r := c.complete(now, m, have); r != nil {
		s.stage = retiring
		c.choose(now, m, r)
		return Never
	}
	if m.link.connected() {
		c.sendOrder(&m.instance, SlaveOf{Bare: true}, now.Add(c.tun.SelectPatience))
		c.unpause(m)
		// It may be the master only since a switchover whose driver did not come to that.
		c.sendOrder(&m.instance, RewriteConfig{}, now.Add(c.tun.SelectPatience))
		c.requestInfo(now, &m.instance)
		c.endTakeover(now, m, "no replica has all data of the master, which gets its role back")
		return Never
	}
	c.endTakeover(now, m, "no server has all data")
	return Never
}

// readAnew disconnects the clients of all servers of m and asks for INFO.
func (c *Core) readAnew(now Instant, m *master) {
	t := &m.switchover.takeover
	t.begun, t.seq = now, c.lastSeq
	m.eachServer(func(i *instance) {
		if i.link.connected() {
			c.sendFor(i, KillClients{})
			c.sendFor(i, KillClients{PubSub: true})
			i.infoPending, i.infoSent = true, now
			c.sendFor(i, InfoRequest{})
		}
	})
}

func (m *master) eachServer(do func(*instance)) {
	do(&m.instance)
	for _, r := range m.replicas {
		do(&r.instance)
	}
}

// awaitsAnswer reports whether a server that can be reached has not answered yet.
func (c *Core) awaitsAnswer(m *master) (any bool) {
	t := &m.switchover.takeover
	m.eachServer(func(i *instance) {
		any = any || i.link.connected() && !i.has(FlagSDown) && i.infoSeq <= t.seq
	})
	return any
}

// promotedAlready returns the replica that the driver has promoted, or nil.
func (m *master) promotedAlready(have election.Data) *replica {
	for _, r := range m.replicas {
		if r.role == RoleMaster && r.infoSeq > m.switchover.takeover.seq && r.data().Has(have.ReplID, have.Offset) {
			return r
		}
	}
	return nil
}

// mayBePromoted returns until when a replica that cannot be asked has to be waited
// for: it may be the one that the driver has promoted. One that is down is not.
func (c *Core) mayBePromoted(m *master) (until Instant) {
	for _, r := range m.replicas {
		if r.infoSeq <= m.switchover.takeover.seq && !r.has(FlagSDown) {
			until = max(until, m.switchover.takeover.begun.Add(min(r.downAfter+c.tun.SelectPatience, m.cfg.FailoverTimeout)))
		}
	}
	return until
}

// complete returns the best replica that has all data of the master, or nil.
func (c *Core) complete(now Instant, m *master, have election.Data) *replica {
	rules := c.rules(now, m)
	cs := c.candidates(now, m)
	for k, r := range m.replicas {
		if r.infoSeq <= m.switchover.takeover.seq || !r.data().Has(have.ReplID, have.Offset) || r.role != RoleReplica || now < r.refusesUntil {
			cs[k].SDown = true // not for this
		}
	}
	if best := election.Select(rules, cs); best >= 0 {
		return m.replicas[best]
	}
	return nil
}

func (c *Core) endTakeover(now Instant, m *master, why string) {
	c.emit(&m.instance, event.SwitchoverAborted{Instance: c.ref(&m.instance), Reason: why})
	c.abort(now, m, event.FailoverAbortNoGoodReplica{Instance: c.ref(&m.instance)})
	c.touch(m)
}

// takeOverAgain goes back to the choice, when the chosen replica has refused for
// longer than a moment: one that lacks data is not taken in its place.
func (c *Core) takeOverAgain(now Instant, m *master) bool {
	r := m.promoted
	if r.refusedAt == 0 || passing(r.slaveofError) {
		return false
	}
	m.switchover = switchover{stage: takingOver}
	c.chooseAgain(now, m)
	return true
}
