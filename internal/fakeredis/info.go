package fakeredis

import (
	"fmt"
	"runtime"
	"strings"
	"time"
)

// infoSections are the sections of INFO, in output order.
var infoSections = []struct {
	name  string
	write func(s *Server, b *strings.Builder, now time.Time)
}{
	{"server", (*Server).infoServer},
	{"clients", (*Server).infoClients},
	{"memory", (*Server).infoMemory},
	{"persistence", (*Server).infoPersistence},
	{"stats", (*Server).infoStats},
	{"replication", (*Server).infoReplication},
	{"keyspace", (*Server).infoKeyspace},
}

// cmdInfo is INFO [section ...]. Unknown sections are empty, as in Redis.
func (s *Server) cmdInfo(c *client, args [][]byte) {
	all := len(args) == 1
	want := make(map[string]bool)
	for _, a := range args[1:] {
		switch name := strings.ToLower(string(a)); name {
		case "all", "default", "everything":
			all = true
		default:
			want[name] = true
		}
	}
	var b strings.Builder
	now := time.Now()
	for _, section := range infoSections {
		if !all && !want[section.name] {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\r\n")
		}
		fmt.Fprintf(&b, "# %s%s\r\n", strings.ToUpper(section.name[:1]), section.name[1:])
		section.write(s, &b, now)
	}
	c.text(b.String())
}

func line(b *strings.Builder, name string, value any) { fmt.Fprintf(b, "%s:%v\r\n", name, value) }

func (s *Server) infoServer(b *strings.Builder, now time.Time) {
	line(b, "redis_version", s.settings.versionText)
	line(b, "redis_mode", "standalone")
	line(b, "server_name", "gosentinel-mini-redis") // so that it is not mistaken for a Redis server
	line(b, "os", runtime.GOOS+" "+runtime.GOARCH)
	line(b, "process_id", processID)
	line(b, "run_id", s.runID)
	line(b, "tcp_port", s.port)
	line(b, "server_time_usec", now.UnixMicro())
	line(b, "uptime_in_seconds", int(now.Sub(s.started).Seconds()))
	line(b, "config_file", s.file)
}

func (s *Server) infoClients(b *strings.Builder, now time.Time) {
	connected, blocked := 0, 0
	for _, c := range s.clients {
		if !c.replica.attached {
			connected++
		}
		if c.blocked != nil && !c.blocked.paused {
			blocked++
		}
	}
	line(b, "connected_clients", connected)
	line(b, "maxclients", s.settings.maxClients)
	line(b, "blocked_clients", blocked)
}

func (s *Server) infoMemory(b *strings.Builder, _ time.Time) {
	line(b, "used_memory", s.db.used)
	line(b, "maxmemory", s.settings.maxMemory)
	line(b, "maxmemory_policy", "noeviction")
}

// infoPersistence exists for clients that wait for the end of loading before they
// use a connection.
func (s *Server) infoPersistence(b *strings.Builder, _ time.Time) {
	line(b, "loading", 0)
	if s.settings.version >= version70 {
		line(b, "async_loading", 0)
	}
	line(b, "rdb_bgsave_in_progress", 0)
	line(b, "rdb_last_save_time", s.started.Unix())
	if s.settings.version >= version70 {
		line(b, "rdb_saves", 0)
	}
	line(b, "aof_enabled", 0)
}

func (s *Server) infoStats(b *strings.Builder, _ time.Time) {
	line(b, "total_connections_received", s.stats.connections)
	line(b, "total_commands_processed", s.stats.commands)
	line(b, "rejected_connections", s.stats.rejected)
	line(b, "client_output_buffer_limit_disconnections", s.stats.cut)
	line(b, "sync_full", s.stats.syncFull)
	line(b, "sync_partial_ok", s.stats.syncPartial)
	line(b, "sync_partial_err", s.stats.syncPartialErr)
	line(b, "pubsub_channels", len(s.subs.channels))
	line(b, "pubsub_patterns", len(s.subs.patterns))
}

func (s *Server) infoReplication(b *strings.Builder, now time.Time) {
	if s.link == nil {
		line(b, "role", "master")
	} else {
		line(b, "role", "slave")
		s.infoLink(b, now)
	}
	line(b, "connected_slaves", len(s.replicas))
	if s.settings.minReplicas > 0 && s.settings.minReplicasMaxLag > 0 {
		line(b, "min_slaves_good_slaves", s.goodReplicas(now))
	}
	for i, c := range s.replicas {
		p := &c.replica
		state := "send_bulk"
		switch {
		case p.online:
			state = "online"
		case !p.copyAt.IsZero():
			state = "wait_bgsave"
		}
		fmt.Fprintf(b, "slave%d:ip=%s,port=%d,state=%s,offset=%d,lag=%d\r\n", i, p.host(c), p.port, state, p.ack, int(now.Sub(p.ackTime).Seconds()))
	}
	if s.settings.version >= version62 {
		line(b, "master_failover_state", "no-failover")
	}
	line(b, "master_replid", s.repl.id)
	line(b, "master_replid2", s.repl.id2)
	line(b, "master_repl_offset", s.repl.offset)
	line(b, "second_repl_offset", s.repl.second)
	line(b, "repl_backlog_active", 1)
	line(b, "repl_backlog_size", backlogSize)
	line(b, "repl_backlog_first_byte_offset", s.repl.log.first())
	line(b, "repl_backlog_histlen", s.repl.log.held)
}

// infoLink writes the fields that only a replica has.
func (s *Server) infoLink(b *strings.Builder, now time.Time) {
	l := s.link
	status, lastIO, syncing := "down", -1, 0
	if l.state == linkConnected {
		status, lastIO = "up", int(now.Sub(l.lastIO).Seconds())
	}
	if l.state == linkSync {
		syncing = 1
	}
	line(b, "master_host", l.host)
	line(b, "master_port", l.port)
	line(b, "master_link_status", status)
	line(b, "master_last_io_seconds_ago", lastIO)
	line(b, "master_sync_in_progress", syncing)
	if s.settings.version >= version70 {
		line(b, "slave_read_repl_offset", l.read())
	}
	line(b, "slave_repl_offset", s.repl.offset)
	if l.state != linkConnected {
		down := -1 // not connected yet since it began to follow this master
		if !l.downSince.IsZero() {
			down = int(now.Sub(l.downSince).Seconds())
		}
		line(b, "master_link_down_since_seconds", down)
	}
	line(b, "slave_priority", s.settings.priority)
	line(b, "slave_read_only", digit(s.settings.readOnly))
	if s.settings.version >= version62 {
		line(b, "replica_announced", digit(s.settings.announced))
	}
}

func digit(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func (s *Server) infoKeyspace(b *strings.Builder, _ time.Time) {
	if n := len(s.db.keys); n > 0 {
		fmt.Fprintf(b, "db0:keys=%d,expires=0,avg_ttl=0\r\n", n)
	}
}
