package discovery

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// network is a network in memory. It works in virtual time.
type network struct {
	mu    sync.Mutex
	hosts map[string]func(net.Conn) // who answers; nil: packets vanish
	open  map[string][]net.Conn
	dials map[string]int
	wg    sync.WaitGroup
}

func newNetwork() *network {
	return &network{hosts: map[string]func(net.Conn){}, open: map[string][]net.Conn{}, dials: map[string]int{}}
}

func (n *network) serve(addr string, f func(net.Conn)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[addr] = f
}

// kill ends whatever is at an address, as a crash does.
func (n *network) kill(addr string) {
	n.mu.Lock()
	delete(n.hosts, addr)
	n.mu.Unlock()
	n.reset(addr)
}

// reset ends the connections to an address.
func (n *network) reset(addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.open[addr] {
		c.Close()
	}
	n.open[addr] = nil
}

func (n *network) dialled(addr string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials[addr]
}

func (n *network) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	n.dials[addr]++
	f, ok := n.hosts[addr]
	n.mu.Unlock()
	switch {
	case !ok:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	case f == nil:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	mine, theirs := net.Pipe()
	n.mu.Lock()
	n.open[addr] = append(n.open[addr], theirs)
	n.mu.Unlock()
	q := &queue{Conn: theirs, out: make(chan []byte, 16), done: make(chan struct{})}
	n.wg.Go(q.flush)
	n.wg.Go(func() {
		defer q.end()
		f(q)
	})
	return mine, nil
}

// queue makes a pipe like a socket: a write does not wait for the reader.
type queue struct {
	net.Conn
	out  chan []byte
	done chan struct{}
}

func (q *queue) Write(p []byte) (int, error) {
	select {
	case q.out <- append([]byte(nil), p...):
		return len(p), nil
	case <-q.done:
		return 0, net.ErrClosed
	}
}

func (q *queue) flush() {
	defer q.Close()
	defer close(q.done)
	for p := range q.out {
		if p == nil {
			return
		}
		if _, err := q.Conn.Write(p); err != nil {
			return
		}
	}
}

// end closes it behind what has been written.
func (q *queue) end() {
	select {
	case q.out <- nil:
	case <-q.done:
	}
}

// serveRESP answers commands, each by a function that returns the bytes of the reply.
func serveRESP(conn net.Conn, f func(words []string) string) {
	rd := newReader(conn)
	for {
		v, err := rd.read()
		if err != nil {
			return
		}
		words, ok := v.texts()
		if !ok || len(words) == 0 {
			return
		}
		reply := f(words)
		if reply == "" {
			continue // silence
		}
		if _, err := conn.Write([]byte(reply)); err != nil {
			return
		}
	}
}

func bulks(words ...string) string { return string(command(words).appendTo(nil)) }

func arrays(items ...string) string {
	return fmt.Sprintf("*%d\r\n%s", len(items), strings.Join(items, ""))
}

func hostPort(addr string) (string, string) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		panic(err)
	}
	return host, port
}

// fakeSentinel is a Sentinel that says what it is told to say.
type fakeSentinel struct {
	addr, id, password string
	tls                *tls.Config
	net                *network

	mu       sync.Mutex
	master   string // empty: it knows none
	epoch    uint64
	replicas []string
	peers    []peer
	down     []string // replicas that it sees down
	subs     map[net.Conn]bool
	events   bool // it publishes
	asks     int  // for the address of the master
}

// asked returns how many exchanges there were; each asks for the address twice.
func (s *fakeSentinel) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asks / 2
}

// forget makes it say nothing more on the subscriptions that it has.
func (s *fakeSentinel) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.subs {
		s.subs[conn] = false
	}
}

func (s *fakeSentinel) serve(conn net.Conn) {
	if s.tls != nil {
		conn = tls.Server(conn, s.tls)
	}
	in := s.password == ""
	defer func() {
		s.mu.Lock()
		delete(s.subs, conn)
		s.mu.Unlock()
	}()
	serveRESP(conn, func(w []string) string {
		s.mu.Lock()
		defer s.mu.Unlock()
		if w[0] == "AUTH" {
			in = w[len(w)-1] == s.password
			if s.password == "" {
				in = true
				return "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?\r\n"
			}
			if !in {
				return "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
			}
			return "+OK\r\n"
		}
		if !in {
			return "-NOAUTH Authentication required.\r\n"
		}
		return s.reply(conn, w)
	})
}

func (s *fakeSentinel) reply(conn net.Conn, w []string) string {
	host, port := "", ""
	if s.master != "" {
		host, port = hostPort(s.master)
	}
	switch strings.Join(w[:min(2, len(w))], " ") {
	case "SENTINEL GET-MASTER-ADDR-BY-NAME":
		s.asks++
		if s.master == "" {
			return "*-1\r\n"
		}
		return bulks(host, port)
	case "SENTINEL MASTER":
		if s.master == "" {
			return "-ERR No such master with that name\r\n"
		}
		return bulks("name", w[2], "ip", host, "port", port, "config-epoch", fmt.Sprint(s.epoch))
	case "SENTINEL REPLICAS":
		var list []string
		for _, addr := range s.replicas {
			host, port, link, flags := "", "", "ok", "slave"
			host, port = hostPort(addr)
			if slices.Contains(s.down, addr) {
				link, flags = "err", "s_down,slave"
			}
			list = append(list, bulks("ip", host, "port", port, "flags", flags, "master-link-status", link))
		}
		return arrays(list...)
	case "SENTINEL SENTINELS":
		var list []string
		for _, p := range s.peers {
			host, port := hostPort(p.addr)
			list = append(list, bulks("ip", host, "port", port, "runid", p.id))
		}
		return arrays(list...)
	case "SENTINEL MYID":
		return bulks(s.id)[4:]
	case "SUBSCRIBE +switch-master":
		if !s.events {
			return "-NOPERM this user has no permissions to access one of the channels used as arguments\r\n"
		}
		s.subs[conn] = true
		return "*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n"
	case "PING":
		if on, subscribed := s.subs[conn]; subscribed && !on {
			return ""
		}
		return bulks("pong", "")
	}
	return "-ERR unknown command\r\n"
}

// say changes what the Sentinel says.
func (s *fakeSentinel) say(master string, epoch uint64, replicas ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.master, s.epoch, s.replicas = master, epoch, replicas
}

// publish announces a new master.
func (s *fakeSentinel) publish(name, old, new string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	oh, op := hostPort(old)
	nh, np := hostPort(new)
	for conn, on := range s.subs {
		if !on {
			continue
		}
		conn.Write([]byte(bulks("message", "+switch-master", strings.Join([]string{name, oh, op, nh, np}, " "))))
	}
}

// fakeServer is a Redis server that says what role it has.
type fakeServer struct {
	addr, password string
	tls            *tls.Config
	net            *network

	mu     sync.Mutex
	role   string // reply to ROLE
	echo   string // reply to all else
	auths  []string
	unread string // sent behind each ROLE
}

const (
	aMaster  = "*3\r\n$6\r\nmaster\r\n:1\r\n*0\r\n"
	aReplica = "*5\r\n$5\r\nslave\r\n$1\r\nx\r\n:1\r\n$9\r\nconnected\r\n:1\r\n"
	aLoner   = "*5\r\n$5\r\nslave\r\n$1\r\nx\r\n:1\r\n$7\r\nconnect\r\n:1\r\n"
)

func (s *fakeServer) serve(conn net.Conn) {
	if s.tls != nil {
		conn = tls.Server(conn, s.tls)
	}
	in := s.password == ""
	serveRESP(conn, func(w []string) string {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case w[0] == "AUTH":
			s.auths = append(s.auths, strings.Join(w[1:], " "))
			if in = in || w[len(w)-1] == s.password; !in {
				return "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
			}
			return "+OK\r\n"
		case !in:
			return "-NOAUTH Authentication required.\r\n"
		case w[0] == "ROLE":
			return s.role + s.unread
		}
		return s.echo
	})
}

func (s *fakeServer) become(role string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.role = role
}

// world is a group: Sentinels s1:26379 and so on, servers a:1 (master), b:1, c:1.
type world struct {
	*testing.T
	net       *network
	sentinels []*fakeSentinel
	servers   map[string]*fakeServer
	opt       Options
	r         *Resolver
	stop      func()
}

func newWorld(t *testing.T, sentinels int) *world {
	w := &world{T: t, net: newNetwork(), servers: map[string]*fakeServer{}}
	for _, addr := range []string{"a:1", "b:1", "c:1"} {
		s := w.server(addr, aReplica)
		s.echo = "+" + addr + "\r\n"
	}
	w.servers["a:1"].role = aMaster
	for i := range sentinels {
		s := w.sentinel(fmt.Sprintf("s%d:26379", i+1))
		w.opt.Sentinels = append(w.opt.Sentinels, s.addr)
	}
	w.opt.Master, w.opt.Dial = "cache", w.net.dial
	return w
}

func (w *world) server(addr, role string) *fakeServer {
	s := &fakeServer{addr: addr, net: w.net, role: role}
	w.servers[addr] = s
	w.net.serve(addr, s.serve)
	return s
}

func (w *world) sentinel(addr string) *fakeSentinel {
	s := &fakeSentinel{addr: addr, id: "id-" + addr, net: w.net, subs: map[net.Conn]bool{}, events: true}
	s.say("a:1", 5, "b:1", "c:1")
	w.sentinels = append(w.sentinels, s)
	w.net.serve(addr, s.serve)
	return s
}

// run starts the Resolver, which ends with the test.
func (w *world) run() *Resolver {
	w.Helper()
	r, err := New(w.opt)
	if err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	w.r = r
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.Error(err)
		}
		w.net.mu.Lock()
		all := w.net.open
		w.net.open = map[string][]net.Conn{}
		w.net.mu.Unlock()
		for _, conns := range all {
			for _, c := range conns {
				c.Close()
			}
		}
		w.net.wg.Wait()
	})
	return r
}

// master waits for a master and checks it.
func (w *world) master(want string, epoch uint64) {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	a, err := w.r.Master(ctx)
	if err != nil || a.String() != want || a.Epoch != epoch {
		w.Fatalf("master %v at epoch %d, %v; want %s at %d\n%+v", a, a.Epoch, err, want, epoch, w.r.Status())
	}
}

// until waits until the master is another one.
func (w *world) until(want string, epoch uint64) {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for v := range w.r.Changes(ctx) {
		if v.Master.String() == want && v.Master.Epoch == epoch {
			return
		}
	}
	w.Fatalf("%s at epoch %d did not become the master\n%+v", want, epoch, w.r.Status())
}

// connect returns a connection of DialMaster, which ends with the test.
func (w *world) connect() net.Conn {
	w.Helper()
	conn, err := w.r.DialMaster(w.Context(), "", "")
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { conn.Close() })
	return conn
}

// failover makes b the master of all Sentinels.
func (w *world) failover(sentinels ...*fakeSentinel) {
	w.servers["b:1"].become(aMaster)
	for _, s := range sentinels {
		s.say("b:1", 6, "a:1", "c:1")
	}
}
