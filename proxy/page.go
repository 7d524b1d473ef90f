package proxy

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/internal/web"
)

// overview is what /status and the page show.
type overview struct {
	Started   time.Time          `json:"started"`
	Ready     bool               `json:"ready"`
	Problems  []string           `json:"problems"`
	Masters   []masterOverview   `json:"masters"`
	Listeners []listenerOverview `json:"listeners"`
	Counts    []countOverview    `json:"counts"`
}

type masterOverview struct {
	Name      string   `json:"name"`
	OK        bool     `json:"ok"` // clients get answers, or wait for them
	Text      string   `json:"text"`
	Addr      string   `json:"addr"` // "": not known
	Epoch     uint64   `json:"epoch"`
	Replicas  []string `json:"replicas"`
	Answering int      `json:"sentinels_answering"`
	Sentinels int      `json:"sentinels"`
	Upstreams int64    `json:"upstream_connections"`
	HeldBytes int64    `json:"held_bytes"` // of requests that wait for a master
}

type listenerOverview struct {
	Bind    string   `json:"bind"`
	Mode    string   `json:"mode"`
	Master  string   `json:"master"`
	Clients int64    `json:"clients"`
	Count   uint64   `json:"requests"`
	P50     string   `json:"p50_usec"`
	P99     string   `json:"p99_usec"`
	P999    string   `json:"p999_usec"`
	Classes []bucket `json:"histogram"`
}

// bucket is a class of a histogram.
type bucket struct {
	UpTo  string `json:"up_to"` // a duration, "" for the rest
	Count uint64 `json:"count"` // of this class alone
	Share int    `json:"-"`     // in percent
}

type countOverview struct {
	Name string `json:"name"`
	N    int64  `json:"n"`
	Help string `json:"-"`
}

func (p *Proxy) overview(ctx context.Context) *overview {
	o := &overview{Started: p.started.UTC(), Ready: true, Problems: []string{}}
	states, works := p.readiness(ctx)
	if !works {
		o.Ready = false
		o.Problems = append(o.Problems, "A worker does not work: the clients that it has get no answers.")
	}
	said := map[string]masterState{}
	for _, s := range states {
		said[s.name] = s
		o.Ready = o.Ready && s.ok
		if !s.ok || strings.Contains(s.text, "no ") {
			o.Problems = append(o.Problems, s.name+": "+s.text)
		}
	}
	for _, g := range p.sortedGroups() {
		v, s := g.current(), said[g.cfg.Name]
		m := masterOverview{Name: g.cfg.Name, OK: s.ok, Text: s.text, Addr: v.master, Epoch: v.epoch, Replicas: []string{}, Upstreams: g.upstreams.Load(), HeldBytes: g.held.Load()}
		m.Answering, m.Sentinels = g.sentinels()
		for _, r := range v.replicas {
			m.Replicas = append(m.Replicas, fmt.Sprint(r))
		}
		o.Masters = append(o.Masters, m)
	}
	for _, l := range p.site.Load().listeners {
		o.Listeners = append(o.Listeners, l.overview())
	}
	for _, c := range p.counts.list() {
		o.Counts = append(o.Counts, countOverview{c.name, c.n, c.help})
	}
	return o
}

func (l *listener) overview() listenerOverview {
	s := l.door.latency.read()
	v := listenerOverview{
		Bind: l.cfg.Bind, Mode: string(l.cfg.Mode), Master: l.cfg.Master, Clients: l.door.clients.Load(), Count: s.count(),
		P50: usec(s.quantile(.5)), P99: usec(s.quantile(.99)), P999: usec(s.quantile(.999)),
	}
	before := uint64(0)
	for i, n := range s.upTo {
		b := bucket{Count: n - before}
		if before = n; i < len(latencyBounds) {
			b.UpTo = latencyBounds[i].String()
		}
		if s.count() > 0 {
			b.Share = int(100 * b.Count / s.count())
		}
		v.Classes = append(v.Classes, b)
	}
	return v
}

//go:embed page.html
var pageText string

var pageParts = template.Must(template.New("page").Parse(pageText))

// page is the status page. There is one.
func (p *Proxy) page(ctx context.Context, number int) (web.Page, error) {
	if number != 1 {
		return web.Page{}, web.ErrNoPage
	}
	o := p.overview(ctx)
	page := web.Page{Title: "Proxy: all is well"}
	if n := len(o.Problems); n > 0 {
		page.Title = fmt.Sprintf("Proxy: problems: %d", n)
	}
	for _, part := range []string{"top", "masters", "listeners", "counts"} {
		var b bytes.Buffer
		if err := pageParts.ExecuteTemplate(&b, part, map[string]any{"Title": page.Title, "O": o}); err != nil {
			return page, err
		}
		page.Parts = append(page.Parts, web.Part{ID: part, HTML: template.HTML(b.String())})
	}
	return page, nil
}
