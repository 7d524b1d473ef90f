package sentineltest

// Node is a [Redis] or a [Sentinel], or [Clients].
type Node interface{ place() *host }

// Clients stands for everything on the network that is no node of the cluster: the
// clients of the test. See [Cluster.Partition].
var Clients Node = clients{}

type clients struct{}

func (clients) place() *host { return &host{name: outside} }

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
