package integration

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/mixed"
)

// install puts a program where another one is that may be running, as a package
// manager does.
func (e *env) install(program, at string) {
	e.Helper()
	b, err := os.ReadFile(program)
	e.must(err)
	e.must(os.WriteFile(at+".new", b, 0o755))
	e.must(os.Rename(at+".new", at))
}

// Three Sentinels run from one path, as from /usr/bin/redis-sentinel. The file
// there is replaced by gosentinel, the processes are restarted one by one with
// the command line that they have, and that is all: same ids, same votes, same
// configuration, and they do their work. Then back.
func TestSwapProgram(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	path := filepath.Join(t.TempDir(), "redis-sentinel")
	e.install(stockSentinel(t)[0], path)

	top := cluster.Topology{
		Replicas: 2, Sentinels: 3, Quorum: 2, DownAfter: 2 * time.Second, FailoverTimeout: 10 * time.Second,
		SentinelCommands: [][]string{{path}},
	}
	g, err := e.c.Start(e.ctx, top)
	e.must(err)
	s := mixed.NewSet(g, top, []mixed.Kind{mixed.Stock, mixed.Stock, mixed.Stock})
	e.failOver(s) // so that there are epochs and votes to take over
	e.must(s.Servers[0].Restart(e.ctx))

	swap := func(program string, kind mixed.Kind) {
		e.install(program, path)
		for i, n := range s.Sentinels {
			before, err := n.MyID(e.ctx)
			e.must(err)
			e.signal(n, syscall.SIGTERM)
			_, err = n.WaitExit(e.ctx)
			e.must(err)
			e.must(n.Start())
			e.must(n.WaitReady(e.ctx))
			s.Kinds[i] = kind
			after, err := n.MyID(e.ctx)
			e.must(err)
			if before != after {
				t.Errorf("%s had the id %s and has %s", n.Name(), before, after)
			}
			e.settle(s)
		}
	}
	swap(underTest(t)[0], mixed.Ours)
	old, err := s.Sentinels[0].MasterPort(e.ctx, s.Master)
	e.must(err)
	s.ServerAt(old).Kill()
	e.newMaster(g, s.ServerAt(old))
	e.oneLeaderPerEpoch()
	e.must(s.ServerAt(old).Restart(e.ctx))
	swap(stockSentinel(t)[0], mixed.Stock)
}
