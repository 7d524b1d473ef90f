package standalone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/discovery"
	"github.com/gosentinel/sentinel/internal/fakeredis"
	"github.com/gosentinel/sentinel/internal/mempipe"
)

// world is servers and groups on a network in memory, in virtual time.
type world struct {
	*testing.T
	dir     string
	addrs   []string // of the servers
	servers map[string]*fakeredis.Server
	groups  []*watched

	mu        sync.Mutex
	listeners map[string]*listener
	conns     map[*pipe]bool
	port      uint16
	side      map[string]bool // hosts that are cut off from the others
}

func newWorld(t *testing.T, servers int) *world {
	w := &world{T: t, dir: t.TempDir(), servers: map[string]*fakeredis.Server{}, listeners: map[string]*listener{}, conns: map[*pipe]bool{}, port: 20000}
	for i := range servers {
		w.addrs = append(w.addrs, fmt.Sprintf("10.0.0.%d:6379", i+1))
	}
	return w
}

// listener is a socket at an address of the network.
type listener struct {
	w     *world
	addr  *net.TCPAddr
	queue chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (w *world) listen(addr string) *listener {
	l := &listener{w: w, addr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr)), queue: make(chan net.Conn), done: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listeners[addr] = l
	return l
}

func (l *listener) Addr() net.Addr { return l.addr }

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.done)
		l.w.mu.Lock()
		defer l.w.mu.Unlock()
		if l.w.listeners[l.addr.String()] == l {
			delete(l.w.listeners, l.addr.String())
		}
	})
	return nil
}

// pipe is an end of a connection, which ends when its hosts are cut off from each other.
type pipe struct {
	*mempipe.End
	w        *world
	from, to string
}

func (p *pipe) Close() error {
	p.w.mu.Lock()
	delete(p.w.conns, p)
	p.w.mu.Unlock()
	return p.End.Close()
}

// dialer returns how a host connects to others.
func (w *world) dialer(host string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, _, addr string) (net.Conn, error) {
		w.mu.Lock()
		to, _, _ := net.SplitHostPort(addr)
		l, apart := w.listeners[addr], w.side[host] != w.side[to]
		w.port++
		from := &net.TCPAddr{IP: net.ParseIP(host), Port: int(w.port)}
		w.mu.Unlock()
		if l == nil || apart {
			return nil, errors.New("connection refused")
		}
		here, there := mempipe.New(from, l.addr)
		p := &pipe{here, w, host, to}
		select {
		case l.queue <- there:
		case <-l.done:
			return nil, errors.New("connection refused")
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		w.mu.Lock()
		w.conns[p] = true
		w.mu.Unlock()
		return p, nil
	}
}

// part cuts hosts off from the others; nobody heals the network.
func (w *world) part(hosts ...string) {
	w.mu.Lock()
	w.side = map[string]bool{}
	for _, h := range hosts {
		w.side[h] = true
	}
	var ends []*pipe
	for p := range w.conns {
		if w.side[p.from] != w.side[p.to] {
			ends = append(ends, p)
		}
	}
	w.mu.Unlock()
	for _, p := range ends {
		_ = p.Close()
	}
}

// up starts a server without data.
func (w *world) up(i int) *fakeredis.Server {
	w.Helper()
	addr := w.addrs[i]
	host, _, _ := net.SplitHostPort(addr)
	s, err := fakeredis.Start(fakeredis.Config{Listener: w.listen(addr), Dial: w.dialer(host)})
	if err != nil {
		w.Fatal(err)
	}
	w.servers[addr] = s
	return s
}

// down kills a server.
func (w *world) down(addr string) {
	w.servers[addr].Crash()
	delete(w.servers, addr)
}

// watched is a group with what it has said.
type watched struct {
	*Group
	host string
	end  func()

	mu    sync.Mutex
	views []discovery.View
	log   strings.Builder
}

func (g *watched) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.log.Write(b)
}

// said reports whether the log has a text.
func (g *watched) said(text string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.Contains(g.log.String(), text)
}

// master returns the address that the group names now.
func (g *watched) master() string { return g.Status().Master.String() }

// watch starts a group on a host of its own; one that was there before has the same state.
func (w *world) watch(i int, change ...func(*Options)) *watched {
	w.Helper()
	g := &watched{host: fmt.Sprintf("10.1.0.%d", i+1)}
	o := Options{
		Name: "cache", Servers: w.addrs, DownAfter: time.Second, StateFile: filepath.Join(w.dir, fmt.Sprintf("%d.toml", i)), Listen: "none",
		Dial: w.dialer(g.host), Logger: slog.New(slog.NewTextHandler(g, nil)),
	}
	for _, f := range change {
		f(&o)
	}
	var err error
	if g.Group, err = New(o); err != nil {
		w.Fatal(err)
	}
	g.Group.listen = func() net.Listener { return w.listen(g.host + ":26379") }
	ctx, cancel := context.WithCancel(w.Context())
	var tasks sync.WaitGroup
	tasks.Go(func() {
		if err := g.Run(ctx); err != nil {
			w.Error(err)
		}
	})
	tasks.Go(func() {
		for v := range g.Changes(ctx) {
			g.mu.Lock()
			g.views = append(g.views, v)
			g.mu.Unlock()
		}
	})
	g.end = sync.OnceFunc(func() { cancel(); tasks.Wait() })
	if i == len(w.groups) {
		w.groups = append(w.groups, nil)
	}
	w.groups[i] = g
	return g
}

// close ends everything.
func (w *world) close() {
	for _, g := range w.groups {
		g.end()
		if w.Failed() {
			w.Logf("%s:\n%s", g.host, g.log.String())
		}
	}
	for _, s := range w.servers {
		s.Close()
	}
}

// until waits in virtual time.
func (w *world) until(what string, most time.Duration, done func() bool) {
	w.Helper()
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		synctest.Wait()
		if done() {
			return
		}
		if time.Since(start) > most {
			var state []string
			for _, g := range w.groups {
				state = append(state, fmt.Sprintf("%s: %q %s", g.host, g.master(), g.Status().Why))
			}
			for addr, s := range w.servers {
				state = append(state, fmt.Sprintf("%s: %+v", addr, s.Status()))
			}
			w.close()
			w.Fatalf("%s: not within %v:\n%s", what, most, strings.Join(state, "\n"))
		}
	}
}

// agreed waits until all groups name one server, and all servers that are up follow it.
func (w *world) agreed(most time.Duration, want string) (master string) {
	w.Helper()
	w.until("agreement on "+want, most, func() bool {
		master = w.groups[0].master()
		for _, g := range w.groups {
			if g.master() != master {
				return false
			}
		}
		if master == "" || want != "" && master != want || w.servers[master] == nil {
			return false
		}
		for addr, s := range w.servers {
			if st := s.Status(); (addr == master) != (st.Master == "") {
				return false
			}
		}
		return true
	})
	return master
}
