package doctor_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/doctor"
	"github.com/gosentinel/sentinel/internal/survey"
)

// examine lets the doctor look at a world, in virtual time.
func examine(t *testing.T, w *world) *doctor.Report {
	t.Helper()
	r := &doctor.Report{}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		r.Judge(survey.Take(t.Context(), w.options()), doctor.Options{OwnLogin: w.ownLogin})
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("it took %v", took)
		}
	})
	r.Sort()
	return r
}

func kindsOf(r *doctor.Report) (list []string) {
	for _, f := range r.Findings {
		if !slices.Contains(list, f.Kind) {
			list = append(list, f.Kind)
		}
	}
	return list
}

// TestSoundSetups: a group that is sound yields nothing at all.
func TestSoundSetups(t *testing.T) {
	stock := newWorld()
	for _, s := range stock.sentinels {
		s.own, s.version = false, "7.0.15"
	}
	least := newWorld() // a user with the rights of docs/operations.md, who sees no settings
	for _, s := range least.servers {
		s.settings, s.info = nil, "min_slaves_good_slaves:2\r\n"
	}
	local := layout("127.0.0.1:2638%d", "127.0.0.1:638%d", 3, 2)
	for _, s := range local.servers {
		s.pass, s.settings["requirepass"], s.settings["masterauth"] = "", "", ""
	}
	renamed := newWorld()
	for _, s := range renamed.servers {
		s.renamed = map[string]string{"SLAVEOF": "FOLLOW", "CONFIG": "SETTINGS", "MULTI": "BEGIN"}
		s.settings = nil
	}
	renamed.command = func(_, name string) string {
		if to := renamed.servers[0].renamed[name]; to != "" {
			return to
		}
		return name
	}
	near := newWorld() // it begins at a Sentinel and a server by the addresses of their own machine
	near.nodes["127.0.0.1:26379"], near.nodes["127.0.0.1:6379"] = near.sentinels[1], near.servers[0]
	near.from = []string{"127.0.0.1:26379", "127.0.0.1:6379"}
	password := newWorld()
	password.pass = "other"
	for _, s := range password.sentinels {
		s.pass = "other"
	}
	for name, w := range map[string]*world{
		"three gosentinels":              newWorld(),
		"three of stock":                 stock,
		"five, host names":               layout("sentinel-%d.example:26379", "redis-%d.example:6379", 5, 3),
		"IPv6":                           layout("[fd00::%d]:26379", "[fd00::1:%d]:6379", 3, 2),
		"least rights":                   least,
		"one machine, no password":       local,
		"commands renamed on both sides": renamed,
		"from their own machine":         near,
		"password for Sentinels":         password,
	} {
		t.Run(name, func(t *testing.T) {
			r := examine(t, w)
			if len(r.Findings) > 0 || r.Status() != 0 || !strings.Contains(r.Looked[0], ", 3 servers,") {
				var b bytes.Buffer
				r.Print(&b)
				t.Error(b.String())
			}
		})
	}
}

// TestBrokenSetups: the doctor names each fault, says what to do about it, and adds nothing
// that does not follow from it.
func TestBrokenSetups(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*world)
		want  string // kinds in order
		says  string // part of the first finding
		mend  string // part of its remedy
	}{
		"quorum larger than the Sentinels": {func(w *world) {
			w.each(func(v *view) { v.fields["quorum"], v.quorum = "4", "NOQUORUM 3 usable Sentinels. Not enough" })
		}, "quorum-too-large", "The quorum is 4, and there are only 3 Sentinels", "redis-cli -h 10.0.0.1 -p 26379 SENTINEL SET m quorum 2"},
		"four Sentinels": {func(w *world) { *w = *layout("10.0.0.%d:26379", "10.0.1.%d:6379", 4, 3) },
			"even-sentinels", "There are 4 Sentinels, and 3 are needed", "gosentinel forget m"},
		"two Sentinels": {func(w *world) { *w = *layout("10.0.0.%d:26379", "10.0.1.%d:6379", 2, 2) }, "few-sentinels", "both are needed", "three in all"},
		"one Sentinel":  {func(w *world) { *w = *layout("10.0.0.%d:26379", "10.0.1.%d:6379", 1, 1) }, "few-sentinels", "one Sentinel", "three in all"},
		"quorum 1":      {func(w *world) { w.each(func(v *view) { v.fields["quorum"] = "1" }) }, "quorum-one", "one Sentinel that loses its connection", "quorum 2"},
		"Sentinels that do not see each other": {func(w *world) {
			for _, p := range w.sentinels[0].masters[0].peers {
				p["flags"], p["link-error"] = "s_down,sentinel,disconnected", "dial tcp: i/o timeout"
			}
			w.sentinels[0].masters[0].quorum = "NOQUORUM 1 usable Sentinels. Not enough available Sentinels"
		}, "no-quorum sentinels-apart", "No failover can be decided: 1 usable Sentinels.", "s_down in their flags"},
		"another password for Sentinels": {func(w *world) {
			w.peer(id('b', 2), "link-error", "it refuses AUTH: WRONGPASS invalid username-password pair")
		}, "link-error", "Its connection to 10.0.0.3:26379: it refuses AUTH", "EXTENDED"},
		"a Sentinel that forgot the master": {func(w *world) { w.sentinels[2].masters = nil }, "sentinels-apart not-monitored", "does not monitor a master of that name", "nc -vz"},
		"one id twice": {func(w *world) {
			w.sentinels[2].id = w.sentinels[1].id
			w.each(func(v *view) {
				v.peers = slices.DeleteFunc(v.peers, func(p map[string]string) bool { return p["ip"] == "10.0.0.3" })
			})
			w.hellos = []string{"10.0.0.3,26379," + id('b', 1) + ",5,m,10.0.1.1,6379,3"}
		}, "same-id", "Both have the id", "sentinel myid"},
		"announced 0.0.0.0": {func(w *world) {
			w.hellos = []string{"0.0.0.0,26379," + id('b', 2) + ",5,m,10.0.1.1,6379,3"}
			delete(w.nodes, w.sentinels[2].addr)
			w.peer(id('b', 2), "ip", "0.0.0.0")
		}, "announced-address", "stands for no machine", "announce-ip"},
		"announced loopback": {func(w *world) {
			w.move(w.sentinels[2], "127.0.0.1:26379")
			w.nodes["127.0.0.1:26379"].refused = true
		}, "announced-address", "A Sentinel announces 127.0.0.1:26379", "announce-ip"},
		"announced blank": {func(w *world) { w.peer(id('b', 2), "ip", "") }, "announced-address", "the address is blank", "announce-ip"},
		"announced in a family that nobody has": {func(w *world) {
			w.move(w.sentinels[2], "[2001:db8::5]:26379")
			w.hellos = []string{"2001:db8::5,26379," + id('b', 2) + ",5,m,10.0.1.1,6379,3"}
			w.sentinels[2].silent = true
			w.peer(id('b', 2), "flags", "s_down,sentinel,disconnected")
		}, "announced-address", "It is an IPv6 address, and all others have IPv4.", "announce-ip"},
		"one announced address for all": {func(w *world) {
			for _, s := range w.sentinels {
				s.config["announce-ip"] = "192.0.2.1"
			}
			w.from = []string{"10.0.0.1:26379", "10.0.0.2:26379"}
		}, "announced-address", "Both announce 192.0.2.1:26379", "announce-ip"},
		"two behind one address": {func(w *world) { w.peer(id('b', 2), "ip", "10.0.0.2") }, "announced-address", "there answers Sentinel bbbbbbbb", "announce-ip"},
		"an announced name that does not resolve": {func(w *world) {
			w.move(w.sentinels[2], "nowhere.example:26379")
			delete(w.nodes, "nowhere.example:26379")
			w.hellos = []string{"nowhere.example,26379," + id('b', 2) + ",5,m,10.0.1.1,6379,3"}
			w.peer(id('b', 2), "flags", "s_down,sentinel,disconnected")
		}, "announced-address", "does not resolve", "announce-ip"},
		"a Sentinel that is gone": {func(w *world) {
			w.sentinels[2].silent = true
			w.peer(id('b', 2), "flags", "s_down,sentinel,disconnected")
		}, "dead-sentinel", "counts for the majority", "SENTINEL RESET m"},
		"a Sentinel that has just gone": {func(w *world) { w.sentinels[2].refused = true }, "sentinel-not-asked", "refuses connections", "ss -ltnp"},
		"no replicas": {func(w *world) {
			w.each(func(v *view) { v.replicas, v.fields["num-slaves"] = nil, "0" })
			w.servers = w.servers[:1]
		}, "no-replicas", "10.0.1.1:6379 has no replica", "REPLICAOF 10.0.1.1 6379"},
		"a replica of another master": {func(w *world) {
			w.servers[2].master = "10.0.9.9:6379"
			w.nodes["10.0.9.9:6379"] = &node{addr: "10.0.9.9:6379", runID: id('d', 9), version: "7.0.15", pass: "secret", settings: w.servers[0].settings}
		}, "replica-of-another", "It is a replica of 10.0.9.9:6379, and the master is 10.0.1.1:6379", "redis-cli -h 10.0.1.3 -p 6379 REPLICAOF 10.0.1.1 6379"},
		"a second master": {func(w *world) { w.servers[2].master = "" }, "replica-of-another", "it is a master", "REPLICAOF"},
		"all priorities 0": {func(w *world) {
			w.each(func(v *view) {
				for _, r := range v.replicas {
					r["slave-priority"] = "0"
				}
			})
		}, "no-candidate", "All replicas (2) have priority 0", "replica-priority 100"},
		"a password that the Sentinels do not have": {func(w *world) {
			w.servers[1].pass = "another"
			w.each(func(v *view) { v.replicas[0]["flags"] = "s_down,slave,disconnected" })
		}, "login-refused replica-down", "refuses the login", "auth-pass"},
		"no password in the file": {func(w *world) { w.login.Password = "" }, "login-refused", "asks for a password", "SENTINEL SET m auth-pass"},
		"no right to promote":     {func(w *world) { w.servers[1].forbidden = []string{"SLAVEOF"} }, "rights-missing", "must not use SLAVEOF", "ACL SETUSER default +slaveof"},
		"no right to say hello":   {func(w *world) { w.servers[0].forbidden = []string{"PUBLISH"} }, "rights-missing", "Sentinels find each other", "+publish '&__sentinel__:hello'"},
		"no transactions":         {func(w *world) { w.servers[1].forbidden = []string{"EXEC"} }, "rights-missing", "EXEC", "+multi +exec"},
		"no right to cut clients": {func(w *world) { w.servers[1].forbidden = []string{"CLIENT KILL"} }, "rights-reduced", "stay connected to the old master", "+client|kill"},
		"a renamed command":       {func(w *world) { w.servers[1].renamed = map[string]string{"SLAVEOF": "X"} }, "command-renamed", "has no command SLAVEOF", "SENTINEL SET m rename-command SLAVEOF"},
		"different masterauth": {func(w *world) {
			w.servers[1].settings = clone(w.servers[1].settings, "masterauth", "old")
		}, "masterauth-differs", "Its masterauth is not the password of 10.0.1.1:6379", "CONFIG SET masterauth"},
		"no masterauth at the master": {func(w *world) {
			w.servers[0].settings = clone(w.servers[0].settings, "masterauth", "")
		}, "masterauth-differs", "It has no masterauth", "CONFIG SET masterauth"},
		"a link that is down": {func(w *world) { w.servers[1].link = "down" }, "replica-link-down", "no connection to its master for 77 s", "masterauth"},
		"down-after below the round trip": {func(w *world) {
			w.each(func(v *view) { v.fields["down-after-milliseconds"] = "400" })
			w.servers[0].delay = 300 * time.Millisecond
		}, "down-after-short", "10.0.1.1:6379 takes 300ms", "down-after-milliseconds 3000"},
		"down-after 50 ms": {func(w *world) { w.each(func(v *view) { v.fields["down-after-milliseconds"] = "50" }) }, "down-after-short", "down-after is 50ms", "1000"},
		"failover-timeout below down-after": {func(w *world) { w.each(func(v *view) { v.fields["failover-timeout"] = "100" }) },
			"failover-timeout-short", "failover-timeout is 100ms", "failover-timeout 15000"},
		"all replicas load at once": {func(w *world) { w.each(func(v *view) { v.fields["parallel-syncs"] = "9" }) }, "parallel-syncs-high", "9", "parallel-syncs 1"},
		"min-replicas-to-write unset": {func(w *world) {
			for _, s := range w.servers {
				s.settings["min-replicas-to-write"] = "0"
			}
		}, "min-replicas-unset", "all of them are lost", "CONFIG SET min-replicas-to-write 1"},
		"protected mode, seen from its own machine": {func(w *world) {
			for _, s := range w.servers {
				s.settings["requirepass"], s.settings["masterauth"], s.pass = "", "", ""
			}
		}, "protected-mode", "no password", "protected-mode no"},
		"protected mode, seen from elsewhere": {func(w *world) { w.servers[1].denied = true }, "protected-mode", "takes neither Sentinels", "requirepass"},
		"TLS against plain":                   {func(w *world) { w.servers[1].raw = "\x15\x03\x03\x00\x02\x02\x28" }, "tls-differs", "it speaks TLS", "tls-replication yes"},
		"clocks apart":                        {func(w *world) { w.servers[2].skew = time.Minute }, "clocks-apart", "Its clock is 1m0s ahead", "set-ntp"},
		"stock of several versions": {func(w *world) {
			w.sentinels[1].own, w.sentinels[1].version = false, "6.2.6"
			w.sentinels[2].own, w.sentinels[2].version = false, "7.0.15"
		}, "versions-differ", "redis-sentinel 6.2.6, redis-sentinel 7.0.15", "one release"},
		"old servers": {func(w *world) {
			for _, s := range w.servers {
				s.version = "5.0.14"
			}
		}, "old-server", "cannot pause writes", "6.2"},
		"servers of two releases": {func(w *world) { w.servers[1].version = "6.2.6" }, "server-versions-differ", "6.2.6 and 7.0.15", "replicas first"},
		"Sentinels with two masters": {func(w *world) {
			w.sentinels[2].masters[0].fields["ip"] = "10.0.1.2"
			w.sentinels[2].masters[0].fields["config-epoch"] = "1"
			w.sentinels[2].masters[0].replicas = nil
		}, "masters-differ replica-of-another", "Its master is 10.0.1.2:6379 (epoch 1)", "SENTINEL REMOVE m"},
		"settings that differ": {func(w *world) { w.sentinels[1].masters[0].fields["down-after-milliseconds"] = "6000" },
			"settings-differ", "down-after-milliseconds is 6000 there, and 5000 at 10.0.0.1:26379, 10.0.0.3:26379", "redis-cli -h 10.0.0.2 -p 26379 SENTINEL SET m down-after-milliseconds 5000"},
		"a master that is down": {func(w *world) {
			w.servers[0].refused = true
			w.each(func(v *view) {
				v.fields["flags"], v.fields["link-error"] = "s_down,o_down,master", "connection refused"
			})
		}, "master-down", "counts as down: connection refused", "PING"},
		"TILT":       {func(w *world) { w.sentinels[1].tilt = true }, "tilt", "decides nothing", "grep -i tilt"},
		"a failover": {func(w *world) { w.each(func(v *view) { v.fields["flags"] = "master,failover_in_progress" }) }, "failover-under-way", "under way", "again"},
		"a pause": {func(w *world) {
			w.each(func(v *view) { v.fields["failover-paused"], v.fields["failover-paused-reason"] = "60000", "kernel" })
		}, "failover-paused", "for 1m0s more: kernel", "RESUME-FAILOVER m"},
		"a replica nobody knows": {func(w *world) {
			w.each(func(v *view) { v.replicas, v.fields["num-slaves"] = v.replicas[:1], "1" })
		}, "replicas-unknown", "a replica at 10.0.1.3:6379", "RESET"},
		"an HTTP server": {func(w *world) {
			w.nodes["10.0.0.9:80"] = &node{raw: "HTTP/1.1 400 Bad Request\r\n\r\n"}
			w.from = []string{"10.0.0.9:80"}
		}, "stranger", "it is an HTTP server", "26379"},
		"a wrong password for Sentinels": {func(w *world) {
			w.sentinels[0].pass, w.pass, w.login = "right", "wrong", survey.Access{}
		}, "stranger", "it refuses the password", "REDISCLI_AUTH"},
		"a black hole": {func(w *world) {
			w.nodes["10.0.0.9:80"] = &node{silent: true}
			w.from = []string{"10.0.0.9:80"}
		}, "stranger", "no connection comes about in time", ""},
		"one who says nothing": {func(w *world) {
			w.nodes["10.0.0.9:80"] = &node{mute: true}
			w.from = []string{"10.0.0.9:80"}
		}, "stranger", "does not answer in 2s", ""},
		"servers without Sentinels": {func(w *world) { w.from = []string{"10.0.1.2:6379"} }, "no-sentinels", "nobody replaces the master", "sentinel monitor"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			c.spoil(w)
			r := examine(t, w)
			var b bytes.Buffer
			r.Print(&b)
			if got := strings.Join(kindsOf(r), " "); got != c.want {
				t.Fatalf("found %s, want %s\n%s", got, c.want, b.String())
			}
			f := r.Findings[0]
			if !strings.Contains(f.What, c.says) || !strings.Contains(strings.Join(f.Mend, "\n"), c.mend) {
				t.Errorf("wanted %q and %q:\n%s", c.says, c.mend, b.String())
			}
			for _, f := range r.Findings {
				if len(f.Mend) == 0 {
					t.Errorf("nothing mends %+v", f)
				}
			}
			if strings.Contains(b.String(), "secret") {
				t.Error("a password is shown")
			}
		})
	}
}

func clone(m map[string]string, key, value string) map[string]string {
	n := map[string]string{}
	for k, v := range m {
		n[k] = v
	}
	n[key] = value
	return n
}

// TestHostileWords: what others say cannot steer a terminal, and is quoted in commands.
func TestHostileWords(t *testing.T) {
	w := newWorld()
	evil := "m\x1b[2J$(reboot)"
	w.each(func(v *view) { v.fields["name"], v.fields["quorum"] = evil, "9" })
	r := examine(t, w)
	var b, j bytes.Buffer
	r.Print(&b)
	if err := r.JSON(&j); err != nil || !json.Valid(j.Bytes()) {
		t.Fatal(err)
	}
	if strings.ContainsRune(b.String(), 0x1b) || strings.ContainsRune(j.String(), 0x1b) || !strings.Contains(b.String(), "SET 'm?[2J$(reboot)' quorum") {
		t.Error(b.String())
	}
}

// TestManyAlike: hundreds of groups with one fault do not fill the screen.
func TestManyAlike(t *testing.T) {
	r := &doctor.Report{}
	for k := range 300 {
		r.File("f", []configrewrite.Advice{{Kind: "quorum-one", Master: fmt.Sprint(k), Message: "one", Hint: "two"}}, nil, nil)
	}
	r.File("f", nil, []string{"last"}, nil)
	r.Looked = nil
	var b, j bytes.Buffer
	r.Print(&b)
	r.JSON(&j)
	if strings.Count(b.String(), "quorum-one") != 5 || !strings.Contains(b.String(), "\n   and 295 more like it, which --json has\n\n301. NOTE  file-warning") || strings.Count(j.String(), "quorum-one") != 300 {
		t.Error(b.String())
	}
}

// TestAdviceIsOfAKind: what is said of files has a kind, too.
func TestAdviceIsOfAKind(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "configrewrite", "advice.go"))
	if err != nil {
		t.Fatal(err)
	}
	calls := regexp.MustCompile(`a\.add\("([^"]*)"`).FindAllStringSubmatch(string(text), -1)
	for _, call := range calls {
		if !slices.ContainsFunc(doctor.Kinds(), func(k doctor.Kind) bool { return k.Name == call[1] }) {
			t.Errorf("there is no kind %q", call[1])
		}
	}
	if len(calls) < 6 {
		t.Errorf("only %d kinds of advice are found", len(calls))
	}
}

// TestFile: what is wrong with a file, each with what mends it.
func TestFile(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.conf")
	if err := os.WriteFile(bad, []byte("port x\nsentinel monitor m 127.0.0.1 1 0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, mistakes := configrewrite.Load(bad, nil)
	_, missing := configrewrite.Load(filepath.Join(dir, "none"), nil)
	r := &doctor.Report{}
	r.Mistakes(bad, mistakes)
	r.Mistakes("none", missing)
	r.Mistakes("s.conf", errors.Join(&configrewrite.NotWritableError{Path: "/etc/s.conf", Err: fs.ErrPermission}, errors.New("no port")))
	r.File("s.conf", []configrewrite.Advice{{Kind: "quorum-one", Master: "m", File: "s.conf", Line: 3, Message: "master m: with quorum 1, one is enough", Hint: "write a quorum of 2"}},
		[]string{"s.conf:3: master m: with quorum 1, one is enough; write a quorum of 2", "s.conf:9: damaged line dropped: x", "it is written in place", "s.conf:2: announce-ip counts as not set",
			"rename-command SENTINEL \"\" removes a command that others need: there may be no failover. Remove this line", "rename-command PING: other Sentinels take this one for down"}, nil)
	r.Sort()
	var b bytes.Buffer
	r.Print(&b)
	if got := strings.Join(kindsOf(r), " "); got != "file-mistake file-not-writable announced-address command-renamed quorum-one file-in-place file-warning" {
		t.Errorf("%s\n%s", got, b.String())
	}
	for _, want := range []string{"at " + bad + ":1\n", "Quorum must be 1 or greater", "> chown gosentinel: /etc/s.conf", "master m  at s.conf:3\n   With quorum 1, one is enough.\n     > write a quorum of 2\n", "at s.conf:9\n   Damaged line dropped: x.\n", "state-file"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	for _, f := range r.Findings {
		if len(f.Mend) == 0 {
			t.Errorf("nothing mends %+v", f)
		}
	}
}

// TestOpenToAll: who needs no password is a warning where the internet may reach it, and a
// note in private networks.
func TestOpenToAll(t *testing.T) {
	private, both := []string{"127.0.0.1", "10.0.0.5", "100.64.0.1", "fd00::1", "fe80::1"}, []string{"10.0.0.5", "8.8.8.8"}
	for _, c := range []struct {
		bind []string
		own  []string
		want doctor.Level
	}{
		{[]string{"*", "-::*"}, private, doctor.Note},
		{[]string{"*", "-::*"}, both, doctor.Warning},
		{[]string{"0.0.0.0"}, append(private, "2001:4860::1"), doctor.Warning},
		{[]string{"10.0.0.5", "127.0.0.1"}, both, doctor.Note},
		{[]string{"10.0.0.5", "-8.8.8.8"}, private, doctor.Warning},
		{[]string{"sentinel.example.com"}, private, doctor.Warning},
	} {
		var own []netip.Addr
		for _, one := range c.own {
			own = append(own, netip.MustParseAddr(one))
		}
		r := &doctor.Report{}
		r.File("f", []configrewrite.Advice{{Kind: "open-to-all", Message: "m", Hint: "h", Bind: c.bind}}, nil, own)
		if got := r.Findings[0].Level; got != c.want {
			t.Errorf("bind %v on %v: %s, want %s", c.bind, c.own, got, c.want)
		}
	}
}

// TestEveryKindIsExplained: doctor.md and the runbook have an entry for each kind of
// finding.
func TestEveryKindIsExplained(t *testing.T) {
	for _, name := range []string{"doctor.md", "runbook.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range doctor.Kinds() {
			if bytes.Count(text, []byte("\n| `"+k.Name+"` | ")) != 1 {
				t.Errorf("docs/%s has no entry of %s, or two: %s", name, k.Name, k.About)
			}
		}
	}
}
