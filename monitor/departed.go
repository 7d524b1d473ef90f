package monitor

// Who votes for another leaves a failover to that one for twice failover-timeout. If the
// process of that one ends meanwhile, it does nothing more with the votes, and the
// failover is for the next (state-machine.md §5.2, Starting an attempt).

// departure is what a link to a Sentinel tells of the end of that process. A connection
// that is silent, or was cut, tells nothing: a leader that cannot be reached from here may
// be at work. The zero value says that there is nothing to tell.
type departure struct {
	closed bool // the other side ended the last connection
	// refusedAt is when the last attempt to connect since began, if nothing listened
	// there; 0 if there was none, or if it failed for another reason.
	refusedAt Instant
}

// since reports whether the process has ended, and nothing listened in its place after t.
func (d departure) since(t Instant) bool { return d.closed && d.refusedAt > t }

// noteDeparture takes in how a connection to a Sentinel has ended, while cn still shows
// what it was.
func (l *link) noteDeparture(cn *conn, loss Loss) {
	switch {
	case cn.up:
		l.departure = departure{closed: true}
	case loss == LossRefused:
		l.departure.refusedAt = cn.dialedAt
	default:
		l.departure.refusedAt = 0
	}
}

// departedSince reports whether a Sentinel of m has ended after t.
func (m *master) departedSince(id RunID, t Instant) bool {
	p := m.peerByID(id)
	return p != nil && p.link.departure.since(t)
}

// leftByVoted reports whether the Sentinel for which this one has voted has ended since,
// so that nothing is to be expected of it.
func (c *Core) leftByVoted(m *master) bool {
	return m.votedAt != 0 && m.ledger.For != c.opts.MyID && m.departedSince(m.ledger.For, m.votedAt)
}

// nextAllowed returns when the next attempt may begin.
func (c *Core) nextAllowed(m *master) Instant {
	if c.leftByVoted(m) {
		return 0
	}
	return m.attempt.NextAllowed(m.cfg.FailoverTimeout)
}

// tellDeparted says why an attempt begins before it would be its time.
func (c *Core) tellDeparted(now Instant, m *master) {
	if now < m.attempt.NextAllowed(m.cfg.FailoverTimeout) && c.leftByVoted(m) {
		c.log(LevelNotice, "The failover of '"+m.cfg.Name+"' does not wait for "+c.called(m, m.ledger.For)+
			", for which this Sentinel voted at epoch "+epochText(m.ledger.Epoch)+": that process has ended")
	}
}
