package explore

import (
	"fmt"
	"math/bits"

	"github.com/gosentinel/sentinel/monitor"
)

// facts is a set of things that have happened and can never unhappen: messages
// that were sent, and elections that were won. The network is nothing but this
// set: each message in it may be delivered now, later, again, or never, and to
// the one who has crashed since. That covers loss, duplication, reordering and
// any delay at once.
type facts [3]uint64

func (f *facts) add(bit int)     { f[bit>>6] |= 1 << (bit & 63) }
func (f *facts) remove(bit int)  { f[bit>>6] &^= 1 << (bit & 63) }
func (f facts) has(bit int) bool { return f[bit>>6]>>(bit&63)&1 != 0 }

func (f *facts) union(g facts) {
	for k := range f {
		f[k] |= g[k]
	}
}

func (f facts) minus(g facts) (d facts) {
	for k := range f {
		d[k] = f[k] &^ g[k]
	}
	return d
}

func (f facts) and(g facts) facts {
	for k := range f {
		f[k] &= g[k]
	}
	return f
}

func (f facts) meets(g facts) bool {
	for k := range f {
		if f[k]&g[k] != 0 {
			return true
		}
	}
	return false
}

// each calls do for every fact, in order.
func (f facts) each(do func(bit int)) {
	for k, w := range f {
		for ; w != 0; w &= w - 1 {
			do(k<<6 + bits.TrailingZeros64(w))
		}
	}
}

// factKind is what a fact is about.
type factKind uint8

const (
	request factKind = iota // node asks all for their votes for master at epoch
	vote                    // node says that it voted for who in epoch
	hello                   // the current epoch of some Sentinel is epoch
	opinion                 // node says that master is down
	leader                  // node was elected to fail over master at epoch
)

// fact is one of them, spelt out.
type fact struct {
	kind              factKind
	master, node, who int
	epoch             monitor.Epoch
}

func (f fact) String() string {
	switch f.kind {
	case request:
		return fmt.Sprintf("%s asks for votes about %s at epoch %d", nodeName(f.node), masterName(f.master), f.epoch)
	case vote:
		if f.who == nobody {
			return fmt.Sprintf("%s has voted about %s at epoch %d, it forgot for whom", nodeName(f.node), masterName(f.master), f.epoch)
		}
		return fmt.Sprintf("%s votes for %s about %s at epoch %d", nodeName(f.node), nodeName(f.who), masterName(f.master), f.epoch)
	case hello:
		return fmt.Sprintf("the current epoch is %d", f.epoch)
	case opinion:
		return fmt.Sprintf("%s says that %s is down", nodeName(f.node), masterName(f.master))
	}
	return fmt.Sprintf("%s LEADS the failover of %s at epoch %d", nodeName(f.node), masterName(f.master), f.epoch)
}

// codebook numbers the facts of a world.
type codebook struct {
	list  []fact
	index map[fact]int
}

func newCodebook(c Config) *codebook {
	b := &codebook{index: map[fact]int{}}
	add := func(f fact) {
		b.index[f] = len(b.list)
		b.list = append(b.list, f)
	}
	for e := monitor.Epoch(1); e <= c.Epochs; e++ {
		add(fact{kind: hello, epoch: e})
		for m := range c.Masters {
			for n := range c.Sentinels {
				add(fact{kind: request, master: m, node: n, epoch: e})
				add(fact{kind: leader, master: m, node: n, epoch: e})
				add(fact{kind: vote, master: m, node: n, who: nobody, epoch: e})
				for w := range c.Sentinels {
					add(fact{kind: vote, master: m, node: n, who: w, epoch: e})
				}
			}
		}
	}
	for m := range c.Masters {
		for n := range c.Sentinels {
			add(fact{kind: opinion, master: m, node: n})
		}
	}
	if len(b.list) > 64*len(facts{}) {
		panic(fmt.Sprintf("explore: %d facts do not fit", len(b.list)))
	}
	return b
}

// of returns the number of a fact and whether it is inside the bounds.
func (b *codebook) of(f fact) (int, bool) {
	bit, ok := b.index[f]
	return bit, ok
}

// symmetry is an exchange of Sentinels and of masters that maps runs to runs.
type symmetry struct {
	node  [maxNodes + 1]int // where each Sentinel goes; nobody stays nobody
	order []int             // the masters, by their new place
	bytes [][256]facts      // where the facts of each byte go
}

// symmetries lists all of them, the identity first. Sentinels that only vote
// change places among themselves.
func symmetries(c Config, b *codebook) []symmetry {
	var all []symmetry
	orders := [][]int{{0}}
	if c.Masters == 2 {
		orders = [][]int{{0, 1}, {1, 0}}
	}
	for _, perm := range permutations(c.Sentinels) {
		if !keeps(perm, c.Sentinels-c.Voters) {
			continue
		}
		for _, o := range orders {
			s := symmetry{order: o}
			copy(s.node[:], perm)
			for k := c.Sentinels; k <= nobody; k++ {
				s.node[k] = k
			}
			s.tabulate(b)
			all = append(all, s)
		}
	}
	return all
}

// keeps reports whether perm maps the places below n to places below n.
func keeps(perm []int, n int) bool {
	for k, to := range perm {
		if k < n != (to < n) {
			return false
		}
	}
	return true
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var all [][]int
	for _, p := range permutations(n - 1) {
		for at := len(p); at >= 0; at-- {
			q := append(append(append([]int{}, p[:at]...), n-1), p[at:]...)
			all = append(all, q)
		}
	}
	return all
}

// tabulate computes for each byte of a set of facts where its facts go.
func (s *symmetry) tabulate(b *codebook) {
	place := make([]int, len(s.order))
	for to, from := range s.order {
		place[from] = to
	}
	s.bytes = make([][256]facts, (len(b.list)+7)/8)
	for bit, f := range b.list {
		f.master = place[f.master]
		if f.kind != hello {
			f.node = s.node[f.node]
		}
		if f.kind == vote {
			f.who = s.node[f.who]
		}
		to, _ := b.of(f)
		for v := range 256 {
			if v>>(bit&7)&1 != 0 {
				s.bytes[bit>>3][v].add(to)
			}
		}
	}
}

// apply maps a set of facts.
func (s *symmetry) apply(f facts) (g facts) {
	for k := range s.bytes {
		if v := byte(f[k>>3] >> (k & 7 << 3)); v != 0 {
			g.union(s.bytes[k][v])
		}
	}
	return g
}

// masters maps a set of masters.
func (s *symmetry) masters(set int) (mapped int) {
	for to, from := range s.order {
		mapped |= set >> from & 1 << to
	}
	return mapped
}
