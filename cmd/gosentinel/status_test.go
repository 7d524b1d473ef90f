package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/overview"
	"github.com/gosentinel/sentinel/sentineltest"
)

// TestStatusAndDoctor: what both show of a group that is well, but for a test's haste.
func TestStatusAndDoctor(t *testing.T) {
	c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{Name: "cache"})
	at := c.Addrs()[0]
	got := runProgram(t, "", "gosentinel", "status", at)
	for _, want := range []string{"MASTER  ADDRESS", "cache", c.Master().Addr(), "2 of 2 up", "3 of 3", "├─ master", "├─ replica", "└─ sentinel", c.Addrs()[2], "gosentinel doctor"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("no %q in %s", want, got.stdout)
		}
	}
	if got.status != 1 || got.stderr != "" { // down-after is some milliseconds
		t.Errorf("%+v", got)
	}
	if got := runProgram(t, "", "gosentinel", "status", "--table", at); strings.Contains(got.stdout, "─") || !strings.Contains(got.stdout, "cache") {
		t.Errorf("--table: %+v", got)
	}
	if got := runProgram(t, "", "gosentinel", "status", "--tree", "--master", "cache", at); strings.Contains(got.stdout, "QUORUM") || !strings.Contains(got.stdout, "├─ master") {
		t.Errorf("--tree: %+v", got)
	}
	var o overview.Overview
	got = runProgram(t, "", "gosentinel", "status", "--json", at)
	if err := json.Unmarshal([]byte(got.stdout), &o); err != nil || len(o.Groups) != 1 || len(o.Groups[0].Servers) != 3 || len(o.Groups[0].Sentinels) != 3 || o.Status != 1 {
		t.Errorf("%v %+v", err, o)
	}

	got = runProgram(t, "", "gosentinel", "doctor", "--json", at)
	var r struct {
		Status   int
		Findings []struct{ Kind, Level, Master, What string }
	}
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil || r.Status != got.status {
		t.Errorf("%v %+v", err, got)
	}
	for _, f := range r.Findings {
		if f.Kind != "down-after-short" && f.Kind != "failover-timeout-short" && f.Level != "note" {
			t.Errorf("%+v", f)
		}
	}
}

// TestNobodyThere: who cannot be asked is named, and the status says that nothing is known.
func TestNobodyThere(t *testing.T) {
	dir := t.TempDir()
	conf := writeFile(t, dir, "s.conf", "port 1\nbind 127.0.0.1\nsentinel monitor m 127.0.0.1 2 2\n")
	for line, want := range map[string]struct {
		status int
		text   string
	}{
		"doctor 127.0.0.1:1":                     {2, "nothing listens there"},
		"doctor --offline " + conf:               {0, "Not looked at: running Sentinels and servers"},
		"doctor " + conf:                         {2, "127.0.0.1:1"},
		"doctor --offline":                       {2, "--offline needs a FILE"},
		"doctor " + dir + "/none.conf":           {2, "can't open config file"},
		"doctor a.conf b.conf":                   {2, "one file at most"},
		"doctor no:such:place":                   {2, "neither an address nor a file"},
		"doctor 10.0.0.1:port":                   {2, "neither an address nor a file"},
		"doctor --tls --cacert " + dir + "/none": {2, "no such file"},
		"doctor --frobnicate":                    {2, "unknown flag: --frobnicate"},
		"status 127.0.0.1:1":                     {2, "danger at 127.0.0.1:1: It could not be asked: it refuses connections"},
		"status " + dir + "/none.conf":           {2, "none.conf"},
		"top":                                    {2, "needs a terminal"},
		"switchover":                             {2, "the name of a MASTER"},
		"switchover m --to x":                    {2, "--to takes host:port"},
		"switchover m --force --coordinated":     {2, "force"},
		"switchover m 127.0.0.1:1":               {1, "nobody was found who watches m: 127.0.0.1:1: it refuses connections"},
		"forget":                                 {2, "the name of a MASTER"},
		"forget m 127.0.0.1:1":                   {1, "nobody was found who watches m"},
	} {
		got := runProgram(t, "", append([]string{"gosentinel"}, strings.Fields(line)...)...)
		if got.status != want.status || !strings.Contains(got.stdout+got.stderr, want.text) {
			t.Errorf("%s: %+v", line, got)
		}
	}
}

func TestSwitchoverAndForget(t *testing.T) {
	// A switchover takes no longer than a part of down-after, and a busy machine needs more of it.
	c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{Name: "cache", DownAfter: 2 * time.Second})
	at, before := c.Addrs()[0], c.Master().Addr()
	to := c.Replicas()[1].Addr()
	got := runProgram(t, "", "gosentinel", "switchover", "cache", at, "--to", to)
	if got.status != 0 || got.stderr != "" || !strings.Contains(got.stdout, to+" has replaced "+before) || !strings.HasSuffix(got.stdout, "cache is at "+to+".\n") {
		t.Fatalf("%+v", got)
	}
	c.WaitStable()
	for line, want := range map[string]string{
		"switchover cache " + at + " --to 127.0.0.1:9": "refuses: ",
		"switchover nothing " + at:                     "nobody was found who watches nothing: " + at + " does not monitor it",
	} {
		if got := runProgram(t, "", append([]string{"gosentinel"}, strings.Fields(line)...)...); got.status != 1 || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: %+v", line, got)
		}
	}
	if got := runProgram(t, "", "gosentinel", "forget", "cache", at); got.status != 0 || got.stdout != "Nobody of cache is gone: there is nothing to forget.\n" {
		t.Errorf("%+v", got)
	}

	dead := []string{c.Replicas()[0].Addr(), c.Addrs()[2]}
	c.Replicas()[0].Kill()
	c.Sentinels()[2].Kill()
	await(t, "all others notice", func() bool {
		got := runProgram(t, "", "gosentinel", "forget", "cache", at, "--dry-run")
		return got.status == 0 && strings.Contains(got.stdout, dead[0]) && strings.Contains(got.stdout, dead[1]) && strings.Count(got.stdout, "not done") == 2
	})
	if o := status(t, at); o.Known != 3 || o.Usable != 2 || o.Up != 1 {
		t.Errorf("after --dry-run: %+v", o)
	}
	got = runProgram(t, "", "gosentinel", "forget", "cache", at)
	if got.status != 0 || strings.Count(got.stdout, "forgets them.\n") != 2 || !strings.Contains(got.stdout, dead[0]) || !strings.Contains(got.stdout, dead[1]) {
		t.Errorf("%+v", got)
	}
	for _, addr := range c.Addrs()[:2] {
		if o := status(t, addr); o.Known != 2 || o.Usable != 2 || len(o.Servers) != 2 {
			t.Errorf("%s: %+v", addr, o)
		}
	}
	if got := runProgram(t, "", "gosentinel", "forget", "cache", at, "--monitoring"); got.status != 0 || strings.Count(got.stdout, "has stopped to watch cache") != 2 {
		t.Errorf("%+v", got)
	}
	if got := runProgram(t, "", "gosentinel", "status", at); got.status != 2 || !strings.Contains(got.stdout, "It monitors no master.") {
		t.Errorf("%+v", got)
	}
}

// status is what gosentinel status says of the only master.
func status(t *testing.T, at string) overview.Group {
	t.Helper()
	var o overview.Overview
	if err := json.Unmarshal([]byte(runProgram(t, "", "gosentinel", "status", "--json", at).stdout), &o); err != nil || len(o.Groups) != 1 {
		t.Fatalf("%v %+v", err, o)
	}
	return o.Groups[0]
}

// TestPattern: a name is forgotten alone, whatever it looks like.
func TestPattern(t *testing.T) {
	if got := pattern(`a*b?c[d]\e`); got != `a\*b\?c\[d\]\\e` {
		t.Error(got)
	}
}

// TestTopScreen: what is shown fits, and can be scrolled.
func TestTopScreen(t *testing.T) {
	o := &overview.Overview{At: time.Unix(0, 0)}
	for _, name := range []string{"one", "two\x1b[2J", "three"} {
		o.Groups = append(o.Groups, overview.Group{Name: name, Addr: "10.0.0.1:6379", State: "ok", Servers: []overview.Server{{Addr: "10.0.0.1:6379", Role: "master", State: "up"}}})
	}
	l := &live{every: time.Second, now: o, size: func() (int, int) { return 40, 8 }}
	lines := func() []string { return strings.Split(l.screen(40, 8), "\r\n") }
	if got := lines(); len(got) != 8 || !strings.Contains(got[0], "gosentinel top") || !strings.Contains(got[2], "one") {
		t.Errorf("%q", got)
	}
	for _, line := range lines() {
		if plain := strings.NewReplacer(fromTheTop, "", restOfLine, "", restBelow, "").Replace(line); len([]rune(plain)) > 40 || strings.ContainsRune(plain, 0x1b) {
			t.Errorf("%q", line)
		}
	}
	for range 100 {
		l.key([]byte("j"))
	}
	if got := lines(); len(got) != 8 || !strings.Contains(got[7], "└─ master") {
		t.Errorf("at the end: %q", got)
	}
	l.key([]byte("t"))
	if got := lines(); len(got) != 5 || strings.Contains(strings.Join(got, ""), "─") {
		t.Errorf("without trees: %q", got)
	}
	for _, k := range []string{"q", "\x03", "\x1b"} {
		if !l.key([]byte(k)) {
			t.Errorf("%q does not end it", k)
		}
	}
}

// TestDoctorNamesLines: a file with a relative name has its lines in the place of a finding.
func TestDoctorNamesLines(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	writeFile(t, dir, "s.conf", "bind 127.0.0.1\nhttp-user ops\nsentinel monitor a,b 127.0.0.1 6379 2\n")
	got := runProgram(t, "", "gosentinel", "doctor", "--offline", "s.conf")
	for _, line := range []string{":2\n", ":3\n"} {
		if !strings.Contains(got.stdout, "at "+filepath.Join(dir, "s.conf")+line) {
			t.Errorf("no line%s in %+v", line, got)
		}
	}
}
