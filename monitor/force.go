package monitor

import (
	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
)

// force is what an operator has allowed for the running failover of a master: to
// promote a replica even where data are lost by it. The zero value allows nothing.
type force struct {
	on    bool
	named InstanceID // the replica that is to be promoted, also where on is false; 0: any
}

// orderFailover begins the failover that an operator has ordered. It returns what the
// answer says besides OK.
func (c *Core) orderFailover(now Instant, m *master, op FailoverOp) (text string, err *CallError) {
	if m.failoversPaused(now) && op.Mode != FailoverForced {
		return "", c.pausedError(now, m)
	}
	if !m.attempt.InProgress() && !m.switchover.active() {
		m.byProgram = op.Program
	}
	if m.switchover.stage == takingOver && m.electing() {
		// It may never be elected, and the operator wants an end of it.
		c.endSwitchover(now, m, event.FailoverAbortNotElected{Instance: c.ref(&m.instance)}, "an operator has ordered a failover")
	}
	if op.Mode != FailoverForced {
		return "", c.manualFailover(now, m, op)
	}
	named, err := c.namedReplica(m, op.To)
	if err != nil {
		return "", err
	}
	return c.forceFailover(now, m, named, op.Program)
}

// namedReplica returns the replica that an operator has named, or nil when none is
// named.
func (c *Core) namedReplica(m *master, at HostPort) (*replica, *CallError) {
	if at == (HostPort{}) {
		return nil, nil
	}
	if addr, err := c.addrOf(at.Host, at.Port); err == nil {
		if r := m.replicaAt(addr); r != nil {
			return r, nil
		}
	}
	return nil, errNoReplica
}

// forceFailover begins a failover that takes what is there, or has one go on that
// waits for better; a switchover that waits has sent nothing yet, and is replaced.
// named may be nil. It returns what will be lost by it, in words.
func (c *Core) forceFailover(now Instant, m *master, named *replica, program bool) (loss string, err *CallError) {
	waits := m.attempt.Phase() == election.SelectReplica
	switch {
	case m.attempt.InProgress() && !waits, m.switchover.stage > preparing, m.promised(now, c.opts.MyID):
		return "", ErrInProgress
	case !waits && c.disk.failing:
		return "", ErrSave
	case !waits && now < c.mayStandFrom(m):
		return "", ErrVotesUnknown
	}
	before := m.force
	m.force = force{on: true}
	if named != nil {
		m.force.named = named.id
	}
	f := c.contest(now, m)
	if f.best == nil {
		m.force = before
		return "", noGoodReplica(f.shortcomings())
	}
	loss = "promoting " + f.best.name + ": " + lack(f.rules.Lineage, f.chosen)
	if f.standing < election.Whole {
		loss += ". What only the master has is lost when it follows this replica"
	}
	if c.serves(m) && !m.info.Loading {
		loss += ". The master serves, and what clients write to it from now on is lost: without FORCE nothing would be lost, or the failover would be refused"
	}
	if m.failoversPaused(now) {
		c.log(LevelWarning, "FORCE goes ahead although an operator has paused the failovers of '"+m.cfg.Name+"' until "+m.pause.end()+m.pause.because())
	}
	c.log(LevelWarning, "FORCE was requested for the failover of '"+m.cfg.Name+"': "+loss)
	if m.switchover.stage == preparing {
		c.refuseSwitchover(m, "FORCE was requested")
		m.byProgram = program
	}
	if !waits {
		c.startAttempt(now, m, true)
	}
	c.touch(m)
	return loss, nil
}

// unplannedRefusal says why an operator's failover of a master that does not serve
// cannot begin; nil when it can.
func (c *Core) unplannedRefusal(now Instant, m *master) *CallError {
	switch f := c.contest(now, m); {
	case f.best == nil:
		return noGoodReplica(f.shortcomings())
	case f.standing < election.Reading && now < f.from:
		return noGoodReplica(f.why)
	}
	return nil
}

// noGoodReplica is the answer when no replica can be promoted; why is "" when none is
// known.
func noGoodReplica(why string) *CallError {
	if why == "" {
		return ErrNoGoodReplica
	}
	return &CallError{ErrNoGoodReplica.Code, ErrNoGoodReplica.Text + ": " + why}
}
