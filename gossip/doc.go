// Package gossip carries what gosentinels tell each other without being asked:
// that a master looks down, where it moved, and which peers are there. It is the
// shell around package session, which decides what is sent, and around
// hashicorp/memberlist, which finds out which peers can be reached.
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
// Effects go in and inputs come out, as in package monitor/link. The core does
// not hide the two transports behind one interface, because it uses them for
// different things. Over RESP it asks questions that have answers, votes among
// them. By gossip it makes statements, which no peer answers.
//
// # What the core can rely on
//
//   - Only peers that it named (GossipPeer) are heard, and only in their present
//     run. No other sender gets onto any list.
//   - What it shares is sent at once to each of them, and again until it has
//     arrived, is replaced, or expires. It may never arrive.
//   - What arrives is in the order in which the peer sent it. Anything older than
//     the last statement is dropped.
//   - PeerLiveness tells whether packets reach a peer and come back.
//
// # How memberlist is used
//
// Its nodes have names, the ids of the Sentinels, and no addresses. Each peer
// tells its address itself over the RESP link, and the network below memberlist
// looks it up by name. So no message can redirect packets elsewhere. A peer that
// answers a probe of its session joins. From then on memberlist probes it every
// half second, directly and over UDP only: all that matters is whether packets
// from here reach it. The broadcasts and the state exchange of memberlist carry
// only the list of members. Streams travel as datagrams too, so one UDP port is
// enough. A TCP port might be one that another Sentinel of the host needs.
//
// # What an attacker without the key can do
//
// Almost nothing. Every packet is authenticated before memberlist gets it, and
// rejected packets are counted. A recorded packet of memberlist, replayed, can
// make a peer look lost or found for a moment, and the core then checks that peer
// sooner.
//
// An owner of the key is trusted like a Sentinel. To speak for one it also needs
// the boot numbers of sender and receiver, which are told over RESP only.
package gossip
