package promote

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/traffic"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// try is what is tried.
type try struct {
	n      int
	moment Moment
	kill   bool // the master, instead of a failover that an operator asks for
	beside bool // there is another replica, which is in sync
	ranked bool // the replica that lacks data has the higher rank
	after  time.Duration
}

// result is what a try showed.
type result struct {
	try
	Refused    string // reply or event; empty: none
	Promoted   string // name of the server; empty: none
	KeysAt     int    // what it had of the data set when it was promoted
	Stranger   bool   // its data were not those of the master, as far as it knew
	LostKeys   int    // in the end
	LostWrites int
}

// backAfter is how long after the kill the master is started again. By then a Sentinel
// has made up its mind.
const backAfter = 4 * time.Second

// perform makes one try in a cluster of its own.
func perform(ctx context.Context, o Options, p trial.Program, t try) (r result, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	site := &traffic.Site{}
	onEvent := func(ev cluster.Event) {
		if words := strings.Fields(ev.Text); ev.Name == "+switch-master" && len(words) == 5 {
			site.Switched(net.JoinHostPort(words[3], words[4]))
		}
	}
	err = cluster.Run(cluster.Config{Sentinel: p.Command, OnEvent: onEvent, Keep: o.Keep}, func(c *cluster.Cluster) error {
		r, err = measure(ctx, c, o, t, site)
		return err
	})
	return r, err
}

func measure(ctx context.Context, c *cluster.Cluster, o Options, t try, site *traffic.Site) (r result, err error) {
	r.try = t
	g, err := start(ctx, c, o, t)
	if err != nil {
		return r, err
	}
	master, replica := g.Servers[0], g.Servers[1]
	site.Master = g.Master
	for _, s := range g.Sentinels {
		site.Sentinels = append(site.Sentinels, s.Addr())
	}
	clients := traffic.Start(site, traffic.Load{Writers: []traffic.Writers{{Clients: 2, PerSecond: 200, Burst: t.kill}}}, master.Addr())
	defer clients.Stop()
	if err := t.moment.bring(ctx, master, replica, lacking(t.moment, t.ranked)); err != nil {
		return r, err
	}
	if err := pass(ctx, t.after); err != nil {
		return r, err
	}
	if t.kill {
		clients.EndBurst()
		if err := caughtUp(ctx, g); err != nil {
			return r, err
		}
	}
	lineage, err := info(ctx, master.Client())
	if err != nil {
		return r, err
	}
	end, err := watch(ctx, g.Servers[1:])
	if err != nil {
		return r, err
	}
	defer end()
	final, err := r.disturb(ctx, c, g, master)
	if err != nil {
		return r, err
	}
	if p := end(); p.name != "" {
		r.Promoted, r.KeysAt, r.Stranger = p.name, p.keys, p.replid != lineage["master_replid"]
	}
	return r, r.count(ctx, final.Client(), clients)
}

// start starts the servers, the first of which has the data set, and then the Sentinels.
func start(ctx context.Context, c *cluster.Cluster, o Options, t try) (*cluster.Group, error) {
	top := cluster.Topology{
		Replicas: 1, Sentinels: o.Sentinels, Quorum: o.Quorum(), DownAfter: o.DownAfter, FailoverTimeout: 10 * time.Second, SentinelConf: o.Lines,
		BeforeSentinels: fill,
		ServerConf: func(i int) []string {
			switch i {
			case 0:
				return append([]string{"appendonly yes"}, slowly...)
			case 1:
				return lacking(t.moment, t.ranked)
			}
			return slowly
		},
	}
	if t.beside {
		top.Replicas = 2
	}
	return c.Start(ctx, top)
}

// fill writes the data set, before a Sentinel can see a master without keys.
func fill(ctx context.Context, servers []*cluster.Server) error {
	pipe := servers[0].Client().Pipeline()
	for _, k := range dataSet() {
		pipe.Set(ctx, k, strings.Repeat("v", 100), 0)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	return inSync(ctx, servers[0], servers[1:])
}

func dataSet() []string {
	names := make([]string, keys)
	for i := range names {
		names[i] = "key:" + strconv.Itoa(i)
	}
	return names
}

// pass lets time go by.
func pass(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// caughtUp waits until the replica that is in sync has all that the master has.
func caughtUp(ctx context.Context, g *cluster.Group) error {
	return inSync(ctx, g.Servers[0], g.Servers[2:])
}

func inSync(ctx context.Context, master *cluster.Server, replicas []*cluster.Server) error {
	return cluster.WaitFor(ctx, "replicas to have what the master has", func(ctx context.Context) (string, bool) {
		want, err := info(ctx, master.Client())
		if err != nil {
			return err.Error(), false
		}
		for _, r := range replicas {
			got, err := info(ctx, r.Client())
			if err != nil || got["slave_repl_offset"] != want["master_repl_offset"] {
				return fmt.Sprint(got["slave_repl_offset"], " of ", want["master_repl_offset"], " ", err), false
			}
		}
		return "", true
	})
}

func info(ctx context.Context, client *redis.Client) (map[string]string, error) {
	text, err := client.Info(ctx, "replication").Result()
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields[k] = v
	}
	return fields, nil
}

// disturb fails over or kills the master, and waits until all is in order again. It
// returns who is master then.
func (r *result) disturb(ctx context.Context, c *cluster.Cluster, g *cluster.Group, master *cluster.Server) (final *cluster.Server, err error) {
	if !r.kill {
		if r.Refused, _, err = trial.Order(ctx, c, g, g.Sentinels[r.n%len(g.Sentinels)], master); err != nil {
			return nil, err
		}
		return settled(ctx, g)
	}
	master.Kill()
	if err := pass(ctx, backAfter); err != nil {
		return nil, err
	}
	if err := master.Start(); err != nil {
		return nil, err
	}
	return settled(ctx, g)
}

// settled waits until all Sentinels see a sound group, whose replicas replicate.
func settled(ctx context.Context, g *cluster.Group) (master *cluster.Server, err error) {
	if err := g.WaitViews(ctx); err != nil {
		return nil, err
	}
	err = cluster.WaitFor(ctx, "all servers to replicate from one master", func(ctx context.Context) (string, bool) {
		state, port := trial.Agreed(ctx, g)
		if master = g.ServerAt(port); master == nil {
			return state, false
		}
		for _, s := range g.Servers {
			got, err := s.Replication(ctx)
			if err != nil {
				return err.Error(), false
			}
			if s == master && got.Role != "master" || s != master && (!got.LinkUp || got.MasterPort != port) {
				return s.Name() + " is " + got.String(), false
			}
		}
		return "", true
	})
	return master, err
}

// count counts what is gone.
func (r *result) count(ctx context.Context, final *redis.Client, clients *traffic.Traffic) error {
	left, err := final.Exists(ctx, dataSet()...).Result()
	if err != nil {
		return err
	}
	r.LostKeys = keys - int(left)
	r.LostWrites, _, err = clients.Lost(ctx, final)
	return err
}

// lookEvery is the pause between two looks at the role of a server.
const lookEvery = 5 * time.Millisecond

// promotion is what a replica had when it was promoted.
type promotion struct {
	name   string // of the server; empty: none was promoted
	keys   int    // of the data set
	replid string // the last that it named as a replica
}

// watch sees the replicas as such and then waits until one is promoted. The returned
// function ends that, and returns the first promotion.
func watch(ctx context.Context, replicas []*cluster.Server) (end func() promotion, err error) {
	for _, s := range replicas {
		if err := s.WaitRole(ctx, "slave"); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	var mu sync.Mutex
	var first promotion
	var all sync.WaitGroup
	for _, s := range replicas {
		all.Go(func() {
			p, ok := await(ctx, s)
			mu.Lock()
			defer mu.Unlock()
			if ok && first.name == "" {
				first = p
			}
		})
	}
	return func() promotion {
		cancel()
		all.Wait()
		return first
	}, nil
}

// unknown is the history of a server that was promoted at once.
const unknown = "?"

// await waits until a replica is a master.
func await(ctx context.Context, s *cluster.Server) (p promotion, ok bool) {
	p.replid = unknown
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		got, err := info(ctx, s.Client())
		switch {
		case err != nil: // the promotion cuts clients; the next look dials again
		case got["role"] == "slave":
			p.replid = got["master_replid"]
		default:
			n, err := s.Client().Exists(ctx, dataSet()...).Result()
			p.name, p.keys = s.Name(), int(n)
			if err == nil {
				return p, true
			}
		}
		select {
		case <-ctx.Done():
			return p, false
		case <-tick.C:
		}
	}
}
