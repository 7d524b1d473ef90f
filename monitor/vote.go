package monitor

// ask answers another Sentinel (state-machine.md §4.4, Answering), and grants
// it a vote if it asks for one (§5.1, Vote rule).
func (c *Core) ask(now Instant, in Ask) {
	m := c.masterAt(in.IP, in.Port)
	if m == nil {
		c.free(Reply{To: in.From})
		return
	}
	down := m.has(FlagSDown) && !c.tilt
	if in.RunID == "" {
		c.free(Reply{To: in.From, Down: down})
		c.reaskPeers(now, m)
		return
	}
	if c.conflict.open {
		c.free(Reply{To: in.From, Down: down}) // two Sentinels share our id, and it has one vote
		return
	}
	if c.recollect(now, m); m.recall.lost {
		c.free(Reply{To: in.From, Down: down}) // a vote in that epoch may have been given
		return
	}
	c.vote(now, m, in.Epoch, in.RunID)
	reply := Reply{To: in.From, Down: down, Leader: m.ledger.For, Epoch: m.ledger.Epoch}
	switch {
	case c.isDurable(m.voteSeq):
		c.free(reply)
	case c.disk.failing:
		c.free(Reply{To: in.From, Down: down}) // the vote is not durable, so it is not told
	default:
		c.gate(reply)
	}
}

// vote grants this Sentinel's vote to a candidate if the rule and the disk
// allow it.
func (c *Core) vote(now Instant, m *master, req Epoch, candidate RunID) {
	if c.disk.failing || !req.Plausible(c.epoch) {
		return
	}
	b := m.ledger.Vote(&c.epoch, req, candidate)
	if b.EpochRaised {
		c.emitDurable(&m.instance, NewEpoch{c.epoch})
	}
	if !b.Granted {
		return
	}
	m.voteSeq = c.disk.next()
	c.emitDurable(&m.instance, VoteForLeader{m.cfg.Name, candidate, m.ledger.Epoch})
	if candidate != c.opts.MyID {
		m.attempt.Postpone(now.Add(c.random(c.tun.Desync)))
		c.touch(m)
	}
}
