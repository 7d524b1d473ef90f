package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/discovery"
	"github.com/gosentinel/sentinel/internal/mempipe"
	"github.com/gosentinel/sentinel/internal/resp"
)

// rig is a proxy in virtual time with servers that do what a test says.
type rig struct {
	t       *testing.T
	cfg     *Config
	front   *mempipe.Listener
	view    *steered
	servers map[string]*scripted
	p       *Proxy
	http    *mempipe.Listener
	stop    func()
}

// steered is a source that a test steers.
type steered struct {
	mu      sync.Mutex
	view    discovery.View
	changed chan struct{}
	asked   int
	silent  bool // no Sentinel answers
	servers []discovery.ServerStatus
}

func (s *steered) Run(ctx context.Context) error { <-ctx.Done(); return nil }

func (s *steered) Ask() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
}

func (s *steered) Status() discovery.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent {
		return discovery.Status{View: s.view, Sentinels: []discovery.SentinelStatus{{}}}
	}
	return discovery.Status{View: s.view, Sentinels: []discovery.SentinelStatus{{Heard: time.Now().Add(time.Millisecond)}}, Servers: s.servers}
}

func (s *steered) Changes(ctx context.Context) iter.Seq[discovery.View] {
	return func(yield func(discovery.View) bool) {
		for ctx.Err() == nil {
			s.mu.Lock()
			v, changed := s.view, s.changed
			s.mu.Unlock()
			if !yield(v) {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
	}
}

// set names another master; "" for none.
func (s *steered) set(host string, replicas ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	epoch := s.view.Master.Epoch + 1
	s.view = discovery.View{}
	if host != "" {
		s.view.Master = discovery.Addr{Host: host, Port: 6379, Epoch: epoch}
	}
	for _, r := range replicas {
		s.view.Replicas = append(s.view.Replicas, discovery.Addr{Host: r, Port: 6379, Epoch: epoch})
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// step has no master any more, by the word of servers.
func (s *steered) step(servers ...discovery.ServerStatus) {
	s.mu.Lock()
	s.servers = servers
	s.mu.Unlock()
	s.set("")
}

// scripted is a server. Its fields are changed under mu.
type scripted struct {
	mu      sync.Mutex
	role    string
	runID   string
	up      bool
	busy    bool // with a script
	conns   map[net.Conn]bool
	numbers map[net.Conn]int // of the connections
	seen    []string         // commands, but those of the handshake
	reply   func(conn int, words []string) string
	delay   func(words []string) time.Duration // before it answers; nil: none
	n       int
	offset  int // of its data
}

// do changes what the server is.
func (s *scripted) do(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// kill ends it as kill -9 does.
func (s *scripted) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.up = false
	for c := range s.conns {
		c.Close()
	}
}

func (s *scripted) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.seen, ", ")
}

// httpBind is where a rig has HTTP, if it is configured.
const httpBind = "http:1"

func newRig(t *testing.T, change ...func(*Config)) *rig {
	r := &rig{t: t, front: mempipe.Listen("front"), http: mempipe.Listen("http"), servers: make(map[string]*scripted), view: &steered{changed: make(chan struct{})}}
	for _, name := range []string{"a", "b", "c"} {
		r.servers[name] = &scripted{role: "master", runID: name, up: true, conns: make(map[net.Conn]bool), numbers: make(map[net.Conn]int)}
	}
	cfg := defaults()
	cfg.Workers, cfg.Sentinels = 1, []string{"sentinel"}
	cfg.Masters, cfg.Listeners = []MasterConfig{{Name: "cache"}}, []ListenerConfig{{Bind: "front:1"}}
	cfg.Masters[0].source = r.view
	cfg.SetDial(r.dial)
	for _, f := range change {
		f(cfg)
	}
	cfg.complete(func(key, _, format string, args ...any) { t.Fatalf(key+": "+format, args...) }, "")
	r.cfg = cfg
	ctx, cancel := context.WithCancel(t.Context())
	r.p = New(cfg, Options{Listen: func(_ context.Context, _, addr string) (net.Listener, error) {
		if addr == httpBind {
			return r.http, nil
		}
		return r.front, nil
	}})
	done := make(chan error)
	go func() { done <- r.p.Run(ctx) }()
	r.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, s := range r.servers {
			s.kill()
		}
		synctest.Wait()
	}
	return r
}

func (r *rig) dial(_ context.Context, _, addr string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(addr)
	s := r.servers[host]
	if s == nil {
		return nil, fmt.Errorf("%s: no such host", host)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.up {
		return nil, fmt.Errorf("%s: connection refused", host)
	}
	here, there := mempipe.New(mempipe.Addr("proxy"), mempipe.Addr(addr))
	s.conns[there] = true
	s.n++
	n := s.n
	s.numbers[there] = n
	go s.serve(there, n)
	return here, nil
}

func (s *scripted) serve(conn net.Conn, n int) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		v, err := resp.Read(in, limits)
		if err != nil {
			return
		}
		w := v.Words()
		s.mu.Lock()
		answer := ""
		switch {
		case s.role == "frozen":
		case s.busy && (w[0] == "ROLE" || w[0] == "SELECT"):
			answer = busyReply
		case w[0] == "ROLE" && s.role == "slave":
			answer = "*5\r\n$5\r\nslave\r\n$1\r\nx\r\n:1\r\n$9\r\nconnected\r\n:1\r\n"
		case w[0] == "ROLE":
			answer = "*3\r\n$" + fmt.Sprint(len(s.role)) + "\r\n" + s.role + "\r\n:0\r\n*0\r\n"
		case w[0] == "INFO":
			answer = string(resp.AppendBulk(nil, fmt.Appendf(nil, "run_id:%s\r\nrole:%s\r\nmaster_replid:x\r\nmaster_link_status:up\r\nmaster_repl_offset:%d\r\nslave_repl_offset:%d\r\n", s.runID, s.role, s.offset, s.offset)))
		case w[0] == "COMMAND":
			answer = "-ERR no\r\n"
		case s.reply != nil:
			s.seen = append(s.seen, strings.Join(w, " "))
			answer = s.reply(n, w)
		default:
			s.seen = append(s.seen, strings.Join(w, " "))
			answer = plainAnswer(w)
		}
		delay := s.delay
		s.mu.Unlock()
		if delay != nil { // not with the lock held: virtual time would stand still
			time.Sleep(delay(w))
		}
		if answer == "close" {
			return
		}
		if answer != "" { // otherwise it is silent
			if _, err := io.WriteString(conn, answer); err != nil {
				return
			}
		}
	}
}

const busyReply = "-BUSY Redis is busy running a script.\r\n"

func plainReply(_ int, w []string) string { return plainAnswer(w) }

// plainAnswer is what a server says that keeps nothing.
func plainAnswer(w []string) string {
	switch w[0] {
	case "MULTI", "SET", "WATCH", "DISCARD", "SELECT":
		return "+OK\r\n"
	case "HELLO":
		return "%1\r\n+server\r\n+redis\r\n"
	}
	return fmt.Sprintf("+%s\r\n", strings.Join(w, " "))
}

// app is a client.
type app struct {
	t  *testing.T
	nc net.Conn
	in *bufio.Reader
}

func (r *rig) connect() *app {
	nc, err := r.front.Dial(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { nc.Close() })
	return &app{r.t, nc, bufio.NewReader(nc)}
}

// send sends commands, one in each text, whose words are separated by spaces.
func (a *app) send(commands ...string) {
	a.t.Helper()
	if _, err := a.nc.Write(encode(commands...)); err != nil {
		a.t.Fatal(err)
	}
}

func encode(commands ...string) (b []byte) {
	for _, c := range commands {
		var words [][]byte
		for _, w := range strings.Fields(c) {
			words = append(words, []byte(w))
		}
		b = resp.AppendCommand(b, words...)
	}
	return b
}

// next returns the next reply as one text; "closed" when the connection has ended.
func (a *app) next() string {
	v, err := resp.Read(a.in, limits)
	if err != nil {
		return "closed"
	}
	return show(v)
}

// show writes a reply as one text.
func show(v resp.Value) string {
	if v.Kind != '*' {
		return string(v.Kind) + v.Text
	}
	var list []string
	for _, i := range v.Items {
		list = append(list, show(i))
	}
	return "[" + strings.Join(list, " ") + "]"
}

// want compares the next replies.
func (a *app) want(replies ...string) {
	a.t.Helper()
	for _, w := range replies {
		if got := a.next(); got != w && !(strings.HasSuffix(w, "...") && strings.HasPrefix(got, strings.TrimSuffix(w, "..."))) {
			a.t.Errorf("reply %q, want %q", got, w)
		}
	}
}

// quiet reports an error if something has arrived.
func (a *app) quiet() {
	a.t.Helper()
	synctest.Wait()
	_ = a.nc.SetReadDeadline(time.Now().Add(time.Millisecond))
	if b, err := a.in.Peek(1); err == nil {
		a.t.Errorf("a reply arrived early: %q", b)
	}
	_ = a.nc.SetReadDeadline(time.Time{})
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }
