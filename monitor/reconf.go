package monitor

import (
	"strconv"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
)

// reconfReplicas announces the new configuration and points the other replicas
// at the new master, parallel-syncs at a time (state-machine.md §6.6,
// Reconfiguring the other replicas, and §6.7, End detection).
func (c *Core) reconfReplicas(now Instant, m *master) Instant {
	if !c.mayAnnounce(m) {
		c.awaitDisk(m)
		return Never
	}
	if !m.announced {
		m.announced = true
		r := m.promoted
		c.emit(&r.instance, event.PromotedReplica{Instance: c.ref(&r.instance)})
		if c.failures&CrashAfterPromotion != 0 {
			c.free(Crash{})
		}
		c.emit(&m.instance, event.FailoverStateReconfReplicas{Instance: c.ref(&m.instance)})
		c.reconfScript(m, "leader", m.addr, r.addr)
		c.forceHello(now, m)
	}
	retired := c.retire(now, m)
	next := min(c.expireReconf(now, m), c.sendReconf(now, m), m.switchover.retired.due(now))
	return min(next, c.checkEnd(now, m, retired))
}

// expireReconf gives up on replicas that do not start to synchronise, so that a
// stuck replica does not hold a parallel-syncs slot indefinitely.
func (c *Core) expireReconf(now Instant, m *master) Instant {
	next := Never
	for _, r := range m.replicas {
		if !r.has(FlagReconfSent) {
			continue
		}
		if due := r.reconfSentAt.Add(c.tun.ReconfTimeout); now < due {
			next = min(next, due)
			continue
		}
		c.emit(&r.instance, event.ReplicaReconfSentTimeout{Instance: c.ref(&r.instance)})
		r.clear(FlagReconfSent)
		r.set(FlagReconfDone)
	}
	return next
}

func (c *Core) sendReconf(now Instant, m *master) Instant {
	const settled = FlagPromoted | FlagReconfDone | FlagReconfSent | FlagReconfInProg
	busy, next := 0, Never
	for _, r := range m.replicas {
		if r.has(FlagReconfSent | FlagReconfInProg) {
			busy++
		}
		if due := r.retryDue(); r.has(FlagReconfSent) && now >= due {
			c.changeRole(now, &r.instance, m.promoted.addr)
		} else if r.has(FlagReconfSent) {
			next = min(next, due)
		}
	}
	for _, r := range m.replicas {
		if busy >= m.cfg.ParallelSyncs {
			break
		}
		if r.has(settled | FlagSDown) {
			continue
		}
		if _, never := c.mayFollow(now, &r.instance, m.promoted.addr); never {
			r.set(FlagReconfDone) // the failover must not wait for it
			continue
		}
		if !c.changeRole(now, &r.instance, m.promoted.addr) {
			continue
		}
		r.set(FlagReconfSent)
		r.reconfSentAt = now
		busy++
		next = min(next, now.Add(c.tun.ReconfTimeout))
		c.emit(&r.instance, event.ReplicaReconfSent{Instance: c.ref(&r.instance)})
		c.wake(&r.instance)
	}
	return next
}

// checkEnd ends the failover when every replica follows the new master, when
// the failover timeout is over, or when the new master itself is down: the next
// failover cannot begin before this one ends.
func (c *Core) checkEnd(now Instant, m *master, retired bool) Instant {
	left := 0
	if !retired {
		left++
	}
	for _, r := range m.replicas {
		if !r.has(FlagPromoted | FlagReconfDone | FlagSDown) {
			left++
		}
	}
	due := m.attempt.PhaseDeadline(m.cfg.FailoverTimeout)
	timeout := now >= due
	if left > 0 && !timeout && !m.promoted.has(FlagSDown) {
		return due
	}
	if timeout {
		c.emit(&m.instance, event.FailoverEndForTimeout{Instance: c.ref(&m.instance)})
	}
	c.emit(&m.instance, event.FailoverEnd{Instance: c.ref(&m.instance)})
	m.attempt.Advance(election.UpdateConfig, now)
	if timeout {
		c.reconfBestEffort(now, m)
		c.saveRoleAtOnce(m)
	}
	return Never
}

// reconfBestEffort points the remaining replicas at the new master without
// waiting for the outcome.
func (c *Core) reconfBestEffort(now Instant, m *master) {
	for _, r := range m.replicas {
		if r.has(FlagPromoted | FlagReconfDone | FlagReconfSent) {
			continue
		}
		if c.changeRole(now, &r.instance, m.promoted.addr) {
			r.set(FlagReconfSent)
			c.emit(&r.instance, event.ReplicaReconfSentBestEffort{Instance: c.ref(&r.instance)})
		}
	}
}

// reconfScript runs the client reconfiguration script (wire.md §11, Scripts).
func (c *Core) reconfScript(m *master, role string, from, to Addr) {
	if m.cfg.ClientReconfigScript == "" || c.opts.Observe {
		return
	}
	f, t := c.shown(from), c.shown(to)
	c.free(RunScript{Path: m.cfg.ClientReconfigScript, Args: []string{
		m.cfg.Name, role, "start", f.Host, strconv.Itoa(f.Port), t.Host, strconv.Itoa(t.Port),
	}})
}

// followReconf advances a replica that is being pointed at the promoted one.
func (c *Core) followReconf(r *replica) {
	m := r.master
	if r.has(FlagReconfSent) && m.promoted != nil && c.follows(r, m.promoted.addr) {
		r.clear(FlagReconfSent)
		r.set(FlagReconfInProg)
		c.emit(&r.instance, event.ReplicaReconfInProgress{Instance: c.ref(&r.instance)})
	}
	if r.has(FlagReconfInProg) && r.masterLinkUp {
		r.clear(FlagReconfInProg)
		r.set(FlagReconfDone)
		c.emit(&r.instance, event.ReplicaReconfDone{Instance: c.ref(&r.instance)})
	}
}
