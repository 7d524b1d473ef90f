package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Balance says which of the replicas that are good gets a read.
type Balance string

const (
	RoundRobin   Balance = "round-robin"
	LeastLatency Balance = "least-latency" // the one that answers the proxy soonest
	ZoneFirst    Balance = "zone"          // one of the listener's zone, and of others if there is none
)

// standing is how good a replica is, as the group's prober has seen it. It is not changed.
type standing struct {
	addr    string
	good    bool
	fresh   time.Time // it has all that the master had executed then
	latency time.Duration
	zone    string
}

// Of a prober: how often it asks, and how many positions of the master it remembers.
const (
	probePause   = 200 * time.Millisecond
	probeHistory = 64
)

// position is where the master was at a moment.
type position struct {
	at     time.Time
	offset int64
}

// prober asks the master and its replicas where they are.
type prober struct {
	g       *group
	conns   map[string]net.Conn
	latency map[string]time.Duration
	id      string // of the master's history
	past    []position
}

// probe keeps the standings of the replicas current until the context ends.
func (g *group) probe(ctx context.Context) {
	p := &prober{g: g, conns: make(map[string]net.Conn), latency: make(map[string]time.Duration)}
	defer func() {
		for _, c := range p.conns {
			hangUp(c)
		}
	}()
	for g.sleep(ctx, probePause) {
		list := p.round(ctx)
		g.standings.Store(&list)
		g.p.eachWorker(func(w *worker) {
			if h := w.hubs[g]; h != nil {
				h.standings = list
			}
		})
	}
}

// round asks everybody once. A replica has all that was executed before the master's
// position was asked for if it is at or behind that position afterwards.
func (p *prober) round(ctx context.Context) (list []standing) {
	v := p.g.current()
	for addr, c := range p.conns {
		if addr != v.master && !slices.Contains(v.replicas, addr) {
			hangUp(c)
			delete(p.conns, addr)
		}
	}
	if v.master != "" {
		at := time.Now()
		if info, err := p.info(ctx, v.master); err == nil && info["role"] == "master" {
			if id := info["master_replid"]; id != p.id {
				p.id, p.past = id, nil
			}
			offset, _ := strconv.ParseInt(info["master_repl_offset"], 10, 64)
			if p.past = append(p.past, position{at, offset}); len(p.past) > probeHistory {
				p.past = p.past[1:]
			}
		}
	}
	for _, addr := range v.replicas {
		host, _, _ := net.SplitHostPort(addr)
		s := standing{addr: addr, zone: p.g.p.config().Zones[host]}
		if z, is := p.g.p.config().Zones[addr]; is {
			s.zone = z
		}
		if info, err := p.info(ctx, addr); err == nil {
			s.good = info["role"] == "slave" && info["master_replid"] == p.id && info["master_link_status"] == "up"
			offset, _ := strconv.ParseInt(info["slave_repl_offset"], 10, 64)
			for _, m := range p.past {
				if m.offset <= offset {
					s.fresh = m.at
				}
			}
			s.latency = p.latency[addr]
		}
		list = append(list, s)
	}
	return list
}

// info returns the lines of INFO replication.
func (p *prober) info(ctx context.Context, addr string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	conn := p.conns[addr]
	known := conn != nil
	if !known {
		var err error
		if conn, err = p.g.dialAddr(ctx, addr); err != nil {
			return nil, err
		}
		p.conns[addr] = conn
	}
	stop := context.AfterFunc(ctx, func() { hangUp(conn) })
	start := time.Now()
	replies, err := p.g.exchange(conn, known, []string{"INFO", "replication"})
	if !stop() || err != nil || replies[0].Kind == '-' {
		hangUp(conn)
		delete(p.conns, addr)
		return nil, errors.New("it does not answer INFO")
	}
	took := time.Since(start)
	if old := p.latency[addr]; old > 0 {
		took = (3*old + took) / 4
	}
	p.latency[addr] = took
	info := make(map[string]string)
	for line := range strings.SplitSeq(replies[0].Text, "\r\n") {
		if key, value, is := strings.Cut(line, ":"); is {
			info[key] = value
		}
	}
	return info, nil
}

// badFor is for how long a replica is left alone that could not be used.
const badFor = time.Second

// fit reports whether a replica may get a read of a client.
func (h *hub) fit(s *standing, c *client, now time.Time) bool {
	cfg := c.l.cfg
	if !s.good || now.Before(h.bad[s.addr]) {
		return false
	}
	if cfg.MaxLag > 0 && now.Sub(s.fresh) > cfg.MaxLag+probePause {
		return false
	}
	return !cfg.ReadYourWrites || s.fresh.After(c.lastWrite)
}

// replicaFor returns the address of a replica for a read; "" if none is good.
func (h *hub) replicaFor(c *client) string {
	now := time.Now()
	cfg := c.l.cfg
	var best *standing
	n := len(h.standings)
	for i := range n {
		s := &h.standings[(h.turn+i)%n]
		if !h.fit(s, c, now) {
			continue
		}
		switch {
		case best == nil:
			best = s
		case cfg.Balance == LeastLatency && s.latency < best.latency,
			cfg.Balance == ZoneFirst && s.zone == cfg.Zone && best.zone != cfg.Zone:
			best = s
		}
		if cfg.Balance == RoundRobin {
			break
		}
	}
	if best == nil {
		return ""
	}
	h.turn = (slices.IndexFunc(h.standings, func(s standing) bool { return s.addr == best.addr }) + 1) % n
	return best.addr
}

// readRoute returns where a read goes.
func (c *client) readRoute() *route {
	if c.pending > 0 && c.tail.via != nil && c.tail.via.own == nil && !c.tail.via.closed && c.tail.via.key.db == c.db {
		return c.tail.via // what came before is not overtaken
	} else if c.l.cfg.ReadYourWrites && c.writing > 0 {
		return c.masterRoute()
	}
	if addr := c.h.replicaFor(c); addr != "" {
		return c.h.route(routeKey{replica: addr, proto: c.proto, db: c.db})
	}
	c.w.p.counts.Fallback.Add(1)
	return c.masterRoute()
}

// replicaRoute is for listeners whose clients stay with one replica. nil: there is none.
func (c *client) replicaRoute(cursor bool) *route {
	addr := c.replica(cursor)
	if addr == "" {
		return nil
	}
	t := c.h.route(routeKey{replica: addr, proto: c.proto, db: c.db})
	if !cursor {
		c.reader = t
	}
	return t
}

// replica returns the address of the replica of the client, or, for cursors, the one that
// all clients take: they go on with what another connection of theirs has begun.
func (c *client) replica(cursor bool) (addr string) {
	now := time.Now()
	if cursor {
		for i := range c.h.standings {
			if s := &c.h.standings[i]; c.h.fit(s, c, now) && (addr == "" || s.addr < addr) {
				addr = s.addr
			}
		}
		return addr
	}
	if t := c.reader; t != nil && !t.closed && now.After(c.h.bad[t.key.replica]) {
		return t.key.replica
	}
	return c.h.replicaFor(c)
}

// toMaster sends what a replica has not answered to the master.
func (t *route) toMaster() {
	t.h.bad[t.key.replica] = time.Now().Add(badFor)
	master := t.h.route(routeKey{proto: t.key.proto, db: t.key.db})
	t.rebuild(func(_ int, r *req) bool { return r.c != nil })
	from := t.base
	for _, r := range t.reqs.all() {
		raw := t.buf[from : from+r.size]
		from += r.size
		r.queued, r.via = false, master
		if !r.safe {
			t.h.answer(r, fmt.Sprintf("ERR proxy: no replica of %q", t.h.g.cfg.Name))
			continue
		}
		t.h.g.p.counts.Fallback.Add(1)
		master.add(r, raw)
	}
	t.reqs, t.buf, t.base = reqQueue{}, nil, 0
	t.close()
}

// leave stops using a server that is a replica of the group no more.
func (t *route) leave() {
	switch {
	case t.own != nil && t.owner != nil:
		t.owner.end("its replica has left the group")
	case t.own != nil:
		t.h.unpool(t)
		t.close()
	default:
		t.toMaster()
	}
}
