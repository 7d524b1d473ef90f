package proxy

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/gosentinel/sentinel/internal/resp"
	"github.com/gosentinel/sentinel/internal/words"
)

// Bounds of one client. A client that has that much under way is not read from until
// something of it is done.
const (
	maxPipeline = 4096
	maxInFlight = 1 << 20
	maxUnread   = 1 << 20 // of replies that it has not taken yet
	maxComing   = 8 << 20 // of replies that are to come, as far as its last ones tell
	sureRequest = 128     // requests that it may have under way whatever their replies are
)

// client is a connection of an application.
type client struct {
	w    *worker
	l    *listener
	h    *hub
	wire wire
	id   uint64

	in      []byte // a part of a request, or requests whose turn has not come
	scan    request
	out     []byte // what has not been written yet
	written int    // of out
	dirty   bool

	head, tail *req // in order of arrival
	pending    int
	buffered   int // bytes of replies before their turn
	inFlight   int // bytes of requests
	replySize  int // of the reply that is coming
	largeReply int // size of the larger ones of its last replies; 0: there was none

	proto     uint8
	db        int
	name      string
	authed    bool
	replies   replyMode
	heard     int  // events of a Sentinel that it has subscribed to
	stalled   bool // nothing is read before all replies are there
	reading   bool
	eof       bool // it has said that it sends nothing more
	closing   bool // it is closed when its replies are written
	gone      bool
	shared    *route        // of the master, for protocol and database
	pin       *route        // a connection of its own
	tx        bool          // between MULTI and EXEC
	watching  bool          // since WATCH
	sticky    bool          // its own connection is kept
	relaying  bool          // what the server sends are messages
	reader    *route        // of a replica, for a client that stays with one
	held      int           // of in and inFlight, as far as it counts for limits.unfinished
	heardAt   time.Duration // when it has sent something last, as worker.now
	watch     *time.Timer   // of limits.silence; nil: none
	lastWrite time.Time     // when the last write was answered
	writing   int           // writes without a reply
}

// replyMode is that of CLIENT REPLY.
type replyMode uint8

const (
	repliesOn replyMode = iota
	repliesOff
	repliesSkipNext // the request that follows
	repliesSkip     // this one
)

func (c *client) muted() bool { return c.replies == repliesOff || c.replies == repliesSkip }

// input takes what the client has sent.
func (c *client) input(b []byte) {
	c.heardAt = c.w.now
	if len(c.in) == 0 {
		n := c.process(b)
		if n < len(b) && !c.gone {
			c.in = append(c.w.buffer(), b[n:]...)
		}
	} else {
		c.in = append(c.in, b...)
		c.again()
	}
	c.steer()
}

// again processes what has been kept.
func (c *client) again() {
	if len(c.in) == 0 {
		return
	}
	n := c.process(c.in)
	switch rest := len(c.in) - n; {
	case c.gone:
	case rest == 0:
		c.w.recycle(c.in)
		c.in = nil
	case n > 0:
		copy(c.in, c.in[n:])
		c.in = c.in[:rest]
	}
}

// process handles complete requests and returns how many bytes they take.
func (c *client) process(b []byte) int {
	off := 0
	for off < len(b) && !c.stalled && !c.closing && !c.gone && !c.full() {
		if b[off] != '*' && c.scan.pos == 0 {
			line, n, err := inlineLine(b[off:])
			if err != nil {
				c.wrong(err)
				return len(b)
			}
			if n == 0 || !c.inline(line) {
				break
			}
			off += n
			continue
		}
		n, err := c.scan.next(b[off:], c.bounds())
		if err != nil {
			c.wrong(err)
			return len(b)
		}
		if n == 0 {
			break
		}
		raw := b[off : off+n]
		if c.scan.args > 0 && !c.command(raw) {
			break // its turn has not come
		}
		c.scan.reset()
		off += n
	}
	return off
}

// bounds are those of the next request.
func (c *client) bounds() bounds {
	most := bounds{bytes: int(c.w.p.config().Limits.Request)}
	if !c.authed {
		most.args, most.arg = strangerArgs, strangerBytes
	}
	return most
}

// full reports whether the client has enough under way.
func (c *client) full() bool {
	return c.pending >= maxPipeline || c.inFlight >= maxInFlight || len(c.out)-c.written > maxUnread ||
		c.pending >= sureRequest && (c.largeReply == 0 || c.pending*c.largeReply > maxComing) ||
		c.relaying && c.pin.own.relay.bytes >= maxInFlight
}

// busy reports whether replies are still to come.
func (c *client) busy() bool {
	return c.pending > 0 || c.relaying && len(c.pin.own.relay.pending) > 0
}

// steer reads from the client or not.
func (c *client) steer() {
	if c.gone {
		return
	}
	c.account()
	// Who waits in BLPOP has to be read from all the same: the end of the connection stands
	// behind what was sent.
	want := !c.closing && !c.eof && !c.full() && (!c.stalled || len(c.in) < maxInFlight)
	if want != c.reading {
		if c.reading = want; want {
			c.wire.resume()
		} else {
			c.wire.pause()
		}
	}
}

// inline handles a line that somebody has typed.
func (c *client) inline(line []byte) bool {
	list, ok := words.Split(string(line))
	if !ok {
		c.wrong(errors.New("Protocol error: unbalanced quotes in request"))
		return true
	}
	if len(list) == 0 {
		return true
	}
	args := make([][]byte, len(list))
	for i, w := range list {
		args[i] = []byte(w)
	}
	raw := resp.AppendCommand(nil, args...)
	if _, err := c.scan.next(raw, bounds{}); err != nil {
		c.wrong(err)
		return true
	}
	done := c.command(raw)
	c.scan.reset()
	return done
}

// wrong answers what is no request, and closes the connection.
func (c *client) wrong(err error) {
	c.w.p.counts.Protocol.Add(1)
	c.error("ERR " + err.Error())
	c.cut()
}

// command handles one request. It reports false when its turn has not come: then it is
// called again.
func (c *client) command(raw []byte) bool {
	cmd := c.h.table.find(c.scan.name(raw), c.scan.sub(raw))
	if !c.authed && !beforeLogin(cmd) {
		c.error("NOAUTH Authentication required.")
		return true
	}
	if c.l.cfg.Mode == ModeSentinel {
		return c.asSentinel(cmd, raw)
	}
	if cmd.kind == plain && c.pin == nil && len(raw) <= maxShared {
		return c.sendShared(cmd, raw)
	}
	return c.special(cmd, raw)
}

// sendShared sends what needs no connection of its own, where the mode of the listener
// says.
func (c *client) sendShared(cmd *command, raw []byte) bool {
	switch c.l.cfg.Mode {
	case ModeSplit:
		if cmd.read && !cmd.master {
			return c.send(c.readRoute(), cmd, raw)
		}
	case ModeReplicas:
		t := c.replicaRoute(cmd.cursor)
		switch {
		case t == nil && cmd.safe:
			c.w.p.counts.Fallback.Add(1)
		case t == nil:
			c.noReplica()
			return true
		default:
			return c.send(t, cmd, raw)
		}
	}
	return c.send(c.masterRoute(), cmd, raw)
}

func (c *client) noReplica() {
	c.error("ERR proxy: no replica of \"" + c.h.g.cfg.Name + "\" is good")
}

// masterRoute returns what clients share that talk to the master.
func (c *client) masterRoute() *route {
	if t := c.shared; t != nil && !t.closed {
		return t
	}
	c.shared = c.h.route(routeKey{proto: c.proto, db: c.db})
	return c.shared
}

// send puts a request on its way. A request that takes another way than the ones before
// waits for their replies: otherwise it might overtake them.
func (c *client) send(t *route, cmd *command, raw []byte) bool {
	if c.pending > 0 && c.tail.via != t {
		c.stalled = true
		return false
	}
	if c.replies == repliesSkipNext {
		c.replies = repliesSkip
	}
	r := c.w.newReq(c, cmd)
	if c.replies == repliesSkip {
		c.replies = repliesOn
	}
	r.via = t
	r.inTx = c.tx
	r.safe = cmd.safe
	if r.kind == exec {
		r.arg = -1
	}
	c.inFlight += len(raw)
	r.counted = len(raw)
	if cmd.write || r.kind == exec {
		r.writes = true
		c.writing++
		r.ack = c.h.g.cfg.AckReplicas > 0 && !r.inTx || c.h.g.cfg.AckReplicas > 0 && r.kind == exec
	}
	t.add(r, raw)
	return true
}

// deliver gives a part of the reply to who waits for it.
func (r *req) deliver(w *worker, b []byte, done bool) {
	c := r.c
	if c == nil {
		if r.done = done; done && r.hook != nil {
			r.hook(b)
			r.hook = nil
		}
		return
	}
	switch {
	case r.mute:
	case r.spoiled:
		if done {
			c.write(r, nullFor(c.proto))
		}
	default:
		c.write(r, b)
	}
	if c.replySize += len(b); done {
		c.largeReply = max(c.replySize, c.largeReply-c.largeReply/8)
		c.replySize = 0
	}
	if done && r.gated {
		c.h.acks.keep(r)
		return
	}
	if done {
		r.done = true
		c.answered(r, b)
		c.advance()
	}
	c.touch()
	if len(c.out)-c.written+c.buffered > int(w.p.config().Limits.Output) {
		w.p.counts.Slow.Add(1)
		c.end("it does not take its replies (limits.output)")
	}
}

func nullFor(proto uint8) []byte {
	if proto == 3 {
		return null3
	}
	return nullArray
}

// write adds to the reply of a request, which leaves when its turn has come.
func (c *client) write(r *req, b []byte) {
	if c.head == r && !r.gated {
		c.put(b)
		r.started = true
		return
	}
	r.reply = append(r.reply, b...)
	c.buffered += len(b)
}

// put adds to what is written to the client.
func (c *client) put(b []byte) {
	if c.out == nil {
		c.out = c.w.buffer()
	}
	c.out = append(c.out, b...)
}

// message passes on what no request has asked for.
func (c *client) message(b []byte) {
	c.put(b)
	c.touch()
	if len(c.out)-c.written > int(c.w.p.config().Limits.Output) {
		c.w.p.counts.Slow.Add(1)
		c.end("it does not take its messages (limits.output)")
	}
}

// advance takes off the list what has been answered.
func (c *client) advance() {
	for r := c.head; r != nil && r.done; r = c.head {
		c.head = r.next
		if c.head == nil {
			c.tail = nil
		} else if early := c.head.reply; len(early) > 0 && !c.head.gated {
			c.put(early)
			c.buffered -= len(early)
			c.head.started, c.head.reply = true, nil
		}
		c.pending--
		c.inFlight -= r.counted
		c.observe(r)
		if r.writes {
			c.writing--
			if c.l.cfg.ReadYourWrites {
				c.lastWrite = time.Now()
			}
		}
		r.listed, r.next, r.c = false, nil, nil
		c.w.free(r)
	}
}

// error answers a request of the client here.
func (c *client) error(text string) { c.reply([]byte("-" + oneLine(text) + "\r\n")) }

// reply answers a request here.
func (c *client) reply(b []byte) {
	if c.replies == repliesSkipNext {
		c.replies = repliesSkip
	}
	var via *route
	if c.tail != nil {
		via = c.tail.via
	}
	r := c.w.newReq(c, localCommand)
	r.via = via
	if c.replies == repliesSkip {
		c.replies = repliesOn
	}
	if !r.mute {
		c.write(r, b)
	}
	r.done = true
	c.advance()
	c.touch()
}

var localCommand = &command{kind: local}

func (c *client) touch() {
	if !c.dirty {
		c.dirty = true
		c.w.dirtyClients = append(c.w.dirtyClients, c)
	}
}

// flush writes what there is, and goes on with what has waited.
func (c *client) flush() {
	if c.gone {
		return
	}
	if len(c.out) > c.written {
		n, err := c.wire.write(c.out[c.written:])
		c.written += n
		if err != nil {
			c.end("")
			return
		}
	}
	if c.written == len(c.out) && c.out != nil {
		c.w.recycle(c.out)
		c.out, c.written = nil, 0
	}
	if c.closing && c.pending == 0 && c.out == nil && c.wire.drained() {
		c.end("")
		return
	}
	if !c.busy() {
		c.stalled = false
	}
	if len(c.in) > 0 && !c.stalled && !c.closing {
		c.again()
	}
	if c.eof && (c.blocked() || c.pending == 0 && c.out == nil && !c.relaying && c.wire.drained()) {
		c.end("")
		return
	}
	c.steer()
}

func (c *client) room() { c.touch() }

// ended is called when the client sends nothing more. What it has sent is answered.
func (c *client) ended(err error) {
	if failed := (handshakeError{}); errors.As(err, &failed) {
		p := c.w.p
		p.counts.TLS.Add(1)
		p.logOnce("tls "+c.l.cfg.Bind, "a client has not begun TLS as it should", "addr", c.l.cfg.Bind, "client", hostOf(c.wire.remote()), "err", failed.error)
		c.end("")
		return
	}
	if !errors.Is(err, io.EOF) || c.relaying {
		c.end("")
		return
	}
	c.eof = true
	c.touch()
}

// blocked reports whether the client waits for what may never happen. When it has gone, an
// element of a list must not be taken for it.
func (c *client) blocked() bool {
	if c.pin == nil || c.head == nil || c.head.inTx {
		return false
	}
	switch c.head.kind {
	case blocking, mayBlock, waiting, unknown:
		return true
	}
	return false
}

// hostOf returns an address without its port.
func hostOf(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}

// cut closes the connection when everything before has been answered.
func (c *client) cut() {
	c.closing = true
	c.touch()
}

// end closes the connection. Without a reason it is the client's own doing.
func (c *client) end(why string) {
	if c.gone {
		return
	}
	c.gone = true
	if why != "" {
		c.w.p.log.Warn("proxy: a client is cut", "addr", c.wire.remote(), "why", why)
		c.w.p.counts.Cut.Add(1)
	}
	c.wire.close()
	for r := c.head; r != nil; {
		next := r.next
		r.c, r.listed, r.next = nil, false, nil
		c.w.free(r)
		r = next
	}
	c.head, c.tail = nil, nil
	if t := c.pin; t != nil {
		c.pin = nil
		t.h.giveBack(t)
	}
	if c.account(); c.watch != nil {
		c.watch.Stop()
	}
	delete(c.w.clients, c)
	c.l.left()
}
