package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(orphanMaker) != "" {
		makeOrphan()
	}
	goleak.VerifyTestMain(m)
}

// testContext ends long before `go test` gives up, so that a hang is reported
// by the wait that hangs.
func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func newCluster(t *testing.T, cfg Config) *Cluster {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.Logs(20))
		}
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

func startServer(t *testing.T, c *Cluster, name string, lines ...string) *Server {
	t.Helper()
	port, err := c.Port()
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.StartServer(NodeSpec{Name: name, Port: port, Conf: ServerConf(port, lines...)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.WaitReady(testContext(t)); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPortsAreReservedAcrossClusters(t *testing.T) {
	first := newCluster(t, Config{})
	second := newCluster(t, Config{})
	port, err := first.Port()
	if err != nil {
		t.Fatal(err)
	}
	if err := second.ReservePort(port); err == nil || !strings.Contains(err.Error(), strconv.Itoa(port)) {
		t.Errorf("a reserved port was given out again: %v", err)
	}
	if err := first.ReservePort(port); err == nil {
		t.Error("a port was given out twice by one cluster")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := second.ReservePort(port); err != nil {
		t.Errorf("Close did not give the port back: %v", err)
	}
}

func TestPortsInUseAreNotGivenOut(t *testing.T) {
	c := newCluster(t, Config{})
	port, err := c.Port()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	// The listener is a stranger that knows nothing of our locks.
	only := newCluster(t, Config{Ports: PortRange{First: port, Last: port}})
	if _, err := only.Port(); !errors.Is(err, ErrNoFreePort) {
		t.Errorf("got %v, want ErrNoFreePort", err)
	}
}

func TestPortRangeIsChecked(t *testing.T) {
	for _, r := range []PortRange{{0, 10}, {10, 5}, {1, 70000}} {
		if _, err := New(Config{Ports: r}); err == nil {
			t.Errorf("range %v was accepted", r)
		}
	}
}

func TestWaitForReportsWhatItSaw(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	calls := 0
	err := WaitFor(ctx, "the moon", func(context.Context) (string, bool) {
		if calls++; calls == 3 {
			cancel(errors.New("dawn"))
		}
		return fmt.Sprintf("look %d", calls), false
	})
	if err == nil {
		t.Fatal("WaitFor succeeded on a condition that never held")
	}
	for _, part := range []string{"the moon", "dawn", "look "} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func TestServerLives(t *testing.T) {
	ctx := testContext(t)
	c := newCluster(t, Config{})
	s := startServer(t, c, "s")
	if err := s.Start(); !errors.Is(err, errRunning) {
		t.Errorf("a second start: got %v, want %v", err, errRunning)
	}
	if err := s.Signal(syscall.SIGSEGV); err != nil {
		t.Fatal(err)
	}
	if _, err := s.WaitExit(ctx); err != nil {
		t.Fatal(err)
	}
	if s.Running() {
		t.Error("a dead server is called running")
	}
	if err := s.Signal(syscall.SIGKILL); err == nil {
		t.Error("a signal to a dead server was reported as sent")
	}
	if err := s.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	log, err := s.Log()
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(log, "Ready to accept connections"); n != 2 {
		t.Errorf("the log tells of %d lives, want 2", n)
	}
	// A stopped server must not survive Close, which the cleanup calls.
	if err := s.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

func TestReplicaIsSeenInSync(t *testing.T) {
	ctx := testContext(t)
	c := newCluster(t, Config{})
	master := startServer(t, c, "master")
	replica := startServer(t, c, "replica", "replicaof 127.0.0.1 "+strconv.Itoa(master.Port()))
	if err := replica.WaitReplicaOf(ctx, master); err != nil {
		t.Fatal(err)
	}
	if err := WaitFor(ctx, "the replica to be online", func(ctx context.Context) (string, bool) {
		r, err := master.Replication(ctx)
		return fmt.Sprint(r, err), r.Replicas == 1 && r.Role == "master"
	}); err != nil {
		t.Fatal(err)
	}
}

func TestFailedStartShowsTheLog(t *testing.T) {
	c := newCluster(t, Config{})
	port, err := c.Port()
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.StartServer(NodeSpec{Name: "bad", Port: port, Conf: "no-such-directive 1\n"})
	if err != nil {
		t.Fatal(err)
	}
	err = s.WaitReady(testContext(t))
	if err == nil || !strings.Contains(err.Error(), "no-such-directive") || !strings.Contains(err.Error(), "the process ended") {
		t.Errorf("got %v, want the end of the process and its log", err)
	}
	if status, err := s.WaitExit(testContext(t)); err != nil || status != 1 {
		t.Errorf("exit status %d, %v; want 1", status, err)
	}
}

// A node runs in its own directory; its program is found from ours.
func TestRelativeCommand(t *testing.T) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal(ErrNoRedisServer)
	}
	t.Chdir(t.TempDir())
	if err := os.Symlink(path, "redis-server"); err != nil {
		t.Fatal(err)
	}
	startServer(t, newCluster(t, Config{Server: []string{"./redis-server"}}), "s")
	c := newCluster(t, Config{Server: []string{"./no-such-server"}})
	if _, err := c.StartServer(NodeSpec{Name: "s", Port: 1}); err == nil || !strings.Contains(err.Error(), "no-such-server") {
		t.Errorf("got %v, want an error that names the program", err)
	}
}

func TestUnusableSpecs(t *testing.T) {
	c := newCluster(t, Config{})
	startServer(t, c, "twice")
	for _, name := range []string{"", "a/b", "..", "twice"} {
		if _, err := c.StartServer(NodeSpec{Name: name, Port: 1}); err == nil {
			t.Errorf("node name %q was accepted", name)
		}
	}
	if _, err := c.StartSentinel(NodeSpec{Name: "s", Port: 1}); !errors.Is(err, ErrNoSentinelCommand) {
		t.Errorf("got %v, want ErrNoSentinelCommand", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.StartServer(NodeSpec{Name: "late", Port: 1}); !errors.Is(err, errClosed) {
		t.Errorf("got %v, want %v", err, errClosed)
	}
}

// Events come from Pub/Sub alone, so a plain server can stand for a Sentinel.
func TestEventsSurviveARestart(t *testing.T) {
	ctx := testContext(t)
	heard := make(chan Event, 8)
	c := newCluster(t, Config{OnEvent: func(ev Event) { heard <- ev }})
	port, err := c.Port()
	if err != nil {
		t.Fatal(err)
	}
	n, err := c.add(NodeSpec{Name: "source", Port: port, Conf: ServerConf(port)}, "redis.conf", true,
		func(conf string) []string { return concat(c.cfg.Server, []string{conf}) })
	if err != nil {
		t.Fatal(err)
	}
	for life, text := range []string{"first", "second"} {
		start := time.Now()
		if err := n.Restart(ctx); err != nil {
			t.Fatal(err)
		}
		if err := n.Client().Publish(ctx, "+sdown", text).Err(); err != nil {
			t.Fatal(err)
		}
		ev, err := c.Events().Wait(ctx, "event "+text, func(ev Event) bool { return ev.Text == text })
		if err != nil {
			t.Fatal(err)
		}
		if ev.Name != "+sdown" || ev.Sentinel != "source" || len(c.Events().Since(start)) != 1 {
			t.Errorf("life %d: got %+v among %v", life, ev, c.Events().All())
		}
		if got := <-heard; got != ev {
			t.Errorf("OnEvent got %+v, want %+v", got, ev)
		}
	}
	if n := c.Events().Count(Named("+sdown")); n != 2 {
		t.Errorf("counted %d events, want 2", n)
	}
	short, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := c.Events().Wait(short, "the impossible", Named("-odown")); err == nil || !strings.Contains(err.Error(), "+sdown second") {
		t.Errorf("got %v, want an error that shows the last events", err)
	}
}

const orphanMaker = "GOSENTINEL_TEST_MAKE_ORPHAN"

// makeOrphan runs in a child of TestChildrenDieWithTheirParent: it starts a
// server, prints its pid and waits to be killed.
func makeOrphan() {
	c, err := New(Config{Dir: os.Getenv(orphanMaker)})
	if err == nil {
		var port int
		if port, err = c.Port(); err == nil {
			var s *Server
			if s, err = c.StartServer(NodeSpec{Name: "orphan", Port: port, Conf: ServerConf(port)}); err == nil {
				fmt.Println(s.PID())
				select {}
			}
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

func TestChildrenDieWithTheirParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Log("only Linux has a death signal")
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), orphanMaker+"="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatalf("the child did not start its server: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // "signal: killed"
	if err := WaitFor(testContext(t), "the orphan to die", func(context.Context) (string, bool) {
		// An orphan becomes a zombie until its new parent reaps it.
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return string(stat), err != nil || strings.Contains(string(stat), ") Z ")
	}); err != nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		t.Fatal(err)
	}
}
