package monitor

import "time"

// Tunables returns the periods and limits that are in force.
func (c *Core) Tunables() Tunables { return c.tun }

// Failures returns the failures that are being simulated.
func (c *Core) Failures() Failures { return c.failures }

// retune changes periods and limits. Deadlines are derived from the start of
// what they bound, so it suffices that everything computes its own again; a
// period that was shortened would otherwise take effect only when the long one
// is over.
func (c *Core) retune(now Instant, op DebugOp) {
	op.Apply(&c.tun)
	for _, m := range c.masters {
		c.retuneInstance(now, &m.instance)
		c.touch(m)
		for _, r := range m.replicas {
			c.retuneInstance(now, &r.instance)
		}
		for _, p := range m.peers {
			c.retuneInstance(now, &p.instance)
		}
	}
}

func (c *Core) retuneInstance(now Instant, i *instance) {
	i.helloDue = min(i.helloDue, now.Add(c.tun.PublishPeriod)) // the one deadline that is kept
	c.ready(&i.link.timer)
	c.wake(i)
}

// minHeartbeat keeps a small tilt trigger from turning the heartbeat into a
// busy loop.
const minHeartbeat = 10 * time.Millisecond

// heartbeat is the longest time between two steps: far enough below the tilt
// trigger that an idle core is never taken for a stalled process.
func (c *Core) heartbeat() time.Duration {
	return max(min(c.tun.Heartbeat, c.tun.TiltTrigger/4), minHeartbeat)
}

func (c *Core) simulate(op SimulateOp) {
	c.failures = op.Failures
	if c.failures&CrashAfterElection != 0 {
		c.log(LevelWarning, "Failure simulation: this Sentinel will crash after being successfully elected as failover leader")
	}
	if c.failures&CrashAfterPromotion != 0 {
		c.log(LevelWarning, "Failure simulation: this Sentinel will crash after promoting the selected replica to master")
	}
}
