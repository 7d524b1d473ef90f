package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy is a running proxy. Make it with New.
type Proxy struct {
	cfg     *Config
	log     *slog.Logger
	started time.Time
	workers []*worker
	groups  map[string]*group
	tasks   sync.WaitGroup
	nextID  atomic.Uint64
	counts  Counts

	mu        sync.Mutex
	listeners []*listener
	said      map[string]string
}

// Options are what a configuration file does not say. The zero value is right for most.
type Options struct {
	// Logger receives a line for each event that an operator may ask about. Nil means
	// silence.
	Logger *slog.Logger
	// Listen opens the sockets of listeners. Nil means net.ListenConfig.
	Listen func(ctx context.Context, network, addr string) (net.Listener, error)
}

// Run serves until the context ends, and returns nil then. It returns an error at
// once when it cannot listen. ready, if it is not nil, is called when it does.
func Run(ctx context.Context, cfg *Config, o Options, ready func(addrs []net.Addr)) error {
	p, err := newProxy(cfg, o)
	if err != nil {
		return err
	}
	return p.run(ctx, o, ready)
}

func newProxy(cfg *Config, o Options) (*Proxy, error) {
	p := &Proxy{cfg: cfg, log: o.Logger, started: time.Now(), groups: make(map[string]*group), said: make(map[string]string)}
	if p.log == nil {
		p.log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	for i := range cfg.Masters {
		g, err := newGroup(p, &cfg.Masters[i])
		if err != nil {
			return nil, err
		}
		p.groups[g.cfg.Name] = g
	}
	n := cfg.Workers
	if n == 0 {
		n = max(1, runtime.GOMAXPROCS(0)/2)
	}
	for range n {
		p.workers = append(p.workers, newWorker(p))
	}
	return p, nil
}

func (p *Proxy) run(ctx context.Context, o Options, ready func([]net.Addr)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := p.listen(ctx, o); err != nil {
		for _, w := range p.workers {
			if w.poll != nil {
				w.poll.close()
			}
		}
		return err
	}
	var working sync.WaitGroup
	for _, w := range p.workers {
		for _, g := range p.groups {
			g.ctx = ctx
			w.hub(g)
		}
		working.Go(w.run)
	}
	for _, g := range p.groups {
		p.tasks.Go(func() { g.run(ctx) })
	}
	var addrs []net.Addr
	for _, l := range p.listeners {
		p.tasks.Go(l.accept)
		addrs = append(addrs, l.ln.Addr())
		p.log.Info("proxy: listening", "addr", l.ln.Addr().String(), "master", l.cfg.Master, "mode", string(l.cfg.Mode))
	}
	if ready != nil {
		ready(addrs)
	}
	<-ctx.Done()
	for _, l := range p.listeners {
		l.ln.Close()
	}
	p.tasks.Wait()
	for _, w := range p.workers {
		w.post(func() { w.finish = true })
	}
	working.Wait()
	return nil
}

// listen opens all sockets, or none.
func (p *Proxy) listen(ctx context.Context, o Options) error {
	open := o.Listen
	if open == nil {
		open = (&net.ListenConfig{}).Listen
	}
	for i := range p.cfg.Listeners {
		cfg := &p.cfg.Listeners[i]
		ln, err := open(ctx, "tcp", cfg.Bind)
		if err != nil {
			for _, l := range p.listeners {
				l.ln.Close()
			}
			return fmt.Errorf("proxy: %w", err)
		}
		p.listeners = append(p.listeners, &listener{p: p, cfg: cfg, ln: ln, g: p.groups[cfg.Master]})
	}
	return nil
}

// eachWorker has every worker call f.
func (p *Proxy) eachWorker(f func(*worker)) {
	for _, w := range p.workers {
		w.post(func() { f(w) })
	}
}

// logOnce warns, unless the same was the last that was said about a subject.
func (p *Proxy) logOnce(subject, text string, args ...any) {
	all := fmt.Sprint(append([]any{text}, args...)...)
	p.mu.Lock()
	known := p.said[subject] == all
	p.said[subject] = all
	p.mu.Unlock()
	if !known {
		p.log.Warn("proxy: "+text, args...)
	}
}

// listener takes connections of clients.
type listener struct {
	p       *Proxy
	cfg     *ListenerConfig
	ln      net.Listener
	g       *group
	clients atomic.Int64
	turn    int
}

// acceptPause is how long to wait when the system has no more connections to give.
const acceptPause = 50 * time.Millisecond

func (l *listener) accept() {
	for {
		conn, err := l.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			l.p.logOnce("accept "+l.cfg.Bind, "cannot accept a connection", "addr", l.cfg.Bind, "err", err)
			time.Sleep(acceptPause)
			continue
		}
		l.p.counts.Accepted.Add(1)
		if n := l.clients.Add(1); n > int64(l.p.cfg.Limits.Clients) {
			l.clients.Add(-1)
			l.p.counts.Rejected.Add(1)
			l.p.logOnce("clients "+l.cfg.Bind, "a client is rejected: there are limits.clients already", "addr", l.cfg.Bind)
			_ = conn.SetWriteDeadline(time.Now().Add(acceptPause)) // it is a courtesy
			_, _ = conn.Write([]byte("-ERR max number of clients reached\r\n"))
			conn.Close()
			continue
		}
		l.serve(conn)
	}
}

// serve hands a connection to a worker.
func (l *listener) serve(conn net.Conn) {
	if l.cfg.tls != nil {
		conn = tlsServer(conn, l.cfg.tls)
	}
	w := l.p.workers[l.turn%len(l.p.workers)]
	l.turn++
	if !w.post(func() { l.begin(w, conn) }) {
		conn.Close()
		l.left()
	}
}

// begin is the first thing that a worker does with a client.
func (l *listener) begin(w *worker, conn net.Conn) {
	c := &client{w: w, l: l, h: w.hub(l.g), id: l.p.nextID.Add(1), proto: 2, txDB: -1, authed: l.cfg.Password == ""}
	c.wire = w.wire(conn, c)
	w.clients[c] = struct{}{}
	c.steer()
}

func (l *listener) left() { l.clients.Add(-1) }
