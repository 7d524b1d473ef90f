package planned

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/relay"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/traffic"
)

// failoverTimeout is that of the Sentinels.
const failoverTimeout = 10 * time.Second

// The users of a row with limited rights.
const (
	guard    = "guard"  // the Sentinels
	app      = "app"    // the clients
	password = "secret" // of both
)

// stage is a row that runs: the servers, what slows them down, and the clients.
type stage struct {
	o       Options
	row     Row
	c       *cluster.Cluster
	g       *cluster.Group
	site    *traffic.Site
	relays  []*relay.Relay
	clients *traffic.Traffic
	asked   int // switchovers so far
}

// enter starts all that the row needs. leave ends what the cluster does not.
func enter(ctx context.Context, c *cluster.Cluster, o Options, row Row, site *traffic.Site) (s *stage, err error) {
	s = &stage{o: o, row: row, c: c, site: site}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.leave())
		}
	}()
	top := cluster.Topology{
		Replicas: row.Replicas, Sentinels: o.Sentinels, Quorum: o.Quorum(), DownAfter: o.DownAfter, FailoverTimeout: failoverTimeout,
		SentinelConf: slices.Clone(o.Lines),
	}
	lines := append([]string{"repl-backlog-size 64mb", "client-output-buffer-limit replica 0 0 0"}, row.ServerConf...)
	if row.Release != "" {
		lines = []string{"imitated-version " + row.Release}
	}
	if row.TLS {
		certificates, access, err := certify(c.Dir())
		if err != nil {
			return nil, err
		}
		top.TLS, top.SentinelConf = access, append(top.SentinelConf, certificates...)
		site.Server.TLS, site.Sentinel.TLS = access, access
		lines = append(lines, certificates...)
	}
	if row.Rights != "" {
		lines = append(lines,
			"user "+guard+" on >"+password+" "+row.Rights,
			"user "+app+" on >"+password+" resetchannels ~bench:* -@all +setbit")
		top.SentinelConf = append(top.SentinelConf, "sentinel auth-user mymaster "+guard, "sentinel auth-pass mymaster "+password)
		site.Server.User, site.Server.Password = app, password
	}
	top.ServerConf = func(int) []string { return lines }
	if row.Slow != (relay.Shape{}) {
		top.ServerFront = s.front
	}
	if s.g, err = c.Start(ctx, top); err != nil {
		return s, err
	}
	if row.Chained {
		if err := s.chain(ctx, lines); err != nil {
			return s, err
		}
	}
	site.Master = s.g.Master
	for _, n := range s.g.Sentinels {
		site.Sentinels = append(site.Sentinels, n.Addr())
	}
	s.clients = traffic.Start(site, row.Load, s.g.Servers[0].Addr())
	return s, nil
}

func (s *stage) leave() error {
	if s.clients != nil {
		s.clients.Stop()
	}
	var errs []error
	for _, r := range s.relays {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}

// front puts a relay before a server. The world knows the server by the port of the
// relay; only clients go past it.
func (s *stage) front(port int) ([]string, error) {
	behind, err := s.c.Port()
	if err != nil {
		return nil, err
	}
	addr := func(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
	r, err := relay.Start(addr(port), addr(behind), s.row.Slow)
	if err != nil {
		return nil, err
	}
	s.relays = append(s.relays, r)
	if s.site.Direct == nil {
		s.site.Direct = map[string]string{}
	}
	s.site.Direct[addr(port)] = addr(behind)
	return []string{"port " + strconv.Itoa(behind), "replica-announce-port " + strconv.Itoa(port)}, nil
}

// chain starts a replica of the first replica. Sentinels learn of it when that one is
// the master.
func (s *stage) chain(ctx context.Context, lines []string) error {
	port, err := s.c.Port()
	if err != nil {
		return err
	}
	first := s.g.Servers[1]
	last, err := s.c.StartServer(cluster.NodeSpec{
		Name: "chained", Port: port, Conf: cluster.ServerConf(port, append([]string{"replicaof 127.0.0.1 " + strconv.Itoa(first.Port())}, lines...)...),
	})
	if err != nil {
		return err
	}
	s.g.Servers = append(s.g.Servers, last)
	return errors.Join(last.WaitReady(ctx), last.WaitReplicaOf(ctx, first))
}

// steady waits until the clients write at their rate.
func (s *stage) steady(ctx context.Context) error {
	if len(s.row.Load.Writers) == 0 {
		return nil
	}
	want := 0
	for _, w := range s.row.Load.Writers {
		if !w.Burst || s.asked == 0 {
			want += w.PerSecond
		}
	}
	return cluster.WaitFor(ctx, "the clients to have written for a second", func(context.Context) (string, bool) {
		n := s.clients.Seen().Acked
		return fmt.Sprintf("%d of %d writes", n, want), n >= want
	})
}

// settled waits until all servers replicate from the master, all Sentinels are done and
// the clients write to it. What Sentinels know of replicas may be older: they look every
// ten seconds.
func (s *stage) settled(ctx context.Context, master *cluster.Server) error {
	for _, r := range s.g.Servers {
		if r == master {
			continue
		}
		if err := s.follows(ctx, r, master); err != nil {
			return err
		}
	}
	for _, n := range s.g.Sentinels {
		if err := s.done(ctx, n); err != nil {
			return err
		}
	}
	if err := s.clients.Alive(ctx); err != nil {
		return err
	}
	return s.clients.Wake(ctx, master.Client())
}

// done waits until a Sentinel sees a sound master and no failover.
func (s *stage) done(ctx context.Context, n *cluster.Sentinel) error {
	return cluster.WaitFor(ctx, n.Name()+" to be done", func(ctx context.Context) (string, bool) {
		m, err := n.Master(ctx, s.g.Master)
		return fmt.Sprint(m["flags"], " ", err), m["flags"] == "master"
	})
}

// follows waits until a server replicates from the master, or from a replica of it.
func (s *stage) follows(ctx context.Context, r, master *cluster.Server) error {
	if !s.row.Chained {
		return r.WaitReplicaOf(ctx, master)
	}
	return cluster.WaitFor(ctx, r.Name()+" to replicate", func(ctx context.Context) (string, bool) {
		state, err := r.Replication(ctx)
		if err != nil {
			return err.Error(), false
		}
		return state.String(), state.Role == "slave" && state.LinkUp
	})
}

// fulls returns how many full resynchronisations all servers have served.
func (s *stage) fulls(ctx context.Context) (n int, err error) {
	for _, r := range s.g.Servers {
		text, err := r.Client().Info(ctx, "stats").Result()
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(text) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), "sync_full:"); ok {
				k, err := strconv.Atoi(v)
				if err != nil {
					return 0, err
				}
				n += k
			}
		}
	}
	return n, nil
}
