package agent

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/discovery"
)

// source tells who the master of a group is; a resolver of package discovery.
type source interface {
	Run(ctx context.Context) error
	Changes(ctx context.Context) iter.Seq[discovery.View]
	Status() discovery.Status
}

// group follows one group.
type group struct {
	name    string
	index   int // in the hub
	source  source
	hub     *hub
	metrics *groupMetrics
	log     *slog.Logger

	lost    bool            // no Sentinel answers
	unknown bool            // those who answer do not know the master
	broken  map[string]bool // Sentinels that do not answer
	since   time.Time       // of the first look
	late    bool            // it was said that there is no master
}

// glance is how often it is looked which Sentinels answer.
const glance = time.Second

// run follows until the context ends.
func (g *group) run(ctx context.Context) {
	var tasks sync.WaitGroup
	tasks.Go(func() { _ = g.source.Run(ctx) }) // it fails only when it is called twice
	tasks.Go(func() { g.watch(ctx) })
	for v := range g.source.Changes(ctx) {
		g.changed(v)
	}
	tasks.Wait()
}

// changed passes on what discovery has found.
func (g *group) changed(v discovery.View) {
	before := g.hub.snapshot()[g.index]
	now := before.follow(v)
	switch {
	case !now.Up:
		if before.Up {
			g.log.Warn("No master now: the one of before stays in use", "group", g.name, "master", before.Master.String())
		}
	case !before.Known():
		g.log.Info("Connection to Redis Sentinel established.", "group", g.name)
		g.log.Info("Getting latest list of masters...", "group", g.name)
		g.log.Info("Master received: "+g.name+" "+now.Master.String(), "epoch", now.Epoch)
	case before.Master != now.Master:
		g.log.Info(fmt.Sprintf("Received switch-master: {details: %s %s %d %s %d}",
			g.name, before.Master.Host, before.Master.Port, now.Master.Host, now.Master.Port), "epoch", now.Epoch)
		g.metrics.switches.Add(1)
	}
	g.metrics.note(now)
	g.hub.update(g.index, now)
}

// watch says when Sentinels are lost and back.
func (g *group) watch(ctx context.Context) {
	g.broken, g.since = map[string]bool{}, time.Now()
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			g.look(g.source.Status(), time.Now())
		case <-ctx.Done():
			return
		}
	}
}

// lateAfter is how long a group may have no master at the start before this is said.
const lateAfter = 3 * time.Second

func (g *group) look(s discovery.Status, now time.Time) {
	answer, strangers, back := 0, 0, false
	for _, one := range s.Sentinels {
		stranger := strings.Contains(one.Error, noSuchMaster)
		if stranger {
			strangers++
		}
		silent := one.Error != "" && !stranger || one.Heard.IsZero() && !stranger
		if !silent {
			answer++
		}
		back = back || g.broken[one.Addr] && !silent
		g.broken[one.Addr] = silent
	}
	g.metrics.sentinels.Store(int64(answer - strangers))
	known := g.hub.snapshot()[g.index]
	if lost := answer == 0; lost != g.lost && now.Sub(g.since) >= lateAfter {
		g.lost = lost
		switch {
		case lost && known.Known():
			g.log.Warn("No Sentinel answers: the master that was verified last stays in use", "group", g.name, "master", known.Master.String())
		case lost:
			g.log.Warn("No Sentinel answers", "group", g.name, "why", g.missing())
		}
	}
	if unknown := answer > 0 && strangers == answer; unknown != g.unknown {
		if g.unknown = unknown; unknown {
			g.log.Error("No Sentinel knows a master of that name: compare with the lines \"sentinel monitor <name> …\"", "group", g.name)
		}
	}
	if !known.Known() && !g.late && !g.lost && !g.unknown && now.Sub(g.since) >= lateAfter {
		g.late = true
		g.log.Warn("There is no master yet", "group", g.name, "why", g.missing())
	}
	if back {
		g.log.Info("A Sentinel is back", "group", g.name)
	}
}

// noSuchMaster is in the error of discovery about a Sentinel that does not have the
// name.
const noSuchMaster = "does not know a master of that name"

// missing says why there is no master.
func (g *group) missing() string {
	s := g.source.Status()
	text := s.Why
	for _, one := range s.Sentinels {
		if one.Error != "" {
			text += "; " + one.Addr + ": " + one.Error
		}
	}
	for _, one := range s.Servers {
		if one.Error != "" {
			text += "; " + one.Addr + ": " + one.Error
		}
	}
	return strings.TrimPrefix(text, "; ")
}
