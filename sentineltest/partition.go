package sentineltest

import (
	"slices"
	"testing"
)

// Node is a [Redis] or a [Sentinel], or [Clients].
type Node interface{ place() *host }

// Clients stands for everything on the network that is no node of the cluster: the
// clients of the test. See [Cluster.Partition].
var Clients Node = clients{}

type clients struct{}

func (clients) place() *host { return &host{name: outside} }

func (clients) String() string { return "clients" }

// partition is how the nodes of one cluster are divided.
type partition struct {
	side []Node // the one that was named; nil while all is one
}

// divide checks side and divides all nodes.
func (p *partition) divide(t testing.TB, n *Network, all, side []Node) {
	t.Helper()
	if len(side) == 0 {
		t.Fatalf("sentineltest: Partition without nodes: name those of one side")
	}
	for _, node := range side {
		if node != Clients && !slices.Contains(all, node) {
			t.Fatalf("sentineltest: Partition of a node of another cluster: %v", node)
		}
	}
	p.heal(n, all)
	n.divide(all, side)
	p.side = side
}

func (p *partition) heal(n *Network, all []Node) {
	n.heal(all)
	p.side = nil
}

// named reports whether a node is on the side that was named.
func (p *partition) named(node Node) bool { return slices.Contains(p.side, node) }

// divide puts side on one side of the network, and the rest of all on the other.
func (n *Network) divide(all, side []Node) {
	n.change(func() {
		for _, node := range all {
			n.sides[node.place().name] = 1
		}
		for _, node := range side {
			n.sides[node.place().name] = 2
		}
	})
}

// heal takes nodes back together.
func (n *Network) heal(all []Node) {
	n.change(func() {
		for _, node := range all {
			delete(n.sides, node.place().name)
		}
		delete(n.sides, outside)
	})
}
