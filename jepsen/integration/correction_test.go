package integration

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// TestClientsAreCutOnce: suites of clients restart an old master and go on working
// with it. The correction of its role disconnects them, and they come back. When
// several Sentinels correct it, they are disconnected again at once.
func TestClientsAreCutOnce(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	for name, c := range map[string]struct{ fail, revive func(*env, *cluster.Group) }{
		"slow": {
			func(e *env, g *cluster.Group) { g.Servers[0].Kill() },
			func(e *env, g *cluster.Group) {
				e.must(g.Servers[0].Restart(e.ctx))
				e.slowDown(g.Servers[0], 300*time.Millisecond)
			},
		},
		"leader dead": {
			func(e *env, g *cluster.Group) {
				g.Servers[0].Kill()
				leader := e.event("a leader", cluster.Named("+elected-leader")).Sentinel
				e.newMaster(g, g.Servers[0])
				for _, s := range g.Sentinels {
					if s.Name() == leader {
						s.Kill()
					}
				}
			},
			func(e *env, g *cluster.Group) { e.must(g.Servers[0].Restart(e.ctx)) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			top := usual
			top.ServerConf = func(int) []string { return []string{"enable-debug-command local"} }
			g := e.start(top)
			old := g.Servers[0]
			for _, s := range g.Sentinels { // the wait before a correction is four of these
				e.do(s, "SENTINEL", "SET", g.Master, "return-fence", "off") // it would come before any client
				_, err := s.Do(e.ctx, "SENTINEL", "DEBUG", "publish-period", "500")
				e.must(err)
			}
			c.fail(e, g)
			master := e.newMaster(g, old)
			c.revive(e, g)
			e.must(old.WaitReady(e.ctx))
			normal, subscriber := e.holdOn(old, "PING\r\n"), e.holdOn(old, "SUBSCRIBE news\r\n")
			e.must(old.WaitReplicaOf(e.ctx, master))
			for _, s := range g.Sentinels {
				if s.Running() {
					e.seesReplica(s, g, old) // nothing is left for it to correct
				}
			}
			e.event("the correction", cluster.Named("+convert-to-slave"))
			if n := e.c.Events().Count(cluster.Named("+convert-to-slave")); n != 1 {
				t.Errorf("%d corrections, want one: %v", n, e.c.Events().All())
			}
			if n, s := normal.Load(), subscriber.Load(); n != 1 || s != 1 {
				t.Errorf("a client was disconnected %d times and a subscriber %d times, want once each", n, s)
			}
		})
	}
}

// TestOperatorsFailoverCutsOnce: so does the end of a switchover. It leaves nothing to
// correct.
func TestOperatorsFailoverCutsOnce(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	g := e.start(usual)
	old := g.Servers[0]
	normal, subscriber := e.holdOn(old, "PING\r\n"), e.holdOn(old, "SUBSCRIBE news\r\n")
	for _, s := range g.Sentinels {
		e.do(s, "SENTINEL", "DEBUG", "publish-period", "200", "info-period", "500")
	}
	e.do(g.Sentinels[0], "SENTINEL", "FAILOVER", g.Master)
	master := e.newMaster(g, old)
	e.must(old.WaitReplicaOf(e.ctx, master))
	for _, s := range g.Sentinels {
		e.seesReplica(s, g, old)
	}
	if n := e.c.Events().Count(cluster.Named("+convert-to-slave", "+fix-slave-config")); n != 0 {
		t.Errorf("%d corrections: %v", n, e.c.Events().All())
	}
	if n, s := normal.Load(), subscriber.Load(); n != 1 || s != 1 {
		t.Errorf("a client was disconnected %d times and a subscriber %d times, want once each", n, s)
	}
}

// holdOn opens a connection, says something there, and opens it again whenever the
// server closes it. It returns how often that was.
func (e *env) holdOn(s *cluster.Server, say string) *atomic.Int32 {
	ctx, cancel := context.WithCancel(e.ctx)
	cuts, begun := new(atomic.Int32), make(chan struct{})
	var once sync.Once
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			conn, err := net.Dial("tcp", s.Addr())
			if err != nil {
				continue
			}
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			in := bufio.NewReader(conn)
			if _, err = conn.Write([]byte(say)); err == nil {
				_, err = in.ReadString('\n')
			}
			for once.Do(func() { close(begun) }); err == nil; {
				_, err = in.ReadByte()
			}
			if ctx.Err() == nil {
				cuts.Add(1)
			}
			stop()
			_ = conn.Close()
		}
	}()
	e.Cleanup(func() { cancel(); <-ended })
	<-begun
	return cuts
}

// slowDown lets every command to a server wait for up to d.
func (e *env) slowDown(s *cluster.Server, d time.Duration) {
	ctx, cancel := context.WithCancel(e.ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			_ = s.Client().Do(ctx, "DEBUG", "SLEEP", d.Seconds()).Err()
		}
	}()
	e.Cleanup(func() { cancel(); <-ended })
}

// seesReplica waits until a Sentinel has heard from a server that it is a replica.
func (e *env) seesReplica(s *cluster.Sentinel, g *cluster.Group, server *cluster.Server) {
	e.Helper()
	e.until(s.Name()+" to see "+server.Name()+" as a replica", func(ctx context.Context) (string, bool) {
		replicas, err := s.Replicas(ctx, g.Master)
		if err != nil {
			return err.Error(), false
		}
		for _, r := range replicas {
			if r["port"] == strconv.Itoa(server.Port()) {
				return r["role-reported"] + " " + r["flags"], r["role-reported"] == "slave" && r["flags"] == "slave"
			}
		}
		return fmt.Sprintf("unknown among %d replicas", len(replicas)), false
	})
}
