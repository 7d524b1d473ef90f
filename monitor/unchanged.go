package monitor

import "time"

// The offset of a master grows without its data: by the PINGs to its replicas, and by
// what is published, such as the hellos of Sentinels. A master that comes back from an
// RDB has not lost anything by that, although its replicas are further. Whether keys
// have changed since the file was written, its last INFO says up to there, and the
// INFO of the replicas from there on: they count changes as well
// (state-machine.md §6.12, Lineage).

// applied is what a replica had counted when it was not further than its master.
type applied struct {
	process RunID
	Disk
}

// noteApplied notes what the replicas have counted, if all that m has is on its disk.
func (m *master) noteApplied(info *Info) {
	m.clean = info.Role == RoleMaster && info.Counted && info.Changes == 0
	for _, r := range m.replicas {
		switch d := r.data(); {
		case !m.clean:
			r.applied = applied{}
		case r.info != nil && r.role == RoleReplica && d.ReplID == info.ReplID && d.Offset <= info.MasterOffset && !d.Syncing && !d.Loading:
			r.applied = applied{r.info.RunID, r.info.Disk}
		}
	}
}

// fromSaved reports whether m, by its INFO after a restart, has what it had on its disk
// when it was heard last, and that was all.
func (m *master) fromSaved(info *Info) bool {
	l := m.lineage
	if !m.clean || info.RunID == m.saving.process || info.Role != RoleMaster || !info.Keys || info.NotLoaded || info.ReplID2 == "" {
		return false
	}
	own := info.ReplID2 == l.ReplID && info.SecondOffset <= l.Offset+1
	// It had not saved since its start, and was started from the same file again.
	same := info.ReplID2 == l.ReplID2 && info.SecondOffset == l.Second
	return own || same
}

// unchanged reports whether r has applied nothing but what changes no key since m said
// that all was on its disk. fresh says whether that is known: the INFO of r must be
// newer than the restart of m.
func (m *master) unchanged(r *replica) (same, fresh bool) {
	fresh = r.infoRefresh >= m.runIDSince
	if r.info == nil || r.applied.process == "" || r.info.RunID != r.applied.process || !r.info.Counted || r.info.ReadOffset > r.info.Offset {
		return false, fresh
	}
	was, is := r.applied.Disk, r.info.Disk
	return was.Changes == is.Changes && was.Saved == is.Saved && was.Loaded == is.Loaded, fresh
}

// compareTime bounds how long the INFO of replicas is waited for before a master
// counts as one that has lost data. They drop what they have in the second after.
const compareTime = 300 * time.Millisecond
