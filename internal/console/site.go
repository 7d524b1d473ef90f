package console

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/lookout"
	"github.com/gosentinel/sentinel/internal/web"
	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// console shows a Sentinel and counts what happens in it.
type console struct {
	*meters
	site web.Site
}

// New returns a console for a Sentinel, whose counters stand at zero.
func New(src lookout.Source) lookout.Console {
	c := &console{meters: newMeters()}
	s := &site{src: src, snapshots: &web.Fresh[*snapshot]{Age: snapshotAge, Make: func(ctx context.Context) (*snapshot, error) { return take(ctx, src) }}}
	reg := prometheus.NewRegistry()
	reg.MustRegister(c.collectors()...)
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	c.site = web.Site{Name: "gosentinel", Live: s.live, Ready: s.ready, Metrics: gatherer{&collector{s.snapshots, c.meters}, reg}, Status: s.status, Page: s.page}
	return c
}

// Handler implements [lookout.Console].
func (c *console) Handler() http.Handler { return web.Handler(c.site, web.Everybody) }

// Server implements [lookout.Console].
func (c *console) Server(set configrewrite.HTTP, secure func() *tls.Config, listeners ...net.Listener) lookout.Server {
	access := web.Access{User: set.User, Password: set.Password, Token: set.Token, Hosts: set.Bind}
	return web.NewServer(c.site, func() web.Access { return access }, secure, listeners...)
}

// MaxConns implements [lookout.Console].
func (c *console) MaxConns() int { return web.MaxConns }

type site struct {
	src       lookout.Source
	snapshots *web.Fresh[*snapshot]
}

// live says whether the loop answers.
func (s *site) live(ctx context.Context) web.Verdict {
	asked := time.Now()
	if err := s.src.Look(ctx, func(*monitor.Core, monitor.Instant, []journal.Report) {}); err != nil {
		return web.Verdict{Text: fmt.Sprintf("not alive: the loop that makes all decisions has not answered for %v: %v\n", time.Since(asked).Round(time.Millisecond), err)}
	}
	return web.Verdict{OK: true}
}

// ready says whether this Sentinel serves clients, decides, and can save what it
// decides. A majority is told and makes no difference: Sentinels that wait for each
// other to be ready would never start.
func (s *site) ready(ctx context.Context) web.Verdict {
	if v := s.live(ctx); !v.OK {
		return web.Verdict{Text: "not ready: " + strings.TrimPrefix(v.Text, "not alive: ")}
	}
	shot, err := s.snapshots.Get(ctx)
	if err != nil {
		return web.Verdict{Text: "not ready: " + err.Error() + "\n"}
	}
	if shot.saveTrouble != "" {
		return web.Verdict{Text: "not ready: the state cannot be saved, so this Sentinel gives no vote: " + shot.saveTrouble + "\n"}
	}
	var b strings.Builder
	b.WriteString("ready\n")
	if shot.tilt {
		fmt.Fprintf(&b, "TILT for %v: it stood still or its clock jumped, and it judges nothing for a while\n", shot.tiltFor.Round(time.Second))
	}
	lacking := 0
	for k := range shot.groups {
		why := shot.groups[k].master.QuorumTrouble()
		if why == "" {
			continue
		}
		if lacking++; lacking <= lines {
			fmt.Fprintf(&b, "%s: no failover is possible: %s\n", shot.groups[k].master.Name, why)
		}
	}
	if lacking > lines {
		fmt.Fprintf(&b, "the same or similar for %d more masters\n", lacking-lines)
	}
	if lacking == 0 {
		fmt.Fprintf(&b, "masters: %d, each with enough Sentinels for a failover\n", len(shot.groups))
	}
	return web.Verdict{OK: true, Text: b.String()}
}

// lines bounds a list of masters for people.
const lines = 20

func (s *site) status(ctx context.Context) (any, error) {
	shot, err := s.snapshots.Get(ctx)
	if err != nil {
		return nil, err
	}
	return shot.status(), nil
}

func (s *site) page(ctx context.Context, number int) (web.Page, error) {
	shot, err := s.snapshots.Get(ctx)
	if err != nil {
		return web.Page{}, err
	}
	return shot.status().page(number)
}
