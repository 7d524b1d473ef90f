package proxy

import (
	"bytes"
	"time"
)

// ownState is what a connection of a client's own has been told, so that another
// connection can be told the same.
type ownState struct {
	replay  []told // commands that change the connection
	watched bool   // WATCH is in force
	spoiled bool   // it was, on a connection that is lost: EXEC must not execute
	inTx    int    // how many commands of a transaction are answered, MULTI with them
	txLog   []byte // those
	moved   bool   // the connection is not as its key says: it is not used again
	listens bool   // SUBSCRIBE was sent in the transaction
	relay   *relay // what the server sends are messages

	queued  int        // commands of the transaction that will be executed
	selects []txSelect // those of them that are SELECT
	heard   []told     // those of them that subscribe or unsubscribe
}

// txSelect is a SELECT in a transaction.
type txSelect struct{ at, db int }

// told is a command that changes the connection.
type told struct {
	name string
	raw  []byte
}

var (
	queuedReply  = []byte("+QUEUED\r\n")
	discardBytes = []byte("*1\r\n$7\r\nDISCARD\r\n")
	multiBytes   = []byte("*1\r\n$5\r\nMULTI\r\n")
	invalidAll   = []byte(">2\r\n$10\r\ninvalidate\r\n_\r\n")
	nullArray    = []byte("*-1\r\n")
	null3        = []byte("_\r\n")
	pingBytes    = []byte("*1\r\n$4\r\nPING\r\n")
)

// maxTxLog bounds what is kept of a transaction. One that is larger does not survive the
// end of its connection: EXEC is answered as aborted.
const maxTxLog = 16 << 20

// note takes down what the reply to r has changed.
func (t *route) note(r *req, b []byte, done bool) {
	o := t.own
	if !done || r.c == nil {
		return
	}
	raw := t.raw(r)
	ok := b[0] != '-'
	switch {
	case r.kind == exec, r.kind == discard:
		r.arg = o.selected(b, !t.mid)
		heard := o.heard
		o.end()
		if r.kind == exec && r.first == '*' && !bytes.Equal(b, nullArray) {
			t.listenAfter(heard)
		}
	case r.inTx:
		if o.inTx++; len(o.txLog)+len(raw) > maxTxLog {
			o.spoiled, o.txLog = true, nil
		}
		if !o.spoiled {
			o.txLog = append(o.txLog, raw...)
		}
		if bytes.HasPrefix(b, queuedReply) {
			if r.cmd.name == "SELECT" {
				o.selects = append(o.selects, txSelect{o.queued, r.arg})
			}
			if r.kind == subscribe || r.kind == unsubscribe {
				o.heard = append(o.heard, told{r.cmd.name, bytes.Clone(raw)})
			}
			o.queued++
		}
	case r.kind == watch && ok:
		o.watched = true
	case r.cmd.name == "UNWATCH":
		o.watched, o.spoiled = false, false
	case r.kind == own && ok:
		o.remember(r.cmd.name, raw)
	}
}

// end forgets the transaction, which is over.
func (o *ownState) end() {
	o.inTx, o.txLog, o.watched, o.spoiled, o.queued, o.selects, o.heard, o.listens = 0, nil, false, false, 0, nil, nil, false
}

// listenAfter makes a subscriber of a client that has subscribed in a transaction.
func (t *route) listenAfter(heard []told) {
	r := &relay{}
	for _, s := range heard {
		r.queued(s)
	}
	if t.owner != nil && r.listening() {
		t.own.relay, t.owner.relaying = r, true
	}
}

// selected returns the database in which the reply to EXEC leaves the connection; -1 if it
// is the same as before. Of a reply that was handed on in parts, b is the last one: then
// every SELECT is taken for executed.
func (o *ownState) selected(b []byte, whole bool) (db int) {
	if o.spoiled || len(o.selects) == 0 {
		return -1
	}
	if !whole {
		return o.selects[len(o.selects)-1].db
	}
	n, pos, err := lineNumber(b, 1, maxArgs)
	if b[0] != '*' || err != nil || n != o.queued {
		return -1 // it has not been executed
	}
	db = -1
	list := o.selects
	for i := 0; i < n && len(list) > 0; i++ {
		if list[0].at == i {
			if b[pos] != '-' {
				db = list[0].db
			}
			list = list[1:]
		}
		var one reply
		size, _, _ := one.next(b[pos:])
		pos += size
	}
	return db
}

func (o *ownState) remember(name string, raw []byte) {
	switch name {
	case "CLIENT|TRACKING", "CLIENT|NO-EVICT", "CLIENT|NO-TOUCH", "CLIENT|CAPA", "CLIENT|IMPORT-SOURCE":
	default:
		return
	}
	for i := range o.replay {
		if o.replay[i].name == name {
			o.replay[i].raw = bytes.Clone(raw)
			return
		}
	}
	o.replay = append(o.replay, told{name, bytes.Clone(raw)})
}

// raw returns the bytes of the first unanswered request.
func (t *route) raw(r *req) []byte {
	from := t.base
	for i := range t.answered {
		from += t.reqs.at(i).size
	}
	return t.buf[from : from+r.size]
}

// unsure returns how many requests stand up to, and with, the last EXEC of which nobody will
// know whether it was executed. What was queued for it must not be queued again: without
// it, that would wait for the EXEC of the next transaction, and all between them too.
func (t *route) unsure(answered, sentN int) (over int) {
	for i := answered; i < sentN; i++ {
		if r := t.reqs.at(i); r.kind == exec && !r.spoiled && !t.h.g.repeats(r.safe) {
			over = i + 1
		}
	}
	return over
}

// queuedBefore answers what was queued for such an EXEC.
func (t *route) queuedBefore(r *req) {
	if r.started {
		r.c.end("the connection to a server ended in the middle of a reply")
		return
	}
	text := string(queuedReply)
	if r.kind == multi || r.kind == discard {
		text = "+OK\r\n"
	}
	r.first, r.reply = '+', nil
	r.deliver(t.h.w, []byte(text), true)
}

// ownLost is called when the connection is lost, before requests are sorted out. ended says
// that the outcome of an EXEC is unknown: nothing of its transaction is in force any more.
func (t *route) ownLost(ended bool) {
	o := t.own
	if why := o.bound(); why != "" && t.owner != nil {
		t.owner.end(why)
		return
	}
	if o.relay != nil {
		o.relay.lost(t)
	}
	if ended {
		o.end()
	}
	if o.watched {
		o.spoiled, o.watched = true, false
	}
}

// restore puts in front what a new connection has to be told.
func (t *route) restore() {
	o := t.own
	if o.relay != nil {
		o.relay.restore(t)
		return
	}
	if t.owner == nil {
		return
	}
	rest, reqs := t.buf[t.base:], t.reqs.all()
	t.buf, t.base, t.reqs = nil, 0, reqQueue{}
	for _, s := range o.replay {
		t.forgetKeys(s)
		t.tell(s.raw)
	}
	if o.inTx > 0 {
		log := o.txLog
		if o.spoiled {
			log = multiBytes // what follows is queued, and discarded
		}
		for len(log) > 0 {
			var q request
			n, err := q.next(log, bounds{})
			if err != nil || n == 0 {
				break
			}
			t.tell(log[:n])
			log = log[n:]
		}
	}
	t.buf = append(t.buf, rest...)
	for _, r := range reqs {
		t.reqs.push(r)
	}
	if t.wire == nil {
		t.setHeld(int64(len(t.buf)))
	}
}

// forgetKeys tells a client with a cache that it has missed what has changed.
func (t *route) forgetKeys(s told) {
	if s.name == "CLIENT|TRACKING" && t.key.proto == 3 && t.owner != nil {
		t.owner.message(invalidAll)
	}
}

// bound says what of the connection another one could not be told; "" if there is nothing.
func (o *ownState) bound() string {
	for _, s := range o.replay {
		if s.name == "CLIENT|TRACKING" && bytes.Contains(bytes.ToUpper(s.raw), []byte("\r\nREDIRECT\r\n")) {
			return "the connection ended, and with it where its invalidations go (CLIENT TRACKING REDIRECT)"
		}
	}
	if o.relay != nil {
		return o.relay.bound()
	}
	return ""
}

// tell sends a command of the proxy's own, whose reply nobody gets.
func (t *route) tell(raw []byte) {
	r := t.h.w.newReq(nil, unknownCommand)
	r.size, r.queued, r.internal = len(raw), true, true
	t.buf = append(t.buf, raw...)
	t.reqs.push(r)
}

// idle is called when everything that was sent has been answered, perhaps.
func (t *route) idle() {
	if t.reqs.len() == 0 && t.owner != nil {
		t.owner.mayUnpin()
	}
}

// How many connections wait for the next client that needs one of its own, and for how
// long.
const (
	poolSize = 32
	poolIdle = time.Minute
)

// lend returns a connection of a client's own, to the master or to a replica.
func (h *hub) lend(c *client, key routeKey) *route {
	pool := h.pool[key]
	if n := len(pool); n > 0 {
		t := pool[n-1]
		h.pool[key] = pool[:n-1]
		t.owner = c
		return t
	}
	t := h.newRoute(key)
	t.own, t.owner = &ownState{}, c
	return t
}

// giveBack ends the use of a connection by a client.
func (h *hub) giveBack(t *route) {
	t.owner = nil
	o := t.own
	clean := t.up() && t.reqs.len() == 0 && !o.moved && o.relay == nil && len(o.replay) == 0 && !o.watched && o.inTx == 0 && !o.spoiled
	if !clean || len(h.pool[t.key]) >= poolSize {
		t.close()
		return
	}
	now := time.Now()
	t.used = now
	pool := h.pool[t.key]
	for len(pool) > 0 && (pool[0].closed || now.Sub(pool[0].used) > poolIdle) {
		pool[0].close()
		pool = pool[1:]
	}
	h.pool[t.key] = append(pool, t)
}

// unpool forgets a connection that has ended while nobody used it.
func (h *hub) unpool(t *route) {
	pool := h.pool[t.key]
	for i, o := range pool {
		if o == t {
			h.pool[t.key] = append(pool[:i:i], pool[i+1:]...)
			return
		}
	}
}
