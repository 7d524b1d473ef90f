package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// TestSwitchoverOfLimitedServers: servers that forbid a command, or have too few
// replicas to take writes, are handed over without loss all the same, or not at all.
// What a Sentinel has to do without is an event that names the command.
func TestSwitchoverOfLimitedServers(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	w := newGated(newEnv(t), setting{downAfter: 2 * time.Second, failoverTimeout: 6 * time.Second})
	writes := w.writeTo(w.servers)
	w.hurry()
	for _, s := range w.servers {
		w.must(s.Client().ConfigSet(w.ctx, "min-replicas-to-write", "2").Err())
	}
	for _, c := range []struct {
		forbid, event string
		stays         bool
	}{
		{"", "", false}, // and each master needs both replicas to take a write
		{"-client|pause", "+switchover-degraded", false},
		{"-client|kill", "+switchover-degraded", false},
		{"-client|unpause", "", false},
		{"-config|rewrite", "", false},
		{"-multi", "", false},
		{"-slaveof", "-switchover-abort", true},
	} {
		old, begun := w.settled(), writes.count()
		w.beginsAt(old)
		for _, s := range w.servers {
			w.must(s.Client().Do(w.ctx, "ACL", "SETUSER", "default", "reset", "on", "nopass", "~*", "&*", "+@all").Err())
			if c.forbid != "" {
				w.must(s.Client().Do(w.ctx, "ACL", "SETUSER", "default", c.forbid).Err())
			}
		}
		w.noPause(strings.Contains(c.forbid, "pause"))
		seen := len(w.c.Events().All())
		if text := w.failover(0); text != "" {
			t.Fatalf("%s: FAILOVER: %s", c.forbid, text)
		}
		if c.event != "" {
			w.event(c.event+" with "+c.forbid, func(ev cluster.Event) bool {
				return ev.Name == c.event && len(w.c.Events().All()) > seen
			})
		}
		if !c.stays {
			w.until(c.forbid+": another master", func(ctx context.Context) (string, bool) {
				now := w.masterNow(ctx)
				return fmt.Sprint(now, "; ", w.stepsSeen()), now >= 0 && now != old
			})
		}
		w.afterwards(c.forbid, writes, begun)
	}
	w.allowed()
}

// beginsAt notes which server is the master when a round begins.
func (w *gated) beginsAt(old int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.old, w.orders = old, nil
}

// noPause says whether pauses are refused, and hold up nothing.
func (w *gated) noPause(refused bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pausesRefused = refused
}

// afterwards checks a round at its end: somebody takes writes, nobody else did at the
// same time, and none is lost.
func (w *gated) afterwards(what string, writes *writes, begun int) {
	w.Helper()
	n := writes.count()
	w.until(what+": a write to be acknowledged", func(context.Context) (string, bool) {
		return w.stepsSeen(), writes.count() > n+5
	})
	master, acks := w.settled(), writes.since(begun)
	w.oneMaster(what, acks)
	if n, err := lost(w.ctx, w.servers[master], acks); n > 0 || err != nil {
		w.Errorf("%s: %d of %d acknowledged writes are lost, %v; %s", what, n, len(acks), err, w.stepsSeen())
	}
}

// TestStockFinishesSwitchover: where the driver dies and only stock Sentinels are left,
// they find a master that says it is a replica, and fail over by their own rules.
// Nothing is lost, whatever the step (all of them with -long).
func TestStockFinishesSwitchover(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	stock := stockSentinel(t)
	w := newGated(newEnv(t), setting{
		downAfter: 1500 * time.Millisecond, failoverTimeout: 4 * time.Second,
		programs: [][]string{underTest(t), stock, stock},
	})
	writes := w.writeTo(w.servers)
	w.hurry()
	at := []string{"promote other"}
	if *long {
		at = steps
	}
	for _, step := range at {
		old, begun := w.settled(), writes.count()
		w.beginsAt(old)
		r := &round{gated: w, driver: 0, old: old}
		struck, pass := w.stopAt(r, step)
		if text := w.failover(0); text != "" {
			t.Fatalf("%s: FAILOVER: %s", step, text)
		}
		select {
		case <-struck:
		case <-w.ctx.Done():
			t.Fatalf("%s: there is no such step; %s", step, w.stepsSeen())
		}
		mend := blows[1].do(r, order{})
		pass(false)
		n := writes.count()
		w.until(step+": a write to be acknowledged", func(context.Context) (string, bool) {
			return w.stepsSeen(), writes.count() > n+5
		})
		mend()
		w.hurry()
		w.afterwards(step, writes, begun)
	}
	if n := w.c.Events().Count(cluster.Named("+switchover-takeover")); n != 0 {
		t.Errorf("%d takeovers, and nobody was there to take over", n)
	}
}

// TestLoadingReplica: a replica that loads its data is waited for, with nothing sent
// but PING and INFO.
func TestLoadingReplica(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	w := newGated(newEnv(t), setting{
		downAfter: 5 * time.Second, failoverTimeout: 15 * time.Second,
		// Six seconds for a hundred keys, and INFO is answered after each of them.
		server: []string{"key-load-delay 60000", "loading-process-events-interval-bytes 1024", "rdbcompression no"},
	})
	w.hurry()
	old := w.settled()
	for k := range 100 {
		w.must(w.servers[old].Client().Set(w.ctx, fmt.Sprint("long:", k), strings.Repeat("x", 2000), 0).Err())
	}
	target := (old + 1) % 3
	s := w.servers[target]
	// Otherwise there may be nothing to load.
	w.until("the keys at the replica", func(ctx context.Context) (string, bool) {
		n, err := s.Client().DBSize(ctx).Result()
		return fmt.Sprintf("%d keys, %v", n, err), n >= 100
	})
	w.must(s.Client().Save(w.ctx).Err())
	w.beginsAt(old)
	s.Kill()
	w.must(s.Start())
	w.until("the replica to load", func(ctx context.Context) (string, bool) {
		text, err := s.Client().Info(ctx, "persistence").Result()
		return fmt.Sprint(err), strings.Contains(text, "loading:1")
	})
	w.seen("master-link-status", "err", target)
	w.seen("flags", "slave", target)
	if text := w.failover(0, w.to(target)...); text != "" {
		t.Fatalf("FAILOVER to a replica that is loading: %q", text)
	}
	w.event("the reason of the wait", func(ev cluster.Event) bool {
		return ev.Name == "+switchover-wait" && strings.Contains(ev.Text, "loading")
	})
	if sent := w.sent(); sent != "" {
		t.Errorf("before the replica was in sync: %s", sent)
	}
	w.becomesMaster(target)
}
