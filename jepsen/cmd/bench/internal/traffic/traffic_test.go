package traffic

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// play serves connections, each command with what reply returns; "" hangs up.
func play(t *testing.T, reply func(words []string) string) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for {
					words, err := readCommand(in)
					if err != nil {
						return
					}
					text := reply(words)
					if text == "" {
						return
					}
					if _, err := io.WriteString(c, text); err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { _ = ln.Close(); work.Wait() })
	return ln.Addr().String()
}

func readCommand(in *bufio.Reader) (words []string, err error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	var n int
	if _, err := fmt.Sscanf(line, "*%d", &n); err != nil {
		return nil, err
	}
	for range n {
		if _, err := in.ReadString('\n'); err != nil {
			return nil, err
		}
		word, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		words = append(words, strings.TrimSpace(word))
	}
	return words, nil
}

// TestErrorsAddUp: an address that a Sentinel still gives keeps its connection, so two
// READONLY and the end are three errors of it; after that the client writes elsewhere.
// The sticky client goes on with the old server, and its errors are its own affair.
func TestErrorsAddUp(t *testing.T) {
	var writes, asked atomic.Int64
	old := play(t, func(words []string) string {
		if words[1] != "bench:0" {
			return "-READONLY as ever\r\n"
		}
		if writes.Add(1) < 3 {
			return "-READONLY you can't write\r\n"
		}
		return ""
	})
	fresh := play(t, func([]string) string { return ":0\r\n" })
	sentinel := play(t, func([]string) string {
		addr := old
		if asked.Add(1) > 2 {
			addr = fresh
		}
		host, port, _ := net.SplitHostPort(addr)
		return fmt.Sprintf("*2\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(host), host, len(port), port)
	})
	site := &Site{Master: "m", Sentinels: []string{sentinel}}
	tr := Start(site, Load{Writers: []Writers{{Clients: 1, PerSecond: 1000}, {Clients: 1, PerSecond: 1000, Sticky: true}}}, old)
	defer tr.Stop()
	if err := tr.Alive(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := tr.Seen()
	if s.PerConn != 3 || s.PerClient != 3 || s.FirstError != "READONLY you can't write" || s.Acked == 0 {
		t.Errorf("saw %+v", s)
	}
	if !tr.LastFrom(old).IsZero() || tr.LastFrom(fresh).IsZero() {
		t.Error("the wrong server acknowledged")
	}
	tr.Mark(old)
	if s := tr.Seen(); s.PerConn != 0 || s.PerClient != 0 {
		t.Errorf("after a mark: %+v", s)
	}
}

// TestEvents: a follower goes where an event says without an error; one that only asks
// stays.
func TestEvents(t *testing.T) {
	server := func() string { return play(t, func([]string) string { return ":0\r\n" }) }
	old, fresh := server(), server()
	for _, asks := range []bool{false, true} {
		site := &Site{Master: "m", Sentinels: []string{"127.0.0.1:1"}}
		tr := Start(site, Load{Writers: []Writers{{Clients: 1, PerSecond: 1000, Asks: asks}}}, old)
		site.Switched(fresh)
		err := tr.Alive(t.Context())
		tr.Mark(old)
		err = errors.Join(err, tr.Alive(t.Context()))
		s := tr.Seen()
		if moved := !tr.LastFrom(fresh).IsZero(); err != nil || moved == asks || s.PerClient != 0 {
			t.Errorf("asks: %t, moved: %t, %+v, %v", asks, moved, s, err)
		}
		tr.Stop()
	}
}

// TestPipelines: what a pipeline acknowledges is what counts, and its errors are one.
func TestPipelines(t *testing.T) {
	var n atomic.Int64
	addr := play(t, func([]string) string {
		if k := n.Add(1); k > 3 && k <= 10 {
			return "-READONLY no\r\n"
		}
		return ":0\r\n"
	})
	b := newBook()
	w := &writer{Writers: Writers{Batch: 10}, book: b, site: &Site{}, key: "k"}
	w.pinned = new(atomic.Pointer[string])
	w.route = route{site: w.site, addr: addr}
	defer w.close()
	if w.attempt(t.Context(), 0) {
		t.Error("a pipeline with errors passed")
	}
	if s := b.read(); s.Acked != 3 || s.PerConn != 1 {
		t.Errorf("saw %+v", s)
	}
	if !w.attempt(t.Context(), 0) {
		t.Error("the second attempt failed")
	}
	if got := w.acked.copy(); len(got) != 1 || got[0] != 1<<10-1 {
		t.Errorf("acknowledged: %b", got)
	}
}

func TestLedger(t *testing.T) {
	var l ledger
	for _, n := range []int{0, 9, 64, 200} {
		l.set(n)
	}
	got := "\x80\x00\x00\x00\x00\x00\x00\x00\x80" // SETBIT of 0 and 64
	if n := l.lost(l.copy(), got); n != 2 {
		t.Errorf("lost %d, want 9 and 200", n)
	}
	if n := l.lost(l.copy(), got); n != 0 {
		t.Errorf("counted %d again", n)
	}
	if n := l.lost(l.copy(), ""); n != 2 {
		t.Errorf("lost %d of an empty server, want 0 and 64", n)
	}
}

// TestRealServer: each form of write, a blocked client and a subscriber do with a real
// server what they should; writes that vanish are missed, once.
func TestRealServer(t *testing.T) {
	err := cluster.Run(cluster.Config{}, func(c *cluster.Cluster) error {
		g, err := c.Start(t.Context(), cluster.Topology{})
		if err != nil {
			return err
		}
		server := g.Servers[0]
		load := Load{Blocked: 2, Subscribers: 1}
		for f := Plain; f <= Publish; f++ {
			load.Writers = append(load.Writers, Writers{Clients: 1, PerSecond: 200, Batch: 2, Form: f})
		}
		tr := Start(&Site{Master: "m", Sentinels: []string{"127.0.0.1:1"}}, load, server.Addr())
		defer tr.Stop()
		if err := errors.Join(tr.Alive(t.Context()), tr.Wake(t.Context(), server.Client())); err != nil {
			return err
		}
		if follow, stick, err := tr.Lost(t.Context(), server.Client()); follow+stick != 0 || err != nil {
			t.Errorf("lost %d and %d, %v", follow, stick, err)
		}
		if s := tr.Seen(); s.PerClient != 0 || s.Gap == 0 || s.Stall == 0 {
			t.Errorf("saw %+v", s)
		}
		if err := server.Client().Del(t.Context(), "bench:0", "bench:1", "bench:2", "bench:3", "bench:4").Err(); err != nil {
			return err
		}
		if err := tr.Alive(t.Context()); err != nil {
			return err
		}
		if follow, _, err := tr.Lost(t.Context(), server.Client()); follow < 10 || err != nil {
			t.Errorf("lost %d of what was deleted, %v", follow, err)
		}
		if follow, _, err := tr.Lost(t.Context(), server.Client()); follow != 0 || err != nil {
			t.Errorf("lost %d again, %v", follow, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestSubscriberThatHearsNothing has waited all the time, even if no message ends it.
func TestSubscriberThatHearsNothing(t *testing.T) {
	b := newBook()
	b.hear(1)
	b.heard[1] = time.Now().Add(-time.Minute)
	if s := b.read(); s.Stall < time.Minute {
		t.Errorf("stall of %v", s.Stall)
	}
}

// TestStopEndsWhatHangs: a reply that never comes does not keep a client.
func TestStopEndsWhatHangs(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	reached := make(chan struct{})
	var once sync.Once
	addr := play(t, func([]string) string { once.Do(func() { close(reached) }); <-ctx.Done(); return "" })
	tr := Start(&Site{Master: "m", Sentinels: []string{addr}}, Load{Writers: []Writers{{Clients: 1, PerSecond: 1}}, Blocked: 1}, addr)
	<-reached
	tr.Stop()
	cancel()
}
