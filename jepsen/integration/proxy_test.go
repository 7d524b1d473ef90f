package integration

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosentinel/sentinel/internal/resptest"
	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
	"github.com/gosentinel/sentinel/proxy"
)

// proxied starts a proxy for a group in this process and returns its address. more is
// what stands below the name of the master in its configuration; listeners of it come first.
func (e *env) proxied(g *cluster.Group, more ...string) string {
	e.Helper()
	var sentinels []string
	for _, s := range g.Sentinels {
		sentinels = append(sentinels, strconv.Quote(s.Addr()))
	}
	file := filepath.Join(e.c.Dir(), "proxy.toml")
	text := "sentinels = [" + strings.Join(sentinels, ", ") + "]\n[[master]]\nname = " + strconv.Quote(g.Master) + "\n" +
		strings.Join(more, "") + "\n[[listener]]\nbind = \"127.0.0.1:0\"\n"
	e.must(os.WriteFile(file, []byte(text), 0o600))
	cfg, err := proxy.Load(file)
	e.must(err)
	ctx, cancel := context.WithCancel(e.ctx)
	ready, done := make(chan []net.Addr, 1), make(chan error, 1)
	logger := slog.New(slog.NewTextHandler(e.Output(), nil))
	p := proxy.New(cfg, proxy.Options{Logger: logger, Ready: func(a []net.Addr) { ready <- a }})
	go func() { done <- p.Run(ctx) }()
	e.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			e.Error(err)
		}
	})
	select {
	case addrs := <-ready:
		return addrs[len(addrs)-1].String()
	case err := <-done:
		done <- nil
		e.Fatal(err)
	}
	return ""
}

// plainClient is an application that knows nothing of Sentinels, with one connection.
func (e *env) plainClient(addr string) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: addr, PoolSize: 1, MaxRetries: -1, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second, PoolTimeout: time.Minute})
	e.Cleanup(func() { _ = c.Close() })
	return c
}

// scribe appends numbers to a list of its own and remembers what was acknowledged.
type scribe struct {
	key     string
	acked   []int
	errs    []error
	longest time.Duration
}

func (s *scribe) write(ctx context.Context, c *redis.Client, i int) {
	start := time.Now()
	err := c.RPush(ctx, s.key, i).Err()
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		s.errs = append(s.errs, err)
	default:
		s.acked = append(s.acked, i)
	}
	s.longest = max(s.longest, time.Since(start))
}

// scribes write about a thousand times a second until stop is called.
func (e *env) scribes(addr string, n int) (list []*scribe, stop func()) {
	ctx, cancel := context.WithCancel(e.ctx)
	var tasks sync.WaitGroup
	for k := range n {
		s, c := &scribe{key: fmt.Sprintf("list:%d", k)}, e.plainClient(addr)
		list = append(list, s)
		tasks.Go(func() {
			tick := time.NewTicker(time.Duration(n) * time.Millisecond)
			defer tick.Stop()
			for i := 0; ctx.Err() == nil; i++ {
				s.write(ctx, c, i)
				<-tick.C
			}
		})
	}
	return list, sync.OnceFunc(func() { cancel(); tasks.Wait() })
}

// check compares what was acknowledged with what the master has: nothing twice, nothing
// out of order, and, unless it may be, nothing lost.
func (s *scribe) check(e *env, c *redis.Client, mayLose bool) {
	e.Helper()
	got, err := c.LRange(e.ctx, s.key, 0, -1).Result()
	e.must(err)
	there, last := map[int]bool{}, -1
	for _, text := range got {
		i, err := strconv.Atoi(text)
		e.must(err)
		if i <= last {
			e.Errorf("%s: %d stands behind %d", s.key, i, last)
		}
		there[i], last = true, i
	}
	lost := 0
	for _, i := range s.acked {
		if !there[i] {
			lost++
		}
	}
	if lost > 0 && !mayLose {
		e.Errorf("%s: %d of %d acknowledged writes are lost", s.key, lost, len(s.acked))
	}
	e.Logf("%s: %d acknowledged, %d lost, %d errors, longest wait %v", s.key, len(s.acked), lost, len(s.errs), s.longest.Round(time.Millisecond))
}

// TestProxyFailovers: plain clients behind the proxy see pauses and no failovers: writers,
// a subscriber, one that waits for jobs, and transactions.
func TestProxyFailovers(t *testing.T) {
	t.Parallel()
	for _, fault := range []struct {
		name    string
		strike  func(*env, *cluster.Group, *cluster.Server)
		planned bool
	}{
		{"switchover", func(e *env, g *cluster.Group, _ *cluster.Server) {
			_, err := g.Sentinels[0].Do(e.ctx, "SENTINEL", "FAILOVER", g.Master)
			e.must(err)
		}, true},
		{"kill", func(_ *env, _ *cluster.Group, m *cluster.Server) { m.Kill() }, false},
		{"stop", func(e *env, _ *cluster.Group, m *cluster.Server) {
			e.signal(m, syscall.SIGSTOP)
			e.Cleanup(func() { _ = m.Signal(syscall.SIGCONT) })
		}, false},
	} {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			g := e.start(usual)
			addr := e.proxied(g)
			list, stop := e.scribes(addr, 4)
			defer stop()
			sub := e.plainClient(addr).Subscribe(e.ctx, "news")
			defer sub.Close()
			_, err := sub.Receive(e.ctx)
			e.must(err)
			jobs := e.jobless(addr)
			e.until("writes", func(context.Context) (string, bool) {
				n, err := g.Servers[0].Client().LLen(e.ctx, "list:0").Result()
				return fmt.Sprint(n), err == nil && n > 50
			})

			fault.strike(e, g, g.Servers[0])
			m := e.newMaster(g, g.Servers[0])
			probe := e.plainClient(addr)
			e.transaction(probe)
			e.until("the subscriber to hear again", func(context.Context) (string, bool) {
				n, err := probe.Publish(e.ctx, "news", "x").Result()
				return fmt.Sprint(n, err), err == nil && n > 0
			})
			msg, err := sub.ReceiveMessage(e.ctx)
			if e.must(err); msg.Payload != "x" {
				t.Errorf("the subscriber heard %q", msg.Payload)
			}
			e.must(probe.RPush(e.ctx, "jobs", "job").Err())
			if got := <-jobs; got != "job" && (fault.planned || !strings.Contains(got, "may have been executed")) {
				t.Errorf("who waited for a job got %q", got)
			}
			stop()
			for _, s := range list {
				s.check(e, m.Client(), !fault.planned)
				if most := map[bool]int{true: 0, false: 1}[fault.planned]; len(s.errs) > most {
					t.Errorf("%s: %d errors, such as %v", s.key, len(s.errs), s.errs[0])
				}
			}
		})
	}
}

// jobless waits for a job and sends what it got.
func (e *env) jobless(addr string) <-chan string {
	c, got := e.plainClient(addr), make(chan string, 1)
	ctx, cancel := context.WithCancel(e.ctx)
	var task sync.WaitGroup
	task.Go(func() {
		v, err := c.BLPop(ctx, 0, "jobs").Result()
		if err != nil {
			got <- err.Error()
			return
		}
		got <- v[1]
	})
	e.Cleanup(func() { cancel(); _ = c.Close(); task.Wait() })
	return got
}

// transaction makes a transaction that watches a key.
func (e *env) transaction(c *redis.Client) {
	e.Helper()
	err := c.Watch(e.ctx, func(tx *redis.Tx) error {
		n, err := tx.Get(e.ctx, "counter").Int()
		if err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
		_, err = tx.TxPipelined(e.ctx, func(p redis.Pipeliner) error { return p.Set(e.ctx, "counter", n+1, 0).Err() })
		return err
	}, "counter")
	e.must(err)
}

// TestProxyNeighbours: what one client does to its connection is not felt by those who share
// another one: a value that is too large for the server, and a script without an end.
func TestProxyNeighbours(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	g := e.start(cluster.Topology{Replicas: 1, Sentinels: 1, Quorum: 1, DownAfter: time.Minute})
	master := g.Servers[0].Client()
	e.must(master.ConfigSet(e.ctx, "proto-max-bulk-len", "1048576").Err())
	e.must(master.ConfigSet(e.ctx, "lua-time-limit", "50").Err())
	addr := e.proxied(g)
	list, stop := e.scribes(addr, 2)
	defer stop()
	c := e.plainClient(addr)
	for _, size := range []int{900 << 10, 1 << 20, 1<<20 + 1, 16 << 20} {
		err := c.Set(e.ctx, "k", strings.Repeat("x", size), 0).Err()
		if fits := size <= 1<<20; fits != (err == nil) || err != nil && strings.Contains(err.Error(), "EOF") {
			e.Errorf("%d bytes: %v", size, err)
		}
		e.must(c.Incr(e.ctx, "n").Err())
	}
	stop()
	for _, s := range list {
		if len(s.errs) > 0 {
			e.Errorf("a neighbour: %v", s.errs[0])
		}
		s.check(e, master, false)
	}

	ended, busy := make(chan error, 1), e.plainClient(addr)
	go func() { ended <- busy.Eval(e.ctx, "while true do end", nil).Err() }()
	e.until("SCRIPT KILL to overtake the script", func(ctx context.Context) (string, bool) {
		err := c.ScriptKill(ctx).Err() // NOTBUSY until it runs
		return fmt.Sprint(err), err == nil
	})
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "Script killed by user") {
		e.Errorf("the script ended with %v", err)
	}
	e.must(c.Incr(e.ctx, "n").Err())
}

// TestProxyDocument runs the lines with which docs/proxy.md begins.
func TestProxyDocument(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	g := e.start(cluster.Topology{Sentinels: 1, Quorum: 1})
	text, err := os.ReadFile("../../docs/proxy.md")
	e.must(err)
	_, after, _ := strings.Cut(string(text), "```\n")
	block, _, _ := strings.Cut(after, "```")
	port, err := e.c.Port()
	e.must(err)
	block = strings.NewReplacer("127.0.0.1:26379", g.Sentinels[0].Addr(), "mymaster", g.Master, "6000", strconv.Itoa(port)).Replace(block)
	lines := strings.Split(strings.TrimSpace(block), "\n")
	if len(lines) != 5 {
		t.Fatalf("it begins with %d lines", len(lines))
	}
	// Who types is slower than the start of the proxy.
	script := strings.Join(lines[:4], "\n") + "\nuntil test \"$(" + lines[4] + " 2>&1)\" = OK; do :; done\nkill %1; wait"
	cmd := exec.CommandContext(e.ctx, "bash", "-c", script)
	cmd.Dir = e.c.Dir()
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(clustertest.Daemon(t))+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := g.Servers[0].Client().Get(e.ctx, "greeting").Val(); got != "hello" {
		t.Errorf("the greeting is %q\n%s", got, out)
	}
}

// TestProxyCommands sends every command that a server has to it and through a proxy, and
// compares the replies.
func TestProxyCommands(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	g := e.start(cluster.Topology{Sentinels: 1, Quorum: 1})
	addr := e.proxied(g)
	server := g.Servers[0]
	list, err := server.Client().Command(e.ctx).Result()
	e.must(err)
	a, b := resptest.Dial(t, "tcp", server.Addr()), resptest.Dial(t, "tcp", addr)
	patient := time.Now().Add(2 * time.Minute)
	e.must(errors.Join(a.SetDeadline(patient), b.SetDeadline(patient)))
	compared := 0
	for name := range list {
		if proxyDiffers[name] {
			continue
		}
		for i, args := range []string{"", " k", " k 1", " k 1 2"} {
			if name == "brpoplpush" { // the last one is how long it waits
				args = strings.Replace(args, " 2", " 0.01", 1)
			}
			want := exchange(a, 2+i%2, name+args)
			if got := exchange(b, 2+i%2, name+args); want != got {
				t.Errorf("RESP%d %s%s:\n%q directly\n%q through the proxy", 2+i%2, name, args, want, got)
			}
			compared++
		}
	}
	t.Logf("%d comparisons of %d commands", compared, len(list))
}

// exchange sends a command to an empty server and returns everything that is said to it.
func exchange(c *resptest.Conn, proto int, command string) string {
	c.Send(fmt.Sprintf("FLUSHALL\r\nHELLO %d\r\n%s\r\nRESET\r\n", proto, command))
	for range 2 {
		if _, err := c.Value(); err != nil {
			return err.Error()
		}
	}
	var b strings.Builder
	for {
		v, err := c.Value()
		switch {
		case err != nil:
			return b.String() + err.Error()
		case v == "+RESET\n":
			return b.String()
		}
		b.WriteString(v)
	}
}

// proxyDiffers are the commands whose replies differ from one call or connection to the
// next, that wait, or that end the server or the link to it.
var proxyDiffers = map[string]bool{
	"shutdown": true, "debug": true, "monitor": true, "sync": true, "psync": true, "replconf": true, "failover": true,
	"replicaof": true, "slaveof": true, "info": true, "time": true, "hello": true, "memory": true, "latency": true,
	"lolwut": true, "slowlog": true, "role": true, "client": true, "acl": true, "auth": true, "lastsave": true, "bgsave": true,
	"save": true, "bgrewriteaof": true, "config": true, "cluster": true, "module": true, "migrate": true, "command": true,
	"blpop": true, "brpop": true, "bzpopmin": true, "bzpopmax": true, "wait": true, "restore-asking": true, "pfselftest": true, "pfdebug": true,
	"dump": true, "swapdb": true, "quit": true, "reset": true,
}

// TestProxyModes: clients that ask Sentinels are led to the proxy, reads are spread over
// the replicas, bytes are carried, and a write is acknowledged when replicas have it.
func TestProxyModes(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	g := e.start(usual)
	port, err := e.c.Port()
	e.must(err)
	other, err := e.c.Port()
	e.must(err)
	third, err := e.c.Port()
	e.must(err)
	tcp, sentinel := fmt.Sprintf("127.0.0.1:%d", port), fmt.Sprintf("127.0.0.1:%d", other)
	split := fmt.Sprintf("127.0.0.1:%d", third)
	addr := e.proxied(g, fmt.Sprintf("ack-replicas = 2\n[[listener]]\nbind = %q\nmode = \"tcp\"\n[[listener]]\nbind = %q\nmode = \"sentinel\"\n"+
		"[[listener]]\nbind = %q\nmode = \"split\"\nread-your-writes = true\n", tcp, sentinel, split))

	led := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: g.Master, SentinelAddrs: []string{sentinel}})
	defer led.Close()
	e.must(led.Set(e.ctx, "k", "led", 0).Err())
	for _, s := range g.Servers[1:] { // two of two have acknowledged
		if got := s.Client().Get(e.ctx, "k").Val(); got != "led" {
			t.Errorf("%s has %q when the write is acknowledged", s.Name(), got)
		}
	}
	if got := e.plainClient(tcp).Get(e.ctx, "k").Val(); got != "led" {
		t.Errorf("by tcp: %q", got)
	}
	c := e.plainClient(split)
	for i := range 50 {
		e.must(c.Set(e.ctx, "n", i, 0).Err())
		if got, err := c.Get(e.ctx, "n").Int(); err != nil || got != i {
			t.Fatalf("wrote %d, read %d, %v", i, got, err)
		}
	}
	reader := e.plainClient(split)
	e.until("reads at the replicas", func(ctx context.Context) (string, bool) {
		e.must(reader.Get(ctx, "k").Err())
		var state strings.Builder
		ok := true
		for _, s := range g.Servers[1:] {
			info := s.Client().Info(ctx, "commandstats").Val()
			_, after, is := strings.Cut(info, "cmdstat_get:calls=")
			calls, _, _ := strings.Cut(after, ",")
			n, _ := strconv.Atoi(calls)
			ok = ok && is && n >= 10
			fmt.Fprintf(&state, "%s %s ", s.Name(), calls)
		}
		return state.String(), ok
	})
	for _, s := range g.Servers[1:] {
		s.Kill()
		e.must(reader.Get(e.ctx, "k").Err())
	}
	if err := e.plainClient(addr).Set(e.ctx, "k", "alone", 0).Err(); err == nil || !strings.Contains(err.Error(), "NOREPLICAS proxy") {
		t.Errorf("a write that no replica has: %v", err)
	}
}
