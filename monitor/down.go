package monitor

import (
	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/quorum"
)

// downSince returns when the clock of failure detection of i started, or 0 when
// it is stopped (state-machine.md §4.1, SDOWN).
func (i *instance) downSince() Instant { return i.link.unansweredSince }

// sdownDue reports whether i is subjectively down, and if not, when it could be
// at the earliest. For a healthy instance that is one down-after period from
// now: the clock starts with a PING that is still to be sent. So nothing has to
// be computed for each PONG.
func (c *Core) sdownDue(now Instant, i *instance) (down bool, due Instant) {
	due = slotted(now.Add(i.downAfter), i.downAfter)
	if since := i.downSince(); since != 0 {
		due = since.Add(i.downAfter)
	}
	if i.kind == KindMaster {
		if i.role == RoleReplica {
			due = min(due, i.roleSince.Add(i.downAfter+2*c.tun.InfoPeriod))
		}
		due = min(due, c.ringDue(i.master))
		if i.foreign {
			due = min(due, i.foreignSince)
		}
		if m := i.master; m.lostSince != 0 {
			due = min(due, m.lostSince)
		}
		if i.master.refusal.gone {
			due = now
		}
		if m := i.master; i.has(FlagMasterReboot) {
			due = min(due, m.rebootSince.Add(m.cfg.RebootDownAfter))
		}
	}
	return now >= due, due
}

// checkSDown sets or clears S_DOWN of i and returns when to look again.
func (c *Core) checkSDown(now Instant, i *instance) Instant {
	down, due := c.sdownDue(now, i)
	switch {
	case down && !i.has(FlagSDown):
		i.set(FlagSDown)
		i.sdownSince = now
		if i.kind == KindMaster {
			c.noteDown(now, i.master)
		}
		c.emit(i, event.SDown{Instance: c.ref(i)})
		if i.kind == KindMaster {
			c.refreshReplicas(now, i.master)
		} else {
			c.touch(i.master)
		}
	case !down && i.has(FlagSDown):
		i.clear(FlagSDown | FlagScriptKillSent)
		c.emit(i, event.SDownCleared{Instance: c.ref(i)})
		c.touch(i.master)
	}
	if down {
		return Never // what ends it arrives as an input
	}
	return due
}

// refreshReplicas requests INFO of the replicas while the peers are asked: by
// the time a leader is elected, their offsets are fresh
// (state-machine.md §12.2, What may be shortened).
func (c *Core) refreshReplicas(now Instant, m *master) {
	for _, r := range m.replicas {
		c.requestInfo(now, &r.instance)
	}
}

// checkODown counts the Sentinels that see m down (state-machine.md §4.2,
// ODOWN).
func (c *Core) checkODown(now Instant, m *master) {
	votes := 0
	if m.has(FlagSDown) {
		if !c.opts.Observe {
			votes = 1
		}
		for _, p := range m.peers {
			if p.has(FlagMasterDown) {
				votes++
			}
		}
	}
	down := m.has(FlagSDown) && quorum.Reached(votes, m.cfg.Quorum)
	switch {
	case down && !m.has(FlagODown):
		m.set(FlagODown)
		m.odownSince = now
		c.emit(&m.instance, event.ODown{Instance: c.ref(&m.instance), Votes: votes, Quorum: m.cfg.Quorum})
		for _, r := range m.replicas {
			c.wake(&r.instance) // their INFO is fast from now on
		}
	case !down && m.has(FlagODown):
		m.clear(FlagODown)
		c.emit(&m.instance, event.ODownCleared{Instance: c.ref(&m.instance)})
	}
}
