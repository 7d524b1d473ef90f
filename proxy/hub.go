package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// hub is a worker's share of a group: its connections to the servers.
type hub struct {
	w         *worker
	g         *group
	table     table
	view      view
	shared    map[routeKey]*route
	pool      map[routeKey][]*route
	routes    map[*route]struct{} // all that are open
	standings []standing
	turn      int
	bad       map[string]time.Time // replicas that could not be used, until when
	acks      acker

	troubled bool      // the master has refused, and not answered properly since
	outSince time.Time // since when there is no connection to the master; zero: there is
	cause    string
}

func newHub(w *worker, g *group) *hub {
	h := &hub{
		w: w, g: g, table: g.commands(), outSince: time.Now(), cause: "no server has been connected to yet",
		shared: make(map[routeKey]*route), pool: make(map[routeKey][]*route), routes: make(map[*route]struct{}),
		bad: make(map[string]time.Time), standings: g.standing(),
	}
	h.acks.h = h
	return h
}

func (h *hub) newRoute(key routeKey) *route {
	t := &route{h: h, key: key}
	h.routes[t] = struct{}{}
	return t
}

// route returns what clients share that want the same of their connection.
func (h *hub) route(key routeKey) *route {
	t := h.shared[key]
	if t == nil {
		t = h.newRoute(key)
		h.shared[key] = t
		t.dial()
	}
	return t
}

// end closes all connections.
func (h *hub) end() {
	for t := range h.routes {
		t.close()
	}
}

// limit is how many bytes may wait for servers.
func (h *hub) limit() int64 { return int64(h.g.p.config().Hold.Bytes) }

// refuse says why a request cannot wait; "" if it can.
func (h *hub) refuse(t *route, n int64) string {
	switch {
	case !t.up() && t.outage() >= h.g.p.config().Hold.Timeout:
		return h.noMaster()
	case h.g.held.Load()+int64(len(t.buf)-t.base)-t.held+n > h.limit():
		h.g.p.counts.Full.Add(1)
		return fmt.Sprintf("ERR proxy: hold buffer full: %s wait already for the master of %q (hold.bytes)", h.g.p.config().Hold.Bytes, h.g.cfg.Name)
	}
	return ""
}

func (h *hub) noMaster() string {
	h.g.p.counts.Refused.Add(1)
	if h.troubled {
		return h.cause // the server's own words
	}
	cause := cmp.Or(h.g.whyNot(), h.cause)
	return oneLine(fmt.Sprintf("ERR proxy: no master of %q for %v: %s", h.g.cfg.Name, h.g.p.config().Hold.Timeout, cause))
}

// outage is for how long a route has had no connection.
func (t *route) outage() time.Duration {
	since := t.downSince
	if since.IsZero() {
		since = t.h.outSince
	}
	if since.IsZero() || t.up() {
		return 0
	}
	return time.Since(since)
}

// trouble is called when the master refuses a request.
func (h *hub) trouble(text string) {
	h.troubled, h.cause = true, text
	h.out()
	h.g.p.counts.Refusals.Add(1)
	h.g.ask()
}

func (h *hub) out() {
	if h.outSince.IsZero() {
		h.outSince = time.Now()
	}
}

// fine is called when the master answers as it should.
func (h *hub) fine() {
	h.g.worked.Store(true)
	if h.troubled || !h.outSince.IsZero() {
		h.troubled, h.outSince, h.cause = false, time.Time{}, ""
		for t := range h.routes {
			if t.up() {
				t.recovered()
			}
		}
	}
}

// lost is called when a connection to the master has ended.
func (h *hub) lost(t *route, err error) {
	if t.own != nil && t.owner == nil {
		h.unpool(t)
		return
	}
	h.out()
	t.down()
	if err != nil && !h.troubled {
		h.cause = oneLine(t.addr + ": " + err.Error())
	}
	h.g.ask()
}

// down starts the time after which what waits is answered with an error.
func (t *route) down() {
	if t.downSince.IsZero() {
		t.downSince = time.Now()
		if o := t.h.outSince; !o.IsZero() {
			t.downSince = o
		}
	}
	if t.expiry == nil {
		rest := max(0, t.h.g.p.config().Hold.Timeout-time.Since(t.downSince))
		t.expiry = time.AfterFunc(rest, func() { t.h.w.post(t.expire) })
	}
}

// recovered is called when the route works.
func (t *route) recovered() {
	t.downSince = time.Time{}
	if t.expiry != nil {
		t.expiry.Stop()
		t.expiry = nil
	}
}

// expire answers what has waited for too long.
func (t *route) expire() {
	if t.expiry == nil || t.closed {
		return
	}
	t.expiry = nil
	if t.own != nil && t.own.relay != nil {
		if t.owner != nil && !t.up() {
			t.owner.end(t.h.noMaster())
		}
		return
	}
	if t.wire == nil {
		t.fail(t.h.noMaster())
	}
}

// answer gives a request an error as its reply.
func (h *hub) answer(r *req, why string) {
	if r.c != nil {
		r.first = '-'
		r.reply = nil
		r.deliver(h.w, []byte("-"+why+"\r\n"), true)
	}
}

// see takes a new view of the group.
func (h *hub) see(v view) {
	old := h.view
	h.view = v
	for t := range h.routes {
		if t.key.replica != "" && !slices.Contains(v.replicas, t.key.replica) {
			t.leave()
		}
	}
	former := "" // master, with requests that it has not answered
	for t := range h.routes {
		if t.key.replica == "" && t.wire != nil && !t.stopping && t.addr != v.master {
			if t.retire(); t.wire != nil {
				former = t.addr
			}
		}
	}
	switch {
	case former == "":
	case h.g.stepsDown(former): // asking once more might take longer than retireGrace
		h.patient(former)
	default:
		h.w.tasks.Go(func() {
			if h.g.alive(former) {
				h.w.post(func() { h.patient(former) })
			}
		})
	}
	if v.master != "" && old.master != v.master {
		h.route(routeKey{proto: 2})
		h.acks.ready()
	}
}

// patient waits longer for the replies of a former master that is alive: in a planned
// switchover it is paused until it is a replica, and then says that it has done nothing.
func (h *hub) patient(addr string) {
	for t := range h.routes {
		if t.key.replica == "" && t.wire != nil && t.addr == addr && t.stopping {
			if t.stopAfter(pausedGrace); t.owner != nil && t.owner.blocked() {
				// It answers others, so it has read this and found nothing to take.
				t.demoted = true
				t.stopAfter(retireGrace)
			}
		}
	}
}

// open returns the server to which clients share a connection, as the master or as that
// replica; "" if there is none.
func (h *hub) open(replica string) string {
	for key, t := range h.shared {
		if key.replica == replica && t.up() {
			return t.addr
		}
	}
	return ""
}

// dial begins to connect, unless that is under way.
func (t *route) dial() {
	if t.h.w.finish || t.dialing || t.closed || t.wire != nil {
		return
	}
	t.down()
	ctx, cancel := context.WithCancel(t.h.g.ctx)
	t.dialing, t.cancel = true, cancel
	want := wanted{key: t.key, lostAt: t.lostAt, tries: t.tries, known: t.h.open(t.key.replica)}
	if t.owner != nil {
		want.name = t.owner.name
	}
	t.tries++
	h := t.h
	h.w.tasks.Go(func() {
		to, err := h.g.connect(ctx, want, func(err error) {
			h.w.post(func() {
				if !h.troubled && !t.closed {
					h.cause = oneLine(err.Error())
				}
			})
		})
		if !h.w.post(func() { cancel(); t.dialed(to, err) }) && to.conn != nil {
			to.conn.Close()
		}
	})
}

// dialed takes the outcome.
func (t *route) dialed(to reached, err error) {
	t.dialing = false
	if t.closed || err == nil && t.key.replica == "" && to.addr != t.h.g.current().master {
		if to.conn != nil {
			to.conn.Close()
		}
		t.dial() // if it is not closed
		return
	}
	if err == nil {
		t.open(t.h.w.wire(to.conn, t), to)
		return
	}
	var refused *refusedError
	switch {
	case errors.As(err, &refused):
		if t.fail(refused.text); t.owner != nil {
			t.owner.cut()
		}
	case t.key.replica != "" && t.own == nil:
		t.toMaster()
		return
	case t.own != nil && t.owner != nil:
		t.owner.end("no connection to a server: " + err.Error())
	}
	t.close()
}
