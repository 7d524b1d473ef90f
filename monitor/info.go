package monitor

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/internal/valid"
)

// Info is what a Sentinel takes from an INFO reply (state-machine.md §2.1,
// Parsing). An Info must not be changed once it is part of an [InfoReply].
type Info struct {
	RunID          RunID // "" when absent
	Role           Role
	Replicas       []HostPort    // from slaveN lines; only a master reports them
	BadReplica     string        // the first slaveN line whose address cannot be one
	MasterLinkDown time.Duration // negative: never synchronised; 0 when absent
	Loading        bool          // it reads its data from the disk, or those of a full resynchronisation

	Details

	// The following are read only below a role:slave line. Has* tell whether the
	// line was there: what is not reported keeps its earlier value.
	Syncing       bool // a full resynchronisation is under way
	HasMasterHost bool
	MasterHost    string
	HasMasterPort bool
	MasterPort    int
	HasMasterLink bool
	MasterLinkUp  bool
	HasPriority   bool
	Priority      int
	HasOffset     bool
	Offset        uint64 // up to which the stream of the master is applied
	HasAnnounced  bool
	Announced     bool

	Text InfoText // the whole reply, for SENTINEL INFO-CACHE
}

// Details are what is not needed to watch a server, and decides which one may be
// promoted and how. The zero value says nothing.
type Details struct {
	Version string // of the server; "" when absent
	TCPPort int    // the port at which the process listens itself; 0 when absent
	Modules bool   // a module is loaded
	Keys    bool   // some database has a key
	Zone    string // availability_zone, which Valkey tells; "" when absent
	Handing bool   // a failover by the command FAILOVER is under way
	// Persistent says that it has its data on a disk too.
	Persistent bool
	Disk
	// NotLoaded says that none of its keys has come from its disk, as far as it tells.
	NotLoaded bool

	// What the data descend from (state-machine.md §6.12, Lineage). The second id is
	// that of the history before the last promotion, which is the same below
	// SecondOffset.
	ReplID       string        // "" when absent
	ReplID2      string        // "" when there is none
	SecondOffset uint64        // 0 when there is none, or absent
	MasterOffset uint64        // master_repl_offset: the end of the stream that it writes
	ReadOffset   uint64        // of a replica, up to which the stream has arrived; at least Offset
	Writable     bool          // clients can write to this replica
	MasterIO     time.Duration // of a replica, since anything has come over its link, in whole seconds; 0 when absent
	Attached     []Attached
}

// Attached is a replica as its master sees it.
type Attached struct {
	At     HostPort
	Online bool
	Offset uint64        // that it has acknowledged
	Lag    time.Duration // since it has acknowledged anything, in whole seconds; 0 when absent
}

// maxInfoReplicas bounds what is taken from one INFO reply. A server that reports
// more is broken or hostile: without a bound one reply could make a Sentinel
// connect to, and save, thousands of invented replicas.
const maxInfoReplicas = 4096

// ParseInfo reads the reply to an INFO command (state-machine.md §2.1,
// Parsing).
//
// It never fails. A line that it does not know, or whose value is malformed,
// counts as not reported, so a field keeps the value that it had before: a
// damaged reply must not look like a change. The result shares no memory with
// b.
func ParseInfo(b []byte) *Info {
	info := &Info{Text: PackInfo(b)}
	var counts infoCounts
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte("\n"))
		key, value, ok := bytes.Cut(bytes.TrimSuffix(line, []byte("\r")), []byte(":"))
		if ok && !counts.parse(key, value) {
			info.parseLine(key, value)
		}
	}
	info.ReadOffset = max(info.ReadOffset, info.Offset)
	info.Persistent, info.NotLoaded, info.Disk = counts.persistent(), counts.notLoaded(), counts.disk()
	return info
}

func (info *Info) parseLine(key, value []byte) {
	switch string(key) {
	case "run_id":
		if id := RunID(value[:min(len(value), valid.IDLen)]); id.Valid() {
			info.RunID = id
		}
	case "loading", "async_loading":
		info.Loading = info.Loading || string(value) == "1"
	case "role":
		info.parseRole(value)
	case "master_link_down_since_seconds":
		if n, ok := parseInt(value); ok {
			info.MasterLinkDown = seconds(n)
		}
	default:
		if isReplicaKey(key) {
			info.parseReplica(value)
			return
		}
		if info.parseProcess(string(key), value) || info.parseHistory(string(key), value) {
			return
		}
		// Only below a role:slave line do these belong to a replica. Otherwise
		// the reply of a master that is being demoted could be read half as one
		// role and half as the other.
		if info.Role == RoleReplica {
			info.parseReplicaLine(string(key), value)
		}
	}
}

func (info *Info) parseRole(value []byte) {
	switch {
	case bytes.HasPrefix(value, []byte("master")):
		info.Role = RoleMaster
	case bytes.HasPrefix(value, []byte("slave")):
		info.Role = RoleReplica
	}
}

// parseProcess handles lines about the process as a whole.
func (info *Info) parseProcess(key string, value []byte) bool {
	switch key {
	case "redis_version":
		info.Version = string(value[:min(len(value), maxVersion)])
	case "availability_zone":
		if zone := string(value[:min(len(value), maxVersion)]); plainText(zone) {
			info.Zone = zone
		}
	case "tcp_port":
		if port, ok := parsePort(value); ok {
			info.TCPPort = port
		}
	case "module":
		info.Modules = true
	default:
		if number, ok := strings.CutPrefix(key, "db"); !ok || number == "" || !isDigit(number[0]) {
			return false
		}
		info.Keys = info.Keys || bytes.HasPrefix(value, []byte("keys=")) && !bytes.HasPrefix(value, []byte("keys=0,"))
	}
	return true
}

// maxVersion is how much of a version is kept, in bytes.
const maxVersion = 32

// parseHistory handles the lines from which it can be told whether one server has
// the data of another.
func (info *Info) parseHistory(key string, value []byte) bool {
	switch key {
	case "master_replid":
		info.ReplID = parseReplID(value)
	case "master_replid2":
		info.ReplID2 = parseReplID(value)
	case "second_repl_offset":
		info.SecondOffset, _ = parseUint(value, 64) // -1 stands for none
	case "master_repl_offset":
		if n, ok := parseUint(value, 64); ok {
			info.MasterOffset = n
		}
	case "master_failover_state":
		info.Handing = string(value) != "no-failover"
	default:
		return false
	}
	return true
}

// parseReplID reads a replication id; forty zeros stand for none.
func parseReplID(value []byte) string {
	id := string(value[:min(len(value), valid.IDLen)])
	if valid.ID(id) != nil || strings.Trim(id, "0") == "" {
		return ""
	}
	return id
}

// parseReplicaLine handles the lines that only a replica reports.
func (info *Info) parseReplicaLine(key string, value []byte) {
	switch key {
	case "master_host":
		if host := string(value); valid.Host(host) == nil {
			info.MasterHost, info.HasMasterHost = host, true
		}
	case "master_port":
		if port, ok := parsePort(value); ok {
			info.MasterPort, info.HasMasterPort = port, true
		}
	case "master_link_status":
		info.MasterLinkUp, info.HasMasterLink = bytes.EqualFold(value, []byte("up")), true
	case "master_last_io_seconds_ago":
		if n, ok := parseInt(value); ok {
			info.MasterIO = max(seconds(n), 0) // -1 stands for no link
		}
	case "master_sync_in_progress":
		info.Syncing = string(value) == "1"
	case "slave_priority":
		// No server has a negative priority, and an invented one would win every
		// replica selection.
		if n, ok := parseUint(value, 31); ok {
			info.Priority, info.HasPriority = int(n), true
		}
	case "slave_repl_offset":
		if n, ok := parseUint(value, 64); ok {
			info.Offset, info.HasOffset = n, true
		}
	case "slave_read_repl_offset":
		if n, ok := parseUint(value, 64); ok {
			info.ReadOffset = n
		}
	case "slave_read_only":
		info.Writable = string(value) == "0"
	case "replica_announced":
		if n, ok := parseInt(value); ok {
			info.Announced, info.HasAnnounced = n != 0, true
		}
	}
}

// isReplicaKey recognises slave0, slave1, ... and not slave_priority.
func isReplicaKey(key []byte) bool {
	return len(key) > 5 && string(key[:5]) == "slave" && isDigit(key[5])
}

// parseReplica reads the value of a slaveN line: "ip=A,port=P,..." with its
// fields in any order, or "A,P,state" as servers before 2.8 write it.
func (info *Info) parseReplica(value []byte) {
	if len(info.Replicas) == maxInfoReplicas {
		return
	}
	host, port, ok := replicaFields(value)
	n, number := parsePort(port)
	switch {
	case ok && number && valid.Host(string(host)) == nil:
		at := HostPort{Host: string(host), Port: n}
		info.Replicas = append(info.Replicas, at)
		info.Attached = append(info.Attached, parseAttached(at, value))
	case info.BadReplica == "":
		info.BadReplica = string(value[:min(len(value), maxBadReplica)])
	}
}

// maxBadReplica is how much of a damaged line is kept, in bytes, for the log.
const maxBadReplica = 80

func parseAttached(at HostPort, value []byte) Attached {
	a := Attached{At: at}
	state, _ := field(value, "state=")
	a.Online = string(state) == "online"
	if text, ok := field(value, "offset="); ok {
		a.Offset, _ = parseUint(text, 64)
	}
	if text, ok := field(value, "lag="); ok {
		if n, ok := parseInt(text); ok {
			a.Lag = max(seconds(n), 0)
		}
	}
	return a
}

func replicaFields(value []byte) (host, port []byte, ok bool) {
	if bytes.Contains(value, []byte("ip=")) {
		host, ok = field(value, "ip=")
		if !ok {
			return nil, nil, false
		}
		port, ok = field(value, "port=")
		return host, port, ok
	}
	host, rest, _ := bytes.Cut(value, []byte(","))
	port, _, ok = bytes.Cut(rest, []byte(","))
	return host, port, ok
}

// field returns the text between the first occurrence of name and the next comma.
func field(value []byte, name string) ([]byte, bool) {
	_, after, ok := bytes.Cut(value, []byte(name))
	text, _, _ := bytes.Cut(after, []byte(","))
	return text, ok
}

// seconds converts without overflow, so that a link that is reported down for
// very long is never taken for a healthy one.
func seconds(n int64) time.Duration {
	const limit = math.MaxInt64 / int64(time.Second)
	return time.Duration(max(-limit, min(n, limit))) * time.Second
}

func parsePort(b []byte) (int, bool) {
	n, ok := parseUint(b, 16)
	return int(n), ok
}

// parseUint reads decimal digits and nothing else.
func parseUint(b []byte, bits int) (uint64, bool) {
	n, err := strconv.ParseUint(string(b), 10, bits)
	return n, err == nil
}

// parseInt reads decimal digits with an optional minus sign.
func parseInt(b []byte) (int64, bool) {
	if len(b) > 0 && b[0] == '+' {
		return 0, false
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	return n, err == nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
