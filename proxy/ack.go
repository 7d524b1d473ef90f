package proxy

import (
	"fmt"
	"strconv"

	"github.com/gosentinel/sentinel/internal/resp"
)

// acker waits for replicas on behalf of a worker. Replies to writes are kept back until so
// many replicas have what the master had executed when they came. One WAIT serves all
// that has come before it, and no other request waits behind it, as it has a connection
// of its own.
type acker struct {
	h       *hub
	t       *route
	waiting []*req // whose replies are kept back
	asked   int    // so many of these are covered by the WAIT under way; 0: none is
}

// keep holds the reply of a request back.
func (a *acker) keep(r *req) {
	r.lone = a.t != nil && a.t.up() && a.t.addr != r.from.addr
	a.waiting = append(a.waiting, r)
	if a.asked == 0 {
		a.ask()
	}
}

// ready connects in advance: then it is known of all replies that they came from the server
// that WAIT asks.
func (a *acker) ready() {
	if a.h.g.cfg.AckReplicas > 0 {
		a.connect()
		a.t.dial()
	}
}

func (a *acker) connect() {
	if a.t == nil || a.t.closed {
		a.t = a.h.newRoute(routeKey{proto: 2})
		a.t.single, a.t.opened = true, a.opened
	}
}

func (a *acker) ask() {
	cfg := a.h.g.cfg
	a.connect()
	a.asked = len(a.waiting)
	a.t.tell(pingBytes) // the position of now
	a.t.tell(resp.AppendCommand(nil, []byte("WAIT"), []byte(strconv.Itoa(cfg.AckReplicas)), []byte(strconv.FormatInt(cfg.AckTimeout.Milliseconds(), 10))))
	a.t.reqs.at(a.t.reqs.len() - 1).hook = a.told
	if a.t.up() {
		a.t.touch()
	} else {
		a.t.dial()
	}
}

// opened is called when there is a connection for WAIT. It is about the server that has executed
// what waits only if the connections to it, of then, are still there: otherwise it is
// another server, or the same one without its data.
func (a *acker) opened() {
	for _, r := range a.waiting {
		r.lone = r.lone || r.from.wire != r.wire || r.from.addr != a.t.addr
	}
}

// told takes the answer; nil if there will be none.
func (a *acker) told(b []byte) {
	list := a.waiting[:a.asked]
	a.waiting = append([]*req(nil), a.waiting[a.asked:]...)
	a.asked = 0
	n, err := -1, error(nil)
	if len(b) > 0 && b[0] == ':' {
		n, err = strconv.Atoi(string(text(b)))
	}
	want := a.h.g.cfg.AckReplicas
	for _, r := range list {
		switch {
		case err == nil && n >= want && !r.lone:
			r.release(a.h.w, nil)
		case n < 0 || r.lone:
			a.h.g.p.counts.Unknown.Add(1)
			r.release(a.h.w, []byte("-ERR proxy: the master has executed the command, and is gone; replicas may have it or not\r\n"))
		default:
			a.h.g.p.counts.Unacked.Add(1)
			r.release(a.h.w, fmt.Appendf(nil, "-NOREPLICAS proxy: the master has executed the command; %d of %d replicas have it (ack-replicas)\r\n", n, want))
		}
	}
	if len(a.waiting) > 0 {
		a.ask()
	}
}

// release lets a reply go that was kept back, or another one in its place.
func (r *req) release(w *worker, instead []byte) {
	c := r.c
	if c == nil {
		return
	}
	b := r.reply
	r.gated, r.reply, r.from, r.wire = false, nil, nil, nil
	c.buffered -= len(b)
	if instead != nil {
		b = instead
	}
	r.deliver(w, b, true)
}
