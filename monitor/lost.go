package monitor

import (
	"strconv"

	"github.com/gosentinel/sentinel/election"
)

// A master that was restarted without its data, or with old ones from its disk, asks
// its replicas to drop what they have. Until they have done so, which takes a second
// or two, one of them can take its place: the master counts as down, and a failover
// follows by the usual rules (state-machine.md §6.12, Lineage).

// keeper returns a replica that has more of the data which m had than m itself has
// now, by its INFO; nil when there is none. A master that comes back with keys from
// its disk and without a word about any history was started from an AOF, or is of a
// release before 7.0: it is taken to have all. One with another history was started
// from an RDB of that, and keys that are not from its disk were written since.
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
	case info.Keys && !info.NotLoaded:
		return nil
	}
	var best *replica
	for _, r := range m.replicas {
		data := election.Replica{Data: r.data(), Keys: r.info != nil && r.info.Keys}
		if !l.Covers(data.Data) || !data.Keys || l.Standing(data) < election.Past || data.Offset < from ||
			!r.link.connected() || r.has(FlagSDown) || r.priority == 0 {
			continue
		}
		if best == nil || data.Offset > best.data().Offset {
			best = r
		}
	}
	return best
}

// hasLost notes that m is back without data that a replica still has, and reports
// whether that is so.
func (c *Core) hasLost(now Instant, m *master, info *Info) bool {
	r := m.keeper(info)
	switch {
	case r == nil:
		c.endLoss(now, m)
	case m.lostSince == 0 && info.Role == RoleMaster:
		m.lostSince = now
		c.log(LevelWarning, "Master "+m.cfg.Name+" is back without data that it had: replica "+r.name+" has them up to offset "+
			strconv.FormatUint(r.data().Offset, 10)+". The master counts as down, so that a replica takes its place before all drop them")
	}
	return r != nil
}

// reviewLoss ends that state when no replica has the data any more, or when nobody
// has acted for a failover timeout: the master is taken as it is then.
func (c *Core) reviewLoss(now Instant, m *master) Instant {
	if m.lostSince == 0 || m.attempt.Phase() > election.SelectReplica {
		return Never
	}
	due := m.lostSince.Add(m.cfg.FailoverTimeout)
	switch {
	case m.keeper(m.info) == nil:
	case m.attempt.InProgress():
		return Never
	case now < due:
		return due
	}
	c.endLoss(now, m)
	c.takeLineage(m, m.lineageOf(m.info))
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
		c.abort(now, m, FailoverAbortNoGoodReplica{c.ref(&m.instance)})
		m.attempt.Allow() // the next failure is another one
	}
}
