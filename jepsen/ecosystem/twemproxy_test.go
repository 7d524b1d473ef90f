package ecosystem

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// The ports of the guide to the Redis-Sentinel TwemProxy agent, but for the thousands.
const (
	twemServer   = 29550 // redis1 and its replica, redis2 and its replica
	twemSentinel = 29560
	twemProxy    = 29540
	twemStats    = 29541
	twemHAProxy  = 29545
)

// twemPool is the pool of the guide. It names the replicas, which is wrong.
const twemPool = `# the shards
beta:
  listen: 127.0.0.1:29540
  hash: fnv1a_64
  distribution: modula
  auto_eject_hosts: false
  redis: true
  server_retry_timeout: 100
  server_failure_limit: 500
  servers:
   - 127.0.0.1:29551:1 redis1 # the first
   - 127.0.0.1:29553:1 redis2
`

// twemLog are the lines that the guide promises, in the order in which they come here.
var twemLog = []string{
	"Redis-Sentinel TwemProxy agent Started on: ", "Loading TwemProxy config", "Subscribing to sentinel.",
	"Connection to Redis Sentinel established.", "Getting latest list of masters...", "Master received: redis1 127.0.0.1:29550",
	"Updating Master redis1 to 127.0.0.1:29550", "Updating Master redis2 to 127.0.0.1:29552", "Saving TwemProxy config",
	"config updated with new content", "TwemProxy restarted with output: restarted",
}

// TestTwemproxyAgent: the guide's set-up with the agent of this project: two shards behind
// the real nutcracker, the Sentinels' file of the guide, the agent's old flags.
func TestTwemproxyAgent(t *testing.T) {
	t.Parallel()
	kinds := []kind{ours}
	if *long {
		kinds = append(kinds, stock)
	}
	for _, k := range kinds {
		t.Run(string(k), func(t *testing.T) {
			e := newEnv(t, twemServer, twemServer+1, twemServer+2, twemServer+3, twemSentinel, twemSentinel+1, twemProxy, twemStats, twemHAProxy)
			p := &twem{env: e, kind: k, dir: t.TempDir(), nutcracker: e.installed("nutcracker"), haproxy: e.installed("haproxy")}
			p.pool = p.write("22121.yml", twemPool)
			p.log = filepath.Join(p.dir, "twemproxy_sentinel.log")
			p.start()
			p.follow()
			p.kill()
			p.loseSentinel()
			p.killAgents()
			p.several()
		})
	}
}

// twem is one performance.
type twem struct {
	*env
	kind                kind
	nutcracker, haproxy string // the programs
	dir, pool, log      string
	servers             []*cluster.Server
	sentinels           []*cluster.Sentinel
	agent               *exec.Cmd
}

func (p *twem) write(name, text string) string {
	p.Helper()
	path := filepath.Join(p.dir, name)
	p.must(os.WriteFile(path, []byte(text), 0o644))
	return path
}

func (p *twem) read(path string) string {
	p.Helper()
	b, err := os.ReadFile(path)
	p.must(err)
	return string(b)
}

// start starts the shards and two Sentinels.
func (p *twem) start() {
	p.Helper()
	for i := range 4 {
		lines := []string{}
		if i%2 == 1 {
			lines = append(lines, fmt.Sprintf("replicaof 127.0.0.1 %d", twemServer+i-1))
		}
		s, err := p.c.StartServer(cluster.NodeSpec{Name: fmt.Sprintf("server%d", i), Port: twemServer + i, Conf: cluster.ServerConf(twemServer+i, lines...)})
		p.must(err)
		p.must(s.WaitReady(p.ctx))
		p.servers = append(p.servers, s)
	}
	for i := range 2 {
		p.must(p.servers[2*i+1].WaitReplicaOf(p.ctx, p.servers[2*i]))
	}
	// With less than the guide's 2500 the original now and then fails over a healthy new
	// master (state-machine.md §11.3), and any of them does on a busy machine.
	conf := ""
	for i, name := range []string{"redis1", "redis2"} {
		conf += fmt.Sprintf("sentinel monitor %[1]s 127.0.0.1 %[2]d 1\nsentinel down-after-milliseconds %[1]s 2500\nsentinel failover-timeout %[1]s 10000\nsentinel parallel-syncs %[1]s 1\n", name, twemServer+2*i)
		if p.kind == ours { // stock has not taken this since 2.8
			conf += "sentinel can-failover " + name + " yes\n"
		}
	}
	for i := range 2 {
		s, err := p.c.StartSentinel(cluster.NodeSpec{
			Name: fmt.Sprintf("sentinel%d", i), Port: twemSentinel + i, Command: []string{p.program(p.kind)},
			Conf: fmt.Sprintf("port %d\nbind 127.0.0.1\nloglevel notice\n%s", twemSentinel+i, conf),
		})
		p.must(err)
		p.must(s.WaitReady(p.ctx))
		p.sentinels = append(p.sentinels, s)
	}
	for i, name := range []string{"redis1", "redis2"} {
		g := &cluster.Group{Master: name, Servers: p.servers[2*i : 2*i+2], Sentinels: p.sentinels}
		p.must(g.WaitViews(p.ctx))
	}
}

// restarter is a command that restarts nutcracker, as an init script does.
func (p *twem) restarter() string {
	pid := filepath.Join(p.dir, "nutcracker.pid")
	p.Cleanup(func() { // it is a daemon
		if b, err := os.ReadFile(pid); err == nil {
			if n, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
				_ = syscall.Kill(n, syscall.SIGKILL)
			}
		}
	})
	return p.write("restart", fmt.Sprintf(`#!/bin/sh
if [ -e %[1]s ]; then
	kill "$(cat %[1]s)"
	while %[6]s -h 127.0.0.1 -p %[7]d get key0 >/dev/null 2>&1; do sleep 0.005; done # until nobody listens
fi
%[2]s -d -c %[3]s -p %[1]s -s %[4]d -o %[5]s/nutcracker.log && echo restarted
`, pid, p.nutcracker, p.pool, twemStats, p.dir, p.installed("redis-cli"), twemProxy))
}

// startAgent starts the agent until it is killed or the test ends.
func (p *twem) startAgent(args ...string) *exec.Cmd {
	p.Helper()
	cmd := exec.Command(daemon(workDir), append([]string{"agent"}, args...)...)
	out, err := os.CreateTemp(p.dir, "agent")
	p.must(err)
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	p.must(cmd.Start())
	p.Cleanup(func() {
		p.end(cmd, syscall.SIGKILL)
		switch text := p.read(out.Name()); {
		case strings.Contains(text, "DATA RACE"):
			p.Errorf("the agent:\n%s", text)
		case p.Failed():
			p.Logf("the agent:\n%s", text)
		}
	})
	return cmd
}

func (p *twem) end(cmd *exec.Cmd, sig syscall.Signal) {
	if cmd.ProcessState == nil {
		_ = cmd.Process.Signal(sig)
		_ = cmd.Wait() // it was killed
	}
}

func (p *twem) old(restart string) []string {
	return []string{"-h", "127.0.0.1", "-p", strconv.Itoa(twemSentinel), "-f", p.pool, "-c", restart, "-l", p.log}
}

// follow starts the agent, which has to correct the file.
func (p *twem) follow() {
	p.Helper()
	began := time.Now()
	p.agent = p.startAgent(p.old("sh " + p.restarter())...)
	p.until("the file to have the masters", func(context.Context) (string, bool) {
		text := p.read(p.pool)
		return text, text == strings.NewReplacer("29551", "29550", "29553", "29552").Replace(twemPool)
	})
	p.row("start of the agent to the right file", "less than 1 s", seconds(time.Since(began)))
	p.until("the lines of the guide in the log", func(context.Context) (string, bool) {
		rest, _ := os.ReadFile(p.log)
		text := string(rest)
		for _, line := range twemLog {
			_, after, found := strings.Cut(text, line)
			if !found {
				return "no " + line, false
			}
			text = after
		}
		return "", true
	})
	if out, err := exec.Command(p.nutcracker, "-t", "-c", p.pool).CombinedOutput(); err != nil {
		p.Errorf("nutcracker -t: %v %s", err, out)
	}
	p.writes()
}

// writes returns when both shards take writes through nutcracker. It cuts clients that say
// HELLO, as libraries do today.
func (p *twem) writes() {
	p.Helper()
	p.until("writes on both shards", func(ctx context.Context) (string, bool) {
		for i := range 20 { // enough for both
			if said := setThrough(ctx, fmt.Sprint("key", i)); said != "+OK" {
				return said, false
			}
		}
		return "", true
	})
}

// setThrough writes a key through nutcracker and returns the reply, or the error.
func setThrough(ctx context.Context, key string) string {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", twemProxy))
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintf(c, "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$1\r\nx\r\n", len(key), key)
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(line)
}

func (p *twem) row(what, expected, got string) {
	seen.row("twemproxy agent, "+string(p.kind), what, expected, got)
}

// kill kills the master of the second shard.
func (p *twem) kill() {
	p.Helper()
	killed := time.Now()
	p.must(p.servers[2].Signal(syscall.SIGKILL))
	before := p.read(p.pool)
	p.until("the file to have the new master", func(context.Context) (string, bool) {
		text := p.read(p.pool)
		return text, text == strings.Replace(before, "   - 127.0.0.1:29552:1 redis2\n", "   - 127.0.0.1:29553:1 redis2\n", 1)
	})
	p.row("kill to the new file, down-after 2500", "3.6 s", seconds(time.Since(killed)))
	p.writes()
	p.row("kill to writes on both shards", "", seconds(time.Since(killed)))
	log := p.read(p.log)
	if !strings.Contains(log, "Received switch-master: {details: redis2 127.0.0.1 29552 127.0.0.1 29553}") {
		p.Errorf("no line about the switch in\n%s", log)
	}
	// One at the start and one for the switch. The line comes when the command has ended, and
	// nutcracker takes writes before.
	p.until("the line about the restart", func(context.Context) (string, bool) {
		return p.read(p.log), p.restarts() >= 2
	})
	if n := p.restarts(); n != 2 {
		p.Errorf("%d restarts, not one at the start and one for the switch", n)
	}
}

func (p *twem) restarts() int { return strings.Count(p.read(p.log), "TwemProxy restarted") }

// loseSentinel kills the one that the agent was given. It has learned of the other: nothing
// is written, and nothing restarted.
func (p *twem) loseSentinel() {
	p.Helper()
	before, err := os.Stat(p.pool)
	p.must(err)
	p.must(p.sentinels[0].Signal(syscall.SIGKILL))
	p.until("the agent to miss it", func(context.Context) (string, bool) {
		return "", strings.Contains(p.read(p.log), "discovery: trouble with=Sentinel addr=127.0.0.1:29560")
	})
	_, err = p.sentinels[0].WaitExit(p.ctx)
	p.must(err)
	p.must(p.sentinels[0].Start())
	p.must(p.sentinels[0].WaitReady(p.ctx))
	p.until("the agent to have it back", func(context.Context) (string, bool) {
		return "", strings.Contains(p.read(p.log), "discovery: no more trouble with=Sentinel addr=127.0.0.1:29560")
	})
	after, err := os.Stat(p.pool)
	p.must(err)
	if !os.SameFile(before, after) || p.restarts() != 2 {
		p.Error("a Sentinel that went and came back has caused a change")
	}
	p.end(p.agent, syscall.SIGTERM)
}

// killAgents kills agents while they write: the file is always one of the two whole ones.
func (p *twem) killAgents() {
	p.Helper()
	right := p.read(p.pool)
	wrong := strings.Replace(right, "29550", "29551", 1)
	times, old := 5, 0
	if *long {
		times = 100
	}
	for i := range times {
		p.write("22121.yml", wrong)
		p.log = p.write(fmt.Sprintf("log%d", i), "")
		cmd := p.startAgent(p.old("true")...)
		moment := []string{"Updating Master", "Saving TwemProxy config", "config updated"}[i%3]
		p.until("the agent to write", func(context.Context) (string, bool) {
			return "", strings.Contains(p.read(p.log), moment)
		})
		p.end(cmd, syscall.SIGKILL)
		switch text := p.read(p.pool); text {
		case wrong:
			old++
		case right:
		default:
			p.Fatalf("kill %d: the file is neither the old nor the new one:\n%s", i, text)
		}
	}
	p.row("kill -9 of the agent while it writes", "", fmt.Sprintf("%d times the old file, %d times the new one, whole", old, times-old))
	p.write("22121.yml", right)
}

// several has one agent keep two files and a running HAProxy in line.
func (p *twem) several() {
	p.Helper()
	second := p.write("second.yml", strings.NewReplacer("29540", "29542").Replace(twemPool))
	socket := filepath.Join(p.dir, "s")
	cfg := p.write("haproxy.cfg", fmt.Sprintf("global\n\tstats socket %s level admin\ndefaults\n\tmode tcp\n\ttimeout connect 1s\n\ttimeout client 1m\n\ttimeout server 1m\nlisten l\n\tbind 127.0.0.1:%d\n\tserver redis1 127.0.0.1:1\n", socket, twemHAProxy))
	haproxy := exec.Command(p.haproxy, "-db", "-f", cfg)
	p.must(haproxy.Start())
	p.Cleanup(func() { p.end(haproxy, syscall.SIGKILL) })
	p.until("HAProxy to listen", func(context.Context) (string, bool) { _, err := os.Stat(socket); return fmt.Sprint(err), err == nil })
	conf := p.write("agent.toml", fmt.Sprintf(`sentinels = ["127.0.0.1:%d"]
masters = ["redis1", "redis2"]
[[target]]
type = "twemproxy"
file = %q
[[target]]
type = "twemproxy"
file = %q
[[target]]
type = "haproxy"
socket = %q
`, twemSentinel, p.pool, second, socket))
	p.startAgent(conf)
	at := func(port int) func(context.Context) (string, bool) {
		return func(context.Context) (string, bool) {
			line := fmt.Sprintf("127.0.0.1:%d:1 redis1 ", port)
			stat := p.ask(socket, "show stat")
			return stat, strings.Contains(p.read(p.pool), line) && strings.Contains(p.read(second), line) && strings.Contains(stat, fmt.Sprintf(",127.0.0.1:%d,", port))
		}
	}
	p.until("all three to have the master", at(29550))
	client := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", twemHAProxy), Protocol: 2, DisableIdentity: true, MaxRetries: -1})
	defer client.Close()
	p.until("a write through HAProxy", func(ctx context.Context) (string, bool) {
		err := client.Set(ctx, "through-haproxy", "x", 0).Err()
		return fmt.Sprint(err), err == nil
	})
	p.must(p.servers[0].Signal(syscall.SIGKILL))
	p.until("all three to have the new master", at(29551))
	_, err := p.servers[0].WaitExit(p.ctx)
	p.must(err)
	p.must(p.servers[0].Start())
	p.must(p.servers[0].WaitReplicaOf(p.ctx, p.servers[1]))
	p.until("a write on the new master", func(ctx context.Context) (string, bool) {
		err := client.Set(ctx, "through-haproxy", "y", 0).Err()
		return fmt.Sprint(err), err == nil
	})
	// The master that has returned has clients that watch it, and none that write.
	list, err := p.servers[0].Client().ClientList(p.ctx).Result()
	p.must(err)
	for line := range strings.Lines(list) {
		if strings.Contains(line, "cmd=set") && !strings.Contains(line, "flags=M") { // that is its own master
			p.Errorf("the returned master has a session: %s", line)
		}
	}
}

// ask sends a line to HAProxy.
func (p *twem) ask(socket, line string) string {
	p.Helper()
	c, err := net.Dial("unix", socket)
	p.must(err)
	defer c.Close()
	_, err = fmt.Fprintln(c, line)
	p.must(err)
	var b strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			return b.String()
		}
	}
}
