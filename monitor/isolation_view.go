package monitor

import "time"

// IsolationView shows the isolation fence of a master. The zero value: this Sentinel does
// not guard it.
type IsolationView struct {
	Guards   bool          // the master is paused when no promises of a majority hold
	Promises int           // Sentinels whose promises hold, this one included
	Bound    int           // how many of them do more than answer, this one included
	Needed   int           // a majority
	Left     time.Duration // for how long those of a majority hold; 0: none do
	Fenced   time.Duration // for how long the master has been paused; 0: it is not
	Server   HostPort      // that is paused
	Reason   string        // why; "" when it is not paused
	Unable   string        // why it cannot be paused; "" when nothing is known against it
}

func (c *Core) isolationView(now Instant, m *master) IsolationView {
	i := &m.isolation
	if c.guardMode(m, IsolationFence) == GuardOff && !i.fenced() {
		return IsolationView{}
	}
	v := IsolationView{
		Guards: i.held && i.since != 0 && i.unable == "", Needed: majority(m.voters()), Unable: i.unable,
		Left: max(c.promisedUntil(now, m, 0).Sub(now), 0),
	}
	if c.promisesItself(now, m) {
		v.Promises, v.Bound = 1, 1
	}
	for _, p := range m.peers {
		if c.pledgeCounts(m, p) && p.pledge.until > now {
			v.Promises++
			if p.pledge.binds {
				v.Bound++
			}
		}
	}
	if i.fenced() {
		v.Fenced, v.Server, v.Reason = max(now.Sub(i.fencedAt), time.Millisecond), c.shown(i.at), i.why
	}
	return v
}
