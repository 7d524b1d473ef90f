package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/internal/mempipe"
)

// streets opens listeners in memory by address.
type streets struct {
	mu   sync.Mutex
	open map[string]*mempipe.Listener
}

func (s *streets) listen(_ context.Context, _, addr string) (net.Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasPrefix(addr, "bad") {
		return nil, fmt.Errorf("%s is in use", addr)
	}
	s.open[addr] = mempipe.Listen(mempipe.Addr(addr))
	return s.open[addr], nil
}

// TestReload: listeners come and go and change, and clients stay.
func TestReload(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		r.stop() // only its servers are needed
		for _, s := range r.servers {
			s.do(func() { s.up = true })
		}
		s := &streets{open: make(map[string]*mempipe.Listener)}
		load := func(text string) *Config {
			cfg, err := parse("proxy.toml", []byte("sentinels = [\"x\"]\n"+text))
			if err != nil {
				t.Fatal(err)
			}
			cfg.pumps = true
			for i := range cfg.Masters {
				m := &cfg.Masters[i]
				view := &steered{changed: make(chan struct{})}
				view.set(m.Name) // a server of that name
				m.source, m.dial = view, r.dial
			}
			return cfg
		}
		p := New(load("[[master]]\nname = \"a\"\n[[listener]]\nbind = \"one:1\"\n"), Options{Listen: s.listen})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- p.Run(ctx) }()
		synctest.Wait()
		connect := func(addr string) *app {
			s.mu.Lock()
			r.front = s.open[addr]
			s.mu.Unlock()
			return r.connect()
		}
		first := connect("one:1")
		first.send("GET k")
		first.want("+GET k")

		two := "[[master]]\nname = \"a\"\n[[master]]\nname = \"b\"\n"
		if err := p.Reload(load(two + "[[listener]]\nbind = \"one:1\"\nmaster = \"b\"\npassword = \"secret\"\n[[listener]]\nbind = \"two:1\"\nmaster = \"a\"\n")); err != nil {
			t.Fatal(err)
		}
		first.send("GET mine")
		first.want("+GET mine")
		second := connect("one:1")
		second.send("GET k", "AUTH secret", "GET theirs")
		second.want("-NOAUTH...", "+OK", "+GET theirs")
		third := connect("two:1")
		third.send("GET three")
		third.want("+GET three")
		if a, b := r.servers["a"].log(), r.servers["b"].log(); a != "GET k, GET mine, GET three" || b != "GET theirs" {
			t.Errorf("the servers saw %q and %q", a, b)
		}

		err := p.Reload(load(two + "[[listener]]\nbind = \"three:1\"\nmaster = \"a\"\n[[listener]]\nbind = \"bad:1\"\nmaster = \"a\"\n"))
		if err == nil || !strings.Contains(err.Error(), "bad:1 is in use") {
			t.Errorf("error %v", err)
		}
		connect("two:1").send("PING")

		if err := p.Reload(load("[[master]]\nname = \"b\"\n[[listener]]\nbind = \"one:1\"\n")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, err := s.open["two:1"].Dial(t.Context()); err == nil {
			t.Error("a listener that is gone takes connections")
		}
		first.send("GET still")
		first.want("+GET still")
		third.send("GET still")
		third.want("+GET still")

		p.Drain()
		time.Sleep(2 * drainGrace)
		first.nc.Close()
		third.nc.Close()
		second.send("GET last")
		second.want("+GET last")
		r.t.Cleanup(func() {})
		second.nc.Close()
		_ = connect // the one that pinged is closed with its listener's bubble
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, s := range r.servers {
			s.kill()
		}
	})
}

// TestTakeover: while one process after another takes over an address, every connection is
// taken.
func TestTakeover(t *testing.T) {
	if steerAway(nil) != nil {
		t.Skip("this system cannot steer connections")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	start := func() (*Proxy, chan error) {
		cfg, err := parse("proxy.toml", fmt.Appendf(nil, "sentinels = [\"127.0.0.1:1\"]\n[[master]]\nname = \"a\"\n[[listener]]\nbind = %q\n", addr))
		if err != nil {
			t.Fatal(err)
		}
		ready, done := make(chan bool), make(chan error, 1)
		p := New(cfg, Options{Ready: func([]net.Addr) { close(ready) }})
		go func() { done <- p.Run(t.Context()) }()
		select {
		case <-ready:
		case err := <-done:
			t.Fatal(err)
		}
		return p, done
	}
	p, done := start()
	stop := make(chan bool)
	var knocking sync.WaitGroup
	var mu sync.Mutex
	served := 0
	knocking.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			b := make([]byte, 5)
			_, werr := io.WriteString(c, "QUIT\r\n")
			if _, err := io.ReadFull(c, b); err != nil || werr != nil || string(b) != "+OK\r\n" {
				t.Errorf("%q, %v, %v", b, err, werr)
			}
			c.Close()
			mu.Lock()
			served++
			mu.Unlock()
		}
	})
	for range 2 {
		next, nextDone := start()
		p.Drain()
		before := p.counts.Accepted.Load()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := p.counts.Accepted.Load() - before; n > 1 { // one had begun to connect
			t.Errorf("%d connections came to the old process after that", n)
		}
		p, done = next, nextDone
	}
	close(stop)
	knocking.Wait()
	p.Drain()
	if err := <-done; err != nil {
		t.Error(err)
	}
	t.Logf("%d connections were served", served)
}
