package agreement

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// result is what one run showed.
type result struct {
	spread  time.Duration // from the first +sdown to the one that makes the quorum
	odown   time.Duration
	address time.Duration
}

// measure runs one failover.
func measure(ctx context.Context, c *cluster.Cluster, o Options, gossip bool) (r result, err error) {
	g, err := c.Start(ctx, cluster.Topology{
		Replicas: o.Replicas, Sentinels: o.Sentinels, Quorum: o.Quorum(), DownAfter: o.DownAfter, FailoverTimeout: 10 * time.Second,
		EachSentinelConf: func(int) []string { return []string{"gossip-port " + gossipPort(c, gossip)} },
	})
	if err != nil {
		return r, err
	}
	if err := waitGossip(ctx, g, gossip); err != nil {
		return r, err
	}
	start := time.Now()
	if err := g.Servers[0].Signal(syscall.SIGKILL); err != nil {
		return r, err
	}
	if _, err := g.WaitNewMaster(ctx, g.Servers[0]); err != nil {
		return r, err
	}
	// The last event of a run may still be on its way here.
	if _, err := c.Events().Wait(ctx, "the leader to finish", cluster.Named("+failover-end")); err != nil {
		return r, err
	}
	return digest(c.Events().Since(start), o.Quorum(), o.Sentinels)
}

// gossipPort returns a free port, or the one that turns gossip off. No port is
// free when the cluster has none left: then the Sentinel will say so.
func gossipPort(c *cluster.Cluster, gossip bool) string {
	port := 0
	if gossip {
		port, _ = c.Port()
	}
	return strconv.Itoa(port)
}

// waitGossip returns when all Sentinels gossip with all others, or none does.
func waitGossip(ctx context.Context, g *cluster.Group, gossip bool) error {
	want := 0
	if gossip {
		want = len(g.Sentinels) - 1
	}
	for _, s := range g.Sentinels {
		err := cluster.WaitFor(ctx, fmt.Sprintf("%s to gossip with %d others", s.Name(), want), func(ctx context.Context) (string, bool) {
			text, err := s.Client().Info(ctx, "sentinel").Result()
			if err != nil {
				return err.Error(), false
			}
			up := counter(text, "sentinel_gossip_peers_up")
			return "it has " + up, up == strconv.Itoa(want)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func counter(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

var errIncomplete = errors.New("the events of the run are not complete")

// digest takes the times from the events of one failover.
func digest(events []cluster.Event, quorum, sentinels int) (result, error) {
	var sdown []time.Time
	odown, switched := map[string]time.Time{}, map[string]time.Time{}
	var promoted time.Time
	leader := ""
	first := func(times map[string]time.Time, ev cluster.Event) {
		if _, known := times[ev.Sentinel]; !known {
			times[ev.Sentinel] = ev.At
		}
	}
	for _, ev := range events {
		switch ev.Name {
		case "+sdown":
			if strings.HasPrefix(ev.Text, "master ") {
				sdown = append(sdown, ev.At)
			}
		case "+odown":
			first(odown, ev)
		case "+elected-leader":
			leader = ev.Sentinel
		case "+promoted-slave":
			promoted = ev.At
		case "+switch-master":
			first(switched, ev)
		}
	}
	slices.SortFunc(sdown, time.Time.Compare)
	if len(sdown) < quorum || leader == "" || promoted.IsZero() || odown[leader].IsZero() || len(switched) != sentinels {
		return result{}, fmt.Errorf("%w: %d +sdown, leader %q, %d +odown, %d +switch-master", errIncomplete, len(sdown), leader, len(odown), len(switched))
	}
	agreed := sdown[quorum-1]
	r := result{spread: agreed.Sub(sdown[0]), odown: odown[leader].Sub(agreed)}
	for name, at := range switched {
		if name != leader {
			r.address = max(r.address, at.Sub(promoted))
		}
	}
	return r, nil
}

// Measure runs one failover in a cluster of gosentinels. It returns how long after the
// +sdown that makes the quorum the leader said +odown, and how long after the promotion
// the last Sentinel gave the new address.
func Measure(ctx context.Context, c *cluster.Cluster, s trial.Setup, gossip bool) (odown, address time.Duration, err error) {
	r, err := measure(ctx, c, Options{Setup: s}, gossip)
	return r.odown, r.address, err
}
