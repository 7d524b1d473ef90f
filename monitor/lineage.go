package monitor

import "github.com/gosentinel/sentinel/election"

// noteLineage notes what a master has, for the time when it is gone
// (state-machine.md §6.12, Lineage). What it says while it is loading, or as a
// replica, is not that.
func (m *master) noteLineage(info *Info) {
	if info.Role != RoleMaster || info.Loading {
		return
	}
	m.lineage = election.Lineage{
		ReplID: info.ReplID, Offset: info.MasterOffset, Keys: info.Keys, Persistent: info.Persistent, Heard: true,
	}
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
