package fakeredis

import (
	"net"
	"sync"
	"time"
)

// drainTime is how long an orderly close waits for a client to read its last
// replies.
const drainTime = time.Second

// sockets holds all open connections of a server, accepted or dialled, below any
// wrappers, so that a crash can reset them all.
type sockets struct {
	mu     sync.Mutex
	open   map[*socket]struct{}
	closed bool
}

// socket is one connection in sockets.
type socket struct {
	net.Conn
	owner *sockets
}

// adopt registers a new connection. After reset it closes the connection instead;
// reads then fail with net.ErrClosed.
func (r *sockets) adopt(conn net.Conn) *socket {
	s := &socket{Conn: conn, owner: r}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		abort(conn)
		return s
	}
	if r.open == nil {
		r.open = make(map[*socket]struct{})
	}
	r.open[s] = struct{}{}
	return s
}

// reset closes all connections, and all later ones, as the death of the process
// would: with a TCP reset.
func (r *sockets) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for s := range r.open {
		abort(s.Conn)
	}
	clear(r.open)
}

// abort closes a connection with a reset instead of an orderly end of stream.
func abort(conn net.Conn) {
	if tcp, ok := conn.(interface{ SetLinger(sec int) error }); ok {
		_ = tcp.SetLinger(0) // fails only on a socket that is already closed
	}
	_ = conn.Close()
}

// CloseWrite closes the sending side. Closing a socket with unread input would
// cause a reset that overtakes the last reply.
func (s *socket) CloseWrite() error {
	if half, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close unregisters the connection and closes it.
func (s *socket) Close() error {
	s.owner.mu.Lock()
	delete(s.owner.open, s)
	s.owner.mu.Unlock()
	return s.Conn.Close()
}

// listener registers the connections that it accepts.
type listener struct {
	net.Listener
	sockets *sockets
}

func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.sockets.adopt(conn), nil
}

// gate is what Pause closes. Goroutines that wait at it stop, as in a process
// under SIGSTOP.
type gate struct {
	mu     sync.Mutex
	shut   chan struct{} // nil: open; otherwise closed by open
	forced bool          // stays open, because the server is ending
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut == nil && !g.forced {
		g.shut = make(chan struct{})
	}
}

// open lets all goroutines pass. With forGood, later calls of close have no
// effect.
func (g *gate) open(forGood bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forced = g.forced || forGood
	if g.shut != nil {
		close(g.shut)
		g.shut = nil
	}
}

func (g *gate) wait() {
	for {
		g.mu.Lock()
		shut := g.shut
		g.mu.Unlock()
		if shut == nil {
			return
		}
		<-shut
	}
}

func (g *gate) isShut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut != nil
}

// outbox is the bounded queue of bytes that wait to be written to one connection.
type outbox struct {
	conn net.Conn
	gate *gate

	mu       sync.Mutex
	changed  sync.Cond
	queue    []byte
	inFlight int // bytes that the writer has taken and not yet written
	limit    int // maximum of queue + inFlight - exempt - exemptInFlight
	// exempt is the number of bytes of a snapshot within queue. A snapshot is as
	// large as the data; if it were counted, a replica of a large master could
	// never synchronise. exemptInFlight is the same within inFlight.
	exempt, exemptInFlight int
	state                  outboxState
}

type outboxState int

const (
	outboxOpen     outboxState = iota
	outboxDraining             // write what is queued, then close
	outboxDead                 // write nothing more
)

func newOutbox(conn net.Conn, g *gate, limit int) *outbox {
	o := &outbox{conn: conn, gate: g, limit: limit}
	o.changed.L = &o.mu
	return o
}

// put queues a copy of b. If that would exceed the limit, it queues nothing and
// reports false. Then the caller must disconnect the client, because the rest of
// the stream would no longer make sense to it.
func (o *outbox) put(b []byte) bool { return o.add(b, 0) }

// putSnapshot queues b without counting it against the limit.
func (o *outbox) putSnapshot(b []byte) bool { return o.add(b, len(b)) }

func (o *outbox) add(b []byte, exempt int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state != outboxOpen || len(b) == 0 {
		return true
	}
	if len(o.queue)+o.inFlight+len(b)-exempt-o.exempt-o.exemptInFlight > o.limit {
		return false
	}
	o.queue = append(o.queue, b...)
	o.exempt += exempt
	o.changed.Signal()
	return true
}

func (o *outbox) setLimit(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.limit = n
}

// waiting returns the number of bytes not written to the connection yet.
func (o *outbox) waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue) + o.inFlight
}

// finish lets the writer write what is queued, for up to drainTime, and then
// close the connection.
func (o *outbox) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state == outboxOpen {
		o.state = outboxDraining
		_ = o.conn.SetWriteDeadline(time.Now().Add(drainTime)) // a dead socket ends the writer anyway
		o.changed.Signal()
	}
}

// kill closes the connection at once.
func (o *outbox) kill() {
	o.mu.Lock()
	o.state = outboxDead
	o.queue = nil
	o.changed.Signal()
	o.mu.Unlock()
	_ = o.conn.Close()
}

// run is the writing goroutine. It returns when the connection has been closed.
func (o *outbox) run() {
	defer o.conn.Close()
	var batch []byte
	for {
		var ok bool
		if batch, ok = o.take(batch); !ok {
			return
		}
		o.gate.wait()
		if _, err := o.conn.Write(batch); err != nil {
			o.kill()
			return
		}
	}
}

// take waits for bytes to write and returns them. spare is the previous batch,
// whose memory is reused.
func (o *outbox) take(spare []byte) ([]byte, bool) {
	const keep = 64 << 10 // a buffer that grew for one large reply is not kept
	o.mu.Lock()
	defer o.mu.Unlock()
	o.inFlight, o.exemptInFlight = 0, 0
	for len(o.queue) == 0 && o.state == outboxOpen {
		o.changed.Wait()
	}
	if len(o.queue) == 0 || o.state == outboxDead {
		return nil, false
	}
	batch := o.queue
	if cap(spare) > keep {
		spare = nil
	}
	o.queue = spare[:0]
	o.inFlight, o.exemptInFlight, o.exempt = len(batch), o.exempt, 0
	return batch, true
}
