package ecosystem

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
)

// edit is a change of a client's file. The text must occur exactly so often.
type edit struct {
	file, old, new string
	times          int
}

// Ports of the servers and Sentinels that stand ready for redis-sentinel.
const (
	nodeServers   = 29510 // and two replicas
	nodeSentinels = 29520 // and two more
	nodeSilent    = 29530 // to 29532: no server listens there
)

// ownTests is a client with its own tests.
type ownTests struct {
	client, version string
	mocha           []string
	edits           []edit
	passing         int
	// prepare starts what the tests expect to be there.
	prepare func(*env)
}

var clients = []ownTests{
	{
		client: "redis-sentinel", version: "0.3.3", passing: 14, prepare: startForRedisSentinel,
		mocha: []string{"test/test.js"},
		// The test expects one master and two replicas on 6379 to 6381 and Sentinels
		// on 26379 and 26380, and none on the ports below.
		edits: []edit{
			{"test/test.js", "26380", strconv.Itoa(nodeSentinels), 16},
			{"test/test.js", "26379", strconv.Itoa(nodeSentinels + 1), 8},
			{"test/test.js", "26378", strconv.Itoa(nodeSilent), 5},
			{"test/test.js", "26377", strconv.Itoa(nodeSilent + 1), 1},
			{"test/test.js", "26376", strconv.Itoa(nodeSilent + 2), 1},
			{"test/test.js", `"6379"`, strconv.Quote(strconv.Itoa(nodeServers)), 3},
			{"test/test.js", `"6380"`, strconv.Quote(strconv.Itoa(nodeServers + 1)), 3},
			{"test/test.js", `"6381"`, strconv.Quote(strconv.Itoa(nodeServers + 2)), 3},
		},
	},
	{
		client: "redis-sentinel-client", version: "0.2.5", passing: 27, prepare: func(*env) {},
		mocha: []string{"--ui", "tdd", "--bail", "test/test-full"},
		edits: []edit{
			// mocha's tdd interface has lost the names of the bdd interface since,
			{"test/test-full.js", "  before(function", "  suiteSetup(function", 1},
			{"test/test-full.js", "  after(function", "  suiteTeardown(function", 1},
			// and counts a second call of done as a failure.
			{"test/test-full.js", ".on('ready', done)", ".once('ready', done)", 1},
			// Redis 7 lets a new replica wait for 5 s; the tests are faster than that.
			{"test/start-redis.js", "'port %PORT'.replace('%PORT', port),\n    slaveof", "'port %PORT'.replace('%PORT', port),\n    'repl-diskless-sync-delay 0',\n    slaveof", 1},
			// Two faults of the client that show when a failover is over within
			// milliseconds. The test publishes although its subscriber may still be
			// reconnecting, and such a message is lost;
			{"test/test-full.js", "function testPubSub(pub, sub, cb) {\n", "function testPubSub(pub, sub, cb) {\n" +
				"  if (!sub.ready) return sub.once('ready', testPubSub.bind(null, pub, sub, cb))\n", 1},
			// and the node_redis of that client goes on reconnecting after end().
			{"node_modules/redis/index.js", "RedisClient.prototype.end = function () {\n", "RedisClient.prototype.end = function () {\n    clearTimeout(this.retry_timer);\n", 1},
			// The Sentinels are ours.
			{"test/start-redis.js", "return spawnRedis(args, 'sentinel:'+port)", "return spawnRedis(args, 'sentinel:'+port, process.env.SENTINEL_UNDER_TEST)", 1},
			{"test/start-redis.js", "function spawnRedis(args, name)", "function spawnRedis(args, name, program)", 1},
			{"test/start-redis.js", "spawn('redis-server', args)", "spawn(program || 'redis-server', args)", 1},
		},
	},
}

// Two client libraries for Node.js and their own tests, with the edits above.
func TestNodeClients(t *testing.T) {
	t.Parallel()
	for _, c := range clients {
		t.Run(c.client+"@"+c.version, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			c.apply(e)
			c.prepare(e)
			r := c.run(e)
			name := "npm " + c.client + "@" + c.version
			seen.row(name, "its own tests", fmt.Sprintf("%d passing", c.passing), fmt.Sprintf("%d passing, %d failing, %d pending", r.Stats.Passes, r.Stats.Failures, r.Stats.Pending))
			for _, f := range r.Failures {
				t.Errorf("%s: %s", f.FullTitle, f.Err.Message)
			}
			if r.Stats.Passes != c.passing || r.Stats.Tests != c.passing || r.Stats.Failures+r.Stats.Pending != 0 {
				t.Errorf("%+v; want %d passing and nothing else", r.Stats, c.passing)
			}
		})
	}
}

// dir is where npm has put the client.
func (c *ownTests) dir() string { return filepath.Join(workDir, "npm", "node_modules", c.client) }

func (c *ownTests) apply(e *env) {
	e.Helper()
	var about struct{ Version string }
	b, err := os.ReadFile(filepath.Join(c.dir(), "package.json"))
	e.must(err)
	e.must(json.Unmarshal(b, &about))
	if about.Version != c.version {
		e.Fatalf("npm installed %s, not %s", about.Version, c.version)
	}
	for _, change := range c.edits {
		path := filepath.Join(c.dir(), change.file)
		b, err := os.ReadFile(path)
		e.must(err)
		text, err := replace(string(b), change.old, change.new, change.times)
		if err != nil {
			e.Fatalf("%s of %s: %v", change.file, c.client, err)
		}
		e.must(os.WriteFile(path, []byte(text), 0o644))
	}
}

// mochaReport is what mocha's reporter "json" writes.
type mochaReport struct {
	Stats    struct{ Tests, Passes, Pending, Failures int }
	Failures []struct {
		FullTitle string
		Err       struct{ Message string }
	}
}

func (c *ownTests) run(e *env) (r mochaReport) {
	e.Helper()
	out := filepath.Join(e.c.Dir(), "mocha.json")
	cmd := exec.CommandContext(e.ctx, e.installed("node"), append([]string{
		filepath.Join(workDir, "npm", "node_modules", "mocha", "bin", "mocha.js"),
		"--exit", "--reporter", "json", "--reporter-option", "output=" + out,
		"--timeout", "10s", // 2 s is little on a busy machine; nothing is measured
	}, c.mocha...)...)
	cmd.Dir = c.dir()
	// The tests print what their processes write to standard error.
	cmd.Env = append(os.Environ(), "SENTINEL_UNDER_TEST="+plainDaemon(workDir))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	// Servers that outlive the tests hold the pipe; the sandbox ends them.
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	clustertest.SoundText(e.T, c.client, said.Bytes())
	var failed *exec.ExitError // its status is the number of failures
	if err != nil && !errors.As(err, &failed) && !errors.Is(err, exec.ErrWaitDelay) {
		e.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		e.Fatalf("mocha wrote no report: %v\n%s", err, said.Bytes())
	}
	e.must(json.Unmarshal(b, &r))
	if r.Stats.Failures > 0 {
		e.Logf("mocha and its processes:\n%s", said.Bytes())
	}
	return r
}

// startForRedisSentinel starts a master named mymaster, two replicas and three
// Sentinels on their ports.
func startForRedisSentinel(e *env) {
	e.Helper()
	g := cluster.Group{Master: "mymaster"}
	for i := range nodes {
		var lines []string
		if i > 0 {
			lines = append(lines, fmt.Sprintf("replicaof 127.0.0.1 %d", nodeServers))
		}
		s, err := e.c.StartServer(cluster.NodeSpec{
			Name: fmt.Sprintf("server%d", i), Port: nodeServers + i, Conf: cluster.ServerConf(nodeServers+i, lines...),
		})
		e.must(err)
		e.must(s.WaitReady(e.ctx))
		g.Servers = append(g.Servers, s)
	}
	for _, s := range g.Servers[1:] {
		e.must(s.WaitReplicaOf(e.ctx, g.Servers[0]))
	}
	for i := range nodes {
		s, err := e.c.StartSentinel(cluster.NodeSpec{
			Name: fmt.Sprintf("sentinel%d", i), Port: nodeSentinels + i, Command: []string{e.program(ours)},
			Conf: cluster.SentinelConf(nodeSentinels+i, cluster.Monitored{Name: "mymaster", Port: nodeServers, Quorum: 2, DownAfter: 2 * time.Second}),
		})
		e.must(err)
		e.must(s.WaitReady(e.ctx))
		g.Sentinels = append(g.Sentinels, s)
	}
	e.must(g.WaitViews(e.ctx))
}
