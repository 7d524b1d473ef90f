package agent

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/sentineltest"
)

var long = flag.Bool("long", false, "switch masters 50 times behind nutcracker and HAProxy")

// freePort returns a port that was free a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// start runs a program until the end of the test. exited is closed if it ends before.
func start(t *testing.T, path string, args ...string) (exited <-chan struct{}) {
	t.Helper()
	var said output
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	must(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it was killed, or is missed by the test
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(path), said.String())
		}
	})
	return ended
}

// haproxyWith starts HAProxy with these lines behind the usual ones, and returns the path
// of its socket.
func haproxyWith(t *testing.T, lines string) (socket string) {
	t.Helper()
	path := program(t, "haproxy")
	dir, err := os.MkdirTemp("", "hap") // the path of a socket must be short
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	socket = filepath.Join(dir, "s")
	cfg := filepath.Join(dir, "cfg")
	must(t, os.WriteFile(cfg, []byte("global\n\tstats socket "+socket+" level admin\ndefaults\n\tmode tcp\n\ttimeout connect 1s\n\ttimeout client 10m\n\ttimeout server 10m\n"+lines), 0o644))
	start(t, path, "-db", "-f", cfg)
	eventually(t, "HAProxy listens", func() bool { _, err := os.Stat(socket); return err == nil })
	return socket
}

// ask speaks with a running HAProxy as the target does.
func ask(t *testing.T, socket, line string) string {
	t.Helper()
	reply, err := (&haproxySocket{HAProxy: &HAProxy{Socket: socket}}).ask(context.Background(), line)
	must(t, err)
	return reply
}

// sessions returns the addresses of servers to which HAProxy has sessions now.
func sessions(t *testing.T, socket string) (addrs []string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`server=\S+ \(id=\d+\) addr=(\S+)`).FindAllStringSubmatch(ask(t, socket, "show sess all"), -1) {
		addrs = append(addrs, m[1])
	}
	return addrs
}

// client speaks inline RESP on one connection.
type client struct {
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, port int) *client {
	t.Helper()
	var c net.Conn
	eventually(t, fmt.Sprintf("port %d accepts", port), func() bool {
		var err error
		c, err = net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		return err == nil
	})
	t.Cleanup(func() { _ = c.Close() })
	return &client{c, bufio.NewReader(c)}
}

// set stores a key and reports what the server said, or the error.
func (c *client) set(key, value string) string {
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(c, "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(key), key, len(value), value)
	line, err := c.r.ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(line)
}

// TestStablePorts: nutcracker has fixed ports of HAProxy for servers, and HAProxy is moved
// over its socket. nutcracker never restarts, none of its clients loses its connection,
// and a master that returns gets no session.
func TestStablePorts(t *testing.T) {
	if _, err := find("haproxy"); err != nil {
		t.Skip("needs haproxy: make deps")
	}
	nutcracker := program(t, "nutcracker")
	c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{Name: "cache", DownAfter: 100 * time.Millisecond})
	stable, front := freePort(t), freePort(t)
	socket := haproxyWith(t, fmt.Sprintf("listen stable\n\tbind 127.0.0.1:%d\n\tserver cache 127.0.0.1:1\n", stable))
	pool := write(t, "n.yml", fmt.Sprintf("alpha:\n  listen: 127.0.0.1:%d\n  hash: fnv1a_64\n  distribution: ketama\n  redis: true\n  auto_eject_hosts: false\n  timeout: 5000\n  servers:\n   - 127.0.0.1:%d:1 cache\n", front, stable))
	_, log, _ := run(t, &Config{Sentinels: c.Addrs(), Masters: []string{"cache"}, Targets: []Target{&HAProxy{Socket: socket}}})
	follows := func() bool { return strings.Contains(ask(t, socket, "show stat"), ","+c.Master().Addr()+",") }
	eventually(t, "HAProxy follows", follows)
	exited := start(t, nutcracker, "-c", pool, "-s", fmt.Sprint(freePort(t)))

	const idle = 20
	clients := make([]*client, idle)
	for i := range clients {
		clients[i] = dial(t, front)
		if got := clients[i].set(fmt.Sprint("before", i), "x"); got != "+OK" {
			t.Fatal(got)
		}
	}
	writer := dial(t, front)
	var failed, writes, gap atomic.Int64
	ended := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(ended)
		last := time.Now()
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			if writes.Add(1); writer.set("key", fmt.Sprint(n)) != "+OK" {
				failed.Add(1)
				continue
			}
			gap.Store(max(gap.Load(), int64(time.Since(last))))
			last = time.Now()
		}
	}()
	switches := 3
	if *long {
		switches = 50
	}
	for i := range switches {
		old := c.Master()
		if i%3 == 2 {
			old.Kill()
			c.WaitStable()
			eventually(t, "HAProxy follows", follows)
			old.Restart() // as a master, until it is told better
			c.WaitStable()
		} else {
			switchMaster(t, c)
			eventually(t, "HAProxy follows", follows)
		}
		got := ""
		eventually(t, "a write through both", func() bool { got = writer2(t, front); return got == "+OK" })
		if at := sessions(t, socket); slices.Contains(at, old.Addr()) {
			t.Errorf("switch %d: the old master %s has sessions: %q", i, old.Addr(), at)
		}
	}
	close(stop)
	<-ended
	alive := 0
	for i, one := range clients {
		if one.set(fmt.Sprint("after", i), "x") == "+OK" {
			alive++
		}
	}
	select {
	case <-exited:
		t.Error("nutcracker has ended")
	default:
	}
	if alive != idle {
		t.Errorf("%d of %d idle clients are alive", alive, idle)
	}
	t.Logf("%d switches: the same nutcracker, %d of %d idle clients alive, %d of %d writes failed, longest gap %v",
		switches, alive, idle, failed.Load(), writes.Load(), time.Duration(gap.Load()).Round(time.Millisecond))
	if n := strings.Count(log.String(), "Received switch-master"); n < switches {
		t.Errorf("%d switches were seen, of %d", n, switches)
	}
}

// switchMaster makes a planned failover. A Sentinel gives one up that takes too long,
// which happens on a busy machine; then it is asked again.
func switchMaster(t *testing.T, c *sentineltest.Cluster) {
	t.Helper()
	old := c.Master().Addr()
	var asked time.Time
	for ; c.Master().Addr() == old; time.Sleep(5 * time.Millisecond) {
		if time.Since(asked) > 3*time.Second {
			asked = time.Now()
			conn, err := net.Dial("tcp", c.Addrs()[0])
			must(t, err)
			fmt.Fprintf(conn, "SENTINEL FAILOVER %s\r\n", c.Name())
			_, err = bufio.NewReader(conn).ReadString('\n')
			must(t, errors.Join(err, conn.Close()))
		}
	}
	c.WaitStable()
}

// writer2 writes on a connection of its own.
func writer2(t *testing.T, port int) string {
	t.Helper()
	c := dial(t, port)
	defer c.Close()
	return c.set("key2", "x")
}

// TestHAProxySocket: a master and replicas, an edit by hand, and a restart of HAProxy.
func TestHAProxySocket(t *testing.T) {
	lines := fmt.Sprintf("listen w\n\tbind 127.0.0.1:%d\n\tserver cache 127.0.0.1:1\nbackend r\n\tserver r1 127.0.0.1:2\n\tserver r2 127.0.0.1:3\n\tserver r3 127.0.0.1:4\n", freePort(t))
	socket := haproxyWith(t, lines)
	h := &HAProxy{Socket: socket, Backends: []HAProxyBackend{{Name: "w", Group: "cache"}, {Name: "r", Group: "cache", Role: roleReplicas}}}
	j, ctx := onlyJob(t, h), context.Background()
	state := func() string {
		slots, err := parseServersState(ask(t, socket, "show servers state"))
		must(t, err)
		var list []string
		for _, s := range slots {
			list = append(list, s.name+" "+s.state())
		}
		return strings.Join(list, ", ")
	}
	s := Snapshot{known("cache", "127.0.0.1", 7001, Server{"127.0.0.1", 4}, Server{"::1", 7003})}
	for _, step := range []struct {
		do      func()
		changed bool
		want    string
	}{
		{func() {}, true, "cache 127.0.0.1:7001, r1 [::1]:7003, r2 127.0.0.1:3 (maintenance), r3 127.0.0.1:4"},
		{func() {}, false, "cache 127.0.0.1:7001, r1 [::1]:7003, r2 127.0.0.1:3 (maintenance), r3 127.0.0.1:4"},
		{func() { ask(t, socket, "set server w/cache addr 127.0.0.1 port 5; set server r/r3 state maint") }, true, "cache 127.0.0.1:7001, r1 [::1]:7003, r2 127.0.0.1:3 (maintenance), r3 127.0.0.1:4"},
		{func() { s[0].Replicas = []Server{{"127.0.0.1", 9}} }, true, "cache 127.0.0.1:7001, r1 127.0.0.1:9, r2 127.0.0.1:3 (maintenance), r3 127.0.0.1:4 (maintenance)"},
		// What an operator has put into maintenance stays there, but moves.
		{func() { ask(t, socket, "set server w/cache state maint"); s[0].Master.Port = 7002 }, true, "cache 127.0.0.1:7002 (maintenance), r1 127.0.0.1:9, r2 127.0.0.1:3 (maintenance), r3 127.0.0.1:4 (maintenance)"},
		{func() { s[0].Master = Server{"localhost", 7002} }, false, "cache 127.0.0.1:7002 (maintenance), r1 127.0.0.1:9, r2 127.0.0.1:3 (maintenance), r3 127.0.0.1:4 (maintenance)"},
	} {
		step.do()
		changed, err := j.reconcile(ctx, s)
		if got := state(); err != nil || changed != step.changed || got != step.want {
			t.Errorf("%v %v: %s\nwant %s", changed, err, got, step.want)
		}
	}
}

// TestHAProxyRefuses: what HAProxy does not do is an error that says why.
func TestHAProxyRefuses(t *testing.T) {
	program(t, "haproxy")
	socket := haproxyWith(t, fmt.Sprintf("listen w\n\tbind 127.0.0.1:%d\n\tserver cache 127.0.0.1:1\n", freePort(t)))
	must(t, os.WriteFile(filepath.Join(filepath.Dir(socket), "cfg"), nil, 0o644))
	ctx := context.Background()
	if _, err := onlyJob(t, &HAProxy{Socket: socket + "x"}).plan(ctx, nil); causeOf(err) != causeRead {
		t.Error(err)
	}
	if _, err := onlyJob(t, &HAProxy{Socket: socket}).plan(ctx, Snapshot{known("queue", "127.0.0.1", 1)}); err == nil || !strings.Contains(err.Error(), "no server has the name of a group") {
		t.Error(err)
	}
}
