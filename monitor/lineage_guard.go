package monitor

import (
	"strconv"
	"time"
)

// The lineage guard acts on a master that is back without data that it had: it counts as
// down, so that a replica which still has them takes its place, and when a quorum agrees its
// writes are paused until then, because they would be lost (state-machine.md §6.12, Lineage).

const (
	// lossPauseLimit is for how long the writes of one such master are paused at most,
	// all pauses together. Where no replica takes its place by then, it serves.
	lossPauseLimit = 10 * time.Second
	// lossPause is the longest single one. None is ended before its time: an operator may
	// have begun another meanwhile.
	lossPause = 500 * time.Millisecond
)

// lossFence is the pause of a master that is back without its data. It goes over the usual
// connection, from which hellos are kept away meanwhile.
type lossFence struct {
	on    ConnID  // connection over which it was begun
	seq   uint64  // token of the last command; 0: it is answered
	until Instant // end of the pause that was asked for last
	over  bool    // it was refused over this connection
}

// replaces reports whether m is to be replaced by r, which has data that m has lost by a
// restart. An operator may have wanted that, once.
func (c *Core) replaces(m *master, r *replica) bool {
	if m.cfg.AcceptEmpty {
		c.acceptLoss(m, r)
		return false
	}
	return c.guards(&m.instance, LineageGuard, "replace it by "+r.name, "it is back without data that it had, which that replica has up to offset "+
		strconv.FormatUint(r.data().Offset, 10)+", until all replicas drop them")
}

// acceptLoss uses up the option accept-empty.
func (c *Core) acceptLoss(m *master, r *replica) {
	m.cfg.AcceptEmpty = false
	m.outdated()
	c.changed()
	c.log(LevelWarning, "Master "+m.cfg.Name+" is back without data that it had, and "+r.name+" has: it is taken as it is, once, because accept-empty was set")
}

// tellLost says what is lost by a restart of m that says info, where no replica has it any
// more, and what nobody can compare. Nothing can be done about either.
func (c *Core) tellLost(m *master, info *Info) {
	l := m.lineage
	if info.Role != RoleMaster || l.ReplID == "" || !m.hadKeys || info.ReplID == l.ReplID || info.ReplID2 == l.ReplID || m.keeper(info) != nil {
		return
	}
	switch {
	case !info.Keys && m.cfg.AcceptEmpty:
		m.cfg.AcceptEmpty = false
		m.outdated()
		c.changed()
	case !info.Keys:
		c.guards(&m.instance, LineageGuard, "tell of it", "it is back without data, and no replica that can be reached has them any more: at least "+
			strconv.FormatUint(l.Offset, 10)+" bytes of its stream are lost")
	case info.ReplID2 == "" && !info.Appends && !info.NotLoaded:
		c.guards(&m.instance, LineageGuard, "tell of it", "it is back with keys, and says nothing of the history that it had up to offset "+
			strconv.FormatUint(l.Offset, 10)+": it is not known whether it has all, and it stays the master")
	}
}

// pauseLost pauses the writes of a master that is back without its data, and goes on until
// it has been replaced. Not before a quorum has seen that: a hello of another Sentinel would
// wait behind the pause, and behind that the INFO by which it sees the same.
func (c *Core) pauseLost(now Instant, m *master) Instant {
	f := &m.lossFence
	if m.lostSince == 0 || !m.has(FlagODown) || m.saver() == nil || m.role != RoleMaster || !m.link.connected() || m.settled.Modules || m.switchover.active() || m.replacedOn == m.link.cmd.id {
		return Never
	}
	if f.on != m.link.cmd.id {
		*f = lossFence{on: m.link.cmd.id}
	}
	length := min(c.pauseLength(m), lossPause)
	switch due := f.until.Add(-length / 2); {
	case f.over, length < minPause, now.Add(length) > m.lostSince.Add(lossPauseLimit), f.seq != 0:
		return Never
	case now < due:
		return due
	}
	f.until = now.Add(length)
	f.seq = c.sendOrder(&m.instance, PauseWrites{For: length}, f.until)
	c.holdHellos(&m.instance, now.Add(2*length))
	return now.Add(length / 2)
}

// lossPaused notes the answer to the order to pause.
func (c *Core) lossPaused(now Instant, m *master, refused string) {
	f := &m.lossFence
	f.seq = 0
	if refused == "" {
		c.holdHellos(&m.instance, max(f.until, now.Add(lossPause)))
		return
	}
	f.over = true
	c.holdHellos(&m.instance, 0)
	c.log(LevelWarning, "Master "+m.cfg.Name+" is back without its data, and its writes cannot be paused: "+refused)
}

// guardsData reports whether a master that is lost may be back without its data, which
// its replicas keep for a second at most then: it is dialled without delay.
func (c *Core) guardsData(m *master) bool {
	return m.hadKeys && len(m.replicas) > 0 && !m.attempt.Published() && c.guardMode(m, LineageGuard) == GuardOn
}
