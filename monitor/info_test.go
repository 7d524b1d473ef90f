package monitor

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// infoFile returns a reply of redis-server 7.0.15 from testdata/info.
func infoFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "info", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// firstSubmatch returns what re captures in b, which must match.
func firstSubmatch(t *testing.T, b []byte, re string) string {
	t.Helper()
	m := regexp.MustCompile(re).FindSubmatch(b)
	if m == nil {
		t.Fatalf("no %s in the reply", re)
	}
	return string(m[1])
}

// checkInfo compares all but the details.
func checkInfo(t *testing.T, text []byte, want Info) {
	t.Helper()
	got := ParseInfo(text)
	if !bytes.Equal(got.Text.Bytes(), text) || got.Text == "" {
		t.Errorf("Text is not the reply: %.60q", got.Text)
	}
	got.Text, got.BadReplica, got.Details = "", "", Details{} // see TestBadReplica, TestParseInfoDetails
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("ParseInfo(%.200q)\n got %+v\nwant %+v", text, *got, want)
	}
}

func TestParseInfoOfRealServers(t *testing.T) {
	const runID = `run_id:([0-9a-f]{40})\r\n`
	for _, name := range []string{"master.txt", "replica.txt", "promoted.txt"} {
		t.Run(name, func(t *testing.T) {
			text := infoFile(t, name)
			want := Info{RunID: RunID(firstSubmatch(t, text, runID)), Role: RoleMaster}
			switch name {
			case "master.txt":
				want.Replicas = []HostPort{{Host: "127.0.0.1", Port: 23001}}
			case "replica.txt":
				want.Role = RoleReplica
				want.HasMasterHost, want.MasterHost = true, "127.0.0.1"
				want.HasMasterPort, want.MasterPort = true, 23000
				want.HasMasterLink, want.MasterLinkUp = true, true
				want.HasPriority, want.Priority = true, 50
				want.HasOffset = true
				if _, err := fmt.Sscan(firstSubmatch(t, text, `slave_repl_offset:(\d+)`), &want.Offset); err != nil {
					t.Fatal(err)
				}
				want.HasAnnounced, want.Announced = true, true
			}
			checkInfo(t, text, want)
		})
	}
}

func TestParseInfoLines(t *testing.T) {
	const id = "7a42bc95b2f58db30a895bfb54854333de3c5cc3"
	replica := func(i Info) Info { i.Role = RoleReplica; return i }
	for name, c := range map[string]struct {
		text string
		want Info
	}{
		"nothing":                 {"", Info{}},
		"no colon":                {"role\r\nmaster\r\n", Info{}},
		"no final newline":        {"role:master", Info{Role: RoleMaster}},
		"lines without CR":        {"run_id:" + id + "\nrole:master\n", Info{RunID: id, Role: RoleMaster}},
		"short run id":            {"run_id:" + id[1:] + "\r\n", Info{}},
		"run id with space":       {"run_id: " + id[1:] + "\r\n", Info{}},
		"unknown role":            {"role:sentinel\r\n", Info{}},
		"last role counts":        {"role:master\r\nrole:slave\r\nmaster_port:1\r\n", replica(Info{HasMasterPort: true, MasterPort: 1})},
		"replica lines too soon":  {"master_port:1\r\nslave_priority:2\r\nrole:slave\r\n", replica(Info{})},
		"master's replica lines":  {"role:master\r\nmaster_port:1\r\nslave_repl_offset:2\r\n", Info{Role: RoleMaster}},
		"never synchronised":      {"master_link_down_since_seconds:-1\r\n", Info{MasterLinkDown: -time.Second}},
		"down for ages":           {"master_link_down_since_seconds:9223372036854775807\r\n", Info{MasterLinkDown: math.MaxInt64 / time.Second * time.Second}},
		"down for no number":      {"master_link_down_since_seconds:\r\nmaster_link_down_since_seconds:+1\r\n", Info{}},
		"link down":               {"role:slave\nmaster_link_status:down\n", replica(Info{HasMasterLink: true})},
		"link UP":                 {"role:slave\nmaster_link_status:UP\n", replica(Info{HasMasterLink: true, MasterLinkUp: true})},
		"largest offset":          {"role:slave\nslave_repl_offset:18446744073709551615\n", replica(Info{HasOffset: true, Offset: math.MaxUint64})},
		"offset overflow":         {"role:slave\nslave_repl_offset:18446744073709551616\n", replica(Info{})},
		"negative offset":         {"role:slave\nslave_repl_offset:-1\n", replica(Info{})},
		"junk offset":             {"role:slave\nslave_repl_offset:1 \n", replica(Info{})},
		"priority zero":           {"role:slave\nslave_priority:0\n", replica(Info{HasPriority: true})},
		"priority negative":       {"role:slave\nslave_priority:-1\n", replica(Info{})},
		"priority overflow":       {"role:slave\nslave_priority:2147483648\n", replica(Info{})},
		"not announced":           {"role:slave\nreplica_announced:0\n", replica(Info{HasAnnounced: true})},
		"loading":                 {"loading:1\r\nrole:slave\r\n", replica(Info{Loading: true})},
		"loading in background":   {"async_loading:1\r\nrole:slave\r\n", replica(Info{Loading: true})},
		"not loading":             {"loading:0\r\nasync_loading:0\r\nrole:slave\r\n", replica(Info{})},
		"loading nonsense":        {"loading:yes\r\nloading_start_time:1\r\nrole:slave\r\n", replica(Info{})},
		"full resync":             {"role:slave\nmaster_sync_in_progress:1\n", replica(Info{Syncing: true})},
		"no full resync":          {"role:slave\nmaster_sync_in_progress:0\n", replica(Info{})},
		"full resync of a master": {"role:master\nmaster_sync_in_progress:1\n", Info{Role: RoleMaster}},
		"announced":               {"role:slave\nreplica_announced:1\n", replica(Info{HasAnnounced: true, Announced: true})},
		"port too large":          {"role:slave\nmaster_port:65536\n", replica(Info{})},
		"empty master host":       {"role:slave\nmaster_host:\n", replica(Info{})},
		"forged master host":      {"role:slave\nmaster_host:1.2.3.4 6379\n", replica(Info{})},
		"IPv6 master host":        {"role:slave\nmaster_host:fe80::1\n", replica(Info{HasMasterHost: true, MasterHost: "fe80::1"})},
		"endless host":            {"role:slave\nmaster_host:" + strings.Repeat("a", 256) + "\n", replica(Info{})},

		"replica":                   {"slave0:ip=10.0.0.1,port=6380,state=online,offset=1,lag=0\r\n", Info{Replicas: []HostPort{{Host: "10.0.0.1", Port: 6380}}}},
		"replica, fields swapped":   {"slave7:port=6380,ip=10.0.0.1\n", Info{Replicas: []HostPort{{Host: "10.0.0.1", Port: 6380}}}},
		"replica, IPv6":             {"slave0:ip=fe80::1,port=6380\n", Info{Replicas: []HostPort{{Host: "fe80::1", Port: 6380}}}},
		"replica, port 0":           {"slave0:ip=h,port=0\n", Info{Replicas: []HostPort{{Host: "h", Port: 0}}}},
		"replica, no port":          {"slave0:ip=10.0.0.1,state=online\n", Info{}},
		"replica, bad port":         {"slave0:ip=10.0.0.1,port=65536\n", Info{}},
		"replica, signed port":      {"slave0:ip=10.0.0.1,port=+1\n", Info{}},
		"replica, no address":       {"slave0:ip=,port=1\n", Info{}},
		"replica, forged address":   {"slave0:ip=10.0.0.1 6379\",port=1\n", Info{}},
		"replica, old format":       {"slave0:10.0.0.1,6380,online\n", Info{Replicas: []HostPort{{Host: "10.0.0.1", Port: 6380}}}},
		"replica, old format, IPv6": {"slave0:::1,6380,online\n", Info{Replicas: []HostPort{{Host: "::1", Port: 6380}}}},
		"replica, one comma":        {"slave0:10.0.0.1,6380\n", Info{}},
		"replica, no comma":         {"slave0:10.0.0.1\n", Info{}},
		"replica, two":              {"slave0:ip=a,port=1\nslave1:ip=b,port=2\n", Info{Replicas: []HostPort{{Host: "a", Port: 1}, {Host: "b", Port: 2}}}},
		"no replica":                {"slave_read_only:1\nslaves:ip=a,port=1\nslave:ip=a,port=1\n", Info{}},
	} {
		t.Run(name, func(t *testing.T) { checkInfo(t, []byte(c.text), c.want) })
	}
}

// TestBadReplica: a replica that is ignored because of its address is not passed over
// in silence.
func TestBadReplica(t *testing.T) {
	for text, want := range map[string]string{
		"slave0:ip=10.0.0.1,port=1,state=online\r\n":                          "",
		"slave0:ip= 10.0.0.1,port=1,state=online\r\n":                         "ip= 10.0.0.1,port=1,state=online",
		"slave0:ip=,port=1\nslave1:ip=a,port=70000\n":                         "ip=,port=1",
		"slave0:ip=" + strings.Repeat("a", 300) + ",port=1\n":                 "ip=" + strings.Repeat("a", 77),
		"slave0:ip=0.0.0.0,port=1\n":                                          "", // is one, and of no use: the core says so
		"slave_priority:x\nslave0:ip=10.0.0.1,port=1\nslave1:10.0.0.1,6380\n": "10.0.0.1,6380",
	} {
		if got := ParseInfo([]byte(text)).BadReplica; got != want {
			t.Errorf("%q: bad replica %q, want %q", text, got, want)
		}
	}
}

// TestParseInfoDetails reads what decides which server may be promoted.
func TestParseInfoDetails(t *testing.T) {
	const a, b = "7a42bc95b2f58db30a895bfb54854333de3c5cc3", "8a42bc95b2f58db30a895bfb54854333de3c5cc3"
	for text, want := range map[string]Details{
		"role:master\n": {},
		"redis_version:7.0.15\nredis_mode:standalone\ntcp_port:6379\n":                                          {Version: "7.0.15", TCPPort: 6379},
		"tcp_port:65536\nsecond_repl_offset:-1\nmaster_repl_offset:-1\nmaster_replid:short\n":                   {},
		"master_replid:" + a + "\nmaster_replid2:" + strings.Repeat("0", 40) + "\nmaster_repl_offset:7\n":       {ReplID: a, MasterOffset: 7},
		"master_replid:" + a + "\nmaster_replid2:" + b + "\nsecond_repl_offset:8\n":                             {ReplID: a, ReplID2: b, SecondOffset: 8},
		"role:slave\nslave_repl_offset:5\nslave_read_repl_offset:9\nslave_read_only:0\n":                        {ReadOffset: 9, Writable: true},
		"role:slave\nmaster_last_io_seconds_ago:13\n":                                                           {MasterIO: 13 * time.Second},
		"role:slave\nmaster_last_io_seconds_ago:-1\n":                                                           {},
		"role:slave\nslave_read_repl_offset:4\nslave_repl_offset:5\nslave_read_only:1\n":                        {ReadOffset: 5},
		"role:master\nslave_read_repl_offset:4\nslave_read_only:0\n":                                            {},
		"# Persistence\naof_enabled:0\nrdb_last_load_keys_loaded:0\n":                                           {NotLoaded: true},
		"# Persistence\nrdb_saves:1\naof_enabled:0\n# Stats\nsync_full:1\ntotal_forks:1\n":                      {Disk: Disk{Syncs: 1}}, // written for a replica
		"# Persistence\nrdb_saves:2\naof_enabled:0\n# Stats\nsync_full:1\ntotal_forks:2\n":                      {Persistent: true, Disk: Disk{Syncs: 1}},
		"# Persistence\nrdb_saves:1\naof_enabled:0\n# Stats\nsync_full:2\ntotal_forks:2\n":                      {Persistent: true, Disk: Disk{Syncs: 2}}, // two were sent one without a file
		"# Persistence\nrdb_saves:0\naof_enabled:0\n# Stats\nsync_full:1\ntotal_forks:2\n":                      {Disk: Disk{Syncs: 1}},                   // sent without a file, twice
		"# Persistence\nrdb_saves:1\naof_enabled:0\n# Stats\nsync_full:3\ntotal_forks:4\n":                      {Persistent: true, Disk: Disk{Syncs: 3}}, // three were
		"\nserver_time_usec:90000000\nuptime_in_seconds:9\nrdb_last_save_time:84\nsync_full:1\n":                {Disk: Disk{Saved: 84, Syncs: 1}},
		"\nserver_time_usec:90000000\nuptime_in_seconds:9\nrdb_last_save_time:84\nsync_full:1\ntotal_forks:2\n": {Persistent: true, Disk: Disk{Saved: 84, Syncs: 1}},
		"\nrdb_changes_since_last_save:7\n":                                                                     {Disk: Disk{Changes: 7, Counted: true}},
		"# Persistence\naof_enabled:1\nrdb_last_load_keys_loaded:0\n":                                           {Persistent: true, Disk: Disk{Appends: true}},
		"# Persistence\naof_enabled:0\nrdb_last_load_keys_loaded:7\n":                                           {Disk: Disk{Loaded: 7}},
		"master_failover_state:no-failover\n":                                                                   {},
		"master_failover_state:waiting-for-sync\n":                                                              {Handing: true},
		"# Persistence\naof_enabled:1\n":                                                                        {Persistent: true, Disk: Disk{Appends: true}},
		"# Persistence\nrdb_last_save_time:90\nrdb_saves:1\naof_enabled:0\n":                                    {Persistent: true, Disk: Disk{Saved: 90}},
		"# Persistence\nrdb_last_save_time:90\nrdb_last_bgsave_time_sec:0\nrdb_saves:0\naof_enabled:0\n":        {Disk: Disk{Saved: 90}},
		"\nserver_time_usec:90000000\nuptime_in_seconds:9\nrdb_last_save_time:81\naof_enabled:0\n":              {Disk: Disk{Saved: 81}},
		"\nserver_time_usec:90000000\nuptime_in_seconds:9\nrdb_last_save_time:84\naof_enabled:0\n":              {Persistent: true, Disk: Disk{Saved: 84}},
		"\nrdb_last_save_time:84\nrdb_last_bgsave_time_sec:-1\naof_enabled:0\n":                                 {Disk: Disk{Saved: 84}},
		"\nrdb_last_save_time:84\nrdb_last_bgsave_time_sec:0\naof_enabled:0\n":                                  {Persistent: true, Disk: Disk{Saved: 84}},
		"# Modules\nmodule:name=bf,ver=20612\n":                                                                 {Modules: true},
		"db0:keys=1,expires=0\n":                                                                                {Keys: true},
		"db11:keys=0,expires=0\ndb:keys=1\ndbsize:keys=1\n":                                                     {},
		"role:master\nslave0:ip=h,port=1,state=online,offset=12,lag=1\nslave1:ip=h,port=2,state=wait_bgsave,offset=0,lag=-3\nslave2:h,3,online\n": {
			Attached: []Attached{{At: HostPort{Host: "h", Port: 1}, Online: true, Offset: 12, Lag: time.Second}, {At: HostPort{Host: "h", Port: 2}}, {At: HostPort{Host: "h", Port: 3}}}},
	} {
		if got := ParseInfo([]byte(text)).Details; !reflect.DeepEqual(got, want) {
			t.Errorf("%q\n got %+v\nwant %+v", text, got, want)
		}
	}
}

func TestParseInfoBoundsReplicas(t *testing.T) {
	var text []byte
	for i := range 2 * maxInfoReplicas {
		text = fmt.Appendf(text, "slave%d:ip=10.0.0.1,port=%d\r\n", i, i)
	}
	if n := len(ParseInfo(text).Replicas); n != maxInfoReplicas {
		t.Errorf("%d replicas were taken, want %d", n, maxInfoReplicas)
	}
}

func TestParseInfoSharesNoMemory(t *testing.T) {
	text := infoFile(t, "replica.txt")
	info := ParseInfo(text)
	want := *info
	want.Text = PackInfo(text)
	clear(text)
	if !reflect.DeepEqual(*info, want) {
		t.Error("the result changed when the buffer was used again")
	}
}

func FuzzParseInfo(f *testing.F) {
	for _, name := range []string{"master.txt", "replica.txt", "promoted.txt"} {
		f.Add(infoFile(f, name))
	}
	f.Add([]byte("role:slave\nslave0:::1,6380,online\nslave1:ip=a,port=70000\nslave_priority:00\nmaster_link_down_since_seconds:-0\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, want := ParseInfo(b), obviousInfo(string(b))
		if len(got.BadReplica) > maxBadReplica || got.BadReplica != "" && !bytes.Contains(b, []byte(got.BadReplica)) {
			t.Fatalf("%q: no line about a replica has %q", b, got.BadReplica)
		}
		got.BadReplica, got.Details = "", Details{}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q\n got %+v\nwant %+v", b, got, want)
		}
	})
}

// obviousInfo is ParseInfo written a second time, with regular expressions and
// big numbers, for comparison.
func obviousInfo(text string) *Info {
	info := &Info{Text: PackInfo([]byte(text))}
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if m := infoRunID.FindStringSubmatch(line); m != nil {
			info.RunID = RunID(m[1])
		}
		if strings.HasPrefix(line, "role:master") {
			info.Role = RoleMaster
		}
		if strings.HasPrefix(line, "role:slave") {
			info.Role = RoleReplica
		}
		if n := numberIn(line, "master_link_down_since_seconds", math.MinInt64, math.MaxInt64); n != nil {
			limit := big.NewInt(math.MaxInt64 / int64(time.Second))
			if n.CmpAbs(limit) > 0 {
				n.Mul(limit, big.NewInt(int64(n.Sign())))
			}
			info.MasterLinkDown = time.Duration(n.Int64()) * time.Second
		}
		obviousReplica(info, line)
		if info.Role == RoleReplica {
			obviousReplicaLine(info, line)
		}
	}
	return info
}

const infoToken = `[!#-&(-+\--\[\]-~]` // printable without space " ' , \

var (
	infoRunID      = regexp.MustCompile(`^run_id:(` + infoToken + `{40})`)
	infoHost       = regexp.MustCompile(`^[!#-&(-+\--\[\]-~\p{L}\p{M}\p{Nd}]{1,255}$`)
	infoReplicaNew = regexp.MustCompile(`^slave[0-9][^:]*:.*ip=`)
	infoReplicaOld = regexp.MustCompile(`^slave[0-9][^:]*:([^,]*),([^,]*),`)
	infoNumber     = regexp.MustCompile(`^-?[0-9]+$`)
)

func numberIn(line, key string, low int64, high uint64) *big.Int {
	value, ok := strings.CutPrefix(line, key+":")
	if !ok {
		return nil
	}
	return number(value, low, high)
}

func number(value string, low int64, high uint64) *big.Int {
	n, ok := new(big.Int).SetString(value, 10)
	switch {
	case !ok, !infoNumber.MatchString(value), low == 0 && value[0] == '-':
		return nil
	case n.Cmp(big.NewInt(low)) < 0, n.Cmp(new(big.Int).SetUint64(high)) > 0:
		return nil
	}
	return n
}

func obviousReplica(info *Info, line string) {
	host, port := "", ""
	line = strings.ToValidUTF8(line, "\x00") // a regexp does not match invalid bytes with [^,]
	if infoReplicaNew.MatchString(line) {
		_, value, _ := strings.Cut(line, ":")
		_, host, _ = strings.Cut(value, "ip=")
		_, port, _ = strings.Cut(value, "port=")
		host, _, _ = strings.Cut(host, ",")
		port, _, _ = strings.Cut(port, ",")
	} else if m := infoReplicaOld.FindStringSubmatch(line); m != nil {
		host, port = m[1], m[2]
	}
	n := number(port, 0, 65535)
	if len(host) <= 255 && infoHost.MatchString(host) && n != nil && len(info.Replicas) < 4096 {
		info.Replicas = append(info.Replicas, HostPort{Host: host, Port: int(n.Int64())})
	}
}

func obviousReplicaLine(info *Info, line string) {
	if host, ok := strings.CutPrefix(line, "master_host:"); ok && len(host) <= 255 && infoHost.MatchString(host) {
		info.HasMasterHost, info.MasterHost = true, host
	}
	if n := numberIn(line, "master_port", 0, 65535); n != nil {
		info.HasMasterPort, info.MasterPort = true, int(n.Int64())
	}
	if status, ok := strings.CutPrefix(line, "master_link_status:"); ok {
		info.HasMasterLink = true
		info.MasterLinkUp = status == "up" || status == "UP" || status == "Up" || status == "uP"
	}
	if n := numberIn(line, "slave_priority", 0, math.MaxInt32); n != nil {
		info.HasPriority, info.Priority = true, int(n.Int64())
	}
	if n := numberIn(line, "slave_repl_offset", 0, math.MaxUint64); n != nil {
		info.HasOffset, info.Offset = true, n.Uint64()
	}
	if n := numberIn(line, "replica_announced", math.MinInt64, math.MaxInt64); n != nil {
		info.HasAnnounced, info.Announced = true, n.Sign() != 0
	}
}
