package monitor

import (
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
)

// cacheGrace is how long no replica without data is promoted in the place of a
// master that had keys and does not keep them on a disk: it may be back with them, if
// it was only cut off.
const cacheGrace = 10 * time.Second

// mayPromote returns from when on the best replica may be promoted, and what stands
// against it before. One that has data may be at once. One that is loading is waited
// for: it will have some, and cannot be promoted before. One that has nothing takes
// the place of a master that had keys only if these are not expected back, because
// the master would have to drop them then (state-machine.md §6.12, Lineage).
func (c *Core) mayPromote(m *master, f *contest) (from Instant, why string) {
	switch {
	case m.lostSince != 0 && f.standing < election.Past:
		// The one that has them does not answer, for now. Any other would only lose what
		// the master has been told since.
		return Never, "the master is back without its data, and no replica that has them can be promoted (" + f.shortcomings() + ")"
	case f.standing > election.Reading:
		return 0, ""
	case f.standing == election.Reading:
		return Never, "no replica has data that can be promoted yet (" + f.shortcomings() + ")"
	case !m.has(FlagSDown):
		return Never, "no replica has the data of the master (" + f.shortcomings() + ")"
	case m.lineage.Heard && !m.lineage.Keys && !m.lineage.Persistent:
		return 0, ""
	case m.link.connected() && m.infoRefresh > m.link.cmd.upAt && !m.info.Keys && !m.info.Loading:
		return 0, "" // it is back and has nothing itself
	}
	why = "no replica has the data of the master (" + f.shortcomings() + ")"
	grace := m.cfg.EmptyPromotionGrace
	switch {
	case grace > 0:
	case !m.lineage.Keys && m.lineage.Heard:
		grace = cacheGrace // it may have got keys since it was asked last, and has them on disk
	case m.lineage.Persistent:
		return Never, why + "; the master keeps its data on disk, so it is waited for. SENTINEL FAILOVER " +
			m.cfg.Name + " FORCE promotes a replica all the same, and says what is lost"
	default:
		grace = cacheGrace
	}
	return m.sdownSince.Add(grace), why + "; one is promoted without them if the master is not back within " + grace.String() + " after +sdown"
}

// shortcomings says for each replica what it lacks.
func (f *contest) shortcomings() string {
	var list []string
	for k, r := range f.of {
		if why := f.rules.Reject(f.cs[k]); why != "" {
			list = append(list, r.name+": "+why)
		} else {
			list = append(list, r.name+": "+lack(f.rules.Lineage, f.cs[k]))
		}
	}
	return someOf(list)
}

// lack says in words what a replica lacks of the data of its master.
func lack(l election.Lineage, data election.Replica) string {
	switch s := l.Standing(data); {
	case s == election.Empty:
		return "it has nothing of the master's data"
	case s == election.Stale:
		return "it was restarted with data of before, and lacks what the master has written since"
	case s == election.Reading:
		return "it is loading, and what it will have is not known"
	case s == election.Strange && l.ReplID != "" && data.ReplID2 == l.ReplID:
		return "it was made a master by itself before the master wrote the last of its data, which it lacks"
	case s == election.Strange:
		return "its data are those of another time or another server: what the master alone had is missing"
	case s == election.Past:
		return "it has what the master had before its last promotion, and lacks what was written since" + behind(l, data)
	case s == election.Replaced:
		return "it was being synchronised anew, and has only older data" + behind(l, data)
	case !l.Heard || l.ReplID == "" || data.ReplID == "":
		return "what the master had is not known"
	case s == election.Whole && data.Offset < l.Offset:
		return "it has not got the end of the master's data" + behind(l, data)
	}
	return "it has all that the master was known to have"
}

func behind(l election.Lineage, data election.Replica) string {
	if l.ReplID == "" || !l.Covers(data.Data) || data.Offset >= l.Offset {
		return ""
	}
	return " (" + strconv.FormatUint(l.Offset-data.Offset, 10) + " bytes of the stream are missing)"
}

// tellWait says, once in each attempt, what a failover waits for.
func (c *Core) tellWait(m *master, why string) {
	if m.waitTold != m.attempt.Changed {
		m.waitTold = m.attempt.Changed
		c.emit(&m.instance, event.FailoverWaits{Instance: c.ref(&m.instance), Reason: why})
	}
}

// tellLoss says what is lost by a promotion, where it is more than what had not been
// sent when the master failed.
func (c *Core) tellLoss(m *master, f *contest) {
	l := f.rules.Lineage
	lack := lack(l, f.chosen)
	switch {
	case f.standing < election.Reading && (l.Keys || !l.Heard):
		c.emit(&f.best.instance, event.PromotionWithoutData{Instance: c.ref(&f.best.instance), Reason: lack})
	case f.standing < election.Whole && l.Keys:
		c.log(LevelWarning, "Replica "+f.best.name+" of "+m.cfg.Name+" is promoted, as no other has more: "+lack)
	}
}

// giveBackRole promotes the master itself where it has been made a replica by hand and
// nobody sends it any data, and no replica has its data either. It would never be back
// otherwise: its replicas wait for it, and it waits for one of them.
func (c *Core) giveBackRole(now Instant, m *master) {
	info := m.info
	switch {
	case m.role != RoleReplica || info == nil || !info.Keys || info.MasterLinkUp || info.Syncing || info.Loading,
		!m.link.connected() || m.infoPending || m.slaveofSeq != 0,
		m.refusedAt != 0 && now < m.refusedAt.Add(c.tun.InfoPeriod):
		return
	case m.infoRefresh > m.attempt.Begun && m.infoSeq > m.orderSeq:
		c.log(LevelWarning, "Master "+m.cfg.Name+" was made a replica of "+HostPort{Host: info.MasterHost, Port: info.MasterPort}.String()+
			", from which it gets nothing, and no replica has its data: it gets its role back")
		c.changeRole(now, &m.instance, Addr{})
	}
	c.requestInfo(now, &m.instance)
}
