package host

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
)

// limited makes a cgroup with so much memory below that of this process, and
// returns its directory.
func limited(t *testing.T, bytes int) string {
	t.Helper()
	needsRoot(t, "a cgroup of its own")
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Skipf("needs cgroups: %v", err)
	}
	point, own, file := "/sys/fs/cgroup", "", "memory.max"
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case f[1] == "memory":
			point, own, file = "/sys/fs/cgroup/memory", f[2], "memory.limit_in_bytes"
		case f[1] == "" && file == "memory.max":
			own = f[2]
		}
	}
	dir := filepath.Join(point, own, "gosentinel-test-"+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Skipf("needs a cgroup of its own: %v", err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(filepath.Join(dir, file), []byte(strconv.Itoa(bytes)), 0o644); err != nil {
		t.Skipf("needs the memory controller in a cgroup of its own: %v", err)
	}
	return dir
}

// TestLittleMemory: in a cgroup of 16 MiB, with three masters, 200 clients that send
// INFO at the same time are all answered, again and again.
func TestLittleMemory(t *testing.T) {
	cgroup := limited(t, 16<<20)
	e := newEnv(t, cluster.Config{})
	port, err := e.c.Port()
	e.must(err)
	nobody, err := e.c.Port()
	e.must(err)
	conf := cluster.SentinelConf(port, cluster.Monitored{Name: "m1", Port: nobody, Quorum: 2},
		"sentinel monitor m2 127.0.0.2 "+strconv.Itoa(nobody)+" 2", "sentinel monitor m3 127.0.0.3 "+strconv.Itoa(nobody)+" 2")
	s, err := e.c.StartSentinel(cluster.NodeSpec{
		Name: "sentinel0", Port: port, Conf: conf,
		Command: []string{"sh", "-c", `echo $$ > "$0/cgroup.procs" && exec "$@"`, cgroup, clustertest.Daemon(t)},
	})
	e.must(err)
	e.must(s.WaitReady(e.ctx))
	e.logHas(s, "The cgroup allows 16 MiB of memory, so the Go runtime is held to 12 MiB")

	const clients, rounds = 200, 10
	all := make([]*redis.Conn, clients)
	pool := redis.NewClient(&redis.Options{Addr: s.Addr(), PoolSize: clients, MaxRetries: -1})
	defer pool.Close()
	for k := range all {
		all[k] = pool.Conn()
		defer all[k].Close()
		e.must(all[k].Ping(e.ctx).Err()) // connected, before anybody asks
	}
	failed := make(chan error, clients)
	var work sync.WaitGroup
	for _, c := range all {
		work.Go(func() { failed <- ask(e.ctx, c, rounds) })
	}
	work.Wait()
	for range clients {
		if err := <-failed; err != nil {
			t.Fatalf("a client was not answered: %v", err)
		}
	}
	if !s.Running() {
		t.Error("the Sentinel has ended")
	}
}

func ask(ctx context.Context, c *redis.Conn, rounds int) error {
	for range rounds {
		if err := c.Info(ctx).Err(); err != nil {
			return err
		}
	}
	return nil
}
