package monitor

import (
	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
)

func (m *master) waitingForPromotion() bool { return m.attempt.Phase() == election.WaitPromotion }

// promote sends SLAVEOF NO ONE on the open connection, followed at once by
// INFO.
func (c *Core) promote(now Instant, m *master) Instant {
	r := m.promoted
	if !r.link.connected() {
		return c.promotionDeadline(now, m)
	}
	c.changeRole(now, &r.instance, Addr{})
	m.attempt.Advance(election.WaitPromotion, now)
	c.emit(&r.instance, event.FailoverStateWaitPromotion{Instance: c.ref(&r.instance)})
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
	if m.switchover.stage == retiring {
		return c.takeOverAgain(now, m)
	}
	if m.lostSince != 0 && m.saver() == nil {
		// It has dropped the data that it was to save. Any other would only lose what the
		// master has been told since.
		c.chooseAgain(now, m)
		c.endLoss(now, m)
		c.taken(m)
		return true
	}
	f := c.contest(now, m)
	if f.best == nil || f.best == r || f.best.heldBack(now) || now < f.from {
		return false
	}
	c.log(LevelNotice, "Another replica of "+m.cfg.Name+" is promoted, because "+r.name+" refused: "+r.slaveofError)
	c.chooseAgain(now, m)
	return true
}

// chooseAgain goes back to the choice of the replica.
func (c *Core) chooseAgain(now Instant, m *master) {
	m.promoted.clear(FlagPromoted)
	m.promoted = nil
	m.outdated()
	m.attempt.Reselect(now)
	c.emit(&m.instance, event.FailoverStateSelectReplica{Instance: c.ref(&m.instance)})
}

func (c *Core) promotionDeadline(now Instant, m *master) Instant {
	due := m.attempt.PromotionDeadline(m.cfg.FailoverTimeout)
	if now < due {
		return due
	}
	c.abort(now, m, event.FailoverAbortReplicaTimeout{Instance: c.ref(&m.instance)})
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
		c.abort(now, m, event.FailoverAbortNotElected{Instance: c.ref(&m.instance)})
		return
	}
	m.configEpoch, m.led = a.Epoch, a.Epoch
	c.noteLoss(m, m.lineage, m.lineageOf(m.promoted.info), true)
	a.Advance(election.ReconfReplicas, now)
	m.configSeq, m.announced = c.disk.next(), false
	m.outdated()
	c.changed()
	c.touch(m)
}
