package node

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/gosentinel/sentinel/internal/listen"
	"github.com/gosentinel/sentinel/internal/logfile"
	"github.com/gosentinel/sentinel/internal/lookout"
	"github.com/gosentinel/sentinel/monitor"
)

// checkPages says why nobody could see what http-port is to show.
func (n *Node) checkPages() error {
	if n.settings.HTTP.Port == 0 || n.console.get() != nil {
		return nil
	}
	return fmt.Errorf("http-port %d: this program has no metrics and no status page to serve: take http-port out of the file, or call httpconsole.Handler before Run", n.settings.HTTP.Port)
}

// pages are what is served at http-port.
type pages struct {
	open  func() (lookout.Server, []string, error) // nil: there is no http-port
	log   logfile.Sink
	first lookout.Server // that has been opened already
	why   string         // there is no server, as the log says
}

// pagesRetry is how long http-port is left alone after it could not be opened.
const pagesRetry = 5 * time.Second

// openPages opens http-port. A port that is taken keeps no Sentinel from its work.
func (n *Node) openPages(log logfile.Sink) *pages {
	if n.settings.HTTP.Port == 0 {
		return &pages{}
	}
	p := &pages{log: log, open: func() (lookout.Server, []string, error) {
		list, err := listen.HTTP(n.settings)
		if err != nil {
			return nil, nil, err
		}
		var secure func() *tls.Config
		if n.settings.HTTP.TLS {
			secure = n.tls.WebConfig
		}
		var addrs []string
		for _, ln := range list {
			addrs = append(addrs, ln.Addr().String())
		}
		return n.console.get().Server(n.settings.HTTP, secure, list...), addrs, nil
	}}
	p.first = p.try()
	return p
}

// try returns a server that is about to serve, or nil.
func (p *pages) try() lookout.Server {
	server, addrs, err := p.open()
	if err != nil {
		if text := err.Error(); text != p.why {
			p.why = text
			p.log.Log(monitor.LevelWarning, fmt.Sprintf("Metrics, health and the status page are not served: %s. "+
				"The Sentinel works without them; http-port is tried again every %v", text, pagesRetry))
		}
		return nil
	}
	p.why = ""
	for _, a := range addrs {
		p.log.Log(monitor.LevelNotice, "Metrics, health and the status page are served at "+a)
	}
	return server
}

// serve serves until ctx ends, as soon as that is possible.
func (p *pages) serve(ctx context.Context) {
	if p.open == nil {
		return
	}
	for server := p.first; ; server = p.try() {
		if server != nil && p.serveBy(ctx, server) {
			return
		}
		retry := time.NewTimer(pagesRetry)
		select {
		case <-ctx.Done():
			retry.Stop()
			return
		case <-retry.C:
		}
	}
}

// serveBy serves until ctx ends or server fails. It reports whether ctx has ended.
func (p *pages) serveBy(ctx context.Context, server lookout.Server) bool {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve() }()
	select {
	case <-ctx.Done():
		server.Close()
		<-failed
		return true
	case err := <-failed:
		server.Close()
		p.log.Log(monitor.LevelWarning, fmt.Sprintf("Metrics, health and the status page are not served any more: %v", err))
		return false
	}
}
