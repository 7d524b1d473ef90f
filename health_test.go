package sentinel

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/internal/resptest"
	"github.com/gosentinel/sentinel/monitor"
)

// TestHealth: each check tells what is wrong in words.
func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s, end := run(t, Config{Dial: noDial, Masters: []MasterConfig{
			{Name: "one", Addr: "10.0.0.1:1", Quorum: 2}, {Name: "fine", Addr: "10.0.0.1:2", Quorum: 1}, {Name: "two", Addr: "10.0.0.1:3", Quorum: 5},
		}})
		<-s.Ready()
		check := func(want, says string) {
			t.Helper()
			var unhealthy *HealthError
			err := s.Health(ctx)
			if !errors.As(err, &unhealthy) || unhealthy.Check != want || !strings.Contains(err.Error(), says) || errors.Unwrap(unhealthy) != nil {
				t.Errorf("Health: %v, want %s", err, want)
			}
		}
		check("majority", "one: 1 of 1 Sentinels are usable, fewer than the quorum of 2; the same or similar for two")
		for _, name := range []string{"one", "two"} {
			if err := s.Update(ctx, name, func(m *MasterConfig) { m.Quorum = 1 }); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Health(ctx); err != nil {
			t.Errorf("Health of one that works: %v", err)
		}
		// A loop that stands still for three seconds goes into TILT.
		release := make(chan struct{})
		go ask(ctx, s, "one", func(*monitor.Core, monitor.Instant) (any, bool) { <-release; return nil, true })
		time.Sleep(3 * time.Second)
		close(release)
		time.Sleep(time.Second)
		check("tilt", "judges nothing for a while")
		time.Sleep(time.Minute)
		if err := s.Health(ctx); err != nil {
			t.Errorf("Health after TILT: %v", err)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

// TestEventsInOrder: events have numbers without gaps, times and masters; filters
// select, and never hide that something was missed.
func TestEventsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{Dial: noDial, Limits: Limits{EventsBytes: 2000}, Masters: []MasterConfig{
			{Name: "a", Addr: "10.0.0.1:1", Quorum: 1}, {Name: "b", Addr: "10.0.0.2:1", Quorum: 1},
		}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		begin := time.Now()
		all, ofB, downs := s.Events(ctx), s.Events(ctx, OfMaster("b", "c")), s.Events(ctx, OfMaster("a"), OfType[event.SDown]())
		late := s.Events(ctx, OfMaster("nobody"))
		ran := make(chan error)
		go func() { ran <- s.Run(ctx) }()
		n := uint64(0)
		for ev := range all {
			if n++; ev.Seq != n || ev.Time.Before(begin) || ev.Time.After(time.Now()) || ev.Master == "" && ev.Body.Name() != "+new-epoch" {
				t.Errorf("event %d: %+v", n, ev)
			}
			if n == 4 {
				break
			}
		}
		for ev := range ofB {
			if ev.Master != "b" || ev.String() != "+monitor master b 10.0.0.2 1 quorum 1" {
				t.Errorf("%+v", ev)
			}
			break
		}
		for ev := range downs {
			if _, ok := ev.Body.(event.SDown); !ok || ev.Master != "a" || ev.Time.Sub(begin) < 30*time.Second {
				t.Errorf("%+v after %v", ev, ev.Time.Sub(begin))
			}
			break
		}
		time.Sleep(5 * time.Minute)
		for ev := range late {
			if gap, ok := ev.Body.(event.Lagged); !ok || gap.Missed == 0 || ev.Seq < gap.Missed {
				t.Errorf("%+v", ev)
			}
			break
		}
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		if err := s.Run(t.Context()); err == nil {
			t.Error("Run works twice")
		}
	})
}

// TestShutdownIsRefused: a client cannot end a Sentinel that is part of another
// program, unless that allows it (TestServerOnCore).
func TestShutdownIsRefused(t *testing.T) {
	s := start(t, Config{Listen: "127.0.0.1:0"})
	c := resptest.Dial(t, "tcp", s.Addr().String())
	if got := c.Do("SHUTDOWN"); got != "-ERR SHUTDOWN is not allowed: this Sentinel is part of another program\n" {
		t.Errorf("SHUTDOWN: %q", got)
	}
	if got := c.Do("PING"); got != "+PONG\n" {
		t.Errorf("PING: %q", got)
	}
}

// TestOpen: a Sentinel may be configured by a file.
func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(path, []byte("port 0\nbind 127.0.0.1\nsentinel monitor m 127.0.0.1 1 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "Configured to not listen anywhere") {
		t.Errorf("a file without a port: %v", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	s, err := Open(path, "port "+port, "logfile "+filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	<-s.Ready()
	if ms := masters(s); len(ms) != 1 || ms[0].Config.Quorum != 2 {
		t.Errorf("masters: %+v", ms)
	}
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}
