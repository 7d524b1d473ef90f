package gossip

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"
)

// memberlist exchanges its list of members over a connection, with one request
// and one response. Both travel as datagrams here, cut into fragments, so that
// gossip needs only one UDP port. A TCP port could collide: operators that run
// several Sentinels on one host often number their ports in steps of ten
// thousand, so the gossip port of one may be the port of another, which could
// then not start.
//
// A fragment is a type byte, with which no packet of memberlist begins, and
// then encrypted: kind, id of the exchange, index of the fragment, number of
// fragments, and its bytes.
const (
	fragmentType   = 'S'
	fragmentHeader = 1 + 8 + 2 + 2
	fragmentSize   = 1100
	maxFragments   = maxStream/fragmentSize + 1

	kindRequest  = 1
	kindResponse = 2

	maxRequests = 64 // of peers; the oldest is dropped
	resendAfter = 200 * time.Millisecond
)

// exchanger makes connections out of datagrams. Its methods may be called
// concurrently.
type exchanger struct {
	keys   *keys
	send   func([]byte, netip.AddrPort) error
	accept func(net.Conn) // must not wait

	mu       sync.Mutex
	pending  map[uint64]*requestConn
	requests []*request // in order of arrival
	closed   bool
}

func newExchanger(k *keys, send func([]byte, netip.AddrPort) error, accept func(net.Conn)) *exchanger {
	return &exchanger{keys: k, send: send, accept: accept, pending: map[uint64]*requestConn{}}
}

// dial returns a connection for one exchange with to.
func (x *exchanger) dial(to netip.AddrPort) (net.Conn, error) {
	var id [8]byte
	rand.Read(id[:]) // never fails
	c := &requestConn{
		exchangeConn: exchangeConn{to: to}, x: x, id: binary.BigEndian.Uint64(id[:]),
		done: make(chan []byte, 1), closed: make(chan struct{}), deadline: time.Now().Add(streamTimeout),
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil, net.ErrClosed
	}
	x.pending[c.id] = c
	return c, nil
}

// close ends all exchanges and rejects later ones.
func (x *exchanger) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
	x.requests = nil
	for _, c := range x.pending {
		c.end()
	}
}

// sendFragments sends a message in fragments.
func (x *exchanger) sendFragments(kind byte, id uint64, message []byte, to netip.AddrPort) error {
	count := (len(message) + fragmentSize - 1) / fragmentSize
	for i, piece := range slices.Collect(slices.Chunk(message, fragmentSize)) {
		plain := binary.BigEndian.AppendUint64([]byte{kind}, id)
		plain = binary.BigEndian.AppendUint16(plain, uint16(i))
		plain = binary.BigEndian.AppendUint16(plain, uint16(count))
		b, err := x.keys.seal(append(plain, piece...), []byte{fragmentType})
		if err == nil {
			err = x.send(append([]byte{fragmentType}, b...), to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// receive handles a datagram that begins with fragmentType. It reports false
// when that is not authentic or not well-formed.
func (x *exchanger) receive(b []byte, from netip.AddrPort) bool {
	plain, ok := x.keys.unseal(b[1:], b[:1])
	if !ok || len(plain) <= fragmentHeader {
		return false
	}
	id := binary.BigEndian.Uint64(plain[1:])
	index, count := int(binary.BigEndian.Uint16(plain[9:])), int(binary.BigEndian.Uint16(plain[11:]))
	if index >= count || count > maxFragments || len(plain) > fragmentHeader+fragmentSize {
		return false
	}
	piece := plain[fragmentHeader:]
	switch plain[0] {
	case kindRequest:
		x.addRequest(id, from, index, count, piece)
	case kindResponse:
		x.addResponse(id, from, index, count, piece)
	default:
		return false
	}
	return true
}

// reassembly joins the fragments of a message. A duplicate, or one with another
// count, is ignored.
type reassembly struct {
	fragments [][]byte
	have      int
}

// add returns the whole message when its last missing fragment arrives.
func (p *reassembly) add(index, count int, piece []byte) ([]byte, bool) {
	if p.fragments == nil {
		p.fragments = make([][]byte, count)
	}
	if count != len(p.fragments) || p.fragments[index] != nil {
		return nil, false
	}
	p.fragments[index] = piece
	if p.have++; p.have < count {
		return nil, false
	}
	return bytes.Join(p.fragments, nil), true
}

// request is an exchange that a peer began.
type request struct {
	id         uint64
	from       netip.AddrPort
	reassembly reassembly
	response   []byte // nil while there is none
}

func (x *exchanger) addRequest(id uint64, from netip.AddrPort, index, count int, piece []byte) {
	x.mu.Lock()
	if x.closed {
		x.mu.Unlock()
		return
	}
	var q *request
	for _, known := range x.requests {
		if known.id == id && known.from == from {
			q = known
		}
	}
	if q == nil {
		q = &request{id: id, from: from}
		if len(x.requests) >= maxRequests {
			x.requests = slices.Delete(x.requests, 0, 1)
		}
		x.requests = append(x.requests, q)
	}
	again := q.response
	message, whole := q.reassembly.add(index, count, piece)
	x.mu.Unlock()
	switch {
	case whole:
		x.accept(&responseConn{exchangeConn: exchangeConn{to: from, in: message}, x: x, q: q})
	case again != nil && index == 0: // it was lost, or crossed the resent request
		_ = x.sendFragments(kindResponse, id, again, from)
	}
}

func (x *exchanger) addResponse(id uint64, from netip.AddrPort, index, count int, piece []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	c := x.pending[id]
	if c == nil || c.to != from {
		return
	}
	if message, whole := c.reassembly.add(index, count, piece); whole {
		c.done <- message // its buffer has room for the one message
	}
}

var errTooLong = errors.New("gossip: the list of members is too long")

// exchangeConn is what both ends of an exchange have in common. One goroutine
// may read it and one may write it at a time.
type exchangeConn struct {
	to  netip.AddrPort
	in  []byte // not read yet
	out []byte // written
}

func (c *exchangeConn) Write(b []byte) (int, error) {
	if len(c.out)+len(b) > maxStream {
		return 0, errTooLong
	}
	c.out = append(c.out, b...)
	return len(b), nil
}

func (c *exchangeConn) read(b []byte) (int, error) {
	if len(c.in) == 0 {
		return 0, io.EOF
	}
	n := copy(b, c.in)
	c.in = c.in[n:]
	return n, nil
}

func (c *exchangeConn) LocalAddr() net.Addr              { return &net.UDPAddr{} }
func (c *exchangeConn) RemoteAddr() net.Addr             { return net.UDPAddrFromAddrPort(c.to) }
func (c *exchangeConn) SetDeadline(time.Time) error      { return nil }
func (c *exchangeConn) SetReadDeadline(time.Time) error  { return nil }
func (c *exchangeConn) SetWriteDeadline(time.Time) error { return nil }

// requestConn is the end that begins an exchange: the first Read sends the
// request and waits for the response.
type requestConn struct {
	exchangeConn
	x          *exchanger
	id         uint64
	reassembly reassembly // of the response; guarded by x.mu
	done       chan []byte
	closed     chan struct{}
	once       sync.Once
	received   bool
	deadline   time.Time
}

func (c *requestConn) Read(b []byte) (int, error) {
	if !c.received {
		if err := c.roundTrip(); err != nil {
			return 0, err
		}
	}
	return c.read(b)
}

func (c *requestConn) roundTrip() error {
	end := time.NewTimer(time.Until(c.deadline))
	defer end.Stop()
	again := time.NewTicker(resendAfter)
	defer again.Stop()
	for {
		if err := c.x.sendFragments(kindRequest, c.id, c.out, c.to); err != nil {
			return err
		}
		select {
		case c.in = <-c.done:
			c.received = true
			return nil
		case <-again.C:
		case <-end.C:
			return os.ErrDeadlineExceeded
		case <-c.closed:
			return net.ErrClosed
		}
	}
}

func (c *requestConn) Close() error {
	c.end()
	c.x.mu.Lock()
	defer c.x.mu.Unlock()
	delete(c.x.pending, c.id)
	return nil
}

// end makes a waiting Read return.
func (c *requestConn) end() { c.once.Do(func() { close(c.closed) }) }

// responseConn is the other end: it holds the request, and Close sends the
// response.
type responseConn struct {
	exchangeConn
	x    *exchanger
	q    *request
	once sync.Once
}

func (c *responseConn) Read(b []byte) (int, error) { return c.read(b) }

func (c *responseConn) Close() error {
	var err error
	c.once.Do(func() {
		if len(c.out) == 0 {
			return
		}
		c.x.mu.Lock()
		c.q.response = c.out
		c.x.mu.Unlock()
		err = c.x.sendFragments(kindResponse, c.q.id, c.out, c.to)
	})
	return err
}
