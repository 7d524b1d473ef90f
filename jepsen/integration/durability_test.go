package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// identity is what a Sentinel must still know after a restart, before it has
// heard anything from another Sentinel.
type identity struct {
	id                       string
	masterPort               int
	configEpoch              string
	replicas, others, quorum string
	currentEpoch, voteEpoch  uint64
}

func (e *env) identity(s *cluster.Sentinel, master string) identity {
	e.Helper()
	id, err := s.MyID(e.ctx)
	e.must(err)
	port, err := s.MasterPort(e.ctx, master)
	e.must(err)
	m, err := s.Master(e.ctx, master)
	e.must(err)
	return identity{
		id: id, masterPort: port, configEpoch: m["config-epoch"],
		replicas: m["num-slaves"], others: m["num-other-sentinels"], quorum: m["quorum"],
		currentEpoch: e.confNumber(s, "sentinel current-epoch"),
		voteEpoch:    e.confNumber(s, "sentinel leader-epoch "+master),
	}
}

// After a failover all three daemons are ended and started on the files that
// they rewrote: first by themselves, then by the original Sentinel, then again
// by themselves.
func TestRestartFromRewrittenFiles(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	top := usual
	top.SentinelConf = []string{"# a remark of the operator"}
	g := e.start(top)
	old := g.Servers[0]
	old.Kill()
	master := e.newMaster(g, old)
	e.event("the leader to finish", cluster.Named("+failover-end"))
	e.must(old.Restart(e.ctx))
	e.must(old.WaitReplicaOf(e.ctx, master))
	e.must(g.WaitViews(e.ctx))

	before := make([]identity, len(g.Sentinels))
	for i, s := range g.Sentinels {
		before[i] = e.identity(s, g.Master)
		if before[i].currentEpoch == 0 || before[i].voteEpoch == 0 || before[i].configEpoch == "0" {
			t.Errorf("%s has no epochs after a failover: %+v", s.Name(), before[i])
		}
	}
	for _, program := range [][]string{underTest(t), stockSentinel(t), underTest(t)} {
		for _, s := range g.Sentinels {
			e.signal(s, syscall.SIGTERM)
			if status := e.exit(s); status != 0 {
				t.Errorf("%s ended with status %d after SIGTERM", s.Name(), status)
			}
			s.SetCommand(program...)
		}
		for i, s := range g.Sentinels {
			e.must(s.Start())
			e.must(s.WaitReady(e.ctx))
			if got := e.identity(s, g.Master); got != before[i] {
				t.Errorf("%s on %s:\n got %+v\nwant %+v", s.Name(), program[0], got, before[i])
			}
			if n := len(e.confLines(s, "# a remark of the operator")); n != 1 {
				t.Errorf("the operator's comment is in %s %d times", s.Conf(), n)
			}
		}
		e.must(g.WaitViews(e.ctx))
	}
}

// candidate returns the made-up id for which an epoch's vote is asked.
func candidate(epoch uint64) string { return fmt.Sprintf("%040x", epoch) }

// vote is a Sentinel's answer to a request for its vote.
type vote struct {
	leader string
	epoch  uint64
}

// askVote asks for a vote as another Sentinel would.
func askVote(ctx context.Context, s *cluster.Sentinel, server *cluster.Server, epoch uint64, id string) (vote, error) {
	v, err := s.Client().Do(ctx, "SENTINEL", "is-master-down-by-addr", "127.0.0.1", server.Port(), epoch, id).Slice()
	if err != nil {
		return vote{}, err
	}
	if len(v) != 3 {
		return vote{}, fmt.Errorf("reply of %d elements: %v", len(v), v)
	}
	n, ok := v[2].(int64)
	if !ok {
		return vote{}, fmt.Errorf("the epoch of the reply is %T", v[2])
	}
	return vote{leader: fmt.Sprint(v[1]), epoch: uint64(n)}, nil
}

// A vote that has left the process survives kill -9 at any instant: the epoch
// is never given to another candidate. Otherwise two leaders could each count
// the same voter.
func TestVotesSurviveKill(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	server := e.server("server", cluster.NodeSpec{})
	s := e.sentinel("sentinel", server)
	id, err := s.MyID(e.ctx)
	e.must(err)
	rng := e.rand()
	epoch := uint64(0) // the last one that was answered
	for round := range 15 {
		asked, begun := make(chan uint64, 1), make(chan struct{})
		go func(last uint64) {
			defer func() { asked <- last }()
			told := sync.OnceFunc(func() { close(begun) })
			defer told()
			for {
				v, err := askVote(e.ctx, s, server, last+1, candidate(last+1))
				switch {
				case err != nil:
					return // killed
				case v == (vote{leader: "*"}): // for two seconds after its start it is bound by the vote before
					e.pause(20 * time.Millisecond)
					continue
				case v.leader != candidate(last+1) || v.epoch != last+1:
					t.Errorf("round %d: the vote of epoch %d went to %+v", round, last+1, v)
					return
				}
				told()
				last++
			}
		}(epoch)
		<-begun
		e.pause(time.Duration(rng.Int64N(int64(120 * time.Millisecond))))
		s.Kill()
		given := <-asked
		e.must(s.Restart(e.ctx))
		epoch = given
		got, err := askVote(e.ctx, s, server, epoch, candidate(1<<40))
		e.must(err)
		if got.epoch < epoch || got.leader == candidate(1<<40) {
			t.Fatalf("round %d: epoch %d was voted in; after kill -9 the answer is %+v", round, epoch, got)
		}
		epoch = got.epoch // the request in flight may have been voted for as well
		if now, err := s.MyID(e.ctx); err != nil || now != id {
			t.Fatalf("round %d: the id changed from %s to %s, %v", round, id, now, err)
		}
	}
	if epoch == 0 {
		t.Error("no vote was ever given, so nothing was tested")
	}
	t.Logf("%d votes over 15 lives", epoch)
}

// Daemons are killed at random instants while failovers are going on, and come
// back with everything that they had said.
func TestRandomKillsLoseNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	top := usual
	top.DownAfter, top.FailoverTimeout = 1500*time.Millisecond, 3*time.Second
	g := e.start(top)
	rng := e.rand()
	for range 10 {
		boss, victim := g.Sentinels[rng.IntN(3)], g.Sentinels[rng.IntN(3)]
		// Refused (-INPROG, -NOGOODSLAVE) or not: either is a fine moment for a kill.
		_, _ = boss.Do(e.ctx, "SENTINEL", "FAILOVER", g.Master)
		e.pause(time.Duration(rng.Int64N(int64(300 * time.Millisecond))))
		victim.Kill()
		e.keptItsWord(victim, g.Master)
		e.must(victim.Restart(e.ctx))
	}
	// An attempt that was cut short leaves servers in disorder; it heals.
	e.must(g.WaitViews(e.ctx))
	var master int
	e.until("all Sentinels to agree", func(ctx context.Context) (string, bool) {
		var ports []int
		for _, s := range g.Sentinels {
			port, err := s.MasterPort(ctx, g.Master)
			if err != nil {
				return err.Error(), false
			}
			ports = append(ports, port)
		}
		master = ports[0]
		return fmt.Sprint(ports), ports[0] == ports[1] && ports[1] == ports[2]
	})
	for _, s := range g.Servers {
		if s.Port() != master {
			e.must(s.WaitReplicaOf(e.ctx, g.ServerAt(master)))
		}
	}
}

// keptItsWord checks the file that a killed Sentinel left: it must hold every
// epoch that the Sentinel had announced.
func (e *env) keptItsWord(s *cluster.Sentinel, master string) {
	e.Helper()
	current, voted := e.confNumber(s, "sentinel current-epoch"), e.confNumber(s, "sentinel leader-epoch "+master)
	for _, ev := range e.c.Events().All() {
		if ev.Sentinel != s.Name() || ev.Name != "+vote-for-leader" {
			continue
		}
		n, err := votedEpoch(ev)
		e.must(err)
		if n > current || n > voted {
			e.Fatalf("%s said %q, its file has current-epoch %d and leader-epoch %d", s.Name(), ev.Text, current, voted)
		}
	}
}

// A Sentinel that cannot save its state says so and gives no vote, goes on
// monitoring, and votes again when the disk is well.
func TestNoVotesWithoutDisk(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	e := newEnvAs(t, nobody())
	server := e.server("server", cluster.NodeSpec{})
	s := e.sentinel("sentinel", server)
	got, err := askVote(e.ctx, s, server, 5, candidate(5))
	e.must(err)
	if got != (vote{candidate(5), 5}) {
		t.Fatalf("with a healthy disk the vote is %+v", got)
	}
	id, err := s.MyID(e.ctx)
	e.must(err)

	// A file in a directory without the write right cannot be replaced, and one
	// without the write right cannot be written in place.
	e.must(os.Chmod(s.Conf(), 0o444))
	e.must(os.Chmod(s.Dir(), 0o555))
	defer func() { e.must(os.Chmod(s.Dir(), 0o755)) }()
	ctx, cancel := context.WithTimeout(e.ctx, 2*time.Second)
	defer cancel()
	if got, err := askVote(ctx, s, server, 6, candidate(6)); err == nil && got.leader == candidate(6) {
		t.Errorf("a vote was given that cannot be saved: %+v", got)
	}
	e.event("+persist-error", about(s, "+persist-error", ""))
	e.must(s.Client().Ping(e.ctx).Err())
	e.must(s.WaitView(e.ctx, "mymaster", 0, 0))
	if text := e.replyError(s, "SENTINEL", "FLUSHCONFIG"); !strings.HasPrefix(text, "ERR Failed to save config file") {
		t.Errorf("FLUSHCONFIG: %q", text)
	}

	e.must(os.Chmod(s.Conf(), 0o644))
	e.must(os.Chmod(s.Dir(), 0o755))
	e.event("-persist-error", about(s, "-persist-error", ""))
	e.until("votes to be given again", func(ctx context.Context) (string, bool) {
		got, err := askVote(ctx, s, server, 7, candidate(7))
		return fmt.Sprint(got, err), got == vote{candidate(7), 7}
	})
	e.until("no temporary file", func(context.Context) (string, bool) { // a write may be under way
		stray, err := filepath.Glob(s.Conf() + ".gosentinel-*")
		return fmt.Sprint(stray, err), err == nil && len(stray) == 0
	})
	e.must(s.Restart(e.ctx))
	if now, err := s.MyID(e.ctx); err != nil || now != id {
		t.Errorf("id %s became %s, %v", id, now, err)
	}
	if n := e.confNumber(s, "sentinel current-epoch"); n < 7 {
		t.Errorf("current-epoch %s in the file, want at least 7", strconv.FormatUint(n, 10))
	}
}
