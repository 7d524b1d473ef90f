package configrewrite

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// namesKept is the source that Convert parses with, without a disk.
func namesKept(format Format) Source {
	src := pureSource(format)
	src.keepNames = true
	return src
}

// thereAndBack converts a text into the other format and back again, and fails
// unless all three mean the same. convert compares each step itself; this
// compares the ends with another measure.
func thereAndBack(t *testing.T, text string, format Format) (there, back string) {
	t.Helper()
	first, _, err := convert([]byte(text), namesKept(format))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	other := FormatConf + FormatTOML - format
	second, _, err := convert(first, namesKept(other))
	if err != nil {
		t.Fatalf("back: %v\n%s", err, first)
	}
	a, b := mustParse(t, text, namesKept(format)), mustParse(t, string(second), namesKept(format))
	if describe(fileState(a.State)) != describe(fileState(b.State)) || describeSettings(a.Settings) != describeSettings(b.Settings) {
		t.Fatalf("converted there and back:\n%s%s\nwas\n%s%s\nby way of\n%s", describe(b.State), describeSettings(b.Settings),
			describe(a.State), describeSettings(a.Settings), first)
	}
	return string(first), string(second)
}

// everyDirective sets every generic directive to something else than its default.
const everyDirective = `port 1
bind 10.0.0.1 -::1
protected-mode yes
unixsocket "/run/a b.sock"
unixsocketperm 770
tcp-backlog 5
tcp-keepalive 0
timeout 7
maxclients 99
bind-source-addr 10.0.0.2
client-output-buffer-limit normal 1 2 3
client-output-buffer-limit pubsub 4mb 2mb 9
dir /var/lib
failover-journal-bytes 65536
daemonize yes
supervised systemd
pidfile /run/x.pid
loglevel debug
logfile "log file"
log-format logfmt
log-timestamp-format iso8601
syslog-enabled yes
syslog-ident "me \"too\""
syslog-facility local3
requirepass "p w"
user alice on >secret ~* +@all
user bob off
aclfile users.acl
acllog-max-len 5
acl-pubsub-default allchannels
rename-command CONFIG hidden
tls-port 2
tls-cert-file c
tls-key-file k
tls-key-file-pass "s p"
tls-client-cert-file cc
tls-client-key-file ck
tls-client-key-file-pass q
tls-ca-cert-file ca
tls-ca-cert-dir cad
tls-dh-params-file dh
tls-auth-clients optional
tls-replication yes
tls-protocols "TLSv1.2 TLSv1.3"
tls-ciphers HIGH
tls-ciphersuites TLS_AES_128_GCM_SHA256
tls-prefer-server-ciphers yes
tls-session-caching no
tls-session-cache-size 5
tls-session-cache-timeout 6
gossip-port 36380
gossip-bind 10.0.0.1 -::1
gossip-announce-ip 192.0.2.7
gossip-announce-port 4000
gossip-key AAAAAAAAAAAAAAAAAAAAAA== AQEBAQEBAQEBAQEBAQEBAQ==
gossip-join 192.0.2.8:36379 peer:36379
http-port 9121
http-bind 192.0.2.7 -::1
http-tls yes
http-user ops
http-password "look here"
http-token abc
`

const fullConf = everyDirective + `sentinel monitor m 10.0.0.1 6379 2
sentinel down-after-milliseconds m 1234
sentinel auth-pass m "pass word"
sentinel can-failover m no
sentinel rename-command m CONFIG c
sentinel monitor other name.example 1 1
sentinel resolve-hostnames yes
sentinel announce-ip "1.2.3.4"
sentinel myid ` + idA + `
sentinel config-epoch m 3
sentinel leader-epoch m 4
sentinel known-replica m 10.0.0.2 6379
sentinel known-sentinel m 10.0.0.3 26379 ` + idB + `
sentinel current-epoch 5
`

// TestConvertKeepsDir: every file that a Sentinel has written names its directory,
// which mostly is the one of the file itself. Left out, it would become that of
// the next start.
func TestConvertKeepsDir(t *testing.T) {
	own := pureSource(FormatConf).Dir
	for name, c := range map[string]struct{ conf, toml string }{
		"of the file": {"dir \"" + own + "\"\n", "dir = \"" + own + "\"\n"},
		"relative":    {"dir sub/../log\n", "dir = \"log\"\n"},
		"the start's": {"dir .\n", "dir = \".\"\n"},
		"in steps":    {"dir /var\ndir lib\n", "dir = \"/var/lib\"\n"},
		"in steps on": {"dir log\ndir ../lib\n", "dir = \"lib\"\n"},
		"another":     {"dir /var/lib\n", "dir = \"/var/lib\"\n"},
	} {
		there, back := thereAndBack(t, c.conf, FormatConf)
		if !strings.Contains(there, c.toml) || !strings.Contains(back, "dir ") {
			t.Errorf("%s: converted to\n%s\nand back to\n%s", name, there, back)
		}
	}
	if there, back := thereAndBack(t, "port 1\n", FormatConf); strings.Contains(there+back, "dir ") {
		t.Errorf("a dir that nobody asked for:\n%s\n%s", there, back)
	}
}

func TestConvertEverything(t *testing.T) {
	doc := mustParse(t, everyDirective, namesKept(FormatConf))
	defaults := DefaultSettings()
	for i := range settingOptions {
		o := &settingOptions[i]
		if o.Name == "state-file" { // has a test of its own
			continue
		}
		if tomlText(o, &doc.Settings) == tomlText(o, &defaults) {
			t.Errorf("everyDirective leaves %s at its default", o.Name)
		}
	}
	there, back := thereAndBack(t, fullConf, FormatConf)
	for _, want := range []string{"[server]\nport = 1\n", "requirepass = \"p w\"", "down-after = \"1.234s\"", "can-failover = false",
		"host = \"name.example\"", stateMarker, "myid = \"" + idA} {
		if !strings.Contains(there, want) {
			t.Errorf("no %q in\n%s", want, there)
		}
	}
	if !strings.Contains(back, "sentinel can-failover m no\n") {
		t.Errorf("can-failover is lost:\n%s", back)
	}
}

// TestConvertStateFile: the state in a file of its own serves both formats, so
// none of it may come into the converted configuration.
func TestConvertStateFile(t *testing.T) {
	const conf = "state-file /var/lib/s.toml\nport 5\nsentinel monitor m name.example 6379 2\nsentinel auth-pass m x\n"
	there, back := thereAndBack(t, conf, FormatConf)
	if strings.Contains(there, "[state]") {
		t.Errorf("state in\n%s", there)
	}
	if strings.Contains(back, "epoch") || !strings.Contains(back, "sentinel monitor m name.example 6379 2\n") {
		t.Errorf("want what the operator wrote, got\n%s", back)
	}
}

// TestConvertStateBeside: state in a file that names another one counts until that is
// written, so it is carried over: the way of a package that takes over a sentinel.conf.
func TestConvertStateBeside(t *testing.T) {
	const conf = "state-file /var/lib/s.toml\nsentinel myid 0123456789012345678901234567890123456789\nsentinel monitor m 10.0.0.1 6379 2\n" +
		"sentinel config-epoch m 5\nsentinel known-replica m 10.0.0.2 6379\nsentinel current-epoch 7\n"
	there, back := thereAndBack(t, conf, FormatConf)
	for _, want := range []string{"state-file = ", "current-epoch = 7\n", "config-epoch = 5\n", `myid = "0123456789012345678901234567890123456789"`} {
		if !strings.Contains(there, want) {
			t.Errorf("no %q in\n%s", want, there)
		}
	}
	for line := range strings.Lines(conf) {
		if strings.HasPrefix(line, "sentinel ") && !strings.Contains(back, line) {
			t.Errorf("no %q in\n%s", line, back)
		}
	}
}

func TestConvertLaws(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		doc := mustParse(t, "", namesKept(FormatConf))
		thereAndBack(t, string(doc.Render(nil, randomState(r, FormatConf))), FormatConf)

		operator := randomTOML(r)
		src := namesKept(FormatTOML)
		doc = mustParse(t, operator, src)
		st := randomState(r, FormatTOML)
		for i := range st.Masters { // a sentinel.conf knows whole milliseconds
			st.Masters[i].MasterConfig = wholeTimes(st.Masters[i].MasterConfig)
		}
		thereAndBack(t, string(doc.Render([]byte(operator), st)), FormatTOML)
	}
}

func wholeTimes(m monitor.MasterConfig) monitor.MasterConfig {
	m.DownAfter, m.FailoverTimeout = wholeUnits(m.DownAfter, time.Millisecond), wholeUnits(m.FailoverTimeout, time.Millisecond)
	m.RebootDownAfter = wholeUnits(m.RebootDownAfter, time.Millisecond)
	return m
}

// What one format cannot say is an error or a warning, and never silence.
func TestConvertSaysWhatIsLost(t *testing.T) {
	_, _, err := convert([]byte("[server]\ntimeout = \"1500ms\"\n"), namesKept(FormatTOML))
	if !errors.Is(err, errConvert) || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("half a second in a unit of seconds: %v", err)
	}
	_, warnings, err := convert([]byte("# one\nport 5\n  # two\nmaxmemory 5mb\n"), namesKept(FormatConf))
	if got := fmt.Sprint(warnings); err != nil || !strings.Contains(got, "comments left out: 2") || !strings.Contains(got, "maxmemory") {
		t.Errorf("%v %v", warnings, err)
	}
	var all *Error
	if _, _, err := convert([]byte("prot 5\nport x\n"), namesKept(FormatConf)); !errors.As(err, &all) || len(all.Problems) != 2 {
		t.Errorf("mistakes: %v", err)
	}
}

func TestConvertFile(t *testing.T) {
	dir := t.TempDir()
	writeText(t, filepath.Join(dir, "more.conf"), "sentinel down-after-milliseconds m 77\n")
	writeText(t, filepath.Join(dir, "s.conf"), "include "+filepath.Join(dir, "more.conf")+"\nsentinel monitor m 10.0.0.1 6379 2\n")
	text, _, err := Convert(filepath.Join(dir, "s.conf"))
	if err != nil || !strings.Contains(string(text), `down-after = "77ms"`) {
		t.Errorf("what is included is lost: %v\n%s", err, text)
	}
	t.Chdir(dir) // where a Sentinel would be started
	if err := os.Mkdir("etc", 0o755); err != nil {
		t.Fatal(err)
	}
	writeText(t, "etc/relative.conf", "include more.conf\ndir sub\nsentinel monitor m 10.0.0.1 6379 2\n")
	text, _, err = Convert("etc/relative.conf")
	if err != nil || !strings.Contains(string(text), "down-after = \"77ms\"") || !strings.Contains(string(text), "dir = \"sub\"\n") {
		t.Errorf("relative paths: %v\n%s", err, text)
	}
	if _, _, err := Convert(filepath.Join(dir, "none.conf")); err == nil || !strings.Contains(err.Error(), "can't open config file") {
		t.Errorf("a missing file: %v", err)
	}
}
