package integration

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosentinel/sentinel/internal/testcert"
	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
)

// alone is a group that no Sentinel watches, with proxies that do.
type alone struct {
	*env
	servers []*cluster.Server
	proxies []*cluster.Server
	tls     *tls.Config // of clients of the servers
}

// newAlone starts empty servers, all of which are masters, without any proxy.
func newAlone(e *env, servers int) *alone {
	e.Helper()
	a := &alone{env: e}
	for range servers {
		a.server()
	}
	return a
}

// server starts one more server.
func (a *alone) server(lines ...string) *cluster.Server {
	a.Helper()
	port, err := a.c.Port()
	a.must(err)
	spec := cluster.NodeSpec{Name: fmt.Sprintf("server-%d", len(a.servers)+1), Port: port, Conf: cluster.ServerConf(port, lines...), TLS: a.tls}
	if a.tls != nil {
		spec.Conf += fmt.Sprintf("port 0\ntls-port %d\n", port)
	}
	for _, line := range lines {
		spec.Password, _ = strings.CutPrefix(line, "requirepass ")
	}
	s, err := a.c.StartServer(spec)
	a.must(err)
	a.must(s.WaitReady(a.ctx))
	a.servers = append(a.servers, s)
	return s
}

// proxy starts one more proxy. more is what stands below the group in its file.
func (a *alone) proxy(more ...string) *cluster.Server {
	a.Helper()
	port, err := a.c.Port()
	a.must(err)
	var list []string
	for _, s := range a.servers {
		list = append(list, strconv.Quote(s.Addr()))
	}
	conf := fmt.Sprintf("[[listener]]\nbind = \"127.0.0.1:%d\"\n[[group]]\nname = \"cache\"\nservers = [%s]\n", port, strings.Join(list, ", ")) + strings.Join(more, "\n")
	if !strings.Contains(conf, "down-after") {
		conf += "\ndown-after = \"500ms\"\n"
	}
	p, err := a.c.StartServer(cluster.NodeSpec{Name: fmt.Sprintf("proxy-%d", len(a.proxies)+1), Port: port, Conf: conf, Command: []string{clustertest.Daemon(a.T), "proxy"}})
	a.must(err)
	a.proxies = append(a.proxies, p)
	return p
}

// write waits until a write through a proxy succeeds, and returns the server that executed it.
func (a *alone) write(p *cluster.Server, key string) *cluster.Server {
	a.Helper()
	var port int
	a.until("a write through "+p.Name(), func(ctx context.Context) (string, bool) {
		var err error
		port, err = executedAt(ctx, p.Client(), key)
		return fmt.Sprint(err), err == nil
	})
	i := slices.IndexFunc(a.servers, func(s *cluster.Server) bool { return s.Port() == port })
	if i < 0 {
		a.Fatalf("%s wrote to port %d", p.Name(), port)
	}
	return a.servers[i]
}

// executedAt writes, and returns the port of the server that executed it.
func executedAt(ctx context.Context, c *redis.Client, key string) (int, error) {
	var info *redis.StringCmd
	_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Incr(ctx, key)
		info = p.Info(ctx, "server")
		return nil
	})
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(info.Val(), "tcp_port:")
	text, _, _ := strings.Cut(after, "\r\n")
	return strconv.Atoi(text)
}

// settled waits until one server is the master and all others follow it, and every
// proxy writes there.
func (a *alone) settled() *cluster.Server {
	a.Helper()
	var master *cluster.Server
	a.until("one master that all others follow", func(ctx context.Context) (string, bool) {
		var masters []*cluster.Server
		var state []string
		for _, s := range a.servers {
			r, err := s.Replication(ctx)
			if state = append(state, fmt.Sprintf("%s %v %v", s.Name(), r, err)); err == nil && r.Role == "master" {
				masters = append(masters, s)
			}
		}
		if len(masters) != 1 {
			return strings.Join(state, "; "), false
		}
		master = masters[0]
		for _, s := range a.servers {
			if r, err := s.Replication(ctx); s != master && (err != nil || !r.LinkUp || r.MasterPort != master.Port()) {
				return strings.Join(state, "; "), false
			}
		}
		return "", true
	})
	for _, p := range a.proxies {
		if at := a.write(p, "settled"); at != master {
			a.Errorf("%s writes to %s, and %s is the master", p.Name(), at.Name(), master.Name())
		}
	}
	return master
}

// says waits for a text in the log of a proxy.
func (a *alone) says(p *cluster.Server, text string) {
	a.Helper()
	a.until(p.Name()+" to say "+strconv.Quote(text), func(context.Context) (string, bool) {
		log, err := p.Log()
		return fmt.Sprint(err), strings.Contains(log, text)
	})
}

// TestStandaloneRefuses: what belongs to others, and data that one server alone has, is left
// as it is, and the proxy says why.
func TestStandaloneRefuses(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	a := newAlone(e, 2)
	for i, s := range a.servers {
		e.must(s.Client().Set(e.ctx, "own", i, 0).Err())
	}
	stranger := newAlone(e, 0)
	stranger.servers = []*cluster.Server{nil, nil} // for the names
	master := stranger.server()
	a.servers = append(a.servers, stranger.server("replicaof 127.0.0.1 "+strconv.Itoa(master.Port())))
	p := a.proxy()
	a.says(p, "Nothing is changed until you choose")
	for i, s := range a.servers[:2] {
		if r, err := s.Replication(e.ctx); err != nil || r.Role != "master" {
			t.Errorf("%s is %v, %v", s.Name(), r, err)
		}
		if got := s.Client().Get(e.ctx, "own").Val(); got != strconv.Itoa(i) {
			t.Errorf("%s has %q", s.Name(), got)
		}
	}
	// The operator chooses.
	e.must(a.servers[0].Client().Do(e.ctx, "REPLICAOF", "127.0.0.1", a.servers[1].Port()).Err())
	if at := a.write(p, "k"); at != a.servers[1] {
		t.Errorf("%s is the master", at.Name())
	}
	a.says(p, "belongs to another group")
	e.must(a.servers[0].WaitReplicaOf(e.ctx, a.servers[1]))
	if r, err := a.servers[2].Replication(e.ctx); err != nil || r.MasterPort != master.Port() {
		t.Errorf("the server of the other group: %v, %v", r, err)
	}
}

// TestStandalonePassword: a wrong password is named, to the operator and to the client, and
// is put right without a restart.
func TestStandalonePassword(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	a := newAlone(e, 0)
	for range 2 {
		a.server("masterauth right", "requirepass right")
	}
	p := a.proxy("password = \"wrong\"")
	a.says(p, "the password is refused: WRONGPASS")
	text, err := os.ReadFile(p.Conf())
	e.must(err)
	e.must(os.WriteFile(p.Conf(), []byte(strings.Replace(string(text), "wrong", "right", 1)), 0o600))
	a.write(p, "k")
	if log, err := p.Log(); err != nil || strings.Contains(log, "right") || strings.Contains(log, `"wrong"`) {
		t.Errorf("a password in the log, %v:\n%s", err, log)
	}
}

// TestStandaloneTLS: two proxies on servers with TLS and passwords find and ask each other
// with TLS and a password too.
func TestStandaloneTLS(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	ca := testcert.NewAuthority(t, "test")
	files := ca.Write(t, t.TempDir(), "server")
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	e.must(err)
	a := newAlone(e, 0)
	a.tls = &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: ca.Pool(), ServerName: "server.example"}
	for range 2 {
		a.server("masterauth right", "tls-replication yes", "tls-cert-file "+files.Cert, "tls-key-file "+files.Key, "tls-ca-cert-file "+files.CA, "requirepass right")
	}
	for range 2 {
		a.proxy("proxies = 2", "password = \"right\"",
			fmt.Sprintf("tls = { enable = true, server-name = \"server.example\", ca-file = %[1]q, cert-file = %[2]q, key-file = %[3]q }\n"+
				"sentinel = { password = \"between\", tls = { ca-file = %[1]q, cert-file = %[2]q, key-file = %[3]q } }", files.CA, files.Cert, files.Key))
	}
	old := a.settled()
	old.Kill()
	a.write(a.proxies[0], "k")
	e.must(old.Start())
	if a.settled() == old {
		t.Error("the master has not changed")
	}
}

// TestStandaloneHandOver: a second process with the same file takes the place of the first,
// and neither those clients who stay with that nor new ones see an error, then and in
// the failover that follows.
func TestStandaloneHandOver(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	a := newAlone(e, 2)
	port, err := e.c.Port()
	e.must(err)
	first := a.proxy(fmt.Sprintf("sentinel = { listen = \"127.0.0.1:%d\" }", port))
	master := a.settled()
	stays := e.plainClient(first.Addr())
	e.must(stays.Set(e.ctx, "k", "1", 0).Err())

	log, err := os.Create(filepath.Join(e.c.Dir(), "second.log"))
	e.must(err)
	second := exec.Command(clustertest.Daemon(t), "proxy", first.Conf())
	second.Stdout, second.Stderr = log, log
	e.must(second.Start())
	e.Cleanup(func() {
		_ = second.Process.Kill()
		_ = second.Wait() // it was killed
		text, err := os.ReadFile(log.Name())
		e.must(errors.Join(err, log.Close()))
		clustertest.SoundText(t, "the second proxy", text)
		if t.Failed() {
			t.Logf("the second proxy:\n%s", text)
		}
	})
	saysSecond := func(text string) {
		e.until("the second proxy to say "+text, func(context.Context) (string, bool) {
			b, err := os.ReadFile(log.Name())
			return fmt.Sprint(err), strings.Contains(string(b), text)
		})
	}
	saysSecond(`msg="discovery: master"`) // which the Sentinel of the first one tells
	e.signal(first, syscall.SIGQUIT)
	saysSecond("Running mode=sentinel")
	e.must(stays.Set(e.ctx, "k", "2", 0).Err())
	comes := e.plainClient(first.Addr())
	e.must(comes.Set(e.ctx, "k", "3", 0).Err())

	master.Kill()
	e.must(comes.Set(e.ctx, "k", "4", 0).Err())
	e.must(stays.Set(e.ctx, "k", "5", 0).Err())
	for _, s := range a.servers {
		if s != master && s.Client().Get(e.ctx, "k").Val() != "5" {
			t.Errorf("%s has %v", s.Name(), s.Client().Get(e.ctx, "k"))
		}
	}
}

// TestProxiesOfAGroup: several proxies on one group, whose master is killed again and
// again, and they too, never write to two masters.
func TestProxiesOfAGroup(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	kills, patience := 5, 5*time.Minute
	if *long {
		kills, patience = 100, time.Hour
	}
	e := newEnv(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	e.ctx = ctx
	a := newAlone(e, 3)
	for range 3 {
		a.proxy()
	}
	a.settled()
	k := &killer{alone: a, rand: rand.New(rand.NewPCG(1, 2))}
	stop := k.writers()
	for i := range kills {
		k.round(i)
	}
	a.settled()
	stop()
	k.judge()
}

// killer kills masters and proxies, and remembers who executed which write.
type killer struct {
	*alone
	rand   *rand.Rand
	faults []*killing

	mu   sync.Mutex
	acks []execution
	errs int
}

// killing is one fault.
type killing struct {
	kind   string
	master *cluster.Server
	proxy  *cluster.Server // killed too; nil: none
	at     time.Time
	pause  time.Duration // until all proxies that are left wrote to another master
	errs   int           // of writes, from at on
}

// execution is an acknowledged write.
type execution struct {
	sent, acked time.Time
	port        int
}

// writers write through every proxy until stop is called.
func (k *killer) writers() (stop func()) {
	ctx, cancel := context.WithCancel(k.ctx)
	var tasks sync.WaitGroup
	for _, p := range k.proxies {
		c := redis.NewClient(&redis.Options{Addr: p.Addr(), PoolSize: 1, MaxRetries: -1, ReadTimeout: 5 * time.Second, ContextTimeoutEnabled: true})
		tasks.Go(func() {
			defer c.Close()
			every := 100 * time.Millisecond
			if *long {
				every = 20 * time.Millisecond
			}
			tick := time.NewTicker(every)
			defer tick.Stop()
			for ctx.Err() == nil {
				sent := time.Now()
				port, err := executedAt(ctx, c, p.Name())
				k.mu.Lock()
				if err == nil {
					k.acks = append(k.acks, execution{sent, time.Now(), port})
				} else if ctx.Err() == nil {
					k.errs++
				}
				k.mu.Unlock()
				<-tick.C
			}
		})
	}
	return func() { cancel(); tasks.Wait() }
}

// round makes one fault, waits until it is over, and sometimes until all is well.
func (k *killer) round(i int) {
	k.Helper()
	master := k.ready()
	proxy := k.proxies[k.rand.IntN(len(k.proxies))]
	kind := []string{"kill", "kill", "kill", "stop", "kill with a proxy", "kill, and a proxy later"}[i%6]
	f := &killing{kind: kind, master: master, at: time.Now(), errs: k.failed()}
	k.faults = append(k.faults, f)
	switch kind {
	case "stop":
		k.signal(master, syscall.SIGSTOP)
	case "kill with a proxy":
		f.proxy = proxy
		proxy.Kill()
		master.Kill()
	default:
		master.Kill()
	}
	k.until("another master", func(ctx context.Context) (string, bool) {
		var state []string
		for _, p := range k.proxies {
			if p == f.proxy {
				continue
			}
			port, err := executedAt(ctx, p.Client(), "probe")
			if state = append(state, fmt.Sprint(p.Name(), port, err)); err != nil || port == master.Port() {
				return strings.Join(state, "; "), false
			}
		}
		return "", true
	})
	f.pause, f.errs = time.Since(f.at), k.failed()-f.errs
	if kind == "kill, and a proxy later" {
		f.proxy = proxy
		proxy.Kill()
	}
	if strings.HasSuffix(kind, "proxy") || strings.HasSuffix(kind, "later") {
		k.must(proxy.Start())
	}
	if kind == "stop" {
		k.signal(master, syscall.SIGCONT)
	} else {
		k.must(master.Start())
	}
	if i%5 == 4 {
		k.settled()
	}
}

// ready waits until a server can take the master's place, and returns the master.
func (k *killer) ready() (master *cluster.Server) {
	k.Helper()
	master = k.write(k.proxies[0], "probe")
	k.until("a replica in sync, and proxies that know each other", func(ctx context.Context) (string, bool) {
		r, err := master.Replication(ctx)
		if err != nil || r.Replicas == 0 {
			return fmt.Sprint(r, err), false
		}
		for _, p := range k.proxies {
			if _, err := executedAt(ctx, p.Client(), "probe"); err != nil {
				return p.Name() + " " + err.Error(), false
			}
		}
		return "", true
	})
	return master
}

// judge compares all writes of all proxies: masters follow each other. A write that was
// sent after a later master had executed one is at that or a later one; and masters
// change as often as there was a reason.
func (k *killer) judge() {
	k.Helper()
	slices.SortFunc(k.acks, func(a, b execution) int { return a.acked.Compare(b.acked) })
	changes := 0
	for i := 1; i < len(k.acks); i++ {
		if k.acks[i].port != k.acks[i-1].port {
			changes++
		}
	}
	if changes > len(k.faults) {
		k.Errorf("the master changed %d times by %d faults: two were written to at a time", changes, len(k.faults))
	}
	highest := k.epochs()
	k.explain()
	slices.SortFunc(k.faults, func(a, b *killing) int { return cmp.Compare(a.pause, b.pause) })
	k.Logf("%d faults, %d changes of the master in %d writes, %d errors; pauses: median %v, longest %v; highest epoch %d",
		len(k.faults), changes, len(k.acks), k.errs, k.faults[len(k.faults)/2].pause.Round(time.Millisecond), k.faults[len(k.faults)-1].pause.Round(time.Millisecond), highest)
}

// failed returns how many writes have failed.
func (k *killer) failed() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.errs
}

// decision is a line in the log of a proxy about a failover.
type decision struct {
	at          time.Time
	proxy, text string
	epoch       string // in which its Sentinel was elected; "" if it was not
}

// deciding are the lines by which a failover, or its absence, can be understood.
var deciding = regexp.MustCompile(`^time=(\S+) .*msg="?((?:[+-][so]down master|[+-]tilt|\+try-failover|\+vote-for-leader|\+elected-leader|-failover-abort|\+selected-slave|\+promoted-slave|\+switch-master|This Sentinel begins no|No vote for|The failover of|discovery: master)[^"]*)`)

// decisions returns those of all proxies in order of time, and fails if two were elected
// in one epoch.
func (k *killer) decisions() (list []decision) {
	k.Helper()
	leaders := map[string]string{}
	for _, p := range k.proxies {
		text, err := p.Log()
		k.must(err)
		voted := ""
		for line := range strings.Lines(text) {
			m := deciding.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			at, err := time.Parse(time.RFC3339, m[1])
			k.must(err)
			d := decision{at: at, proxy: p.Name(), text: m[2]}
			switch {
			case strings.HasPrefix(d.text, "+vote-for-leader"):
				voted = d.text[strings.LastIndexByte(d.text, ' ')+1:]
			case strings.HasPrefix(d.text, "+elected-leader"):
				d.epoch = voted
				if was := cmp.Or(leaders[voted], d.proxy); was != d.proxy {
					k.Errorf("%s and %s were both elected in epoch %s", was, d.proxy, voted)
				}
				leaders[voted] = d.proxy
			}
			list = append(list, d)
		}
	}
	slices.SortStableFunc(list, func(a, b decision) int { return a.at.Compare(b.at) })
	return list
}

// longPause is a pause of which the proxies have to say why.
const longPause = 5 * time.Second

// explain tells of every fault what it was, how long it took, and who led the failover, and
// of the longest one, and all that took long, what the proxies said meanwhile.
func (k *killer) explain() {
	k.Helper()
	list := k.decisions()
	longest := slices.MaxFunc(k.faults, func(a, b *killing) int { return cmp.Compare(a.pause, b.pause) })
	var text, lines strings.Builder
	for i, f := range k.faults {
		killed, led := f.master.Name(), ""
		if f.proxy != nil {
			killed += ", " + f.proxy.Name()
		}
		told := f == longest || f.pause > longPause
		if told {
			fmt.Fprintf(&lines, "  of %d:\n", i+1)
		}
		for _, d := range list {
			if d.at.Before(f.at.Truncate(time.Millisecond)) || d.at.After(f.at.Add(f.pause)) {
				continue
			}
			if d.epoch != "" {
				led += " epoch " + d.epoch + " led by " + d.proxy
			}
			if told {
				fmt.Fprintf(&lines, "  +%v %s: %s\n", d.at.Sub(f.at).Round(time.Millisecond), d.proxy, d.text)
			}
		}
		fmt.Fprintf(&text, "  %3d %s %s (%s): %v, %d errors;%s\n", i+1, f.at.Format("15:04:05.000"), f.kind, killed, f.pause.Round(time.Millisecond), f.errs, led)
	}
	k.Logf("faults:\n%sduring the longest:\n%s", text.String(), lines.String())
	k.stalls()
}

// stalls tells which proxies stood still for so long that they judged nothing for a while
// afterwards, and why, as far as they know it.
func (k *killer) stalls() {
	k.Helper()
	for _, p := range k.proxies {
		text, err := p.Log()
		k.must(err)
		all := strings.Split(text, "\n")
		for i, line := range all {
			if strings.Contains(line, "+tilt") {
				k.Logf("%s stood still:\n%s", p.Name(), strings.Join(all[max(0, i-8):min(i+3, len(all))], "\n"))
			}
		}
	}
}

// believed is the line in which a proxy says whom it takes for the master.
var believed = regexp.MustCompile(`msg="discovery: master".* addr=(\S+) epoch=(\d+)`)

// epochs fails if two proxies have seen different masters in one epoch, and returns the
// highest one.
func (k *killer) epochs() (highest uint64) {
	k.Helper()
	all := map[uint64]string{}
	for _, p := range k.proxies {
		text, err := p.Log()
		k.must(err)
		for _, m := range believed.FindAllStringSubmatch(text, -1) {
			epoch, err := strconv.ParseUint(m[2], 10, 64)
			k.must(err)
			if was := cmp.Or(all[epoch], m[1]); was != m[1] {
				k.Errorf("two masters in epoch %d: %s and %s", epoch, was, m[1])
			}
			all[epoch], highest = m[1], max(highest, epoch)
		}
	}
	if len(all) == 0 {
		k.Error("no proxy has logged a master")
	}
	return highest
}

// TestStandaloneDocument runs the lines with which the page of the proxy tells of groups
// without Sentinels.
func TestStandaloneDocument(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t)
	e := newEnv(t)
	a := newAlone(e, 2)
	text, err := os.ReadFile("../../docs/proxy.md")
	e.must(err)
	_, after, _ := strings.Cut(string(text), "\n## Without Sentinels\n\n```\n")
	block, _, _ := strings.Cut(after, "```")
	port, err := e.c.Port()
	e.must(err)
	block = strings.NewReplacer("127.0.0.1:6379", a.servers[0].Addr(), "127.0.0.1:6380", a.servers[1].Addr(), "6000", strconv.Itoa(port)).Replace(block)
	lines := strings.Split(strings.TrimSpace(block), "\n")
	if len(lines) != 5 || !strings.HasPrefix(lines[0], "redis-server ") {
		t.Fatalf("they are %q", lines)
	}
	// The servers are there already, and who types is slower than the start of the proxy.
	script := strings.Join(lines[1:4], "\n") + "\nuntil test \"$(" + lines[4] + " 2>&1)\" = OK; do :; done\nkill %1; wait"
	cmd := exec.CommandContext(e.ctx, "bash", "-c", script)
	cmd.Dir = e.c.Dir()
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(clustertest.Daemon(t))+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := a.servers[0].Client().Get(e.ctx, "greeting").Val(); got != "hello" {
		t.Errorf("the greeting is %q", got)
	}
}
