package mock

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/internal/reserve"
	"github.com/gosentinel/sentinel/internal/respguard"
)

// Options are what may be set besides the script. The zero value is good.
type Options struct {
	// Host is the IP address to listen on, and to tell clients. Empty means
	// 127.0.0.1.
	Host string
	// TLS, if it is not nil, is needed for every connection. It has the certificate of
	// all nodes.
	TLS *tls.Config
	// Log is called with a line for each step, and with Trace for each command of
	// a client. Nil for none. It may be called by several goroutines at once, and
	// must not block.
	Log   func(line string)
	Trace bool
}

// Mock is a script that is being played. Its methods are safe for concurrent use.
type Mock struct {
	script *Script
	opt    Options
	nodes  []*node

	stop sync.Once
	quit chan struct{} // closed by Close
	done chan struct{} // closed when there is a verdict
	wg   sync.WaitGroup

	acting sync.Mutex // one action at a time

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when something was counted
	next    int           // how often somebody has said next
	limits  []*limit
	step    string
	epoch   int64 // the last one that a Sentinel has told
	verdict Verdict
	decided bool
	closing bool
}

// node is a server or Sentinel while the script is played. The fields below are
// guarded by Mock.mu, if nothing else is said.
type node struct {
	Node
	m     *Mock
	index int
	host  string
	port  int

	redis server   // of a server
	voice sentinel // of a Sentinel

	free   func() // gives the port back
	up     bool
	life   chan struct{} // closed when it is killed
	counts [quantities]int64
	open   map[int64]bool // connections on which something was said
	rules  []rule
}

// Start starts everything that the script names and begins to play it. The error
// says what could not be started; then nothing is left.
func Start(s *Script, o Options) (*Mock, error) {
	o.Host = cmp.Or(o.Host, "127.0.0.1")
	if net.ParseIP(o.Host) == nil {
		return nil, fmt.Errorf("mock: %s is no IP address to listen on", strconv.Quote(o.Host))
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	m := &Mock{script: s, opt: o, quit: make(chan struct{}), done: make(chan struct{}), changed: make(chan struct{}), epoch: 1}
	m.verdict = Verdict{Script: s.Name, Right: s.Right, Mistake: s.Mistake}
	for i, n := range s.Nodes {
		m.nodes = append(m.nodes, &node{Node: n, m: m, index: i, host: o.Host, port: n.Port, open: map[int64]bool{}})
	}
	if err := m.startNodes(); err != nil {
		m.Close()
		return nil, fmt.Errorf("mock: %w", err)
	}
	from, err := m.prepare()
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("mock: %w", err)
	}
	base := m.counts() // before anybody is told an address
	m.wg.Go(func() { m.play(from, base) })
	return m, nil
}

// startNodes starts everything. Nobody is told an address before all have theirs:
// a replica may stand above its master.
func (m *Mock) startNodes() error {
	m.acting.Lock()
	defer m.acting.Unlock()
	first := m.nodes[m.script.first()]
	for _, n := range m.nodes {
		if n.Sentinel {
			n.voice.init(n, first)
		}
	}
	for _, n := range m.nodes {
		if err := n.reserve(); err != nil {
			return err
		}
	}
	for _, n := range m.nodes {
		if err := n.start(); err != nil {
			return err
		}
	}
	for _, n := range m.nodes {
		if n.redis.of != nil {
			n.redis.settle(n)
		}
	}
	return nil
}

// reserve gets a port that the node has until the end, whether it is up or not.
func (n *node) reserve() error {
	n.redis.of = n.m.named(n.Of)
	if n.port != 0 {
		return nil
	}
	addr, free, err := reserve.Addr(n.host)
	if err != nil {
		return fmt.Errorf("%s cannot listen on %s (give an address of this machine): %w", n.Name, n.host, err)
	}
	n.free = free
	_, n.port, _ = address(addr)
	return nil
}

func (m *Mock) named(name string) *node {
	for _, n := range m.nodes {
		if name != "" && n.Name == name {
			return n
		}
	}
	return nil
}

func (n *node) addr() string { return net.JoinHostPort(n.host, strconv.Itoa(n.port)) }

func (n *node) start() error {
	start := n.redis.start
	if n.Sentinel {
		start = n.voice.start
	}
	n.m.mu.Lock()
	if !n.up {
		n.life = make(chan struct{})
	}
	n.m.mu.Unlock()
	err := start(n)
	if err != nil {
		return fmt.Errorf("%s cannot be started: %w", n.Name, err)
	}
	n.m.mu.Lock()
	n.up = true
	n.m.mu.Unlock()
	return nil
}

// kill ends a node as kill -9 would.
func (n *node) kill() {
	n.m.mu.Lock()
	if n.up {
		close(n.life)
	}
	n.up = false
	n.m.mu.Unlock()
	if n.Sentinel {
		n.voice.kill()
	} else {
		n.redis.kill()
	}
}

// pause waits. It reports false when the node is killed meanwhile, or the mock
// ends.
func (n *node) pause(d time.Duration) bool {
	n.m.mu.Lock()
	life := n.life
	n.m.mu.Unlock()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-life:
	case <-n.m.quit:
	}
	return false
}

// Close ends everything. Without a verdict yet, it is that the script was not
// played to its end. Close returns when no goroutine and no socket is left.
func (m *Mock) Close() {
	m.stop.Do(func() {
		m.decide(Unfinished, 0, "the mock was ended in the step %q", m.stepNow())
		m.mu.Lock()
		m.closing = true // after this, nothing is added to wg
		m.mu.Unlock()
		close(m.quit)
	})
	m.wg.Wait()
	m.acting.Lock()
	defer m.acting.Unlock()
	for _, n := range m.nodes {
		n.kill()
		if n.free != nil {
			n.free()
			n.free = nil
		}
	}
}

// Done returns a channel that is closed as soon as there is a verdict. The mock
// goes on answering until Close.
func (m *Mock) Done() <-chan struct{} { return m.done }

// Next lets a script go on that waits for it.
func (m *Mock) Next() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next++
	m.stir()
}

var errEnded = errors.New("the mock has ended")

// Do does at once what one line of a script says: failover b, kill a, and so on.
// The line must be one that makes sense by itself; the error says which do.
func (m *Mock) Do(line string) error {
	in, err := m.script.parseAction(line)
	if err != nil {
		return err
	}
	select {
	case <-m.quit:
		return errEnded
	default:
	}
	return m.act(&in)
}

// spawn runs f beside everything else. Close waits for it. It reports false when
// the mock is ending. The lock is held.
func (m *Mock) spawn(f func()) bool {
	if m.closing {
		return false
	}
	m.wg.Go(f)
	return true
}

// guard bounds what clients can do to a Sentinel of the mock.
func (n *node) guard() respguard.Limits {
	return respguard.Limits{MaxClients: 1000, MaxArgs: 256, MaxBulkBytes: 16 << 10, MaxCommandBytes: 32 << 10, MaxInlineBytes: 16 << 10}
}
