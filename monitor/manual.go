package monitor

// noGoodPrimary is the code of a refusal because of the master itself.
const noGoodPrimary = "NOGOODPRIMARY"

// manualFailover begins what an operator has ordered (state-machine.md §6.10,
// Manual failover): a switchover while the master serves, and else a failover as
// after its failure.
func (c *Core) manualFailover(now Instant, m *master, op FailoverOp) *CallError {
	if m.attempt.InProgress() || m.switchover.active() || m.promised(now, c.opts.MyID) {
		return ErrInProgress
	}
	named, err := c.namedReplica(m, op.To)
	if err != nil {
		return err
	}
	serves, unsafe := c.serves(m), c.unsafe(m)
	switch {
	case op.Mode == FailoverCoordinated && !serves:
		return &CallError{noGoodPrimary, "Primary does not answer as one, and cannot hand over"}
	case op.Mode == FailoverCoordinated && unsafe != "":
		return cannotHandOver(unsafe)
	case serves && m.cfg.PlannedFailover == PlannedStock && op.Mode == FailoverPlain:
		unsafe = "planned-failover is set to stock"
	case serves && m.handing() != "":
		return cannotHandOver(m.handing())
	}
	if !serves {
		m.force = force{}
		if named != nil {
			m.force.named = named.id
		}
		if err = c.unplannedRefusal(now, m); err != nil {
			m.force = force{}
		}
	} else {
		err = c.plannedRefusal(now, m, named)
	}
	switch {
	case err != nil:
		return err
	case c.disk.failing:
		return ErrSave // the epoch of the failover could be used twice
	case now < c.mayStandFrom(m):
		return ErrVotesUnknown // so could it here
	}
	c.log(LevelNotice, "Executing user requested FAILOVER of '"+m.cfg.Name+"'")
	if serves {
		c.beginSwitchover(now, m, named, unsafe)
		return nil
	}
	c.startAttempt(now, m, true)
	c.touch(m)
	return nil
}

func cannotHandOver(why string) *CallError {
	return &CallError{noGoodPrimary, "Primary cannot hand over: " + why}
}
