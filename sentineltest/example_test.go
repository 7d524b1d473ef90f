package sentineltest_test

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosentinel/sentinel"
	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/sentineltest"
)

var t *testing.T // of your test

// TestExamples runs the bodies of the examples, which have no test of their own.
func TestExamples(parent *testing.T) {
	for name, f := range map[string]func(){
		"NewCluster": ExampleNewCluster, "NewRedis": ExampleNewRedis, "NewReplicaSet": ExampleNewReplicaSet,
		"Network": ExampleNetwork, "Partition": ExampleCluster_Partition, "Instance": ExampleSentinel_Instance,
	} {
		parent.Run(name, func(of *testing.T) {
			t = of
			f()
		})
	}
}

// A client finds the new master after the old one was killed.
func ExampleNewCluster() {
	c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{})
	rdb := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: c.Name(), SentinelAddrs: c.Addrs()})
	defer rdb.Close()

	c.Master().Kill()
	c.WaitStable() // a replica is the master now
	if err := rdb.Set(t.Context(), "key", "value", 0).Err(); err != nil {
		t.Error(err)
	}
}

// A server alone, for tests that need no replication.
func ExampleNewRedis() {
	r := sentineltest.NewRedis(t)
	rdb := redis.NewClient(&redis.Options{Addr: r.Addr()})
	defer rdb.Close()

	if err := rdb.Set(t.Context(), "key", "value", 0).Err(); err != nil {
		t.Error(err)
	}
	r.RestartEmpty()
	if err := rdb.Get(t.Context(), "key").Err(); err != redis.Nil {
		t.Error(err)
	}
}

// A replica has what was written to the master.
func ExampleNewReplicaSet() {
	set := sentineltest.NewReplicaSet(t, 1)
	master := redis.NewClient(&redis.Options{Addr: set.Master().Addr()})
	defer master.Close()
	replica := redis.NewClient(&redis.Options{Addr: set.Replicas()[0].Addr()})
	defer replica.Close()

	if err := master.Set(t.Context(), "key", "value", 0).Err(); err != nil {
		t.Error(err)
	}
	set.WaitStable()
	if got := replica.Get(t.Context(), "key").Val(); got != "value" {
		t.Errorf("the replica has %q", got)
	}
}

// In a bubble of testing/synctest, time-outs of production cost no time.
func ExampleNetwork() {
	synctest.Test(t, func(t *testing.T) {
		c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{
			Network: sentineltest.NewNetwork(), DownAfter: 5 * time.Second, FailoverTimeout: time.Minute,
		})
		rdb := redis.NewFailoverClient(&redis.FailoverOptions{
			MasterName: c.Name(), SentinelAddrs: c.Addrs(), Dialer: c.DialContext,
		})
		defer rdb.Close()

		c.Master().Pause()
		c.WaitStable()
		if err := rdb.Set(t.Context(), "key", "value", 0).Err(); err != nil {
			t.Error(err)
		}
	})
}

// The old master, alone with one Sentinel and the client, takes writes that are lost
// when the network is whole again.
func ExampleCluster_Partition() {
	c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	old := c.Master()
	rdb := redis.NewClient(&redis.Options{Addr: old.Addr()})
	defer rdb.Close()

	c.Partition(old, c.Sentinels()[0], sentineltest.Clients)
	c.WaitStable() // the two other Sentinels have promoted a replica
	if err := rdb.Set(t.Context(), "key", "value", 0).Err(); err != nil {
		t.Error(err)
	}
	c.Heal()
	c.WaitStable() // the old master is a replica
	if err := rdb.Get(t.Context(), "key").Err(); err != redis.Nil {
		t.Error(err)
	}
}

// A test waits for an event of one Sentinel.
func ExampleSentinel_Instance() {
	c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{})
	moved := c.Sentinels()[0].Instance().Events(t.Context(), sentinel.OfType[event.SwitchMaster]())
	c.Master().Kill()
	for ev := range moved {
		t.Log(ev) // +switch-master mymaster ...
		break
	}
}
