package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"
)

// routeKey says where requests go and what the connection has been told.
type routeKey struct {
	replica string // "": to the master
	proto   uint8  // 2 or 3
	db      int
}

// route is an ordered stream of requests to the master or to a replica, and a connection
// while there is one. Clients share it, or it is a client's own. Requests keep their
// place in it across connections: that is how a failover becomes a pause.
type route struct {
	h     *hub
	key   routeKey
	owner *client // nil: clients share it, or it waits in the pool

	buf  []byte // buf[base:] are the requests without a reply, in order
	base int
	reqs reqQueue
	// Of these requests, sentN are sent as a whole. They end at sentEnd, and what has
	// been sent ends at sent; both are counted from base.
	sentN, sentEnd, sent int
	held                 int64 // bytes that count as held
	dirty                bool

	wire     wire // nil: there is no connection
	addr     string
	runID    string // of a master; "" if it does not tell it
	in       []byte // a part of a reply
	scan     reply
	mid      bool // a part of a reply has been handed on
	verdict  verdict
	probing  bool // nothing has been answered yet: one request at a time
	poisoned bool // the server refuses; replies that are still to come count for answered
	demoted  bool // it has said that it is a replica: what was sent after that writes nothing
	answered int
	stopping bool // nothing is sent any more
	stopper  *time.Timer
	unsent   error // why a write failed

	dialing   bool
	cancel    context.CancelFunc
	tries     int
	lostAt    time.Time   // when the last connection ended
	downSince time.Time   // since when there is none; zero: there is, or the hub knows
	expiry    *time.Timer // answers what has waited for too long
	closed    bool
	used      time.Time // when it came back to the pool

	single bool      // it serves the proxy itself
	opened func()    // is called when there is a connection
	own    *ownState // of a route that is a client's own
}

// verdict says what becomes of a reply.
type verdict uint8

const (
	deliver verdict = iota
	again           // the request is sent once more
	push            // the reply is none, but a message
)

// streamAt is the size from which on a reply is handed on before it is complete. Up to
// then a lost connection leaves nothing half said.
const streamAt = 64 << 10

func (t *route) up() bool { return t.wire != nil && !t.stopping }

// add puts a request at the end. Where that is not possible, the request is answered.
func (t *route) add(r *req, raw []byte) {
	if r.kind == exec && t.own != nil && t.own.spoiled {
		r.spoiled, raw = true, discardBytes
	}
	waiting := int64(len(t.buf) - t.base)
	if !t.up() || waiting > t.h.limit() {
		if why := t.h.refuse(t, int64(len(raw))); why != "" {
			c, inTx := r.c, r.inTx
			if t.h.answer(r, why); inTx {
				c.cut()
			}
			return
		}
	}
	if t.base > 64<<10 && t.base*2 > len(t.buf) {
		n := copy(t.buf, t.buf[t.base:])
		t.buf, t.base = t.buf[:n], 0
	}
	r.size, r.queued = len(raw), true
	t.buf = append(t.buf, raw...)
	t.reqs.push(r)
	if t.up() {
		t.touch()
		return
	}
	t.setHeld(t.held + int64(len(raw)))
	t.h.g.p.counts.Held.Add(1)
	t.dial()
}

func (t *route) touch() {
	if !t.dirty {
		t.dirty = true
		t.h.w.dirtyRoutes = append(t.h.w.dirtyRoutes, t)
	}
}

func (t *route) setHeld(n int64) {
	t.h.g.held.Add(n - t.held)
	t.held = n
}

// flush sends as much as the connection takes.
func (t *route) flush() {
	if !t.up() {
		return
	}
	if t.own != nil && t.own.relay != nil {
		t.flushRelay()
		return
	}
	end := len(t.buf) - t.base
	if t.probing && t.reqs.len() > 0 {
		end = t.reqs.at(0).size
	}
	if end <= t.sent {
		return
	}
	n, err := t.wire.write(t.buf[t.base+t.sent : t.base+end])
	t.sent += n
	for t.sentN < t.reqs.len() && t.sentEnd+t.reqs.at(t.sentN).size <= t.sent {
		t.sentEnd += t.reqs.at(t.sentN).size
		t.sentN++
	}
	if err != nil {
		// What the server has answered is still to be read.
		t.stopping, t.unsent = true, err
		t.stopAfter(refusalGrace)
	}
}

func (t *route) room() { t.touch() }

// input takes what a server has sent.
func (t *route) input(b []byte) {
	if len(t.in) > 0 {
		t.in = append(t.in, b...)
		b = t.in
	}
	off := 0
	for off < len(b) {
		n, done, err := t.scan.next(b[off:])
		if err != nil {
			t.lost(err)
			return
		}
		if !done {
			switch {
			case !t.mid && len(b)-off < streamAt:
				t.scan.reset() // it is looked at again when more of it is there
			case n > 0:
				part := b[off : off+n]
				off += n
				if !t.take(part, false) {
					return
				}
				t.mid = true
			}
			break
		}
		whole := b[off : off+n]
		off += n
		t.scan.reset()
		if !t.take(whole, true) {
			return
		}
		t.mid = false
	}
	rest := b[off:]
	if len(rest) == 0 && cap(t.in) > 2*streamAt {
		t.in = nil
	} else {
		t.in = append(t.in[:0], rest...)
	}
}

// take hands on a part of a reply. It reports whether the connection is still there.
func (t *route) take(b []byte, done bool) bool {
	wire := t.wire
	switch {
	case t.own != nil && t.own.relay != nil:
		t.relayed(b, done)
		return t.wire == wire
	case !t.mid && b[0] == '>', t.mid && t.verdict == push:
		t.verdict = push
		if t.owner != nil {
			t.owner.message(b)
		}
		return true
	case t.answered >= t.sentN:
		t.unasked(b, done)
		return false
	}
	r := t.reqs.at(t.answered)
	if !t.mid {
		t.verdict = t.judge(r, b)
		r.first = b[0]
		if r.gated = r.ack && b[0] != '-' && t.verdict == deliver; r.gated {
			r.from, r.wire = t, t.wire
		}
	}
	if t.verdict == deliver {
		if done && t.answered == 0 && t.h.w.now-r.since >= t.h.g.p.config().SlowerThan {
			r.sample = sample(t.buf[t.base : t.base+r.size])
		}
		if t.own != nil {
			t.note(r, b, done)
		}
		r.deliver(t.h.w, b, done)
	}
	if done {
		t.finished(r)
	}
	return t.wire == wire
}

// unasked is called for a reply to nothing that was sent as a whole. A server refuses a
// request before its end when it is too large for it, and ends the connection.
func (t *route) unasked(b []byte, done bool) {
	err := errors.New("it answers what it was not asked")
	if t.sent > t.sentEnd && b[0] == '-' && done {
		err = errors.New("it refuses a part of a request: " + oneLine(string(bytes.TrimRight(b[1:], "\r\n"))))
		t.answerPart(string(bytes.TrimRight(b[1:], "\r\n")))
	}
	t.lost(err)
}

// answerPart answers the request of which a part was sent.
func (t *route) answerPart(text string) {
	r := t.reqs.at(t.sentN)
	c, inTx := r.c, r.inTx
	if t.h.answer(r, text); inTx && c != nil {
		c.cut()
	}
}

// finished is called when the reply to the first unanswered request is complete.
func (t *route) finished(r *req) {
	if t.poisoned {
		t.answered++
		if t.answered == t.sentN {
			t.lost(nil)
		}
		return
	}
	t.reqs.pop()
	t.base += r.size
	t.sentN--
	t.sent -= r.size
	t.sentEnd -= r.size
	r.queued = false
	if t.base == len(t.buf) {
		t.base = 0
		if cap(t.buf) > 1<<20 {
			t.buf = nil
		}
		t.buf = t.buf[:0]
	}
	if t.probing {
		t.probing = false
		t.touch()
	}
	t.h.w.free(r)
	switch {
	case t.stopping && t.sentN == 0:
		t.lost(nil)
	case t.own != nil:
		t.idle()
	}
}

// judge says what becomes of the reply that begins with b.
func (t *route) judge(r *req, b []byte) verdict {
	if b[0] == '-' && r.c != nil && t.mayRefuse(r, b) {
		if !t.poisoned {
			t.poisoned, t.stopping = true, true
			t.demoted = t.key.replica == "" && bytes.HasPrefix(refusal(b), []byte("READONLY "))
			t.stopAfter(refusalGrace)
			if t.key.replica == "" {
				t.h.trouble(string(bytes.TrimRight(b[1:], "\r\n")))
			}
		}
		return again
	}
	if t.poisoned && (r.safe || r.inTx) {
		return again
	}
	if t.key.replica == "" && !t.poisoned && !r.internal {
		t.h.fine()
		t.tries = 0
	}
	return deliver
}

// mayRefuse reports whether an error means that another server is to be asked. A replica
// may also lack a script.
func (t *route) mayRefuse(r *req, b []byte) bool {
	if t.key.replica == "" {
		return refuses(b)
	}
	return r.safe && (refuses(b) || bytes.HasPrefix(b, []byte("-NOSCRIPT ")))
}

// refusals are the errors with which a server says that it has done nothing, and that
// another one, or this one later, will do it.
var refusals = [][]byte{
	[]byte("READONLY "), []byte("LOADING "), []byte("MASTERDOWN "), []byte("NOREPLICAS "),
	[]byte("UNBLOCKED force unblock from blocking operation"),
}

var abortedBecause = []byte("EXECABORT Transaction discarded because of: ")

// refusal returns an error without what EXEC puts before it.
func refusal(line []byte) []byte { return bytes.TrimPrefix(line[1:], abortedBecause) }

func refuses(line []byte) bool {
	line = refusal(line)
	for _, r := range refusals {
		if bytes.HasPrefix(line, r) {
			return true
		}
	}
	return false
}

// How long a connection is kept on which nothing is sent any more, for the replies.
const (
	refusalGrace = time.Second
	retireGrace  = 50 * time.Millisecond
	pausedGrace  = 2 * time.Second // of a server that answers others
	roleGrace    = 500 * time.Millisecond
)

// retire stops sending to a server that is no master any more. What it has been sent may
// still be answered.
func (t *route) retire() {
	if t.wire == nil || t.stopping {
		return
	}
	if t.stopping = true; t.sentN == 0 || t.own != nil && t.own.relay != nil {
		t.lost(nil)
		return
	}
	t.stopAfter(retireGrace)
}

func (t *route) stopAfter(d time.Duration) {
	if t.stopper != nil {
		t.stopper.Stop()
	}
	wire := t.wire
	t.stopper = time.AfterFunc(d, func() {
		t.h.w.post(func() {
			if t.wire == wire {
				t.lost(errors.New("it does not answer"))
			}
		})
	})
}

func (t *route) ended(err error) {
	if errors.Is(err, io.EOF) && t.unsent != nil && !errors.Is(t.unsent, syscall.EPIPE) {
		err = t.unsent // the failed write was told of a reset, and the end is that of this side
	}
	if !errors.Is(err, io.EOF) {
		t.lost(err) // a reset: replies may be lost as well
		return
	}
	err = errors.New("it has closed the connection")
	switch {
	case t.key.replica != "", t.demoted, t.runID == "", t.answered == t.sentN, t.own != nil && t.own.relay != nil:
		t.lost(err)
	case t.mid, len(t.in) > 0:
		t.lost(err) // a reply was cut, and others may have waited behind it
	default:
		t.askRole(err)
	}
}

// askRole asks a former master that has closed the connection in good order whether it
// is a replica now, and the same process. Then it has been made to cut its clients, and has
// executed nothing of what it did not answer: a reply is written before anything else is
// read. It would have refused that, had it still read it.
func (t *route) askRole(err error) {
	if t.stopping = true; t.stopper != nil {
		t.stopper.Stop()
	}
	t.h.out()
	t.down()
	t.h.g.ask()
	wire, addr, runID := t.wire, t.addr, t.runID
	t.h.w.tasks.Go(func() {
		stepped := t.h.g.steppedDown(addr, runID)
		t.h.w.post(func() {
			if t.wire == wire {
				t.demoted = stepped
				t.lost(err)
			}
		})
	})
}

// disconnect drops the connection and nothing else.
func (t *route) disconnect() {
	if t.wire == nil {
		return
	}
	if t.stopper != nil {
		t.stopper.Stop()
	}
	t.wire.close()
	t.h.g.upstreams.Add(-1)
	t.wire, t.stopper, t.unsent = nil, nil, nil
	t.in, t.mid, t.verdict = nil, false, deliver
	t.scan.reset()
	t.poisoned, t.demoted, t.stopping, t.probing = false, false, false, false
	t.lostAt = time.Now()
}

// lost is called when the connection is of no use any more. Requests are kept, or
// answered, as they were sent or not.
func (t *route) lost(err error) {
	answered, sentN, demoted := t.answered, t.sentN, t.demoted
	if t.sent > t.sentEnd && t.own != nil && t.own.relay == nil {
		if r := t.reqs.at(sentN); r.repeats >= maxRepeats && !r.done {
			t.answerPart("ERR proxy: the server ends the connection whenever it is sent this request")
		} else {
			r.repeats++
		}
	}
	over := 0
	if t.own != nil && !demoted {
		over = t.unsure(answered, sentN)
	}
	t.disconnect()
	if t.single {
		t.close() // before its replies are missed: then another one is made
	}
	if t.key.replica == "" {
		t.h.lost(t, err)
	}
	if t.own != nil {
		t.ownLost(over > 0)
	}
	t.rebuild(func(i int, r *req) bool {
		switch {
		case r.c == nil, r.done, i < answered && r.gated:
			return false // nobody waits for it; or it has its reply, which may wait for replicas
		case i < over && r.inTx && r.kind != exec:
			t.queuedBefore(r)
			return false
		case i >= sentN || i < answered:
			return true // not sent, or refused
		case demoted && !r.started:
			// A switchover ends with the former master cutting its clients, and what it
			// has not read by then is lost. It would have refused that too.
			t.h.g.p.counts.Retried.Add(1)
			r.reply = nil
			return true
		}
		return t.mayRepeat(r)
	})
	if t.own != nil {
		t.restore()
	}
	switch {
	case t.closed:
	case t.key.replica != "" && t.own != nil && t.owner == nil:
		t.h.unpool(t)
		t.close()
	case t.key.replica != "" && t.own != nil:
		t.owner.end("the connection to a replica ended: " + fmt.Sprint(err))
	case t.key.replica != "":
		t.toMaster()
	case t.owner == nil && t.own != nil:
		t.close()
	case t.reqs.len() > 0 || t.own == nil || t.own.relay != nil || t.own.inTx > 0:
		t.dial()
	}
}

// unknownOutcome is the error for a request that was sent and is not sent again.
const unknownOutcome = "ERR proxy: the connection to the master ended before the reply; the command may have been executed or not"

// maxRepeats is how often a request is sent again. A request that ends its connection, or
// its server, would go on to do that to every master.
const maxRepeats = 3

// mayRepeat reports whether a request without a reply is sent again. If not, it is
// answered.
func (t *route) mayRepeat(r *req) bool {
	switch {
	case r.started:
		r.c.end("the connection to a server ended in the middle of a reply")
		return false
	case r.inTx && r.kind != exec, r.spoiled, t.key.replica != "" && r.safe,
		r.repeats < maxRepeats && !r.cmd.once && t.h.g.repeats(r.safe):
		t.h.g.p.counts.Retried.Add(1)
		r.reply = nil
		r.repeats++
		return true
	}
	t.h.g.p.counts.Unknown.Add(1)
	t.h.answer(r, unknownOutcome)
	return false
}

// rebuild keeps the requests for which keep says so, as if none had been sent.
func (t *route) rebuild(keep func(i int, r *req) bool) {
	list := append([]*req(nil), t.reqs.all()...)
	old, from := t.buf, t.base
	t.reqs = reqQueue{}
	t.buf, t.base = make([]byte, 0, len(old)-from), 0
	t.answered, t.sentN, t.sentEnd, t.sent = 0, 0, 0, 0
	for i, r := range list {
		raw := old[from : from+r.size]
		from += r.size
		if !keep(i, r) {
			r.queued = false
			if hook := r.hook; hook != nil {
				r.hook = nil
				defer hook(nil)
			}
			t.h.w.free(r)
			continue
		}
		if r.kind == exec && t.own != nil && t.own.spoiled {
			r.spoiled, raw = true, discardBytes
		}
		r.size = len(raw)
		t.buf = append(t.buf, raw...)
		t.reqs.push(r)
	}
	if t.wire == nil {
		t.setHeld(int64(len(t.buf)))
	}
}

// open takes a connection that is verified.
func (t *route) open(w wire, to reached) {
	before, addr := t.addr, to.addr
	t.wire, t.addr, t.runID = w, addr, to.runID
	t.h.g.upstreams.Add(1)
	t.probing = t.key.replica == "" && t.h.troubled
	t.forget()
	if !t.h.troubled {
		t.tries = 0
	}
	t.setHeld(0)
	t.recovered()
	if t.key.replica == "" && (!t.h.troubled || t.reqs.len() == 0) {
		t.h.fine()
	}
	if t.own != nil && t.own.relay != nil && t.owner != nil && before != "" && before != addr {
		t.own.relay.announce(t.owner, switchText(t.h.g.cfg.Name, before, addr))
	}
	if t.opened != nil {
		t.opened()
	}
	w.resume()
	t.touch()
}

// forget drops the requests of clients that have gone: what they wanted long ago may not
// be wanted any more.
func (t *route) forget() {
	for _, r := range t.reqs.all() {
		if r.c == nil && !r.internal {
			t.rebuild(func(_ int, r *req) bool { return r.c != nil || r.internal })
			return
		}
	}
}

// fail answers everything that waits. A transaction of which a part has been answered with
// an error cannot go on: another connection would execute the rest one by one.
func (t *route) fail(why string) {
	t.rebuild(func(_ int, r *req) bool {
		if r.c != nil {
			t.h.answer(r, why)
		}
		return false
	})
	switch {
	case t.own == nil || t.owner == nil:
	case t.owner.tx || t.own.inTx > 0:
		t.owner.cut()
	default:
		t.restore() // what the next connection has to be told has been answered, too
	}
}

// close ends the route. Its requests have been answered, or nobody waits for the reply.
func (t *route) close() {
	if t.closed {
		return
	}
	t.closed = true
	t.disconnect()
	if t.cancel != nil {
		t.cancel()
	}
	t.setHeld(0)
	t.recovered()
	delete(t.h.routes, t)
	if t.own == nil && t.h.shared[t.key] == t {
		delete(t.h.shared, t.key)
	}
}
