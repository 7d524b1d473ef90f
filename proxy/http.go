package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/gosentinel/sentinel/internal/web"
)

const beatTimeout = time.Second // in which a worker answers

// statusSite is where operators look.
type statusSite struct {
	bind   string
	secure bool
	ln     net.Listener
	server *web.Server
}

// fits reports whether the site is where a configuration wants it.
func (s *statusSite) fits(cfg *Config) bool {
	return s != nil && s.bind == cfg.HTTPBind && s.secure == (cfg.httpTLS != nil)
}

// openStatus listens at the address of a configuration.
func (p *Proxy) openStatus(cfg *Config) (*statusSite, error) {
	ln, err := p.opt.Listen(p.ctx, "tcp", cfg.HTTPBind)
	if err != nil {
		return nil, fmt.Errorf("proxy: http-bind: %w", err)
	}
	s := &statusSite{bind: cfg.HTTPBind, secure: cfg.httpTLS != nil, ln: ln}
	var secure func() *tls.Config
	if s.secure {
		secure = func() *tls.Config { return p.config().httpTLS }
	}
	s.server = web.NewServer(web.Site{
		Name: "gosentinel proxy", Live: p.live, Ready: p.isReady, Metrics: p.metrics(),
		Status: func(ctx context.Context) (any, error) { return p.overview(ctx), nil },
		Page:   p.page,
	}, p.access, secure, ln)
	return s, nil
}

// access says who may look.
func (p *Proxy) access() web.Access {
	c := p.config()
	host, _, _ := net.SplitHostPort(c.HTTPBind) // it was checked
	return web.Access{User: c.HTTPUser, Password: string(c.HTTPPassword), Token: string(c.HTTPToken), Hosts: []string{host}}
}

// serve serves until the site is closed.
func (s *statusSite) serve(p *Proxy) {
	p.log.Info("proxy: metrics, health and the status page are served", "addr", s.ln.Addr().String())
	if err := s.server.Serve(); err != nil {
		p.log.Error("proxy: metrics, health and the status page are not served any more", "addr", s.bind, "err", err)
	}
}

func (s *statusSite) close() {
	if s != nil {
		s.server.Close()
	}
}

// gather has every worker call f, and reports whether all have in time. One that has not
// yet is not asked again.
func (p *Proxy) gather(ctx context.Context, f func(*worker)) bool {
	p.asking.Lock()
	defer p.asking.Unlock()
	ctx, cancel := context.WithTimeout(ctx, beatTimeout)
	defer cancel()
	for _, w := range p.workers {
		select {
		case <-w.beat:
		case <-ctx.Done():
			return false
		}
		done := make(chan struct{})
		if !w.post(func() { f(w); close(done) }) {
			return false
		}
		w.beat = done
	}
	for _, w := range p.workers {
		select {
		case <-w.beat:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// live is the answer to /livez: every worker works.
func (p *Proxy) live(ctx context.Context) web.Verdict {
	if !p.gather(ctx, func(*worker) {}) {
		return web.Verdict{Text: "a worker does not work\n"}
	}
	return web.Verdict{OK: true}
}

// outage is what a worker says of a master.
type outage struct {
	since time.Time
	cause string
}

// isReady is the answer to /readyz: requests are answered, or held for a failover.
func (p *Proxy) isReady(ctx context.Context) web.Verdict {
	list, works := p.readiness(ctx)
	if !works {
		return web.Verdict{Text: "a worker does not work\n"}
	}
	v := web.Verdict{OK: true}
	for _, m := range list {
		v.OK = v.OK && m.ok
		v.Text += m.name + ": " + m.text + "\n"
	}
	return v
}

// masterState says how a master is, and whether its clients get more than errors.
type masterState struct {
	name, text string
	ok         bool
}

// readiness returns the state of every master. It reports false when a worker does not
// work.
func (p *Proxy) readiness(ctx context.Context) ([]masterState, bool) {
	type report struct {
		w    *worker
		outs map[*group]outage
	}
	reports := make(chan report, len(p.workers))
	if !p.gather(ctx, func(w *worker) {
		r := report{w, make(map[*group]outage)}
		for g, h := range w.hubs {
			if !h.outSince.IsZero() {
				r.outs[g] = outage{h.outSince, h.cause}
			}
		}
		reports <- r
	}) {
		return nil, false
	}
	outs := make(map[*group]outage)
	for range p.workers {
		for g, o := range (<-reports).outs {
			outs[g] = o
		}
	}
	var list []masterState
	for _, g := range p.sortedGroups() {
		o, out := outs[g]
		text, good := g.readiness(o, out)
		list = append(list, masterState{g.cfg.Name, text, good})
	}
	return list, true
}

// readiness says how a master is, and whether its clients get more than errors.
func (g *group) readiness(o outage, out bool) (string, bool) {
	v := g.current()
	answering, all := g.sentinels()
	switch {
	case out && !g.worked.Load():
		return "no master has been connected to yet: " + o.cause, false
	case out && time.Since(o.since) >= g.p.config().Hold.Timeout:
		return fmt.Sprintf("no master for %v, requests are refused: %s", g.p.config().Hold.Timeout, o.cause), false
	case out:
		return "no master, requests are held: " + o.cause, true
	case all == 0:
		return "master " + v.master, true
	case answering == 0 && all > 0:
		return "master " + v.master + "; no Sentinel answers, so the last verified master stays in use", true
	}
	return fmt.Sprintf("master %s, %d of %d Sentinels answer", v.master, answering, all), true
}

// sentinels returns how many of the Sentinels answer.
func (g *group) sentinels() (answering, all int) {
	list := g.source.Status().Sentinels
	for _, s := range list {
		if s.Error == "" && !s.Heard.IsZero() {
			answering++
		}
	}
	return answering, len(list)
}
