package node

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosentinel/sentinel/internal/logfile"
	"github.com/gosentinel/sentinel/internal/lookout"
	"github.com/gosentinel/sentinel/internal/server"
	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// Attach has the Sentinel tell what happens to the console that make returns for it, and
// returns that one. A Sentinel has one console: later calls return it, too.
func (n *Node) Attach(make func(lookout.Source) lookout.Console) lookout.Console {
	return n.console.attach(func() lookout.Console { return make(post{n}) })
}

// post is a Node as a console sees it.
type post struct{ n *Node }

func (o post) Look(ctx context.Context, f func(*monitor.Core, monitor.Instant, []journal.Report)) error {
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

func (o post) Wall(t monitor.Instant) time.Time { return o.n.Wall(t) }

func (o post) Reports(count int) []journal.Report {
	if l := o.n.running.Load(); l != nil {
		return l.history.archive.Reports("", count)
	}
	return nil
}

func (o post) Vitals() lookout.Vitals {
	if f := o.n.vitals.Load(); f != nil {
		return (*f)()
	}
	return lookout.Vitals{Version: Build(), MadeFor: RedisVersion}
}

// useVitals has the console see the parts of a running Sentinel.
func (n *Node) useVitals(l *loop, sh *shells, srv *server.Server, log logfile.Log) {
	started := time.Now()
	vitals := func() lookout.Vitals {
		times, stats := l.stalls.times(l.inbox.clock.now()), srv.Stats()
		v := lookout.Vitals{
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

// attached is the console of a Node. Until there is one, it is told nothing.
type attached struct {
	console atomic.Pointer[lookout.Console]

	mu    sync.Mutex
	begun func(lookout.Console) // tells a console how things stand; nil before Run
}

func (a *attached) attach(make func() lookout.Console) lookout.Console {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.get(); c != nil {
		return c
	}
	c := make()
	if a.begun != nil {
		a.begun(c)
	}
	a.console.Store(&c)
	return c
}

// begin has a console begin, now or when it is attached.
func (a *attached) begin(with func(lookout.Console)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.begun = with
	if c := a.get(); c != nil {
		with(c)
	}
}

// get returns the console, or nil.
func (a *attached) get() lookout.Console {
	if c := a.console.Load(); c != nil {
		return *c
	}
	return nil
}

func (a *attached) event(ev monitor.Event) {
	if c := a.get(); c != nil {
		c.Event(ev)
	}
}

func (a *attached) report(r journal.Report) {
	if c := a.get(); c != nil {
		c.Report(r)
	}
}

func (a *attached) saved(took time.Duration, err error) {
	if c := a.get(); c != nil {
		c.Saved(took, err)
	}
}
