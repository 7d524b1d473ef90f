package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/fakeredis"
	"github.com/gosentinel/sentinel/jepsen/cluster"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The demo starts its embedded servers from its own binary, which here is the
	// test binary.
	if len(os.Args) > 1 && os.Args[1] == miniCommand {
		os.Exit(fakeredis.Main(os.Args[2:]))
	}
	goleak.VerifyTestMain(m)
}

// output is a buffer that a test may read while the demo writes to it.
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

// The demo is run in full on both kinds of servers. They run at the same time, so
// that one of them finds the tutorial's ports taken.
func TestDemo(t *testing.T) {
	for _, server := range []string{"redis", "mini"} {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			var out output
			if err := run(ctx, []string{"-server", server, "-down-after", "1500ms"}, &out, io.Discard); err != nil {
				t.Fatalf("%v\n%s", err, &out)
			}
			text := out.String()
			for _, want := range []string{
				`every Sentinel knows 2 replicas and 2 other Sentinels`,
				`\+\d\.\d{3} s   [·● ]+  \+sdown +\d+ is silent`,
				`\+elected-leader +has the majority`,
				`\+switch-master +\d+ -> \d+`,
				`writer: writes again after \d+\.\d{3} s`,
				`\d+ replicates from \d+`,
				`total +\d+\.\d{3} s  to a new master`,
				`lost        \d+ of the acknowledged writes`,
				`every process has been ended`,
			} {
				if !regexp.MustCompile(want).MatchString(text) {
					t.Errorf("the output does not match %s", want)
				}
			}
			for line := range strings.Lines(text) {
				if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
					t.Errorf("line of %d columns: %s", n, line)
				}
			}
			if strings.Contains(text, "\x1b") {
				t.Error("colour was sent to something that is no terminal")
			}
			if t.Failed() {
				t.Log(text)
			}
		})
	}
}

// TestProxyDemo: the client behind the proxy sees no error.
func TestProxyDemo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var out output
	if err := run(ctx, []string{"-proxy", "-down-after", "1s"}, &out, io.Discard); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{
		`kill -KILL \d+`,
		`writer +\d+ writes acknowledged, 0 failed`,
		`kill +longest pause [1-9]\d*\.\d{3} s`,
		`switch back +longest pause \d+\.\d{3} s`,
		`0 writes by the switch`,
		`proxy +[1-9]\d* requests held`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("the output does not match %s:\n%s", want, &out)
		}
	}
}

// Interrupting the demo ends it at once, along with everything that it started;
// goleak and the closing of the cluster check that.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var out output
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"-server", "mini"}, &out, io.Discard) }()
	var ended error
	if err := cluster.WaitFor(t.Context(), "the servers to start", func(context.Context) (string, bool) {
		select {
		case ended = <-done:
			return "", true
		default:
			return out.String(), strings.Contains(out.String(), "node1")
		}
	}); err != nil || ended != nil {
		t.Fatal(err, ended)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	pids := regexp.MustCompile(`pid (\d+)`).FindAllStringSubmatch(out.String(), -1)
	for _, pid := range pids {
		if _, err := os.Stat("/proc/" + pid[1]); err == nil {
			t.Errorf("process %s is still there", pid[1])
		}
	}
}

func TestTutorialFiles(t *testing.T) {
	for node := 1; node <= nodes; node++ {
		conf, err := tutorialFile(node, "sentinel.conf")
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf(`# Host and port we will listen for requests on
bind 127.0.0.1
port %d

#
# "redis-cluster" is the name of our cluster
#
# each sentinel process is paired with a redis-server process
#
sentinel monitor redis-cluster 127.0.0.1 6380 2
sentinel down-after-milliseconds redis-cluster 5000
sentinel parallel-syncs redis-cluster 1
sentinel failover-timeout redis-cluster 10000`, 16379+node)
		if conf != want {
			t.Errorf("node %d:\n%s\nwant\n%s", node, conf, want)
		}
		if got := withDownAfter(withPorts(conf, nil), 0); got != conf {
			t.Errorf("nothing was to be replaced, got %s", got)
		}
		if d, err := downAfterOf(conf); err != nil || d != 5*time.Second {
			t.Errorf("down-after %v, %v", d, err)
		}
	}
}

func TestReplacements(t *testing.T) {
	conf, err := tutorialFile(2, "sentinel.conf")
	if err != nil {
		t.Fatal(err)
	}
	got := withDownAfter(withPorts(conf, map[int]int{6380: 7000, 16381: 7001}), 1200*time.Millisecond)
	for _, line := range []string{"port 7001", "sentinel monitor redis-cluster 127.0.0.1 7000 2", "sentinel down-after-milliseconds redis-cluster 1200"} {
		if !strings.Contains(got, "\n"+line+"\n") {
			t.Errorf("no line %q in\n%s", line, got)
		}
	}
	// 16380 ends in 6380 but is another port.
	if got := withPorts("port 16380\nreplicaof 127.0.0.1 6380", map[int]int{6380: 1}); got != "port 16380\nreplicaof 127.0.0.1 1" {
		t.Errorf("got %q", got)
	}
	if _, err := downAfterOf("port 1"); err == nil {
		t.Error("a file without down-after was accepted")
	}
}

func TestExplain(t *testing.T) {
	id := strings.Repeat("a", 40)
	peers := map[string]string{id: "Sentinel 2"}
	const m, r = "master redis-cluster 127.0.0.1 6380", "slave 127.0.0.1:6381 127.0.0.1 6381 @ redis-cluster 127.0.0.1 6380"
	sentinel := "sentinel " + id + " 127.0.0.1 16381 @ redis-cluster 127.0.0.1 6380"
	for _, c := range []struct{ name, text, want string }{
		{"+sdown", m, "6380 is silent"},
		{"-sdown", r, "6381 answers"},
		{"+sdown", sentinel, "Sentinel 2 is silent"},
		{"+odown", m + " #quorum 3/2", "3 agree, 2 needed"},
		{"+new-epoch", "7", "epoch 7"},
		{"+vote-for-leader", id + " 7", "votes for Sentinel 2"},
		{"+vote-for-leader", "0123456789abcdef 7", "votes for 01234567"},
		{"+switch-master", "redis-cluster 127.0.0.1 6380 127.0.0.1 6381", "6380 -> 6381"},
		{"+config-update-from", sentinel, "told by Sentinel 2"},
		{"+selected-slave", r, "6381 is the best"},
		{"-role-change", r + " new reported role is master", "6381 says master"},
		{"+role-change", r + " new reported role is slave", "6381 says replica"},
		{"+elected-leader", m, "has the majority"},
		{"+tilt", "#tilt mode entered", "#tilt mode entered"},
		{"+future-event", "a text that is far too long for the column", "a text that is far too l"},
		{"+odown", "", "?"},
		{"+switch-master", "short", "? -> ?"},
	} {
		if got := explain(c.name, c.text, peers); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.name, c.text, got, c.want)
		}
	}
}

func TestPhases(t *testing.T) {
	killed := time.Now()
	var events []cluster.Event
	add := func(ms int, node int, name, text string) {
		events = append(events, cluster.Event{At: killed.Add(time.Duration(ms) * time.Millisecond), Sentinel: sentinelName(node), Name: name, Text: text})
	}
	add(50, 1, "+sdown", "sentinel x")
	add(5000, 1, "+sdown", "master m")
	add(5010, 2, "+odown", "master m")
	add(5020, 2, "+elected-leader", "master m")
	add(5040, 2, "+promoted-slave", "slave s")
	add(5041, 1, "+switch-master", "m")
	add(5042, 3, "+switch-master", "m")
	if _, err := phasesOf(events, killed, nodes); err == nil || !strings.Contains(err.Error(), "2 of 3") {
		t.Errorf("a Sentinel that did not switch went unnoticed: %v", err)
	}
	add(6000, 2, "+switch-master", "m")
	add(9000, 2, "+switch-master", "m") // a later failover is not part of this one
	p, err := phasesOf(events, killed, nodes)
	if err != nil {
		t.Fatal(err)
	}
	ms := time.Millisecond
	if want := (phases{5000 * ms, 5010 * ms, 5020 * ms, 5040 * ms, 6000 * ms, 1}); p != want {
		t.Errorf("got %+v, want %+v", p, want)
	}
	if text := strings.Join(p.lines(5*time.Second), "\n"); !strings.Contains(text, "40 ms more than dying and down-after") {
		t.Errorf("table:\n%s", text)
	}
	if _, err := phasesOf(events[3:], killed, nodes); err == nil {
		t.Error("a missing +sdown went unnoticed")
	}
}

func TestWriterCounts(t *testing.T) {
	var notes []string
	w := &writer{onChange: func(_ time.Time, err error, gap time.Duration) {
		notes = append(notes, fmt.Sprintf("%v after %v", err, gap))
	}}
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	bad := errors.New("read tcp 1.2.3.4:5->1.2.3.4:6: i/o timeout")
	w.count(1, nil, at(0))
	w.count(2, nil, at(10))
	w.count(3, bad, at(20))
	w.count(4, bad, at(30))
	w.count(5, nil, at(510))
	w.count(6, nil, at(520))
	if s := w.stats; fmt.Sprint(s.acked) != "[1 2 5 6]" || s.errors != 2 || s.longest != 500*time.Millisecond {
		t.Errorf("got %+v", s)
	}
	if want := []string{bad.Error() + " after 0s", "<nil> after 500ms"}; fmt.Sprint(notes) != fmt.Sprint(want) {
		t.Errorf("notes %q, want %q", notes, want)
	}
	if got := cause(bad); got != "i/o timeout" {
		t.Errorf("cause %q", got)
	}
}

func TestLostWritesAreFound(t *testing.T) {
	c, err := cluster.New(cluster.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	port, err := c.Port()
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.StartServer(cluster.NodeSpec{Name: "s", Port: port, Conf: cluster.ServerConf(port)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	var acked []int
	for n := 1; n <= 1200; n++ {
		acked = append(acked, n)
		if n%400 == 0 {
			continue // acknowledged, but not on this server
		}
		if err := s.Client().Set(t.Context(), key(n), n, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := lost(t.Context(), s.Client(), acked); err != nil || n != 3 {
		t.Errorf("lost %d, %v; want 3", n, err)
	}
	s.Kill()
	if _, err := lost(t.Context(), s.Client(), acked); err == nil {
		t.Error("a dead server was found complete")
	}
}

func TestScreen(t *testing.T) {
	var out bytes.Buffer
	s := newScreen(&out)
	s.line("%s   ", s.paint(red, "text"))
	if out.String() != "text\n" {
		t.Errorf("got %q", &out)
	}
	s.colour = true
	if got := s.paint(red, "text"); got != "\x1b[1;31mtext\x1b[0m" {
		t.Errorf("got %q", got)
	}
}

func TestFlags(t *testing.T) {
	for _, args := range []string{"stray", "-server valkey", "-down-after 5ms", "-down-after 2h", "-nonsense"} {
		if _, err := parse(strings.Fields(args), io.Discard); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
	var help bytes.Buffer
	if err := run(t.Context(), []string{"-h"}, io.Discard, &help); err != flag.ErrHelp {
		t.Errorf("-h: %v", err)
	}
	for _, f := range []string{"-down-after", "-server", "-sentinel", "-keep"} {
		if !strings.Contains(help.String(), f) {
			t.Errorf("the help does not explain %s", f)
		}
	}
	if got := versionOf("Redis server v=7.0.15 sha=00000000:0"); got != "7.0.15" {
		t.Errorf("version %q", got)
	}
}
