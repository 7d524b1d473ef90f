// Package session is the protocol that gosentinels gossip with, without its
// sockets, keys and clock. It decides what is sent to which peer and when, and turns
// what arrives into inputs of the core. The same calls at the same instants
// always give the same packets, so that loss, duplication and reordering can be
// tested in virtual time.
//
//	s := session.New(session.Config{ID: myID, Boot: boot})
//	s.Peer(now, peerID, peerBoot)         // the core knows this peer
//	s.ShareOpinion(now, opinion)          // this Sentinel sees a master down
//	for {
//		next := s.Poll(now, send)         // hands out packets that are due
//		...                               // wait until next, or for a packet
//		inputs, err := s.Receive(now, packet)
//	}
//
// # What is sent
//
// Each Sentinel makes two statements about a master: whether it is down, and
// its address with the config epoch. Only the newest of either matters, so only
// that is kept for each peer. It is sent at once, and again after 20 ms, 40 ms
// and so on up to a second, until the peer has confirmed it or it expires. An
// opinion that a master is down is sent with a new number each second as long as
// it holds, because the other side drops opinions that grow old.
//
// # What is accepted
//
// A packet carries the boot numbers of its sender and its receiver, which each
// process draws at its start and tells its peers over the RESP link. So a
// recorded packet is accepted only by the process that had it already, and there
// its sequence numbers are old. Every statement has a sequence number, and what
// is older than the last one about the same master is dropped: the order in
// which packets arrive does not matter.
//
// # Packets
//
// All integers are big endian; "varint" is that of encoding/binary, "text" is a
// varint length and so many bytes.
//
//	version   1 byte    1
//	sender    40 bytes  its run id
//	boot      8 bytes   boot number of the sender
//	to        8 bytes   boot number of the receiver; 0: any receiver
//	items     the rest, each a kind byte and then
//	  1 opinion  varint sequence, byte down (0 or 1), varint age in ms,
//	             varint config epoch, text master, text host, uint16 port
//	  2 config   varint sequence, varint current epoch, text master, text host,
//	             uint16 port, varint config epoch
//	  3 probe    varint sequence
//	  4 acks     varint n, varint first sequence, n-1 varint differences
//
// Packets to any receiver hold only probes. They find out which peer is at an
// address.
package session
