package integration

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// TestReturnedMasterIsFenced: an old master that comes back is a replica long before the eight
// seconds of the ordinary rule, once, and by the guard.
func TestReturnedMasterIsFenced(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	g := e.start(usual)
	old := g.Servers[0]
	old.Kill()
	master := e.newMaster(g, old)
	back := time.Now()
	e.must(old.Restart(e.ctx))
	e.must(old.WaitReplicaOf(e.ctx, master))
	e.event("the guard", cluster.Named("+guard"))
	e.event("the correction", cluster.Named("+convert-to-slave"))
	if n := e.c.Events().Count(cluster.Named("+convert-to-slave")); n != 1 {
		t.Errorf("%d corrections, want one: %v", n, e.c.Events().Since(back))
	}
}

// TestReturnedWithAnOldFile: an old master loads what it saved before several failovers, as
// most do: their file is that of the last full synchronisation. It is known all the same.
func TestReturnedWithAnOldFile(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	group := usual
	group.ServerConf = func(i int) []string { return []string{fmt.Sprint("replica-priority ", 10+i)} }
	g := e.start(group)
	old := g.Servers[0]
	e.fill(old, 2)
	_, err := old.Do(e.ctx, "SAVE")
	e.must(err)
	master := old
	for k := 0; k < 4 || master != old; k++ {
		if k == 20 {
			t.Fatal("the best replica is never promoted")
		}
		e.complete(master)
		_, err := g.Sentinels[0].Do(e.ctx, "SENTINEL", "FAILOVER", g.Master)
		e.must(err)
		master = e.newMaster(g, master)
	}
	e.complete(old)
	corrected := cluster.Named("+convert-to-slave")
	before := e.c.Events().Count(corrected)
	old.Kill()
	master = e.newMaster(g, old)
	e.must(old.Restart(e.ctx))
	e.must(old.WaitReplicaOf(e.ctx, master))
	e.until("the correction by the guard", func(context.Context) (string, bool) {
		var guards []cluster.Event
		for _, ev := range e.c.Events().All() {
			if ev.Name == "+guard" {
				guards = append(guards, ev)
			}
		}
		byFence := slices.ContainsFunc(guards, func(ev cluster.Event) bool { return strings.Contains(ev.Text, "#return-fence") })
		return fmt.Sprint(guards), byFence && e.c.Events().Count(corrected) == before+1
	})
	for _, s := range g.Sentinels {
		log, err := s.Log()
		e.must(err)
		if strings.Contains(log, "is left alone") {
			t.Errorf("%s took it for a stranger", s.Name())
		}
	}
}
