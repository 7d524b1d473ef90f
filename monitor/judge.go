package monitor

// run judges a master: is it down, do enough others agree, what does a running
// failover need next. It is called whenever something about the master arrived
// and when one of its own deadlines is reached.
func (m *master) run(c *Core, now Instant) Instant {
	c.changes++
	c.reshow(m)
	if c.tilt {
		return c.keepFenced(now, m) // leaveTilt comes back to the rest
	}
	c.reviewRefusal(now, m)
	next := min(c.recollect(now, m), c.expireAwaited(now, m), c.reviewLoss(now, m), c.checkSDown(now, &m.instance))
	next = min(next, c.returnFence(now, m), c.coldStart(now, m))
	if m.has(FlagSDown) {
		c.bringBack(now, m)
	}
	c.shareOpinion(m)
	next = min(next, c.expireAnswers(now, m))
	c.checkODown(now, m)
	next = min(next, c.tellAlone(now, m))
	next = min(next, c.pauseLost(now, m))
	if m.switchover.stage == preparing {
		next = min(next, c.prepare(now, m))
	}
	next = min(next, c.endPause(now, m), c.passPauseOn(now, m), c.endTombstones(now, m), c.expireReplicas(now, m), c.passTombstones(now, m), c.leaseEnds(now, m), c.answerInquirers(now, m), c.awaitPolicy(now, m))
	next = min(next, c.keepFenced(now, m))
	next = min(next, c.failover(now, m))
	if !m.attempt.InProgress() {
		next = min(next, c.maybeStart(now, m))
		if !m.attempt.InProgress() {
			next = min(next, c.maybeTakeOver(now, m))
		}
		next = min(next, c.failover(now, m))
	}
	c.tellPhase(m)
	return min(next, c.askPeers(now, m))
}
