package integration

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
)

// counts waits until a Sentinel knows so many replicas and other Sentinels.
func (e *env) counts(s *cluster.Sentinel, master string, replicas, sentinels int) {
	e.Helper()
	want := fmt.Sprint(replicas, sentinels)
	e.until(fmt.Sprintf("%s to know %d replicas and %d Sentinels", s.Name(), replicas, sentinels), func(ctx context.Context) (string, bool) {
		m, err := s.Master(ctx, master)
		got := m["num-slaves"] + " " + m["num-other-sentinels"]
		return fmt.Sprint(got, err), got == want
	})
}

// TestForget: a replica and a Sentinel that are gone for good are forgotten by one command
// to one Sentinel, on all, also on one that is away at that time and after a restart. What
// lives is refused, and what runs again is found again.
func TestForget(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	e := newEnv(t)
	top := usual
	top.Sentinels = 4
	g := e.start(top)
	e.fill(g.Servers[0], 2)
	told, other, away, dead := g.Sentinels[0], g.Sentinels[1], g.Sentinels[2], g.Sentinels[3]
	gone := g.Servers[2]
	id, err := dead.MyID(e.ctx)
	e.must(err)
	for _, member := range []string{gone.Addr(), id} {
		if text := e.replyError(told, "SENTINEL", "FORGET", g.Master, member); !strings.Contains(text, "is connected and answers") {
			t.Errorf("FORGET of %s, which lives: %s", member, text)
		}
	}
	away.Kill()
	dead.Kill()
	gone.Kill()
	e.eventAbout(told, "+sdown", "slave "+gone.Addr())
	e.eventAbout(told, "+sdown", "sentinel "+id)
	e.until("the Sentinel to be silent for long enough", func(ctx context.Context) (string, bool) {
		_, err := told.Do(ctx, "SENTINEL", "FORGET", g.Master, id)
		return fmt.Sprint(err), err == nil
	})
	_, err = told.Do(e.ctx, "SENTINEL", "FORGET", g.Master, gone.Addr())
	e.must(err)
	e.counts(told, g.Master, 1, 2)
	e.counts(other, g.Master, 1, 2)
	e.must(away.Restart(e.ctx))
	e.counts(away, g.Master, 1, 2)
	told.Kill()
	e.must(told.Restart(e.ctx))
	e.counts(told, g.Master, 1, 2)
	e.must(gone.Restart(e.ctx))
	e.must(dead.Restart(e.ctx))
	for _, s := range g.Sentinels {
		e.counts(s, g.Master, 2, 3)
	}
}

// TestForgetAnywhere: gosentinel forget has a replica and a Sentinel forgotten in a mixed
// group as well, where redis-sentinel has to be reset and finds the others again.
func TestForgetAnywhere(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	e := newEnv(t)
	top := usual
	top.Sentinels = 4
	top.SentinelCommands = [][]string{{clustertest.Daemon(t)}, stockSentinel(t), {clustertest.Daemon(t)}}
	g := e.start(top)
	dead, gone := g.Sentinels[3], g.Servers[2]
	id, err := dead.MyID(e.ctx)
	e.must(err)
	dead.Kill()
	gone.Kill()
	for _, s := range g.Sentinels[:3] {
		e.until(s.Name()+" to notice", func(ctx context.Context) (string, bool) {
			replicas, err := s.Do(ctx, "SENTINEL", "REPLICAS", g.Master)
			others, _ := s.Do(ctx, "SENTINEL", "SENTINELS", g.Master)
			text := fmt.Sprint(replicas, others)
			return fmt.Sprint(text, err), strings.Count(text, "s_down") == 2 && strings.Contains(text, id)
		})
	}
	out, err := exec.CommandContext(e.ctx, clustertest.Daemon(t), "forget", g.Master, g.Sentinels[0].Addr()).CombinedOutput()
	if text := string(out); err != nil || strings.Count(text, "forgets them.\n") != 2 || strings.Count(text, "has found the others again") != 1 {
		t.Errorf("%v\n%s", err, out)
	}
	for _, s := range g.Sentinels[:3] {
		e.counts(s, g.Master, 1, 2)
	}
}
