package integration

import (
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
