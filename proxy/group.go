package proxy

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosentinel/sentinel/discovery"
	"github.com/gosentinel/sentinel/internal/resp"
)

// view is what a group looks like to the proxy.
type view struct {
	master   string // "host:port"; "" while there is none
	epoch    uint64
	replicas []string
}

// group is one master with its replicas, and who knows which is which.
type group struct {
	p         *Proxy
	cfg       *MasterConfig
	access    atomic.Pointer[discovery.Access] // what new connections to servers use
	peerTLS   atomic.Pointer[tls.Config]       // what the Sentinel of a [[group]] uses
	cancel    context.CancelFunc
	users     atomic.Int64 // clients
	retired   atomic.Bool  // the configuration does not have it any more
	over      atomic.Bool
	source    Source
	ctx       context.Context
	held      atomic.Int64
	upstreams atomic.Int64 // connections to servers, for clients
	worked    atomic.Bool  // a master has been connected to
	table     atomic.Pointer[table]
	standings atomic.Pointer[[]standing]
	probed    bool // a listener reads from replicas

	mu      sync.Mutex
	view    view
	changed chan struct{} // closed at the next change
	asked   time.Time
	why     string // there is no master, as was last asked at whyAt
	whyAt   time.Time
}

func newGroup(p *Proxy, cfg *MasterConfig) (*group, error) {
	g := &group{p: p, cfg: cfg, probed: cfg.reads, changed: make(chan struct{})}
	g.access.Store(&cfg.serverAccess)
	t := builtin()
	g.table.Store(&t)
	g.peerTLS.Store(cfg.peerTLS)
	source, err := g.newSource()
	if err != nil {
		return nil, err
	}
	g.source = source
	return g, nil
}

// repeats reports whether a request without a reply is sent again. safe: executed twice it
// does no harm.
func (g *group) repeats(safe bool) bool {
	policy := cmp.Or(g.cfg.Inflight, g.p.config().Hold.Inflight)
	return policy == RetryAll || policy == RetryIdempotent && safe
}

func (g *group) commands() table { return *g.table.Load() }

// standing returns how good the replicas are.
func (g *group) standing() []standing {
	if list := g.standings.Load(); list != nil {
		return *list
	}
	return nil
}

func (g *group) current() view {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.view
}

// changes returns a channel that is closed when the view changes.
func (g *group) changes() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.changed
}

// run follows the group until the context ends.
func (g *group) run(ctx context.Context) {
	var tasks sync.WaitGroup
	tasks.Go(func() { _ = g.source.Run(ctx) }) // it is called once and returns nil
	if g.probed {
		tasks.Go(func() { g.probe(ctx) })
	}
	for v := range g.source.Changes(ctx) {
		next := view{master: v.Master.String(), epoch: v.Master.Epoch}
		for _, r := range v.Replicas {
			next.replicas = append(next.replicas, r.String())
		}
		g.set(next)
	}
	tasks.Wait()
}

// set makes a view known.
func (g *group) set(next view) {
	g.mu.Lock()
	before := g.view
	g.view = next
	close(g.changed)
	g.changed = make(chan struct{})
	g.mu.Unlock()
	g.p.eachWorker(func(w *worker) {
		if h := w.hubs[g]; h != nil {
			h.see(next)
		}
	})
	if next.master != "" && next.master != before.master {
		g.p.tasks.Go(g.learn)
	}
}

// askPause bounds how often all Sentinels are asked because something went wrong.
const askPause = 20 * time.Millisecond

// ask has all Sentinels asked at once, because something seems to have happened.
func (g *group) ask() {
	now := time.Now()
	g.mu.Lock()
	soon := now.Sub(g.asked) < askPause
	if !soon {
		g.asked = now
	}
	g.mu.Unlock()
	if !soon {
		g.source.Ask()
	}
}

// How long Sentinels may take to say whether the master is still the one, and how often
// their answers are looked at meanwhile. If they are all gone, the last verified master
// stays in use.
const (
	confirmTime = time.Second
	confirmStep = 2 * time.Millisecond
)

// verified returns the view when it has a master that Sentinels have named since a
// connection was lost: a server that has been replaced meanwhile, and is back, still
// thinks that it is a master.
func (g *group) verified(ctx context.Context, lostAt time.Time) (view, error) {
	until := time.Now().Add(confirmTime)
	for {
		v, changed := g.current(), g.changes()
		step := time.Hour
		if v.master != "" {
			if lostAt.IsZero() || !time.Now().Before(until) || g.confirmed(lostAt) {
				if g.current().master == v.master {
					return v, nil
				}
				continue
			}
			step = confirmStep
			g.ask()
		}
		timer := time.NewTimer(step)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return view{}, context.Cause(ctx)
		}
	}
}

// confirmed reports whether more than half of the Sentinels have answered since.
func (g *group) confirmed(since time.Time) bool {
	n, heard := 0, 0
	for _, s := range g.source.Status().Sentinels {
		if s.Error == "" {
			n++
			if s.Heard.After(since) {
				heard++
			}
		}
	}
	return heard*2 > n
}

// stepsDown reports whether a server that was the master has just said that it is none.
func (g *group) stepsDown(addr string) bool {
	for _, s := range g.source.Status().Servers {
		if s.Addr == addr {
			return s.Error == "" && s.Role != "" && s.Role != "master"
		}
	}
	return false
}

// learn takes the table of commands from a new master. Until then, and where the server
// does not tell it, the built-in one is good enough.
func (g *group) learn() {
	for tries := 0; g.sleep(g.ctx, pauseAfter(tries)) && tries < 20; tries++ {
		addr := g.current().master
		if addr == "" {
			return
		}
		t, err := g.askCommands(addr)
		if err == nil {
			g.table.Store(&t)
			g.p.eachWorker(func(w *worker) {
				if h := w.hubs[g]; h != nil {
					h.table = t
				}
			})
			return
		}
		if errors.Is(err, errTable) {
			g.p.logOnce(g.cfg.Name+" commands", "a server does not tell its commands; the built-in list is used", "master", g.cfg.Name, "addr", addr)
			return
		}
	}
}

func (g *group) askCommands(addr string) (table, error) {
	ctx, cancel := context.WithTimeout(g.ctx, 2*handshakeTimeout)
	defer cancel()
	conn, err := g.dialAddr(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer hangUp(conn)
	defer context.AfterFunc(ctx, func() { hangUp(conn) })()
	replies, err := g.exchange(conn, false, []string{"COMMAND"})
	if err != nil {
		return nil, err
	}
	if v := replies[0]; v.Kind == '-' && (strings.HasPrefix(v.Text, "LOADING ") || strings.HasPrefix(v.Text, "BUSY ")) {
		return nil, errors.New(v.Text)
	}
	return readTable(replies[0])
}

// exchange sends commands, after the login if there was none yet. Errors of these are among
// the replies.
func (g *group) exchange(conn net.Conn, loggedIn bool, commands ...[]string) (replies []resp.Value, err error) {
	var d dialogue
	if !loggedIn {
		g.login(&d)
	}
	for _, words := range commands {
		d.say(func(v resp.Value) error { replies = append(replies, v); return nil }, words...)
	}
	err = d.hold(conn, bufio.NewReaderSize(conn, 64<<10))
	return replies, err
}
