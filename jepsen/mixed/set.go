package mixed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// Kind tells the two implementations apart.
type Kind string

// The kinds of Sentinels.
const (
	Stock Kind = "stock"
	Ours  Kind = "ours"
)

// Programs are the commands that start Sentinels of either kind.
type Programs struct {
	Stock, Ours []string
	// OursConf are further lines for the files of gosentinels. They must not be
	// lines that a stock Sentinel refuses where files change hands (Roll).
	OursConf []string
	// Inspect, if not nil, is called with the directory of each experiment at its
	// end, while the logs are there.
	Inspect func(dir string)
}

func (p Programs) command(k Kind) []string {
	if k == Ours {
		return p.Ours
	}
	return p.Stock
}

// Ratio is the number of Sentinels of each kind.
type Ratio struct{ Stock, Ours int }

// String returns "2+1" for two stock Sentinels and one gosentinel.
func (r Ratio) String() string { return fmt.Sprintf("%d+%d", r.Stock, r.Ours) }

// ParseRatio reads what String writes.
func ParseRatio(text string) (Ratio, error) {
	stock, ours, ok := strings.Cut(text, "+")
	s, err := strconv.Atoi(stock)
	o, oerr := strconv.Atoi(ours)
	if !ok || err != nil || oerr != nil || s < 0 || o < 0 || s+o < 1 || s+o > maxSentinels {
		return Ratio{}, fmt.Errorf("ratio %q: want stock+ours, such as 2+1, at most %d in all", text, maxSentinels)
	}
	return Ratio{s, o}, nil
}

// maxSentinels keeps a typing error from filling the machine.
const maxSentinels = 15

// Total returns the number of all Sentinels.
func (r Ratio) Total() int { return r.Stock + r.Ours }

// Quorum returns the majority.
func (r Ratio) Quorum() int { return r.Total()/2 + 1 }

// Kinds returns the kind of each Sentinel; the stock ones come first.
func (r Ratio) Kinds() []Kind {
	return append(slices.Repeat([]Kind{Stock}, r.Stock), slices.Repeat([]Kind{Ours}, r.Ours)...)
}

// Set is a running group of servers and Sentinels of both kinds.
type Set struct {
	*cluster.Group
	// Kinds are those of Group.Sentinels, in the same order.
	Kinds []Kind
	// Want are the settings of the master that all Sentinels must report.
	Want cluster.Monitored
	// Announced are the addresses, as "ip:port", by which the Sentinels know each
	// other, in the order of Group.Sentinels. Nil means that nothing stands
	// between them.
	Announced []string
}

// NewSet says what a group that was started from top must look like.
func NewSet(g *cluster.Group, top cluster.Topology, kinds []Kind) *Set {
	return &Set{Group: g, Kinds: kinds, Want: cluster.Monitored{
		Name: g.Master, Quorum: top.Quorum, DownAfter: top.DownAfter, FailoverTimeout: top.FailoverTimeout,
		ParallelSyncs: max(top.ParallelSyncs, 1), // the default
	}}
}

// Topology returns the usual set-up for a ratio: one master, two replicas.
func (p Programs) Topology(r Ratio, downAfter time.Duration) cluster.Topology {
	kinds := r.Kinds()
	top := cluster.Topology{
		Replicas: 2, Sentinels: r.Total(), Quorum: r.Quorum(),
		DownAfter: downAfter, FailoverTimeout: failoverTimeout,
		EachSentinelConf: func(i int) []string {
			if kinds[i] == Ours {
				return p.OursConf
			}
			return nil
		},
	}
	for _, k := range kinds {
		top.SentinelCommands = append(top.SentinelCommands, p.command(k))
	}
	return top
}

// failoverTimeout is short, so that a split vote, which costs up to three times
// this, shows up as a split vote and not as the end of a run.
const failoverTimeout = 6 * time.Second

// start starts a set in a cluster.
func start(ctx context.Context, c *cluster.Cluster, p Programs, r Ratio, downAfter time.Duration) (*Set, error) {
	top := p.Topology(r, downAfter)
	g, err := c.Start(ctx, top)
	if err != nil {
		return nil, err
	}
	return NewSet(g, top, r.Kinds()), nil
}

// kindOf returns the kind of the Sentinel with this node name.
func (s *Set) kindOf(name string) Kind {
	i := slices.IndexFunc(s.Sentinels, func(n *cluster.Sentinel) bool { return n.Name() == name })
	if i < 0 {
		return ""
	}
	return s.Kinds[i]
}

// of returns the Sentinels of one kind.
func (s *Set) of(k Kind) (list []*cluster.Sentinel) {
	for i, n := range s.Sentinels {
		if s.Kinds[i] == k {
			list = append(list, n)
		}
	}
	return list
}

// set changes one option of the master in some Sentinels.
func (s *Set) set(ctx context.Context, list []*cluster.Sentinel, option string, value int64) error {
	for _, n := range list {
		if _, err := n.Do(ctx, "SENTINEL", "SET", s.Master, option, value); err != nil {
			return fmt.Errorf("SENTINEL SET %s %d on %s: %w", option, value, n.Name(), err)
		}
	}
	return nil
}

// inCluster runs an experiment in a cluster of its own. An error brings the ends
// of all logs with it.
func (p Programs) inCluster(run func(*cluster.Cluster) error) (err error) {
	c, err := cluster.New(cluster.Config{})
	if err != nil {
		return err
	}
	defer func() {
		if p.Inspect != nil {
			p.Inspect(c.Dir())
		}
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, c.Logs(25))
		}
		err = errors.Join(err, c.Close())
	}()
	return run(c)
}
