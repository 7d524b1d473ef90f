package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/internal/resptest"
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/pubsub"
)

// TestServerGolden runs the scripts in testdata/commands, which hold the expected
// reply to every command, byte for byte. Run go test with -rewrite to regenerate
// the replies.
//
//	run [c=name] [quiet]   sends the input lines to connection c, which is opened
//	                       at first use; quiet shows the first line of each reply
//	event                  publishes +sdown and +switch-master
//	recv c=name n=2        shows the next values that arrive
//	did                    shows what the core was asked to do since the last time
//	restart [key=value]    restarts the server with: pass, deny, hostnames, stopping, fail, aclfile
//	aclfile                writes the ACL file, or without input shows it
func TestServerGolden(t *testing.T) {
	datadriven.Walk(t, "testdata/commands", func(t *testing.T, path string) {
		g := &goldenRun{t: t}
		g.restart(&datadriven.TestData{})
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "run":
				return g.run(d)
			case "event":
				g.server.bus.Publish(event.SDown{Instance: monitor.Instance{Name: "m", Addr: monitor.HostPort{Host: "10.0.0.1", Port: 6379}}})
				g.server.bus.Publish(event.SwitchMaster{Master: "m", From: monitor.HostPort{Host: "a", Port: 1}, To: monitor.HostPort{Host: "b", Port: 2}})
				return ""
			case "recv":
				var n int
				d.ScanArgs(t, "n", &n)
				var out string
				for range n {
					v, err := g.conn(d).Value()
					if out += v; err != nil {
						return out + err.Error()
					}
				}
				return out
			case "did":
				g.server.fake.mu.Lock()
				defer g.server.fake.mu.Unlock()
				out := strings.Join(g.server.fake.done, "\n")
				g.server.fake.done = nil
				return out
			case "aclfile":
				return g.ACLFile(d.Input)
			case "restart":
				g.restart(d)
				return ""
			default:
				t.Fatalf("unknown directive %s", d.Cmd)
				return ""
			}
		})
	})
}

type goldenRun struct {
	t      *testing.T
	server *testServer
	conns  map[string]*resptest.Conn
	acl    *ACLFile
}

func (g *goldenRun) ACLFile(text string) string {
	if text != "" {
		if err := os.WriteFile(g.acl.path, []byte(text+"\n"), 0o600); err != nil {
			g.t.Fatal(err)
		}
		return ""
	}
	got, err := os.ReadFile(g.acl.path)
	if err != nil {
		g.t.Fatal(err)
	}
	return string(got)
}

func (g *goldenRun) restart(d *datadriven.TestData) {
	b := newFakeEngine()
	b.opts.AllowScriptsReconfig = !d.HasArg("deny")
	b.opts.ResolveHostnames = d.HasArg("hostnames")
	b.stopping = d.HasArg("stopping")
	if d.HasArg("fail") {
		b.result.Err = monitor.ErrSave
	}
	cfg := Config{Version: "0.0.1", RunID: idA, Port: 26379, Gossip: noGossip{"0.1.0"}, Journal: fakeJournal{}}
	if d.HasArg("pass") {
		cfg.Users = usersWithPassword("secret")
	}
	if g.acl = nil; d.HasArg("aclfile") {
		cfg.Users = newUsers(configrewrite.DefaultSettings())
		g.acl = NewACLFile("users.acl", filepath.Join(g.t.TempDir(), "users.acl"), cfg.Users)
		cfg.ACLFile = g.acl
	}
	level := "notice"
	cfg.LogLevel = func() string { return level }
	cfg.SetLogLevel = func(l string) { level = l }
	cfg.Shutdown = func() { b.record("shutdown") }
	g.server = startServer(g.t, cfg, b, pubsub.Limits{ClientNameBytes: 500})
	g.conns = make(map[string]*resptest.Conn)
}

func (g *goldenRun) conn(d *datadriven.TestData) *resptest.Conn {
	name := "main"
	d.MaybeScanArgs(g.t, "c", &name)
	if g.conns[name] == nil {
		g.conns[name] = g.server.dial(g.t)
	}
	return g.conns[name]
}

func (g *goldenRun) run(d *datadriven.TestData) string {
	var out strings.Builder
	for _, line := range strings.Split(d.Input, "\n") {
		got := g.conn(d).Do(line)
		if d.HasArg("quiet") {
			got, _, _ = strings.Cut(got, "\n")
			got += "\n"
		}
		fmt.Fprintf(&out, "> %s\n%s", line, got)
	}
	return out.String()
}
