package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/netutil"
)

// Bounds of the HTTP side: a scraper that is slow, or many of them, cost no more than this.
const (
	httpTimeout = 5 * time.Second // of a request, and of taking the answer
	httpConns   = 32
	beatTimeout = time.Second // in which a worker answers
)

// statusSite is where /metrics, /livez and /readyz are served.
type statusSite struct {
	bind   string
	ln     net.Listener
	server *http.Server
}

// openStatus listens at the address of a configuration.
func (p *Proxy) openStatus(bind string) (*statusSite, error) {
	ln, err := p.opt.Listen(p.ctx, "tcp", bind)
	if err != nil {
		return nil, fmt.Errorf("proxy: http-bind: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = io.WriteString(w, p.metrics())
	})
	answer := func(check func(context.Context) (string, bool)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			text, ok := check(r.Context())
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			if !ok {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			_, _ = io.WriteString(w, text)
		}
	}
	mux.HandleFunc("GET /livez", answer(p.live))
	mux.HandleFunc("GET /readyz", answer(p.isReady))
	return &statusSite{bind, netutil.LimitListener(ln, httpConns), &http.Server{
		Handler: mux, ReadTimeout: httpTimeout, WriteTimeout: httpTimeout, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: log.New(io.Discard, "", 0),
	}}, nil
}

// serve serves until the site is closed.
func (s *statusSite) serve(p *Proxy) {
	p.log.Info("proxy: /metrics, /livez and /readyz are served", "addr", s.ln.Addr().String())
	if err := s.server.Serve(s.ln); !errors.Is(err, http.ErrServerClosed) {
		p.log.Error("proxy: /metrics, /livez and /readyz are not served any more", "addr", s.bind, "err", err)
	}
}

func (s *statusSite) close() {
	if s != nil {
		s.server.Close()
		s.ln.Close() // if it was never served
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
func (p *Proxy) live(ctx context.Context) (string, bool) {
	if !p.gather(ctx, func(*worker) {}) {
		return "a worker does not work\n", false
	}
	return "ok\n", true
}

// outage is what a worker says of a master.
type outage struct {
	since time.Time
	cause string
}

// isReady is the answer to /readyz: requests are answered, or held for a failover.
func (p *Proxy) isReady(ctx context.Context) (string, bool) {
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
		return "a worker does not work\n", false
	}
	outs := make(map[*group]outage)
	for range p.workers {
		for g, o := range (<-reports).outs {
			outs[g] = o
		}
	}
	var b strings.Builder
	ok := true
	for _, g := range p.sortedGroups() {
		o, out := outs[g]
		text, good := g.readiness(o, out)
		ok = ok && good
		fmt.Fprintf(&b, "%s: %s\n", g.cfg.Name, text)
	}
	return b.String(), ok
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
