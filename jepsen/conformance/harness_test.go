package conformance

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
)

var (
	long  = flag.Bool("long", false, "compare more random files")
	write = flag.Bool("write", false, "write docs/compatibility.md anew instead of comparing it")
)

// underTestEnv names a built gosentinel to compare, in place of one made from
// the present source.
const underTestEnv = "GOSENTINEL_UNDER_TEST"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// side is one implementation with everything around it.
type side struct {
	name       string // "stock" or "ours"
	command    []string
	c          *cluster.Cluster
	servers    []*cluster.Server
	subject    *cluster.Sentinel // to whom the commands go
	peer       *cluster.Sentinel
	locked     *cluster.Sentinel // has a password
	users      *cluster.Sentinel // has an ACL file
	renamed    *cluster.Sentinel // has renamed commands
	spare      int               // a port without a listener
	toMaster   *conn             // was there before its passwords changed
	calmStates map[string]string // what the subject shows when nothing is wrong

	names []naming
	began time.Time // of the scenario that is played

	spoiled int // failovers that a busy machine has ended
}

// naming replaces what is different on both sides by the same name.
type naming struct {
	word string
	find *regexp.Regexp
	name string // in braces
}

// pair is the two sides, in this order: stock, ours.
type pair [2]*side

// ports are used by no other package.
var ports = cluster.PortRange{First: 28000, Last: 28499}

// newPair prepares both sides, without servers. Everything ends with the test.
func newPair(t *testing.T) pair {
	t.Helper()
	ours := os.Getenv(underTestEnv)
	if ours == "" {
		ours = filepath.Join(t.TempDir(), "gosentinel")
		if err := cluster.BuildSentinel(t.Context(), ours, "-race"); err != nil {
			t.Fatal(err)
		}
	}
	c, err := cluster.New(cluster.Config{Ports: ports})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.Logs(40))
		}
		clustertest.Sound(t, c.Dir())
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return pair{
		{name: "stock", command: stockSentinel(t), c: c},
		{name: "ours", command: []string{ours}, c: c},
	}
}

// stockSentinel returns the command of the original.
func stockSentinel(t *testing.T) []string {
	t.Helper()
	for _, name := range []string{"redis-sentinel", "redis-server"} { // one program with two names
		if path, err := exec.LookPath(name); err == nil {
			return []string{path}
		}
	}
	t.Fatal("redis-sentinel is not installed; run `make deps`")
	return nil
}

// each does something on both sides at the same time.
func (p pair) each(t *testing.T, do func(*side) error) {
	t.Helper()
	var wg sync.WaitGroup
	var errs [2]error
	for i, s := range p {
		wg.Go(func() { errs[i] = do(s) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("%s: %v", p[i].name, err)
		}
	}
}

// topology is what both sides are started with.
type topology struct {
	downAfter [2]time.Duration // of subject and peer
	conf      []string         // lines for both
	loglevel  string
	locked    bool
}

// start starts a master, two replicas, a Sentinel to compare and a peer of it.
// Both monitor mymaster, and spare, which does not exist.
func (s *side) start(ctx context.Context, top topology) error {
	if err := s.startServers(ctx); err != nil {
		return err
	}
	var err error
	if s.spare, err = s.c.Port(); err != nil {
		return err
	}
	s.name1("spare-port", strconv.Itoa(s.spare))
	if s.subject, err = s.startSentinel(ctx, "subject", s.sentinelLines(top, 0)...); err != nil {
		return err
	}
	if s.peer, err = s.startSentinel(ctx, "peer", s.sentinelLines(top, 1)...); err != nil {
		return err
	}
	if top.locked {
		s.locked, err = s.startSentinel(ctx, "locked", "requirepass secret",
			fmt.Sprintf("sentinel monitor spare 127.0.0.1 %d 1", s.spare), "sentinel down-after-milliseconds spare 100000000")
		if err != nil {
			return err
		}
		if err := s.startOthers(ctx); err != nil {
			return err
		}
	}
	if err := s.rightVersion(ctx); err != nil {
		return err
	}
	for _, n := range []*cluster.Sentinel{s.subject, s.peer} {
		if err := n.WaitView(ctx, "mymaster", 2, 1); err != nil {
			return err
		}
	}
	return nil
}

// startOthers starts the Sentinel that keeps its users in a file, and the one
// whose commands have other names.
func (s *side) startOthers(ctx context.Context) error {
	file := filepath.Join(s.c.Dir(), s.name+"-users.acl")
	if err := os.WriteFile(file, []byte(usersFile), 0o644); err != nil {
		return err
	}
	var err error
	if s.users, err = s.startSentinel(ctx, "users", "aclfile "+file); err != nil {
		return err
	}
	s.renamed, err = s.startSentinel(ctx, "renamed", renames...)
	return err
}

// renames are the lines of the Sentinel "renamed". The harness uses PING and
// SENTINEL, so these keep their names.
var renames = []string{`rename-command SHUTDOWN ""`, `rename-command PUBLISH ""`, "rename-command ROLE MyRole"}

// rightVersion refuses to compare with another version of the original than
// that which the table of differences is about.
func (s *side) rightVersion(ctx context.Context) error {
	text, err := s.subject.Client().Info(ctx, "server").Result()
	if err != nil || s.name != "stock" || strings.Contains(text, "redis_version:7.0.") {
		return err
	}
	_, version, _ := strings.Cut(text, "redis_version:")
	version, _, _ = strings.Cut(version, "\r\n")
	return fmt.Errorf("redis-sentinel %s is installed, but gosentinel is compared with 7.0: put that into PATH", version)
}

func (s *side) startServers(ctx context.Context) error {
	for i, name := range []string{"master", "replica1", "replica2"} {
		port, err := s.c.Port()
		if err != nil {
			return err
		}
		// The lower priority decides which one is promoted.
		lines := []string{"replica-priority " + strconv.Itoa(10*i+10)}
		if i > 0 {
			lines = append(lines, "replicaof 127.0.0.1 "+strconv.Itoa(s.servers[0].Port()))
		}
		n, err := s.c.StartServer(cluster.NodeSpec{Name: s.name + "-" + name, Port: port, Conf: cluster.ServerConf(port, lines...)})
		if err != nil {
			return err
		}
		s.servers = append(s.servers, n)
		s.name1(name+"-port", strconv.Itoa(port))
		if err := n.WaitReady(ctx); err != nil {
			return err
		}
		if i > 0 {
			if err := n.WaitReplicaOf(ctx, s.servers[0]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *side) sentinelLines(top topology, which int) []string {
	lines := append([]string{
		fmt.Sprintf("sentinel monitor mymaster 127.0.0.1 %d 1", s.servers[0].Port()),
		fmt.Sprintf("sentinel down-after-milliseconds mymaster %d", top.downAfter[which].Milliseconds()),
		"sentinel failover-timeout mymaster 3600000",
		fmt.Sprintf("sentinel monitor spare 127.0.0.1 %d 2", s.spare),
		"sentinel down-after-milliseconds spare 100000000",
		"sentinel deny-scripts-reconfig no",
	}, top.conf...)
	if top.loglevel != "" {
		lines = append(lines, "loglevel "+top.loglevel)
	}
	return lines
}

// startSentinel starts a Sentinel and learns the names of what is its own.
func (s *side) startSentinel(ctx context.Context, name string, lines ...string) (*cluster.Sentinel, error) {
	port, err := s.c.Port()
	if err != nil {
		return nil, err
	}
	conf := append([]string{"bind 127.0.0.1", "port " + strconv.Itoa(port)}, lines...)
	n, err := s.c.StartSentinel(cluster.NodeSpec{
		Name: s.name + "-" + name, Port: port, Conf: strings.Join(conf, "\n") + "\n", Command: s.command, Password: passwordIn(lines),
	})
	if err != nil {
		return nil, err
	}
	if err := n.WaitReady(ctx); err != nil {
		return nil, err
	}
	s.name1(name+"-port", strconv.Itoa(port))
	id, err := n.MyID(ctx)
	if err != nil {
		return nil, err
	}
	s.name1(name+"-id", id)
	return n, nil
}

// passwordIn returns what the lines of a file say about requirepass.
func passwordIn(lines []string) (password string) {
	for _, line := range lines {
		if w := words(line); len(w) == 2 && strings.EqualFold(w[0], "requirepass") {
			password = w[1]
		}
	}
	return password
}

// name1 gives a name to a word that differs between the sides.
func (s *side) name1(name, word string) {
	pattern := regexp.QuoteMeta(word)
	if word[0] != '/' {
		pattern = `\b` + pattern + `\b`
	}
	s.names = append(s.names, naming{word, regexp.MustCompile(pattern), "{" + name + "}"})
}

// fill puts the words of this side in the place of {names}.
func (s *side) fill(text string) string {
	for _, n := range s.names {
		text = strings.ReplaceAll(text, n.name, n.word)
	}
	return text
}

// named is the reverse of fill.
func (s *side) named(text string) string {
	for _, n := range s.names {
		text = n.find.ReplaceAllString(text, n.name)
	}
	return text
}
