package cluster

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Topology describes the usual set-up: one master, its replicas, and Sentinels
// that watch them.
type Topology struct {
	// Master is the name of the master; empty means "mymaster".
	Master string
	// Replicas and Sentinels are their numbers.
	Replicas, Sentinels int
	// Quorum, DownAfter, FailoverTimeout and ParallelSyncs are set in every
	// Sentinel; zero leaves the Sentinel's default, but a quorum of 0 means 2.
	Quorum          int
	DownAfter       time.Duration
	FailoverTimeout time.Duration
	ParallelSyncs   int
	// ServerConf returns further lines for server i; 0 is the master. May be nil.
	ServerConf func(i int) []string
	// ServerFront, if not nil, is called with the port by which the world knows a
	// server, before that starts. It may listen there on behalf of the server, and
	// returns further lines, which give the server another port to listen at.
	ServerFront func(port int) (lines []string, err error)
	// BeforeSentinels, if not nil, is called when all replicas are in sync and no
	// Sentinel has started.
	BeforeSentinels func(ctx context.Context, servers []*Server) error
	// User and Password are what this package's clients use on the servers.
	User, Password string
	// SentinelConf are further lines for every Sentinel.
	SentinelConf []string
	// EachSentinelConf returns further lines for Sentinel i. May be nil.
	EachSentinelConf func(i int) []string
	// TLS, if not nil, makes all nodes listen with TLS alone, and is what this
	// package's clients use. The files of the certificates, and tls-replication,
	// are a matter of ServerConf and SentinelConf.
	TLS *tls.Config
	// SentinelUser and SentinelPassword are what this package's clients use on the
	// Sentinels.
	SentinelUser, SentinelPassword string
	// SentinelCommands are the programs of the Sentinels in turn; the last one
	// serves for the rest. Nil means Config.Sentinel.
	SentinelCommands [][]string
	// ServerHost and SentinelHost, if not nil, say where server and Sentinel i run.
	ServerHost, SentinelHost func(i int) Host
	// Prefix stands before every node name, so that one cluster can hold several.
	Prefix string
}

// Group is a running topology.
type Group struct {
	Master    string // name
	Servers   []*Server
	Sentinels []*Sentinel
}

// Start starts a topology and returns when it is complete: every replica is in
// sync and every Sentinel knows every replica and every other Sentinel.
//
// Sentinels start after the replicas are online, because a Sentinel learns
// replicas from the master's INFO, which a stock one reads every 10 s only.
func (c *Cluster) Start(ctx context.Context, t Topology) (*Group, error) {
	if t.Master == "" {
		t.Master = "mymaster"
	}
	if t.Quorum == 0 {
		t.Quorum = 2
	}
	g := &Group{Master: t.Master}
	if err := c.startServers(ctx, t, g); err != nil {
		return g, err
	}
	if t.BeforeSentinels != nil {
		if err := t.BeforeSentinels(ctx, g.Servers); err != nil {
			return g, err
		}
	}
	if err := c.startSentinels(ctx, t, g); err != nil {
		return g, err
	}
	return g, g.WaitViews(ctx)
}

func (c *Cluster) startServers(ctx context.Context, t Topology, g *Group) error {
	for i := range t.Replicas + 1 {
		port, err := c.Port()
		if err != nil {
			return err
		}
		var lines []string
		if i > 0 {
			lines = append(lines, "replicaof "+cmp.Or(hostOf(t.ServerHost, 0).Addr, loopback)+" "+strconv.Itoa(g.Servers[0].Port()))
		}
		if t.ServerConf != nil {
			lines = append(lines, t.ServerConf(i)...)
		}
		lines = concat(lines, t.ports(port))
		if t.ServerFront != nil {
			front, err := t.ServerFront(port)
			if err != nil {
				return err
			}
			lines = append(lines, front...)
		}
		host := hostOf(t.ServerHost, i)
		s, err := c.StartServer(NodeSpec{
			Name: t.Prefix + "server" + strconv.Itoa(i), Host: host, Port: port, Conf: ServerConf(port, concat(host.Lines(), lines)...),
			User: t.User, Password: t.Password, TLS: t.TLS,
		})
		if err != nil {
			return err
		}
		if err := s.WaitReady(ctx); err != nil {
			return err
		}
		g.Servers = append(g.Servers, s)
	}
	for _, s := range g.Servers[1:] {
		if err := s.WaitReplicaOf(ctx, g.Servers[0]); err != nil {
			return err
		}
	}
	return WaitFor(ctx, "all replicas online at the master", func(ctx context.Context) (string, bool) {
		r, err := g.Servers[0].Replication(ctx)
		if err != nil {
			return err.Error(), false
		}
		return r.String(), r.Replicas == t.Replicas
	})
}

func (c *Cluster) startSentinels(ctx context.Context, t Topology, g *Group) error {
	for i := range t.Sentinels {
		port, err := c.Port()
		if err != nil {
			return err
		}
		host := hostOf(t.SentinelHost, i)
		lines := concat(host.Lines(), t.SentinelConf, t.ports(port))
		if t.EachSentinelConf != nil {
			lines = append(lines, t.EachSentinelConf(i)...)
		}
		spec := NodeSpec{
			Name: t.Prefix + "sentinel" + strconv.Itoa(i), Host: host, Port: port,
			Conf: SentinelConf(port, Monitored{
				Name: t.Master, Host: hostOf(t.ServerHost, 0).Addr, Port: g.Servers[0].Port(), Quorum: t.Quorum,
				DownAfter: t.DownAfter, FailoverTimeout: t.FailoverTimeout, ParallelSyncs: t.ParallelSyncs,
			}, lines...),
			User: t.SentinelUser, Password: t.SentinelPassword, TLS: t.TLS,
		}
		if len(t.SentinelCommands) > 0 {
			spec.Command = t.SentinelCommands[min(i, len(t.SentinelCommands)-1)]
		}
		s, err := c.StartSentinel(spec)
		if err != nil {
			return err
		}
		g.Sentinels = append(g.Sentinels, s)
	}
	for _, s := range g.Sentinels {
		if err := s.WaitReady(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ports returns the lines that turn a plain port into one with TLS. The later of
// two lines counts.
func (t Topology) ports(port int) []string {
	if t.TLS == nil {
		return nil
	}
	return []string{"port 0", "tls-port " + strconv.Itoa(port)}
}

// WaitViews returns when every running Sentinel sees all servers but the master
// as sound replicas and all other Sentinels of the group.
func (g *Group) WaitViews(ctx context.Context) error {
	for _, s := range g.Sentinels {
		if !s.Running() {
			continue
		}
		if err := s.WaitView(ctx, g.Master, len(g.Servers)-1, len(g.Sentinels)-1); err != nil {
			return err
		}
	}
	return nil
}

// WaitNewMaster returns when every running Sentinel names the same server and
// it is not old. That server must say itself that it is a master.
func (g *Group) WaitNewMaster(ctx context.Context, old *Server) (*Server, error) {
	var found *Server
	what := fmt.Sprintf("all Sentinels to agree on a master other than %s (port %d)", old.Name(), old.Port())
	err := WaitFor(ctx, what, func(ctx context.Context) (string, bool) {
		ports, err := g.masterPorts(ctx)
		state := fmt.Sprintf("ports %v %v", ports, err)
		if err != nil || len(ports) == 0 || ports[0] == old.Port() || len(slices.Compact(slices.Clone(ports))) != 1 {
			return state, false
		}
		found = g.ServerAt(ports[0])
		return state, found != nil
	})
	if err != nil {
		return nil, err
	}
	return found, found.WaitRole(ctx, "master")
}

func (g *Group) masterPorts(ctx context.Context) ([]int, error) {
	var ports []int
	for _, s := range g.Sentinels {
		if !s.Running() {
			continue
		}
		port, err := s.MasterPort(ctx, g.Master)
		if err != nil {
			return ports, fmt.Errorf("%s: %w", s.Name(), err)
		}
		ports = append(ports, port)
	}
	return ports, nil
}

// ServerAt returns the server of the group that listens on port, or nil.
func (g *Group) ServerAt(port int) *Server {
	i := slices.IndexFunc(g.Servers, func(s *Server) bool { return s.Port() == port })
	if i < 0 {
		return nil
	}
	return g.Servers[i]
}
