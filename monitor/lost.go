package monitor

import (
	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
)

// A master that was restarted without its data, or with old ones from its disk, asks
// its replicas to drop what they have. Until they have done so, which takes a second
// or two, one of them can take its place: the master counts as down, and a failover
// follows by the usual rules (state-machine.md §6.12, Lineage).

// keeper returns a replica that has more of the data which m had than m itself has
// now, by its INFO; nil when there is none. A master that comes back with keys from
// its disk and without a word about any history was started from an AOF, or is of a
// release before 7.0: it is taken to have all. One with another history was started
// from an RDB of that, and keys that are not from its disk were written since. One that
// was made a replica by hand has what the operator wants, unless that is nothing.
func (m *master) keeper(info *Info) *replica {
	l := m.lineage
	if info.Loading || l.ReplID == "" || !l.Keys || info.ReplID == "" || info.ReplID == l.ReplID {
		return nil
	}
	from := uint64(1) // offset from which on m has nothing of its old history
	switch {
	case info.Role == RoleMaster && info.ReplID2 == l.ReplID:
		from = info.SecondOffset
	case info.Role == RoleMaster && info.ReplID2 != "":
		from = m.between(info.ReplID2, from)
	case info.Keys && (!info.NotLoaded || info.Role == RoleReplica): // what a replica has comes from its master
		return nil
	}
	saved := m.fromSaved(info)
	has := election.Data{ReplID: info.ReplID, ReplID2: info.ReplID2, Second: info.SecondOffset, Offset: info.MasterOffset}
	var best *replica
	for _, r := range m.replicas {
		data := election.Replica{Data: r.data(), Keys: r.info != nil && r.info.Keys}
		if !l.Covers(data.Data) || has.Has(data.ReplID, data.Offset) || !data.Keys || l.Standing(data) < election.Past || data.Offset < from ||
			!r.link.connected() || r.has(FlagSDown) || r.priority == 0 {
			continue
		}
		if same, fresh := m.unchanged(r); saved && fresh && same {
			continue
		}
		if best == nil || data.Offset > best.data().Offset {
			best = r
		}
	}
	return best
}

// saver returns a replica that has what m has lost, while it counts as down for that. What m
// has said tells nothing any more when a replica that is in sync with it has a later history.
func (m *master) saver() *replica {
	if m.outrun {
		return nil
	}
	return m.keeper(m.settled)
}

// between returns from which offset on a history is no more the one that m was last
// heard with, as a replica tells: m was restarted twice, and not heard between. It
// returns otherwise when nobody tells.
func (m *master) between(id string, otherwise uint64) uint64 {
	for _, r := range m.replicas {
		if d := r.data(); d.ReplID == id && d.ReplID2 == m.lineage.ReplID {
			return d.Second
		}
	}
	return otherwise
}

// mayHaveLost reports whether m is back with nothing, by its INFO. Its replicas may have got
// their first keys, or have been filled, since they were heard.
func (m *master) mayHaveLost(info *Info) bool {
	l := m.lineage
	return info.Role == RoleMaster && !info.Loading && !info.Keys && l.ReplID != "" && info.ReplID != l.ReplID && info.ReplID2 != l.ReplID
}

// hasLost notes that m is back without data that a replica still has, and reports
// whether that is so, and the guard is to act, or not known yet.
func (c *Core) hasLost(now Instant, m *master, info *Info) bool {
	r := m.keeper(info)
	switch {
	case r == nil && m.mayHaveLost(info) && c.compares(now, m):
		return true
	case r == nil:
		c.endLoss(now, m)
		m.compared = 0
	case c.compares(now, m):
	case m.lostSince == 0 && info.Role == RoleMaster:
		if !c.replaces(m, r) {
			return false
		}
		m.lostSince = now
		c.touch(m)
	}
	return r != nil
}

// compares reports whether the replicas are still to be asked whether m has lost
// anything: they may have no more than it, or have dropped it since they were heard.
func (c *Core) compares(now Instant, m *master) bool {
	waits := false
	if m.lostSince == 0 && (m.compared == 0 || now < m.compared.Add(compareTime)) {
		for _, r := range m.replicas {
			// While the master was loading, they may have dropped what they had.
			_, fresh := m.unchanged(r)
			if fresh = fresh && m.compared != 0 && r.infoRefresh >= m.compared; !fresh && r.link.connected() && !r.has(FlagSDown) {
				waits = true
				c.requestInfo(now, &r.instance)
			}
		}
	}
	switch {
	case !waits:
		m.compared = 0
	case m.compared == 0:
		m.compared = now
	}
	return waits
}

// taken takes m as it was when it was not loading.
func (c *Core) taken(m *master) {
	if m.outrun {
		return // what a replica has told since is known already
	}
	c.tellLost(m, m.settled)
	c.take(m, m.settled)
}

// take takes what m says that it has for what it has.
func (c *Core) take(m *master, info *Info) {
	m.noteSaving(info)
	m.noteApplied(info)
	c.takeLineage(m, m.lineageOf(info))
}

// reviewLoss ends that state when no replica has the data any more, or when nobody
// has acted for a failover timeout: the master is taken as it is then.
func (c *Core) reviewLoss(now Instant, m *master) Instant {
	if m.compared != 0 {
		if !c.hasLost(now, m, m.settled) {
			c.taken(m)
		} else if m.compared != 0 {
			return m.compared.Add(compareTime)
		}
	}
	if m.lostSince == 0 || m.attempt.Phase() > election.SelectReplica {
		return Never
	}
	due := m.lostSince.Add(m.cfg.FailoverTimeout)
	switch {
	case m.saver() == nil, c.guardMode(m, LineageGuard) != GuardOn:
	case m.attempt.InProgress():
		return Never
	case now < due:
		return due
	}
	c.endLoss(now, m)
	c.taken(m)
	return Never
}

// endLoss has m count as it is again. A failover that was to save the data, and has
// not promoted anything yet, would only lose what the master has been told since. One
// that has chosen a replica goes on: it may have been promoted, and its data are no
// longer those of m then.
func (c *Core) endLoss(now Instant, m *master) {
	if m.lostSince == 0 || m.attempt.Phase() > election.SelectReplica {
		return
	}
	m.lostSince = 0
	c.log(LevelWarning, "Master "+m.cfg.Name+" is taken as it is now: no replica took its place that has the data it had")
	if m.attempt.InProgress() && !m.attempt.Forced && m.link.connected() {
		c.abort(now, m, event.FailoverAbortNoGoodReplica{Instance: c.ref(&m.instance)})
		m.attempt.Allow() // the next failure is another one
	}
}

// replaceLost makes a master that is back without its data a replica of the one that
// took its place, as soon as that is announced, and reports whether the failover need
// not wait for that any longer. It serves, and what its clients write is lost, which
// the rule for masters that return would let go on for another four hello periods.
func (c *Core) replaceLost(now Instant, m *master) (done bool) {
	switch {
	case m.lostSince == 0 || !m.link.connected() || m.role != RoleMaster:
		return true
	case m.replacedOn != m.link.cmd.id:
		if ok, never := c.mayFollow(now, &m.instance, m.promoted.addr); !ok {
			return never
		}
		m.replacedOn = m.link.cmd.id
		c.log(LevelNotice, "Master "+m.cfg.Name+", which is back without its data, is made a replica of "+m.promoted.name+
			" at once: what clients have written to it is lost")
		c.changeRole(now, &m.instance, m.promoted.addr)
	}
	return m.slaveofSeq == 0
}
