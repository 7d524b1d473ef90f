package monitor

// Disk is what a server says about its RDB. The zero value says nothing.
type Disk struct {
	Appends bool  // aof_enabled: it writes an append only file
	Saved   int64 // rdb_last_save_time: of the last file, for whatever it was written; 0 when absent
	Changes int64 // of keys since then, as far as Counted
	Counted bool  // rdb_changes_since_last_save was there
	Loaded  int64 // keys that the last file had which was loaded
	Syncs   int64 // sync_full: replicas that were sent all data
}

// infoCounts are the numbers in a reply to INFO that say what a server has on its disk.
type infoCounts struct {
	aofEnabled, syncFull, totalForks, rdbSaves, lastSave, changes, loaded count
	timeUsec, uptime, lastBgsave                                          count
}

// count is a number that was there, or not.
type count struct {
	n    int64
	told bool
}

// parse takes a line and reports whether it is one of these.
func (c *infoCounts) parse(key, value []byte) bool {
	var to *count
	switch string(key) {
	case "aof_enabled":
		to = &c.aofEnabled
	case "sync_full":
		to = &c.syncFull
	case "total_forks": // since 6.2
		to = &c.totalForks
	case "rdb_saves": // since 7.0
		to = &c.rdbSaves
	case "rdb_last_save_time":
		to = &c.lastSave
	case "rdb_changes_since_last_save":
		to = &c.changes
	case "rdb_last_load_keys_loaded": // since 7.0
		to = &c.loaded
	case "server_time_usec": // since 6.0
		to = &c.timeUsec
	case "uptime_in_seconds":
		to = &c.uptime
	case "rdb_last_bgsave_time_sec":
		to = &c.lastBgsave
	default:
		return false
	}
	if n, ok := parseInt(value); ok {
		to.n, to.told = n, true
	}
	return true
}

func (c *infoCounts) disk() Disk {
	return Disk{Appends: c.aofEnabled.n == 1, Saved: c.lastSave.n, Loaded: c.loaded.n, Syncs: c.syncFull.n, Changes: c.changes.n, Counted: c.changes.told}
}

// persistent reports whether a server that sent this reply to INFO has its data on
// a disk: it writes an AOF, or has saved them since it started. INFO does not show
// the save points, and says at the start that all was saved just then. A file that was
// written to be sent to a replica counts as a save too, also where none are wanted: so
// there must be more saves, or more processes that write, than replicas were filled.
func (c *infoCounts) persistent() bool {
	if c.aofEnabled.n == 1 {
		return true
	}
	syncs, forks := c.syncFull.n, c.totalForks.n
	if saves := c.rdbSaves.n; c.rdbSaves.told {
		// Where more processes have written than files, replicas are sent their data
		// without a file, and what is saved is not for them: one process may have served
		// several.
		return saves > 0 && (max(saves, forks) > syncs || forks > saves)
	}
	if syncs > 0 && forks <= syncs {
		return false
	}
	if c.lastSave.told && c.timeUsec.told && c.uptime.told {
		const rounding = 2
		return c.lastSave.n > c.timeUsec.n/1e6-c.uptime.n+rounding
	}
	took := c.lastBgsave.n
	return c.lastSave.told && c.lastBgsave.told && took >= 0 // a replica may have had it sent: a wrong yes only waits for an operator
}

// saving is what a master has said about its disk, in its last INFO.
type saving struct {
	process RunID
	Disk
	sending bool // a replica was waiting for a file
	own     bool // this process has saved for itself
}

// noteSaving notes what m says about its disk. It has saved for itself if there is a
// new file, and no replica has asked for one.
func (m *master) noteSaving(info *Info) {
	before := m.saving
	s := saving{process: info.RunID, Disk: info.Disk}
	if before.process == s.process {
		s.own = before.own || before.Saved > 0 && s.Saved > before.Saved && s.Syncs == before.Syncs && !before.sending
	}
	for _, a := range info.Attached {
		s.sending = s.sending || !a.Online
	}
	m.saving = s
}

// notLoaded reports whether no key of a server has come from its disk at its start.
// Releases before 7.0 do not tell, and what comes from an AOF is not counted.
func (c *infoCounts) notLoaded() bool {
	return c.aofEnabled.n != 1 && c.loaded.told && c.loaded.n == 0
}
