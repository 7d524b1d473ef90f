package integration

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// names is a world of host names of its own: processes that are started through
// it see its hosts file and its name server instead of those of the machine.
type names struct {
	*env
	hosts string // path
	// deaf is the name server of the Sentinels: it takes questions and never
	// answers, as one behind a dropped route.
	deaf string
}

// hostsSize is more than any of the tests writes. The file is overwritten in one
// piece of this size, so that no reader ever sees half of it.
const hostsSize = 4096

func (e *env) names() *names {
	e.Helper()
	n := &names{env: e, hosts: filepath.Join(e.c.Dir(), "hosts"), deaf: "192.0.2.1"} // an address that no host has
	if os.Getuid() == 0 {
		// Surer than a route that may not exist: a socket that is never read.
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 53, 0), Port: 53})
		for i := byte(1); err != nil && i < 255; i++ { // one for each test that runs
			conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 53, i), Port: 53})
		}
		e.must(err)
		e.Cleanup(func() { e.must(conn.Close()) })
		n.deaf = conn.LocalAddr().(*net.UDPAddr).IP.String()
	}
	n.resolver("sentinels.resolv", "nameserver "+n.deaf)
	// A server that asks in vain must learn it at once: redis-server does not do
	// anything else meanwhile, and would be down itself.
	n.resolver("servers.resolv", "nameserver 127.0.53.254\noptions timeout:1 attempts:1")
	n.are()
	return n
}

func (n *names) resolver(file, text string) {
	n.Helper()
	n.must(os.WriteFile(filepath.Join(n.c.Dir(), file), []byte(text+"\n"), 0o644))
}

// are says what names there are, as lines of a hosts file.
func (n *names) are(lines ...string) {
	n.Helper()
	text := strings.Join(append([]string{"127.0.0.1 localhost"}, lines...), "\n") + "\n"
	text += strings.Repeat("\n", hostsSize-len(text))
	f, err := os.OpenFile(n.hosts, os.O_CREATE|os.O_WRONLY, 0o644) // the same file: it is mounted
	n.must(err)
	_, err = f.WriteAt([]byte(text), 0)
	n.must(err)
	n.must(f.Close())
}

// within returns a command that runs another one in this world.
func (n *names) within(resolver string, command ...string) []string {
	unshare := "-m"
	if os.Getuid() != 0 {
		unshare = "-rm"
	}
	const enter = `mount --bind "$0" /etc/hosts && mount --bind "$1" /etc/resolv.conf && shift && exec "$@"`
	return append([]string{"unshare", unshare, "sh", "-c", enter, n.hosts, filepath.Join(n.c.Dir(), resolver)}, command...)
}

// server starts a server that listens on all addresses of the machine and calls
// itself by a name.
func (n *names) server(name string, port int, lines ...string) *cluster.Server {
	n.Helper()
	lines = append([]string{"bind 0.0.0.0", "protected-mode no", "replica-announce-ip " + name}, lines...)
	s, err := n.c.StartServer(cluster.NodeSpec{
		Name: name, Port: port, Conf: cluster.ServerConf(port, lines...), Command: n.within("servers.resolv", "redis-server"),
	})
	n.must(err)
	n.must(s.WaitReady(n.ctx))
	return s
}

// sentinel starts a Sentinel that watches a master by name.
func (n *names) sentinel(name, master string, port int, lines ...string) *cluster.Sentinel {
	n.Helper()
	own, err := n.c.Port()
	n.must(err)
	lines = append([]string{
		"bind 0.0.0.0", "port " + strconv.Itoa(own), "sentinel resolve-hostnames yes",
		fmt.Sprintf("sentinel monitor mymaster %s %d 2", master, port),
		"sentinel down-after-milliseconds mymaster 1500", "sentinel failover-timeout mymaster 20000",
	}, lines...)
	s, err := n.c.StartSentinel(cluster.NodeSpec{
		Name: name, Port: own, Conf: strings.Join(lines, "\n") + "\n", Command: n.within("sentinels.resolv", underTest(n.T)...),
	})
	n.must(err)
	n.must(s.WaitReady(n.ctx))
	return s
}

// rebind lets a server listen on other addresses from its next start on.
func (n *names) rebind(s *cluster.Server, addrs string) {
	n.Helper()
	text, err := os.ReadFile(s.Conf())
	n.must(err)
	text = append(text, "\nbind "+addrs+"\n"...) // the last one counts
	n.must(os.WriteFile(s.Conf(), text, 0o644))
}

// masterHost waits until a server follows a host.
func (n *names) masterHost(s *cluster.Server, host string) {
	n.Helper()
	n.until(s.Name()+" to follow "+host, func(ctx context.Context) (string, bool) {
		text, err := s.Client().Info(ctx, "replication").Result()
		return fmt.Sprint(text, err), strings.Contains(text, "\r\nmaster_host:"+host+"\r\n") && strings.Contains(text, "\r\nmaster_link_status:up\r\n")
	})
}

// answers demands that Sentinels serve, whatever their resolver does.
func (n *names) answers(sentinels []*cluster.Sentinel) {
	n.Helper()
	for _, s := range sentinels {
		n.must(s.Client().Ping(n.ctx).Err())
		n.do(s, "SENTINEL", "MASTERS")
	}
}

// Every instance is known by a name: that is what Sentinels say, follow and keep
// in files. The host of the master goes away and its name with it, while the
// name server is deaf: that is a dead master and no obstacle. It comes back
// under another address.
func TestHostNames(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t) // the original waits for its resolver, with everything
	e := newEnv(t)
	n := e.names()
	all := []string{"127.0.71.1 redis1", "127.0.71.2 redis2", "127.0.71.3 redis3", "127.0.72.1 watch1", "127.0.72.2 watch2", "127.0.72.3 watch3"}
	n.are(all...)
	port, err := e.c.Port()
	e.must(err)
	ports := []int{port}
	servers := []*cluster.Server{n.server("redis1", port)}
	for _, name := range []string{"redis2", "redis3"} {
		own, err := e.c.Port()
		e.must(err)
		ports = append(ports, own)
		servers = append(servers, n.server(name, own, fmt.Sprintf("replicaof redis1 %d", port)))
	}
	for _, s := range servers[1:] {
		n.masterHost(s, "redis1")
	}
	g := &cluster.Group{Master: "mymaster", Servers: servers}
	for i := 1; i <= 3; i++ {
		g.Sentinels = append(g.Sentinels, n.sentinel(fmt.Sprint("watch", i), "redis1", port,
			"sentinel announce-hostnames yes", fmt.Sprint("sentinel announce-ip watch", i)))
	}
	e.must(g.WaitViews(e.ctx))
	n.calledByName(g, "redis1", port, map[string]bool{"redis2": true, "redis3": true})

	n.are(all[1:]...)
	servers[0].Kill()
	for _, s := range g.Sentinels {
		e.eventAbout(s, "+odown", fmt.Sprintf("master mymaster redis1 %d", port))
	}
	n.answers(g.Sentinels)
	n.hangingQuestion(g.Sentinels[0])
	master := e.newMaster(g, servers[0])
	other := servers[1]
	if master == other {
		other = servers[2]
	}
	n.masterHost(other, master.Name())
	for _, s := range g.Sentinels {
		e.eventAbout(s, "+switch-master", fmt.Sprintf("mymaster redis1 %d %s %d", port, master.Name(), master.Port()))
	}
	n.answers(g.Sentinels)

	// Another machine takes the place of the old one, under its name.
	n.are(append([]string{"127.0.71.9 redis1"}, all[1:]...)...)
	n.rebind(servers[0], "127.0.0.1 127.0.71.9") // the first is for this test
	e.must(servers[0].Restart(e.ctx))
	n.masterHost(servers[0], master.Name())
	e.must(g.WaitViews(e.ctx))
	n.calledByName(g, master.Name(), master.Port(), map[string]bool{"redis1": true, other.Name(): true})
	e.until("all connections to redis1 to go to its new address", func(ctx context.Context) (string, bool) {
		text, err := servers[0].Client().Do(ctx, "CLIENT", "LIST").Text()
		return fmt.Sprint(text, err), strings.Count(text, " name=sentinel-") == 6 && strings.Count(text, fmt.Sprintf(" laddr=127.0.71.9:%d ", port)) == 6
	})

	e.must(g.Sentinels[0].Restart(e.ctx))
	e.must(g.WaitViews(e.ctx))
	n.calledByName(g, master.Name(), master.Port(), map[string]bool{"redis1": true, other.Name(): true})
	n.undisturbed()
}

// calledByName demands that Sentinels know every instance by name, in replies and in
// their files.
func (n *names) calledByName(g *cluster.Group, master string, port int, replicas map[string]bool) {
	n.Helper()
	for _, s := range g.Sentinels {
		addr, err := s.Client().Do(n.ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster").StringSlice()
		if err != nil || len(addr) != 2 || addr[0] != master || addr[1] != strconv.Itoa(port) {
			n.Errorf("%s: the master is at %q, want %s %d; %v", s.Name(), addr, master, port, err)
		}
		rows, err := s.Replicas(n.ctx, "mymaster")
		n.must(err)
		for _, r := range rows {
			if !replicas[r["ip"]] || r["name"] != r["ip"]+":"+r["port"] || r["master-host"] != master {
				n.Errorf("%s: replica %v, want one of %v that follows %s", s.Name(), r, replicas, master)
			}
		}
		rows, err = s.Sentinels(n.ctx, "mymaster")
		n.must(err)
		for _, r := range rows {
			if !strings.HasPrefix(r["ip"], "watch") || r["ip"] == s.Name() {
				n.Errorf("%s: Sentinel %v is not called by its name", s.Name(), r)
			}
		}
		for _, line := range n.confLines(s, "sentinel ") {
			if strings.Contains(line, " 127.") {
				n.Errorf("%s: an address instead of a name in the file: %s", s.Name(), line)
			}
		}
	}
}

// hangingQuestion asks for a name that no server answers for. Only the client that asked waits.
func (n *names) hangingQuestion(s *cluster.Sentinel) {
	n.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	n.must(err)
	defer conn.Close()
	_, err = conn.Write([]byte("SENTINEL MONITOR other gone.example 6379 1\r\n"))
	n.must(err)
	n.answers([]*cluster.Sentinel{s})
	reply := make([]byte, 200)
	k, err := conn.Read(reply)
	if want := "-ERR Invalid IP address or hostname specified\r\n"; err != nil || string(reply[:k]) != want {
		n.Errorf("MONITOR of a name that does not resolve: %q, %v, want %q", reply[:k], err, want)
	}
}

// undisturbed demands that no Sentinel has stood still and no server was told to
// follow itself.
func (n *names) undisturbed() {
	n.Helper()
	if k := n.c.Events().Count(cluster.Named("+tilt")); k > 0 {
		n.Errorf("%d times a Sentinel stood still", k)
	}
	for _, ev := range n.c.Events().All() {
		if f := strings.Fields(ev.Text); ev.Name == "+switch-master" && len(f) == 5 && f[1] == f[3] && f[2] == f[4] {
			n.Errorf("a switch from a server to itself: %s", ev)
		}
	}
}

// Names are resolved, addresses are announced: clients get numbers, the file
// keeps the name, and a server under two names is one server, which never has to
// follow itself.
func TestNamesBehindAddresses(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t) // the original writes the address over the name
	e := newEnv(t)
	n := e.names()
	n.are("127.0.73.1 redis1 db.example", "127.0.73.2 redis2")
	port, err := e.c.Port()
	e.must(err)
	second, err := e.c.Port()
	e.must(err)
	first := n.server("redis1", port)
	// It follows an address and announces a name, as in a group that was moved to
	// names half way.
	replica := n.server("redis2", second, fmt.Sprintf("replicaof 127.0.73.1 %d", port))
	n.masterHost(replica, "127.0.73.1")
	g := &cluster.Group{Master: "mymaster", Servers: []*cluster.Server{first, replica}}
	for i := 1; i <= 3; i++ {
		name := []string{"redis1", "db.example", "127.0.73.1"}[i-1]
		g.Sentinels = append(g.Sentinels, n.sentinel(fmt.Sprint("watch", i), name, port))
	}
	e.must(g.WaitViews(e.ctx))
	for i, s := range g.Sentinels {
		addr, err := s.Client().Do(e.ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster").StringSlice()
		if err != nil || len(addr) != 2 || addr[0] != "127.0.73.1" {
			t.Errorf("%s: the master is at %q, %v, want its address", s.Name(), addr, err)
		}
		name := []string{"redis1", "db.example", "127.0.73.1"}[i]
		if lines := e.confLines(s, fmt.Sprintf("sentinel monitor mymaster %s %d 2", name, port)); len(lines) != 1 {
			t.Errorf("%s: the file has %q, want the master by the name %s", s.Name(), e.confLines(s, "sentinel monitor"), name)
		}
	}
	first.Kill()
	e.newMaster(g, first)
	e.must(first.Restart(e.ctx))
	e.must(first.WaitReplicaOf(e.ctx, replica))
	e.must(g.WaitViews(e.ctx))
	n.undisturbed()
}

// A name has an address of each family, as most host files have for this machine,
// and the server listens on one of them: it is found there, and that is where
// clients are sent, before a failover and after it.
func TestNameWithTwoAddresses(t *testing.T) {
	t.Parallel()
	onlyGosentinel(t) // the original takes the first address and stays with it
	e := newEnv(t)
	n := e.names()
	n.are("::1 redis1", "127.0.74.1 redis1", "127.0.74.2 redis2", "::1 redis2")
	port, err := e.c.Port()
	e.must(err)
	second, err := e.c.Port()
	e.must(err)
	first := n.server("redis1", port) // listens on IPv4 only
	replica := n.server("redis2", second, fmt.Sprintf("replicaof 127.0.74.1 %d", port))
	n.masterHost(replica, "127.0.74.1")
	g := &cluster.Group{Master: "mymaster", Servers: []*cluster.Server{first, replica}}
	for i := 1; i <= 3; i++ {
		g.Sentinels = append(g.Sentinels, n.sentinel(fmt.Sprint("watch", i), "redis1", port))
	}
	e.must(g.WaitViews(e.ctx))
	answersAt := func(want string, port int) {
		t.Helper()
		for _, s := range g.Sentinels {
			addr, err := s.Client().Do(e.ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster").StringSlice()
			if err != nil || len(addr) != 2 || addr[0] != want || addr[1] != strconv.Itoa(port) {
				t.Errorf("%s: the master is at %q, %v, want %s %d", s.Name(), addr, err, want, port)
			}
		}
	}
	answersAt("127.0.74.1", port)
	first.Kill()
	e.newMaster(g, first)
	answersAt("127.0.74.2", second)
	e.must(first.Restart(e.ctx))
	e.must(first.WaitReplicaOf(e.ctx, replica))
	e.must(g.WaitViews(e.ctx))
	n.undisturbed()
}

// A whole group on IPv6.
func TestIPv6(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	port, err := e.c.Port()
	e.must(err)
	second, err := e.c.Port()
	e.must(err)
	server := func(name string, port int, lines ...string) *cluster.Server {
		lines = append([]string{"bind 127.0.0.1 ::1"}, lines...) // the first for this test
		s, err := e.c.StartServer(cluster.NodeSpec{Name: name, Port: port, Conf: cluster.ServerConf(port, lines...)})
		e.must(err)
		e.must(s.WaitReady(e.ctx))
		return s
	}
	first := server("server0", port)
	replica := server("server1", second, fmt.Sprintf("replicaof ::1 %d", port))
	e.must(replica.WaitReplicaOf(e.ctx, first))
	g := &cluster.Group{Master: "mymaster", Servers: []*cluster.Server{first, replica}}
	for i := range 3 {
		own, err := e.c.Port()
		e.must(err)
		conf := fmt.Sprintf("bind 127.0.0.1 ::1\nport %d\nsentinel monitor mymaster ::1 %d 2\n", own, port) +
			"sentinel down-after-milliseconds mymaster 2500\nsentinel failover-timeout mymaster 20000\n"
		s, err := e.c.StartSentinel(cluster.NodeSpec{Name: fmt.Sprint("sentinel", i), Port: own, Conf: conf})
		e.must(err)
		e.must(s.WaitReady(e.ctx))
		g.Sentinels = append(g.Sentinels, s)
	}
	e.must(g.WaitViews(e.ctx))
	for _, s := range g.Sentinels {
		rows, err := s.Replicas(e.ctx, "mymaster")
		if want := fmt.Sprintf("[::1]:%d", second); err != nil || len(rows) != 1 || rows[0]["name"] != want || rows[0]["ip"] != "::1" {
			t.Errorf("%s: replicas %v, %v, want %s", s.Name(), rows, err, want)
		}
		peers, err := s.Sentinels(e.ctx, "mymaster")
		if err != nil || len(peers) != 2 || peers[0]["ip"] != "::1" {
			t.Errorf("%s: Sentinels %v, %v", s.Name(), peers, err)
		}
	}
	first.Kill()
	e.newMaster(g, first)
	for _, s := range g.Sentinels {
		e.eventAbout(s, "+switch-master", fmt.Sprintf("mymaster ::1 %d ::1 %d", port, second))
		e.must(s.Restart(e.ctx))
	}
	e.must(first.Restart(e.ctx))
	e.must(first.WaitReplicaOf(e.ctx, replica))
	e.must(g.WaitViews(e.ctx))
}

// Sentinels behind a translation of addresses announce where they can be
// reached, and that is where the others connect to.
func TestAnnouncedAddress(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	top := usual
	top.Sentinels = 0
	g := e.start(top)
	outside := map[string]int{} // Sentinel to announced port
	for i := range 3 {
		own, err := e.c.Port()
		e.must(err)
		name := fmt.Sprint("sentinel", i)
		f := e.fake(relay(fmt.Sprintf("127.0.0.1:%d", own)))
		outside[name] = f.port()
		m := cluster.Monitored{Name: "mymaster", Port: g.Servers[0].Port(), Quorum: 2, DownAfter: 2500e6, FailoverTimeout: 20e9}
		s, err := e.c.StartSentinel(cluster.NodeSpec{Name: name, Port: own, Conf: cluster.SentinelConf(own, m,
			"sentinel announce-ip 127.0.0.1", fmt.Sprint("sentinel announce-port ", f.port()))})
		e.must(err)
		e.must(s.WaitReady(e.ctx))
		g.Sentinels = append(g.Sentinels, s)
	}
	e.must(g.WaitViews(e.ctx))
	for _, s := range g.Sentinels {
		peers, err := s.Sentinels(e.ctx, "mymaster")
		e.must(err)
		for _, p := range peers {
			port, err := strconv.Atoi(p["port"])
			if err != nil || port == s.Port() || port == outside[s.Name()] || p["ip"] != "127.0.0.1" {
				t.Errorf("%s: Sentinel at %s:%s", s.Name(), p["ip"], p["port"])
			}
			if _, announced := invert(outside)[port]; !announced {
				t.Errorf("%s: port %d of a Sentinel was never announced", s.Name(), port)
			}
		}
	}
	// The address changes at run time; the others follow it.
	moved := e.fake(relay(g.Sentinels[0].Addr()))
	e.do(g.Sentinels[0], "SENTINEL", "CONFIG", "SET", "announce-port", moved.port())
	for _, s := range g.Sentinels[1:] {
		e.eventAbout(s, "+sentinel-address-switch", fmt.Sprintf("port %d for ", moved.port()))
	}
	g.Servers[0].Kill()
	e.newMaster(g, g.Servers[0])
	e.oneLeaderPerEpoch()
}

func invert(m map[string]int) map[int]string {
	out := map[int]string{}
	for k, v := range m {
		out[v] = k
	}
	return out
}

// relay passes bytes between its callers and an address.
func relay(to string) func(net.Conn) {
	return func(in net.Conn) {
		out, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		done := make(chan struct{})
		go func() {
			pass(out, in)
			close(done)
		}()
		pass(in, out)
		<-done
	}
}

// pass copies until either side ends, and then ends the other one.
func pass(to, from net.Conn) {
	buf := make([]byte, 4096)
	for {
		k, err := from.Read(buf)
		if k > 0 {
			if _, werr := to.Write(buf[:k]); werr != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	_ = to.Close()
	_ = from.Close()
}
