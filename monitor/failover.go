package monitor

import "github.com/gosentinel/sentinel/election"

// failover does everything that the current phase of an attempt allows and
// returns when it wants to be called again even if nothing happens.
func (c *Core) failover(now Instant, m *master) Instant {
	for {
		phase := m.attempt.Phase()
		c.tellPhase(m)
		next := Never
		switch phase {
		case election.WaitStart:
			next = c.elect(now, m)
		case election.SelectReplica, election.SendReplicaOfNoOne, election.WaitPromotion:
			next = c.promotion(now, m, phase)
		case election.ReconfReplicas:
			next = c.reconfReplicas(now, m)
		case election.UpdateConfig:
			c.switchToPromoted(now, m)
		}
		if m.attempt.Phase() == phase {
			return next
		}
	}
}

// promotion does what the phases between election and promotion ask for: in a
// planned switchover, in one that is taken over, and after a failure.
func (c *Core) promotion(now Instant, m *master, phase election.Phase) Instant {
	stage := m.switchover.stage
	switch phase {
	case election.SelectReplica:
		switch stage {
		case electing:
			return c.selectTarget(now, m)
		case takingOver:
			return c.takeOver(now, m)
		}
		return c.selectReplica(now, m)
	case election.SendReplicaOfNoOne:
		if stage == electing || m.switchover.drives() {
			return c.handOver(now, m)
		}
		return c.promote(now, m)
	}
	if stage == promoting {
		return c.awaitTarget(now, m)
	}
	if stage == retiring && m.promoted.has(FlagSDown) {
		c.giveUp(now, m, "the replica went down while it was promoted")
		return Never
	}
	return c.waitPromotion(now, m)
}

// abort ends an attempt before its promotion is confirmed.
func (c *Core) abort(now Instant, m *master, why Event) {
	c.withdraw(now, m)
	c.emit(&m.instance, why)
	if m.promoted != nil {
		m.promoted.clear(FlagPromoted)
		m.promoted = nil
	}
	m.force = force{}
	m.attempt.Abort(now)
	m.outdated()
}
