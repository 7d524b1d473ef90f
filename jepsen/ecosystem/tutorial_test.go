package ecosystem

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

const (
	tutorialMaster = "redis-cluster"
	// What node 1 listens on; the others follow. They are fixed by the files.
	tutorialServer, tutorialSentinel = 6380, 16380
	tutorialHAProxy                  = 29600
)

// tutorialSets are the Sentinels that the tutorial is played with. The last
// one shows that what is checked is what the original does.
func tutorialSets() []set {
	all := []set{{ours, ours, ours}}
	if *long {
		all = append(all, set{stock, ours, ours}, set{ours, stock, stock}, set{stock, stock, stock})
	}
	return all
}

// The tutorial's six files and its steps. It was written for Redis 3.0; where
// redis-sentinel 7 writes other lines today, those are the ones that must come.
func TestTutorial(t *testing.T) {
	t.Parallel()
	for _, s := range tutorialSets() {
		t.Run(s.String(), func(t *testing.T) {
			var ports []int
			for i := range 3 {
				ports = append(ports, tutorialServer+i, tutorialSentinel+i)
			}
			p := &tutorial{env: newEnv(t, ports...), kinds: s}
			p.g.Master = tutorialMaster
			p.start()
			p.ask(p.g.Servers[0])
			p.kill()
			p.revive()
			for i := range p.g.Sentinels {
				p.rewritten(i)
			}
			p.exchange()
			if *long {
				p.lose()
			}
		})
	}
}

// tutorial is one performance.
type tutorial struct {
	*env
	kinds  set
	g      cluster.Group
	ids    []string // of the Sentinels, as their logs say
	killed time.Time
	master *cluster.Server
}

func (p *tutorial) row(what, expected, got string) {
	seen.row("tutorial, "+p.kinds.String(), what, expected, got)
}

// command starts a program as the tutorial does, from the directory above that
// of its file: "redis-server node1/redis.conf". So all share one directory, and
// one dump.rdb, as `dir .` in all files makes them.
func command(program string, node int) []string {
	return []string{"/bin/sh", "-c", fmt.Sprintf(`cd .. && exec "$0" node%d/"$@"`, node), program}
}

// file returns a file of the tutorial, which is kept with the demo.
func (p *tutorial) file(node int, name string) string {
	p.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "cmd", "demo", "tutorial", fmt.Sprintf("node%d", node), name))
	p.must(err)
	return string(b)
}

// start does the first three steps: one node after the other, a server and its
// Sentinel.
func (p *tutorial) start() {
	p.Helper()
	began := time.Now()
	for i := range 3 {
		p.g.Servers = append(p.g.Servers, p.startServer(i))
		p.g.Sentinels = append(p.g.Sentinels, p.startSentinel(i))
	}
	p.must(p.g.WaitViews(p.ctx))
	p.row("start to a complete set", "", seconds(time.Since(began)))
	for i, s := range p.g.Sentinels {
		for j := range p.g.Servers[1:] {
			port := tutorialServer + 1 + j
			p.logs(s, fmt.Sprintf(`\* \+slave slave 127\.0\.0\.1:%d 127\.0\.0\.1 %d @ redis-cluster 127\.0\.0\.1 6380`, port, port))
		}
		for j, id := range p.ids {
			if i != j {
				p.logs(s, fmt.Sprintf(`\* \+sentinel sentinel %s 127\.0\.0\.1 %d @ redis-cluster 127\.0\.0\.1 6380`, id, tutorialSentinel+j),
					`\* Sentinel new configuration saved on disk`)
			}
		}
	}
}

func (p *tutorial) startServer(i int) *cluster.Server {
	p.Helper()
	node := i + 1
	s, err := p.c.StartServer(cluster.NodeSpec{
		Name: fmt.Sprintf("server%d", node), Dir: fmt.Sprintf("node%d", node), Port: tutorialServer + i,
		Conf: p.file(node, "redis.conf"), Command: command(p.installed("redis-server"), node),
	})
	p.must(err)
	p.must(s.WaitReady(p.ctx))
	return s
}

func (p *tutorial) startSentinel(i int) *cluster.Sentinel {
	p.Helper()
	node := i + 1
	s, err := p.c.StartSentinel(cluster.NodeSpec{
		Name: fmt.Sprintf("sentinel%d", node), Dir: fmt.Sprintf("node%d", node), Port: tutorialSentinel + i,
		Conf: p.file(node, "sentinel.conf"), Command: command(p.program(p.kinds[i]), node),
	})
	p.must(err)
	p.must(s.WaitReady(p.ctx))
	// Redis 7.2 lowered the level of the id's line; 7.0 warns.
	id := p.logs(s,
		fmt.Sprintf(`\* Running mode=sentinel, port=%d\.`, s.Port()),
		`\* Sentinel new configuration saved on disk`,
		`[#*] Sentinel ID is ([0-9a-f]{40})`,
		`# \+monitor master redis-cluster 127\.0\.0\.1 6380 quorum 2`)[0]
	said, err := s.MyID(p.ctx)
	if err != nil || said != id {
		p.Errorf("%s logged the id %s and answers %s, %v", s.Name(), id, said, err)
	}
	p.ids = append(p.ids, id)
	return s
}

// ask is the query of the tutorial's fourth and sixth step, to all.
func (p *tutorial) ask(master *cluster.Server) {
	p.Helper()
	for _, s := range p.g.Sentinels {
		if !s.Running() {
			continue
		}
		addr, err := s.Client().Do(p.ctx, "sentinel", "get-master-addr-by-name", tutorialMaster).StringSlice()
		if want := []string{"127.0.0.1", strconv.Itoa(master.Port())}; err != nil || !slices.Equal(addr, want) {
			p.Errorf("%s: get-master-addr-by-name: %q, %v; want %q", s.Name(), addr, err, want)
		}
	}
}

// kill is the fifth step. `debug segfault`, as the text has it, is refused by
// servers since Redis 7; the signal does the same.
func (p *tutorial) kill() {
	p.Helper()
	var front *proxy
	if *long {
		front = p.startHAProxy()
		front.write(p.env)
	}
	old := p.g.Servers[0]
	p.killed = time.Now()
	p.must(old.Signal(syscall.SIGSEGV))
	if front != nil {
		_, err := old.WaitExit(p.ctx)
		p.must(err)
		front.write(p.env)
		p.row("kill to a write through HAProxy", "at most 9 s", seconds(time.Since(p.killed)))
	}
	var err error
	p.master, err = p.g.WaitNewMaster(p.ctx, old)
	p.must(err)
	p.switched(old)
	p.ask(p.master)
}

// switched checks what the Sentinels say about the failover.
func (p *tutorial) switched(old *cluster.Server) {
	p.Helper()
	detected := p.event("+sdown of the master", func(ev cluster.Event) bool {
		return ev.Name == "+sdown" && ev.Text == "master redis-cluster 127.0.0.1 6380"
	})
	p.row("kill to the first +sdown", "5.30-5.37 s, at most 5.6", seconds(detected.At.Sub(p.killed)))
	elected := p.event("+elected-leader", cluster.Named("+elected-leader"))
	first, last := time.Time{}, time.Time{}
	for i, s := range p.g.Sentinels {
		ev := p.event(s.Name()+" to switch", about(s, "+switch-master", fmt.Sprintf("redis-cluster 127.0.0.1 6380 127.0.0.1 %d", p.master.Port())))
		if first.IsZero() || ev.At.Before(first) {
			first = ev.At
		}
		if ev.At.After(last) {
			last = ev.At
		}
		if s.Name() == elected.Sentinel {
			p.leaderLogs(s)
		} else {
			p.followerLogs(s, slices.IndexFunc(p.g.Sentinels, func(l *cluster.Sentinel) bool { return l.Name() == elected.Sentinel }))
		}
		p.delayLine(i)
	}
	p.row("kill to the first +switch-master", "6.53 s, at most 8", seconds(first.Sub(p.killed)))
	p.row("kill to the last +switch-master", "7.29 s, at most 8", seconds(last.Sub(p.killed)))
	if n := p.c.Events().Count(cluster.Named("+switch-master")); n != len(p.g.Sentinels) {
		p.Errorf("%d +switch-master of %d Sentinels", n, len(p.g.Sentinels))
	}
	// The dead server is now a dead replica; the tutorial shows this line too.
	for _, s := range p.g.Sentinels {
		p.logs(s, p.switchLine(), fmt.Sprintf(`# \+sdown slave 127\.0\.0\.1:%d 127\.0\.0\.1 %[1]d @ redis-cluster 127\.0\.0\.1 %d`, old.Port(), p.master.Port()))
	}
}

func (p *tutorial) switchLine() string {
	return fmt.Sprintf(`# \+switch-master redis-cluster 127\.0\.0\.1 6380 127\.0\.0\.1 %d`, p.master.Port())
}

// newReplicas are the lines after +switch-master, in any order of the two.
func (p *tutorial) newReplicas(s *cluster.Sentinel) {
	p.Helper()
	for _, server := range p.g.Servers {
		if server != p.master {
			p.logs(s, p.switchLine(), fmt.Sprintf(`\* \+slave slave 127\.0\.0\.1:%d 127\.0\.0\.1 %[1]d @ redis-cluster 127\.0\.0\.1 %d`, server.Port(), p.master.Port()))
		}
	}
}

func (p *tutorial) leaderLogs(s *cluster.Sentinel) {
	p.Helper()
	const master = `master redis-cluster 127\.0\.0\.1 6380`
	replica := func(port int) string {
		return fmt.Sprintf(`slave 127\.0\.0\.1:%d 127\.0\.0\.1 %[1]d @ redis-cluster 127\.0\.0\.1 6380`, port)
	}
	i := slices.Index(p.g.Sentinels, s)
	other := slices.IndexFunc(p.g.Servers, func(o *cluster.Server) bool { return o != p.g.Servers[0] && o != p.master })
	chosen, follower := replica(p.master.Port()), replica(p.g.Servers[other].Port())
	p.logs(s,
		`# \+sdown `+master,
		`# \+odown `+master+` #quorum [23]/2`,
		`# \+new-epoch \d+`,
		`# \+try-failover `+master,
		`# \+vote-for-leader `+p.ids[i]+` \d+`,
		`# \+elected-leader `+master,
		`# \+failover-state-select-slave `+master,
		`# \+selected-slave `+chosen,
		`\* \+failover-state-send-slaveof-noone `+chosen,
		`\* \+failover-state-wait-promotion `+chosen,
		`# \+promoted-slave `+chosen,
		`# \+failover-state-reconf-slaves `+master,
		`\* \+slave-reconf-sent `+follower,
		`\* \+slave-reconf-inprog `+follower,
		`\* \+slave-reconf-done `+follower,
		`# \+failover-end `+master,
		p.switchLine())
	p.newReplicas(s)
}

// followerLogs does not ask for +sdown and +odown: where the failover is over
// before this Sentinel has noticed anything, it has nothing to say. A vote is told
// when it is on disk, which may be after the end of the failover too.
func (p *tutorial) followerLogs(s *cluster.Sentinel, leader int) {
	p.Helper()
	p.logs(s, `# \+new-epoch \d+`)
	p.logs(s,
		fmt.Sprintf(`# \+config-update-from sentinel %s 127\.0\.0\.1 %d @ redis-cluster 127\.0\.0\.1 6380`, p.ids[leader], tutorialSentinel+leader),
		p.switchLine())
	p.newReplicas(s)
}

var delayLine = logLine(`[#*] Next failover delay: I will not start a failover before (.*)`)

// delayLine checks the time in that line, where it was written: twice the
// failover timeout of 10 s after the vote, and up to 1 s more.
func (p *tutorial) delayLine(i int) {
	p.Helper()
	text, err := p.g.Sentinels[i].Log()
	p.must(err)
	m := delayLine.FindStringSubmatch(text)
	if m == nil {
		return
	}
	at, err := time.ParseInLocation(time.ANSIC, m[1], time.Local)
	p.must(err)
	if d := at.Sub(p.killed); d < 20*time.Second || d > 20*time.Second+stepLimit {
		p.Errorf("%s: %s: that is %v after the kill", p.g.Sentinels[i].Name(), m[0], d)
	}
}

// revive is the last step: the old master comes back as a replica.
func (p *tutorial) revive() {
	p.Helper()
	old := p.g.Servers[0]
	restarted := time.Now()
	p.must(old.Start())
	p.must(old.WaitReady(p.ctx))
	convert := p.event("+convert-to-slave", func(ev cluster.Event) bool {
		return ev.Name == "+convert-to-slave" && ev.At.After(restarted)
	})
	p.row("restart to REPLICAOF", "10.57 s, at most 12", seconds(convert.At.Sub(restarted)))
	p.must(old.WaitReplicaOf(p.ctx, p.master))
	id := p.logs(old,
		fmt.Sprintf(`\* REPLICAOF 127\.0\.0\.1:%d enabled \(user request from '.* name=sentinel-([0-9a-f]{8})-(?:cmd|fence) .*'\)`, p.master.Port()),
		`# CONFIG REWRITE executed with success\.`)[0]
	if !slices.ContainsFunc(p.ids, func(full string) bool { return strings.HasPrefix(full, id) }) {
		p.Errorf("the order came from sentinel-%s, but the ids are %q", id, p.ids)
	}
	conf, err := os.ReadFile(old.Conf())
	p.must(err)
	if line := fmt.Sprintf("replicaof 127.0.0.1 %d", p.master.Port()); !slices.Contains(strings.Split(string(conf), "\n"), line) {
		p.Errorf("the old master's file has no line %q:\n%s", line, conf)
	}
	p.must(p.g.WaitViews(p.ctx))
}

var epochNumber = regexp.MustCompile(`(epoch(?: redis-cluster)?) \d+$`)

// rewritten compares a Sentinel's file with what a rewrite makes of it: comments
// stay, the new master stands in place of the old one, and state follows. The line
// with a default stays, too, until redis-sentinel has had the file.
func (p *tutorial) rewritten(i int) {
	p.Helper()
	s := p.g.Sentinels[i]
	dir, err := filepath.EvalSymlinks(p.c.Dir())
	p.must(err)
	var want []string
	for line := range strings.Lines(p.file(i+1, "sentinel.conf")) {
		want = append(want, strings.TrimSpace(line))
	}
	text, err := os.ReadFile(s.Conf())
	p.must(err)
	kept := strings.Contains(string(text), "parallel-syncs")
	want = slices.DeleteFunc(want, func(line string) bool { return line == "" || !kept && strings.Contains(line, "parallel-syncs") })
	want[slices.IndexFunc(want, func(line string) bool { return strings.HasPrefix(line, "sentinel monitor") })] =
		fmt.Sprintf("sentinel monitor redis-cluster 127.0.0.1 %d 2", p.master.Port())
	want = append(want, "# Generated by CONFIG REWRITE", "protected-mode no", fmt.Sprintf("dir %q", dir), "user default on nopass ~* &* +@all",
		"sentinel myid "+p.ids[i], "sentinel config-epoch redis-cluster N", "sentinel leader-epoch redis-cluster N", "sentinel current-epoch N")
	for j, server := range p.g.Servers {
		if j != i {
			want = append(want, fmt.Sprintf("sentinel known-sentinel redis-cluster 127.0.0.1 %d %s", tutorialSentinel+j, p.ids[j]))
		}
		if server != p.master {
			want = append(want, fmt.Sprintf("sentinel known-replica redis-cluster 127.0.0.1 %d", server.Port()))
		}
	}
	slices.Sort(want)
	p.until(s.Name()+" to have rewritten its file", func(context.Context) (string, bool) {
		text, err := os.ReadFile(s.Conf())
		if err != nil {
			return err.Error(), false
		}
		got := confLines(string(text))
		return fmt.Sprintf("\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n")), slices.Equal(got, want)
	})
}

// confLines returns the sorted lines of a file, without those that only Redis
// 7.0 writes and with N for numbers of epochs.
func confLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		// What only gosentinel remembers, in comments, is there once it has heard it, and changes.
		if line != "" && !strings.HasPrefix(line, "latency-tracking-info-percentiles") && !strings.HasPrefix(line, "# gosentinel ") {
			lines = append(lines, epochNumber.ReplaceAllString(line, "$1 N"))
		}
	}
	slices.Sort(lines)
	return lines
}

// exchange lets the other program go on with the first Sentinel's file, and
// then the first one again.
func (p *tutorial) exchange() {
	p.Helper()
	s, program := p.g.Sentinels[0], p.kinds[0]
	other := map[kind]kind{ours: stock, stock: ours}[program]
	for _, k := range []kind{other, program} {
		p.must(s.Signal(syscall.SIGTERM))
		status, err := s.WaitExit(p.ctx)
		if err != nil || status != 0 {
			p.Errorf("SIGTERM ended %s with %d, %v", s.Name(), status, err)
		}
		s.SetArgv(slices.Concat(command(p.program(k), 1), []string{"sentinel.conf", "--sentinel"})...)
		p.must(s.Start())
		p.must(s.WaitReady(p.ctx))
		if id, err := s.MyID(p.ctx); err != nil || id != p.ids[0] {
			p.Errorf("%s took the file over with id %s, %v; want %s", k, id, err, p.ids[0])
		}
		p.ask(p.master)
		p.must(p.g.WaitViews(p.ctx))
	}
	p.rewritten(0)
}

// lose is what the tutorial says about fault tolerance: one of three may be lost,
// together with its server, but not two.
func (p *tutorial) lose() {
	p.Helper()
	p.g.Sentinels[2].Kill()
	p.master.Kill()
	next, err := p.g.WaitNewMaster(p.ctx, p.master)
	p.must(err)
	p.ask(next)

	p.g.Sentinels[1].Kill()
	left := p.g.Sentinels[0]
	p.until("CKQUORUM to say that there are too few", func(ctx context.Context) (string, bool) {
		v, err := left.Do(ctx, "SENTINEL", "CKQUORUM", tutorialMaster)
		return fmt.Sprint(v, err), err != nil && strings.HasPrefix(err.Error(), "NOQUORUM 1 usable Sentinels.")
	})
	switches := p.c.Events().Count(cluster.Named("+switch-master", "+elected-leader"))
	next.Kill()
	// Nothing is to happen, so the Sentinel's own clock has to say that time passed.
	p.until("the master to be down for 3 s", func(ctx context.Context) (string, bool) {
		m, err := left.Master(ctx, tutorialMaster)
		ms, _ := strconv.Atoi(m["s-down-time"])
		return fmt.Sprint(m["flags"], " for ", ms, " ms ", err), ms >= 3000
	})
	p.ask(next)
	if n := p.c.Events().Count(cluster.Named("+switch-master", "+elected-leader")); n != switches {
		p.Errorf("a lone Sentinel of three did something: %v", p.c.Events().All())
	}
	p.row("with one Sentinel left", "no failover", "no failover")
}
