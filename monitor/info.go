package monitor

import (
	"bytes"
	"math"
	"strconv"
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
	Offset        uint64
	HasAnnounced  bool
	Announced     bool

	Text []byte // the whole reply, for SENTINEL INFO-CACHE
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
	info := &Info{Text: append([]byte{}, b...)}
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte("\n"))
		info.parseLine(bytes.TrimSuffix(line, []byte("\r")))
	}
	return info
}

func (info *Info) parseLine(line []byte) {
	key, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return
	}
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
		info.Replicas = append(info.Replicas, HostPort{Host: string(host), Port: n})
	case info.BadReplica == "":
		info.BadReplica = string(value[:min(len(value), maxBadReplica)])
	}
}

// maxBadReplica is how much of a damaged line is kept, in bytes, for the log.
const maxBadReplica = 80

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
