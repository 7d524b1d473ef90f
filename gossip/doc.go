// Package gossip carries what gosentinels tell each other at once: that a master
// looks down, where it went, and who is there. It is the shell around package
// session, which decides what is said, and hashicorp/memberlist, which finds out
// which peers can be reached.
//
//	t, err := gossip.New(gossip.Config{
//		ID: myID, Boot: boot, Addrs: []string{"10.0.0.1"}, Port: 36379, Keys: keys,
//		Deliver: inbox.Put, Now: clock,
//	})
//	for {
//		// ... step the core, then for its effects ShareOpinion, ShareConfig and
//		// GossipPeer:
//		t.Do(e)   // never blocks
//		t.Flush() // once per batch
//	}
//
// Effects go in and inputs come out, as with package monitor/link: the core does
// not see two transports behind one interface, because it asks different things
// of them. Over RESP it puts questions that have answers, votes among them; here
// it states something to whoever wants to know. There is nothing that both do.
//
// # What the core can rely on
//
//   - Only peers that it named (GossipPeer) are heard, and only in their present
//     life. Nobody else gets as far as any list.
//   - What it shares is sent at once to each of them, and again until it has
//     arrived, is replaced, or grows stale. It may never arrive.
//   - What arrives is in the order in which the peer said it; what is older than
//     the last thing heard is dropped.
//   - PeerLiveness tells whether packets reach a peer and come back.
//
// # How memberlist is used
//
// Its nodes have names, the ids of the Sentinels, and no addresses: where a peer
// is was told by the peer itself over the RESP link, and the network below
// memberlist looks it up by name. So no message can send packets elsewhere. Who
// answers a probe of its session joins; from then on memberlist probes it every
// half second, directly and over UDP only, because nothing else is of interest.
// Its broadcasts and its state exchange carry nothing but the list of members.
// Streams travel as datagrams too, so all of this takes one UDP port and no TCP
// port, which another Sentinel of the host might want for itself.
//
// # What a stranger can do
//
// Nothing. Every packet is authenticated before memberlist gets it, and what is
// refused is counted. A recorded packet of memberlist, played back, can make a
// peer look lost or found for a moment, upon which the core looks at it sooner.
//
// Whoever has the key is trusted like a Sentinel. To speak for one of them takes
// the lives of sender and receiver besides, which they tell over RESP only.
package gossip
