package ecosystem

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/testcert"
	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// library is a client library that is maintained, and the program that counts with it.
type library struct {
	name string
	// from is where it comes from: a registry or a Debian package.
	from string
	// needs is what an application has to do or to set, for the table.
	needs string
	argv  []string
	// conversation is the file of what it says, where it cannot run here, and release
	// the one that says so.
	conversation, release string
	short                 bool // part of the short run, too
	// cannot has a reason for each set-up that it is not made for.
	cannot map[string]string
}

const (
	goModule = "Go module"
	npm      = "npm"
	debian   = "Debian 12"
	replayed = "conversation of " // it cannot run here
)

// clientLibraries are in the order of the table.
var clientLibraries = []library{
	{
		name: "go-redis", from: goModule, argv: goCounter("go-redis"),
		needs: "`NewFailoverClient`",
	},
	{
		name: "go-redis with discovery", from: goModule, argv: goCounter("go-redis with discovery"),
		needs: "`Dialer: r.DialMaster` ([discovery](discovery.md))",
	},
	{
		name: "rueidis", from: goModule, argv: goCounter("rueidis"),
		needs: "`SentinelOption`",
	},
	{
		name: "valkey-go", from: goModule, argv: goCounter("valkey-go"),
		needs: "`SentinelOption`",
	},
	{
		name: "redigo", from: goModule, argv: goCounter("redigo"),
		needs: "code of yours in `Pool.Dial`: ask the Sentinels, check `ROLE`",
	},
	{
		name: "redigo with discovery", from: goModule, argv: goCounter("redigo with discovery"),
		needs: "`DialContextFunc(r.DialMaster)`",
	},
	{
		name: "radix", from: goModule, argv: goCounter("radix"),
		needs: "`SentinelConfig`",
	},
	{
		name: "ioredis", from: npm, argv: nodeCounter("ioredis.mjs"),
		needs: "`reconnectOnError` for `READONLY`",
	},
	{
		name: "ioredis with failoverDetector", from: npm, argv: nodeCounter("ioredis.mjs", "failoverDetector"),
		needs: "the same; a new client when its status is `end`",
	},
	{
		name: "node-redis", from: npm, argv: nodeCounter("node-redis.mjs"),
		needs: "`createSentinel`",
	},
	{
		name: "redis-py", from: debian, argv: []string{python, script("redis_py.py")}, short: true,
		needs: "`Sentinel.master_for`",
	},
	{
		name: "redis-py, asyncio", from: debian, argv: []string{python, script("redis_py.py"), "asyncio"}, short: true,
		needs: "`asyncio.sentinel`",
	},
	{
		name: "redis-rb", from: debian, argv: []string{"ruby", script("redis.rb")},
		needs: "`sentinels:`, `role: :master`",
	},
	{
		name: "phpredis", from: debian, argv: []string{"php", script("phpredis.php")},
		needs: "code of yours: ask by `RedisSentinel`, connect, check `ROLE`",
	},
	{
		name: "predis", from: debian, argv: []string{"php", script("predis.php")},
		needs: "`replication: sentinel`; a new client after an error; for Sentinels with a password, connections from its factory",
	},
	{
		name: "Perl Redis", from: debian, argv: []string{"perl", script("redis.pl"), "Redis"},
		needs: "`sentinels`, `service`; a new client after an error",
	},
	{
		name: "Perl Redis::Fast", from: debian, argv: []string{"perl", script("redis.pl"), "Redis::Fast"},
		cannot: map[string]string{"password": "no password for Sentinels", "TLS": "no TLS"},
		needs:  "`sentinels`, `service`; a new client after an error",
	},
	{
		name: "hiredis", from: debian, argv: []string{built("hiredis")},
		cannot: map[string]string{"TLS": "no TLS in Debian's"},
		needs:  "code of yours: ask the Sentinels, connect, check `ROLE`",
	},
	{
		name: "redis-cli", from: debian, argv: []string{"sh", script("redis-cli.sh")}, short: true,
		needs: "a script that asks again after an error",
	},
	{
		name: "Jedis", from: replayed + "September 2024", conversation: "jedis.txt", release: "5.2.0", short: true,
		needs: "`JedisSentinelPool` or `JedisSentineled`",
	},
	{
		name: "Lettuce", from: replayed + "October 2024", conversation: "lettuce.txt", release: "6.5.0", short: true,
		needs: "`redis-sentinel://` addresses",
	},
	{
		name: "StackExchange.Redis", from: replayed + "2024", conversation: "stackexchange.txt", release: "2.8.0", short: true,
		needs: "`serviceName=`",
	},
}

func script(name string) string { return filepath.Join("testdata", "libraries", name) }

// built is a path below the directory that prepare makes, which is not known yet.
func built(name string) string { return "BUILT/" + name }

func goCounter(library string) []string { return []string{built("gocounter"), library} }

func nodeCounter(args ...string) []string {
	return append([]string{"node", built("npm/" + args[0])}, args[1:]...)
}

// setup is a group of servers and Sentinels as operators have them.
type setup struct {
	name      string
	password  bool
	tls       bool
	sentinels kind
	short     bool
}

var setups = []setup{
	{name: "plain", sentinels: ours},
	{name: "password", sentinels: ours, password: true, short: true},
	{name: "TLS", sentinels: ours, password: true, tls: true},
	{name: "redis-sentinel", sentinels: stock},
}

const (
	serverPassword   = "the servers' secret"
	sentinelPassword = "the Sentinels' secret"
	counted          = "mymaster"
)

// strikes is what happens to the master.
var strikes = []struct {
	name    string
	planned bool
	strike  func(e *env, g *cluster.Group, m *cluster.Server)
}{
	{"planned", true, func(e *env, g *cluster.Group, _ *cluster.Server) {
		_, err := g.Sentinels[0].Do(e.ctx, "SENTINEL", "FAILOVER", g.Master)
		e.must(err)
	}},
	{"kill -9", false, func(_ *env, _ *cluster.Group, m *cluster.Server) { m.Kill() }},
}

// TestClientLibraries: client libraries that are maintained write on after a master was
// killed, and after a planned switchover, which loses nothing that was acknowledged.
func TestClientLibraries(t *testing.T) {
	doc := readLibraryTable(t)
	if !*long { // which is alone: others would be measured, too
		t.Parallel()
	}
	for _, s := range setups {
		if !*long && !s.short {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			e := newEnv(t)
			c := e.startCounters(s)
			for range s.rounds() {
				for _, strike := range strikes {
					e.strike(c, strike.strike)
					c.judge(t, doc, strike.name, strike.planned)
				}
			}
		})
	}
	doc.compare(t)
	if *write && !t.Failed() {
		doc.write(t)
	}
}

// rounds is how often everything happens.
func (s setup) rounds() int {
	switch {
	case !*long:
		return 1
	case s.sentinels == stock:
		return 3 // it takes its time
	}
	return 5
}

// counters are the programs at work on one group.
type counters struct {
	setup
	group *cluster.Group
	tls   *tls.Config // nil for none
	all   []*counter
	// What happened last to the master, and when.
	at     time.Time
	played *conversations
}

// judge adds what all met to the document.
func (c *counters) judge(t *testing.T, doc *libraryTable, strike string, planned bool) {
	for _, one := range c.all {
		o := one.outage(c.at)
		doc.add(one.name, one.release(), c.setup, strike, o)
		if planned && c.sentinels == ours && o.lost > 0 {
			t.Errorf("%s: the new master lacks %d acknowledged writes after a planned switchover at %s: it said %s", one.name, o.lost, clock(c.at), o.fell)
		}
	}
	for _, p := range c.played.players {
		doc.add(p.library.name, p.library.release, c.setup, strike, outage{gap: p.ended.Sub(c.at)})
	}
}

func (e *env) startCounters(s setup) *counters {
	e.Helper()
	topology := cluster.Topology{
		Master: counted, Replicas: 2, Sentinels: nodes, Quorum: 2, DownAfter: time.Second,
		SentinelCommands: [][]string{{e.program(s.sentinels)}},
	}
	if *long && s.sentinels == ours {
		topology.SentinelCommands = [][]string{{plainDaemon(workDir)}} // figures are wanted
	}
	every := "0.005"
	if !*long {
		every = "0.05"
	}
	environ := []string{"MASTER=" + counted, "EVERY=" + every}
	if s.password {
		environ = append(environ, "PASSWORD="+serverPassword, "SENTINEL_PASSWORD="+sentinelPassword)
		e.protect(&topology)
	}
	if s.tls {
		authority := e.encrypt(&topology)
		// PHP and Perl take the authority from OpenSSL's store.
		environ = append(environ, "CA="+authority, "SSL_CERT_FILE="+authority)
	}
	g, err := e.c.Start(e.ctx, topology)
	e.must(err)
	var list []string
	for _, sentinel := range g.Sentinels {
		list = append(list, sentinel.Addr())
	}
	c := &counters{setup: s, group: g, tls: topology.TLS}
	for _, l := range clientLibraries {
		if (*long || l.short) && l.cannot[s.name] == "" && l.argv != nil {
			own := []string{"SENTINELS=" + strings.Join(list, " "), "KEY=counter:" + strings.ReplaceAll(l.name, " ", "-")}
			c.all = append(c.all, startCounter(e.T, l.name, l.command(), slices.Concat(environ, own)))
		}
	}
	e.untilCounting(c, time.Now())
	return c
}

func (l library) command() (argv []string) {
	for _, word := range l.argv {
		if name, ok := strings.CutPrefix(word, "BUILT/"); ok {
			word = filepath.Join(workDir, "libraries", filepath.FromSlash(name))
		}
		argv = append(argv, word)
	}
	return argv
}

// protect gives the servers and the Sentinels a password each.
func (e *env) protect(t *cluster.Topology) {
	t.Password, t.SentinelPassword = serverPassword, sentinelPassword
	quoted := fmt.Sprintf("%q", serverPassword)
	t.ServerConf = func(int) []string { return []string{"requirepass " + quoted, "masterauth " + quoted} }
	t.SentinelConf = []string{fmt.Sprintf("sentinel auth-pass %s %s", counted, quoted), fmt.Sprintf("requirepass %q", sentinelPassword)}
}

// encrypt has all of them listen with TLS alone, and returns the file of their authority.
func (e *env) encrypt(t *cluster.Topology) (authority string) {
	ca := testcert.NewAuthority(e.T, "ecosystem")
	files := ca.Write(e.T, e.TempDir(), "node", func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)} })
	lines := []string{
		"tls-cert-file " + files.Cert, "tls-key-file " + files.Key, "tls-ca-cert-file " + files.CA,
		"tls-auth-clients no", "tls-replication yes",
	}
	plain := t.ServerConf
	t.ServerConf = func(i int) []string { return append(plain(i), lines...) }
	t.SentinelConf = append(t.SentinelConf, lines...)
	t.TLS = &tls.Config{RootCAs: ca.Pool(), ServerName: "127.0.0.1"}
	return files.CA
}

// strike lets something happen to the master, and waits until every counter writes to the
// next one.
func (e *env) strike(c *counters, strike func(*env, *cluster.Group, *cluster.Server)) {
	e.Helper()
	old := e.mend(c.group)
	e.untilCounting(c, time.Now())
	c.played = e.converse(c)
	c.at = time.Now()
	strike(e, c.group, old)
	close(c.played.struck)
	m, err := c.group.WaitNewMaster(e.ctx, old)
	e.must(err)
	if old.Running() { // redis-sentinel leaves it a master for ten seconds, with all who write to it
		e.must(old.WaitReplicaOf(e.ctx, m))
	}
	e.untilCounting(c, time.Now())
	c.played.wait(e)
}

// mend has all servers run and returns the master.
func (e *env) mend(g *cluster.Group) (master *cluster.Server) {
	e.Helper()
	port, err := g.Sentinels[0].MasterPort(e.ctx, counted)
	e.must(err)
	master = g.ServerAt(port)
	for _, s := range g.Servers {
		if !s.Running() {
			e.must(s.Restart(e.ctx))
		}
		if s != master {
			e.must(s.WaitReplicaOf(e.ctx, master))
		}
	}
	e.must(g.WaitViews(e.ctx))
	return master
}

// untilCounting returns when every counter has counted for a while.
func (e *env) untilCounting(c *counters, since time.Time) {
	e.Helper()
	e.until("every client library to write", func(context.Context) (string, bool) {
		var behind []string
		for _, one := range c.all {
			if state, ok := one.counts(since, 10); !ok {
				behind = append(behind, state)
			}
		}
		return strings.Join(behind, "; "), len(behind) == 0
	})
}
