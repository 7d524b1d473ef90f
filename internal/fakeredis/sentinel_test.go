package fakeredis

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/redis/go-redis/v9"
)

// TestRealSentinel is the proof of the package: redis-sentinel monitors three
// mini-Redis servers, promotes a replica when the master crashes, and makes the
// old master a replica when it returns with its old data.
func TestRealSentinel(t *testing.T) {
	program := tool(t, "redis-sentinel")
	ctx := context.Background()
	master := start(t, Config{Addr: "127.0.0.1:22001"})
	replicas := []*Server{
		start(t, Config{Addr: "127.0.0.1:22002", ReplicaOf: master.Addr(), Priority: NeverPromote}),
		start(t, Config{Addr: "127.0.0.1:22003", ReplicaOf: master.Addr()}),
	}
	for _, r := range replicas {
		waitLink(t, r)
	}
	before := dial(t, master.Addr())
	must(t, before, "SET", "k", "v")
	if n := must(t, before, "WAIT", 2, 5000); n != int64(2) {
		t.Fatalf("WAIT answers %v, want 2", n)
	}

	// After a switch, redis-sentinel waits up to a second before it dials the new
	// master, and counts that second as silence. With a down-after of one second
	// it would now and then fail over again at once, back to the old master.
	conf := "sentinel monitor mm 127.0.0.1 22001 2\nsentinel down-after-milliseconds mm 3000\nsentinel failover-timeout mm 5000\nsentinel parallel-syncs mm 1\n"
	var sentinels []*redis.SentinelClient
	for port := 22010; port < 22013; port++ {
		path := filepath.Join(t.TempDir(), "sentinel.conf")
		if err := os.WriteFile(path, []byte(fmt.Sprintf("port %d\nbind 127.0.0.1\n", port)+conf), 0o644); err != nil {
			t.Fatal(err)
		}
		spawn(t, program, nil, path)
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		waitPing(t, addr)
		c := redis.NewSentinelClient(&redis.Options{Addr: addr})
		t.Cleanup(func() { _ = c.Close() })
		sentinels = append(sentinels, c)
	}
	for _, c := range sentinels {
		waitKnown(t, ctx, c)
	}

	master.Crash()
	// Wait for all of them before the old master returns: one that has not heard
	// of the switch may promote the old master again.
	for _, c := range sentinels {
		eventually(t, "the switch", func() (any, bool) {
			addr, err := c.GetMasterAddrByName(ctx, "mm").Result()
			return fmt.Sprint(addr, err), err == nil && addr[1] == "22003"
		})
	}
	waitInfo(t, replicas[1], "role", "master")
	waitInfo(t, replicas[0], "master_port", "22003")
	waitLink(t, replicas[0])
	if got := info(t, replicas[1])["sync_partial_ok"]; got != "1" {
		t.Errorf("the other replica did not continue partially at the promoted one: sync_partial_ok %s", got)
	}
	after := dial(t, replicas[1].Addr())
	// At every role change Sentinels close the clients' connections. On a busy
	// machine they may do that some time after the change is visible, or more
	// than once.
	eventually(t, "the acknowledged write at the new master", func() (any, bool) {
		got, err := after.Get(ctx, "k").Result()
		return fmt.Sprint(got, err), got == "v"
	})
	eventually(t, "the new master to take writes", func() (any, bool) {
		err := after.Set(ctx, "k2", "v2", 0).Err()
		return err, err == nil
	})

	old := start(t, Config{Addr: "127.0.0.1:22001", Data: master.Data()})
	waitInfo(t, old, "role", "slave")
	waitInfo(t, old, "master_port", "22003")
	waitLink(t, old)
	waitSame(t, replicas[1], old)
}

// waitKnown waits until a Sentinel knows both replicas, in good health, and both
// other Sentinels.
func waitKnown(t *testing.T, ctx context.Context, c *redis.SentinelClient) {
	t.Helper()
	eventually(t, "the Sentinel to know two replicas and two others", func() (any, bool) {
		m, err := c.Master(ctx, "mm").Result()
		if err != nil || m["num-slaves"] != "2" || m["num-other-sentinels"] != "2" {
			return fmt.Sprint(m, err), false
		}
		rs, err := c.Replicas(ctx, "mm").Result()
		if err != nil || len(rs) != 2 {
			return fmt.Sprint(rs, err), false
		}
		for _, r := range rs {
			if r["master-link-status"] != "ok" || r["flags"] != "slave" {
				return rs, false
			}
		}
		return rs, true
	})
}
