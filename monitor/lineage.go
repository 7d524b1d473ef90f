package monitor

import (
	"slices"

	"github.com/gosentinel/sentinel/election"
)

// noteLineage notes what a master has, for the time when it is gone
// (state-machine.md §6.12, Lineage). What it says while it is loading is not that.
// Once it is in sync with another server, because it was made a replica by hand, it
// has the data of that one.
func (c *Core) noteLineage(now Instant, m *master, info *Info) {
	switch {
	case info.Loading, info.Role == RoleNone, info.Role == RoleReplica && (!info.MasterLinkUp || info.Syncing):
		return
	}
	m.settled, m.settledAt, m.outrun = info, now, false
	restarted := m.process != "" && info.RunID != m.process
	if info.RunID != m.process {
		// What it has right after a restart comes from a disk, although it has not
		// saved anything yet.
		m.loaded = restarted && info.Keys && !info.NotLoaded && info.Role == RoleMaster
		m.process = info.RunID
	}
	// A new master has less of the history of an old one that still serves: that is
	// no loss of its own.
	if restarted {
		c.guardOver(&m.instance, LineageGuard)
	}
	told := restarted || m.lostSince != 0 || m.compared != 0
	if (told || info.Role == RoleReplica) && c.hasLost(now, m, info) {
		return
	}
	if told {
		c.tellLost(m, info)
	}
	c.take(m, info)
}

// inherit takes what a server says that is going to be the master, if that is known:
// it may be gone before it is asked again.
func (c *Core) inherit(m *master, r *replica) {
	m.left = recent{} // by the old one: the new one may never have left them
	if r != nil && r.role == RoleMaster && r.info != nil && !r.info.Loading {
		m.loaded, m.saving, m.clean = false, saving{}, false
		c.takeLineage(m, m.lineageOf(r.info))
	}
}

func (m *master) lineageOf(info *Info) election.Lineage {
	l := election.Lineage{
		ReplID: info.ReplID, Offset: info.MasterOffset, Keys: info.Keys, Persistent: info.Persistent || m.loaded || m.saving.own, Heard: true,
		ReplID2: info.ReplID2, Second: info.SecondOffset,
	}
	if info.Role == RoleReplica {
		l.Offset = info.Offset
	}
	if old := m.lineage; old.ReplID != "" && (info.ReplID == old.ReplID || info.ReplID2 == old.ReplID) {
		l.Persistent = l.Persistent || old.Persistent // INFO tells it only after the first save
	}
	return l
}

// takeLineage replaces what is known of the data of a master.
func (c *Core) takeLineage(m *master, l election.Lineage) {
	old, had := m.lineage, m.hadKeys
	m.lineage = l
	m.histories.add(l.ReplID)
	m.histories.add(l.ReplID2)
	if l.ReplID != old.ReplID && old.ReplID != "" {
		m.left.add(old.ReplID)
		c.noteLoss(m, old, l, false)
	}
	m.hadKeys = l.Keys || had && l.ReplID == old.ReplID
	// The offset alone is not worth a write: a replica that has more than what was
	// saved is not taken for less. Nor is a queue that is empty now and then.
	if l.ReplID != old.ReplID || l.ReplID2 != old.ReplID2 || l.Second != old.Second || l.Persistent != old.Persistent || l.Heard != old.Heard || m.hadKeys != had {
		m.outdated()
		c.changed()
	} else if l.Offset != old.Offset {
		m.kept.aged = true
	}
}

// noteNewHistory takes from a replica what the master has, if that has begun another
// history since its last INFO, by a restart or after an hour without replicas: a
// replica whose link to it is up has the same. The master may be gone before it is
// asked itself, and by its old history all who follow the new one would be strangers.
// A link may look up for long after it was cut: what a replica has that has not heard
// from the master since that answered INFO may be what the master had before. When
// another replica was the first to tell of the next history, this one tells of a
// history that the master has left, to which it never returns.
func (c *Core) noteNewHistory(r *replica, info *Info) {
	m := r.master
	l := m.lineage
	switch {
	case m.foreign, l.ReplID == "" || info.ReplID == "" || info.ReplID == l.ReplID, m.left.has(info.ReplID),
		info.Role != RoleReplica || !info.MasterLinkUp || info.Syncing || info.Loading,
		!c.follows(r, m.addr), r.infoSent.Add(-info.MasterIO) < m.settledAt,
		m.info != nil && info.ReplID == m.info.ReplID2: // it has not noticed yet that the master has left it
		return
	}
	if m.settledAt == 0 || m.keeper(restartedAs(info, l.Persistent)) == nil {
		if !info.Keys { // whether the master has all that it had is not known from this
			c.tellLost(m, restartedAs(info, l.Persistent))
		}
		m.clean = false // that was said of the other history
		l.ReplID, l.Offset, l.Keys, l.ReplID2, l.Second = info.ReplID, info.Offset, info.Keys, info.ReplID2, info.SecondOffset
		c.takeLineage(m, l)
		m.outrun, m.compared = m.settled != nil, 0
	}
	c.requestInfo(c.now, &m.instance)
}

// recent are the last of some words, such as the histories that a master has left.
type recent struct {
	ids  [16]string
	next int
}

func (h *recent) add(id string) {
	if id == "" || h.has(id) {
		return
	}
	h.ids[h.next] = id
	h.next = (h.next + 1) % len(h.ids)
}

func (h *recent) has(id string) bool { return slices.Contains(h.ids[:], id) }

// noteKeys takes from the replicas that m had keys: one has some, and is further in the
// history of m than that was when it said it had none. Without this, a replica that was
// cut off before the first key would pass for one that has all.
func (c *Core) noteKeys(m *master) {
	l := m.lineage
	for _, r := range m.replicas {
		switch info := r.info; {
		case l.Keys:
			return
		case info == nil || r.infoRefresh < m.infoRefresh || info.Role != RoleReplica || info.Syncing || info.Loading:
		case info.Keys && info.ReplID == l.ReplID && info.Offset > l.Offset:
			l.Keys, l.Offset = true, info.Offset
			c.takeLineage(m, l)
		}
	}
}

// restartedAs is what a master may say from whom a replica has these data. A master
// that keeps its data on a disk has them from there.
func restartedAs(info *Info, persistent bool) *Info {
	m := &Info{Role: RoleMaster, Details: info.Details}
	m.NotLoaded = !persistent
	return m
}

// noteSync notes that a replica has been in sync with its master. What it has is
// worth something then, even if it comes back under another history: a restart from
// an AOF gives it a new one.
func (r *replica) noteSync(info *Info) {
	l := r.master.lineage
	switch {
	case info.Role == RoleReplica && info.MasterLinkUp && !info.Syncing && !info.Loading && info.ReplID == l.ReplID:
		r.inSync = true
	case !info.Keys && !info.Loading:
		r.inSync = false
	}
}

// noteLink notes under which history the link of a replica to its master was up.
func (c *Core) noteLink(r *replica, info *Info) {
	if info.Role == RoleReplica && info.MasterLinkUp && !info.Syncing && !info.Loading && c.follows(r, r.master.addr) {
		r.linkedAs = info.ReplID
	}
}

// isLatest reports whether the link of r was up with the history that it has, and m is not
// known to have left that: no other history of m that is known can be later.
func (m *master) isLatest(r *replica) bool {
	return r.info != nil && r.linkedAs != "" && r.linkedAs == r.info.ReplID && !m.left.has(r.linkedAs)
}

// data is what a server has, as far as it says so.
func (i *instance) data() election.Data {
	d := election.Data{}
	if info := i.info; info != nil {
		d = election.Data{
			ReplID: info.ReplID, ReplID2: info.ReplID2, Second: info.SecondOffset, Offset: info.MasterOffset,
			Loading: info.Loading, Syncing: info.Syncing,
		}
	}
	return d
}

// data is what a replica has, as far as it says so. Its offset as a master is wrong
// once it has lost its place in the stream.
func (r *replica) data() election.Data {
	d := r.instance.data()
	d.Loading, d.Syncing = r.loading, r.syncing
	if r.role == RoleReplica {
		d.Offset = r.offset
	}
	return d
}
