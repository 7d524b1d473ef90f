package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// lone is one master with a replica that keeps nothing on disk, watched by one
// Sentinel.
func lone(master ...string) cluster.Topology {
	return cluster.Topology{Replicas: 1, Sentinels: 1, Quorum: 1, ServerConf: func(i int) []string {
		lines := []string{`save ""`}
		if i == 0 {
			lines = append(lines, master...)
		}
		return lines
	}}
}

// remembered waits until a Sentinel has saved that the master has keys, on disk or in
// memory.
func (e *env) remembered(g *cluster.Group, where string) {
	e.Helper()
	s := g.Sentinels[0]
	_, err := s.Do(e.ctx, "SENTINEL", "DEBUG", "info-period", "300")
	e.must(err)
	e.until("what the master has to be saved", func(context.Context) (string, bool) {
		lines := e.confLines(s, "# gosentinel lineage "+g.Master)
		return fmt.Sprint(lines), len(lines) == 1 && strings.Contains(lines[0]+" ", " keys "+where+" ")
	})
}

// emptied starts a server anew without what its last full resynchronisation has left.
func (e *env) emptied(s *cluster.Server) {
	e.Helper()
	e.must(os.RemoveAll(filepath.Join(s.Dir(), "dump.rdb")))
	e.must(s.Restart(e.ctx))
}

// TestFileForAReplicaIsNoSave: what a cache writes to send it to a replica is counted
// by it as a save, and does not make it a server that keeps its data. What it writes
// for itself does.
func TestFileForAReplicaIsNoSave(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	g := e.start(lone("repl-diskless-sync no"))
	master, s := g.Servers[0], g.Sentinels[0]
	e.fill(master, 1)
	e.remembered(g, "memory")
	e.until("the save to be heard", func(ctx context.Context) (string, bool) {
		v, err := s.Do(ctx, "SENTINEL", "INFO-CACHE", g.Master)
		text := fmt.Sprint(v)
		return fmt.Sprint(text, err), strings.Contains(text, "rdb_saves:1") && strings.Contains(text, "sync_full:1")
	})
	e.remembered(g, "memory")
	_, err := master.Do(e.ctx, "BGSAVE")
	e.must(err)
	e.remembered(g, "disk")
}

// TestEmptyReplicaIsHeldBack: only an empty replica is left of a master with an AOF.
// It is not promoted, also by a Sentinel that was restarted and has never heard the
// master. The data are there when the master is back; FORCE does without them.
func TestEmptyReplicaIsHeldBack(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	g := e.start(lone("appendonly yes"))
	master, replica, s := g.Servers[0], g.Servers[1], g.Sentinels[0]
	e.fill(master, 1)
	e.remembered(g, "disk")

	s.Kill()
	master.Kill()
	replica.Kill()
	e.emptied(replica)
	e.must(s.Restart(e.ctx))
	e.eventAbout(s, "+failover-waits", "the master keeps its data on disk")
	e.must(master.Restart(e.ctx))
	e.eventAbout(s, "-failover-abort-no-good-slave", g.Master)
	e.must(replica.WaitReplicaOf(e.ctx, master))
	e.complete(master)
	e.complete(replica)

	e.remembered(g, "disk")
	master.Kill()
	replica.Kill()
	e.emptied(replica)
	e.until("the reply to FORCE", func(ctx context.Context) (string, bool) {
		v, err := s.Do(ctx, "SENTINEL", "FAILOVER", g.Master, "FORCE")
		return fmt.Sprint(v, err), err == nil && strings.Contains(fmt.Sprint(v), "it has nothing of the master's data")
	})
	if m := e.newMaster(g, master); m != replica {
		t.Errorf("%s was promoted", m.Name())
	}
}

// TestQuietMasterIsBack: it was killed and restarted with all its keys. The stream had
// come further by PINGs and hellos, which are in no file.
func TestQuietMasterIsBack(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	g := e.start(lone("save 3600 1", "repl-ping-replica-period 1"))
	master, replica, s := g.Servers[0], g.Servers[1], g.Sentinels[0]
	e.fill(master, 1)
	_, err := master.Do(e.ctx, "BGSAVE")
	e.must(err)
	e.remembered(g, "disk")
	saved := e.infoField(master, "master_repl_offset")
	e.until("the stream to go on", func(ctx context.Context) (string, bool) {
		now := e.infoField(master, "master_repl_offset")
		return now, now != saved
	})
	e.until("that to be heard from both", func(ctx context.Context) (string, bool) {
		v, err := s.Do(ctx, "SENTINEL", "INFO-CACHE", g.Master)
		text := fmt.Sprint(v)
		return fmt.Sprint(text, err), strings.Contains(text, "rdb_changes_since_last_save:0\r\n") && !strings.Contains(text, "master_repl_offset:"+saved+"\r\n")
	})

	master.Kill()
	e.must(master.Restart(e.ctx))
	e.eventAbout(s, "+reboot", g.Master)
	e.until("the replica to have the new history", func(ctx context.Context) (string, bool) {
		a, b := e.infoField(master, "master_replid"), e.infoField(replica, "master_replid")
		return a + " " + b, a == b
	})
	if got := e.infoField(master, "role") + " " + e.infoField(replica, "role"); got != "master slave" {
		t.Errorf("roles: %s", got)
	}
	if n := e.confNumber(s, "sentinel config-epoch "+g.Master); n != 0 {
		t.Errorf("%d failovers", n)
	}
	e.complete(master)
}

// infoField is one field of a server's INFO.
func (e *env) infoField(s *cluster.Server, field string) string {
	e.Helper()
	text, err := s.Client().Info(e.ctx).Result()
	e.must(err)
	_, after, _ := strings.Cut(text, "\n"+field+":")
	value, _, _ := strings.Cut(after, "\r")
	return value
}

// TestMasterIsBackWithoutData: it was restarted before it counted as down, and its
// replica is about to drop what it has.
func TestMasterIsBackWithoutData(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	g := e.start(lone())
	master, replica := g.Servers[0], g.Servers[1]
	e.fill(master, 1)
	e.remembered(g, "memory")
	master.Kill()
	e.must(master.Restart(e.ctx))
	if m := e.newMaster(g, master); m != replica {
		t.Fatalf("%s was promoted", m.Name())
	}
	e.complete(replica)
	e.must(master.WaitReplicaOf(e.ctx, replica))
	e.complete(master)
}
