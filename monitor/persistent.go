package monitor

import "bytes"

// Disk is what a server says about its RDB. The zero value says nothing.
type Disk struct {
	Saved   int64 // rdb_last_save_time: of the last file, for whatever it was written; 0 when absent
	Changes int64 // of keys since then, as far as Counted
	Counted bool  // rdb_changes_since_last_save was there
	Loaded  int64 // keys that the last file had which was loaded
	Syncs   int64 // sync_full: replicas that were sent all data
}

func parseDisk(text []byte) Disk {
	d := Disk{}
	d.Saved, _ = infoLine(text, "rdb_last_save_time")
	d.Loaded, _ = infoLine(text, "rdb_last_load_keys_loaded")
	d.Syncs, _ = infoLine(text, "sync_full")
	d.Changes, d.Counted = infoLine(text, "rdb_changes_since_last_save")
	return d
}

// persistent reports whether a server that sent this reply to INFO has its data on
// a disk: it writes an AOF, or has saved them since it started. INFO does not show
// the save points, and says at the start that all was saved just then. A file that was
// written to be sent to a replica counts as a save too, also where none are wanted: so
// there must be more saves, or more processes that write, than replicas were filled.
func persistent(text []byte) bool {
	if n, _ := infoLine(text, "aof_enabled"); n == 1 {
		return true
	}
	syncs, _ := infoLine(text, "sync_full")
	forks, _ := infoLine(text, "total_forks")         // since 6.2
	if saves, ok := infoLine(text, "rdb_saves"); ok { // since 7.0
		// Where more processes have written than files, replicas are sent their data
		// without a file, and what is saved is not for them: one process may have served
		// several.
		return saves > 0 && (max(saves, forks) > syncs || forks > saves)
	}
	if syncs > 0 && forks <= syncs {
		return false
	}
	last, saved := infoLine(text, "rdb_last_save_time")
	usec, timed := infoLine(text, "server_time_usec")
	uptime, up := infoLine(text, "uptime_in_seconds")
	if saved && timed && up { // since 6.0
		const rounding = 2
		return last > usec/1e6-uptime+rounding
	}
	took, told := infoLine(text, "rdb_last_bgsave_time_sec")
	return saved && told && took >= 0 // a replica may have had it sent: a wrong yes only waits for an operator
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
func notLoaded(text []byte) bool {
	aof, _ := infoLine(text, "aof_enabled")
	loaded, told := infoLine(text, "rdb_last_load_keys_loaded")
	return aof != 1 && told && loaded == 0
}

// infoLine reads the number in one line of a reply to INFO.
func infoLine(text []byte, key string) (int64, bool) {
	_, after, ok := bytes.Cut(text, []byte("\n"+key+":"))
	line, _, _ := bytes.Cut(after, []byte("\n"))
	if !ok {
		return 0, false
	}
	return parseInt(bytes.TrimSuffix(line, []byte("\r")))
}
