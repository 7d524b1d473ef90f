package proxy

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/testcert"
)

const minimalGroup = "[[listener]]\nbind = \":6379\"\n[[group]]\nname = \"cache\"\nservers = [\"a:1\", \"b:1\"]\n"

// TestGroupProblems: what is wrong with a group is said with its line and a hint.
func TestGroupProblems(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"right", minimalGroup, ""},
		{"unknown key", minimalGroup + "down-afer = \"1s\"\n", `proxy.toml:6: unknown key "down-afer" in [[group]] (did you mean "down-after"?)`},
		{"one server", strings.Replace(minimalGroup, `, "b:1"`, "", 1), "proxy.toml:5: a group has two servers or more"},
		{"twice", strings.Replace(minimalGroup, `"b:1"`, `"a:1"`, 1), `proxy.toml:5: the server "a:1" is there twice (remove one of them)`},
		{"no port", strings.Replace(minimalGroup, `"b:1"`, `"b"`, 1), `proxy.toml:5: "b" is no address of a server (write "host:6379")`},
		{"no name", strings.Replace(minimalGroup, "name = \"cache\"\n", "", 1), "proxy.toml:3: a [[group]] has no name"},
		{"name with a blank", strings.Replace(minimalGroup, "cache", "ca che", 1), "proxy.toml:4: the name \"ca che\" has a blank"},
		{"too short", minimalGroup + "down-after = \"5ms\"\n", "proxy.toml:6: down-after = 5ms is too short"},
		{"name taken", minimalGroup + "[[master]]\nname = \"cache\"\nsentinels = [\"s\"]\n", `the master "cache" is defined twice`},
		{"state shared", minimalGroup + "state = \"x\"\n[[group]]\nname = \"other\"\nservers = [\"c:1\", \"d:1\"]\nstate = \"x\"\n", "proxy.toml:10: two groups have the state file"},
		{"TLS", minimalGroup + "proxies = 3\ntls = { enable = true }\n", "proxies ask each other over TLS too"},
		{"no certificate", minimalGroup + "sentinel = { tls = { cert-file = \"x\", key-file = \"y\" } }\n", "proxy.toml:6: tls: open x"},
		{"user", minimalGroup + "user = \"u\"\n", "proxy.toml:6: a group has a user and no password"},
		{"listen", minimalGroup + "sentinel = { listen = \"x\" }\n", `sentinel.listen = "x" is no address`},
		{"announce", minimalGroup + "sentinel = { announce = \"host:1\" }\n", "has no IP address"},
	} {
		_, err := parse("proxy.toml", []byte(c.text))
		if got := fmt.Sprint(err); (c.want == "") != (err == nil) || err != nil && !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

// TestJSON: a file of redis-proxy is read, and what is wrong with it is said.
func TestJSON(t *testing.T) {
	c, err := parseJSON("dir/config.json", []byte(`{"servers": [{"host": "localhost", "port": 6379}, {"port": 6380}],
 "mode": "readsToSlaves", "listen_port": 9998, "bind_address": "0.0.0.0", "check_period": 2000, "pool_size": 50,
 "debug": true, "slave_balance": "roundrobin", "loggers": [{"type": "file"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	g, l, m := c.Groups[0], c.Listeners[0], c.Masters[0]
	if got := fmt.Sprint(g.Servers, g.DownAfter, l.Bind, l.Mode, l.Master, m.reads, g.State); got != fmt.Sprint([]string{"localhost:6379", "localhost:6380"}, 2*time.Second, "0.0.0.0:9998", ModeSplit, "redis", true, "dir/redis.state.toml") {
		t.Error(got)
	}
	const servers = `"servers": [{"port": 1}, {"port": 2}]`
	for _, c := range []struct{ name, text, want string }{
		{"defaults", "{" + servers + "}", ""},
		{"syntax", "{\n" + servers + ",}", "config.json:2: invalid character"},
		{"unknown key", "{" + servers + ",\n\"check_perid\": 1}", `config.json:2: unknown key "check_perid" (did you mean "check_period"?)`},
		{"unknown key of a server", "{\n\"servers\": [{\"port\": 1},\n {\"prt\": 2}]}", `config.json:3: unknown key "prt" (did you mean "port"?)`},
		{"kind", "{" + servers + ",\n\"listen_port\": \"x\"}", "config.json:2: listen_port must be a number"},
		{"mode", "{" + servers + ",\n\"mode\": \"all\"}", `config.json:2: mode "all" is unknown`},
		{"one server", "{\n\"servers\": [{}]}", "config.json:2: a group has two servers or more"},
		{"no servers", "{}", "a group has two servers or more"},
		{"twice", "{\"servers\": [{}, {}]}", `config.json:1: the server "localhost:6379" is there twice`},
	} {
		_, err := parseJSON("config.json", []byte(c.text))
		if got := fmt.Sprint(err); (c.want == "") != (err == nil) || err != nil && !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

// TestGroupIsHandedOver: a group gets its options, certificates that are read again are used by
// the Source that is there, and with other options another Source takes its place.
func TestGroupIsHandedOver(t *testing.T) {
	dir, ca := t.TempDir(), testcert.NewAuthority(t, "test")
	files := ca.Write(t, dir, "own")
	file := filepath.Join(dir, "proxy.toml")
	load := func(more string) *Config {
		t.Helper()
		text := fmt.Sprintf("%[1]spassword = \"p\"\ntls = { enable = true, ca-file = %[2]q, cert-file = %[3]q, key-file = %[4]q }\nsentinel = { listen = \"127.0.0.1:1\", tls = { cert-file = %[3]q, key-file = %[4]q } }\n%[5]s",
			strings.Replace(minimalGroup, ":6379", "127.0.0.1:0", 1), files.CA, files.Cert, files.Key, more)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	var made []*leaving
	ready := make(chan struct{})
	p := New(load(""), Options{
		Ready: func([]net.Addr) { close(ready) },
		Standalone: func(o GroupOptions) (Source, error) {
			made = append(made, &leaving{steered: steered{changed: make(chan struct{})}, opt: o})
			return made[len(made)-1], nil
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.Run(ctx) }()
	<-ready
	o := made[0].opt
	if got := fmt.Sprint(o.Name, o.Servers, o.DownAfter, o.Access.Password, o.State == filepath.Join(dir, "cache.state.toml")); got != "cache[a:1 b:1] 5sptrue" {
		t.Error(got)
	}
	old, err := o.ListenTLS.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	ca.Write(t, dir, "own")
	if err := p.Reload(load("")); err != nil {
		t.Fatal(err)
	}
	server, err := o.ListenTLS.GetCertificate(nil)
	if err != nil || bytes.Equal(server.Certificate[0], old.Certificate[0]) {
		t.Errorf("the former certificate, %v", err)
	}
	if client, err := o.Access.TLS.GetClientCertificate(nil); err != nil || !bytes.Equal(client.Certificate[0], server.Certificate[0]) {
		t.Errorf("another certificate, %v", err)
	}
	if len(made) != 1 || made[0].left.Load() {
		t.Error("the Source has been replaced for nothing")
	}
	if err := p.Reload(load("down-after = \"1s\"\n")); err != nil {
		t.Fatal(err)
	}
	if len(made) != 2 || !made[0].left.Load() || made[1].left.Load() {
		t.Error("the Source has not been replaced")
	}
	p.Drain()
	if !made[1].left.Load() {
		t.Error("the Source does not make room for that of another process")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := New(load(""), Options{}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "set Options.Standalone") {
		t.Errorf("without a Sentinel inside: %v", err)
	}
}

// leaving is a Source that can give its place up.
type leaving struct {
	steered
	opt  GroupOptions
	left atomic.Bool
}

func (l *leaving) Leave() { l.left.Store(true) }
