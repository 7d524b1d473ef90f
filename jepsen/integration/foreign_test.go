package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/monitor"
)

// twoGroups starts two groups of a master and a replica each, with other data, that one
// Sentinel watches.
func (e *env) twoGroups() (a, b *cluster.Group) {
	e.Helper()
	top := cluster.Topology{Replicas: 1, Sentinels: 1, Quorum: 1, DownAfter: time.Second, FailoverTimeout: 2 * time.Second, Prefix: "a-"}
	a = e.start(top)
	top.Prefix, top.Sentinels, top.Master = "b-", 0, "other"
	b = e.start(top)
	s := a.Sentinels[0]
	for _, words := range [][]any{
		{"SENTINEL", "MONITOR", b.Master, "127.0.0.1", b.Servers[0].Port(), 1},
		{"SENTINEL", "SET", b.Master, "down-after-milliseconds", "1000", "failover-timeout", "2000"},
		{"SENTINEL", "DEBUG", "info-period", "300"},
	} {
		_, err := s.Do(e.ctx, words...)
		e.must(err)
	}
	e.must(s.WaitView(e.ctx, b.Master, 1, 0))
	for _, g := range []*cluster.Group{a, b} {
		_, err := g.Servers[0].Do(e.ctx, "SET", "group", g.Master)
		e.must(err)
		e.must(g.Servers[1].WaitReplicaOf(e.ctx, g.Servers[0]))
		e.until("what the master has to be known", func(context.Context) (string, bool) {
			lines := e.confLines(s, "# gosentinel lineage "+g.Master)
			return fmt.Sprint(lines), len(lines) == 1 && strings.Contains(lines[0], " keys ")
		})
	}
	return a, b
}

// moves gives servers other ports, as pods get other addresses, one after the other.
func (e *env) moves(on *cluster.Server, port int) {
	e.Helper()
	e.until(fmt.Sprintf("%s to move to port %d", on.Name(), port), func(ctx context.Context) (string, bool) {
		_, err := on.Do(ctx, "CONFIG", "SET", "port", port)
		return fmt.Sprint(err), err == nil
	})
}

// reconnects closes all connections of a server.
func (e *env) reconnects(s *cluster.Server) {
	e.Helper()
	for _, kind := range []string{"master", "normal", "pubsub"} {
		_, err := s.Do(e.ctx, "CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
		e.must(err)
	}
}

// belongs fails the test unless what is at the address of a server has the data of a group,
// and follows its master.
func (e *env) belongs(at *cluster.Server, g *cluster.Group) {
	e.Helper()
	client := redis.NewClient(&redis.Options{Addr: at.Addr()}) // its own has connections to who was there
	defer client.Close()
	if got, err := client.Get(e.ctx, "group").Result(); err != nil || got != g.Master {
		e.Errorf("what is at %s has the data of %q (%v), want %q", at.Addr(), got, err, g.Master)
	}
	text, err := client.Info(e.ctx, "replication").Result()
	if info := monitor.ParseInfo([]byte(text)); err != nil || info.Role != monitor.RoleReplica || info.MasterPort != g.Servers[0].Port() {
		e.Errorf("what is at %s says %q (%v)", at.Addr(), text, err)
	}
}

// foreign waits until what is at the address of a server is known not to be of a group.
func (e *env) foreign(s *cluster.Sentinel, at *cluster.Server, g *cluster.Group) {
	e.Helper()
	e.eventAbout(s, "+guard", fmt.Sprintf(":%d 127.0.0.1 %d @ %s", at.Port(), at.Port(), g.Master))
}

// TestSwappedAddresses: a replica of one group and one of another have swapped their
// ports, as pods swap addresses. None is given a role in the wrong group, and each has
// the data of its own.
func TestSwappedAddresses(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	a, b := e.twoGroups()
	s, ra, rb := a.Sentinels[0], a.Servers[1], b.Servers[1]
	free, err := e.c.Port()
	e.must(err)
	e.moves(ra, free)
	e.moves(rb, ra.Port())
	e.moves(ra, rb.Port())
	e.reconnects(ra)
	e.reconnects(rb)
	e.foreign(s, ra, a)
	e.foreign(s, rb, b)
	e.pause(4 * time.Second) // longer than failover-timeout, after which it would be corrected
	e.belongs(rb, a)
	e.belongs(ra, b)
}

// TestReusedAddress: the replica of one group is gone, and one of another group gets its
// address. It is not shown, and when the master of the first group dies, nobody is promoted.
func TestReusedAddress(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	a, b := e.twoGroups()
	s, ra, rb := a.Sentinels[0], a.Servers[1], b.Servers[1]
	ra.Kill()
	e.moves(rb, ra.Port())
	e.reconnects(rb)
	e.foreign(s, ra, a)
	if rs, err := s.Replicas(e.ctx, a.Master); err != nil || len(rs) != 0 {
		t.Errorf("replicas that are shown: %v (%v)", rs, err)
	}
	a.Servers[0].Kill()
	e.eventAbout(s, "-failover-abort-no-good-slave", a.Master)
	e.belongs(ra, b)
}
