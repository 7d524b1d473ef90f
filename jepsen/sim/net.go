package sim

import (
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// hostID names a machine. Every server, Sentinel and client has its own.
type hostID int

// network is the state of the network: who cannot reach whom, and how long
// messages take. A cut holds messages back instead of losing them, as TCP does.
type network struct {
	w         *world
	hosts     int
	cuts      []int // for each ordered pair of hosts the number of cuts in force
	severed   int   // the sum of these
	slow      []time.Duration
	listeners map[monitor.HostPort]acceptor
	blocked   []blockedStream // wait for a cut to end

	mute, deaf []int              // for each host the number of faults that keep its gossip from leaving or arriving
	gossips    map[[2]hostID]bool // although there is a cut
}

func (n *network) init(w *world, hosts int) {
	n.w, n.hosts = w, hosts
	n.cuts = make([]int, hosts*hosts)
	n.slow = make([]time.Duration, hosts)
	n.mute, n.deaf, n.gossips = make([]int, hosts), make([]int, hosts), map[[2]hostID]bool{}
	n.listeners = map[monitor.HostPort]acceptor{}
}

func (n *network) isCut(from, to hostID) bool {
	return n.severed > 0 && n.cuts[int(from)*n.hosts+int(to)] > 0
}

// cut adds (1) or removes (-1) a cut of one direction.
func (n *network) cut(from, to hostID, by int) {
	if from != to {
		n.cuts[int(from)*n.hosts+int(to)] += by
		n.severed += by
	}
}

// mend ends all cuts.
func (n *network) mend() {
	clear(n.cuts)
	n.severed = 0
}

// flow lets streams go on that were held back by a cut which has ended. TCP
// finds out with its next retransmission, which may take a while.
func (n *network) flow() {
	waiting := n.blocked
	n.blocked = nil
	for _, b := range waiting {
		c := b.c
		if n.isCut(c.ends[b.direction], c.ends[1-b.direction]) {
			n.blocked = append(n.blocked, b)
			continue
		}
		c.streams[b.direction].blocked = false
		n.w.at(n.w.now.Add(n.w.between(0, 200*time.Millisecond)), c, b.direction)
	}
}

type blockedStream struct {
	c         *conn
	direction int
}

func (n *network) delay(from, to hostID) time.Duration {
	o := &n.w.opts
	d := o.Delay + time.Duration(n.w.rng.Int64N(int64(o.Jitter)+1))
	return d + n.slow[from] + n.slow[to]
}

// Directions of a conn; also the index of the end that sends.
const (
	toAcceptor = 0
	toDialer   = 1
)

// connKind tells what a connection is for.
type connKind uint8

const (
	commandConn connKind = iota // of a Sentinel
	pubsubConn                  // of a Sentinel, subscribed to the hello channel
	fenceConn                   // of a Sentinel, over which it holds back writes
	clientConn
	replicaConn // of a replica to its master
)

// acceptor is a process that accepts connections.
type acceptor interface {
	host() hostID
	listening() bool
	accept(c *conn)
	serve(c *conn, msg any)
	hangup(c *conn) // the dialer has closed it
}

// dialer is a process that opens connections.
type dialer interface {
	host() hostID
	up(c *conn)
	hear(c *conn, msg any)
	down(c *conn, reason string)
}

// conn is a TCP connection: two ordered streams. Each end learns in order what
// the other one sent and then that it closed.
type conn struct {
	w       *world
	kind    connKind
	tag     monitor.ConnID // chosen by the dialer
	addr    monitor.HostPort
	dialer  dialer
	life    int       // of the Sentinel that dials
	server  acceptor  // nil until accepted
	ends    [2]hostID // dialer, acceptor
	streams [2]stream // from each end
	closed  [2]bool   // that end does not listen any more

	fence     fenceOn
	lost      monitor.Loss // how it ended, as the dialer saw it
	postponed bool         // the server keeps what comes until the end of a pause

	// What is said on it again and again, so that it is made once.
	lastPong monitor.Pong
	pongMsg  any
	hellos   []heardHello
	said     []*helloMsg // see encoded
}

// heardHello is a hello as the input that a Sentinel makes of it.
type heardHello struct {
	msg   *helloMsg
	input monitor.Input
}

// pong returns the reply to a PING on c.
func (c *conn) pong(r monitor.PingReply) any {
	if p := (monitor.Pong{Conn: c.tag, Reply: r}); c.pongMsg == nil || c.lastPong != p {
		c.lastPong, c.pongMsg = p, p
	}
	return c.pongMsg
}

// encoded returns h as a message. A Sentinel repeats the same about each master on
// each of its connections.
func (c *conn) encoded(h *monitor.Hello) *helloMsg {
	for k, m := range c.said {
		switch {
		case m.hello.MasterName != h.MasterName:
		case m.hello == *h:
			return m
		default:
			c.said[k] = c.w.encoded(*h)
			return c.said[k]
		}
	}
	m := c.w.encoded(*h)
	if len(c.said) < 64 {
		c.said = append(c.said, m)
	}
	return m
}

// heard returns the input for a hello that is heard on c. A subscription repeats
// those of a few Sentinels.
func (c *conn) heard(m *helloMsg) monitor.Input {
	for k := range c.hellos {
		if c.hellos[k].msg == m {
			return c.hellos[k].input
		}
	}
	if len(c.hellos) == 16 {
		c.hellos = c.hellos[:0]
	}
	h := heardHello{m, monitor.HelloReceived{Conn: c.tag, Hello: m.hello}}
	c.hellos = append(c.hellos, h)
	return h.input
}

type stream struct {
	queue   []packet
	head    int
	last    Instant
	blocked bool
}

type packet struct {
	at  Instant
	msg any
}

// What the kernels of both ends say to each other.
type (
	synPacket struct{}
	ackPacket struct{}
	endPacket struct {
		reason string
		loss   monitor.Loss
	}
)

func (w *world) dial(d dialer, kind connKind, tag monitor.ConnID, addr monitor.HostPort) *conn {
	c := &conn{w: w, kind: kind, tag: tag, addr: addr, dialer: d}
	c.ends = [2]hostID{d.host(), d.host()}
	if s := w.net.listeners[addr]; s != nil {
		c.ends[1] = s.host()
	}
	c.send(toAcceptor, synPacket{})
	return c
}

// send puts a message on its way, behind everything sent before.
func (c *conn) send(direction int, msg any) { c.sendAfter(direction, 0, msg) }

func (c *conn) sendAfter(direction int, wait time.Duration, msg any) {
	s := &c.streams[direction]
	at := c.w.now.Add(wait + c.w.net.delay(c.ends[direction], c.ends[1-direction]))
	s.last = max(s.last, at)
	s.queue = append(s.queue, packet{s.last, msg})
	c.w.at(s.last, c, direction)
}

// fire delivers what has arrived.
func (c *conn) fire(direction int) {
	s := &c.streams[direction]
	for s.head < len(s.queue) && s.queue[s.head].at <= c.w.now && !s.blocked {
		if c.w.net.isCut(c.ends[direction], c.ends[1-direction]) {
			s.blocked = true
			c.w.net.blocked = append(c.w.net.blocked, blockedStream{c, direction})
			return
		}
		msg := s.queue[s.head].msg
		s.queue[s.head] = packet{}
		if s.head++; s.head == len(s.queue) {
			s.queue, s.head = s.queue[:0], 0
		}
		c.deliver(direction, msg)
	}
}

func (c *conn) deliver(direction int, msg any) {
	receiver := 1 - direction
	if c.closed[receiver] {
		// The host is there, but no process holds the connection: its kernel says so.
		if _, ended := msg.(endPacket); !ended && !c.closed[direction] {
			c.send(receiver, endPacket{"connection reset by peer", monitor.LossReset})
		}
		return
	}
	if direction == toAcceptor {
		c.deliverToAcceptor(msg)
		return
	}
	switch m := msg.(type) {
	case ackPacket:
		c.dialer.up(c)
	case endPacket:
		c.closed[0] = true
		c.lost = m.loss
		c.dialer.down(c, m.reason)
	default:
		c.dialer.hear(c, msg)
	}
}

func (c *conn) deliverToAcceptor(msg any) {
	if c.firewalled() {
		c.rejected(msg)
		return
	}
	switch msg.(type) {
	case synPacket:
		s := c.w.net.listeners[c.addr]
		if s == nil || !s.listening() {
			c.refuse()
			return
		}
		c.server = s
		s.accept(c)
		c.send(toDialer, ackPacket{})
	case endPacket:
		c.closed[1] = true
		if c.server != nil {
			c.server.hangup(c)
		}
	default:
		c.server.serve(c, msg)
	}
}

// refuse is the answer to an attempt to connect where nothing listens.
func (c *conn) refuse() {
	c.closed[1] = true
	c.send(toDialer, endPacket{"connection refused", monitor.LossRefused})
}

// firewalled reports whether a firewall on the machine of the server keeps Sentinels away
// from it.
func (c *conn) firewalled() bool {
	s, ok := c.w.net.listeners[c.addr].(*server)
	return ok && s.firewall && c.kind <= pubsubConn
}

// rejected is the answer of the firewall to what arrives: a reset, as from the server. What
// is not sent is not answered.
func (c *conn) rejected(msg any) {
	switch msg.(type) {
	case synPacket:
		c.refuse()
	default:
		c.closed[1] = true
		if c.server != nil {
			c.server.hangup(c)
		}
		c.send(toDialer, endPacket{"connection reset by peer", monitor.LossReset})
	}
}

// close ends the connection from one end; the other one learns it in order.
func (c *conn) close(end int, reason string) { c.endAs(end, reason, monitor.LossEnded) }

func (c *conn) endAs(end int, reason string, loss monitor.Loss) {
	if !c.closed[end] {
		c.closed[end] = true
		c.send(end, endPacket{reason, loss})
	}
}

// abort ends the connection from one end and gives up what has not arrived.
func (c *conn) abort(end int) {
	s := &c.streams[end]
	clear(s.queue)
	s.queue, s.head = s.queue[:0], 0
	c.endAs(end, "connection reset by the Sentinel", monitor.LossReset)
}

// vanish ends the connection from one end without a word, as a machine does
// that loses power.
func (c *conn) vanish(end int) { c.closed[end] = true }

// remove takes c out of a list and keeps the order, which replays depend on.
func remove(list []*conn, c *conn) []*conn {
	for k, o := range list {
		if o == c {
			return append(list[:k], list[k+1:]...)
		}
	}
	return list
}
