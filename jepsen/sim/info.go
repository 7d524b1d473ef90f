package sim

import (
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// info renders the reply to INFO as far as a Sentinel reads it.
func (s *server) info() []byte {
	b := infoBuilder(make([]byte, 0, 1280))
	b.text("# Server\r\n")
	b.line("redis_version", "7.0.15")
	b.line("run_id", string(s.runID))
	b.num("tcp_port", int64(s.addr.Port))
	b.text("\r\n# Persistence\r\n")
	b.num("loading", bit(s.isLoading()))
	b.num("async_loading", 0)
	b.num("rdb_last_save_time", 1) // the start of the process at the latest
	b.num("rdb_saves", bit(s.storage.kind == snapshots))
	b.num("rdb_last_load_keys_loaded", int64(s.restored))
	b.num("aof_enabled", bit(s.storage.kind == appendOnly))
	b.text("\r\n# Replication\r\n")
	if s.role == monitor.RoleMaster {
		b.line("role", "master")
	} else {
		s.infoOfReplica(&b)
	}
	s.infoOfDownstream(&b)
	b.line("master_failover_state", "no-failover")
	b.id("master_replid", s.replID)
	b.id("master_replid2", s.oldID)
	b.num("master_repl_offset", s.offset())
	if s.oldID == 0 {
		b.num("second_repl_offset", -1)
	} else {
		b.num("second_repl_offset", int64(s.oldUntil)*entryBytes+1)
	}
	b.text("\r\n# Keyspace\r\n")
	if s.keyed { // as if each write made a key
		b.text("db0:keys=")
		b = strconv.AppendInt(b, int64(len(s.log)), 10)
		b.text(",expires=0,avg_ttl=0\r\n")
	}
	return b
}

func (s *server) infoOfReplica(b *infoBuilder) {
	b.line("role", "slave")
	b.line("master_host", s.following.Host)
	b.num("master_port", int64(s.following.Port))
	b.line("master_link_status", either(s.linkUp, "up", "down"))
	if s.linkUp {
		b.num("master_last_io_seconds_ago", int64(s.w.now.Sub(s.heard)/time.Second))
	} else {
		b.num("master_last_io_seconds_ago", -1)
	}
	b.num("master_sync_in_progress", bit(s.syncing))
	b.num("slave_read_repl_offset", s.offset()+int64(len(s.unapplied))*entryBytes)
	b.num("slave_repl_offset", s.offset())
	switch {
	case s.linkUp:
	case s.lostAt == 0:
		b.num("master_link_down_since_seconds", -1)
	default:
		b.num("master_link_down_since_seconds", int64(s.w.now.Sub(s.lostAt)/time.Second))
	}
	b.num("slave_priority", int64(s.priority))
	b.line("slave_read_only", "1")
	b.line("replica_announced", "1")
}

func (s *server) infoOfDownstream(b *infoBuilder) {
	b.num("connected_slaves", int64(len(s.downstream)))
	for k, r := range s.downstream {
		b.text("slave")
		*b = strconv.AppendInt(*b, int64(k), 10)
		b.text(":ip=")
		b.text(r.addr.Host)
		b.text(",port=")
		*b = strconv.AppendInt(*b, int64(r.addr.Port), 10)
		b.text(",state=")
		b.text(either(r.online, "online", "send_bulk"))
		b.text(",offset=")
		*b = strconv.AppendInt(*b, int64(r.offset*entryBytes), 10)
		b.text(",lag=")
		*b = strconv.AppendInt(*b, max(0, int64(s.w.now.Sub(r.acked)/time.Second)), 10)
		b.text("\r\n")
	}
}

// infoBuilder is an INFO text that grows.
type infoBuilder []byte

func (b *infoBuilder) text(s string) { *b = append(*b, s...) }

func (b *infoBuilder) line(key, value string) {
	*b = append(append(append(append(*b, key...), ':'), value...), "\r\n"...)
}

func (b *infoBuilder) num(key string, n int64) {
	*b = append(strconv.AppendInt(append(append(*b, key...), ':'), n, 10), "\r\n"...)
}

// id writes a replication id of forty digits; all are zero for none.
func (b *infoBuilder) id(key string, id uint64) {
	const digits = "0123456789abcdef"
	*b = append(append(*b, key...), ':')
	for k := range 40 {
		*b = append(*b, digits[id>>(k%16*4)&15])
	}
	b.text("\r\n")
}

func bit(on bool) int64 {
	if on {
		return 1
	}
	return 0
}

func either(first bool, one, other string) string {
	if first {
		return one
	}
	return other
}
