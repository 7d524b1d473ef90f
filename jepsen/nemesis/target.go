package nemesis

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gosentinel/sentinel/jepsen/arena"
	"github.com/gosentinel/sentinel/jepsen/netns"
	"github.com/gosentinel/sentinel/jepsen/schedule"
)

// targets are whom a fault strikes.
type targets struct {
	nodes  []arena.Node
	beside []string // names of further hosts on their side
}

// choose decides who has the role at this moment.
func (n *Nemesis) choose(ctx context.Context, f schedule.Fault) (targets, error) {
	var t targets
	servers, sentinels := n.arena.ServerNodes(), n.arena.SentinelNodes()
	switch f.On {
	case schedule.Master, schedule.Replica:
		master := n.arena.Present(ctx)
		if master == nil {
			return t, arena.ErrNoMaster
		}
		if f.On == schedule.Master {
			t.nodes = []arena.Node{master}
			break
		}
		others := slices.DeleteFunc(slices.Clone(servers), func(s arena.Node) bool { return s.Name() == master.Name() })
		t.nodes = some(others, 1, f.Pick)
	case schedule.Leader:
		t.nodes = some(sentinels, 1, f.Pick)
		if i := slices.IndexFunc(sentinels, func(s arena.Node) bool { return s.Name() == n.leader() }); i >= 0 {
			t.nodes = sentinels[i : i+1]
		}
	case schedule.Sentinel:
		t.nodes = some(sentinels, 1, f.Pick)
	case schedule.Minority:
		t.nodes = some(sentinels, max(1, (len(sentinels)-1)/2), f.Pick)
	case schedule.Majority:
		t.nodes = some(sentinels, len(sentinels)/2+1, f.Pick)
	case schedule.Everybody:
		t.nodes = n.arena.Nodes()
	case schedule.Anybody:
		t.nodes = some(n.arena.Nodes(), 1, f.Pick)
	default:
		return t, fmt.Errorf("nobody is called %q", f.On)
	}
	return t, t.take(n.arena, f)
}

// some returns k of a list, beginning with one that pick chooses.
func some(list []arena.Node, k int, pick uint64) (chosen []arena.Node) {
	for i := range k {
		chosen = append(chosen, list[(int(pick%uint64(len(list)))+i)%len(list)])
	}
	return chosen
}

// take chooses who is beside the nodes of a fault.
func (t *targets) take(a *arena.Arena, f schedule.Fault) error {
	for _, b := range f.Beside {
		switch b {
		case "client":
			list := a.ClientNames()
			t.beside = append(t.beside, list[f.Pick%uint64(len(list))])
		case "sentinel":
			sentinels := a.SentinelNodes()
			i := slices.IndexFunc(sentinels, func(s arena.Node) bool {
				return !slices.ContainsFunc(t.nodes, func(n arena.Node) bool { return n.Name() == s.Name() })
			})
			if i < 0 {
				return errors.New("there is no further Sentinel to be beside")
			}
			// The first one is as good as any: Sentinels are alike.
			t.beside = append(t.beside, sentinels[i].Name())
		}
	}
	return nil
}

// sides returns the hosts of both sides of a partition.
func (t targets) sides(a *arena.Arena) (in, out []*netns.Host, err error) {
	if a.Network() == nil {
		return nil, nil, errors.New("hosts have no networks of their own here, so nothing can be cut")
	}
	names := map[string]bool{}
	for _, n := range t.nodes {
		names[n.Name()] = true
	}
	for _, b := range t.beside {
		names[b] = true
	}
	for name := range names {
		in = append(in, a.Host(name))
	}
	return in, a.Hosts(names), nil
}
