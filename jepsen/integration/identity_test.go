package integration

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// Two servers listen on two addresses each, and the file names the second ones
// as replicas. Both are forgotten: a server that was told to follow its own
// second address would be read-only, and there would be no master. A failover
// then uses the addresses that are left.
func TestServersWithTwoAddresses(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t) // the original makes the master follow itself
	e := newEnv(t)
	var ports [3]int
	for k := range ports {
		port, err := e.c.Port()
		e.must(err)
		ports[k] = port
	}
	first, second := fmt.Sprintf("127.0.91.1:%d", ports[0]), fmt.Sprintf("127.0.91.2:%d", ports[1])
	start := func(name string, k int, lines ...string) *cluster.Server {
		lines = append(lines, fmt.Sprintf("bind 127.0.0.1 127.0.91.%d", k+1), fmt.Sprintf("replica-announce-ip 127.0.91.%d", k+1))
		s, err := e.c.StartServer(cluster.NodeSpec{Name: name, Port: ports[k], Conf: cluster.ServerConf(ports[k], lines...)})
		e.must(err)
		e.must(s.WaitReady(e.ctx))
		return s
	}
	master := start("master", 0)
	replica := start("replica", 1, "replicaof 127.0.91.1 "+strconv.Itoa(ports[0]))
	s, err := e.c.StartSentinel(cluster.NodeSpec{Name: "sentinel", Port: ports[2], Conf: fmt.Sprintf(
		"port %d\nsentinel monitor mymaster 127.0.91.1 %d 1\nsentinel down-after-milliseconds mymaster 1000\n"+
			"sentinel known-replica mymaster 127.0.0.1 %d\nsentinel known-replica mymaster 127.0.0.1 %d\n", ports[2], ports[0], ports[0], ports[1])})
	e.must(err)
	e.must(s.WaitReady(e.ctx))

	e.replicasAre(s, second)
	e.do(s, "SENTINEL", "FAILOVER", "mymaster")
	e.eventAbout(s, "+switch-master", "127.0.91.2")
	e.until("the old master to follow the new one", func(ctx context.Context) (string, bool) {
		text, err := master.Client().Info(ctx, "replication").Result()
		return fmt.Sprint(text, err), strings.Contains(text, "\r\nmaster_host:127.0.91.2\r\n")
	})
	e.replicasAre(s, first)
	if text, err := replica.Client().Info(e.ctx, "replication").Result(); !strings.Contains(text, "role:master") {
		t.Errorf("the new master says %s, %v", text, err)
	}
}

// replicasAre waits until a Sentinel knows these replicas and no others.
func (e *env) replicasAre(s *cluster.Sentinel, want ...string) {
	e.Helper()
	e.until(fmt.Sprintf("the replicas %v", want), func(ctx context.Context) (string, bool) {
		reply, err := s.Client().Do(ctx, "SENTINEL", "REPLICAS", "mymaster").Slice()
		var got []string
		for _, r := range reply {
			if fields, ok := r.([]any); ok && len(fields) > 1 {
				got = append(got, fmt.Sprint(fields[1]))
			}
		}
		slices.Sort(got)
		return fmt.Sprint(got, err), slices.Equal(got, want)
	})
}
