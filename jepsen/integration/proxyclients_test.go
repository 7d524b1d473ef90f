package integration

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"

	"github.com/gosentinel/sentinel/internal/testcert"
	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// behind is where a plain client finds the proxy, and how often it does something. It
// knows nothing of Sentinels. On a connection each, it
//
//   - appends numbers to list:NAME (write),
//   - increments tx-a:NAME and tx-b:NAME in a transaction (tx),
//   - and lua-a:NAME and lua-b:NAME in a script (lua),
//   - waits for elements of jobs:NAME (job),
//   - and is subscribed to news:NAME (news).
type behind struct {
	Name     string `json:"name"`
	Host     string `json:"host"`
	Port     int    `json:"port"`
	Password string `json:"password"`
	CA       string `json:"ca"`
	Every    int    `json:"every"` // milliseconds

	tls *tls.Config
}

func (b behind) key(kind string) string { return kind + ":" + b.Name }

// told is a line of what a client says: of its work, or an error.
type told struct {
	Kind  string `json:"kind"`
	N     int    `json:"n"`
	Text  string `json:"text"`
	Error string `json:"error"`
}

// account is what a client has said.
type account struct {
	behind
	mu    sync.Mutex
	acked []int
	count map[string]int
	texts map[string][]string
	errs  map[string][]string
}

func (a *account) tell(t told) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.Error != "" {
		a.errs[t.Kind] = append(a.errs[t.Kind], t.Error)
		return
	}
	a.count[t.Kind]++
	switch t.Kind {
	case "write":
		a.acked = append(a.acked, t.N)
	case "job", "news", "version":
		a.texts[t.Kind] = append(a.texts[t.Kind], t.Text)
	}
}

func (a *account) has(kind, text string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Contains(a.texts[kind], text)
}

// plainClients are the client libraries. Each runs until the context ends, and tells
// what happens.
var plainClients = []struct {
	name string
	long bool
	run  func(ctx context.Context, t *testing.T, a *account)
}{
	{"go-redis", false, runGoRedis},
	{"rueidis", true, runRueidis},
	{"redis-py", false, runRedisPy},
	{"ioredis", true, runIORedis},
	{"redis-cli", false, runRedisCLI},
}

const incrementBoth = "redis.call('incr', KEYS[1]) return redis.call('incr', KEYS[2])"

// every calls f again and again, and tells how that went.
func (a *account) every(ctx context.Context, tasks *sync.WaitGroup, kind string, f func(n int) (told, error)) {
	tasks.Go(func() {
		tick := time.NewTicker(time.Duration(a.Every) * time.Millisecond)
		defer tick.Stop()
		for n := 0; ctx.Err() == nil; n++ {
			t, err := f(n)
			switch t.Kind = kind; {
			case ctx.Err() != nil:
				return
			case err != nil:
				t.Error = err.Error()
			}
			a.tell(t)
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
}

func runGoRedis(ctx context.Context, t *testing.T, a *account) {
	connect := func() *redis.Client {
		return redis.NewClient(&redis.Options{
			Addr: net.JoinHostPort(a.Host, strconv.Itoa(a.Port)), Password: a.Password, TLSConfig: a.tls, Protocol: 3, PoolSize: 1, MaxRetries: -1,
			ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second, ContextTimeoutEnabled: true,
		})
	}
	var tasks sync.WaitGroup
	var open []*redis.Client
	each := func(kind string, f func(c *redis.Client, n int) (told, error)) {
		c := connect()
		open = append(open, c)
		a.every(ctx, &tasks, kind, func(n int) (told, error) { return f(c, n) })
	}
	each("write", func(c *redis.Client, n int) (told, error) { return told{N: n}, c.RPush(ctx, a.key("list"), n).Err() })
	each("tx", func(c *redis.Client, _ int) (told, error) {
		_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Incr(ctx, a.key("tx-a"))
			p.Incr(ctx, a.key("tx-b"))
			return nil
		})
		return told{}, err
	})
	each("lua", func(c *redis.Client, _ int) (told, error) {
		return told{}, c.Eval(ctx, incrementBoth, []string{a.key("lua-a"), a.key("lua-b")}).Err()
	})
	each("job", func(c *redis.Client, _ int) (told, error) {
		v, err := c.BLPop(ctx, 0, a.key("jobs")).Result()
		if err != nil {
			return told{}, err
		}
		return told{Text: v[1]}, nil
	})
	sub := connect()
	open = append(open, sub)
	news := sub.Subscribe(ctx, a.key("news"))
	tasks.Go(func() {
		for ctx.Err() == nil {
			m, err := news.ReceiveMessage(ctx)
			switch {
			case ctx.Err() != nil:
			case err != nil:
				a.tell(told{Kind: "news", Error: err.Error()})
			default:
				a.tell(told{Kind: "news", Text: m.Payload})
			}
		}
	})
	<-ctx.Done()
	_ = news.Close()
	for _, c := range open {
		_ = c.Close()
	}
	tasks.Wait()
}

func runRueidis(ctx context.Context, t *testing.T, a *account) {
	connect := func() rueidis.Client {
		c, err := rueidis.NewClient(rueidis.ClientOption{
			InitAddress: []string{net.JoinHostPort(a.Host, strconv.Itoa(a.Port))}, Password: a.Password, TLSConfig: a.tls,
			DisableRetry: true, ForceSingleClient: true, ConnWriteTimeout: 30 * time.Second,
		})
		if err != nil {
			t.Error(err)
		}
		return c
	}
	var tasks sync.WaitGroup
	var open []rueidis.Client
	each := func(kind string, f func(c rueidis.Client, n int) (told, error)) {
		c := connect()
		open = append(open, c)
		a.every(ctx, &tasks, kind, func(n int) (told, error) { return f(c, n) })
	}
	each("write", func(c rueidis.Client, n int) (told, error) {
		return told{N: n}, c.Do(ctx, c.B().Rpush().Key(a.key("list")).Element(strconv.Itoa(n)).Build()).Error()
	})
	each("tx", func(c rueidis.Client, _ int) (told, error) {
		return told{}, c.Dedicated(func(d rueidis.DedicatedClient) error {
			var errs []error
			for _, r := range d.DoMulti(ctx, d.B().Multi().Build(), d.B().Incr().Key(a.key("tx-a")).Build(), d.B().Incr().Key(a.key("tx-b")).Build(), d.B().Exec().Build()) {
				errs = append(errs, r.Error())
			}
			return errors.Join(errs...)
		})
	})
	each("lua", func(c rueidis.Client, _ int) (told, error) {
		return told{}, c.Do(ctx, c.B().Eval().Script(incrementBoth).Numkeys(2).Key(a.key("lua-a"), a.key("lua-b")).Build()).Error()
	})
	each("job", func(c rueidis.Client, _ int) (told, error) {
		v, err := c.Do(ctx, c.B().Blpop().Key(a.key("jobs")).Timeout(0).Build()).AsStrSlice()
		if err != nil {
			return told{}, err
		}
		return told{Text: v[1]}, nil
	})
	sub := connect()
	open = append(open, sub)
	tasks.Go(func() {
		for ctx.Err() == nil {
			err := sub.Receive(ctx, sub.B().Subscribe().Channel(a.key("news")).Build(), func(m rueidis.PubSubMessage) { a.tell(told{Kind: "news", Text: m.Message}) })
			if ctx.Err() == nil && err != nil {
				a.tell(told{Kind: "news", Error: err.Error()})
			}
		}
	})
	<-ctx.Done()
	for _, c := range open {
		c.Close()
	}
	tasks.Wait()
}

// runProgram runs a program that tells what happens in lines of JSON.
func runProgram(ctx context.Context, t *testing.T, a *account, cmd *exec.Cmd) {
	var said strings.Builder
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Error(err)
		return
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Error(err)
		return
	}
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return
	}
	if err := json.NewEncoder(in).Encode(a.behind); err != nil {
		t.Error(err)
	}
	defer context.AfterFunc(ctx, func() { in.Close() })()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var line told
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Errorf("%s says %q: %v", a.Name, lines.Bytes(), err)
			continue
		}
		a.tell(line)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v\n%s", a.Name, err, said.String())
	}
}

func runRedisPy(ctx context.Context, t *testing.T, a *account) {
	runProgram(ctx, t, a, exec.Command("/usr/bin/python3", "testdata/behind.py"))
}

// runIORedis has npm fetch ioredis by the lock file of package clients, which holds its hash.
func runIORedis(ctx context.Context, t *testing.T, a *account) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../clients/testdata/npm")); err != nil {
		t.Error(err)
		return
	}
	npm := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel", "error")
	npm.Dir = dir
	if text, err := npm.CombinedOutput(); err != nil {
		t.Errorf("npm ci: %v\n%s", err, text)
		return
	}
	cmd := exec.Command("node", "testdata/behind.mjs")
	cmd.Env = append(os.Environ(), "NODE_MODULES_OF="+filepath.Join(dir, "package.json"))
	runProgram(ctx, t, a, cmd)
}

// cli is a redis-cli that reads commands from its input.
type cli struct {
	t   *testing.T
	cmd *exec.Cmd
	in  *bufio.Writer
	out *bufio.Scanner
	log []string // the last lines to and fro
}

func (a *account) cli(t *testing.T) *cli {
	cmd := exec.Command("redis-cli", "-h", a.Host, "-p", strconv.Itoa(a.Port), "-3", "--tls", "--cacert", a.CA, "--no-raw")
	cmd.Env = append(os.Environ(), "REDISCLI_AUTH="+a.Password)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Error(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Error(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Error(err)
	}
	return &cli{t, cmd, bufio.NewWriter(in), bufio.NewScanner(out), nil}
}

// took is how redis-cli says that a reply took half a second or more, on a line of its own.
var took = regexp.MustCompile(`^\(\d+\.\d+s\)$`)

// scan reads the next line of a reply.
func (c *cli) scan() bool {
	for c.out.Scan() {
		if !took.MatchString(c.out.Text()) {
			return true
		}
	}
	return false
}

// ask sends a command and returns so many lines; fewer if redis-cli has ended.
func (c *cli) ask(lines int, command string) (reply []string) {
	fmt.Fprintln(c.in, command)
	_ = c.in.Flush() // an end is seen below
	c.log = append(c.log, command)
	for len(reply) < lines && c.scan() {
		reply = append(reply, c.out.Text())
	}
	c.log = append(c.log, reply...)
	c.log = c.log[max(0, len(c.log)-12):]
	return reply
}

func runRedisCLI(ctx context.Context, t *testing.T, a *account) {
	var tasks sync.WaitGroup
	each := func(kind string, f func(c *cli, n int) (told, error)) {
		c := a.cli(t)
		a.every(ctx, &tasks, kind, func(n int) (told, error) { return f(c, n) })
		tasks.Go(func() {
			<-ctx.Done()
			_ = c.cmd.Process.Kill() // BLPOP would not end
		})
	}
	reap := func(c *cli, err error) error {
		if ctx.Err() != nil {
			return errors.Join(err, c.cmd.Wait())
		}
		return err
	}
	integer := func(c *cli, reply []string) error {
		if len(reply) == 0 || !strings.Contains(reply[len(reply)-1], "(integer) ") {
			return fmt.Errorf("it says %q after %q", reply, c.log)
		}
		return nil
	}
	each("write", func(c *cli, n int) (told, error) {
		return told{N: n}, reap(c, integer(c, c.ask(1, fmt.Sprintf("RPUSH %s %d", a.key("list"), n))))
	})
	each("tx", func(c *cli, _ int) (told, error) {
		c.ask(1, "MULTI")
		c.ask(1, "INCR "+a.key("tx-a"))
		c.ask(1, "INCR "+a.key("tx-b"))
		reply := c.ask(1, "EXEC")
		err := integer(c, reply)
		if err == nil {
			c.scan() // the second number
		}
		return told{}, reap(c, err)
	})
	each("lua", func(c *cli, _ int) (told, error) {
		return told{}, reap(c, integer(c, c.ask(1, fmt.Sprintf("EVAL %q 2 %s %s", incrementBoth, a.key("lua-a"), a.key("lua-b")))))
	})
	each("job", func(c *cli, _ int) (told, error) {
		reply := c.ask(1, "BLPOP "+a.key("jobs")+" 0")
		if len(reply) == 1 && strings.HasPrefix(reply[0], "1) ") && c.scan() {
			return told{Text: strings.Trim(c.out.Text()[3:], `"`)}, nil
		}
		return told{}, reap(c, fmt.Errorf("it says %q", reply))
	})
	c := a.cli(t)
	fmt.Fprintln(c.in, "SUBSCRIBE "+a.key("news"))
	_ = c.in.Flush()
	tasks.Go(func() {
		<-ctx.Done()
		_ = c.cmd.Process.Kill()
	})
	tasks.Go(func() {
		last := ""
		for c.scan() {
			line := strings.TrimSpace(c.out.Text())
			if text, ok := strings.CutPrefix(line, "3) "); ok && strings.Contains(last, a.key("news")) && strings.HasPrefix(text, `"`) {
				a.tell(told{Kind: "news", Text: strings.Trim(text, `"`)})
			}
			last = line
		}
		_ = c.cmd.Wait() // it was killed
	})
	tasks.Wait()
}

// unrest is what happens to a master while clients work behind the proxy.
type unrest struct {
	name    string
	long    bool
	planned bool // nobody must notice more than a pause
	empty   bool // the data may be lost
	strike  func(e *env, g *cluster.Group, m *cluster.Server) (mend func())
}

var unrests = []unrest{
	{name: "switchover", planned: true, strike: func(e *env, g *cluster.Group, _ *cluster.Server) func() {
		_, err := g.Sentinels[0].Do(e.ctx, "SENTINEL", "FAILOVER", g.Master)
		e.must(err)
		return func() {}
	}},
	{name: "kill", strike: func(e *env, _ *cluster.Group, m *cluster.Server) func() {
		m.Kill()
		return func() { e.must(m.Restart(e.ctx)) }
	}},
	{name: "stop", long: true, strike: func(e *env, _ *cluster.Group, m *cluster.Server) func() {
		e.signal(m, syscall.SIGSTOP)
		return func() { e.signal(m, syscall.SIGCONT) }
	}},
	{name: "restart empty", long: true, empty: true, strike: func(e *env, _ *cluster.Group, m *cluster.Server) func() {
		e.must(m.Restart(e.ctx))
		return func() {}
	}},
}

// TestProxyClients: client libraries that know nothing of Sentinels, with password, TLS and,
// where they have it, RESP3, see pauses while masters are switched, killed, stopped and
// restarted empty.
func TestProxyClients(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	var names []string
	for _, c := range plainClients {
		if *long || !c.long {
			names = append(names, c.name)
		}
	}
	g, list := e.behindProxy(names)
	m := g.Servers[0]
	for _, u := range unrests {
		if u.long && !*long {
			continue
		}
		if m = e.during(u, g, m, list); t.Failed() {
			t.Fatalf("after %s", u.name)
		}
	}
}

// TestProxyPartition: nor do they see more when the master cannot be reached any more, and
// comes back.
func TestProxyPartition(t *testing.T) {
	inside := os.Getenv(insideEnv) != ""
	if !*long && !inside {
		t.Skip("part of make proxy-clients")
	}
	if !ownNetwork(t) {
		return
	}
	e := newEnv(t)
	w := newWall(t, "partition")
	g, list := e.behindProxy([]string{"go-redis", "rueidis", "redis-py", "redis-cli"})
	e.during(unrest{name: "partition", strike: func(_ *env, _ *cluster.Group, m *cluster.Server) func() {
		w.drop("tcp dport %d", m.Port())
		w.drop("tcp sport %d", m.Port())
		return w.open
	}}, g, g.Servers[0], list)
}

// TestProxyWriter: of a writer that sends a thousand requests per second on one connection
// and does not wait for replies, planned switchovers to and fro lose nothing, execute nothing
// twice, and change no order.
func TestProxyWriter(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	g := e.start(usual)
	conn, err := net.Dial("tcp", e.proxied(g))
	e.must(err)
	defer conn.Close()
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	sent := make(chan int, 1)
	go func() {
		n := 0
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for ; ctx.Err() == nil; n++ {
			number := strconv.Itoa(n)
			if _, err := fmt.Fprintf(conn, "*3\r\n$5\r\nRPUSH\r\n$4\r\nlist\r\n$%d\r\n%s\r\n", len(number), number); err != nil {
				break
			}
			<-tick.C
		}
		sent <- n
	}()
	var replies atomic.Int64
	ended := make(chan error, 1)
	go func() {
		in := bufio.NewReader(conn)
		for n := 1; ; n++ {
			line, err := in.ReadString('\n')
			if err != nil || line != fmt.Sprintf(":%d\r\n", n) {
				ended <- fmt.Errorf("reply %d is %q, %v", n, line, err)
				return
			}
			replies.Store(int64(n))
		}
	}()
	acknowledged := func() int64 {
		select {
		case err := <-ended:
			e.must(err)
		default:
		}
		return replies.Load()
	}
	m := g.Servers[0]
	for range map[bool]int{true: 50, false: 2}[*long] {
		before := replies.Load()
		e.until("replies", func(context.Context) (string, bool) {
			n := acknowledged()
			return fmt.Sprint(n), n > before+20
		})
		e.must(g.WaitViews(e.ctx))
		_, err := g.Sentinels[0].Do(e.ctx, "SENTINEL", "FAILOVER", g.Master)
		e.must(err)
		m = e.newMaster(g, m)
	}
	cancel()
	n := <-sent
	e.until("the last reply", func(context.Context) (string, bool) {
		got := acknowledged()
		return fmt.Sprint(got, " of ", n), got == int64(n)
	})
	got, err := m.Client().LRange(e.ctx, "list", 0, -1).Result()
	e.must(err)
	for i, text := range got {
		if text != strconv.Itoa(i) {
			t.Fatalf("element %d is %s", i, text)
		}
	}
	if len(got) != n {
		t.Errorf("%d requests, %d elements", n, len(got))
	}
	conn.Close()
}

// behindProxy starts a group with a password, a proxy with TLS and another password, and
// client libraries of these names.
func (e *env) behindProxy(names []string) (*cluster.Group, []*account) {
	e.Helper()
	top := usual
	top.Password = "server-secret"
	top.ServerConf = func(int) []string { return []string{"requirepass server-secret", "masterauth server-secret"} }
	top.SentinelConf = []string{"sentinel auth-pass mymaster server-secret"}
	g := e.start(top)
	files := testcert.NewAuthority(e, "clients").Write(e, e.c.Dir(), "proxy", func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)} })
	port, err := e.c.Port()
	e.must(err)
	e.proxied(g, fmt.Sprintf("password = \"server-secret\"\n[[listener]]\nbind = \"127.0.0.1:%d\"\npassword = \"client-secret\"\ntls = { cert-file = %q, key-file = %q }\n", port, files.Cert, files.Key))
	return g, e.startClients(names, behind{Host: "127.0.0.1", Port: port, Password: "client-secret", CA: files.CA, Every: map[bool]int{true: 1, false: 10}[*long]})
}

// startClients starts those of the libraries that are here, until the test ends.
func (e *env) startClients(names []string, at behind) (list []*account) {
	e.Helper()
	pem, err := os.ReadFile(at.CA)
	e.must(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	at.tls = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	ctx, cancel := context.WithCancel(e.ctx)
	var tasks sync.WaitGroup
	e.Cleanup(func() { cancel(); tasks.Wait() })
	for _, c := range plainClients {
		missing, args := map[string]string{"redis-py": "/usr/bin/python3", "ioredis": "npm", "redis-cli": "redis-cli"}[c.name], []string{"--version"}
		if c.name == "redis-py" {
			args = []string{"-c", "import redis"}
		}
		if !slices.Contains(names, c.name) {
			continue
		}
		if missing != "" && exec.Command(missing, args...).Run() != nil {
			e.Logf("without %s", c.name)
			continue
		}
		a := &account{behind: at, count: make(map[string]int), texts: make(map[string][]string), errs: make(map[string][]string)}
		a.Name = c.name
		list = append(list, a)
		tasks.Go(func() { c.run(ctx, e.T, a) })
	}
	return list
}

// during strikes while all clients work, and judges what they have noticed. It returns the master.
func (e *env) during(u unrest, g *cluster.Group, m *cluster.Server, list []*account) *cluster.Server {
	e.Helper()
	for _, a := range list {
		e.working(a, m, "before "+u.name)
	}
	before := make([]map[string]int, len(list))
	for i, a := range list {
		before[i] = a.errors()
	}
	mend := u.strike(e, g, m)
	judged := func(when string) {
		for i, a := range list {
			e.working(a, m, when+" "+u.name)
			a.judge(e, u, m, before[i])
		}
	}
	if !u.empty {
		m = e.newMaster(g, m)
		judged("after")
	}
	if !*long && !u.planned {
		return m // it takes long until a former master is a replica
	}
	mend()
	e.until("the group to be complete", func(ctx context.Context) (string, bool) {
		port, err := g.Sentinels[0].MasterPort(ctx, g.Master)
		if err != nil {
			return err.Error(), false
		}
		m = g.ServerAt(port)
		for _, s := range g.Servers {
			if r, err := s.Replication(ctx); err != nil || (s == m) != (r.Role == "master") || s != m && (!r.LinkUp || r.MasterPort != port) {
				return fmt.Sprint(s.Name(), " ", r, err), false
			}
		}
		return "", true
	})
	judged("long after")
	e.must(g.WaitViews(e.ctx))
	return m
}

// errors counts those of each connection.
func (a *account) errors() map[string]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := make(map[string]int)
	for kind, list := range a.errs {
		n[kind] = len(list)
	}
	return n
}

// working waits until each connection of a client has done something at the master.
func (e *env) working(a *account, m *cluster.Server, when string) {
	e.Helper()
	text := fmt.Sprintf("%s %s %d", a.Name, when, time.Now().UnixNano())
	start := map[string]int{}
	a.mu.Lock()
	for kind, n := range a.count {
		start[kind] = n
	}
	a.mu.Unlock()
	text = strings.ReplaceAll(text, " ", "-")
	pushed := false
	e.until(a.Name+" to work "+when, func(ctx context.Context) (string, bool) {
		if !pushed {
			pushed = m.Client().RPush(ctx, a.key("jobs"), text).Err() == nil
		}
		_ = m.Client().Publish(ctx, a.key("news"), text).Err() // tried again
		a.mu.Lock()
		defer a.mu.Unlock()
		state, ok := fmt.Sprintf("%v %v", a.count, a.errs), true
		for _, kind := range []string{"write", "tx", "lua"} {
			ok = ok && a.count[kind] > start[kind]+5
		}
		return state, ok && slices.Contains(a.texts["job"], text) && slices.Contains(a.texts["news"], text)
	})
}

// judge compares what a client has been told with what the master has.
func (a *account) judge(e *env, u unrest, m *cluster.Server, before map[string]int) {
	e.Helper()
	a.mu.Lock()
	acked, done := slices.Clone(a.acked), map[string]int{"tx": a.count["tx"], "lua": a.count["lua"]}
	errs := make(map[string][]string)
	for kind, list := range a.errs {
		errs[kind] = slices.Clone(list)
	}
	a.mu.Unlock()
	for kind, list := range errs {
		most := 1
		if u.empty {
			most = 2 // the master is restarted, and then a replica takes its place
		}
		if u.planned || kind == "news" {
			most = 0
		}
		if n := len(list) - before[kind]; n > most {
			e.Errorf("%s, %s: %d errors of %s, such as %q", u.name, a.Name, n, kind, list[before[kind]:min(len(list), before[kind]+5)])
		}
	}
	s := &scribe{key: a.key("list"), acked: acked}
	s.check(e, m.Client(), !u.planned)
	for _, kind := range []string{"tx", "lua"} {
		v, err := m.Client().MGet(e.ctx, a.key(kind+"-a"), a.key(kind+"-b")).Result()
		e.must(err)
		if v[0] != v[1] {
			e.Errorf("%s, %s: a %s was executed by half: %v", u.name, a.Name, kind, v)
		}
		n, _ := strconv.Atoi(fmt.Sprint(v[0]))
		if u.planned && n < done[kind] {
			e.Errorf("%s, %s: %d %s have been acknowledged, %d are there", u.name, a.Name, done[kind], kind, n)
		}
	}
}
