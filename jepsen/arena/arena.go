package arena

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/netns"
	"github.com/gosentinel/sentinel/jepsen/schedule"
)

// MasterName is the name by which Sentinels know the master.
const MasterName = "jepsen"

// Clients is how many hosts there are for clients.
const Clients = 2

// The names of programs.
const (
	Ours  = "gosentinel"
	Stock = "stock"
)

// Program is a Sentinel that can be run.
type Program struct {
	Name    string // Ours or Stock
	Command []string
	// Lines are added to the configuration file.
	Lines []string
}

// Config says what to set up.
type Config struct {
	// Dir is the directory for the files of all processes. It must be empty.
	Dir   string
	Group schedule.Group
	// Programs are those of the Sentinels in turn; the last one serves for the rest.
	Programs []Program
	// Others are programs that take the place of those, by their names, where versions
	// are replaced under way.
	Others map[string]Program
	// Proxy is the command of a proxy in front of the master; a configuration file is
	// appended to it. Nil: there is none.
	Proxy []string
	// Network is where hosts are made. Nil: there is none, and addresses of 127.0.0.0/8
	// take its place.
	Network *netns.Network
	// OnEvent is called for every event that a Sentinel publishes.
	OnEvent func(cluster.Event)
}

// Node is a process, server or Sentinel.
type Node interface {
	Name() string
	Addr() string
	Dir() string
	PID() int
	Running() bool
	Signal(syscall.Signal) error
	Kill()
	Start() error
	WaitReady(context.Context) error
	Do(ctx context.Context, args ...any) (any, error)
	Log() (string, error)
	Conf() string
	FirstConf() string
}

// Arena is a running set-up. Its methods are safe for concurrent use.
type Arena struct {
	cluster *cluster.Cluster
	cfg     Config
	clients []string
	proxy   *cluster.Front // nil: there is none
	disks   []string       // directories of Sentinels that are small disks

	// Servers are all servers; the first one is the master at the beginning.
	Servers []*cluster.Server

	mu        sync.Mutex
	sentinels []*cluster.Sentinel
	left      []*cluster.Sentinel
	hosts     map[string]*netns.Host // by name of the node or client; empty without a network
	places    map[string]cluster.Host
	programs  map[string]Program // of the Sentinels, by name
	watch     func(*cluster.Sentinel)
}

// New starts servers and Sentinels and returns when all know each other. After an
// error nothing is left running.
func New(ctx context.Context, cfg Config) (*Arena, error) {
	logs := filepath.Join(cfg.Dir, "logs")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return nil, err
	}
	c, err := cluster.New(cluster.Config{Dir: cfg.Dir, Logs: logs, OnEvent: cfg.OnEvent})
	if err != nil {
		return nil, err
	}
	a := &Arena{cluster: c, cfg: cfg, hosts: map[string]*netns.Host{}, places: map[string]cluster.Host{}, programs: map[string]Program{}}
	if err := a.start(ctx); err != nil {
		err = fmt.Errorf("%w\n%s", err, c.Logs(15))
		_ = a.Close() // the first error tells more
		return nil, err
	}
	return a, nil
}

// Close ends all processes. Their files stay.
func (a *Arena) Close() error {
	return errors.Join(a.cluster.Close(), a.keepDisks())
}

func (a *Arena) start(ctx context.Context) error {
	g := a.cfg.Group
	for i := range g.Servers {
		if err := a.addHost("server"+strconv.Itoa(i), 10+i); err != nil {
			return err
		}
	}
	for i := range g.Sentinels {
		name := "sentinel" + strconv.Itoa(i)
		if err := a.addHost(name, 30+i); err != nil {
			return err
		}
		a.programs[name] = a.cfg.Programs[min(i, len(a.cfg.Programs)-1)]
		if err := a.addDisk(name); err != nil {
			return err
		}
	}
	for i := range Clients {
		name := "client" + strconv.Itoa(i)
		if err := a.addHost(name, 50+i); err != nil {
			return err
		}
		a.clients = append(a.clients, name)
	}
	top := cluster.Topology{
		Master: MasterName, Replicas: g.Servers - 1, Sentinels: g.Sentinels, Quorum: g.Quorum,
		DownAfter: g.DownAfter.Of(), FailoverTimeout: g.FailoverTimeout.Of(),
		ServerConf:       func(int) []string { return serverLines(g) },
		EachSentinelConf: func(i int) []string { return a.sentinelLines(a.programs["sentinel"+strconv.Itoa(i)]) },
		ServerHost:       func(i int) cluster.Host { return a.places["server"+strconv.Itoa(i)] },
		SentinelHost:     func(i int) cluster.Host { return a.places["sentinel"+strconv.Itoa(i)] },
	}
	for i := range g.Sentinels {
		top.SentinelCommands = append(top.SentinelCommands, a.programs["sentinel"+strconv.Itoa(i)].Command)
	}
	group, err := a.cluster.Start(ctx, top)
	if err != nil {
		return err
	}
	a.Servers, a.sentinels = group.Servers, group.Sentinels
	if a.cfg.Proxy == nil {
		return nil
	}
	return a.startProxy(ctx)
}

// sentinelLines are further lines for the file of a Sentinel.
func (a *Arena) sentinelLines(p Program) []string {
	if a.cfg.Group.Gossip && p.Name == Ours {
		return append(slices.Clone(p.Lines), "gossip-key "+gossipKey)
	}
	return p.Lines
}

// startProxy starts the proxy on a host of its own.
func (a *Arena) startProxy(ctx context.Context) error {
	if err := a.addHost("proxy", 60); err != nil {
		return err
	}
	port, err := a.cluster.Port()
	if err != nil {
		return err
	}
	host := a.places["proxy"]
	var sentinels []string
	for _, addr := range a.SentinelAddrs() {
		sentinels = append(sentinels, strconv.Quote(addr))
	}
	a.proxy, err = a.cluster.StartFront("proxy.toml", cluster.NodeSpec{
		Name: "proxy", Host: host, Port: port, Command: a.cfg.Proxy,
		Conf: fmt.Sprintf("sentinels = [%s]\n[[master]]\nname = %q\n[[listener]]\nbind = \"%s:%d\"\n",
			strings.Join(sentinels, ", "), MasterName, host.Addr, port),
	})
	if err != nil {
		return err
	}
	return a.proxy.WaitReady(ctx)
}

// Proxy returns the address of the proxy; empty: there is none.
func (a *Arena) Proxy() string {
	if a.proxy == nil {
		return ""
	}
	return a.proxy.Addr()
}

// gossipKey is 32 bytes in base64. It protects nothing: nobody else is in the network.
const gossipKey = "amVwc2VuIGplcHNlbiBqZXBzZW4gamVwc2VuIGplcHM="

func (a *Arena) addHost(name string, number int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cfg.Network == nil {
		a.places[name] = cluster.Host{Addr: "127.0.0." + strconv.Itoa(number)}
		return nil
	}
	h, err := a.cfg.Network.Add(name)
	if err != nil {
		return err
	}
	a.hosts[name] = h
	a.places[name] = cluster.Host{Addr: h.Addr(), Within: h.Within}
	return nil
}

// serverLines are what servers have beyond the usual: files, because a server that is
// killed is to come back with its data; and short time-outs, because a link that was cut
// is otherwise used again only after a time that grows with the length of the cut.
func serverLines(g schedule.Group) []string {
	lines := []string{"appendonly yes", "appendfsync everysec", "repl-timeout 5", "repl-ping-replica-period 1"}
	if g.MinReplicas > 0 {
		lines = append(lines, "min-replicas-to-write "+strconv.Itoa(g.MinReplicas), "min-replicas-max-lag 2")
	}
	return lines
}

// Network returns the network, or nil.
func (a *Arena) Network() *netns.Network { return a.cfg.Network }

// Host returns the host of a node or client, or nil without a network.
func (a *Arena) Host(name string) *netns.Host {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.hosts[name]
}

// Hosts returns all hosts but those named.
func (a *Arena) Hosts(but map[string]bool) (list []*netns.Host) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, h := range a.hosts {
		if !but[name] {
			list = append(list, h)
		}
	}
	return list
}

// Place returns where a client with this name is, for its connections.
func (a *Arena) Place(name string) cluster.Host {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.places[name]
}

// ClientNames returns the names of the hosts for clients.
func (a *Arena) ClientNames() []string { return a.clients }

// Program returns what a Sentinel runs.
func (a *Arena) Program(sentinel string) Program {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.programs[sentinel]
}

// Sentinels returns all Sentinels that belong to the group now.
func (a *Arena) Sentinels() []*cluster.Sentinel {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.sentinels)
}

// AllSentinels returns also those that have left.
func (a *Arena) AllSentinels() []*cluster.Sentinel {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Concat(a.sentinels, a.left)
}

// SentinelNodes returns all Sentinels that belong to the group now.
func (a *Arena) SentinelNodes() (list []Node) {
	for _, s := range a.Sentinels() {
		list = append(list, s)
	}
	return list
}

// ServerNodes returns all servers.
func (a *Arena) ServerNodes() (list []Node) {
	for _, s := range a.Servers {
		list = append(list, s)
	}
	return list
}

// Nodes returns all processes, servers first.
func (a *Arena) Nodes() []Node { return append(a.ServerNodes(), a.SentinelNodes()...) }

// ServerAt returns the server that listens on a port, or nil.
func (a *Arena) ServerAt(port int) *cluster.Server {
	return (&cluster.Group{Servers: a.Servers}).ServerAt(port)
}

// ServerAddrs returns the addresses of all servers.
func (a *Arena) ServerAddrs() (list []string) {
	for _, s := range a.Servers {
		list = append(list, s.Addr())
	}
	return list
}

// SentinelAddrs returns the addresses of all Sentinels.
func (a *Arena) SentinelAddrs() (list []string) {
	for _, s := range a.Sentinels() {
		list = append(list, s.Addr())
	}
	return list
}

// ErrNoMaster means that no Sentinel names a master.
var ErrNoMaster = errors.New("no Sentinel names a master")

// Present returns the server that most of the Sentinels that answer name, or nil if
// none answers.
func (a *Arena) Present(ctx context.Context) *cluster.Server {
	ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	sentinels := a.Sentinels()
	ports := make(chan int, len(sentinels))
	for _, s := range sentinels {
		go func() {
			port, err := s.MasterPort(ctx, MasterName)
			if err != nil {
				port = 0
			}
			ports <- port
		}()
	}
	votes := map[int]int{}
	best := 0
	for range sentinels {
		if port := <-ports; port != 0 {
			if votes[port]++; votes[port] > votes[best] {
				best = port
			}
		}
	}
	return a.ServerAt(best)
}

// seesAllUp complains of who is missing or down in the eyes of a Sentinel. What it tells of
// the links of replicas is left out: it is as old as the last INFO, and Settled asks the
// replicas themselves.
func (a *Arena) seesAllUp(ctx context.Context, s *cluster.Sentinel, sentinels int) error {
	m, err := s.Master(ctx, MasterName)
	if err != nil {
		return err
	}
	replicas, err := s.Replicas(ctx, MasterName)
	if err != nil {
		return err
	}
	peers, err := s.Sentinels(ctx, MasterName)
	if err != nil {
		return err
	}
	if len(replicas) != len(a.Servers)-1 || len(peers) != sentinels-1 {
		return fmt.Errorf("%d replicas and %d other Sentinels, instead of %d and %d", len(replicas), len(peers), len(a.Servers)-1, sentinels-1)
	}
	for _, list := range [][]map[string]string{{m}, replicas, peers} {
		for _, x := range list {
			if strings.Contains(x["flags"], "down") || strings.Contains(x["flags"], "disconnected") || strings.Contains(x["flags"], "failover") {
				return fmt.Errorf("%s with flags %s", x["name"], x["flags"])
			}
		}
	}
	return nil
}

// Settled says how the group looks, and whether all is well: every process answers, all
// Sentinels name one master and see all others up, that server says that it is a master,
// and all other servers follow it.
func (a *Arena) Settled(ctx context.Context) (state string, ok bool) {
	master := 0
	sentinels := a.Sentinels()
	for _, s := range sentinels {
		port, err := s.MasterPort(ctx, MasterName)
		if err != nil {
			return fmt.Sprintf("%s does not answer: %v", s.Name(), err), false
		}
		if master != 0 && port != master {
			return fmt.Sprintf("%s names port %d, others name port %d", s.Name(), port, master), false
		}
		master = port
		if err := a.seesAllUp(ctx, s, len(sentinels)); err != nil {
			return s.Name() + " sees " + err.Error(), false
		}
	}
	for _, s := range a.Servers {
		r, err := s.Replication(ctx)
		switch {
		case err != nil:
			return fmt.Sprintf("%s does not answer: %v", s.Name(), err), false
		case s.Port() == master && (r.Role != "master" || r.Replicas != len(a.Servers)-1),
			s.Port() != master && (r.Role != "slave" || r.MasterPort != master || !r.LinkUp):
			return fmt.Sprintf("%s (port %d) is %v; Sentinels name port %d", s.Name(), s.Port(), r, master), false
		}
	}
	return fmt.Sprintf("all follow port %d", master), true
}
