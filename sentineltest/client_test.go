package sentineltest_test

import (
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosentinel/sentinel/sentineltest"
)

// TestClientSurvivesFailover is the first test that an author of a client would write.
func TestClientSurvivesFailover(t *testing.T) {
	c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{})
	rdb := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: c.Name(), SentinelAddrs: c.Addrs()})
	defer rdb.Close()
	if err := rdb.Set(t.Context(), "key", "before", 0).Err(); err != nil {
		t.Fatal(err)
	}
	c.WaitStable() // the replicas have the key
	c.Master().Kill()
	c.WaitStable() // one of them is the master
	if got, err := rdb.Get(t.Context(), "key").Result(); err != nil || got != "before" {
		t.Errorf("after the failover the key is %q, %v", got, err)
	}
}

// TestClientInVirtualTime is the same in a bubble of testing/synctest, with passwords
// and a pause of a minute.
func TestClientInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{
			Network: sentineltest.NewNetwork(), DownAfter: 5 * time.Second, Password: "secret", SentinelPassword: "hidden",
		})
		rdb := redis.NewFailoverClient(&redis.FailoverOptions{
			MasterName: c.Name(), SentinelAddrs: c.Addrs(), Dialer: c.DialContext, Password: "secret", SentinelPassword: "hidden",
		})
		defer rdb.Close()
		if err := rdb.Set(t.Context(), "key", "before", 0).Err(); err != nil {
			t.Fatal(err)
		}
		c.WaitStable()
		start := time.Now()
		old := c.Master()
		old.Pause()
		c.WaitStable()
		if took := time.Since(start); took < 5*time.Second || took > 11*time.Second {
			t.Errorf("the failover and the end of the old master took %v with a DownAfter of 5 s", took)
		}
		if got, err := rdb.Get(t.Context(), "key").Result(); err != nil || got != "before" {
			t.Errorf("after the failover the key is %q, %v", got, err)
		}
		time.Sleep(time.Minute)
		old.Resume()
		c.WaitStable() // it is a replica now
		if c.Master() == old {
			t.Error("the old master is the master again")
		}
		if err := rdb.Set(t.Context(), "key", "after", 0).Err(); err != nil {
			t.Error(err)
		}
		c.WaitStable()
	})
}

// TestWithoutPassword: what a cluster requires is refused to those without it.
func TestWithoutPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{
			Network: sentineltest.NewNetwork(), Replicas: sentineltest.NoReplicas, Sentinels: 1, Password: "secret", SentinelPassword: "hidden",
		})
		for _, addr := range []string{c.Master().Addr(), c.Addrs()[0]} {
			rdb := redis.NewClient(&redis.Options{Addr: addr, Dialer: c.DialContext, MaxRetries: -1})
			if err := rdb.Ping(t.Context()).Err(); err == nil || err.Error() != "NOAUTH Authentication required." {
				t.Errorf("%s: %v", addr, err)
			}
			if err := rdb.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// ping sends PING to an address of a cluster.
func ping(t *testing.T, c *sentineltest.Cluster, addr string) error {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: addr, Dialer: c.DialContext, MaxRetries: -1, DialerRetries: 1, ReadTimeout: time.Second})
	defer rdb.Close()
	return rdb.Ping(t.Context()).Err()
}

// networks are those that a cluster can be on.
var networks = map[string]func() *sentineltest.Network{
	"loopback": func() *sentineltest.Network { return nil }, "memory": sentineltest.NewNetwork,
}

// TestPausedNodesAreSilent: on both networks, who is paused takes connections and
// answers nothing before it is resumed.
func TestPausedNodesAreSilent(t *testing.T) {
	for name, network := range networks {
		t.Run(name, func(t *testing.T) {
			c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{Network: network()})
			for _, node := range []interface {
				Addr() string
				Pause()
				Resume()
			}{c.Replicas()[1], c.Sentinels()[2]} {
				node.Pause()
				nc, err := c.DialContext(t.Context(), "tcp", node.Addr())
				if err != nil {
					t.Fatalf("%v takes no connection: %v", node, err)
				}
				defer nc.Close()
				if _, err := nc.Write([]byte("PING\r\n")); err != nil {
					t.Error(err)
				}
				reply := make([]byte, 7)
				_ = nc.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
				if n, err := nc.Read(reply); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%v is paused and answers %q, %v", node, reply[:n], err)
				}
				_ = nc.SetReadDeadline(time.Now().Add(20 * time.Second))
				node.Resume()
				if _, err := io.ReadFull(nc, reply); err != nil || string(reply) != "+PONG\r\n" {
					t.Errorf("%v is resumed and answers %q, %v", node, reply, err)
				}
				c.WaitStable()
			}
		})
	}
}

// TestKilledNodesRefuse: on both networks, who was killed refuses connections, and
// is back at its address after a restart.
func TestKilledNodesRefuse(t *testing.T) {
	for name, network := range networks {
		t.Run(name, func(t *testing.T) {
			c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{Network: network()})
			for _, node := range []interface {
				Addr() string
				Kill()
				Restart()
				RestartEmpty()
			}{c.Replicas()[1], c.Sentinels()[2]} {
				node.Kill()
				if err := ping(t, c, node.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
					t.Errorf("%v was killed and answers: %v", node, err)
				}
				node.Restart()
				c.WaitStable()
				node.RestartEmpty() // while it runs
				c.WaitStable()
				if err := ping(t, c, node.Addr()); err != nil {
					t.Errorf("%v is back and does not answer: %v", node, err)
				}
			}
		})
	}
}
