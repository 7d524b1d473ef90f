package host

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
)

// childrenOf returns the state letters of a process's children by their ids.
func childrenOf(t *testing.T, parent int) map[int]string {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	found := map[int]string{}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		id, rest, _ := strings.Cut(string(text), " (")
		f := strings.Fields(rest[strings.LastIndexByte(rest, ')')+1:])
		if f[1] == strconv.Itoa(parent) {
			pid, err := strconv.Atoi(id)
			if err != nil {
				t.Fatal(err)
			}
			found[pid] = f[0]
		}
	}
	return found
}

// TestFirstProcess: as process 1 of a PID namespace the daemon reaps what others
// leave behind, its own scripts keep their exit status, and SIGTERM and SIGINT end it.
func TestFirstProcess(t *testing.T) {
	needsRoot(t, "a PID namespace of its own")
	if text, err := exec.Command("unshare", "-pf", "--mount-proc", "true").CombinedOutput(); err != nil {
		t.Skipf("needs unshare -pf --mount-proc: %v %s", err, text)
	}
	e := newEnv(t, cluster.Config{})
	script, calls := filepath.Join(e.c.Dir(), "notify"), filepath.Join(e.c.Dir(), "calls")
	text := "#!/bin/sh\necho \"$1\" >> " + calls + "\n(sleep 1 &)\n[ \"$1\" = +sdown ] && exit 1\nexit 2\n"
	e.must(os.WriteFile(script, []byte(text), 0o755))
	port, err := e.c.Port()
	e.must(err)
	nobody, err := e.c.Port()
	e.must(err)
	m := cluster.Monitored{Name: "mymaster", Port: nobody, Quorum: 1, DownAfter: 1000e6, FailoverTimeout: 60e9}
	s, err := e.c.StartSentinel(cluster.NodeSpec{
		Name: "sentinel0", Port: port, Command: []string{"unshare", "-pf", "--mount-proc", "--kill-child", clustertest.Daemon(t)},
		Conf: cluster.SentinelConf(port, m, "sentinel notification-script mymaster "+script),
	})
	e.must(err)
	e.must(s.WaitReady(e.ctx))
	e.must(s.Client().Do(e.ctx, "SENTINEL", "DEBUG", "script-retry-delay", 200).Err())
	first := 0
	for pid := range childrenOf(t, s.PID()) {
		first = pid
	}
	for range 5 {
		out, err := exec.CommandContext(e.ctx, "nsenter", "-t", strconv.Itoa(first), "-p", "sh", "-c", "(sleep 0.1 &)").CombinedOutput()
		if err != nil {
			t.Fatalf("nsenter: %v %s", err, out)
		}
	}
	e.must(cluster.WaitFor(e.ctx, "the script that fails with 1 to be tried again, and that with 2 not", func(context.Context) (string, bool) {
		text, err := os.ReadFile(calls)
		return fmt.Sprint(string(text), err), strings.Count(string(text), "+sdown") == 4 && strings.Count(string(text), "+odown") == 1
	}))
	e.logHas(s, "-script-error "+script+" 0 2")
	e.must(cluster.WaitFor(e.ctx, "no child to be left, while no script runs", func(ctx context.Context) (string, bool) {
		left := childrenOf(t, first)
		queue, err := s.Client().Do(ctx, "SENTINEL", "PENDING-SCRIPTS").Slice()
		return fmt.Sprint(left, queue, err), err == nil && len(left) == 0
	}))
	for _, end := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		for pid := range childrenOf(t, s.PID()) {
			e.must(syscall.Kill(pid, end))
		}
		if status, err := s.WaitExit(e.ctx); status != 0 || err != nil {
			t.Errorf("%v ended it with status %d, %v", end, status, err)
		}
		e.logHas(s, "Received "+unix.SignalName(end)+" scheduling shutdown...")
		if end == syscall.SIGTERM {
			e.must(s.Restart(e.ctx))
			e.must(s.WaitReady(e.ctx))
		}
	}
}
