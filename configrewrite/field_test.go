package configrewrite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// fieldText returns a file as it was found in use, without the lines that hold
// one of the given words.
func fieldText(t *testing.T, name string, without ...string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(readText(t, filepath.Join("testdata", "field", name))) {
		if !slices.ContainsFunc(without, func(word string) bool { return strings.HasPrefix(line, word) }) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// problemsOf returns what is wrong with a text, as "line: message".
func problemsOf(err error) (list []string) {
	var all *Error
	if errors.As(err, &all) {
		for _, p := range all.Problems {
			list = append(list, fmt.Sprintf("%d: %s", p.Line, p.Message))
		}
	}
	return list
}

// TestFieldFilesAreRefusedWhole: a file that cannot be loaded names every line
// that is in the way.
func TestFieldFilesAreRefusedWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sentinel.conf")
	writeText(t, path, fieldText(t, "windows_port.conf"))
	_, err := Load(path, nil)
	got := problemsOf(err)
	if len(got) != 2 || !strings.HasPrefix(got[0], "4: Bad directive") || !strings.HasPrefix(got[1], "15: Can't chdir to ") {
		t.Errorf("%q", got)
	}
	for _, want := range []string{">>> maxheap 64MB\n", `>>> dir "C:\\Redis\\data\\"`, "a path of Windows"} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

// TestFieldFiles: files as people have them load, with what is odd in them named,
// and can be converted; they load again after a save, and redis-sentinel loads what
// was saved.
func TestFieldFiles(t *testing.T) {
	for _, c := range []struct {
		name     string
		without  []string
		warnings []string // parts of them, in this order
		check    func(monitor.State) bool
	}{
		{"windows_port.conf", []string{"maxheap", "dir"}, []string{"without effect on a Sentinel: dbfilename"}, func(st monitor.State) bool {
			m := st.Masters[0]
			return st.CurrentEpoch == 3 && m.Name == "cache" && m.DownAfter == 5*time.Second && len(m.Replicas) == 1 && len(m.Sentinels) == 1
		}},
		{"entry_script.conf", nil, []string{`:15: sentinel announce-ip "0.0.0.0": other Sentinels cannot connect to 0.0.0.0`}, func(st monitor.State) bool {
			m := st.Masters[0]
			return m.Name == "myMaster" && m.AuthPass == "Example-0pass" && st.Options.ResolveHostnames && st.Options.AnnounceIP == ""
		}},
		{"two_addresses.conf", nil, []string{":12: replica 192.0.2.121:6379 dropped: it is the master web itself"}, func(st monitor.State) bool {
			m := st.Masters[0]
			return len(m.Replicas) == 2 && m.ConfigEpoch == 9 && m.LeaderEpoch == 9 && st.CurrentEpoch == 9
		}},
		{"byte_order_mark.conf", nil, []string{":1: the byte order mark (U+FEFF) before the line is ignored",
			`:7: sentinel announce-ip " 192.0.2.132": the address is taken without the blanks around it`}, func(st monitor.State) bool {
			m := st.Masters[0]
			return st.Options.AnnounceIP == "192.0.2.132" && m.Name == "mymaster" && m.AuthPass == "#Example%Pass!^i" && m.FailoverTimeout == time.Minute &&
				slices.Equal(m.Rename.Entries(), []monitor.Renamed{{From: "CONFIG", To: "xy cfg"}})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			port := unusedPorts(t, 1)[0]
			dir := t.TempDir()
			path := filepath.Join(dir, "sentinel.conf")
			writeText(t, path, fieldText(t, c.name, c.without...)+
				fmt.Sprintf("port %d\nbind 127.0.0.1\ndaemonize no\nlogfile \"\"\npidfile %s/pid\ndir %s\n", port, dir, dir))
			f := mustLoad(t, path)
			if !c.check(f.State()) {
				t.Errorf("loaded as %s", describe(f.State()))
			}
			warned := strings.Join(f.Warnings(), "\n")
			for _, w := range c.warnings {
				if !strings.Contains(warned, w) {
					t.Errorf("no %q in the warnings:\n%s", w, warned)
				}
			}
			if _, _, err := Convert(path); err != nil {
				t.Errorf("not converted: %v", err)
			}
			st := f.State()
			st.CurrentEpoch++
			if err := f.Save(st); err != nil {
				t.Fatal(err)
			}
			again := mustLoad(t, path)
			if err := compareStates(again.State(), fileState(st), FormatTOML); err != nil {
				t.Errorf("%v\n%s", err, readText(t, path))
			}
			startStock(t, path, port)
		})
	}
}

// TestOddText: what editors and other systems put into a file is understood, or
// named.
func TestOddText(t *testing.T) {
	const monitor = "sentinel monitor m 10.0.0.1 6379 2\n"
	for _, c := range []struct {
		text string
		says []string // parts of the problem, or of a warning if there is no problem
		bad  bool
	}{
		{"\ufeffport 5\n", []string{":1: the byte order mark (U+FEFF)"}, false},
		{"# c\n\ufeff" + monitor, []string{":2: the byte order mark (U+FEFF)"}, false},
		{"port 5\r\n" + strings.ReplaceAll(monitor, "\n", "\r\n"), nil, false},
		{"port\t5\t\n\tsentinel\tmonitor\tm\t10.0.0.1\t6379\t2", nil, false},
		{"port 5\n\f\n\v \n" + monitor, nil, false},
		{"port \f5\n", nil, false},
		{"port\f5\n", []string{":1: Bad directive"}, true},
		{"port\u00a05\n", []string{":1: Bad directive", `write a blank behind "port"`, "a blank of another kind (U+00A0): write a plain blank"}, true},
		{"sentinel\u00a0monitor m 10.0.0.1 6379 2\n", []string{":1: Bad directive", "U+00A0"}, true},
		{"\u200bport 5\n", []string{"an invisible character (U+200B)"}, true},
		{monitor + "sentinel down–after–milliseconds m 5000\n", []string{":2: Unrecognized", `did you mean "sentinel down-after-milliseconds"?`, "a typographic dash (U+2013): write -"}, true},
		{"logfile “s.log”\n", []string{":1: logfile “s.log”: the value holds a typographic quote “, which is part of it"}, false},
		{"requirepass “hunter2”\n", []string{":1: requirepass ******: the value holds a typographic quote “"}, false},
		{"requirepass hunter\u00a02\n", []string{"requirepass ******: the value holds a blank of another kind (U+00A0)"}, false},
		{"requirepass h“u–nter\n", nil, false},
		{"port 5 \\\n", []string{":1: wrong number of arguments", "a backslash at its end"}, true},
		{"port 5 # mine\n", []string{":1: wrong number of arguments", "hint: a comment must stand on a line of its own"}, true},
		{monitor + "sentinel announce-port 5 #\n", []string{":2: Unrecognized", "hint: a comment must stand on a line of its own"}, true},
		{monitor + "sentinel parallel-syncs m 1 # one\n", []string{":2: Unrecognized", "hint: a comment must stand on a line of its own"}, true},
		{monitor[:len(monitor)-1] + " # mine\n", []string{":1: Unrecognized", "hint: a comment must stand on a line of its own"}, true},
		{"dir /tmp # here\n", []string{":1: wrong number", "hint: a comment must stand on a line of its own"}, true},
		{"timeout\n", []string{":1: wrong number", "hint: write: timeout <value>"}, true},
		{"rename-command ROLE\n", []string{":1: wrong number", "hint: write: rename-command <command> <new name>"}, true},
		{monitor + "sentinel rename-command m ROLE\n", []string{":2: Unrecognized", "hint: write: sentinel rename-command <master> <command> <new name>"}, true},
		{monitor + "sentinel announce-port\n", []string{":2: Unrecognized", "hint: write: sentinel announce-port <value>"}, true},
		{"masterauth\n", []string{":1: wrong number", "hint: write: masterauth <value>"}, true},
		{"port 5\rloglevel debug\nsentinel myid x\n", []string{":1: wrong number of arguments", "a carriage return in its middle", ":2: Malformed"}, true},
		{"# c\rrequirepass x\nport 5\n", []string{":1: the comment holds a carriage return"}, false},
		{"# a\x00b\n" + monitor, []string{":1: the comment holds NUL bytes; redis-sentinel takes the next line for a part of it"}, false},
		{"# c\rrequirepass x\r", []string{"the file has no line feed", "tr '\\r' '\\n'"}, true},
		{"port 5\r", nil, false},
		{"\xff\xfep\x00o\x00r\x00t\x00 \x005\x00", []string{"the file is in UTF-16", "iconv"}, true},
		{"\xfe\xff\x00p\x00o", []string{"the file is in UTF-16"}, true},
		{"p\x00o\x00r\x00t\x00", []string{"the file is in UTF-16"}, true},
		{"port 5\nport\x00 6\nprot 7\n", []string{":2: the line holds NUL bytes", ":3: Bad directive"}, true},
		{`dir "C:\Redis\data\"` + "\n", []string{":1: Unbalanced quotes", `write \\ for a backslash, and / in a path`}, true},
		{`dir C:\Redis` + "\n", []string{":1: Can't chdir to", "a path of Windows"}, true},
		{"daemonize NO\nsupervised No\nloglevel NOTICE\ntls-auth-clients OPTIONAL\nSENTINEL RESOLVE-HOSTNAMES YES\nclient-output-buffer-limit PUBSUB 1MB 1Mb 5\n", nil, false},
		{monitor + "sentinel down-after-milliseconds m 1\nsentinel down-after-milliseconds m 2\nport 5\nport 6\nloglevel debug\nloglevel notice", nil, false},
		{monitor + "sentinel can-failover m no\nsentinel known-slave m 10.0.0.2 6379\nglueoutputbuf yes\nvm-enabled no\nslave-priority 100\ndbfilename x.rdb\n", []string{"without effect"}, false},
		{"maxheap 1gb\nheapdir x\npersistence-available no\n", []string{":1: Bad directive", ":2: Bad directive", ":3: Bad directive"}, true},
	} {
		for _, from := range []string{"file", "include", "command line"} {
			path := filepath.Join(t.TempDir(), "sentinel.conf")
			var overrides []string
			switch text := c.text; from {
			case "file":
				writeText(t, path, text)
			case "include":
				writeText(t, path+".inc", text)
				writeText(t, path, "include "+path+".inc\n")
			default:
				if strings.Contains(strings.Join(c.says, ""), "the file") {
					continue // what a file as a whole is
				}
				writeText(t, path, "# none\n")
				overrides = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
			}
			f, err := Load(path, overrides)
			if (err != nil) != c.bad {
				t.Errorf("%q in %s: %v", c.text, from, err)
				continue
			}
			said := fmt.Sprint(err)
			if err == nil {
				said = strings.Join(f.Warnings(), "\n")
				if len(c.says) == 0 && said != "" {
					t.Errorf("%q in %s: %s", c.text, from, said)
				}
			}
			for _, want := range c.says {
				if !strings.Contains(said, want) {
					t.Errorf("%q in %s: no %q in\n%s", c.text, from, want, said)
				}
			}
			if err == nil && from == "file" {
				savedAndLoaded(t, f, path)
			}
		}
	}
}

// savedAndLoaded saves a file and compares what it holds then.
func savedAndLoaded(t *testing.T, f *File, path string) {
	t.Helper()
	before := readText(t, path)
	st := grown(f.State())
	if err := f.Save(st); err != nil {
		t.Errorf("%q: %v", before, err)
		return
	}
	again, err := Load(path, nil)
	if err != nil {
		t.Errorf("%q became %q: %v", before, readText(t, path), err)
		return
	}
	if err := compareStates(again.State(), fileState(st), FormatConf); err != nil {
		t.Errorf("%q became %q: %v", before, readText(t, path), err)
	}
	if a, b := f.Settings(), again.Settings(); a.Port != b.Port || a.RequirePass != b.RequirePass || a.LogLevel != b.LogLevel || a.LogFile != b.LogFile {
		t.Errorf("%q became %q", before, readText(t, path))
	}
}

// TestOddTOML: a byte order mark and the line ends of Windows, also in the part of
// the daemon, are no damage; mistakes of syntax are reported together.
func TestOddTOML(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sentinel.toml")
	head := "\ufeff# c\r\nsentinel.announce-port = 7\r\n[[master]]\r\nname = \"m\"\r\nhost = \"10.0.0.1\"\r\nport = 6379\r\nquorum = 2\r\n"
	writeText(t, path, head)
	f := mustLoad(t, path)
	st := grown(f.State())
	if err := f.Save(st); err != nil {
		t.Fatal(err)
	}
	text := readText(t, path)
	if !strings.HasPrefix(text, head) {
		t.Errorf("the operator's part changed: %q", text)
	}
	writeText(t, path, strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n"))
	again := mustLoad(t, path)
	if err := compareStates(again.State(), fileState(st), FormatTOML); err != nil || again.State().Options.AnnouncePort != 7 {
		t.Errorf("%v: %s", err, describe(again.State()))
	}
	if err := again.Save(st); err != nil {
		t.Fatal(err)
	}
	mustLoad(t, path)

	for text, want := range map[string][]string{
		"\ufeffprot = 1\n": {"1: unknown key \"prot\""},
		"[server]\nport == 5\ntimeout = \"x\"\nbind = x\n[sentinel]\nfoo = 1\n": {
			"2: expected value", "3: timeout: must be a duration", "4: expected value", "6: unknown key \"foo\""},
		"[server]\nport = 5\u00a0\n[sentinel]\n":                                        {"2: expected a top-level item"},
		"[[master\nname = \"m\"\n[[master]]\n":                                          {"2: expected '.' or ']'"},
		"[server]\nbind = [\"a\",\nport = 5\nloglevel = \"notice\"\ntimeout = \"5s\"\n": {"3: expected value", "4: "},
		"\xff\xfe[\x00": {"0: the file is in UTF-16"},
	} {
		writeText(t, path, text)
		_, err := Load(path, nil)
		got := problemsOf(err)
		same := len(got) == len(want)
		for i := range want {
			same = same && strings.HasPrefix(got[i], want[i])
		}
		if !same {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if _, err := Load(path, nil); err == nil || os.WriteFile(path, []byte("[server]\nport = 5\u00a0\n"), 0o600) != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, nil); err == nil || !strings.Contains(err.Error(), "a blank of another kind (U+00A0)") {
		t.Errorf("%v", err)
	}
}
