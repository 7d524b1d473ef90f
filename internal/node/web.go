package node

import (
	"context"
	"crypto/tls"
	"net/http"
	"time"

	"github.com/gosentinel/sentinel/internal/console"
	"github.com/gosentinel/sentinel/internal/listen"
	"github.com/gosentinel/sentinel/internal/logfile"
	"github.com/gosentinel/sentinel/internal/server"
	"github.com/gosentinel/sentinel/internal/web"
	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// lookout is a Node as package console sees it.
type lookout struct{ n *Node }

func (o lookout) Look(ctx context.Context, f func(*monitor.Core, monitor.Instant, []journal.Report)) error {
	l := o.n.running.Load()
	if l == nil {
		return ErrNotRunning
	}
	_, err := Ask(ctx, o.n, func(c *monitor.Core, now monitor.Instant) struct{} {
		f(c, now, l.history.Open())
		return struct{}{}
	})
	return err
}

func (o lookout) Wall(t monitor.Instant) time.Time { return o.n.Wall(t) }

func (o lookout) Reports(count int) []journal.Report {
	if l := o.n.running.Load(); l != nil {
		return l.history.archive.Reports("", count)
	}
	return nil
}

func (o lookout) Vitals() console.Vitals {
	if f := o.n.vitals.Load(); f != nil {
		return (*f)()
	}
	return console.Vitals{Version: Build(), MadeFor: RedisVersion}
}

// useConsole makes what operators see.
func (n *Node) useConsole() {
	n.meters = console.NewMeters()
	n.site = console.New(lookout{n}, n.meters)
}

// Handler returns the pages for operators: /livez, /readyz, /metrics, /status and the
// status page at /. They may be served before, while and after Run runs.
func (n *Node) Handler() http.Handler { return web.Handler(n.site, web.Everybody) }

// useVitals has the console see the parts of a running Sentinel.
func (n *Node) useVitals(l *loop, sh *shells, srv *server.Server, log logfile.Log) {
	started := time.Now()
	vitals := func() console.Vitals {
		times, stats := l.stalls.times(l.inbox.clock.now()), srv.Stats()
		v := console.Vitals{
			Version: Build(), MadeFor: RedisVersion, Started: started, Stall: times.Stall, Recent: times.RecentStall,
			Inbox: len(l.inbox.items), InboxMax: cap(l.inbox.items), Gossip: sh.gossip.Stats(),
			Clients: stats.Clients, Refused: stats.Refused, Commands: stats.Commands, Cut: stats.Cut,
			Lost: n.bus.Dropped(), LogLost: log.Missing(),
		}
		v.Running, v.Queued = sh.scripts.Counts()
		if a := n.Addr(); a != nil {
			v.Addr = a.String()
		}
		return v
	}
	n.vitals.Store(&vitals)
}

// pages are served at http-port.
type pages struct {
	server *web.Server // nil: there is no http-port
	addrs  []string
}

func (n *Node) openWeb(socks *listen.Sockets) *pages {
	if len(socks.HTTP) == 0 {
		return &pages{}
	}
	set := n.settings.HTTP
	access := web.Access{User: set.User, Password: set.Password, Token: set.Token}
	var secure func() *tls.Config
	if set.TLS {
		secure = n.tls.WebConfig
	}
	p := &pages{server: web.NewServer(n.site, func() web.Access { return access }, secure, socks.HTTP...)}
	for _, ln := range socks.HTTP {
		p.addrs = append(p.addrs, ln.Addr().String())
	}
	return p
}

// serve serves until close. A failure does not end the Sentinel.
func (p *pages) serve(log logfile.Sink) {
	if p.server == nil {
		return
	}
	for _, a := range p.addrs {
		log.Log(monitor.LevelNotice, "Metrics, health and the status page are served at "+a)
	}
	if err := p.server.Serve(); err != nil {
		log.Log(monitor.LevelWarning, "Metrics, health and the status page are not served any more: "+err.Error())
	}
}

func (p *pages) close() {
	if p.server != nil {
		p.server.Close()
	}
}
