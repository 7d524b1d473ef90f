package integration

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
)

// underTestEnv names another program to test in place of gosentinel.
const underTestEnv = "GOSENTINEL_UNDER_TEST"

func TestMain(m *testing.M) {
	flag.Parse()
	parallel := false
	flag.Visit(func(f *flag.Flag) { parallel = parallel || f.Name == "test.parallel" })
	if !parallel {
		// The tests mostly wait for timeouts to pass, so more of them fit on a
		// processor than the default of one.
		if err := flag.Set("test.parallel", "6"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m, clustertest.Programs("-race"))
}

// underTest returns the command of the Sentinel that is tested.
func underTest(t *testing.T) []string {
	t.Helper()
	if other := os.Getenv(underTestEnv); other != "" {
		return strings.Fields(other)
	}
	return []string{clustertest.Daemon(t)}
}

// testingStock reports whether another implementation is tested.
func testingStock() bool { return os.Getenv(underTestEnv) != "" }

// onlyGosentinel ends a test of a promise that others do not make.
func onlyGosentinel(t *testing.T) {
	if testingStock() {
		t.Skipf("%s does not promise this", os.Getenv(underTestEnv))
	}
}

// stockSentinel returns the command of the original Sentinel.
func stockSentinel(t *testing.T) []string {
	t.Helper()
	path, err := cluster.FindStockSentinel()
	if err != nil {
		t.Fatal(err)
	}
	return []string{path}
}

// env is what most tests start from.
type env struct {
	*testing.T
	ctx context.Context
	c   *cluster.Cluster
}

// newEnv makes an empty cluster that ends with the test.
func newEnv(t *testing.T) *env { return newEnvAs(t, nil) }

// newEnvAs does the same with all processes running as another user.
func newEnvAs(t *testing.T, user *syscall.Credential) *env {
	t.Helper()
	return newEnvOf(t, cluster.Config{Sentinel: underTest(t), User: user})
}

// newEnvOf does the same with a cluster of another kind.
func newEnvOf(t *testing.T, cfg cluster.Config) *env {
	t.Helper()
	limit := 2 * time.Minute
	if *long {
		limit = 15 * time.Minute
	}
	return newEnvFor(t, cfg, limit)
}

// newEnvFor does the same for a test that may take longer.
func newEnvFor(t *testing.T, cfg cluster.Config, longest time.Duration) *env {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	t.Cleanup(cancel)
	c, err := cluster.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	e := &env{T: t, ctx: ctx, c: c}
	t.Cleanup(e.close)
	return e
}

func (e *env) close() {
	logs := e.c.Logs(60)
	clustertest.Sound(e.T, e.c.Dir())
	if e.Failed() {
		e.Log(logs)
	}
	if err := e.c.Close(); err != nil {
		e.Errorf("Close: %v", err)
	}
}

// must ends the test on an error.
func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// start starts a topology. Timeouts that it leaves open are short.
func (e *env) start(top cluster.Topology) *cluster.Group {
	e.Helper()
	if top.DownAfter == 0 {
		top.DownAfter = time.Second
		if testingStock() || top.SentinelCommands != nil {
			// After a switch the original lets up to a second pass before it dials the
			// new master, while it counts that second against it already. At 1 s it
			// now and then fails over a healthy master.
			top.DownAfter = 2500 * time.Millisecond
		}
	}
	if top.FailoverTimeout == 0 {
		top.FailoverTimeout = 5 * time.Second
	}
	g, err := e.c.Start(e.ctx, top)
	e.must(err)
	return g
}

// usual is the set-up of most tests.
var usual = cluster.Topology{Replicas: 2, Sentinels: 3, Quorum: 2}

// event waits for one event.
func (e *env) event(what string, match func(cluster.Event) bool) cluster.Event {
	e.Helper()
	ev, err := e.c.Events().Wait(e.ctx, what, match)
	e.must(err)
	return ev
}

// eventAbout waits for an event of one Sentinel whose payload contains text.
func (e *env) eventAbout(s *cluster.Sentinel, name, text string) cluster.Event {
	e.Helper()
	return e.event(fmt.Sprintf("%s of %s about %q", name, s.Name(), text), about(s, name, text))
}

func about(s *cluster.Sentinel, name, text string) func(cluster.Event) bool {
	return func(ev cluster.Event) bool {
		return ev.Sentinel == s.Name() && ev.Name == name && strings.Contains(ev.Text, text)
	}
}

// until waits for a condition.
func (e *env) until(what string, probe func(context.Context) (string, bool)) {
	e.Helper()
	e.must(cluster.WaitFor(e.ctx, what, probe))
}

// newMaster waits until all Sentinels name a master other than old.
func (e *env) newMaster(g *cluster.Group, old *cluster.Server) *cluster.Server {
	e.Helper()
	m, err := g.WaitNewMaster(e.ctx, old)
	e.must(err)
	return m
}

// signal sends a signal that must arrive.
func (e *env) signal(n interface{ Signal(syscall.Signal) error }, sig syscall.Signal) {
	e.Helper()
	e.must(n.Signal(sig))
}

// oneLeaderPerEpoch fails the test when two Sentinels were elected in one epoch.
func (e *env) oneLeaderPerEpoch() {
	e.Helper()
	votedIn := map[string]string{}
	leader := map[string]string{}
	for _, ev := range e.c.Events().All() {
		switch ev.Name {
		case "+vote-for-leader":
			_, votedIn[ev.Sentinel], _ = strings.Cut(ev.Text, " ")
		case "+elected-leader":
			epoch := votedIn[ev.Sentinel]
			if other, taken := leader[epoch]; taken && other != ev.Sentinel {
				e.Errorf("%s and %s were both elected in epoch %s", other, ev.Sentinel, epoch)
			}
			leader[epoch] = ev.Sentinel
		}
	}
}

// fill writes keys and waits until so many replicas have them, so that their
// loss in a failover would be a fault and not bad luck.
func (e *env) fill(master *cluster.Server, replicas int) {
	e.Helper()
	for i := range 100 {
		e.must(master.Client().Set(e.ctx, fmt.Sprintf("key:%d", i), i, 0).Err())
	}
	e.until("the replicas to acknowledge", func(ctx context.Context) (string, bool) {
		n, err := master.Client().Do(ctx, "WAIT", replicas, 500).Int()
		return fmt.Sprint(n, err), err == nil && n >= replicas
	})
}

// complete fails the test when a key written by fill is gone.
func (e *env) complete(s *cluster.Server) {
	e.Helper()
	for i := range 100 {
		got, err := s.Client().Get(e.ctx, fmt.Sprintf("key:%d", i)).Int()
		if err != nil || got != i {
			e.Fatalf("key %d on %s: got %d, %v", i, s.Name(), got, err)
		}
	}
}

// letGo waits until no Sentinel holds a server back any more. The last thing that one does
// there is to disconnect the clients.
func (e *env) letGo(s *cluster.Server) {
	e.Helper()
	e.until("the fences at "+s.Name()+" to be closed", func(ctx context.Context) (string, bool) {
		list, err := s.Client().ClientList(ctx).Result()
		if err != nil {
			return err.Error(), false
		}
		return list, !strings.Contains(list, "-fence ")
	})
}

// rand returns numbers drawn from a seed that it logs.
func (e *env) rand() *rand.Rand {
	e.Helper()
	seed := uint64(time.Now().UnixNano())
	e.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// pause lets time pass that is itself the input of a test, such as the random
// instant of a kill. It never serves to wait for something.
func (e *env) pause(d time.Duration) {
	e.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-e.ctx.Done():
		e.Fatal(context.Cause(e.ctx))
	}
}

// replyError returns the text of the error that a command must give.
func (e *env) replyError(s *cluster.Sentinel, args ...any) string {
	e.Helper()
	v, err := s.Do(e.ctx, args...)
	if err == nil {
		e.Fatalf("%v on %s: got %v, want an error", args, s.Name(), v)
	}
	return err.Error()
}

// confLines returns the lines of a Sentinel's file that begin with prefix.
func (e *env) confLines(s *cluster.Sentinel, prefix string) []string {
	e.Helper()
	text, err := os.ReadFile(s.Conf())
	e.must(err)
	var found []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, prefix) {
			found = append(found, line)
		}
	}
	return found
}

// confNumber returns the number at the end of the one line with this prefix.
func (e *env) confNumber(s *cluster.Sentinel, prefix string) uint64 {
	e.Helper()
	lines := e.confLines(s, prefix+" ")
	if len(lines) != 1 {
		e.Fatalf("%s has %d lines %q, want one: %q", s.Conf(), len(lines), prefix, lines)
	}
	var n uint64
	if _, err := fmt.Sscan(strings.TrimPrefix(lines[0], prefix), &n); err != nil {
		e.Fatalf("%s: %q: %v", s.Conf(), lines[0], err)
	}
	return n
}

// exit waits for a process to end and returns its exit status.
func (e *env) exit(s *cluster.Sentinel) int {
	e.Helper()
	ctx, cancel := context.WithTimeout(e.ctx, 20*time.Second)
	defer cancel()
	status, err := s.WaitExit(ctx)
	e.must(err)
	return status
}

// nobody is a user without rights when the tests run as root, to whom file
// permissions mean nothing; otherwise nil, which is the tests' own user.
func nobody() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	return &syscall.Credential{Uid: 65534, Gid: 65534}
}

var errNoEpoch = errors.New("no epoch in the event")

// votedEpoch returns the epoch of a +vote-for-leader event.
func votedEpoch(ev cluster.Event) (uint64, error) {
	_, text, ok := strings.Cut(ev.Text, " ")
	var n uint64
	if !ok {
		return 0, errNoEpoch
	}
	_, err := fmt.Sscan(text, &n)
	return n, err
}
