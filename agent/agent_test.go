package agent

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/sentineltest"
)

// output collects a log.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// run runs an agent until the test or the function that it returns ends it.
func run(t *testing.T, cfg *Config) (a *Agent, log *output, end func()) {
	t.Helper()
	log = &output{}
	cfg.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	a, err := New(cfg)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- a.Run(ctx) }()
	end = sync.OnceFunc(func() {
		cancel()
		must(t, <-ended)
		if t.Failed() {
			t.Log(log.String())
		}
	})
	t.Cleanup(end)
	return a, log, end
}

func metricsOf(a *Agent) string {
	var b strings.Builder
	_, _ = a.Metrics().WriteTo(&b)
	return b.String()
}

func master(c *sentineltest.Cluster) string { return c.Master().Addr() }

// move has another server become the master. A planned failover would be given up on a
// busy machine.
func move(c *sentineltest.Cluster) {
	old := c.Master()
	old.Kill()
	c.WaitStable()
	old.Restart()
	c.WaitStable()
}

// pool writes a nutcracker.yml that names a wrong master.
func pool(t *testing.T, name string) string {
	return write(t, "n.yml", "alpha:\n  listen: 127.0.0.1:22121\n  redis: true\n  servers:\n   - 127.0.0.1:1:1 "+name+" # the only one\n")
}

// TestFollows: a file has the master, whatever happens, and is written only when that
// changes.
func TestFollows(t *testing.T) {
	t.Parallel()
	c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{Name: "redis1"})
	path := pool(t, "redis1")
	restarts := path + ".restarts"
	a, log, end := run(t, &Config{Sentinels: c.Addrs(), Poll: 100 * time.Millisecond, MetricsFile: path + ".prom", Targets: []Target{
		&Twemproxy{Common: Common{Every: 50 * time.Millisecond}, FileSettings: FileSettings{File: path, Validate: Program("grep", "-q", "redis1", "{file}"), Command: Shell("echo restarted | tee -a " + restarts)}},
	}})
	has := func() bool { return strings.Contains(read(t, path), "   - "+master(c)+":1 redis1 # the only one\n") }
	eventually(t, "the file has the master", has)
	move(c)
	eventually(t, "the file has the new master", has)
	eventually(t, "the command has run again", func() bool { b, _ := os.ReadFile(restarts); return string(b) == "restarted\nrestarted\n" })
	for _, line := range []string{
		"Loading TwemProxy config", "Subscribing to sentinel.", "Connection to Redis Sentinel established.", "Getting latest list of masters...",
		"Master received: redis1 127.0.0.1:", "Updating Master redis1 to " + master(c), "Saving TwemProxy config", "TwemProxy restarted with output: restarted",
		"Received switch-master: {details: redis1 127.0.0.1 ", "config updated with new content",
	} {
		if !strings.Contains(log.String(), line) {
			t.Errorf("the log does not have %q", line)
		}
	}
	// A Sentinel goes and comes back: everything is compared, and nothing written.
	before, err := os.Stat(path)
	must(t, err)
	c.Sentinels()[0].Kill()
	eventually(t, "a Sentinel is missed", func() bool {
		return strings.Contains(metricsOf(a), `gosentinel_agent_sentinels{group="redis1"} 2`)
	})
	c.Sentinels()[0].Restart()
	eventually(t, "the Sentinel is back", func() bool { return strings.Contains(log.String(), "A Sentinel is back") })
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("the file has been replaced: %v", err)
	}
	// An edit by hand is taken back.
	must(t, os.WriteFile(path, []byte(strings.Replace(read(t, path), master(c), "127.0.0.1:1", 1)), 0o644))
	eventually(t, "the edit is taken back", has)
	eventually(t, "the third change is counted", func() bool {
		return strings.Contains(metricsOf(a), `gosentinel_agent_changes_total{target="twemproxy `+path+`"} 3`+"\n")
	})
	text := metricsOf(a)
	for _, line := range []string{
		`gosentinel_agent_master_up{group="redis1"} 1`, `gosentinel_agent_switches_total{group="redis1"} 1`, `gosentinel_agent_in_line{target="twemproxy ` + path + `"} 1`,
		`gosentinel_agent_failures_total{target="twemproxy ` + path + `",cause="validate"} 0`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s in\n%s", line, text)
		}
	}
	end()
	if b, err := os.ReadFile(path + ".prom"); err != nil || !strings.Contains(string(b), "gosentinel_agent_master_up") {
		t.Error(err)
	}
}

// TestAllSentinelsLost: the master that was verified last stays in use, and this is said.
func TestAllSentinelsLost(t *testing.T) {
	t.Parallel()
	c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{})
	path := filepath.Join(t.TempDir(), "redis.env")
	a, log, _ := run(t, &Config{Sentinels: c.Addrs(), Masters: []string{c.Name()}, Poll: 100 * time.Millisecond, Targets: []Target{
		&Template{Text: `{{ (group "mymaster").Master }}`, FileSettings: FileSettings{File: path}},
	}})
	want := master(c)
	has := func() bool { b, _ := os.ReadFile(path); return string(b) == want }
	eventually(t, "the file has the master", has)
	for _, s := range c.Sentinels() {
		s.Kill()
	}
	eventually(t, "the loss is told", func() bool {
		return strings.Contains(log.String(), "No Sentinel answers: the master that was verified last stays in use")
	})
	if !has() || !strings.Contains(metricsOf(a), `gosentinel_agent_sentinels{group="mymaster"} 0`) {
		t.Errorf("%s\n%s", read(t, path), metricsOf(a))
	}
	for _, s := range c.Sentinels() {
		s.Restart()
	}
	eventually(t, "the Sentinels are back", func() bool { return strings.Contains(log.String(), "A Sentinel is back") })
}

// TestUnknownMaster: a name that no Sentinel knows is told, and the others do not wait
// for it.
func TestUnknownMaster(t *testing.T) {
	t.Parallel()
	c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{Name: "redis1"})
	path := pool(t, "redis1")
	text := strings.Replace(read(t, path), "  servers:\n", "  servers:\n   - 127.0.0.1:2:1 redsi\n", 1)
	must(t, os.WriteFile(path, []byte(text), 0o644))
	_, log, _ := run(t, &Config{Sentinels: c.Addrs(), Targets: []Target{&Twemproxy{FileSettings: FileSettings{File: path, Validate: None()}}}})
	eventually(t, "the file has the master", func() bool { return strings.Contains(read(t, path), master(c)) })
	if !strings.Contains(read(t, path), "127.0.0.1:2:1 redsi\n") {
		t.Error("the unknown one has been changed")
	}
	eventually(t, "the unknown one is told", func() bool {
		return strings.Contains(log.String(), `No Sentinel knows a master of that name`) && strings.Contains(log.String(), "group=redsi")
	})
}

// single makes an agent for Once or DryRun.
func single(t *testing.T, c *sentineltest.Cluster, masters []string, targets ...Target) *Agent {
	t.Helper()
	a, err := New(&Config{Sentinels: c.Addrs(), Masters: masters, Targets: targets})
	must(t, err)
	return a
}

func TestOnce(t *testing.T) {
	t.Parallel()
	c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{})
	dir := t.TempDir()
	tmpl := func(name string) Target {
		return &Template{Common: Common{Groups: []string{"mymaster"}}, Text: `{{ (group "mymaster").Master }}` + "\n", FileSettings: FileSettings{File: filepath.Join(dir, name)}}
	}
	ctx := context.Background()
	var out strings.Builder
	must(t, single(t, c, []string{c.Name()}, tmpl("a")).DryRun(ctx, nil, &out))
	if want := fmt.Sprintf("# template %[1]s/a\n--- %[1]s/a\n+++ %[1]s/a\n@@ -0,0 +1,1 @@\n+%s\n", dir, master(c)); out.String() != want {
		t.Error(out.String())
	}
	if _, err := os.Stat(filepath.Join(dir, "a")); !os.IsNotExist(err) {
		t.Error("a dry run has written")
	}
	must(t, single(t, c, []string{c.Name()}, tmpl("a")).Once(ctx, nil))
	if got := read(t, filepath.Join(dir, "a")); got != master(c)+"\n" {
		t.Error(got)
	}
	out.Reset()
	must(t, single(t, c, []string{c.Name()}, tmpl("a")).DryRun(ctx, nil, &out))
	if !strings.Contains(out.String(), "nothing to do") {
		t.Error(out.String())
	}
	// What is known is done, and what is missing is said.
	a := single(t, c, []string{c.Name(), "queue"}, tmpl("b"))
	limited, cancel := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- a.Once(limited, nil) }()
	eventually(t, "one master is known, and the other one is not", func() bool {
		return a.Snapshot()[0].Known() && strings.Contains(a.groups[1].missing(), "does not know a master of that name")
	})
	cancel()
	err := <-done
	if err == nil || !strings.Contains(err.Error(), "group queue: ") || !strings.Contains(err.Error(), "does not know a master of that name") || strings.Contains(err.Error(), "mymaster") {
		t.Error(err)
	}
	if got := read(t, filepath.Join(dir, "b")); got != master(c)+"\n" {
		t.Error(got)
	}
	// An error of a target is one of the run.
	err = single(t, c, []string{c.Name()}, tmpl("none/a"), tmpl("c")).Once(ctx, nil)
	if err == nil || !strings.Contains(err.Error(), "none/a: write: ") || read(t, filepath.Join(dir, "c")) == "" {
		t.Error(err)
	}
}

// TestReconfigScript: called during a failover, the agent waits for the address that it
// was called with.
func TestReconfigScript(t *testing.T) {
	t.Parallel()
	c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{Replicas: 1})
	path := filepath.Join(t.TempDir(), "a")
	a := single(t, c, []string{c.Name(), "other"}, &Template{Common: Common{Groups: []string{c.Name()}}, Text: `{{ (group "mymaster").Master }}`, FileSettings: FileSettings{File: path}})
	to := c.Replicas()[0].Addr()
	host, port, err := net.SplitHostPort(to)
	must(t, err)
	want := &Expectation{Master: c.Name(), Addr: Server{Host: host}}
	_, err = fmt.Sscan(port, &want.Addr.Port)
	must(t, err)
	done := make(chan error)
	go func() { done <- a.Once(context.Background(), want) }()
	eventually(t, "the old master is known", func() bool { return a.Snapshot()[0].Known() })
	c.Master().Kill()
	must(t, <-done)
	if got := read(t, path); got != to {
		t.Errorf("%s, want %s", got, to)
	}
	// An address that is not confirmed: Sentinel has to call again.
	soon, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	err = single(t, c, []string{c.Name()}, &Exec{Command: Program("true")}).Once(soon, &Expectation{Master: c.Name(), Addr: Server{"10.9.9.9", 1}})
	if err == nil || !strings.Contains(err.Error(), "do not confirm 10.9.9.9:1") {
		t.Error(err)
	}
	err = single(t, c, []string{c.Name()}, &Exec{Command: Program("true")}).Once(context.Background(), &Expectation{Master: "x"})
	if err == nil || !strings.Contains(err.Error(), `no group has the master "x"`) {
		t.Error(err)
	}
}

// TestMetricsText: the text is what Prometheus reads, whatever the names.
func TestMetricsText(t *testing.T) {
	m := newMetrics([]string{"a\"b"}, []*job{{name: "x\\\n\xff"}})
	m.targets["x\\\n\xff"].fail(causeValidate)
	var b strings.Builder
	n, err := m.WriteTo(&b)
	if err != nil || n != int64(b.Len()) || !strings.Contains(b.String(), `gosentinel_agent_failures_total{target="x\\\n?",cause="validate"} 1`+"\n") || !strings.Contains(b.String(), `{group="a\"b"}`) {
		t.Error(b.String(), err)
	}
	if _, err := m.WriteTo(failing{}); err == nil {
		t.Error("an error of the writer is lost")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
