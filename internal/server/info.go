package server

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/gossip"
	"github.com/gosentinel/sentinel/monitor"
)

// infoSections are the sections of INFO, in output order.
var infoSections = []struct {
	name  string
	title string
	write func(*infoText, *request) bool
}{
	{"server", "Server", infoServer},
	{"clients", "Clients", infoClients},
	{"stats", "Stats", infoStats},
	{"cpu", "CPU", infoCPU},
	{"sentinel", "Sentinel", infoSentinel},
}

// infoText builds the lines of INFO.
type infoText struct{ b strings.Builder }

func (t *infoText) add(key string, value any) { fmt.Fprintf(&t.b, "%s:%v\r\n", key, value) }

// zeros adds fields of a data server that are always zero here. Monitoring tools
// expect them.
func (t *infoText) zeros(keys ...string) {
	for _, k := range keys {
		t.add(k, 0)
	}
}

func cmdInfo(r *request) {
	all := len(r.args) == 1
	want := make(map[string]bool)
	for i := 1; i < len(r.args); i++ {
		switch name := strings.ToLower(r.arg(i)); name {
		case "default", "all", "everything":
			all = true
		default:
			want[name] = true
		}
	}
	var t infoText
	for _, s := range infoSections {
		if !all && !want[s.name] {
			continue
		}
		if t.b.Len() > 0 {
			t.b.WriteString("\r\n")
		}
		t.b.WriteString("# " + s.title + "\r\n")
		if !s.write(&t, r) {
			r.stopping()
			return
		}
	}
	r.bulk(t.b.String())
}

func infoServer(t *infoText, r *request) bool {
	s := r.server
	up := time.Since(s.started)
	bits := 32 << (^uint(0) >> 63)
	t.add("redis_version", RedisVersion)
	t.add("redis_git_sha1", "00000000")
	t.add("redis_git_dirty", 0)
	t.add("redis_build_id", "0")
	t.add("redis_mode", "sentinel")
	t.add("os", runtime.GOOS+" "+runtime.GOARCH)
	t.add("arch_bits", bits)
	t.add("monotonic_clock", "Go runtime")
	t.add("multiplexing_api", "Go netpoll")
	t.add("atomicvar_api", "Go sync/atomic")
	t.add("gcc_version", "0.0.0")
	t.add("process_id", os.Getpid())
	t.add("process_supervised", cmp.Or(s.cfg.Supervisor, "no"))
	t.add("run_id", s.cfg.RunID)
	t.add("tcp_port", s.cfg.Port)
	t.add("server_time_usec", time.Now().UnixMicro())
	t.add("uptime_in_seconds", int64(up.Seconds()))
	t.add("uptime_in_days", int64(up.Hours()/24))
	t.add("hz", 10)
	t.add("configured_hz", 10)
	t.add("lru_clock", time.Now().Unix()&(1<<24-1))
	t.add("executable", s.cfg.Executable)
	t.add("config_file", s.cfg.ConfigFile)
	t.add("io_threads_active", 0)
	for _, line := range s.cfg.Listeners {
		t.b.WriteString(line + "\r\n")
	}
	t.add("gosentinel_version", s.cfg.Version)
	return true
}

func infoClients(t *infoText, r *request) bool {
	s := r.server
	subscribers := 0
	for _, c := range s.snapshot() {
		if c.clientType() == "pubsub" {
			subscribers++
		}
	}
	t.add("connected_clients", s.guard.Clients())
	t.add("cluster_connections", 0)
	t.add("maxclients", s.guard.Limits().MaxClients)
	t.zeros("client_recent_max_input_buffer", "client_recent_max_output_buffer", "blocked_clients", "tracking_clients")
	t.add("pubsub_clients", subscribers)
	t.zeros("watching_clients", "clients_in_timeout_table", "total_watched_keys", "total_blocking_keys", "total_blocking_keys_on_nokey")
	return true
}

func infoStats(t *infoText, r *request) bool {
	s := r.server
	channels, patterns := s.bus.Counts()
	t.add("total_connections_received", s.connections.Load()+s.guard.Refused())
	t.add("total_commands_processed", s.processed.Load())
	t.zeros("instantaneous_ops_per_sec")
	t.add("total_net_input_bytes", s.bytesIn.Load())
	t.add("total_net_output_bytes", s.bytesOut.Load())
	t.zeros("total_net_repl_input_bytes", "total_net_repl_output_bytes")
	for _, k := range []string{"input", "output", "input_repl", "output_repl"} {
		t.add("instantaneous_"+k+"_kbps", "0.00")
	}
	t.add("rejected_connections", s.guard.Refused())
	t.zeros("sync_full", "sync_partial_ok", "sync_partial_err", "expired_keys")
	t.add("expired_stale_perc", "0.00")
	t.zeros("expired_time_cap_reached_count", "expire_cycle_cpu_milliseconds", "evicted_keys", "evicted_clients",
		"total_eviction_exceeded_time", "current_eviction_exceeded_time", "keyspace_hits", "keyspace_misses")
	t.add("pubsub_channels", channels)
	t.add("pubsub_patterns", patterns)
	t.zeros("pubsubshard_channels", "latest_fork_usec", "total_forks", "migrate_cached_sockets", "slave_expires_tracked_keys",
		"active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits", "active_defrag_key_misses",
		"total_active_defrag_time", "current_active_defrag_time", "tracking_total_keys", "tracking_total_items",
		"tracking_total_prefixes", "unexpected_error_replies")
	t.add("total_error_replies", s.errorsSent.Load())
	t.zeros("dump_payload_sanitizations", "total_reads_processed", "total_writes_processed", "io_threaded_reads_processed",
		"io_threaded_writes_processed", "reply_buffer_shrinks", "reply_buffer_expands")
	return true
}

func infoCPU(t *infoText, _ *request) bool {
	system, user := cpuTime()
	for _, f := range []struct {
		name string
		d    time.Duration
	}{
		{"used_cpu_sys", system}, {"used_cpu_user", user}, {"used_cpu_sys_children", 0}, {"used_cpu_user_children", 0},
		{"used_cpu_sys_main_thread", system}, {"used_cpu_user_main_thread", user},
	} {
		t.add(f.name, fmt.Sprintf("%.6f", f.d.Seconds()))
	}
	return true
}

func infoSentinel(t *infoText, r *request) bool {
	var masters []monitor.MasterView
	var tilt bool
	var since time.Duration
	var failures monitor.Failures
	var observes bool
	var tilts uint64
	var hurry monitor.Hurry
	var guards monitor.GuardCounts
	if !r.server.engine.View(func(c Reader, now monitor.Instant) {
		masters = c.Masters(now)
		tilt, since = c.Tilt(now)
		observes = c.Options().Observe
		failures, tilts, hurry, guards = c.Failures(), c.Tilts(), c.Hurry(now), c.GuardCounts()
	}) {
		return false
	}
	inTilt, seconds := 0, int64(-1)
	if tilt {
		inTilt, seconds = 1, int64(since.Seconds())
	}
	running, queued := r.server.cfg.Scripts.Counts()
	t.add("sentinel_masters", len(masters))
	t.add("sentinel_tilt", inTilt)
	t.add("sentinel_tilt_since_seconds", seconds)
	t.add("sentinel_total_tilt", tilts)
	t.add("sentinel_running_scripts", running)
	t.add("sentinel_scripts_queue_length", queued)
	t.add("sentinel_simulate_failure_flags", failures)
	if observes {
		t.add("sentinel_observes", 1)
	}
	for i, m := range masters {
		status := "ok"
		switch {
		case m.Flags.Has(monitor.FlagODown):
			status = "odown"
		case m.Flags.Has(monitor.FlagSDown):
			status = "sdown"
		}
		fmt.Fprintf(&t.b, "master%d:name=%s,status=%s,address=%s:%d,slaves=%d,sentinels=%d\r\n",
			i, m.Name, status, m.Addr.Host, m.Addr.Port, m.Replicas, m.OtherSentinels+1)
	}
	infoPauses(t, masters)
	infoGossip(t, r.server.cfg.Gossip.Stats())
	infoLoop(t, r.server.cfg.LoopTimes())
	infoHurry(t, hurry)
	t.add("sentinel_guards_acted", guards.Acted)
	t.add("sentinel_guards_reported", guards.Reported)
	infoFenced(t, masters)
	return true
}

// infoLoop adds for how long the loop has let wait what arrived, in microseconds.
func infoLoop(t *infoText, l LoopTimes) {
	t.add("sentinel_loop_stall_max_us", l.Stall.Microseconds())
	t.add("sentinel_loop_stall_recent_us", l.RecentStall.Microseconds())
	t.add("sentinel_loop_round_max_us", l.Round.Microseconds())
	t.add("sentinel_loop_round_recent_us", l.RecentRound.Microseconds())
}

// infoHurry adds how much was sent sooner than redis-sentinel would send it, how often that had to
// wait, and how much may be sent so now.
func infoHurry(t *infoText, h monitor.Hurry) {
	t.add("sentinel_fast_sent", h.Spent)
	t.add("sentinel_fast_delayed", h.Waited)
	t.add("sentinel_fast_budget", h.Left)
}

// infoPauses adds a line for each master whose failovers are paused. A reason, which
// comes last, may hold commas.
func infoPauses(t *infoText, masters []monitor.MasterView) {
	n := 0
	for _, m := range masters {
		if m.PauseLeft > 0 && !m.Pause.Resumed {
			fmt.Fprintf(&t.b, "paused%d:name=%s,ms=%d,by=%s,reason=%s\r\n", n, m.Name, m.PauseLeft.Milliseconds(), m.Pause.By, m.Pause.Reason)
			n++
		}
	}
	if n > 0 { // without, INFO is that of redis-sentinel
		t.add("sentinel_failovers_paused", n)
	}
}

// infoFenced adds a line for each master that this Sentinel has paused. A reason, which comes
// last, may hold commas.
func infoFenced(t *infoText, masters []monitor.MasterView) {
	n := 0
	for _, m := range masters {
		if v := m.Isolation; v.Fenced > 0 {
			fmt.Fprintf(&t.b, "fenced%d:name=%s,server=%s,ms=%d,reason=%s\r\n", n, m.Name, v.Server, v.Fenced.Milliseconds(), v.Reason)
			n++
		}
	}
	if n > 0 { // without, INFO is that of redis-sentinel
		t.add("sentinel_masters_fenced", n)
	}
}

// infoGossip adds the gossip counters. They and what follows come last, so that they
// do not disturb parsers of redis-sentinel's fields.
func infoGossip(t *infoText, s gossip.Stats) {
	for _, f := range []struct {
		name  string
		value uint64
	}{
		{"peers", uint64(s.Peers)}, {"peers_up", uint64(s.PeersUp)},
		{"packets_sent", s.PacketsSent}, {"packets_received", s.PacketsReceived},
		{"said", s.Said}, {"repeated", s.Repeated}, {"expired", s.Expired}, {"heard", s.Heard}, {"stale", s.Stale},
		{"dropped", s.Dropped}, {"unsent", s.Unsent},
		{"refused_forged", s.Forged}, {"refused_malformed", s.Malformed}, {"refused_oversized", s.Oversized},
		{"refused_version", s.WrongVersion}, {"refused_stranger", s.Strangers}, {"refused_replayed", s.Replayed},
	} {
		t.add("sentinel_gossip_"+f.name, f.value)
	}
}
