package proxy

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy is a proxy that serves while Run does. Make it with New; its methods are safe for
// concurrent use.
type Proxy struct {
	opt     Options
	log     *slog.Logger
	started time.Time
	workers []*worker
	tasks   sync.WaitGroup
	nextID  atomic.Uint64
	counts  Counts
	site    atomic.Pointer[site]

	mu    sync.Mutex // held while the configuration changes
	ctx   context.Context
	end   context.CancelFunc
	doors map[string]*door // by the address of the configuration
	// pausing is closed when no connections are taken any more: the proxy ends when the
	// last client has gone.
	pausing chan struct{}
	leaving bool         // Drain was called
	crowd   atomic.Int64 // clients
	// unfinished are the bytes of requests that are not done, see client.account.
	unfinished atomic.Int64

	status *statusSite // nil: there is none
	said   map[string]string

	asking sync.Mutex // see gather
	slow   slowlog
}

// site is what the configuration of a moment has brought about. It is not changed.
type site struct {
	cfg       *Config
	groups    map[string]*group
	listeners []*listener
}

// Options are what a configuration file does not say. The zero value is right for most.
type Options struct {
	// Logger receives a line for each event that an operator may ask about. Nil means
	// silence.
	Logger *slog.Logger
	// Listen opens the sockets of listeners. Nil means TCP; on Linux such that another
	// process may listen at the same address, to take over.
	Listen func(ctx context.Context, network, addr string) (net.Listener, error)
	// Standalone makes the source of a [[group]], which no Sentinel watches. It is called
	// for each, again when its configuration has changed, and must check all of it. Nil
	// refuses such groups.
	Standalone func(GroupOptions) (Source, error)
	// Ready, if it is not nil, is called when all listeners listen, with their addresses
	// in the order of the configuration.
	Ready func(addrs []net.Addr)
}

// New returns a proxy that does nothing until Run is called. The configuration comes from
// Load and must not be changed afterwards.
func New(cfg *Config, o Options) *Proxy {
	p := &Proxy{opt: o, log: o.Logger, started: time.Now(), said: make(map[string]string), doors: make(map[string]*door), pausing: make(chan struct{})}
	if p.log == nil {
		p.log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if p.opt.Listen == nil {
		lc := &net.ListenConfig{Control: shareAddress}
		lc.SetMultipathTCP(false) // such sockets cannot be steered; see steerAway
		p.opt.Listen = lc.Listen
	}
	p.site.Store(&site{cfg: cfg})
	return p
}

// Run serves until the context ends, or after Drain until the last client has gone, and
// returns nil then. It returns an error at once when it cannot listen. It may be called
// once.
func (p *Proxy) Run(ctx context.Context) error {
	cfg := p.config()
	n := cfg.Workers
	if n == 0 {
		n = max(1, runtime.GOMAXPROCS(0)/2)
	}
	for range n {
		p.workers = append(p.workers, newWorker(p, cfg.pumps))
	}
	p.mu.Lock()
	p.ctx, p.end = context.WithCancel(ctx)
	p.mu.Unlock()
	defer p.end()
	var working sync.WaitGroup
	for _, w := range p.workers {
		working.Go(w.run)
	}
	err := p.Reload(cfg)
	if err == nil {
		p.ready()
		<-p.ctx.Done()
	}
	p.end()
	p.mu.Lock()
	for _, d := range p.doors {
		d.ln.Close()
	}
	p.status.close()
	p.mu.Unlock()
	p.tasks.Wait()
	for _, w := range p.workers {
		w.post(func() { w.finish = true })
	}
	working.Wait()
	return err
}

func (p *Proxy) ready() {
	if p.opt.Ready == nil {
		return
	}
	var addrs []net.Addr
	for _, l := range p.site.Load().listeners {
		addrs = append(addrs, l.door.ln.Addr())
	}
	p.opt.Ready(addrs)
}

func (p *Proxy) config() *Config { return p.site.Load().cfg }

// Reload puts another configuration in force while Run serves. Clients stay
// connected, with the settings of the listener that they came to; what is new holds for
// those who come. When something of it cannot be done, the error says what, and nothing
// has changed. The number of workers stays as it is.
func (p *Proxy) Reload(cfg *Config) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.site.Load()
	next := &site{cfg: cfg, groups: make(map[string]*group)}
	var fresh []*group
	for i := range cfg.Masters {
		m := &cfg.Masters[i]
		g := old.groups[m.Name]
		if g == nil || !g.cfg.same(m) || !g.probed && m.reads {
			var err error
			if g, err = newGroup(p, m); err != nil {
				return err
			}
			fresh = append(fresh, g)
		}
		next.groups[m.Name] = g
	}
	opened, err := p.open(cfg, next)
	status := p.status
	if err == nil && !status.fits(cfg) && !p.leaving {
		if status = nil; cfg.HTTPBind != "" {
			status, err = p.openStatus(cfg)
		}
	}
	if err != nil {
		for _, d := range opened {
			d.ln.Close()
			delete(p.doors, d.bind)
		}
		return err
	}
	p.enforce(old, next, fresh, opened)
	if status != p.status {
		p.status.close()
		if p.status = status; status != nil {
			p.tasks.Go(func() { status.serve(p) })
		}
	}
	return nil
}

// open makes the listeners of a site, with new sockets where there are none. On an error
// too it returns those that it has opened.
func (p *Proxy) open(cfg *Config, next *site) (opened []*door, err error) {
	for i := range cfg.Listeners {
		c := &cfg.Listeners[i]
		d := p.doors[c.Bind]
		if d == nil {
			ln, err := p.opt.Listen(p.ctx, "tcp", c.Bind)
			if err != nil {
				return opened, fmt.Errorf("proxy: %w", err)
			}
			d = &door{p: p, bind: c.Bind, ln: ln}
			p.doors[c.Bind] = d
			opened = append(opened, d)
		}
		next.listeners = append(next.listeners, &listener{p: p, cfg: c, door: d, g: next.groups[c.Master]})
	}
	return opened, nil
}

// enforce puts a site in force of which everything is there. p.mu is held.
func (p *Proxy) enforce(old, next *site, fresh []*group, opened []*door) {
	for i := range next.cfg.Masters {
		m := &next.cfg.Masters[i]
		g := next.groups[m.Name]
		g.access.Store(&m.serverAccess)
		g.peerTLS.Store(m.peerTLS)
	}
	p.site.Store(next)
	for _, g := range fresh {
		g.ctx, g.cancel = context.WithCancel(p.ctx)
		p.eachWorker(func(w *worker) { w.hub(g) })
		p.tasks.Go(func() { g.run(g.ctx) })
	}
	for _, l := range next.listeners {
		l.door.now.Store(l)
	}
	for _, d := range opened {
		p.tasks.Go(d.accept)
		l := d.now.Load()
		p.log.Info("proxy: listening", "addr", d.ln.Addr().String(), "master", l.cfg.Master, "mode", string(l.cfg.Mode))
	}
	for bind, d := range p.doors {
		if !slices.ContainsFunc(next.listeners, func(l *listener) bool { return l.door == d }) {
			d.ln.Close()
			delete(p.doors, bind)
			p.log.Info("proxy: not listening any more", "addr", d.ln.Addr().String())
		}
	}
	for name, g := range old.groups {
		if next.groups[name] != g {
			g.retired.Store(true)
			g.leave()
			g.mayEnd()
		}
	}
}

// same reports whether a group can go on under another configuration.
func (m *MasterConfig) same(o *MasterConfig) bool {
	a, b := *m, *o
	for _, c := range []*MasterConfig{&a, &b} {
		c.serverAccess.TLS, c.sentinelAccess.TLS = nil, nil // the files may have changed; see group.access
		c.dial, c.source, c.reads, c.peerTLS = nil, nil, false, nil
	}
	return reflect.DeepEqual(a, b)
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
