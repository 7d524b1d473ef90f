package integration

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

var (
	emptyRuns = flag.Int("empty-runs", 1, "how often a master is restarted without data after each time in TestDataOfAnEmptiedMaster")
	syncDelay = flag.Int("sync-delay", 0, "repl-diskless-sync-delay there, in seconds")
)

// emptiedAfter kills the master of a new group that keeps nothing on disk, starts it again
// after a while, and reports whether the data are there when all have settled.
func (e *env) emptiedAfter(d time.Duration) (kept bool) {
	e.Helper()
	g := e.start(cluster.Topology{Replicas: 2, Sentinels: 3, Quorum: 2, DownAfter: 30 * time.Second, FailoverTimeout: 10 * time.Second,
		ServerConf: func(int) []string { return []string{"repl-diskless-sync-delay " + strconv.Itoa(*syncDelay)} }})
	master := g.Servers[0]
	e.fill(master, 1)
	for _, r := range g.Servers[1:] {
		e.complete(r)
	}
	if testingStock() {
		e.pause(11 * time.Second) // until it has asked for INFO
	} else {
		e.remembered(g, "memory")
	}
	master.Kill()
	e.pause(d)
	e.must(master.Restart(e.ctx))
	e.until("one master", func(ctx context.Context) (string, bool) {
		ports := map[int]bool{}
		for _, s := range g.Sentinels {
			p, err := s.MasterPort(ctx, g.Master)
			if err != nil {
				return err.Error(), false
			}
			ports[p] = true
		}
		if len(ports) != 1 {
			return fmt.Sprint(ports), false
		}
		for p := range ports {
			now := g.ServerAt(p)
			for _, s := range g.Servers {
				if s != now && !follows(ctx, s, now) {
					return s.Name() + " does not follow " + now.Name(), false
				}
			}
			n, err := now.Client().DBSize(ctx).Result()
			kept = n > 0
			return fmt.Sprint(n, err), err == nil
		}
		return "", false
	})
	return kept
}

func follows(ctx context.Context, s, master *cluster.Server) bool {
	r, err := s.Replication(ctx)
	return err == nil && r.Role == "slave" && r.MasterPort == master.Port() && r.LinkUp
}

// TestDataOfAnEmptiedMaster prints in how many runs the data are there after a master was
// restarted without them, before it counted as down.
func TestDataOfAnEmptiedMaster(t *testing.T) {
	for _, d := range []time.Duration{200 * time.Millisecond, time.Second, 5 * time.Second} {
		kept := 0
		for n := range *emptyRuns {
			t.Run(fmt.Sprintf("%v/%d", d, n), func(t *testing.T) {
				if newEnv(t).emptiedAfter(d) {
					kept++
				}
			})
		}
		t.Logf("restarted after %v: the data were kept in %d of %d runs", d, kept, *emptyRuns)
		if kept == 0 && !testingStock() {
			t.Errorf("restarted after %v: no data were kept", d)
		}
	}
}

// TestLineageGuardReports: it tells what it would do, and the master stays.
func TestLineageGuardReports(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	top := lone()
	top.SentinelConf = []string{"sentinel default-lineage-guard report"}
	g := e.start(top)
	master := g.Servers[0]
	e.fill(master, 1)
	e.remembered(g, "memory")
	master.Kill()
	e.must(master.Restart(e.ctx))
	e.eventAbout(g.Sentinels[0], "+guard-report", "lineage-guard would replace it by")
	e.must(g.Servers[1].WaitReplicaOf(e.ctx, master))
	if p, err := g.Sentinels[0].MasterPort(e.ctx, g.Master); err != nil || p != master.Port() {
		t.Errorf("the master is at port %d (%v)", p, err)
	}
}

// TestAcceptEmpty: the master is taken as it is, once, and that is saved.
func TestAcceptEmpty(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	g := e.start(lone())
	master, s := g.Servers[0], g.Sentinels[0]
	e.fill(master, 1)
	e.remembered(g, "memory")
	_, err := s.Do(e.ctx, "SENTINEL", "SET", g.Master, "accept-empty", "yes")
	e.must(err)
	if lines := e.confLines(s, "sentinel accept-empty "+g.Master); len(lines) != 1 {
		t.Errorf("saved: %q", lines)
	}
	master.Kill()
	e.must(master.Restart(e.ctx))
	e.until("accept-empty to be used up", func(context.Context) (string, bool) {
		lines := e.confLines(s, "sentinel accept-empty "+g.Master)
		return fmt.Sprint(lines), len(lines) == 0
	})
	e.must(g.Servers[1].WaitReplicaOf(e.ctx, master))
	e.fill(master, 1)
	e.remembered(g, "memory")
	master.Kill()
	e.must(master.Restart(e.ctx))
	if m := e.newMaster(g, master); m != g.Servers[1] {
		t.Errorf("%s was promoted", m.Name())
	}
}

// TestSwappedAddresses: a replica of one group and one of another have swapped their
// ports, as pods swap addresses. None is given a role in the wrong group, and each has
// the data of its own.
func TestSwappedAddresses(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	top := cluster.Topology{Replicas: 1, Sentinels: 1, Quorum: 1, DownAfter: time.Second, FailoverTimeout: 2 * time.Second, Prefix: "a-"}
	a := e.start(top)
	top.Prefix, top.Sentinels, top.Master = "b-", 0, "other"
	b := e.start(top)
	s := a.Sentinels[0]
	for _, words := range [][]any{
		{"SENTINEL", "MONITOR", "other", "127.0.0.1", b.Servers[0].Port(), 1},
		{"SENTINEL", "SET", "other", "down-after-milliseconds", "1000", "failover-timeout", "2000"},
		{"SENTINEL", "DEBUG", "info-period", "300"},
	} {
		_, err := s.Do(e.ctx, words...)
		e.must(err)
	}
	_, err := a.Servers[0].Do(e.ctx, "SET", "group", "a")
	e.must(err)
	_, err = b.Servers[0].Do(e.ctx, "SET", "group", "b")
	e.must(err)
	e.must(s.WaitView(e.ctx, "other", 1, 0))
	e.until("what both have to be known", func(context.Context) (string, bool) {
		lines := append(e.confLines(s, "# gosentinel lineage "+a.Master), e.confLines(s, "# gosentinel lineage other")...)
		return fmt.Sprint(lines), len(lines) == 2 && strings.Contains(lines[0], " keys ") && strings.Contains(lines[1], " keys ")
	})

	ra, rb := a.Servers[1], b.Servers[1]
	free, err := e.c.Port()
	e.must(err)
	for _, step := range []struct {
		on   *cluster.Server
		port int
	}{{ra, free}, {rb, ra.Port()}, {ra, rb.Port()}} {
		_, err := step.on.Do(e.ctx, "CONFIG", "SET", "port", step.port)
		e.must(err)
	}
	for _, r := range []*cluster.Server{ra, rb} {
		for _, kind := range []string{"master", "normal", "pubsub"} {
			_, err := r.Do(e.ctx, "CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
			e.must(err)
		}
	}
	e.eventAbout(s, "+guard", fmt.Sprintf(":%d 127.0.0.1 %d @ %s", ra.Port(), ra.Port(), a.Master))
	e.eventAbout(s, "+guard", fmt.Sprintf(":%d 127.0.0.1 %d @ other", rb.Port(), rb.Port()))
	e.pause(4 * time.Second) // longer than failover-timeout, after which it would be corrected
	for _, c := range []struct {
		at     *cluster.Server // whose port
		group  string
		master *cluster.Server
	}{{rb, "a", a.Servers[0]}, {ra, "b", b.Servers[0]}} {
		client := c.at.Client()
		got, err := client.Get(e.ctx, "group").Result()
		if err != nil || got != c.group {
			t.Errorf("what is at %s has the data of %q (%v), want %q", c.at.Addr(), got, err, c.group)
		}
		if r, err := c.at.Replication(e.ctx); err != nil || r.MasterPort != c.master.Port() {
			t.Errorf("what is at %s follows %v (%v)", c.at.Addr(), r, err)
		}
	}
}
