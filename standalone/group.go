package standalone

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	sentinel "github.com/gosentinel/sentinel"
	"github.com/gosentinel/sentinel/discovery"
)

// Options say which servers are a group. Name, Servers and StateFile are required.
type Options struct {
	// Name is what Sentinels call the group. All that watch it must agree on it.
	Name string

	// Servers are all servers of the group, as "host:port", at least two, in the same order
	// everywhere: where nothing else decides, the first is the master.
	Servers []string

	// Access says how to log in to the servers.
	Access discovery.Access

	// DownAfter is the silence after which a server is down; 0: 5 s.
	DownAfter time.Duration

	// Proxies is how many Groups watch these servers; 0: those that are heard of. More than
	// half of them take part in every failover, and none has a master before so many have
	// been heard of.
	Proxies int

	// StateFile keeps votes, epochs and members; see [sentinel.Config]. It belongs to one
	// Group at a time; another one waits for it.
	StateFile string

	// Listen is where the Sentinel of this group is asked by others, as "host:port". "":
	// any free port, on loopback if all servers are there, else on all interfaces. "none":
	// nobody can ask it.
	Listen string

	// Announce replaces the address that others are told, as "ip:port"; "": the actual one.
	Announce string

	// ListenTLS is for connections to Listen, and Access.TLS then for those to other
	// Groups too. Either all Groups and servers use TLS, or none does. nil with Access.TLS:
	// nobody can ask this Group.
	ListenTLS *tls.Config

	// Password protects that Sentinel, and is sent to the others.
	Password string

	// Dial opens connections; nil means TCP. TLS is added to what it returns.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	// Logger receives what happens, and once for each cause what is wrong. Nil discards it.
	Logger *slog.Logger
}

// failoverTimeout bounds the steps of a failover, and an attempt that has failed is
// repeated after twice that time.
const failoverTimeout = 10 * time.Second

// complete checks the options. The error joins every mistake.
func (o *Options) complete() error {
	var wrong []error
	bad := func(format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("standalone: "+format, args...))
	}
	if len(o.Servers) < 2 {
		bad("a group has at least two servers, or nobody could take the place of the master")
	}
	for i, s := range o.Servers {
		if host, port, err := net.SplitHostPort(s); err != nil || host == "" || port == "" {
			bad("server %q is no address: write \"host:port\"", s)
		}
		if slices.Contains(o.Servers[:i], s) {
			bad("server %q is there twice", s)
		}
	}
	if o.StateFile == "" {
		bad("StateFile is empty: votes that are forgotten can make two masters")
	}
	if o.Proxies < 0 {
		bad("Proxies must not be negative")
	}
	o.DownAfter = cmp.Or(o.DownAfter, 5*time.Second)
	switch {
	case o.Listen != "":
	case o.Access.TLS != nil && o.ListenTLS == nil:
		o.Listen = "none" // the others would be asked with TLS too
	default:
		o.Listen = ":0"
		if !slices.ContainsFunc(o.Servers, func(s string) bool { return !onLoopback(s) }) {
			o.Listen = "127.0.0.1:0"
		}
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return errors.Join(wrong...)
}

func onLoopback(addr string) bool {
	host, _, _ := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Group watches servers and says which of them is the master. Make it with New; its methods
// are safe for concurrent use.
type Group struct {
	opt      Options
	log      *slog.Logger
	resolver *discovery.Resolver
	running  atomic.Pointer[sentinel.Sentinel]
	peers    atomic.Pointer[[]sentinel.Peer]
	watching atomic.Int64 // since when a server answers, in Unix nanoseconds; 0: none has yet
	leave    chan struct{}
	enough   chan struct{}       // closed when more than half of Options.Proxies have been heard of
	listen   func() net.Listener // tests: in place of Options.Listen

	mu   sync.Mutex
	left bool
	why  string            // there is no master
	said map[string]string // by what it is about
}

// ownSentinel is what the resolver calls the Sentinel of this process.
const ownSentinel = "standalone:26379"

// New checks the options and returns a Group that does nothing until Run is called.
func New(o Options) (*Group, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	g := &Group{opt: o, log: o.Logger.With("group", o.Name), leave: make(chan struct{}), enough: make(chan struct{}), said: map[string]string{}}
	g.heardOf(0)
	if _, err := g.sentinel(nil); err != nil {
		return nil, err
	}
	var err error
	g.resolver, err = discovery.New(discovery.Options{
		Sentinels: []string{ownSentinel}, Master: o.Name, ServerAccess: o.Access,
		SentinelAccess: discovery.Access{Password: o.Password}, Dial: g.dialSentinel, Logger: g.log,
	})
	if err == nil {
		err = o.checkPlace()
	}
	return g, err
}

// checkPlace finds out whether the state can be saved.
func (o *Options) checkPlace() error {
	if _, err := os.Stat(o.StateFile); err == nil {
		return nil // then the Sentinel knows a way
	}
	f, err := os.CreateTemp(filepath.Dir(o.StateFile), ".gosentinel-*")
	if err != nil {
		return fmt.Errorf("standalone: the state of %q cannot be saved: %w: name a file in a directory that this process may write", o.Name, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// sentinel makes the Sentinel of this group. A listener takes the place of Options.Listen.
func (g *Group) sentinel(ln net.Listener) (*sentinel.Sentinel, error) {
	cfg := sentinel.Config{
		StateFile: g.opt.StateFile, Password: g.opt.Password, DialTLS: g.opt.Access.TLS, Dial: sentinel.DialFunc(g.opt.Dial),
		GossipPort: -1, Policy: sentinel.Policy{Allow: g.allow}, Logger: g.log,
	}
	if cfg.Listener = ln; ln == nil && g.opt.Listen != "none" {
		cfg.Listen, cfg.ListenTLS = g.opt.Listen, g.opt.ListenTLS
	}
	if host, port, err := net.SplitHostPort(g.opt.Announce); err == nil {
		cfg.AnnounceIP = host
		cfg.AnnouncePort, _ = strconv.Atoi(port)
	}
	return sentinel.New(cfg)
}

// inProcess are the Sentinels that run in this process, by their state file: while a
// configuration is replaced, the Group of before asks that of the new one.
var inProcess sync.Map

func (g *Group) stateKey() string {
	path, err := filepath.Abs(g.opt.StateFile)
	if err != nil {
		return g.opt.StateFile
	}
	return path
}

// dialSentinel connects to a Sentinel or, for the check of its role, to a server.
func (g *Group) dialSentinel(ctx context.Context, network, addr string) (net.Conn, error) {
	if addr != ownSentinel {
		conn, err := g.opt.Dial(ctx, network, addr)
		if err != nil || !g.isPeer(ctx, addr) {
			return conn, err
		}
		return g.secure(ctx, conn, addr)
	}
	if s := g.running.Load(); s != nil {
		return s.DialRESP(ctx)
	}
	if s, ok := inProcess.Load(g.stateKey()); ok {
		return s.(*sentinel.Sentinel).DialRESP(ctx)
	}
	// Another process has the state, as the two are about to change places.
	if host, port, err := net.SplitHostPort(g.opt.Listen); err == nil && port != "0" {
		return g.dialServer(ctx, net.JoinHostPort(cmp.Or(host, "127.0.0.1"), port))
	}
	return nil, errors.New("the Sentinel of this process does not run")
}

// isPeer reports whether a Sentinel is at an address, and no server: the resolver adds
// TLS to connections to servers by itself.
func (g *Group) isPeer(ctx context.Context, addr string) bool {
	if s := g.running.Load(); s != nil && g.opt.Access.TLS != nil {
		if list, err := s.Peers(ctx, g.opt.Name); err == nil {
			g.peers.Store(&list)
		}
	}
	list := g.peers.Load()
	return list != nil && slices.ContainsFunc(*list, func(p sentinel.Peer) bool { return p.Addr == addr })
}

// Run watches until the context ends, and then returns nil. No goroutine outlives it. It
// may be called once.
func (g *Group) Run(ctx context.Context) error {
	var tasks sync.WaitGroup
	defer tasks.Wait()
	started, start := make(chan struct{}), sync.Once{}
	tasks.Go(func() {
		select {
		case <-started:
		case <-ctx.Done():
		}
		_ = g.resolver.Run(ctx) // it is called once and returns nil
	})
	for tries := 0; ctx.Err() == nil; tries++ {
		select {
		case <-g.leave:
			start.Do(func() { close(started) })
			<-ctx.Done()
			return nil
		default:
		}
		pause(ctx, time.Duration(min(tries, 1))*retryPause)
		err := g.runSentinel(ctx, func() { tries = 0; start.Do(func() { close(started) }); g.resolver.Ask() })
		if err != nil && tries >= quietTries { // whom it takes the place of needs a moment to leave
			g.say("sentinel", "the Sentinel of this group cannot run; it is tried again", "err", err)
			start.Do(func() { close(started) })
			g.heardOf(len(g.resolver.Status().Sentinels)) // whose place it takes tells of them
		}
	}
	return nil
}

// How often it is tried to run the Sentinel, and how often that may fail before it is said.
const (
	retryPause = 200 * time.Millisecond
	quietTries = 5
)

// runSentinel runs a Sentinel and all that it is told, until it ends.
func (g *Group) runSentinel(ctx context.Context, ready func()) error {
	var ln net.Listener
	if g.listen != nil {
		ln = g.listen()
	}
	s, err := g.sentinel(ln)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx); cancel() }()
	select {
	case <-s.Ready():
	case <-ctx.Done():
		return <-ended
	}
	g.running.Store(s)
	inProcess.Store(g.stateKey(), s)
	g.quiet("sentinel")
	ready()
	done := make(chan struct{})
	go func() { defer close(done); g.watch(ctx, s) }()
	select {
	case <-g.leave:
		cancel()
	case <-ctx.Done():
	}
	<-done
	g.running.Store(nil)
	inProcess.CompareAndDelete(g.stateKey(), s)
	return <-ended
}

// Leave gives the state file up, so that another Group can have it, and goes on with what
// that one and others say. It does not wait, and may be called often.
func (g *Group) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.left {
		g.left = true
		close(g.leave)
	}
}

// Changes yields which server is the master, now and at every change; see
// [discovery.Resolver.Changes]. There is none before as many proxies have been heard of as
// a failover takes.
func (g *Group) Changes(ctx context.Context) iter.Seq[discovery.View] {
	return func(yield func(discovery.View) bool) {
		if !g.heardEnough() {
			if !yield(discovery.View{}) {
				return
			}
			select {
			case <-g.enough:
			case <-ctx.Done():
				return
			}
		}
		g.resolver.Changes(ctx)(yield)
	}
}

// heardOf takes the number of proxies that are known, and reports whether they are enough.
func (g *Group) heardOf(known int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.heardEnough() {
		return true
	}
	if known > g.opt.Proxies/2 || g.opt.Proxies <= 1 {
		close(g.enough)
		return true
	}
	return false
}

func (g *Group) heardEnough() bool {
	select {
	case <-g.enough:
		return true
	default:
		return false
	}
}

// Ask has everybody asked at once; see [discovery.Resolver.Ask].
func (g *Group) Ask() { g.resolver.Ask() }

// DialMaster returns a connection to the master; see [discovery.Resolver.DialMaster].
func (g *Group) DialMaster(ctx context.Context, network, addr string) (net.Conn, error) {
	select {
	case <-g.enough:
		return g.resolver.DialMaster(ctx, network, addr)
	case <-ctx.Done():
		return nil, fmt.Errorf("standalone: %s: %w", g.Status().Why, context.Cause(ctx))
	}
}

// Status returns what is known now; see [discovery.Resolver.Status]. Why also says why
// none of the servers can be made the master.
func (g *Group) Status() discovery.Status {
	s := g.resolver.Status()
	if !g.heardEnough() {
		s.View = discovery.View{}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if s.Master.IsZero() && g.why != "" {
		s.Why = g.why
	}
	return s
}

// setWhy notes why there is no master; "" when there is one.
func (g *Group) setWhy(why string) {
	g.mu.Lock()
	g.why = why
	g.mu.Unlock()
}

// say warns, unless the same was the last that was said about a subject.
func (g *Group) say(subject, text string, args ...any) {
	all := fmt.Sprint(append([]any{text}, args...)...)
	g.mu.Lock()
	known := g.said[subject] == all
	g.said[subject] = all
	g.mu.Unlock()
	if !known {
		g.log.Warn("standalone: "+text, args...)
	}
}

// quiet forgets what was said about a subject.
func (g *Group) quiet(subject string) {
	g.mu.Lock()
	delete(g.said, subject)
	g.mu.Unlock()
}
