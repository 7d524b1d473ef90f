package monitor

import "github.com/gosentinel/sentinel/election"

func (m *master) waitingForPromotion() bool { return m.attempt.Phase() == election.WaitPromotion }

// selectReplica chooses the replica to promote. It waits a little for INFO
// replies that are newer than the attempt.
func (c *Core) selectReplica(now Instant, m *master) Instant {
	a := &m.attempt
	rules, cs := c.rules(now, m), c.candidates(now, m)
	best := election.Select(rules, cs)
	wait := c.tun.SelectPatience
	if best >= 0 {
		wait = 0
		for k, r := range m.replicas {
			if rules.Reject(cs[k]) == "" && r.infoRefresh < a.Begun {
				wait = c.tun.SelectWait
			}
		}
	}
	if due := a.Changed.Add(wait); now < due {
		return due
	}
	if best < 0 {
		for k, r := range m.replicas {
			c.log(LevelNotice, "Replica "+r.name+" of "+m.cfg.Name+" cannot be promoted: "+rules.Reject(cs[k]))
		}
		c.abort(now, m, FailoverAbortNoGoodReplica{c.ref(&m.instance)})
		return Never
	}
	r := m.replicas[best]
	m.promoted, m.orders = r, 0
	r.set(FlagPromoted)
	c.emit(&r.instance, SelectedReplica{c.ref(&r.instance)})
	a.Advance(election.SendReplicaOfNoOne, now)
	c.emit(&r.instance, FailoverStateSendReplicaOfNoOne{c.ref(&r.instance)})
	return Never
}

// rules returns the conditions that a replica of m must meet
// (state-machine.md §6.2, Replica selection).
func (c *Core) rules(now Instant, m *master) election.Rules {
	r := election.Rules{
		Now:         now,
		MaxPingAge:  5 * c.tun.PingPeriod,
		MaxInfoAge:  3 * c.tun.InfoPeriod,
		MaxLinkDown: 10 * m.cfg.DownAfter,
		Lineage:     m.lineage,
	}
	if m.has(FlagSDown) {
		r.MaxInfoAge = 5 * c.tun.PingPeriod
		r.MaxLinkDown += now.Sub(c.lastKnownUp(m))
	}
	return r
}

// lastKnownUp returns when m was last known to be a live master. That is before
// +sdown: by more than the TILT period when the failure fell into TILT, and by
// two INFO periods when the master has become a replica. Replica links that
// broke after it broke because of the failure. Counted from +sdown, as stock
// does, they look broken for too long, and with a short down-after no replica
// is ever accepted.
func (c *Core) lastKnownUp(m *master) Instant {
	well := min(m.sdownSince, m.link.lastAvail)
	if m.role == RoleReplica {
		well = min(well, m.roleSince-Instant(c.tun.InfoPeriod))
	}
	return well
}

// candidates returns the replicas in their current state. One whose down-after
// has passed counts as down, even if its own timer runs later in this step.
func (c *Core) candidates(now Instant, m *master) []election.Replica {
	cs := make([]election.Replica, len(m.replicas))
	for k, r := range m.replicas {
		down, _ := c.sdownDue(now, &r.instance)
		cs[k] = election.Replica{
			SDown: down || r.has(FlagSDown), Connected: r.link.connected(), LastAvail: r.link.lastAvail,
			LastInfo: r.infoRefresh, Priority: r.priority, LinkDown: r.masterLinkDown,
			Data: r.data(), Keys: r.info != nil && r.info.Keys, Master: r.role == RoleMaster, InSync: r.inSync,
			Direct: c.follows(r, m.addr), Refused: now < r.refusesUntil, RunID: r.runID,
		}
	}
	return cs
}

// promote sends SLAVEOF NO ONE on the open connection, followed at once by
// INFO.
func (c *Core) promote(now Instant, m *master) Instant {
	r := m.promoted
	if !r.link.connected() {
		return c.promotionDeadline(now, m)
	}
	c.changeRole(now, &r.instance, Addr{})
	m.attempt.Advance(election.WaitPromotion, now)
	c.emit(&r.instance, FailoverStateWaitPromotion{c.ref(&r.instance)})
	r.infoPending = false // a reply in flight may be from before the promotion
	c.requestInfo(now, &r.instance)
	return Never
}

// waitPromotion waits for INFO to say role:master. The command is sent again if
// the connection broke before the outcome was known, or if it was refused.
func (c *Core) waitPromotion(now Instant, m *master) Instant {
	r := m.promoted
	next := c.promotionDeadline(now, m)
	// Not after the deadline, which may have passed in TILT: a server promoted
	// by an aborted attempt would be a master that no Sentinel announces.
	if !m.waitingForPromotion() || c.promoteAnother(now, m) || !r.link.connected() {
		return next
	}
	due := r.retryDue()
	if now < due {
		return min(next, due)
	}
	c.changeRole(now, &r.instance, Addr{})
	c.wake(&r.instance)
	return next
}

// promoteAnother goes back to the choice of the replica when the chosen one has
// refused and another is better now. While it is not known how one order ended,
// no other server gets one: two masters would share the epoch.
func (c *Core) promoteAnother(now Instant, m *master) bool {
	if m.orders > 0 {
		return false
	}
	r := m.promoted
	best := election.Select(c.rules(now, m), c.candidates(now, m))
	if best < 0 || m.replicas[best] == r {
		return false
	}
	c.log(LevelNotice, "Another replica of "+m.cfg.Name+" is promoted, because "+r.name+" refused: "+r.slaveofError)
	r.clear(FlagPromoted)
	m.promoted = nil
	m.attempt.Reselect(now)
	c.emit(&m.instance, FailoverStateSelectReplica{c.ref(&m.instance)})
	return true
}

func (c *Core) promotionDeadline(now Instant, m *master) Instant {
	due := m.attempt.PromotionDeadline(m.cfg.FailoverTimeout)
	if now < due {
		return due
	}
	c.abort(now, m, FailoverAbortReplicaTimeout{c.ref(&m.instance)})
	return Never
}

// promotionConfirmed is called when the promoted replica says that it is a
// master (state-machine.md §6.5, Promotion confirmed). From here on clients get
// the new address.
func (c *Core) promotionConfirmed(now Instant, m *master) {
	a := &m.attempt
	if a.Epoch <= m.configEpoch {
		// A configuration with this epoch or a later one is known already. Ours
		// would lower the epoch or conflict with it (invariants S6, S7).
		c.abort(now, m, FailoverAbortNotElected{c.ref(&m.instance)})
		return
	}
	m.configEpoch, m.led = a.Epoch, a.Epoch
	a.Advance(election.ReconfReplicas, now)
	m.configSeq, m.announced = c.disk.next(), false
	c.changed()
	c.touch(m)
}
