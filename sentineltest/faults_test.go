package sentineltest_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosentinel/sentinel/sentineltest"
)

// virtual runs a test with a cluster in virtual time.
func virtual(t *testing.T, f func(t *testing.T, c *sentineltest.Cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t, sentineltest.NewCluster(t, sentineltest.ClusterOptions{Network: sentineltest.NewNetwork()}))
	})
}

func dial(c *sentineltest.Cluster, r *sentineltest.Redis) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: r.Addr(), Dialer: c.DialContext, MaxRetries: -1, DialerRetries: 1, DialTimeout: 50 * time.Millisecond, ReadTimeout: 50 * time.Millisecond,
		ContextTimeoutEnabled: true,
	})
}

func set(t *testing.T, c *sentineltest.Cluster, r *sentineltest.Redis, key, value string) error {
	t.Helper()
	rdb := dial(c, r)
	defer rdb.Close()
	return rdb.Set(t.Context(), key, value, 0).Err()
}

func get(t *testing.T, c *sentineltest.Cluster, r *sentineltest.Redis, key string) string {
	t.Helper()
	rdb := dial(c, r)
	defer rdb.Close()
	text, err := rdb.Get(t.Context(), key).Result()
	if err != nil {
		return err.Error()
	}
	return text
}

// TestMasterFaults: whatever is done to the master, a replica with its data takes its
// place, and it becomes a replica when it is back.
func TestMasterFaults(t *testing.T) {
	for name, fault := range map[string]struct {
		begin, end func(c *sentineltest.Cluster, r *sentineltest.Redis)
	}{
		"Kill, Restart":      {func(_ *sentineltest.Cluster, r *sentineltest.Redis) { r.Kill() }, func(_ *sentineltest.Cluster, r *sentineltest.Redis) { r.Restart() }},
		"Kill, RestartEmpty": {func(_ *sentineltest.Cluster, r *sentineltest.Redis) { r.Kill() }, func(_ *sentineltest.Cluster, r *sentineltest.Redis) { r.RestartEmpty() }},
		"Pause, Resume":      {func(_ *sentineltest.Cluster, r *sentineltest.Redis) { r.Pause() }, func(_ *sentineltest.Cluster, r *sentineltest.Redis) { r.Resume() }},
		"Pause, Restart":     {func(_ *sentineltest.Cluster, r *sentineltest.Redis) { r.Pause() }, func(_ *sentineltest.Cluster, r *sentineltest.Redis) { r.Restart() }},
		"Partition, Heal":    {func(c *sentineltest.Cluster, r *sentineltest.Redis) { c.Partition(r) }, func(c *sentineltest.Cluster, _ *sentineltest.Redis) { c.Heal() }},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T, c *sentineltest.Cluster) {
				old := c.Master()
				if err := set(t, c, old, "key", "value"); err != nil {
					t.Fatal(err)
				}
				c.WaitStable()
				fault.begin(c, old)
				c.WaitStable()
				if c.Master() == old || len(c.Replicas()) == 0 {
					t.Errorf("master %v, replicas %v", c.Master(), c.Replicas())
				}
				fault.end(c, old)
				c.WaitStable()
				if c.Master() == old || len(c.Replicas()) != 2 {
					t.Errorf("after the end of it: master %v, replicas %v", c.Master(), c.Replicas())
				}
				for _, r := range c.Servers() {
					if got := get(t, c, r, "key"); got != "value" {
						t.Errorf("%v has %q", r, got)
					}
				}
			})
		})
	}
}

// TestSentinelFaults: two of three Sentinels fail over; the third learns it later.
func TestSentinelFaults(t *testing.T) {
	for name, fault := range map[string]struct {
		begin, end func(c *sentineltest.Cluster, s *sentineltest.Sentinel)
	}{
		"Kill, Restart":      {func(_ *sentineltest.Cluster, s *sentineltest.Sentinel) { s.Kill() }, func(_ *sentineltest.Cluster, s *sentineltest.Sentinel) { s.Restart() }},
		"Kill, RestartEmpty": {func(_ *sentineltest.Cluster, s *sentineltest.Sentinel) { s.Kill() }, func(_ *sentineltest.Cluster, s *sentineltest.Sentinel) { s.RestartEmpty() }},
		"Pause, Resume":      {func(_ *sentineltest.Cluster, s *sentineltest.Sentinel) { s.Pause() }, func(_ *sentineltest.Cluster, s *sentineltest.Sentinel) { s.Resume() }},
		"Pause, Restart":     {func(_ *sentineltest.Cluster, s *sentineltest.Sentinel) { s.Pause() }, func(_ *sentineltest.Cluster, s *sentineltest.Sentinel) { s.Restart() }},
		"Partition, Heal":    {func(c *sentineltest.Cluster, s *sentineltest.Sentinel) { c.Partition(s) }, func(c *sentineltest.Cluster, _ *sentineltest.Sentinel) { c.Heal() }},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T, c *sentineltest.Cluster) {
				old, away := c.Master(), c.Sentinels()[0]
				fault.begin(c, away)
				c.WaitStable()
				old.Kill()
				c.WaitStable()
				if c.Master() == old {
					t.Error("there was no failover")
				}
				fault.end(c, away)
				c.WaitStable()
				if m, err := away.Instance().Master(t.Context(), c.Name()); err != nil || m.Addr != c.Master().Addr() {
					t.Errorf("the Sentinel that was away names %v, %v, want %v", m.Addr, err, c.Master().Addr())
				}
			})
		})
	}
}

// TestWhatSentinelsRemember: after Restart a Sentinel is who it was and knows the new
// master without being told; after RestartEmpty neither.
func TestWhatSentinelsRemember(t *testing.T) {
	virtual(t, func(t *testing.T, c *sentineltest.Cluster) {
		configured := c.Master()
		c.Failover()
		s, now := c.Sentinels()[0], c.Master()
		c.Partition(s) // nobody can tell it anything
		id := func() string {
			t.Helper()
			rdb := redis.NewClient(&redis.Options{Addr: s.Addr(), Dialer: c.DialContext})
			defer rdb.Close()
			text, err := rdb.Do(t.Context(), "SENTINEL", "MYID").Text()
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		before := id()
		s.Restart()
		if m, err := s.Instance().Master(t.Context(), c.Name()); err != nil || m.Addr != now.Addr() || id() != before {
			t.Errorf("after Restart it is %s and names %s, %v; want %s and %s", id(), m.Addr, err, before, now.Addr())
		}
		s.RestartEmpty()
		if m, err := s.Instance().Master(t.Context(), c.Name()); err != nil || m.Addr != configured.Addr() || id() == before {
			t.Errorf("after RestartEmpty it is %s and names %s, %v; want another one and %s", id(), m.Addr, err, configured.Addr())
		}
		c.Heal()
		c.WaitStable()
	})
}

// TestPartitionWithClients: who is partitioned together reach each other, and clients
// reach both sides unless they are told where they are.
func TestPartitionWithClients(t *testing.T) {
	virtual(t, func(t *testing.T, c *sentineltest.Cluster) {
		old, lonely := c.Master(), c.Sentinels()[2]
		c.Partition(old, lonely)
		c.WaitStable()
		if c.Master() == old {
			t.Fatal("the majority has not failed over")
		}
		if m, err := lonely.Instance().Master(t.Context(), c.Name()); err != nil || m.Addr != old.Addr() {
			t.Errorf("the minority names %v, %v", m.Addr, err)
		}
		for _, r := range []*sentineltest.Redis{old, c.Master()} {
			if err := set(t, c, r, "key", r.Addr()); err != nil {
				t.Errorf("a client between the sides cannot write to %v: %v", r, err)
			}
		}
		c.Partition(old, lonely, sentineltest.Clients)
		if err := set(t, c, old, "key", "lost"); err != nil {
			t.Errorf("a client beside the old master cannot write to it: %v", err)
		}
		if err := set(t, c, c.Master(), "key", "never"); err == nil {
			t.Error("a client on the other side can write")
		}
		c.Heal()
		c.WaitStable()
		if got, want := get(t, c, old, "key"), c.Master().Addr(); got != want {
			t.Errorf("the old master has %q, want %q", got, want)
		}
	})
}

// TestPlannedFailover: Failover moves the master to and fro and loses nothing.
func TestPlannedFailover(t *testing.T) {
	virtual(t, func(t *testing.T, c *sentineltest.Cluster) {
		for range 3 {
			old := c.Master()
			if err := set(t, c, old, "key", old.Addr()); err != nil {
				t.Fatal(err)
			}
			c.Failover()
			if c.Master() == old {
				t.Error("the master is the same")
			}
			if got := get(t, c, c.Master(), "key"); got != old.Addr() {
				t.Errorf("what was written before is %q", got)
			}
		}
	})
}

// TestSentinelInTilt: a Sentinel that was paused for longer than its TILT limit says
// so, as a process under SIGSTOP does.
func TestSentinelInTilt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{Network: sentineltest.NewNetwork(), DownAfter: 10 * time.Second})
		s := c.Sentinels()[0]
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		events := s.Instance().Events(ctx)
		s.Pause()
		time.Sleep(3 * time.Second)
		s.Resume()
		tilt := false
		for ev := range events {
			if tilt = ev.Body.Name() == "+tilt"; tilt {
				break
			}
		}
		if !tilt {
			t.Error("it has not noticed that it stood still")
		}
		c.WaitStable() // after the end of TILT
	})
}

// TestReplicaSet: replication works without Sentinels.
func TestReplicaSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := sentineltest.NewNetwork().NewReplicaSet(t, 2)
		old := set.Master()
		rdb := redis.NewClient(&redis.Options{Addr: old.Addr(), Dialer: set.DialContext})
		defer rdb.Close()
		if err := rdb.Set(t.Context(), "key", "value", 0).Err(); err != nil {
			t.Fatal(err)
		}
		set.Failover()
		if set.Master() == old || len(set.Replicas()) != 2 {
			t.Errorf("master %v, replicas %v", set.Master(), set.Replicas())
		}
		away := set.Replicas()[0]
		now := redis.NewClient(&redis.Options{Addr: set.Master().Addr(), Dialer: set.DialContext})
		defer now.Close()
		set.Partition(away)
		if err := now.Set(t.Context(), "other", "x", 0).Err(); err != nil {
			t.Error(err)
		}
		set.WaitStable()
		if has := away.String(); !strings.HasSuffix(has, "keys 1") {
			t.Errorf("beyond the partition there is %s", has)
		}
		set.Heal()
		set.WaitStable()
		if has := away.String(); !strings.HasSuffix(has, "keys 2") {
			t.Errorf("after the partition there is %s", has)
		}
		set.Replicas()[1].RestartEmpty()
		set.WaitStable()
		set.Replicas()[0].Kill()
		set.WaitStable()
		last := redis.NewClient(&redis.Options{Addr: set.Replicas()[0].Addr(), Dialer: set.DialContext})
		defer last.Close()
		if got, err := last.Get(t.Context(), "key").Result(); err != nil || got != "value" {
			t.Errorf("the restarted replica has %q, %v", got, err)
		}
	})
}

// TestRedisAlone is on a real socket.
func TestRedisAlone(t *testing.T) {
	r := sentineltest.NewRedis(t)
	rdb := redis.NewClient(&redis.Options{Addr: r.Addr()})
	defer rdb.Close()
	if err := rdb.Set(t.Context(), "key", "value", 0).Err(); err != nil {
		t.Fatal(err)
	}
	r.Restart()
	if got, err := rdb.Get(t.Context(), "key").Result(); err != nil || got != "value" {
		t.Errorf("after a restart the key is %q, %v", got, err)
	}
	r.RestartEmpty()
	if _, err := rdb.Get(t.Context(), "key").Result(); err != redis.Nil {
		t.Errorf("after an empty restart: %v", err)
	}
}
