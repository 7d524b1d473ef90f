package gossip

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/gossip/session"
	"github.com/gosentinel/sentinel/monitor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a network of channels. It loses what lost says, and what finds a
// queue full, so that no sender waits.
type memory struct {
	mu    sync.Mutex
	nodes map[netip.AddrPort]*memoryNode
	lost  func(from, to netip.AddrPort) bool
	delay time.Duration
	tap   func(b []byte, from, to netip.AddrPort)
}

func newMemory() *memory {
	return &memory{nodes: map[netip.AddrPort]*memoryNode{}, delay: time.Millisecond}
}

func (m *memory) loses(f func(from, to netip.AddrPort) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lost = f
}

// route returns the node at an address, or nil when nothing gets there.
func (m *memory) route(from, to netip.AddrPort) *memoryNode {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lost != nil && m.lost(from, to) {
		return nil
	}
	return m.nodes[to]
}

type memoryNode struct {
	net   *memory
	at    netip.AddrPort
	to    receiver
	queue chan arrival
	done  chan struct{}
	work  sync.WaitGroup
}

type arrival struct {
	b    []byte
	from netip.AddrPort
	due  time.Time
}

// at opens a node and returns what Config.open wants.
func (m *memory) at(addr string) func(receiver) (sockets, int, error) {
	return func(r receiver) (sockets, int, error) {
		n := &memoryNode{net: m, at: netip.MustParseAddrPort(addr), to: r, queue: make(chan arrival, 4096), done: make(chan struct{})}
		m.mu.Lock()
		m.nodes[n.at] = n
		m.mu.Unlock()
		n.work.Go(n.run)
		return n, int(n.at.Port()), nil
	}
}

func (n *memoryNode) run() {
	for {
		select {
		case a := <-n.queue:
			wait := time.NewTimer(time.Until(a.due))
			select {
			case <-wait.C:
				n.to.packet(a.b, a.from, time.Now())
			case <-n.done:
			}
			wait.Stop()
		case <-n.done:
			return
		}
	}
}

func (n *memoryNode) send(b []byte, to netip.AddrPort) error {
	if n.net.tap != nil {
		n.net.tap(b, n.at, to)
	}
	other := n.net.route(n.at, to)
	if other == nil {
		return nil // a lost packet is no error
	}
	select {
	case other.queue <- arrival{append([]byte(nil), b...), n.at, time.Now().Add(n.net.delay)}:
	default:
	}
	return nil
}

func (n *memoryNode) close() {
	n.net.mu.Lock()
	if n.net.nodes[n.at] == n {
		delete(n.net.nodes, n.at)
	}
	n.net.mu.Unlock()
	close(n.done)
	n.work.Wait()
}

// node is a transport in a memory network, and what it delivered.
type node struct {
	*Transport
	id   monitor.RunID
	addr string

	mu   sync.Mutex
	got  []monitor.Input
	said []string
}

func idOf(c byte) monitor.RunID {
	b := make([]byte, 40)
	for i := range b {
		b[i] = c
	}
	return monitor.RunID(b)
}

// start opens a node. change may be nil.
func (m *memory) start(t *testing.T, c byte, boot session.Boot, change func(*Config)) *node {
	t.Helper()
	n := &node{id: idOf(c), addr: "10.0.0." + string('0'+c-'a'+1) + ":36379"}
	origin := time.Now()
	cfg := Config{
		ID: n.id, Boot: boot, Keys: []Key{PublicKey()}, Version: "test", open: m.at(n.addr),
		Now: func() monitor.Instant { return monitor.Instant(time.Since(origin)) + 1 },
		Deliver: func(_ monitor.Instant, in monitor.Input) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.got = append(n.got, in)
		},
		Log: func(_ monitor.Level, text string) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.said = append(n.said, text)
		},
	}
	if change != nil {
		change(&cfg)
	}
	tr, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	n.Transport = tr
	return n
}

// meet makes each of the nodes known to all others, as their cores do.
func meet(nodes ...*node) {
	for _, a := range nodes {
		for _, b := range nodes {
			if a != b {
				a.learn(b)
			}
		}
		a.Flush()
	}
}

func (n *node) learn(other *node) {
	e := other.Endpoint()
	e.Addr.Host = netip.MustParseAddrPort(other.addr).Addr().String()
	n.Do(monitor.GossipPeer{ID: other.id, Endpoint: e})
}

func (n *node) inputs() []monitor.Input {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]monitor.Input(nil), n.got...)
}

func (n *node) clear() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.got = nil
}

func (n *node) lines() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.said...)
}
