package integration

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/monitor"
)

var (
	emptyRuns = flag.Int("empty-runs", 1, "how often a master is restarted without data after each time in TestDataOfAnEmptiedMaster")
	syncDelay = flag.Int("sync-delay", 5, "repl-diskless-sync-delay there, in seconds; 5 is what servers have by default")
)

// emptiedAfter kills the master of a new group that keeps nothing on disk, starts it again
// after a while, and reports whether the data are there when all have settled.
func (e *env) emptiedAfter(d time.Duration) (kept bool) {
	e.Helper()
	g := e.start(cluster.Topology{Replicas: 2, Sentinels: 3, Quorum: 2, DownAfter: 30 * time.Second, FailoverTimeout: 10 * time.Second,
		ServerConf: func(int) []string { return []string{"repl-diskless-sync-delay " + strconv.Itoa(*syncDelay)} }})
	master := g.Servers[0]
	e.fill(master, 2)
	for _, r := range g.Servers[1:] {
		e.complete(r)
	}
	if testingStock() {
		e.pause(11 * time.Second) // until it has asked for INFO
	} else {
		e.allRemembered(g)
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

// allRemembered waits until all Sentinels know that the master has keys, and lets them ask
// for INFO as seldom as ever then.
func (e *env) allRemembered(g *cluster.Group) {
	e.Helper()
	for _, s := range g.Sentinels {
		_, err := s.Do(e.ctx, "SENTINEL", "DEBUG", "info-period", "300")
		e.must(err)
	}
	for _, s := range g.Sentinels {
		e.until("what the master has to be saved", func(context.Context) (string, bool) {
			lines := e.confLines(s, "# gosentinel lineage "+g.Master)
			return fmt.Sprint(lines), len(lines) == 1 && strings.Contains(lines[0], " keys ")
		})
		_, err := s.Do(e.ctx, "SENTINEL", "DEBUG", "info-period", "10000")
		e.must(err)
	}
}

func follows(ctx context.Context, s, master *cluster.Server) bool {
	r, err := s.Replication(ctx)
	return err == nil && r.Role == "slave" && r.MasterPort == master.Port() && r.LinkUp
}

// TestDataOfAnEmptiedMaster prints in how many runs the data are there after a master was
// restarted without them, before it counted as down.
func TestDataOfAnEmptiedMaster(t *testing.T) {
	for _, d := range []time.Duration{200 * time.Millisecond, time.Second, 5 * time.Second} {
		kept := atomic.Int32{}
		t.Run(d.String(), func(t *testing.T) {
			for n := range *emptyRuns {
				t.Run(strconv.Itoa(n), func(t *testing.T) {
					t.Parallel()
					if newEnv(t).emptiedAfter(d) {
						kept.Add(1)
					}
				})
			}
		})
		t.Logf("restarted after %v: the data were kept in %d of %d runs", d, kept.Load(), *emptyRuns)
		if kept.Load() == 0 && !testingStock() {
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
		return fmt.Sprint(lines), !strings.HasSuffix(strings.Join(lines, " "), " yes")
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

// history returns the replication id of a server.
func (e *env) history(s *cluster.Server) string {
	e.Helper()
	text, err := s.Client().Info(e.ctx, "replication").Result()
	e.must(err)
	return monitor.ParseInfo([]byte(text)).ReplID
}

// TestAppendOnlyRestart: a master that is killed and started from its append only file has
// another history, offset 0, and all its data. It stays the master, and nothing is said.
func TestAppendOnlyRestart(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	top := lone("appendonly yes", "appendfsync always")
	top.DownAfter = 30 * time.Second
	g := e.start(top)
	master, s := g.Servers[0], g.Sentinels[0]
	e.fill(master, 1)
	e.remembered(g, "disk")
	was := e.history(master)
	for range 3 {
		master.Kill()
		e.must(master.Restart(e.ctx))
		e.must(g.Servers[1].WaitReplicaOf(e.ctx, master))
	}
	now := e.history(master)
	e.until("the new history to be saved", func(context.Context) (string, bool) {
		lines := e.confLines(s, "# gosentinel lineage "+g.Master)
		return fmt.Sprint(lines), len(lines) == 1 && strings.Contains(lines[0], now)
	})
	if now == was {
		t.Error("the master has the history that it had")
	}
	e.complete(master)
	e.complete(g.Servers[1])
	if n := e.c.Events().Count(cluster.Named("+guard", "+guard-report", "+sdown", "+switch-master")); n != 0 {
		t.Errorf("%d events: %v", n, e.c.Events().All())
	}
}
