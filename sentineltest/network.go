package sentineltest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/internal/mempipe"
	"github.com/gosentinel/sentinel/internal/reserve"
)

// Network is a network in memory, for tests in a bubble of [testing/synctest], where
// real sockets may not be used. Servers get addresses such as 10.0.0.1:6379, in the
// order in which they are started. Clients connect with [Network.DialContext].
//
// A Network must be made in the bubble in which it is used. Its methods are safe for
// concurrent use.
type Network struct {
	loopback bool // real sockets on 127.0.0.1 instead
	virtual  bool // in a bubble of testing/synctest

	mu      sync.Mutex
	changed chan struct{}                   // closed when sides or frozen change
	sides   map[string]int                  // by name of a node: where it is while the network is divided
	frozen  map[string]bool                 // by name of a node
	owners  map[string]string               // name of the node that serves an address, or that a loopback connection comes from
	serving map[netip.AddrPort]*memListener // in memory
	hosts   int                             // in memory: how many addresses were given out
	users   int                             // see use
	ports   uint16                          // in memory: the last port of a client
}

// NewNetwork returns an empty network in memory.
func NewNetwork() *Network {
	return &Network{
		virtual: quiet(),
		changed: make(chan struct{}), sides: map[string]int{}, frozen: map[string]bool{}, owners: map[string]string{},
		serving: map[netip.AddrPort]*memListener{},
	}
}

// settle lets everything happen that does not wait for time to pass, where time is
// virtual. What a test sees then does not depend on which goroutine ran first.
func (n *Network) settle() {
	if n.virtual {
		quiet()
	}
}

// quiet waits until all other goroutines of the bubble wait for something. It reports
// false if there is no bubble, or if another goroutine waits for the same.
func quiet() (ok bool) {
	defer func() { ok = recover() == nil }()
	synctest.Wait()
	return true
}

// newLoopback returns the network of those that use real sockets.
func newLoopback() *Network {
	n := NewNetwork()
	n.loopback = true
	return n
}

// outside is the name of everything that is no node, such as the clients of a test.
const outside = ""

// DialContext connects to a server on the network; the parameter network is "tcp".
// It is a dialer for the clients of a test, such as the field Dialer in the options
// of go-redis.
func (n *Network) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return (&host{net: n, ip: clientIP, name: outside}).dial(ctx, network, addr)
}

// Listen opens an address of the network for a server of the test's own, such as
// "10.1.0.1:80"; the parameter network is "tcp". Port 0 chooses a port.
func (n *Network) Listen(network, addr string) (net.Listener, error) {
	return n.listen(network, addr, outside)
}

// clientIP is where connections of clients come from.
var clientIP = netip.AddrFrom4([4]byte{10, 255, 0, 1})

// host is a place on a network. Its name tells it from the others.
type host struct {
	net  *Network
	ip   netip.Addr
	name string
	addr string // of its server

	reserved func() // gives the port back; nil in memory
}

// newHost returns a place for a server. In memory it has the port; on loopback the
// system chooses one, which stays reserved while the server is down.
func (n *Network) newHost(port uint16) (*host, error) {
	if n.loopback {
		addr, free, err := reserve.Addr("127.0.0.1")
		if err != nil {
			return nil, fmt.Errorf("sentineltest: no free port on 127.0.0.1: %w", err)
		}
		return &host{net: n, ip: netip.AddrFrom4([4]byte{127, 0, 0, 1}), name: addr, addr: addr, reserved: free}, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts++
	ip := netip.AddrFrom4([4]byte{10, 0, byte(n.hosts >> 8), byte(n.hosts)})
	addr := netip.AddrPortFrom(ip, port).String()
	return &host{net: n, ip: ip, name: addr, addr: addr}, nil
}

func (h *host) free() {
	if h.reserved != nil {
		h.reserved()
	}
}

// use counts those who put nodes on the network. When the last of them has ended with
// its test, clients get a minute of virtual time to end what they do in the
// background: those that dial again and again do so beyond their Close, and a bubble
// may not end before its goroutines.
func (n *Network) use(t testing.TB) {
	n.mu.Lock()
	n.users++
	n.mu.Unlock()
	t.Cleanup(func() {
		n.mu.Lock()
		n.users--
		last := n.users == 0
		n.mu.Unlock()
		if last && n.virtual {
			time.Sleep(time.Minute)
		}
	})
}

func (h *host) listen() (net.Listener, error) { return h.net.listen("tcp", h.addr, h.name) }

func (n *Network) listen(network, addr, name string) (net.Listener, error) {
	var ln net.Listener
	var err error
	if n.loopback {
		ln, err = net.Listen(network, addr)
	} else {
		ln, err = n.listenInMemory(network, addr)
	}
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	n.owners[ln.Addr().String()] = name
	n.mu.Unlock()
	return &listener{ln, n, name}, nil
}

// dial connects to an address, unless and until the network is divided between here
// and there.
func (h *host) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	n := h.net
	for {
		n.mu.Lock()
		cut, changed, there := n.divided(h.name, n.owners[addr]), n.changed, n.owners[addr]
		n.mu.Unlock()
		if !cut {
			return h.connect(ctx, network, addr, there)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, &net.OpError{Op: "dial", Net: network, Addr: textAddr(addr), Err: ctx.Err()}
		}
	}
}

func (h *host) connect(ctx context.Context, network, addr, there string) (net.Conn, error) {
	n := h.net
	if !n.loopback {
		nc, err := n.dialInMemory(ctx, network, h.ip, addr, h.name)
		if err != nil {
			return nil, &net.OpError{Op: "dial", Net: network, Addr: textAddr(addr), Err: err}
		}
		return newConn(nc, n, h.name, there, nil), nil
	}
	nc, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	// The other end knows by this who dialled. It looks when the first bytes come.
	from := nc.LocalAddr().String()
	n.mu.Lock()
	n.owners[from] = h.name
	n.mu.Unlock()
	return newConn(nc, n, h.name, there, func() {
		n.mu.Lock()
		delete(n.owners, from)
		n.mu.Unlock()
	}), nil
}

// divided reports whether nothing gets from a to b. The caller holds mu.
func (n *Network) divided(a, b string) bool {
	return n.sides[a] != 0 && n.sides[b] != 0 && n.sides[a] != n.sides[b]
}

// stuck reports whether what a sends does not reach the program at b, and returns
// the channel that is closed when that may have changed.
func (n *Network) stuck(a, b string) (bool, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.divided(a, b) || n.frozen[a] || n.frozen[b], n.changed
}

// change makes a change to sides or frozen.
func (n *Network) change(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *Network) freeze(name string, yes bool) { n.change(func() { n.frozen[name] = yes }) }

// owner returns who is at the other end of a loopback connection that was accepted.
func (n *Network) owner(remote string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.owners[remote]
}

// textAddr is the address of a peer in an error.
type textAddr string

func (textAddr) Network() string  { return "tcp" }
func (a textAddr) String() string { return string(a) }

// listener makes what it accepts subject to partitions.
type listener struct {
	net.Listener
	net  *Network
	name string
}

func (l *listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	peer := unknown
	if end, ok := nc.(*mempipe.End); ok {
		peer = end.Peer
	}
	return newConn(nc, l.net, l.name, peer, nil), nil
}

// memListener is a listening socket in memory.
type memListener struct {
	net    *Network
	addr   netip.AddrPort
	queue  chan *mempipe.End // like the backlog of a socket: who is in it is connected
	closed chan struct{}
	once   sync.Once
}

const backlog = 4096

func (n *Network) listenInMemory(network, addr string) (net.Listener, error) {
	ap, err := netip.ParseAddrPort(addr)
	switch {
	case network != "tcp" && network != "tcp4":
		return nil, net.UnknownNetworkError(network)
	case err != nil:
		return nil, &net.AddrError{Err: "a network in memory has IP addresses with ports only", Addr: addr}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for ap.Port() == 0 {
		n.ports++
		if free := netip.AddrPortFrom(ap.Addr(), n.ports|0x8000); n.serving[free] == nil {
			ap = free
		}
	}
	if n.serving[ap] != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: textAddr(addr), Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	}
	ln := &memListener{net: n, addr: ap, queue: make(chan *mempipe.End, backlog), closed: make(chan struct{})}
	n.serving[ap] = ln
	return ln, nil
}

func (n *Network) dialInMemory(ctx context.Context, network string, from netip.Addr, addr, name string) (*mempipe.End, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ap, err := netip.ParseAddrPort(addr)
	if err != nil || network != "tcp" && network != "tcp4" {
		return nil, &net.AddrError{Err: "a network in memory has IP addresses with ports only", Addr: network + " " + addr}
	}
	n.mu.Lock()
	ln := n.serving[ap]
	n.ports++
	local := netip.AddrPortFrom(from, n.ports|0x8000)
	n.mu.Unlock()
	if ln == nil {
		return nil, os.NewSyscallError("connect", syscall.ECONNREFUSED)
	}
	here, there := mempipe.New(net.TCPAddrFromAddrPort(local), net.TCPAddrFromAddrPort(ap))
	there.Peer = name
	select {
	case ln.queue <- there:
	default:
		return nil, os.NewSyscallError("connect", syscall.ECONNREFUSED) // nobody has accepted any of thousands
	}
	if isClosed(ln.closed) {
		ln.drain()
	}
	return here, nil
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case end := <-l.queue:
		return end, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
	}
}

func (l *memListener) Close() error {
	l.once.Do(func() {
		l.net.mu.Lock()
		delete(l.net.serving, l.addr)
		l.net.mu.Unlock()
		close(l.closed)
		l.drain()
	})
	return nil
}

// drain resets the connections that nobody accepts any more.
func (l *memListener) drain() {
	for {
		select {
		case end := <-l.queue:
			_ = end.SetLinger(0)
			_ = end.Close()
		default:
			return
		}
	}
}

func (l *memListener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }
