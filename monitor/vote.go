package monitor

import "github.com/gosentinel/sentinel/event"

// ask answers another Sentinel (state-machine.md §4.4, Answering), and grants
// it a vote if it asks for one (§5.1, Vote rule).
func (c *Core) ask(now Instant, in Ask) {
	m := c.masterAt(in.IP, in.Port)
	if m == nil || c.opts.Observe {
		// It may have left the address for a new master: no promise is not no answer.
		c.free(Reply{To: in.From, Promise: Promise{Known: in.Promise > 0 && !c.opts.Observe}})
		return
	}
	down := m.has(FlagSDown) && !c.tilt
	if in.Promise > 0 {
		c.free(c.answerPromise(now, m, in))
		return
	}
	if in.RunID == "" {
		c.free(Reply{To: in.From, Down: down})
		c.reaskPeers(now, m)
		return
	}
	if why := c.refusesVote(now, m, in); why != "" {
		c.tellNoVote(m, in, why)
		c.free(Reply{To: in.From, Down: down})
		return
	}
	lease := in.Lease
	if m.peerByID(in.RunID) == nil {
		lease = 0 // whom nobody knows gets no more than a vote
	}
	if c.vote(now, m, in.Epoch, in.RunID, lease > 0) && lease > 0 {
		c.grantLease(now, m, in.RunID, lease)
	}
	c.tellNoVote(m, in, c.denied(m, in))
	reply := Reply{To: in.From, Down: down, Leader: m.ledger.For, Epoch: m.ledger.Epoch}
	if in.Lease > 0 {
		reply.DownAfter = m.cfg.DownAfter
	}
	if in.WantReplicas {
		reply.Replicas = c.toldReplicas(m)
	}
	switch {
	case c.isDurable(m.voteSeq):
		c.free(reply)
	case c.disk.failing:
		c.free(Reply{To: in.From, Down: down}) // the vote is not durable, so it is not told
	default:
		c.gate(reply)
	}
}

// toldReplicas are the replicas of m that a candidate hears of beside a vote, when it
// takes a switchover over. One that was started or reset in the middle of that may not
// know whom the driver has promoted: a replica of nobody names no replicas.
func (c *Core) toldReplicas(m *master) (list []HostPort) {
	for _, r := range m.replicas[:min(len(m.replicas), MaxToldReplicas)] {
		list = append(list, c.shown(r.addr))
	}
	return list
}

// vote grants this Sentinel's vote to a candidate if the rule and the disk
// allow it, and reports whether it has. A vote with a lease does not put off the
// attempts of this Sentinel beyond that.
func (c *Core) vote(now Instant, m *master, req Epoch, candidate RunID, leased bool) bool {
	if c.disk.failing || !req.Plausible(c.epoch) {
		return false
	}
	b := m.ledger.Vote(&c.epoch, req, candidate)
	if b.EpochRaised {
		c.epochAt = now
		c.emitDurable(&m.instance, event.NewEpoch{Epoch: c.epoch})
	}
	if !b.Granted {
		return false
	}
	m.voteSeq, m.votedAt, m.mandated = c.disk.next(), 0, now
	m.voted = voted{c.now, leased}
	m.outdated()
	if candidate != c.opts.MyID {
		c.noteGrant(m, candidate, leased)
	}
	c.emitDurable(&m.instance, event.VoteForLeader{Master: m.cfg.Name, RunID: candidate, Epoch: m.ledger.Epoch})
	if candidate != c.opts.MyID && !leased {
		m.votedAt = now
		m.attempt.Postpone(now.Add(c.random(c.tun.Desync)))
		c.touch(m)
	}
	return true
}

// mandateEnds returns until when a replica of m may be promoted, or may have been, with the
// vote of this Sentinel, while it knows of no such configuration yet; 0: it does not.
func (m *master) mandateEnds() Instant {
	if m.mandated == 0 || m.ledger.Epoch <= m.configEpoch {
		return 0
	}
	return m.mandated.Add(m.cfg.FailoverTimeout)
}

// refusesVote says why a vote request gets no answer with a vote, whatever the ledger
// holds; "" when it does.
func (c *Core) refusesVote(now Instant, m *master, in Ask) string {
	if c.conflict.open {
		return "another Sentinel uses the id of this one, and the two have one vote"
	}
	if c.recollect(now, m); m.recall.lost {
		return "this one may have voted in that epoch before its start, and listens to the others first"
	}
	switch {
	case in.Epoch > m.ledger.Epoch && m.promised(now, in.RunID):
		// A driver may still act on this Sentinel's vote. A vote that was given is told.
		return c.boundTo(m)
	case m.boundByPromise(now, in):
		c.restFromPromises(now, m)
		return "a Sentinel that reaches the master has the promise of this one for " + m.promise.until.Sub(now).String() + " more"
	case c.mustFenceFirst(now, m, in):
		return "the master answers here, and its writes are paused first"
	case in.Lease > 0 && m.has(FlagSDown):
		// A switchover would keep the Sentinels from the failover that is needed.
		return "it is for a planned switchover, and the master is down for this one"
	case m.refusesForPause(now):
		return "an operator has paused the failovers until " + m.pause.end() + m.pause.because()
	}
	return ""
}
