package link

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// Config says how a [Pool] works. Deliver and Now must be set; the zero value
// of every other field is a usable default.
type Config struct {
	// Deliver takes what happened on the connections. It is called by the
	// goroutine that reads a connection, so by many at once, but for one
	// connection in order. It may block: that connection is then not read from,
	// which pushes back on its server. Deliver must not wait for a call of the
	// Pool, and once Shutdown was called it must return.
	Deliver func(at monitor.Instant, in monitor.Input)

	// DeliverAll takes what happened on several connections, in order, under the
	// terms of Deliver. It must not keep the slice. nil calls Deliver for each.
	DeliverAll func([]Arrival)

	// Now is the clock that arrivals are stamped with. Bytes are stamped when
	// they were read, before they wait in Deliver: a busy Sentinel must not
	// mistake its own delay for the delay of a server.
	Now func() monitor.Instant

	// Alone has a goroutine read from each connection, as everywhere but on Linux.
	Alone bool

	// DialContext opens a connection; nil means TCP from BindSource. Close on
	// what it returns must not block and must end reads and writes in progress.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// BindSource is the local IP to connect from; "" lets the system choose.
	BindSource string

	// TLS is used on every connection unless it is nil. An empty ServerName is
	// replaced by the host that is dialled.
	TLS *tls.Config

	// Log takes lines for the operator. It is called by many goroutines at once
	// and must not block; nil drops them.
	Log func(level monitor.Level, text string)

	// Limits bound what one connection can cost.
	Limits Limits

	// Masters is how many masters the Sentinel monitors. It is called by the
	// goroutine that calls Do. A link to another Sentinel carries the traffic of
	// all that both monitor, and its limits grow with their number. nil: few.
	Masters func() int

	// Room says why there cannot be so many connections; nil: there can. It is called
	// by the goroutine that calls Do.
	Room func(conns int) error
}

// Arrival is an input and when it arrived.
type Arrival struct {
	At monitor.Instant
	In monitor.Input
}

// Limits bound what one connection can cost; a connection that exceeds one is
// cut with a reason. The zero value of a field is its default. One link to
// another Sentinel carries the traffic of all common masters, so there UnsentBytes
// and Pending count sixteen times, or more where there are many masters.
type Limits struct {
	InfoBytes   int // of a reply to INFO; default 1 MiB
	BulkBytes   int // of any other bulk string; default 64 KiB
	UnsentBytes int // that the other side does not take; default 64 KiB
	Pending     int // commands without a reply; default 1024
}

// peerFactor is how many times as much a link to a Sentinel may carry at least.
const peerFactor = 16

// What a link to a Sentinel may carry for each master, if that is more: a hello, a
// question and a request for a vote, and the reply to each.
const (
	unsentBytesByMaster = 1 << 10
	pendingByMaster     = 8
)

// unsentBytes and pending are the limits of a link to target while this number of
// masters is monitored.
func (l Limits) unsentBytes(target monitor.Kind, masters int) int {
	if target != monitor.KindSentinel {
		return l.UnsentBytes
	}
	return max(peerFactor*l.UnsentBytes, unsentBytesByMaster*masters)
}

func (l Limits) pending(target monitor.Kind, masters int) int {
	if target != monitor.KindSentinel {
		return l.Pending
	}
	return max(peerFactor*l.Pending, pendingByMaster*masters)
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.InfoBytes, 1<<20)
	setDefault(&l.BulkBytes, 64<<10)
	setDefault(&l.UnsentBytes, 64<<10)
	setDefault(&l.Pending, 1024)
	return l
}

func setDefault(n *int, def int) {
	if *n <= 0 {
		*n = def
	}
}

// Pool holds the connections of one Sentinel. See the package comment.
type Pool struct {
	cfg    Config
	wg     sync.WaitGroup // every goroutine of the Pool
	starts starts
	many   *many

	dirty []*conn // connections with unwritten commands; belongs to the loop

	mu    sync.Mutex
	conns map[monitor.ConnID]*conn // dialling or up
	down  bool                     // Shutdown was called
}

// New returns a Pool without connections. It panics when Deliver or Now is
// missing, because nothing could work without them.
func New(cfg Config) *Pool {
	if cfg.Deliver == nil || cfg.Now == nil {
		panic("link: Config needs Deliver and Now")
	}
	if cfg.DeliverAll == nil {
		cfg.DeliverAll = func(all []Arrival) {
			for _, a := range all {
				cfg.Deliver(a.At, a.In)
			}
		}
	}
	if cfg.Masters == nil {
		cfg.Masters = func() int { return 1 }
	}
	if cfg.Room == nil {
		cfg.Room = func(int) error { return nil }
	}
	if cfg.Log == nil {
		cfg.Log = func(monitor.Level, string) {}
	}
	p := &Pool{cfg: cfg, conns: map[monitor.ConnID]*conn{}}
	p.starts.wg = &p.wg
	p.many = &many{pool: p}
	return p
}

// Do carries out a [monitor.Dial], [monitor.Close] or [monitor.Send] and
// ignores every other effect. It never blocks and never calls Deliver itself.
// It must be called from one goroutine, the same that calls Flush.
//
// A Send to a connection that is gone is dropped: its loss has been or is being
// reported. After a Close no delivery is begun for that connection; one that
// was already waiting in Deliver may still complete.
func (p *Pool) Do(e monitor.Effect) {
	switch e := e.(type) {
	case monitor.Dial:
		p.dial(e)
	case monitor.Close:
		if c := p.take(e.Conn); c != nil {
			c.close(e.Abort)
		}
	case monitor.Send:
		p.send(e)
	}
}

// Count returns how many connections there are, with those that are being opened. Any
// goroutine may call it.
func (p *Pool) Count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

// Flush writes what was sent since the last Flush, with one write for each
// connection, as far as it can without waiting.
func (p *Pool) Flush() {
	for i, c := range p.dirty {
		p.dirty[i] = nil
		c.dirty = false
		c.flush()
	}
	p.dirty = p.dirty[:0]
}

// Shutdown closes all connections, reports nothing about them, and returns when
// every goroutine of the Pool has ended. Do and Flush do nothing after it.
func (p *Pool) Shutdown() {
	p.mu.Lock()
	p.down = true
	conns := p.conns
	p.conns = nil
	p.mu.Unlock()
	p.starts.end()
	for _, c := range conns {
		c.close(false)
	}
	p.wg.Wait()
	p.many.close()
}

func (p *Pool) dial(d monitor.Dial) {
	ctx, cancel := context.WithCancel(context.Background())
	c := newConn(p, d, cancel)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down || p.conns[d.Conn] != nil {
		cancel()
		return
	}
	p.conns[d.Conn] = c
	if err := p.cfg.Room(len(p.conns)); err != nil {
		p.wg.Go(func() { c.end(err) })
		return
	}
	p.starts.add(func() { c.connect(ctx) })
}

func (p *Pool) send(s monitor.Send) {
	p.mu.Lock()
	c := p.conns[s.Conn]
	p.mu.Unlock()
	if c == nil {
		return
	}
	if c.send(s) && !c.dirty {
		c.dirty = true
		p.dirty = append(p.dirty, c)
	}
}

// take removes a connection from the Pool and returns it, or nil.
func (p *Pool) take(id monitor.ConnID) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.conns[id]
	delete(p.conns, id)
	return c
}

// opened is a fresh connection.
type opened struct {
	nc    net.Conn
	under net.Conn // to close: the closing handshake of TLS could wait for a server that does not read
	host  string   // the one that answered
}

// open connects to the first of hosts that answers. It calls slow when the other
// side lets a TLS handshake wait.
func (p *Pool) open(ctx context.Context, hosts []string, port int, slow func()) (opened, error) {
	// The net package takes an empty host for the local system.
	if hosts[0] == "" || port < 1 || port > 65535 {
		return opened{}, fmt.Errorf("no address to connect to: %q port %d", hosts[0], port)
	}
	dial := dialFunc(p.cfg.DialContext)
	if dial == nil {
		var err error
		if dial, err = dialFrom(p.cfg.BindSource); err != nil {
			return opened{}, err
		}
	}
	under, host, err := dialAny(ctx, dial, hosts, port)
	if err != nil || p.cfg.TLS == nil {
		return opened{under, under, host}, err
	}
	cfg := p.cfg.TLS
	if cfg.ServerName == "" {
		cfg = cfg.Clone()
		cfg.ServerName = host
	}
	secured := tls.Client(under, cfg)
	if err := handshake(ctx, secured, slow); err != nil {
		under.Close()
		return opened{}, handshakeError{err}
	}
	return opened{secured, under, host}, nil
}

// handshakePatience is how long a TLS handshake is waited for without a word.
const handshakePatience = time.Second

// handshake is [tls.Conn.HandshakeContext] and calls slow when that takes long.
func handshake(ctx context.Context, nc *tls.Conn, slow func()) error {
	ended := make(chan error, 1)
	go func() { ended <- nc.HandshakeContext(ctx) }()
	patience := time.NewTimer(handshakePatience)
	defer patience.Stop()
	select {
	case err := <-ended:
		return err
	case <-patience.C:
	}
	slow()
	return <-ended
}

// localIP returns the local address of a connection, or "" if it has none. A
// zone has no meaning on other hosts.
func localIP(nc net.Conn) string {
	ap, err := netip.ParseAddrPort(nc.LocalAddr().String())
	if err != nil {
		return ""
	}
	return ap.Addr().Unmap().WithZone("").String()
}
