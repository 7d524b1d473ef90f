package survey

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/internal/resp"
)

// Options say where to begin and how far to go.
type Options struct {
	Addrs  []string // Sentinels or servers, host:port
	Seeds  []Seed   // servers of known masters
	Master string   // look at this master only; "": at all

	Sentinel Access                           // how to log in at Sentinels
	Server   func(master string) Access       // at the servers of a master; nil: as nobody
	Command  func(master, name string) string // the name of a command there; nil: its own

	Deep     bool          // ask servers for their settings and rights, and listen who announces himself
	Listen   time.Duration // for how long to listen; 0: 2.5 s, a little more than the period of hellos
	Patience time.Duration // for each answer; 0: 2 s
	Dial     func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Seed is a server to begin with.
type Seed struct{ Addr, Master string }

// Bounds of a survey.
const (
	maxSentinels = 100
	maxServers   = 5000
	maxEars      = 16
	atOnce       = 32
)

// Take takes a survey. It ends with ctx, with what is known by then.
func Take(ctx context.Context, o Options) *Survey {
	t := newTaker(o)
	for _, addr := range o.Addrs {
		t.run(func() { t.meet(ctx, addr) })
	}
	for _, seed := range o.Seeds {
		t.server(ctx, seed.Addr, seed.Master, "")
	}
	t.work.Wait()
	t.s.Took = time.Since(t.s.Began)
	t.finish()
	return t.s
}

func newTaker(o Options) *taker {
	t := &taker{
		Options: o, s: &Survey{Began: time.Now()}, slots: make(chan struct{}, atOnce),
		sentinels: map[string]*Sentinel{}, servers: map[string]*Server{}, budget: budget{left: resp.Limits{Bytes: allBytes, Items: allItems}},
	}
	if t.Patience == 0 {
		t.Patience = 2 * time.Second
	}
	if t.Listen == 0 {
		t.Listen = 2500 * time.Millisecond
	}
	if t.Dial == nil {
		t.Dial = new(net.Dialer).DialContext
	}
	return t
}

// taker takes one survey.
type taker struct {
	Options
	budget budget
	slots  chan struct{}
	work   sync.WaitGroup

	mu        sync.Mutex
	s         *Survey
	sentinels map[string]*Sentinel // by address
	servers   map[string]*Server
	left      int // nodes beyond the bounds
	ears      int // masters that are listened to
}

// run does some work beside the rest. It is called from the work itself too.
func (t *taker) run(f func()) {
	t.work.Go(func() {
		t.slots <- struct{}{}
		defer func() { <-t.slots }()
		f()
	})
}

// meet asks who is at an address, and asks on.
func (t *taker) meet(ctx context.Context, addr string) {
	n := Node{Addr: addr}
	ways := []Access{t.Sentinel}
	if a := t.access(""); a != t.Sentinel && (a.Password != "" || t.Sentinel.Password == "") {
		ways = append(ways, a)
	}
	for _, a := range ways {
		c, p := t.open(ctx, addr, a)
		if p == nil {
			p = t.introduce(c, &n)
			c.Close()
		}
		switch {
		case p == nil && n.Info["redis_mode"] == "sentinel":
			t.sentinel(ctx, addr, "")
			return
		case p == nil:
			t.server(ctx, addr, "", "")
			return
		}
		if n.Problem == nil { // what the first way has met says more
			n.Problem = p
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.s.Strangers = append(t.s.Strangers, &n)
}

func (t *taker) access(master string) Access {
	if t.Server == nil {
		return Access{}
	}
	return t.Server(master)
}

// sentinel asks a Sentinel, unless it was heard of before.
func (t *taker) sentinel(ctx context.Context, addr, by string) {
	t.mu.Lock()
	_, known := t.sentinels[addr]
	if known || len(t.sentinels) >= maxSentinels {
		if !known {
			t.left++
		}
		t.mu.Unlock()
		return
	}
	s := &Sentinel{Node: Node{Addr: addr, FoundBy: by}}
	t.sentinels[addr] = s
	t.s.Sentinels = append(t.s.Sentinels, s)
	t.mu.Unlock()
	t.run(func() {
		if s.Problem = t.askSentinel(ctx, s); s.Problem != nil {
			return
		}
		for _, v := range s.Masters {
			for _, other := range v.Sentinels {
				t.sentinel(ctx, other.Addr(), addr)
			}
			t.server(ctx, v.Addr(), v.Name(), addr)
			for _, r := range v.Replicas {
				t.server(ctx, r.Addr(), v.Name(), addr)
			}
		}
	})
}

// server asks a server, unless it was heard of before.
func (t *taker) server(ctx context.Context, addr, master, by string) {
	t.mu.Lock()
	s := t.servers[addr]
	if s != nil || len(t.servers) >= maxServers {
		if s == nil {
			t.left++
		} else if master != "" && !slices.Contains(s.Masters, master) {
			s.Masters = append(s.Masters, master)
		}
		t.mu.Unlock()
		return
	}
	s = &Server{Node: Node{Addr: addr, FoundBy: by}}
	if master != "" {
		s.Masters = []string{master}
	}
	t.servers[addr] = s
	t.s.Servers = append(t.s.Servers, s)
	t.mu.Unlock()
	t.run(func() {
		if s.Problem = t.askServer(ctx, s, master); s.Problem != nil {
			return
		}
		for _, r := range s.Replicas {
			t.server(ctx, r, master, addr)
		}
		if m := s.MasterAddr(); s.Role() == "slave" && m != "" {
			t.server(ctx, m, master, addr)
		}
		if t.Deep && s.Role() == "master" && t.ear() {
			t.work.Go(func() { t.listen(ctx, addr, master) }) // it waits most of the time, so it takes no slot
		}
	})
}

// heard notes where somebody announced himself.
func (t *taker) heard(addr string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.s.Heard == nil {
		t.s.Heard = map[string]bool{}
	}
	if len(t.s.Heard) < maxHellos {
		t.s.Heard[addr] = true
	}
}

// ear reports whether one more master may be listened to.
func (t *taker) ear() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ears++
	return t.ears <= maxEars
}

// leave notes what is not looked at.
func (t *taker) leave(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.s.Left, text) {
		t.s.Left = append(t.s.Left, text)
	}
}

func (t *taker) finish() {
	if t.left > 0 {
		t.s.Left = append(t.s.Left, fmt.Sprintf("%d more addresses: no more than %d Sentinels and %d servers are asked", t.left, maxSentinels, maxServers))
	}
	t.s.Sentinels = once(t.s.Sentinels, func(s *Sentinel) (*Node, string) { return &s.Node, s.ID })
	t.s.Servers = once(t.s.Servers, func(s *Server) (*Node, string) { return &s.Node, "" })
	slices.SortStableFunc(t.s.Sentinels, func(a, b *Sentinel) int { return compareAddr(a.Addr, b.Addr) })
	slices.SortStableFunc(t.s.Servers, func(a, b *Server) int { return compareAddr(a.Addr, b.Addr) })
	slices.Sort(t.s.Left)
}

// once leaves out whom a survey began with, such as 127.0.0.1, if somebody has named the same process
// by another address.
func once[T any](list []T, node func(T) (n *Node, id string)) []T {
	named := map[string]bool{}
	process := func(one T) string {
		n, id := node(one)
		if !n.Asked() || n.Info["run_id"] == "" {
			return ""
		}
		return id + " " + n.Info["run_id"]
	}
	for _, one := range list {
		if n, _ := node(one); n.FoundBy != "" {
			named[process(one)] = true
		}
	}
	return slices.DeleteFunc(list, func(one T) bool {
		n, _ := node(one)
		p := process(one)
		return n.FoundBy == "" && p != "" && named[p]
	})
}
