package proxy

import (
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// door is a socket that takes connections, and stays when the configuration changes what
// they are for.
type door struct {
	p       *Proxy
	bind    string
	ln      net.Listener
	now     atomic.Pointer[listener]
	clients atomic.Int64
	latency histogram
	turn    int
}

// listener is what a door is for, as the configuration of a moment says. Clients keep the
// one that they came to. It is not changed.
type listener struct {
	p    *Proxy
	cfg  *ListenerConfig
	door *door
	g    *group
}

// acceptPause is how long to wait when the system has no more connections to give.
const acceptPause = 50 * time.Millisecond

func (d *door) accept() {
	for {
		conn, err := d.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			d.p.logOnce("accept "+d.bind, "cannot accept a connection", "addr", d.bind, "err", err)
			time.Sleep(acceptPause)
			continue
		}
		l := d.now.Load()
		d.p.counts.Accepted.Add(1)
		if n := d.clients.Load(); n >= int64(d.p.config().Limits.Clients) {
			d.p.counts.Rejected.Add(1)
			d.p.logOnce("clients "+d.bind, "a client is rejected: there are limits.clients already", "addr", d.bind)
			_ = conn.SetWriteDeadline(time.Now().Add(acceptPause)) // it is a courtesy
			_, _ = conn.Write([]byte("-ERR max number of clients reached\r\n"))
			conn.Close()
			continue
		}
		l.came()
		l.serve(conn)
	}
}

// serve hands a connection to a worker.
func (l *listener) serve(conn net.Conn) {
	if l.cfg.tls != nil {
		conn = tlsServer(conn, l.cfg.tls)
	}
	if l.cfg.Mode == ModeTCP {
		l.p.tasks.Go(func() { l.relay(conn) })
		return
	}
	w := l.p.workers[l.door.turn%len(l.p.workers)]
	l.door.turn++
	if !w.post(func() { l.begin(w, conn) }) {
		conn.Close()
		l.left()
	}
}

// begin is the first thing that a worker does with a client.
func (l *listener) begin(w *worker, conn net.Conn) {
	if w.finish {
		conn.Close()
		l.left()
		return
	}
	c := &client{w: w, l: l, h: w.hub(l.g), id: l.p.nextID.Add(1), proto: 2, authed: l.cfg.Password == ""}
	c.wire = w.wire(conn, c)
	w.clients[c] = struct{}{}
	c.steer()
}

// came and left count a client.
func (l *listener) came() {
	l.p.crowd.Add(1)
	l.door.clients.Add(1)
	l.g.users.Add(1)
}

func (l *listener) left() {
	l.door.clients.Add(-1)
	l.g.users.Add(-1)
	l.g.mayEnd()
	if l.p.crowd.Add(-1) == 0 {
		l.p.mayEnd()
	}
}

// Drain stops taking connections, and lets Run end when the last client has gone: for a
// process that another one takes over from. The other one must listen already. On
// Linux no connection is refused meanwhile.
func (p *Proxy) Drain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx == nil {
		return
	}
	if p.leaving {
		return
	}
	p.leaving = true
	p.status.close() // the other process answers
	p.status = nil
	for _, d := range p.doors {
		if err := steerAway(d.ln); err != nil {
			p.log.Warn("proxy: connections may be refused in this moment", "addr", d.bind, "err", err)
		}
	}
	for _, g := range p.site.Load().groups {
		g.leave()
	}
	p.log.Info("proxy: taking no connections any more", "clients", p.crowd.Load())
	p.tasks.Go(func() {
		// Who has begun to connect here is still taken.
		select {
		case <-time.After(drainGrace):
		case <-p.ctx.Done():
		}
		p.mu.Lock()
		for bind, d := range p.doors {
			d.ln.Close()
			delete(p.doors, bind)
		}
		close(p.pausing)
		p.mu.Unlock()
		p.mayEnd()
	})
}

// drainGrace is how long a connection takes to be made that began before Drain.
const drainGrace = time.Second

// mayEnd ends Run after Drain when nobody is left.
func (p *Proxy) mayEnd() {
	select {
	case <-p.pausing:
		if p.crowd.Load() == 0 {
			p.end()
		}
	default:
	}
}

// mayEnd ends a group that the configuration does not have any more when its last client
// has gone.
func (g *group) mayEnd() {
	if !g.retired.Load() || g.users.Load() > 0 || !g.over.CompareAndSwap(false, true) {
		return
	}
	g.cancel()
	g.p.eachWorker(func(w *worker) {
		if h := w.hubs[g]; h != nil {
			h.end()
			delete(w.hubs, g)
		}
	})
}
