package monitor

import "github.com/gosentinel/sentinel/election"

// failover does everything that the current phase of an attempt allows and
// returns when it wants to be called again even if nothing happens.
func (c *Core) failover(now Instant, m *master) Instant {
	for {
		phase := m.attempt.Phase()
		next := Never
		switch phase {
		case election.WaitStart:
			next = c.elect(now, m)
		case election.SelectReplica:
			next = c.selectReplica(now, m)
		case election.SendReplicaOfNoOne:
			next = c.promote(now, m)
		case election.WaitPromotion:
			next = c.waitPromotion(now, m)
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

// abort ends an attempt before its promotion is confirmed.
func (c *Core) abort(now Instant, m *master, why Event) {
	c.emit(&m.instance, why)
	if m.promoted != nil {
		m.promoted.clear(FlagPromoted)
		m.promoted = nil
	}
	m.force = force{}
	m.attempt.Abort(now)
}
