package sim

import (
	"fmt"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// The model of gossip knows nothing of acknowledgements and sequence numbers:
// each message is a few datagrams that are lost, overtake each other and come in
// late, and an old opinion can arrive after a newer one. The real protocol is
// kinder. What holds here holds there.

// gossipPeer is a peer that gossips.
type gossipPeer struct {
	id   monitor.RunID
	at   monitor.HostPort
	boot string
}

const gossipPort = 36379

// gossipEndpoint is the answer to SENTINEL GOSSIP.
func (n *node) gossipEndpoint() monitor.GossipEndpoint {
	e := monitor.GossipEndpoint{ID: n.id}
	if n.w.opts.Gossip {
		e.Addr, e.Boot = monitor.HostPort{Port: gossipPort}, fmt.Sprintf("%s-%d", n.name, n.life)
	}
	return e
}

// gossip carries out the effects that concern it.
func (n *node) gossip(e monitor.Effect) {
	switch e := e.(type) {
	case monitor.GossipPeer:
		n.gossipWith(e)
	case monitor.ShareConfig:
		n.spread(monitor.PeerConfig(e))
	case monitor.ShareOpinion:
		if n.opinions == nil {
			n.opinions = map[string]monitor.ShareOpinion{}
		}
		n.opinions[e.Master] = e
		n.share(e, n.life)
	}
}

func (n *node) gossipWith(e monitor.GossipPeer) {
	for k, m := range n.gossipPeers {
		if m.id == e.ID {
			n.gossipPeers = append(n.gossipPeers[:k], n.gossipPeers[k+1:]...)
			break
		}
	}
	if e.Endpoint.Addr.Port != 0 {
		n.gossipPeers = append(n.gossipPeers, gossipPeer{e.ID, e.Endpoint.Addr, e.Endpoint.Boot})
	}
}

// share sends an opinion, and again every second while it stands and is that a
// master is down.
func (n *node) share(o monitor.ShareOpinion, life int) {
	if !n.alive || n.life != life || n.opinions[o.Master] != o {
		return
	}
	if !n.stalled() {
		n.spread(monitor.PeerOpinion{
			From: n.id, Master: o.Master, Addr: o.Addr, ConfigEpoch: o.ConfigEpoch, Down: o.Down, Age: max(0, n.w.now.Sub(o.Since)),
		})
	}
	if o.Down {
		n.w.after(time.Second, func() { n.share(o, life) })
	}
}

func (n *node) spread(in monitor.Input) {
	for _, m := range n.gossipPeers {
		to, _ := n.w.net.listeners[monitor.HostPort{Host: m.at.Host, Port: n.addr.Port}].(*node)
		if to == nil {
			continue
		}
		n.datagram(to, in, 0)
		for range n.w.rng.IntN(3) {
			n.datagram(to, in, n.w.between(20*time.Millisecond, time.Second))
		}
	}
}

// datagram sends one copy of a message.
func (n *node) datagram(to *node, in monitor.Input, late time.Duration) {
	w := n.w
	lost := func() bool {
		cut := w.net.isCut(n.hostID, to.hostID) && !w.net.gossips[[2]hostID{n.hostID, to.hostID}]
		return cut || w.net.mute[n.hostID] > 0 || w.net.deaf[to.hostID] > 0
	}
	if lost() || w.rng.IntN(100) < w.opts.GossipLoss {
		return
	}
	w.after(late+w.net.delay(n.hostID, to.hostID), func() {
		if !lost() {
			to.input(in)
		}
	})
}

// gossipFaults happen to the gossip of Sentinels, not to their links.
var gossipFaults = []kind{
	{"gossip-deaf", "gossip", func(w *world, f Fault) (string, func()) {
		return w.withoutGossip(f, "does not hear gossip", w.net.deaf)
	}},
	{"gossip-mute", "gossip", func(w *world, f Fault) (string, func()) {
		return w.withoutGossip(f, "is not heard to gossip", w.net.mute)
	}},
	{"gossip-only", "gossip", func(w *world, f Fault) (string, func()) {
		n, peers := w.node(f.A).base(), [][2]hostID{}
		for _, o := range w.nodes {
			if o := o.base(); o != n {
				peers = append(peers, [2]hostID{n.hostID, o.hostID}, [2]hostID{o.hostID, n.hostID})
			}
		}
		mend := w.cuts(peers)
		for _, p := range peers {
			w.net.gossips[p] = true
		}
		return n.name + " reaches its peers by gossip only", func() {
			for _, p := range peers {
				delete(w.net.gossips, p)
			}
			mend()
		}
	}},
}

func (w *world) withoutGossip(f Fault, what string, count []int) (string, func()) {
	n := w.node(f.A).base()
	count[n.hostID]++
	return n.name + " " + what, func() { count[n.hostID]-- }
}
