package discovery_test

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/discovery"
	"github.com/gosentinel/sentinel/sentineltest"
	"github.com/redis/go-redis/v9"
)

// run runs a Resolver until the end of the test.
func run(t *testing.T, o discovery.Options) *discovery.Resolver {
	t.Helper()
	r, err := discovery.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r
}

// A client that writes all the time sees no error, whatever happens to the master,
// and each failover has a higher epoch.
func TestWriterSeesNoFailover(t *testing.T) {
	c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{DownAfter: 100 * time.Millisecond})
	r := run(t, discovery.Options{Sentinels: c.Addrs()[:1], Master: c.Name()})
	client := redis.NewClient(&redis.Options{Dialer: r.DialMaster, DialTimeout: time.Minute, MinRetryBackoff: -1})
	defer client.Close()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var writes atomic.Int64
	failed := make(chan error, 1)
	go func() {
		defer close(failed)
		for ctx.Err() == nil {
			if err := client.Incr(context.Background(), "n").Err(); err != nil {
				failed <- err
				return
			}
			writes.Add(1)
			time.Sleep(time.Millisecond) // replicas of a busy machine have to follow
		}
	}()
	// more waits for writes that began after this moment.
	more := func() {
		t.Helper()
		deadline := time.After(2 * time.Minute)
		for n := writes.Load(); writes.Load() < n+2; {
			select {
			case err := <-failed:
				t.Fatalf("the writer: %v", err)
			case <-deadline:
				t.Fatalf("nothing is written: %+v", r.Status())
			case <-time.After(time.Millisecond):
			}
		}
	}
	epoch := uint64(0)
	settled := func(what string) {
		t.Helper()
		c.WaitStable()
		more()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for v := range r.Changes(ctx) {
			if v.Master.String() == c.Master().Addr() {
				if v.Master.Epoch <= epoch && what != "start" {
					t.Errorf("%s: the epoch was %d and is %d", what, epoch, v.Master.Epoch)
				}
				epoch = v.Master.Epoch
				return
			}
		}
		t.Fatalf("%s: the master is %s: %+v", what, c.Master().Addr(), r.Status())
	}

	settled("start")
	old := c.Master()
	old.Kill()
	settled("kill")
	old.Restart()
	c.WaitStable()
	switchOver(t, c)
	settled("switchover")
	old = c.Master()
	old.Pause()
	settled("pause")
	old.Resume()
	c.WaitStable()
	cancel()
	if err := <-failed; err != nil {
		t.Errorf("the writer: %v", err)
	}
}

// switchOver orders a planned failover until there has been one. A switchover that
// would take too long is given up, which no client may notice either.
func switchOver(t *testing.T, c *sentineltest.Cluster) {
	t.Helper()
	s := redis.NewClient(&redis.Options{Addr: c.Addrs()[0]})
	defer s.Close()
	deadline := time.Now().Add(time.Minute)
	for old := c.Master(); c.Master() == old; {
		err := s.Do(t.Context(), "SENTINEL", "FAILOVER", c.Name()).Err()
		if time.Now().After(deadline) {
			t.Fatalf("there is no switchover: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A plain connection to a master that was partitioned off ends when the others
// have another one, though it would still answer.
func TestPartitionedMasterIsLeft(t *testing.T) {
	c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{})
	r := run(t, discovery.Options{Sentinels: c.Addrs(), Master: c.Name()})
	conn, err := r.DialMaster(t.Context(), "tcp", "")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c.Partition(c.Master())
	if _, err := io.ReadAll(conn); err == nil {
		t.Error("the connection ended without an error")
	}
	c.WaitStable()
	if conn, err = r.DialMaster(t.Context(), "tcp", ""); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if a, err := r.Master(t.Context()); err != nil || a.String() != c.Master().Addr() {
		t.Errorf("%v, %v", a, err)
	}
	c.Heal()
	c.WaitStable()
}
