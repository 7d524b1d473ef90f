package sentinel

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/internal/fakeredis"
	"github.com/gosentinel/sentinel/internal/resptest"
)

// startFakeRedis starts a server without persistence and stops it at the end of the
// test.
func startFakeRedis(t *testing.T, of string) *fakeredis.Server {
	t.Helper()
	s, err := fakeredis.Start(fakeredis.Config{Addr: "127.0.0.1:0", ReplicaOf: of})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// TestSimulatedCrashEndsRun: an embedded Sentinel crashes at the point that a
// client asked for. Run returns an error, and no later step of the failover
// happens.
func TestSimulatedCrashEndsRun(t *testing.T) {
	for _, c := range []struct{ failure, last, never string }{
		{"crash-after-election", "+elected-leader", "+failover-state-select-slave"},
		{"crash-after-promotion", "+promoted-slave", "+failover-state-reconf-slaves"},
	} {
		t.Run(c.failure, func(t *testing.T) {
			master := startFakeRedis(t, "")
			startFakeRedis(t, master.Addr())
			s, err := New(Config{Listen: "127.0.0.1:0", Masters: []MasterConfig{{Name: "m", Addr: master.Addr(), Quorum: 1}}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			names := make(chan []string, 1)
			go func() {
				var list []string
				for ev := range s.Events(ctx) {
					list = append(list, ev.Body.Name())
				}
				names <- list
			}()
			ran := make(chan error, 1)
			go func() { ran <- s.Run(ctx) }()
			resptest.Eventually(t, "the Sentinel knows its replica", func() bool {
				views := masters(s)
				return len(views) == 1 && views[0].Replicas == 1
			})
			cl := resptest.Dial(t, "tcp", s.Addr().String())
			if got := cl.Do("SENTINEL SIMULATE-FAILURE " + c.failure); got != "+OK\n" {
				t.Fatal(got)
			}
			resptest.Eventually(t, "a failover begins", func() bool {
				_, err := s.Failover(ctx, "m", FailoverOptions{})
				return err == nil || errors.Is(err, ErrNotRunning) // the crash came before the reply
			})
			if err := <-ran; !errors.Is(err, ErrSimulatedCrash) {
				t.Errorf("Run returned %v, want %v", err, ErrSimulatedCrash)
			}
			all := strings.Join(<-names, " ")
			if !strings.HasSuffix(all, c.last) || strings.Contains(all, c.never) {
				t.Errorf("the events end in %s, want %s", all[max(0, len(all)-200):], c.last)
			}
		})
	}
}

// TestLibrarySeesDebugEvents: an event that RESP subscribers do not get, because
// it is only logged, is still delivered to the embedding program.
func TestLibrarySeesDebugEvents(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close() // now nothing listens there
	s, err := New(Config{Listen: "127.0.0.1:0", Masters: []MasterConfig{{Name: "m", Addr: "127.0.0.1:" + strconv.Itoa(port), Quorum: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	seen := make(chan bool, 1)
	events := s.Events(ctx)
	go func() {
		for ev := range events {
			if _, ok := ev.Body.(event.LinkReconnection); ok {
				seen <- true
				return
			}
		}
		seen <- false
	}()
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	if !<-seen {
		t.Error("no event about the connection that cannot be made")
	}
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

// TestDebugReachesTheCore sets periods over the wire and reads them back.
func TestDebugReachesTheCore(t *testing.T) {
	s, err := New(Config{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	resptest.Eventually(t, "the Sentinel listens", func() bool { return s.Addr() != nil })
	c := resptest.Dial(t, "tcp", s.Addr().String())
	names := namesIn(c.Do("SENTINEL DEBUG"))
	if len(names) != 13 {
		t.Errorf("there are %d parameters, not 13: %q", len(names), names)
	}
	for i, name := range names {
		value := strconv.Itoa(4000 + i)
		if got := c.Do("SENTINEL DEBUG " + strings.ToLower(name) + " " + value); got != "+OK\n" {
			t.Errorf("%s: %q", name, got)
		}
	}
	got := c.Do("SENTINEL DEBUG")
	for i, name := range names {
		if !strings.Contains(got, "\n"+name+"\n$4\n"+strconv.Itoa(4000+i)+"\n") {
			t.Errorf("%s was not set: %s", name, got)
		}
	}
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

// namesIn returns the names in the reply to SENTINEL DEBUG, which are every
// second string.
func namesIn(reply string) (names []string) {
	lines := strings.Split(reply, "\n")
	for i := 2; i < len(lines); i += 4 {
		names = append(names, lines[i])
	}
	return names
}
