package gossip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/gosentinel/sentinel/monitor"
)

// sockets carry packets between addresses. What arrives goes to the receiver that
// they were opened with.
type sockets interface {
	send(b []byte, to netip.AddrPort) error
	close() // and waits for every goroutine
}

// receiver takes what arrives. It must not keep the bytes of a packet.
type receiver interface {
	packet(b []byte, from netip.AddrPort, at time.Time)
}

// Bounds of the network.
const (
	// maxDatagram is the largest packet that is accepted: one of package
	// session and what memberlist adds, or one of memberlist.
	maxDatagram = 1400

	// maxStream is the size of the largest list of members: a group of 256
	// Sentinels takes about 30 kB. Two exchange it when they find each other and
	// then every half minute.
	maxStream     = 128 << 10
	streamTimeout = 2 * time.Second
)

// router is the network as memberlist sees it: nodes have names and no
// addresses. The address of a name comes from the core, which has it from the
// peer itself over the RESP link. So no message can redirect packets, and a
// peer that moves, has several addresses or is behind NAT is no special case.
type router struct {
	keys    *keys
	sockets sockets
	x       *exchanger

	packets chan *memberlist.Packet
	streams chan net.Conn
	closing chan struct{} // nothing is sent any more

	mu     sync.Mutex
	addrs  map[string]netip.AddrPort // by name
	closed bool

	forged, oversized, unsent atomic.Uint64
}

func newRouter(k *keys) *router {
	r := &router{
		keys: k, packets: make(chan *memberlist.Packet), streams: make(chan net.Conn), closing: make(chan struct{}),
		addrs: map[string]netip.AddrPort{},
	}
	r.x = newExchanger(k, func(b []byte, to netip.AddrPort) error { return r.sockets.send(b, to) }, r.stream)
	return r
}

// setAddr sets the address of a name; the zero address removes it.
func (r *router) setAddr(name string, at netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.addrs, name)
	if at.IsValid() {
		r.addrs[name] = at
	}
}

// pseudoAddr is the address of a node as memberlist shows it to other nodes. It
// depends only on the name, so memberlist never finds a conflict, and is in a
// range that is not routed.
func pseudoAddr(name string) netip.AddrPort {
	sum := Key(name).mac("address")
	b := [16]byte{0x20, 0x01, 0x0d, 0xb8}
	copy(b[4:], sum)
	return netip.AddrPortFrom(netip.AddrFrom16(b), 1)
}

// FinalAdvertiseAddr implements [memberlist.Transport].
func (r *router) FinalAdvertiseAddr(ip string, port int) (net.IP, int, error) {
	return net.ParseIP(ip), port, nil
}

var errUnnamed = errors.New("only nodes with names are sent to")

// errClosing is not a network error for memberlist, so a probe that gets it
// ends at once.
var errClosing = errors.New("gossip is being closed")

// WriteTo implements [memberlist.Transport].
func (r *router) WriteTo([]byte, string) (time.Time, error) { return time.Time{}, errUnnamed }

// WriteToAddress implements [memberlist.NodeAwareTransport].
func (r *router) WriteToAddress(b []byte, to memberlist.Address) (time.Time, error) {
	at, err := r.addrOf(to.Name)
	if err == nil {
		err = r.sockets.send(b, at)
	}
	if err != nil && err != errClosing {
		r.unsent.Add(1)
		// memberlist gives up nodes only after a network error, and a node that
		// was removed here must be given up.
		err = &net.OpError{Op: "write", Net: "udp", Err: err}
	}
	return time.Now(), err
}

func (r *router) addrOf(name string) (netip.AddrPort, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.addrs[name]
	switch {
	case r.closed:
		return at, errClosing
	case !ok:
		return at, fmt.Errorf("nobody knows where %q is", name)
	}
	return at, nil
}

// PacketCh implements [memberlist.Transport].
func (r *router) PacketCh() <-chan *memberlist.Packet { return r.packets }

// StreamCh implements [memberlist.Transport].
func (r *router) StreamCh() <-chan net.Conn { return r.streams }

// DialTimeout implements [memberlist.Transport].
func (r *router) DialTimeout(string, time.Duration) (net.Conn, error) { return nil, errUnnamed }

// DialAddressTimeout implements [memberlist.NodeAwareTransport].
func (r *router) DialAddressTimeout(to memberlist.Address, _ time.Duration) (net.Conn, error) {
	at, err := r.addrOf(to.Name)
	if err != nil {
		return nil, err
	}
	return r.x.dial(at)
}

// Shutdown implements [memberlist.Transport].
func (r *router) Shutdown() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	close(r.closing)
	r.mu.Unlock()
	r.x.close()
	r.sockets.close()
	return nil
}

// packet implements receiver.
func (r *router) packet(b []byte, from netip.AddrPort, at time.Time) {
	switch {
	case len(b) > maxDatagram:
		r.oversized.Add(1)
		return
	case len(b) > 0 && b[0] == fragmentType:
		if !r.x.receive(b, from) {
			r.forged.Add(1)
		}
		return
	case !r.keys.verify(b, nil):
		r.forged.Add(1)
		return
	}
	p := &memberlist.Packet{Buf: append([]byte(nil), b...), From: net.UDPAddrFromAddrPort(from), Timestamp: at}
	select {
	case r.packets <- p:
	case <-r.closing:
	}
}

// stream gives memberlist a connection that a peer has opened.
func (r *router) stream(conn net.Conn) {
	select {
	case r.streams <- conn:
	case <-r.closing:
		conn.Close()
	}
}

var _ memberlist.NodeAwareTransport = (*router)(nil)

// reachable returns the address of an endpoint, or why packets cannot be sent
// to it. Its host must be an IP address: an empty one was replaced by that of
// the RESP link.
func reachable(e monitor.GossipEndpoint) (netip.AddrPort, error) {
	ip, err := netip.ParseAddr(e.Addr.Host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("its gossip address %q is no IP address", e.Addr.Host)
	}
	if e.Addr.Port < 1 || e.Addr.Port > 65535 {
		return netip.AddrPort{}, fmt.Errorf("its gossip port %d is not one from 1 to 65535", e.Addr.Port)
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(e.Addr.Port)), nil
}
