package monitor

import "bytes"

// persistent reports whether a server that sent this reply to INFO has its data on
// a disk: it writes an AOF, or has saved them since it started. INFO does not show
// the save points, and says at the start that all was saved just then.
func persistent(text []byte) bool {
	if n, _ := infoLine(text, "aof_enabled"); n == 1 {
		return true
	}
	if saves, ok := infoLine(text, "rdb_saves"); ok { // since 7.0
		return saves > 0
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
