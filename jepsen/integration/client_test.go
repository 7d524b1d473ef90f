package integration

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/discovery"
	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
	"github.com/redis/go-redis/v9"
)

// example compiles the example of package discovery.
var example = sync.OnceValues(func() (string, error) {
	path := filepath.Join(clustertest.Dir(), "client")
	out, err := exec.Command("go", "build", "-race", "-o", path, "github.com/gosentinel/sentinel/examples/client").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return path, err
})

// program is a child process whose output is kept.
type program struct {
	cmd *exec.Cmd

	mu       sync.Mutex
	out, err bytes.Buffer
}

type into struct {
	p   *program
	buf *bytes.Buffer
}

func (w into) Write(b []byte) (int, error) {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	return w.buf.Write(b)
}

func (p *program) output() (out, err string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String(), p.err.String()
}

// runExample starts the example, which runs until the end of the test and must
// not complain.
func (e *env) runExample(args ...string) *program {
	e.Helper()
	path, err := example()
	e.must(err)
	p := &program{cmd: exec.Command(path, args...)}
	p.cmd.Stdout, p.cmd.Stderr = into{p, &p.out}, into{p, &p.err}
	e.must(p.cmd.Start())
	e.Cleanup(func() {
		if err := p.cmd.Process.Kill(); err != nil {
			e.Errorf("the example has ended: %v", err)
		}
		p.cmd.Wait() // it was killed
		if _, stderr := p.output(); stderr != "" {
			e.Errorf("the example showed an error:\n%s", stderr)
		}
	})
	return p
}

// resolver runs a Resolver until the end of the test.
func (e *env) resolver(o discovery.Options) *discovery.Resolver {
	e.Helper()
	r, err := discovery.New(o)
	e.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	e.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			e.Error(err)
		}
	})
	return r
}

func sentinelAddrs(g *cluster.Group) (list []string) {
	for _, s := range g.Sentinels {
		list = append(list, s.Addr())
	}
	return list
}

// blocked waits until so many clients wait in a command on a server.
func (e *env) blocked(s *cluster.Server, n int) {
	e.Helper()
	e.until(fmt.Sprintf("%d clients to wait in BLPOP on %s", n, s.Name()), func(ctx context.Context) (string, bool) {
		list, err := s.Client().Do(ctx, "CLIENT", "LIST").Text()
		var waiting []string
		for line := range strings.Lines(list) {
			if strings.Contains(line, " flags=b ") {
				waiting = append(waiting, line)
			}
		}
		return fmt.Sprint(waiting, err), err == nil && len(waiting) == n
	})
}

// Clients that are blocked in a command, or write, see no error when the master
// dies, hangs, or is replaced on demand, whoever the Sentinels are. The
// program of examples/client is one of them.
func TestClientsDoNotSeeFailovers(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	ours, stock := underTest(t), stockSentinel(t)
	for name, commands := range map[string][][]string{
		"ours":  nil,
		"mixed": {ours, ours, stock},
		"stock": {stock, stock, stock},
	} {
		t.Run(name, func(t *testing.T) {
			if name != "mixed" && !*long {
				t.Skip("needs -long")
			}
			t.Parallel()
			clientsDoNotSeeFailovers(t, commands)
		})
	}
}

func clientsDoNotSeeFailovers(t *testing.T, commands [][]string) {
	e := newEnv(t)
	top := usual
	top.SentinelCommands = commands
	g := e.start(top)
	r := e.resolver(discovery.Options{Sentinels: sentinelAddrs(g), Master: g.Master})
	client := redis.NewClient(&redis.Options{Dialer: r.DialMaster, DialTimeout: time.Minute})
	defer client.Close()
	p := e.runExample("-sentinels", strings.Join(sentinelAddrs(g), ","), "-master", g.Master)

	// took gives both who wait something to take.
	took := func(job string, master *cluster.Server) {
		e.Helper()
		e.blocked(master, 1)
		e.must(client.RPush(e.ctx, "jobs", job).Err())
		e.until("the example to take "+job, func(context.Context) (string, bool) {
			out, stderr := p.output()
			return out + stderr, strings.Contains(out, job+"\n")
		})
		e.must(client.Do(e.ctx, "WAIT", 1, 1000).Err())
	}
	// next is a failover while another client of this process waits too.
	next := func(old *cluster.Server, job string, cause func()) *cluster.Server {
		e.Helper()
		popped := make(chan error)
		go func() { popped <- client.BLPop(e.ctx, 0, "other").Err() }()
		e.blocked(old, 2)
		epoch := e.master(r, old).Epoch
		cause()
		master := e.newMaster(g, old)
		e.blocked(master, 2)
		if got := e.master(r, master).Epoch; got <= epoch {
			e.Errorf("the epoch was %d and is %d", epoch, got)
		}
		e.must(client.RPush(e.ctx, "other", "x").Err())
		if err := <-popped; err != nil {
			e.Errorf("who waited during %s: %v", job, err)
		}
		took(job, master)
		return master
	}

	first := g.Servers[0]
	took("first", first)
	second := next(first, "after-kill", func() { first.Kill() })
	e.must(first.Restart(e.ctx))
	e.must(first.WaitReplicaOf(e.ctx, second))
	e.must(g.WaitViews(e.ctx))

	third := next(second, "after-switchover", func() { e.do(g.Sentinels[0], "SENTINEL", "FAILOVER", g.Master) })
	e.must(second.WaitReplicaOf(e.ctx, third))
	e.must(g.WaitViews(e.ctx))

	next(third, "after-hang", func() { e.signal(third, syscall.SIGSTOP) })
	e.signal(third, syscall.SIGCONT)

	for _, s := range r.Status().Sentinels {
		if s.Error != "" || !s.Subscribed || s.ID == "" {
			e.Errorf("%+v", s)
		}
	}
}

// master waits until a Resolver names a server.
func (e *env) master(r *discovery.Resolver, want *cluster.Server) (a discovery.Addr) {
	e.Helper()
	for v := range r.Changes(e.ctx) {
		if v.Master.String() == want.Addr() {
			return v.Master
		}
	}
	e.Fatalf("%s did not become the master: %+v", want.Addr(), r.Status())
	return a
}

// Replicas serve reads while there is no master, and everything that guards a
// group is understood: users of the least rights at Sentinels and servers.
func TestClientWithLeastRights(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	stock := stockSentinel(t)
	top := usual
	top.SentinelCommands = [][]string{underTest(t), stock, stock}
	user := "user look on >see ~* &+switch-master "
	top.SentinelConf = []string{user + "+sentinel|get-master-addr-by-name +sentinel|master +sentinel|replicas +sentinel|sentinels +sentinel|myid +subscribe +ping"}
	g := e.start(top)
	for _, s := range g.Servers {
		e.must(s.Client().Do(e.ctx, "ACL", "SETUSER", "look", "on", ">see", "+role").Err())
	}
	look := discovery.Access{User: "look", Password: "see"}
	r := e.resolver(discovery.Options{Sentinels: sentinelAddrs(g)[:1], Master: g.Master, SentinelAccess: look, ServerAccess: look})
	e.master(r, g.Servers[0])
	e.until("all Sentinels to be asked and listened to", func(context.Context) (string, bool) {
		n, s := 0, r.Status()
		for _, one := range s.Sentinels {
			if one.Subscribed && one.Error == "" && one.Says.String() == g.Servers[0].Addr() {
				n++
			}
		}
		return fmt.Sprintf("%+v", s), n == 3 && len(s.Replicas) == 2
	})

	// A client logs in as itself over the connection that it gets.
	reader := redis.NewClient(&redis.Options{Dialer: r.DialReplica, DialTimeout: time.Minute, Username: "default", Password: "any"})
	defer reader.Close()
	e.signal(g.Servers[0], syscall.SIGSTOP)
	defer g.Servers[0].Signal(syscall.SIGCONT)
	e.must(reader.Ping(e.ctx).Err())
	info, err := reader.Info(e.ctx, "replication").Result()
	e.must(err)
	if !strings.Contains(info, "role:slave") {
		e.Errorf("DialReplica led to\n%s", info)
	}
	e.newMaster(g, g.Servers[0])
}
