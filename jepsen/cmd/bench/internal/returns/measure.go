package returns

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/traffic"
)

// measure has the old master return.
func measure(ctx context.Context, c *cluster.Cluster, o Options, program string) (r result, err error) {
	g, err := c.Start(ctx, o.topology(program))
	if err != nil {
		return r, err
	}
	old := g.Servers[0]
	if err := fill(ctx, old, o.Keys); err != nil {
		return r, err
	}
	killed := time.Now()
	old.Kill()
	master, err := g.WaitNewMaster(ctx, old)
	if err != nil {
		return r, err
	}
	select {
	case <-ctx.Done():
		return r, context.Cause(ctx)
	case <-time.After(time.Until(killed.Add(o.Away))):
	}
	site := &traffic.Site{Master: g.Master}
	clients := traffic.Start(site, traffic.Load{Writers: []traffic.Writers{
		{Clients: o.Clients, PerSecond: o.Clients * o.PerClient, Sticky: true},
	}}, old.Addr())
	defer clients.Stop()
	first := firstAck(ctx, clients)
	back := time.Now()
	if err := old.Start(); err != nil {
		return r, err
	}
	if err := old.WaitReplicaOf(ctx, master); err != nil {
		return r, err
	}
	r.converted = time.Since(back)
	clients.Stop()
	r.accepted = clients.Seen().Acked
	if last := clients.LastFrom(old.Addr()); !last.IsZero() {
		r.taken = last.Sub(first())
	}
	return r, nil
}

// firstAck returns a function that says when the first write was acknowledged, to the
// resolution of a millisecond.
func firstAck(ctx context.Context, clients *traffic.Traffic) func() time.Time {
	ctx, cancel := context.WithCancel(ctx)
	var at time.Time
	var work sync.WaitGroup
	work.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for clients.Seen().Acked == 0 {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
		at = time.Now()
	})
	return func() time.Time { cancel(); work.Wait(); return at }
}

func (o Options) topology(program string) cluster.Topology {
	t := cluster.Topology{
		Replicas: o.Replicas, Sentinels: o.Sentinels, Quorum: o.Quorum(),
		DownAfter: o.DownAfter, FailoverTimeout: 10 * time.Second,
	}
	if !strings.Contains(program, "redis-sentinel") {
		t.SentinelConf = o.Config
	}
	return t
}

// fill gives a server keys, and saves them where it loads them from.
func fill(ctx context.Context, s *cluster.Server, keys int) error {
	if keys == 0 {
		return nil
	}
	if err := s.Client().Do(ctx, "EVAL", "for i = 1, ARGV[1] do redis.call('SET', 'bench:load:' .. i, i) end", 0, keys).Err(); err != nil {
		return err
	}
	return s.Client().Save(ctx).Err()
}

// watched is for how long writes to a master that was restarted are watched.
const watched = 5 * time.Second

// restartAll restarts everything.
func restartAll(ctx context.Context, c *cluster.Cluster, o Options, program string) (r result, err error) {
	g, err := c.Start(ctx, o.topology(program))
	if err != nil {
		return r, err
	}
	for _, s := range g.Sentinels {
		s.Kill()
	}
	for _, s := range g.Servers {
		s.Kill()
	}
	for _, s := range g.Servers {
		err = errors.Join(err, s.Start())
	}
	for _, s := range g.Sentinels {
		err = errors.Join(err, s.Start())
	}
	if err != nil {
		return r, err
	}
	if r.delay, err = longestWrite(ctx, g.Servers[0].Addr()); err != nil {
		return r, err
	}
	ports, err := g.Servers[0].Replication(ctx)
	if err == nil && ports.Role != "master" {
		err = fmt.Errorf("the master was replaced: %s", ports)
	}
	return r, err
}

// longestWrite returns how long a write to a server waits at most, once it takes
// connections. What it refuses while it loads is tried again, and its wait counts.
func longestWrite(ctx context.Context, addr string) (longest time.Duration, err error) {
	conn, err := dial(ctx, addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	end := time.Now().Add(watched)
	for time.Now().Before(end) {
		began := time.Now()
		for reply := ""; !strings.HasPrefix(reply, "+OK"); {
			_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
			if _, err = conn.Write([]byte("SET bench:probe 1\r\n")); err != nil {
				return longest, err
			}
			if reply, err = in.ReadString('\n'); err != nil {
				return longest, err
			}
			if strings.HasPrefix(reply, "-LOADING") {
				began = time.Now()
			}
		}
		longest = max(longest, time.Since(began))
		select {
		case <-ctx.Done():
			return longest, context.Cause(ctx)
		case <-time.After(time.Millisecond):
		}
	}
	return longest, nil
}

func dial(ctx context.Context, addr string) (conn net.Conn, err error) {
	err = cluster.WaitFor(ctx, "the master to take connections", func(ctx context.Context) (string, bool) {
		var d net.Dialer
		conn, err = d.DialContext(ctx, "tcp", addr)
		return fmt.Sprint(err), err == nil
	})
	return conn, err
}
