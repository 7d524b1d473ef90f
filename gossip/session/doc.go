// Package session is the protocol that gosentinels gossip with, without its
// sockets, keys and clock. It decides what is sent to whom and when, and turns
// what arrives into inputs of the core. The same calls at the same instants
// always give the same packets, so that loss, duplication and reordering can be
// tested in virtual time.
//
//	s := session.New(session.Config{ID: myID, Boot: boot})
//	s.Peer(now, peerID, peerBoot)         // the core knows this peer
//	s.ShareOpinion(now, opinion)          // it thinks that a master is down
//	for {
//		next := s.Poll(now, send)         // hands out packets that are due
//		...                               // wait until next, or for a packet
//		inputs, err := s.Receive(now, packet)
//	}
//
// # What is said
//
// Each Sentinel says two things about a master: whether it is down, and where
// it is by which configuration. Only the newest of either matters, so that is
// all that is kept for a peer. It is sent at once, and again after 20 ms, 40 ms
// and so on up to a second, until the peer has confirmed it or nobody needs it
// any more. An opinion that a master is down is said anew each second as long
// as it stands, because the other side forgets opinions that grow old.
//
// # What is believed
//
// A packet names the life of its sender and of its receiver: a number that each
// process draws at its start and tells its peers over the RESP link. So a
// recorded packet is worth nothing to anybody but the process that had it
// already, and there the sequence numbers in it are no news. Everything that is
// said has a sequence number, and what is older than the last thing heard about
// the same master is dropped: the order in which packets arrive does not matter.
//
// # Packets
//
// All integers are big endian; "varint" is that of encoding/binary, "text" is a
// varint length and so many bytes.
//
//	version   1 byte    1
//	sender    40 bytes  its run id
//	life      8 bytes   of the sender
//	to        8 bytes   life of the receiver; 0: whoever gets this
//	items     the rest, each a kind byte and then
//	  1 opinion  varint sequence, byte down (0 or 1), varint age in ms,
//	             varint config epoch, text master, text host, uint16 port
//	  2 config   varint sequence, varint current epoch, text master, text host,
//	             uint16 port, varint config epoch
//	  3 probe    varint sequence
//	  4 acks     varint n, varint first sequence, n-1 varint differences
//
// Packets to whoever gets them hold probes only. They find out who is at an
// address.
package session
