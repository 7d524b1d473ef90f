package ecosystem

import (
	"context"
	"fmt"
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
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// The ports of the set-up of redis-proxy.
const (
	redisProxy       = 29599
	redisProxyServer = 29600 // and the next two
)

// redisProxyFile is its config.json.
const redisProxyFile = `{
  "servers": [
    {
      "host": "localhost",
      "port": 29600
    },
    {
      "host": "localhost",
      "port": 29601
    }
  ],
  "mode": "readsToSlaves",
  "listen_port": 29599,
  "bind_address": "127.0.0.1",
  "check_period": 1000,
  "pool_size": 50,
  "debug": false,
  "slave_balance": "roundrobin",
  "loggers": [
    {
      "type": "file",
      "options": { "filename": "redis-proxy.log", "level": "info" }
    }
  ]
}
`

// proxied is the set-up of redis-proxy: servers, and a proxy that watches them by itself.
type proxied struct {
	*env
	dir     string
	servers []*cluster.Server
	client  *redis.Client
	proxy   *exec.Cmd
}

// TestRedisProxy: the scenario that redis-proxy promises, with its own file: the proxy
// starts before the servers; R1 is the master; R1 down, R2 takes over; R1 comes back as
// replica; R2 down, R1 takes over; both down, errors until one returns.
func TestRedisProxy(t *testing.T) {
	t.Parallel()
	e := newEnv(t, redisProxy, redisProxyServer, redisProxyServer+1, redisProxyServer+2)
	p := &proxied{env: e, dir: t.TempDir()}
	p.start()

	waited := make(chan error, 1)
	go func() { waited <- p.client.Set(p.ctx, "early", "1", 0).Err() }()
	r1 := p.server(0)
	p.must(<-waited) // the request was held until there was a master
	p.is(r1, "master")

	r2 := p.server(1)
	p.follows(r2, r1)
	p.spread(r1, r2)
	p.comesAndGoes(r1, r2)
	p.crowd(500)

	r1.Kill()
	p.works("R1 down", r2)
	p.must(r1.Restart(p.ctx))
	p.follows(r1, r2)
	p.is(r2, "master")

	r2.Kill()
	p.works("R2 down", r1)

	r1.Kill()
	start := time.Now()
	p.until("an error", func(context.Context) (string, bool) {
		err := p.client.Set(p.ctx, "k", "none", 0).Err()
		return fmt.Sprint(err), err != nil && strings.HasPrefix(err.Error(), "ERR proxy: no master")
	})
	seen.row("redis-proxy", "both down: error", "15 s (hold.timeout)", seconds(time.Since(start)))
	start = time.Now()
	if err := p.client.Set(p.ctx, "k", "none", 0).Err(); err == nil {
		p.Error("a write without any server")
	}
	seen.row("redis-proxy", "both down: the next error", "at once", seconds(time.Since(start)))
	p.must(r1.Restart(p.ctx))
	p.until("writes again", func(context.Context) (string, bool) {
		err := p.client.Set(p.ctx, "k", "again", 0).Err()
		return fmt.Sprint(err), err == nil
	})
	p.is(r1, "master")
	p.must(r2.Restart(p.ctx))
	p.follows(r2, r1)
}

// start starts the proxy.
func (p *proxied) start() {
	p.Helper()
	file := filepath.Join(p.dir, "config.json")
	p.must(os.WriteFile(file, []byte(redisProxyFile), 0o644))
	p.proxy = exec.Command(daemon(workDir), "proxy", file)
	out, err := os.Create(filepath.Join(p.dir, "log"))
	p.must(err)
	p.proxy.Stdout, p.proxy.Stderr = out, out
	p.must(p.proxy.Start())
	p.client = redis.NewClient(plain(1))
	p.Cleanup(func() {
		_ = p.client.Close()
		p.must(p.proxy.Process.Signal(syscall.SIGTERM))
		if err := p.proxy.Wait(); err != nil {
			p.Error("the proxy:", err)
		}
		text, err := os.ReadFile(out.Name())
		p.must(err)
		if strings.Contains(string(text), "DATA RACE") || p.Failed() {
			p.Errorf("the proxy:\n%s", text)
		}
		_ = out.Close()
	})
	p.until("the proxy to listen", func(ctx context.Context) (string, bool) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.client.Options().Addr)
		if err != nil {
			return err.Error(), false
		}
		return "", conn.Close() == nil
	})
}

// plain are the options of a client that says nothing that it was not told to say.
func plain(conns int) *redis.Options {
	return &redis.Options{
		Addr: "127.0.0.1:" + strconv.Itoa(redisProxy), MaxRetries: -1, PoolSize: conns, ReadTimeout: 30 * time.Second, Protocol: 2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

func (p *proxied) server(i int, lines ...string) *cluster.Server {
	p.Helper()
	port := redisProxyServer + i
	s, err := p.c.StartServer(cluster.NodeSpec{Name: fmt.Sprintf("r%d", i+1), Port: port, Conf: cluster.ServerConf(port, lines...)})
	p.must(err)
	p.must(s.WaitReady(p.ctx))
	p.servers = append(p.servers, s)
	return s
}

func (p *proxied) is(s *cluster.Server, role string) {
	p.Helper()
	if r, err := s.Replication(p.ctx); err != nil || r.Role != role {
		p.Errorf("%s is a %s (%v), not a %s", s.Name(), r, err, role)
	}
}

// follows waits until a server is a replica; redis-proxy promises it, and a Sentinel takes
// eight seconds.
func (p *proxied) follows(s, master *cluster.Server) {
	p.Helper()
	start := time.Now()
	ctx, cancel := context.WithTimeout(p.ctx, stepLimit)
	defer cancel()
	p.must(s.WaitReplicaOf(ctx, master))
	seen.row("redis-proxy", s.Name()+" back as replica", "at most 15 s", seconds(time.Since(start)))
}

// works writes and reads at once after a server has gone, which the other one answers.
func (p *proxied) works(what string, master *cluster.Server) {
	p.Helper()
	start := time.Now()
	p.until("SET after "+what, func(ctx context.Context) (string, bool) {
		err := p.client.Set(p.ctx, "k", what, 0).Err()
		return fmt.Sprint(err), err == nil
	})
	seen.row("redis-proxy", what+": SET", "1.18 s by redis-proxy, at most 3 s", seconds(time.Since(start)))
	if got, err := p.client.Get(p.ctx, "k").Result(); got != what {
		p.Errorf("GET after %s: %q, %v", what, got, err)
	}
	p.is(master, "master")
}

// spread sends reads and writes: reads go to the replica, and everything else to the master.
func (p *proxied) spread(master, replica *cluster.Server) {
	p.Helper()
	p.until("reads at the replica", func(ctx context.Context) (string, bool) {
		p.must(p.client.Get(ctx, "early").Err())
		n := calls(ctx, replica, "get")
		return fmt.Sprint(n), n > 0
	})
	before := calls(p.ctx, master, "get")
	for range 100 {
		p.must(p.client.Get(p.ctx, "early").Err())
		p.must(p.client.Eval(p.ctx, "return 1", nil).Err())
	}
	if n := calls(p.ctx, master, "get"); n != before {
		p.Errorf("%d of 100 reads went to the master", n-before)
	}
	if n := calls(p.ctx, replica, "eval"); n > 0 {
		p.Errorf("%d scripts went to the replica", n)
	}
}

// comesAndGoes adds a replica while a client reads and writes, which then gets half of the
// reads, and takes it away. The client sees no error.
func (p *proxied) comesAndGoes(master, replica *cluster.Server) {
	p.Helper()
	third := p.server(2, fmt.Sprintf("replicaof 127.0.0.1 %d", master.Port()))
	work := func() {
		p.must(p.client.Get(p.ctx, "early").Err())
		p.must(p.client.Incr(p.ctx, "n").Err())
	}
	p.until("reads at the new replica", func(ctx context.Context) (string, bool) {
		work()
		n := calls(ctx, third, "get")
		return fmt.Sprint(n), n > 0
	})
	// On a busy machine a replica may be late for a moment, and get none.
	p.until("reads at both replicas alike", func(ctx context.Context) (string, bool) {
		before, others := calls(p.ctx, third, "get"), calls(p.ctx, replica, "get")
		for range 1000 {
			work()
		}
		n, m := calls(p.ctx, third, "get")-before, calls(p.ctx, replica, "get")-others
		state := fmt.Sprintf("%d and %d", m, n)
		if n < 499 || n > 501 || n+m != 1000 {
			return state, false
		}
		seen.row("redis-proxy", "1000 reads, 2 replicas", "500 and 500", state)
		return state, true
	})
	third.Kill()
	for range 1000 {
		work()
	}
}

// calls is how often a server has executed a command.
func calls(ctx context.Context, s *cluster.Server, command string) int {
	_, after, _ := strings.Cut(s.Client().Info(ctx, "commandstats").Val(), "cmdstat_"+command+":calls=")
	text, _, _ := strings.Cut(after, ",")
	n, _ := strconv.Atoi(text)
	return n
}

// crowd connects more clients than redis-proxy's pool has connections, which made it crash.
func (p *proxied) crowd(n int) {
	p.Helper()
	many := redis.NewClient(plain(n))
	defer many.Close()
	var tasks sync.WaitGroup
	for range n {
		tasks.Go(func() {
			if err := many.Incr(p.ctx, "crowd").Err(); err != nil {
				p.Error(err)
			}
		})
	}
	tasks.Wait()
	if got := many.Get(p.ctx, "crowd").Val(); got == "" {
		p.Errorf("the counter is %q", got)
	}
}
