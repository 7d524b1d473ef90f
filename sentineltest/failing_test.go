package sentineltest_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/sentineltest"
)

// failing is a test that is expected to fail. It keeps what it says.
type failing struct {
	testing.TB
	said   string
	failed bool
}

func (f *failing) Fatalf(format string, args ...any) {
	f.said += fmt.Sprintf(format, args...)
	f.failed = true
	runtime.Goexit()
}

// fatal returns what f says when it fails; t fails if it does not.
func fatal(t *testing.T, f func(t testing.TB)) string {
	t.Helper()
	fake := &failing{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(fake)
	}()
	<-done
	if !fake.failed {
		t.Error("it does not fail")
	}
	return fake.said
}

func wantAll(t *testing.T, said string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(said, w) {
			t.Errorf("no %q in\n%s", w, said)
		}
	}
}

// TestOptionsNameAllMistakes: whoever makes several need not find them one by one.
func TestOptionsNameAllMistakes(t *testing.T) {
	said := fatal(t, func(t testing.TB) {
		sentineltest.NewCluster(t, sentineltest.ClusterOptions{
			Name: "my master", Replicas: -2, Sentinels: -1, Quorum: -3, DownAfter: -time.Second, FailoverTimeout: time.Microsecond,
		})
	})
	wantAll(t, said, `Name "my master"`, "Replicas -2: ", "Sentinels -1: ", "Quorum -3: ", "DownAfter -1s: ", "FailoverTimeout 1µs: ")
	said = fatal(t, func(t testing.TB) {
		sentineltest.NewCluster(t, sentineltest.ClusterOptions{Sentinels: 2, Quorum: 3})
	})
	wantAll(t, said, "Quorum 3: there are only 2 Sentinels")
	said = fatal(t, func(t testing.TB) {
		sentineltest.NewCluster(t, sentineltest.ClusterOptions{Sentinels: 1000, Replicas: 65, DownAfter: -1})
	})
	wantAll(t, said, "Sentinels 1000: ", "Replicas 65: ", "DownAfter -1ns: ")
	if strings.Contains(said, "FailoverTimeout") {
		t.Errorf("it names a field that was not set:\n%s", said)
	}
	said = fatal(t, func(t testing.TB) { sentineltest.NewReplicaSet(t, -1) })
	wantAll(t, said, "-1 replicas")
}

// TestFailuresDescribeTheCluster: who reads that a test has failed sees what every
// node was, and what happened.
func TestFailuresDescribeTheCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := fatal(t, func(t testing.TB) {
			c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{Network: sentineltest.NewNetwork(), DownAfter: time.Second})
			c.Sentinels()[0].Kill()
			c.Sentinels()[1].Pause()
			c.Servers()[2].Pause()
			c.Partition(c.Servers()[1])
			c.Master().Kill()
			c.WaitStable() // one of three Sentinels cannot elect anybody
		})
		wantAll(t, said, "not stable after 30.0", "no running server is a master",
			"redis 10.0.0.1:6379 killed, master, offset", "redis 10.0.0.2:6379 running, replica of 10.0.0.1:6379", "redis 10.0.0.3:6379 paused",
			"sentinel 10.0.0.4:26379 killed", "sentinel 10.0.0.5:26379 paused",
			"sentinel 10.0.0.6:26379 running, master 10.0.0.1:6379 s_down,master", "config epoch 0", "2 other sentinels",
			"partition: [redis 10.0.0.2:6379", "10.0.0.6:26379 +sdown master mymaster 10.0.0.1 6379")
	})
}

// TestImpossibleCalls: what cannot be done to a node fails the test and says why.
func TestImpossibleCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := sentineltest.NewNetwork()
		for _, call := range []struct {
			do   func(t testing.TB, c *sentineltest.Cluster)
			want string
		}{
			{func(_ testing.TB, c *sentineltest.Cluster) { c.Master().Resume() }, "Resume of a node that is running: redis 10.0."},
			{func(_ testing.TB, c *sentineltest.Cluster) { s := c.Sentinels()[0]; s.Kill(); s.Kill() }, "Kill of a node that is killed: sentinel 10.0."},
			{func(_ testing.TB, c *sentineltest.Cluster) { s := c.Sentinels()[0]; s.Kill(); s.Pause() }, "Pause of a node that is killed"},
			{func(_ testing.TB, c *sentineltest.Cluster) { c.Partition() }, "Partition without nodes"},
			{func(t testing.TB, c *sentineltest.Cluster) { c.Partition(network.NewRedis(t)) }, "Partition of a node of another cluster: redis 10.0."},
			{func(_ testing.TB, c *sentineltest.Cluster) { c.Replicas()[0].Kill(); c.WaitStable(); c.Failover() }, "makes no failover: "},
			{func(_ testing.TB, c *sentineltest.Cluster) { c.Sentinels()[0].Kill(); c.Failover() }, "no Sentinel is running"},
			{func(_ testing.TB, c *sentineltest.Cluster) { c.Sentinels()[0].Pause(); c.Master() }, "no Sentinel is running"},
		} {
			said := fatal(t, func(t testing.TB) {
				call.do(t, sentineltest.NewCluster(t, sentineltest.ClusterOptions{Network: network, Replicas: 1, Sentinels: 1}))
			})
			wantAll(t, said, call.want)
		}
	})
}
