package configrewrite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// fullState is a state in which every field matters.
func fullState() monitor.State {
	addr := func(host string, port int) monitor.Addr { return monitor.Addr{Host: host, IP: host, Port: port} }
	return monitor.State{
		CurrentEpoch: 9,
		Options: monitor.Options{
			MyID: idA, AnnounceIP: "10.1.1.1", AnnouncePort: 7, ResolveHostnames: true, AnnounceHostnames: true,
			SentinelUser: "u", SentinelPass: "p", AllowScriptsReconfig: true, Observe: true,
			Guards: monitor.Guards{ReturnFence: 1, IsolationFence: 2, Lineage: 3, ForeignNode: 1, Advertised: 2, Refusal: 3},
		},
		Masters: []*monitor.MasterState{{
			MasterConfig: monitor.MasterConfig{
				Name: "m", Addr: addr("10.0.0.1", 6379), Quorum: 2, DownAfter: time.Second, FailoverTimeout: time.Minute,
				ParallelSyncs: 3, AuthUser: "au", AuthPass: "ap", NotificationScript: "/n", ClientReconfigScript: "/c",
				RebootDownAfter: time.Hour, NeverLead: true, Rename: monitor.NewRenameTable(monitor.Renamed{From: "CONFIG", To: "c"}),
				PlannedFailover: monitor.PlannedStock, EmptyPromotionGrace: 3 * time.Second, HoldUnconfirmed: true, AcceptEmpty: true,
				DownAfterRefused: 100 * time.Millisecond, ReplicaExpire: time.Hour,
				Guards: monitor.Guards{ReturnFence: 1, IsolationFence: 2, Lineage: 3, ForeignNode: 1, Advertised: 2, Refusal: 3},
			},
			ConfigEpoch: 4, LeaderEpoch: 5,
			Pause: monitor.FailoverPause{Version: 1 << 61, By: idB, Until: 1700000000000, Resumed: true, Reason: "a new kernel"},
			RunID: idA,
			ExMasters: []monitor.ExMaster{
				{At: monitor.HostPort{Host: "10.0.0.2", Port: 6379}, RunID: idB, History: string(idC), Lost: 1700000000000},
				{At: monitor.HostPort{Host: "10.0.0.3", Port: 6379}, Modules: true},
			},
			Tombstones: []monitor.Tombstone{
				{ID: idC, Version: 1 << 61, By: idB, Until: 1700000000000, Over: true},
				{At: monitor.HostPort{Host: "fe80::1", Port: 6379}, Version: 7, By: idB, Until: 1700000000000},
			},
			Fenced:    5,
			Lineage:   grownFrom(lineage(idC, 1<<63, true, false), idB, 1<<63),
			Replicas:  []monitor.Addr{addr("10.0.0.2", 6379)},
			Sentinels: []monitor.KnownSentinel{{Addr: addr("10.0.0.3", 26379), ID: idB}},
		}},
	}
}

// lineage is that of a master that was heard.
func lineage(replID string, offset uint64, keys, persistent bool) monitor.Lineage {
	return monitor.Lineage{Heard: true, ReplID: replID, Offset: offset, Keys: keys, Persistent: persistent}
}

// grownFrom adds the history before the last promotion to a lineage.
func grownFrom(l monitor.Lineage, replID string, second uint64) monitor.Lineage {
	l.ReplID2, l.Second = replID, second
	return l
}

// TestVerifyNoticesEveryLine proves that Verify can fail: whichever line of the
// state is missing, or has its value changed, it says so.
func TestVerifyNoticesEveryLine(t *testing.T) {
	st := fullState()
	for _, format := range []Format{FormatConf, FormatTOML} {
		doc := mustParse(t, "", pureSource(format))
		out := string(doc.Render(nil, st))
		if format == FormatTOML { // hand-made texts have no valid checksum
			i := strings.Index(out, stateEnd)
			out = out[:i] + stateEnd + "none\n"
		}
		if err := doc.Verify([]byte(out), st); err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(out, "\n")
		tried := 0
		for i, line := range lines {
			isState := strings.HasPrefix(line, "sentinel ") || strings.HasPrefix(line, ownMark)
			if format == FormatTOML {
				// "was" repeats the operator's part, and what is not there is not compared.
				isState = strings.Contains(line, "=") && i > 0 && !inWas(lines[:i])
			}
			if !isState {
				continue
			}
			tried++
			without := strings.Join(lines[:i], "") + strings.Join(lines[i+1:], "")
			if err := doc.Verify([]byte(without), st); !errors.Is(err, errVerify) {
				t.Errorf("Verify does not miss the line %q: %v", line, err)
			}
		}
		if tried < 20 {
			t.Errorf("only %d lines of state in:\n%s", tried, out)
		}
	}
}

func inWas(lines []string) bool {
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.HasPrefix(lines[i], "[") {
			return strings.Contains(lines[i], "was")
		}
	}
	return false
}

// TestVerifyComparesValues changes one field at a time.
func TestVerifyComparesValues(t *testing.T) {
	for name, change := range map[string]func(*monitor.State){
		"epoch":    func(s *monitor.State) { s.CurrentEpoch++ },
		"options":  func(s *monitor.State) { s.Options.AnnouncePort++ },
		"missing":  func(s *monitor.State) { s.Masters = nil },
		"name":     func(s *monitor.State) { s.Masters[0].Name = "x" },
		"address":  func(s *monitor.State) { s.Masters[0].Addr.Port++ },
		"vote":     func(s *monitor.State) { s.Masters[0].LeaderEpoch++ },
		"replica":  func(s *monitor.State) { s.Masters[0].Replicas = nil },
		"sentinel": func(s *monitor.State) { s.Masters[0].Sentinels[0].Addr.Port++ },
		"rename":   func(s *monitor.State) { s.Masters[0].Rename = nil },
		"replid":   func(s *monitor.State) { s.Masters[0].Lineage.ReplID = idA },
		"replid2":  func(s *monitor.State) { s.Masters[0].Lineage.ReplID2 = idA },
		"second":   func(s *monitor.State) { s.Masters[0].Lineage.Second-- },
		"offset":   func(s *monitor.State) { s.Masters[0].Lineage.Offset++ },
		"had keys": func(s *monitor.State) { s.Masters[0].Lineage.Keys = false },
		"on disk":  func(s *monitor.State) { s.Masters[0].Lineage.Persistent = true },
		"heard":    func(s *monitor.State) { s.Masters[0].Lineage.Heard = false },
		"quorum":   func(s *monitor.State) { s.Masters[0].Quorum++ },
	} {
		for _, format := range []Format{FormatConf, FormatTOML} {
			doc := mustParse(t, "", pureSource(format))
			out := doc.Render(nil, fullState())
			st := fullState()
			change(&st)
			if err := doc.Verify(out, st); !errors.Is(err, errVerify) {
				t.Errorf("%s: a different state passes: %v", name, err)
			}
		}
	}
}

// TestUnsavableState: a state that no file can hold is refused, and the file
// keeps what it has.
func TestUnsavableState(t *testing.T) {
	for _, name := range []string{"s.conf", "s.toml"} {
		path := filepath.Join(t.TempDir(), name)
		writeText(t, path, "# nothing yet\n")
		f := mustLoad(t, path)
		if err := f.Save(fullState()); err != nil {
			t.Fatal(err)
		}
		before := readText(t, path)
		st := fullState()
		st.Masters[0].Addr.Port = 70000
		var save *SaveError
		if err := f.Save(st); !errors.As(err, &save) || !errors.Is(err, errVerify) {
			t.Errorf("%s: Save: %v", name, err)
		}
		if readText(t, path) != before {
			t.Errorf("%s was changed", name)
		}
	}
}

// TestIncludeOnDisk follows include lines the way the originals do: wildcards in
// order of name, relative to dir, missing names fatal, missing patterns not.
func TestIncludeOnDisk(t *testing.T) {
	dir := t.TempDir()
	sub := filepath.Join(dir, "sub")
	if err := os.Mkdir(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(sub, "notify.sh")
	writeText(t, script, "#!/bin/sh\n")
	writeText(t, filepath.Join(sub, "a.conf"), "sentinel down-after-milliseconds m 1\nmaxclients 1\n")
	writeText(t, filepath.Join(sub, "b.conf"), "sentinel down-after-milliseconds m 2\nmaxclients 2\n")
	path := filepath.Join(dir, "s.conf")
	text := "dir " + sub + "\ninclude [ab].conf\ninclude nothing*\nsentinel monitor m 10.0.0.1 6379 2\nsentinel notification-script m notify.sh\n"

	writeText(t, path, text)
	if _, err := Load(path, nil); err == nil || !strings.Contains(err.Error(), "may not be executed") {
		t.Errorf("a script without the x bit: %v", err)
	}
	if err := os.Chmod(script, 0o755); err != nil {
		t.Fatal(err)
	}
	f := mustLoad(t, path)
	if m := f.State().Masters[0]; m.DownAfter != 2*time.Millisecond || f.Settings().MaxClients != 2 || f.Settings().Dir != sub {
		t.Errorf("loaded %+v, %+v", m, f.Settings())
	}
	if err := f.Save(f.State()); err != nil {
		t.Fatal(err)
	}
	mustLoad(t, path) // with the included lines beside their copies

	for line, want := range map[string]string{
		"include missing.conf": "can't open config file '" + sub + "/missing.conf'",
		"include [":            "is malformed",
		"include":              "wrong number of arguments",
		"dir a b":              "wrong number of arguments",
		"dir " + path:          "it is not a directory",
		"sentinel client-reconfig-script m " + sub:                "",
		"sentinel client-reconfig-script m nothing":               "no such file",
		"sentinel monitor":                                        "Unrecognized sentinel configuration statement",
		"sentinel down-after-milliseconds":                        "wrong number of arguments",
		"maxclients":                                              "wrong number of arguments",
		"appendonly":                                              "wrong number of arguments",
		"unixsocketperm 9":                                        "octal",
		"client-output-buffer-limit pubsub 1 2":                   "wrong number of arguments",
		"client-output-buffer-limit other 1 2 3":                  "Invalid client class",
		"client-output-buffer-limit pubsub x 2 3":                 "Error in hard, soft or soft_seconds",
		"sentinel known-replica m 10.0.0.2 70000":                 "", // tolerated
		"sentinel known-sentinel":                                 "",
		"sentinel rename-command m PING \"\"":                     "",
		"sentinel monitor \"\" 10.0.0.1 1 1":                      "cannot be empty",
		"sentinel monitor x \"\" 1 1":                             "the address is empty",
		"sentinel monitor x \"a b\" 1 1":                          "an address cannot contain",
		"sentinel monitor x " + strings.Repeat("a", 256) + " 1 1": "at most 255 bytes",
	} {
		writeText(t, path, text+line+"\n")
		f, err := Load(path, nil)
		switch {
		case want == "" && (err != nil || len(f.Warnings()) == 0):
			t.Errorf("%q: %v", line, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %s", line, err, want)
		}
	}
}

// TestStockNumbers: a "sentinel" line with which redis-sentinel starts, though
// what it says is no number, means what it means there. Epochs are the exception.
func TestStockNumbers(t *testing.T) {
	const text = `sentinel monitor m 10.0.0.1 6379x 2nd
sentinel down-after-milliseconds m 50zz
sentinel failover-timeout m " +70.5"
sentinel parallel-syncs m three
sentinel master-reboot-down-after-period m x
sentinel announce-port 26380,
save
bind
maxclients 4294967295
acllog-max-len 9223372036854775807
`
	doc := mustParse(t, text, pureSource(FormatConf))
	m := doc.State.Masters[0]
	if m.Addr.Port != 6379 || m.Quorum != 2 || m.DownAfter != 50*time.Millisecond || m.FailoverTimeout != 70*time.Millisecond ||
		m.ParallelSyncs != 1 || m.RebootDownAfter != 0 || doc.State.Options.AnnouncePort != 26380 {
		t.Errorf("%+v, %+v", m, doc.State.Options)
	}
	if got := strings.Join(doc.Warnings, "\n"); strings.Count(got, "is not a number; it is taken for") != 7 || !strings.Contains(got, `"50zz" is not a number; it is taken for 50,`) {
		t.Errorf("warnings:\n%s", got)
	}
	for line, want := range map[string]string{
		"sentinel monitor n 10.0.0.2 6379 x":                   "Quorum must be 1 or greater.",
		"sentinel monitor n 10.0.0.2 -1x 1":                    "Invalid port number.",
		"sentinel down-after-milliseconds m x":                 "negative or zero time parameter.",
		"sentinel master-reboot-down-after-period m -1":        "negative time parameter.",
		"sentinel deny-scripts-reconfig maybe":                 "Please specify yes or no for the deny-scripts-reconfig options.",
		"sentinel resolve-hostnames maybe":                     "Please specify yes or no for the resolve-hostnames option.",
		"sentinel announce-ip":                                 "Unrecognized sentinel configuration statement.",
		"sentinel auth-pass m":                                 "Unrecognized sentinel configuration statement.",
		"sentinel current-epoch 1 2":                           "Unrecognized sentinel configuration statement.",
		"sentinel current-epoch 1x":                            "is not a number",
		"sentinel leader-epoch m -1":                           "is not a number",
		"sentinel down-after-milliseconds m 99999999999999999": "negative or zero time parameter.",
	} {
		if _, err := Parse([]byte(text+line+"\n"), pureSource(FormatConf)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", line, err, want)
		}
	}
}

// TestSystemResolver uses the resolver of the system for a name that every
// machine has, and a bad answer of another resolver.
func TestSystemResolver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.conf")
	writeText(t, path, "sentinel monitor m localhost 6379 1\n")
	if ip := mustLoad(t, path).State().Masters[0].Addr.IP; ip != "127.0.0.1" && ip != "::1" {
		t.Errorf("localhost is %s", ip)
	}
	l := Loader{Resolve: func(context.Context, string) (string, error) { return "not an address", nil }}
	if _, err := l.Load(path, nil); err == nil || !strings.Contains(err.Error(), "which is not an address") {
		t.Errorf("Load: %v", err)
	}
}

func TestTOMLTypes(t *testing.T) {
	const master = "[[master]]\nname = \"m\"\nhost = \"10.0.0.1\"\nport = 6379\nquorum = 2\n"
	for text, want := range map[string]string{
		"[server]\nbind = [1]":                                         "must be a list of strings",
		"[server]\nuser = [\"\"]":                                      "is not a list of words",
		"[server]\ndir = 5":                                            "must be a string in quotes",
		"[server]\nclient-output-buffer-limit = [\"a b\"]":             "wrong number of arguments",
		"[server]\nclient-output-buffer-limit = 5":                     "must be a list of strings",
		"[server]\ntimeout = \"5\"":                                    "with a unit",
		"[server]\nloglevel = \"loud\"":                                "must be one of the following",
		"[server]\nrequirepass = \"hex:5\"":                            "pairs of hexadecimal digits",
		"[sentinel]\nmyid = \"short\"":                                 "Malformed Sentinel id",
		master + "rename-command = 5":                                  "must be a table of strings",
		master + "rename-command = { CONFIG = 5 }":                     "must be a table of strings",
		master + "rename-command = { CONFIG = \"a\", config = \"b\" }": "renamed multiple times",
		master + "rename-command = { CONFIG = \"\" }":                  "empty command word",
		master + "rename-command = [[\"CONFIG\"]]":                     "wrong number of arguments",
		master + "rename-command = [\"CONFIG\"]":                       "must be a list of strings",
		strings.Replace(master, "6379", "70000", 1):                    "Invalid port number.",
		"master = [1]":                                                 "must be a list of tables",
		"a = \x00":                                                     "NUL bytes",
	} {
		if _, err := Parse([]byte(text+"\n"), pureSource(FormatTOML)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	// A list of tables may be written in one line, too.
	doc := mustParse(t, `master = [{ name = "m", host = "10.0.0.1", port = 1, quorum = 1 }]`, pureSource(FormatTOML))
	if len(doc.State.Masters) != 1 {
		t.Errorf("%+v", doc.State)
	}
	doc = mustParse(t, master+"parallel-syncs = 0\n", pureSource(FormatTOML))
	if len(doc.Warnings) != 1 || doc.State.Masters[0].ParallelSyncs != 1 {
		t.Errorf("%+v %q", doc.State, doc.Warnings)
	}
}
