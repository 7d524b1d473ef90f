package monitor

import "time"

// lease is a promise of a voter. Who asks for a vote to drive a switchover says for
// how long it may act on it. Until then the voter votes for nobody else and does not
// stand itself, so that nobody takes over beside a driver that only slept. After
// it the voter is free: a vote of this kind does not put its own failover off as
// other votes do, because the driver does nothing more. The zero value promises
// nothing.
type lease struct {
	holder RunID // "": not known
	until  Instant
	ended  bool // and the servers were asked since
}

// grantLease promises m to a candidate that has just got a vote.
func (c *Core) grantLease(now Instant, m *master, to RunID, length time.Duration) {
	m.lease = lease{holder: to, until: now.Add(min(length, MaxLease))}
	c.holdHellos(&m.instance, m.lease.until)
	c.touch(m)
}

// recallLease promises m to somebody, when this process starts with a vote after which
// no promotion was heard of: that vote may lead a switchover. Neither for whom it was
// nor its lease is saved.
func (c *Core) recallLease(now Instant, m *master) {
	if m.ledger.Epoch > m.configEpoch {
		m.mandated = now
		m.lease = lease{until: now.Add(switchoverLease)}
		c.holdHellos(&m.instance, m.lease.until)
	}
}

// handLeaseOn keeps the promise about a master that is removed for those that are
// monitored next: it may come back.
func (c *Core) handLeaseOn(m *master) {
	if m.lease.holder != c.opts.MyID {
		c.leased = max(c.leased, m.lease.until)
	}
	c.leased = max(c.leased, m.promise.until)
}

// bindItself promises m to this Sentinel, which is about to drive a switchover: it
// votes for no other driver meanwhile.
func (c *Core) bindItself(m *master) {
	m.lease = lease{holder: c.opts.MyID, until: m.attempt.VotesAsked.Add(switchoverLease)}
}

// boundUntil returns until when this Sentinel must not stand for election.
func (c *Core) boundUntil(m *master) Instant {
	if m.lease.holder == c.opts.MyID {
		return 0
	}
	return m.lease.until
}

// promised reports whether m is promised to another than a candidate.
func (m *master) promised(now Instant, candidate RunID) bool {
	return now < m.lease.until && m.lease.holder != candidate
}

// leaseEnds asks the servers of m, when the promise ends, what has become of them,
// and returns when that is.
func (c *Core) leaseEnds(now Instant, m *master) Instant {
	if m.lease.until == 0 || m.lease.ended {
		return Never
	}
	if now < m.lease.until {
		return m.lease.until
	}
	m.lease.ended = true
	c.requestInfo(now, &m.instance)
	c.refreshReplicas(now, m)
	return Never
}
