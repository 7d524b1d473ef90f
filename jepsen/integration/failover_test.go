package integration

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/redis/go-redis/v9"
)

// A master that dies and one that merely stops answering are both replaced, and
// both come back as replicas of their successor.
func TestMasterIsReplaced(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]struct {
		sig    syscall.Signal
		revive func(context.Context, *cluster.Server) error
	}{
		"crash": {syscall.SIGSEGV, func(ctx context.Context, s *cluster.Server) error { return s.Restart(ctx) }},
		"hang":  {syscall.SIGSTOP, func(_ context.Context, s *cluster.Server) error { return s.Signal(syscall.SIGCONT) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			g := e.start(usual)
			old := g.Servers[0]
			e.fill(old, 2)
			e.signal(old, fault.sig)
			master := e.newMaster(g, old)
			e.complete(master)
			e.must(master.Client().Set(e.ctx, "after", 1, 0).Err())
			for _, s := range g.Servers[1:] {
				if s != master {
					e.must(s.WaitReplicaOf(e.ctx, master))
				}
			}
			e.switchedOnce(g, old, master)
			e.must(fault.revive(e.ctx, old))
			e.must(old.WaitReplicaOf(e.ctx, master))
			e.letGo(old)
			e.complete(old)
			e.must(g.WaitViews(e.ctx))
			e.oneLeaderPerEpoch()
		})
	}
}

// switchedOnce checks the event that clients act on: once from every Sentinel,
// with the exact payload.
func (e *env) switchedOnce(g *cluster.Group, old, master *cluster.Server) {
	e.Helper()
	want := fmt.Sprintf("%s 127.0.0.1 %d 127.0.0.1 %d", g.Master, old.Port(), master.Port())
	for _, s := range g.Sentinels {
		if s.Running() {
			e.eventAbout(s, "+switch-master", want)
		}
	}
	for _, s := range g.Sentinels {
		if n := e.c.Events().Count(about(s, "+switch-master", "")); n > 1 {
			e.Errorf("%s published +switch-master %d times", s.Name(), n)
		}
	}
}

// Losing one of three Sentinels together with the master leaves a majority.
func TestSentinelAndMasterLost(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	g := e.start(usual)
	g.Sentinels[0].Kill()
	g.Servers[0].Kill()
	e.newMaster(g, g.Servers[0])
	e.oneLeaderPerEpoch()
}

// With two of three Sentinels gone there is no failover, whatever the quorum:
// the quorum is a threshold of detection, the majority is what elects.
func TestMinorityDoesNotFailOver(t *testing.T) {
	t.Parallel()
	const tooFew = "NOQUORUM 1 usable Sentinels. Not enough available Sentinels to reach the "
	for quorum, text := range map[int]string{
		1: tooFew + "majority and authorize a failover",
		2: tooFew + "specified quorum for this master. Not enough available Sentinels to reach the majority and authorize a failover",
	} {
		t.Run("quorum "+strconv.Itoa(quorum), func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			top := usual
			top.Quorum = quorum
			g := e.start(top)
			left := g.Sentinels[0]
			for _, s := range g.Sentinels[1:] {
				s.Kill()
			}
			e.until("-NOQUORUM", func(ctx context.Context) (string, bool) {
				_, err := left.Do(ctx, "SENTINEL", "CKQUORUM", g.Master)
				return fmt.Sprint(err), err != nil && err.Error() == text
			})
			g.Servers[0].Kill()
			e.minorityWaits(g, quorum)

			// The promise has another half: with the majority back, it happens.
			for _, s := range g.Sentinels[1:] {
				e.must(s.Restart(e.ctx))
			}
			e.newMaster(g, g.Servers[0])
			e.oneLeaderPerEpoch()
		})
	}
}

// minorityWaits watches a lone Sentinel until it has had its chance to do wrong.
func (e *env) minorityWaits(g *cluster.Group, quorum int) {
	e.Helper()
	left := g.Sentinels[0]
	e.eventAbout(left, "+sdown", "master "+g.Master)
	if quorum == 1 {
		e.eventAbout(left, "-failover-abort-not-elected", "master "+g.Master)
	} else {
		// Nothing happens, so the Sentinel's own clock has to say that time passed.
		e.until("the master to be down for 3 s", func(ctx context.Context) (string, bool) {
			m, err := left.Master(ctx, g.Master)
			ms, _ := strconv.Atoi(m["s-down-time"])
			return fmt.Sprint(m["flags"], " for ", ms, " ms ", err), ms >= 3000
		})
		if n := e.c.Events().Count(cluster.Named("+odown", "+try-failover")); n != 0 {
			e.Errorf("a lone Sentinel with quorum 2 saw an objective state: %v", e.c.Events().All())
		}
	}
	if n := e.c.Events().Count(cluster.Named("+elected-leader", "+switch-master")); n != 0 {
		e.Errorf("a lone Sentinel of three elected itself: %v", e.c.Events().All())
	}
	port, err := left.MasterPort(e.ctx, g.Master)
	if err != nil || port != g.Servers[0].Port() {
		e.Errorf("the lone Sentinel names port %d, %v; want the dead master's %d", port, err, g.Servers[0].Port())
	}
}

// SENTINEL FAILOVER replaces a healthy master without asking the others.
func TestManualFailover(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	top := usual
	top.DownAfter = 20 * time.Second // a stall of the machine must not look like our doing
	g := e.start(top)
	old, boss := g.Servers[0], g.Sentinels[0]
	e.fill(old, 2)
	if text := e.replyError(boss, "SENTINEL", "FAILOVER", "nobody"); text != "ERR No such master with that name" {
		t.Errorf("unknown master: %q", text)
	}
	// Both commands in one write: the second arrives while the first one works.
	pipe := boss.Client().Pipeline()
	first := pipe.Do(e.ctx, "SENTINEL", "FAILOVER", g.Master)
	second := pipe.Do(e.ctx, "SENTINEL", "FAILOVER", g.Master)
	if _, err := pipe.Exec(e.ctx); err == nil || err.Error() != "INPROG Failover already in progress" {
		t.Errorf("second FAILOVER: %v; want -INPROG", second.Err())
	}
	if got, err := first.Text(); err != nil || got != "OK" {
		t.Fatalf("SENTINEL FAILOVER: %q, %v", got, err)
	}
	master := e.newMaster(g, old)
	e.complete(master)
	e.switchedOnce(g, old, master)
	// The old master lives and is converted later, by the first Sentinel to see it.
	e.must(old.WaitReplicaOf(e.ctx, master))
	e.must(g.WaitViews(e.ctx))
	if n := e.c.Events().Count(cluster.Named("+sdown", "+odown")); n != 0 {
		t.Errorf("a manual failover of a healthy master caused %d down events: %v", n, e.c.Events().All())
	}
}

// Not more than parallel-syncs replicas are re-pointed at a time.
func TestParallelSyncs(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 2} {
		t.Run(strconv.Itoa(limit), func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			top := usual
			top.Replicas, top.ParallelSyncs = 4, limit
			g := e.start(top)
			old := g.Servers[0]
			old.Kill()
			master := e.newMaster(g, old)
			end := e.event("the leader to finish", cluster.Named("+failover-end"))
			for _, s := range g.Servers[1:] {
				if s != master {
					e.must(s.WaitReplicaOf(e.ctx, master))
				}
			}
			e.syncsWereBounded(end.Sentinel, limit, 3)
		})
	}
}

// syncsWereBounded counts replicas in work over the leader's events.
func (e *env) syncsWereBounded(leader string, limit, replicas int) {
	e.Helper()
	busy, most, done := 0, 0, 0
	for _, ev := range e.c.Events().All() {
		if ev.Sentinel != leader {
			continue
		}
		switch ev.Name {
		case "+slave-reconf-sent":
			busy++
			most = max(most, busy)
		case "+slave-reconf-done":
			busy--
			done++
		}
	}
	if most > limit {
		e.Errorf("%d replicas were reconfigured at once, parallel-syncs is %d", most, limit)
	}
	if done != replicas || busy != 0 {
		e.Errorf("%d of %d replicas done, %d left in work", done, replicas, busy)
	}
}

// A replica with priority 0 is never promoted, not even when it is the only one.
func TestPriorityZero(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	top := usual
	top.ServerConf = func(i int) []string {
		if i == 1 {
			return []string{"replica-priority 0"}
		}
		return nil
	}
	g := e.start(top)
	g.Servers[0].Kill()
	if master := e.newMaster(g, g.Servers[0]); master != g.Servers[2] {
		t.Fatalf("%s was promoted, want %s", master.Name(), g.Servers[2].Name())
	}
	e.must(g.Servers[1].WaitReplicaOf(e.ctx, g.Servers[2]))
	boss := g.Sentinels[0]
	// The failover that has just ended on the leader may still be INPROG here,
	// and the old master is no candidate while it is down.
	e.until("-NOGOODSLAVE", func(ctx context.Context) (string, bool) {
		v, err := boss.Do(ctx, "SENTINEL", "FAILOVER", g.Master)
		return fmt.Sprint(v, err), err != nil && strings.HasPrefix(err.Error(), "NOGOODSLAVE No suitable replica to promote: ")
	})
	if port, err := boss.MasterPort(e.ctx, g.Master); err != nil || port != g.Servers[2].Port() {
		t.Errorf("master is port %d, %v; want %d", port, err, g.Servers[2].Port())
	}
}

// A replica that does not want to be announced is not listed, but counted, and
// can be promoted.
func TestUnannouncedReplica(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	top := usual
	top.Replicas = 1
	top.ServerConf = func(i int) []string {
		if i == 1 {
			return []string{"replica-announced no"}
		}
		return nil
	}
	g := e.start(top)
	// The first answer of the replica itself says that it is not announced.
	for _, s := range g.Sentinels {
		e.until(s.Name()+" to hide the replica", func(ctx context.Context) (string, bool) {
			m, merr := s.Master(ctx, g.Master)
			list, err := s.Replicas(ctx, g.Master)
			return fmt.Sprint(m["num-slaves"], " replicas, listed ", list, merr, err),
				merr == nil && err == nil && len(list) == 0 && m["num-slaves"] == "1"
		})
	}
	g.Servers[0].Kill()
	if master := e.newMaster(g, g.Servers[0]); master != g.Servers[1] {
		t.Errorf("%s was promoted", master.Name())
	}
}

// acl is what the documentation of Redis asks for a Sentinel's user.
const acl = "user guard on >letmein allchannels +multi +slaveof +ping +exec +subscribe +config|rewrite +role +publish +info +client|setname +client|kill +script|kill"

// Servers that demand a password are monitored and failed over with it.
func TestAuthentication(t *testing.T) {
	t.Parallel()
	for name, auth := range map[string]struct{ server, sentinel []string }{
		"requirepass": {
			[]string{"requirepass secret", "masterauth secret"},
			[]string{"sentinel auth-pass mymaster secret"},
		},
		"acl user": {
			[]string{"requirepass secret", "masterauth secret", acl},
			[]string{"sentinel auth-user mymaster guard", "sentinel auth-pass mymaster letmein"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			top := usual
			top.Password = "secret"
			top.ServerConf = func(int) []string { return auth.server }
			top.SentinelConf = auth.sentinel
			g := e.start(top)
			old := g.Servers[0]
			e.fill(old, 2)
			old.Kill()
			master := e.newMaster(g, old)
			e.complete(master)
			e.must(old.Restart(e.ctx))
			e.must(old.WaitReplicaOf(e.ctx, master))
			// The password must still be there after all those rewrites.
			for _, line := range auth.sentinel {
				if got := e.confLines(g.Sentinels[0], line); len(got) != 1 {
					t.Errorf("%q is in the file %d times", line, len(got))
				}
			}
		})
	}
}

// A wrong password makes the master look down; the right one, given at run
// time, makes it come up. It never shows in an event.
func TestPasswordAtRunTime(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	server := e.server("server", cluster.NodeSpec{Password: "secret"}, "requirepass secret")
	s := e.sentinel("sentinel", server, "sentinel auth-pass mymaster wrong")
	e.eventAbout(s, "+sdown", "master mymaster")
	_, err := s.Do(e.ctx, "SENTINEL", "SET", "mymaster", "auth-pass", "secret")
	e.must(err)
	e.eventAbout(s, "-sdown", "master mymaster")
	e.eventAbout(s, "+set", "auth-pass ******")
	for _, ev := range e.c.Events().All() {
		if strings.Contains(ev.Text, "secret") {
			t.Errorf("the password was published: %s", ev)
		}
	}
}

// server starts one server by itself.
func (e *env) server(name string, spec cluster.NodeSpec, lines ...string) *cluster.Server {
	e.Helper()
	port, err := e.c.Port()
	e.must(err)
	spec.Name, spec.Port, spec.Conf = name, port, cluster.ServerConf(port, lines...)
	s, err := e.c.StartServer(spec)
	e.must(err)
	e.must(s.WaitReady(e.ctx))
	return s
}

// sentinel starts one Sentinel that watches one server.
func (e *env) sentinel(name string, server *cluster.Server, lines ...string) *cluster.Sentinel {
	e.Helper()
	port, err := e.c.Port()
	e.must(err)
	s, err := e.c.StartSentinel(cluster.NodeSpec{
		Name: name, Port: port,
		Conf: cluster.SentinelConf(port, monitored(server), lines...),
	})
	e.must(err)
	e.must(s.WaitReady(e.ctx))
	return s
}

func monitored(server *cluster.Server) cluster.Monitored {
	return cluster.Monitored{Name: "mymaster", Port: server.Port(), Quorum: 1, DownAfter: 1e9, FailoverTimeout: 5e9}
}

// A client library that knows Sentinels finds the new master by itself.
func TestGoRedisFollows(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	g := e.start(usual)
	var addrs []string
	for _, s := range g.Sentinels {
		addrs = append(addrs, s.Addr())
	}
	client := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: g.Master, SentinelAddrs: addrs})
	defer client.Close()
	e.must(client.Set(e.ctx, "before", 1, 0).Err())
	g.Servers[0].Kill()
	master := e.newMaster(g, g.Servers[0])
	e.until("the client to write again", func(ctx context.Context) (string, bool) {
		err := client.Set(ctx, "after", 1, 0).Err()
		return fmt.Sprint(err), err == nil
	})
	if err := master.Client().Get(e.ctx, "after").Err(); err != nil {
		t.Errorf("the write is not on the new master: %v", err)
	}
}
