package mixed

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// Burst kills several masters at once, as the loss of a machine does.
//
// The epoch is common to all masters of a Sentinel. When elections for several
// of them overlap, a stock candidate asks for votes at whatever the epoch is
// then, but counts its own at the epoch at which it began. A Sentinel that is
// faster than its peers could keep raising the epoch under their elections until
// they are given up.
type Burst struct {
	Programs  Programs
	Ratio     Ratio
	Masters   int
	Rounds    int
	DownAfter time.Duration
	// Late are the times by which the gosentinels' down-after is longer than that
	// of the stock Sentinels, for one round after the other and then from the
	// front again. With 0 gosentinels stand for election first, with seconds the
	// stock ones do, and in between they meet. Nil means 0.
	Late []time.Duration
	// OnRound, if not nil, is called after each round.
	OnRound func(Round)
}

// Round is one burst in a set of its own.
type Round struct {
	Ratio Ratio
	N     int // from 1
	Late  time.Duration
	// First and Last are when the first and the last master had been replaced
	// everywhere, counted from the kill.
	First, Last time.Duration
	// Attempts, Leaders and Aborts are counted by kind.
	Attempts, Leaders, Aborts map[Kind]int
	// Derailed are the aborted elections of stock Sentinels into which a
	// gosentinel had brought a candidacy of its own.
	Derailed []string
	// Superseded counts the leaders that were followed, before they were done, by
	// one elected in a later epoch, by the kind of the later one. The rules allow
	// that: a voter cannot know whether a leader is slow or dead.
	Superseded map[Kind]int
	// DoubleLeaders are the masters for which two Sentinels were elected in one
	// epoch. Stock Sentinels among themselves can do that.
	DoubleLeaders []string
	// Violations are the promises that were broken; there should be none.
	Violations []string
	// Elections are the events from which it can be understood how, from the kill
	// on; only if there are violations.
	Elections []string
}

// Run runs the experiment, each round in a cluster of its own.
func (b Burst) Run(ctx context.Context) (rounds []Round, err error) {
	for i := range b.Rounds {
		var r Round
		err := b.Programs.inCluster(func(c *cluster.Cluster) (err error) {
			r, err = b.round(ctx, c, i+1)
			return err
		})
		if err != nil {
			return rounds, fmt.Errorf("burst %d of %s: %w", i+1, b.Ratio, err)
		}
		rounds = append(rounds, r)
		if b.OnRound != nil {
			b.OnRound(r)
		}
	}
	return rounds, nil
}

func (b Burst) round(ctx context.Context, c *cluster.Cluster, n int) (Round, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	r := Round{Ratio: b.Ratio, N: n}
	if len(b.Late) > 0 {
		r.Late = b.Late[(n-1)%len(b.Late)]
	}
	groups, who, err := b.start(ctx, c, r.Late)
	if err != nil {
		return r, err
	}
	killed := time.Now()
	for _, g := range groups {
		if err := g.Servers[0].Signal(9); err != nil {
			return r, err
		}
	}
	if r.First, r.Last, err = allReplaced(ctx, groups, killed); err != nil {
		return r, err
	}
	r.Violations, err = agreed(ctx, groups)
	events := c.Events().Since(killed)
	r.digest(events, who)
	if r.judge(); len(r.Violations) > 0 {
		r.Elections = elections(events, killed, who)
	}
	return r, err
}

// start starts the servers and one set of Sentinels that watch all masters.
func (b Burst) start(ctx context.Context, c *cluster.Cluster, late time.Duration) ([]*cluster.Group, map[string]member, error) {
	var groups []*cluster.Group
	for i := range b.Masters {
		name := "m" + strconv.Itoa(i+1)
		g, err := c.Start(ctx, cluster.Topology{Master: name, Replicas: 1, Prefix: name + "-"})
		if err != nil {
			return nil, nil, err
		}
		groups = append(groups, g)
	}
	who := map[string]member{}
	var sentinels []*cluster.Sentinel
	for i, k := range b.Ratio.Kinds() {
		m := cluster.Monitored{Quorum: b.Ratio.Quorum(), DownAfter: b.DownAfter, FailoverTimeout: failoverTimeout}
		switch {
		case k == Ours:
			m.DownAfter += late
		case late > 0:
			// Stock Sentinels in the minority could not begin without the others.
			m.Quorum = min(b.Ratio.Stock, m.Quorum)
		}
		s, err := b.startSentinel(c, groups, "sentinel"+strconv.Itoa(i), k, m)
		if err != nil {
			return nil, nil, err
		}
		who[s.Name()] = member{kind: k}
		sentinels = append(sentinels, s)
	}
	for _, s := range sentinels {
		if err := s.WaitReady(ctx); err != nil {
			return nil, nil, err
		}
		id, err := s.MyID(ctx)
		if err != nil {
			return nil, nil, err
		}
		who[s.Name()] = member{who[s.Name()].kind, id}
	}
	for _, g := range groups {
		g.Sentinels = sentinels
		if err := g.WaitViews(ctx); err != nil {
			return nil, nil, err
		}
	}
	return groups, who, nil
}

func (b Burst) startSentinel(c *cluster.Cluster, groups []*cluster.Group, name string, k Kind, m cluster.Monitored) (*cluster.Sentinel, error) {
	port, err := c.Port()
	if err != nil {
		return nil, err
	}
	conf := ""
	for i, g := range groups {
		m.Name, m.Port = g.Master, g.Servers[0].Port()
		one := cluster.SentinelConf(port, m)
		if i > 0 {
			// Only the lines about the master: the rest is there already.
			_, one, _ = strings.Cut(one, "port "+strconv.Itoa(port)+"\n")
		}
		conf += one
	}
	if k == Ours {
		for _, line := range b.Programs.OursConf {
			conf += line + "\n"
		}
	}
	return c.StartSentinel(cluster.NodeSpec{Name: name, Port: port, Conf: conf, Command: b.Programs.command(k)})
}

// allReplaced waits until all Sentinels name the only replica of each group, and
// returns when that was so for the first group and for the last one.
func allReplaced(ctx context.Context, groups []*cluster.Group, killed time.Time) (first, last time.Duration, err error) {
	left := slices.Clone(groups)
	err = cluster.WaitFor(ctx, "all masters to be replaced", func(ctx context.Context) (string, bool) {
		var waiting []string
		left = slices.DeleteFunc(left, func(g *cluster.Group) bool {
			for _, s := range g.Sentinels {
				if port, err := s.MasterPort(ctx, g.Master); err != nil || port != g.Servers[1].Port() {
					waiting = append(waiting, fmt.Sprintf("%s at %s: port %d, %v", g.Master, s.Name(), port, err))
					return false
				}
			}
			if last = time.Since(killed); first == 0 {
				first = last
			}
			return true
		})
		return strings.Join(waiting, "; "), len(left) == 0
	})
	return first, last, err
}

// agreed waits until all failovers are over and compares the outcome.
func agreed(ctx context.Context, groups []*cluster.Group) (wrong []string, err error) {
	for _, g := range groups {
		epochs := make([]string, len(g.Sentinels))
		for i, s := range g.Sentinels {
			err := cluster.WaitFor(ctx, s.Name()+" to be done with "+g.Master, func(ctx context.Context) (string, bool) {
				m, err := s.Master(ctx, g.Master)
				epochs[i] = m["config-epoch"]
				return fmt.Sprint(m["flags"], " ", m["port"], " ", err), err == nil && m["flags"] == "master" && m["port"] == strconv.Itoa(g.Servers[1].Port())
			})
			if err != nil {
				return nil, err
			}
		}
		if len(slices.Compact(slices.Clone(epochs))) != 1 {
			wrong = append(wrong, fmt.Sprintf("%s has config epochs %v", g.Master, epochs))
		}
		if r, err := g.Servers[1].Replication(ctx); err != nil || r.Role != "master" {
			wrong = append(wrong, fmt.Sprintf("the new master of %s is %v, %v", g.Master, r, err))
		}
	}
	return wrong, nil
}

// judge adds what the figures violate. What stock Sentinels do among themselves
// is only what the others are compared with.
func (r *Round) judge() {
	r.Violations = append(r.Violations, r.Derailed...)
	if r.Ratio.Ours > 0 {
		r.Violations = append(r.Violations, r.DoubleLeaders...)
	}
}
