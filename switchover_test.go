package sentinel

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/fakeredis"
	"github.com/gosentinel/sentinel/internal/resptest"
)

// TestSwitchoverOfEveryServer: a planned failover loses no acknowledged write and
// needs no full copy, whatever release the servers are of, also the target another one
// than the master, and whatever the user of the Sentinel may not do there. What it has
// to do without is said.
func TestSwitchoverOfEveryServer(t *testing.T) {
	const noPause = "ERR Unknown subcommand or wrong number of arguments for 'PAUSE'"
	for _, c := range []struct{ name, parameter, value, degraded, target string }{
		{"7.0", "imitated-version", "7.0.15", "", ""},
		{"6.2", "imitated-version", "6.2.14", "", ""},
		{"6.0", "imitated-version", "6.0.20", noPause, ""},
		{"5.0", "imitated-version", "5.0.14", noPause, ""},
		{"no pause", "forbidden-commands", "client|pause client|unpause", "NOPERM this user has no permissions to run the 'client|pause' command", ""},
		{"no end of a pause", "forbidden-commands", "client|unpause", "NOPERM this user has no permissions to run the 'client|unpause' command", ""},
		{"no kill", "forbidden-commands", "client|kill", "NOPERM this user has no permissions to run the 'client|kill' command", ""},
		{"no rewrite", "forbidden-commands", "config|rewrite", "NOPERM this user has no permissions to run the 'config|rewrite' command", ""},
		{"no transactions", "forbidden-commands", "multi exec", "", ""},
		{"6.0 to 7.0", "imitated-version", "6.0.20", noPause, "7.0.15"},
		{"7.0 to 6.0", "imitated-version", "7.0.15", "", "6.0.20"},
		{"6.2 to 7.0", "imitated-version", "6.2.14", "", "7.0.15"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			with := map[string]string{c.parameter: c.value}
			old := startFakeWith(t, fakeredis.Config{Parameters: with})
			other := with
			if c.target != "" {
				other = map[string]string{c.parameter: c.target}
			}
			target := startFakeWith(t, fakeredis.Config{ReplicaOf: old.Addr(), Parameters: other})
			third := startFakeWith(t, fakeredis.Config{ReplicaOf: old.Addr(), Parameters: with, Priority: fakeredis.NeverPromote})
			s, events := runEmbedded(t, MasterConfig{Name: "m", Addr: old.Addr(), Quorum: 1, DownAfter: 4 * time.Second})
			resptest.Eventually(t, "the Sentinel knows both replicas", func() bool {
				views := masters(s)
				return len(views) == 1 && views[0].Replicas == 2
			})
			writer := startWriter(t, old.Addr())
			resptest.Eventually(t, "the switchover begins", func() bool { _, err := s.Failover(t.Context(), "m", FailoverOptions{}); return err == nil })
			acknowledged := writer.end()
			resptest.Eventually(t, "the new address", func() bool {
				return masters(s)[0].Addr == target.Addr()
			})
			if got := getNumber(t, target.Addr()); got < acknowledged {
				t.Errorf("write %d was acknowledged, and the new master has %d", acknowledged, got)
			}
			for _, r := range []*fakeredis.Server{old, third} {
				resptest.Eventually(t, "the replicas follow the new master", func() bool {
					info := resptest.Dial(t, "tcp", r.Addr()).Do("INFO")
					return strings.Contains(info, "master_port:"+strconv.Itoa(target.Port())+"\n") && strings.Contains(info, "master_link_status:up")
				})
			}
			if info := resptest.Dial(t, "tcp", target.Addr()).Do("INFO stats"); !strings.Contains(info, "sync_full:0\n") {
				t.Errorf("the new master gave a full copy:\n%s", info)
			}
			if got := resptest.Dial(t, "tcp", old.Addr()).Do("SET k late"); !strings.HasPrefix(got, "-READONLY") {
				t.Errorf("a write to the old master: %s", got)
			}
			resptest.Eventually(t, "the switchover ends", func() bool { return masters(s)[0].Failover == "" })
			if all := events(); strings.Contains(all, "+switchover-degraded") != (c.degraded != "") || !strings.Contains(all, c.degraded) {
				t.Errorf("want a word about %q, events:\n%s", c.degraded, all)
			}
		})
	}
}

func startFakeWith(t *testing.T, cfg fakeredis.Config) *fakeredis.Server {
	t.Helper()
	cfg.Addr = "127.0.0.1:0"
	s, err := fakeredis.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// runEmbedded runs a Sentinel until the end of the test. The function that it returns
// ends it sooner, and returns its events, one on each line.
func runEmbedded(t *testing.T, masters ...MasterConfig) (s *Sentinel, end func() string) {
	t.Helper()
	s, err := New(Config{Listen: "127.0.0.1:0", Masters: masters})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	lines := make(chan string, 1)
	go func() {
		var list strings.Builder
		for ev := range s.Events(ctx) {
			list.WriteString(ev.String() + "\n")
		}
		lines <- list.String()
	}()
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	all, ended := "", false
	end = func() string {
		if !ended {
			ended = true
			cancel()
			<-ran
			all = <-lines
		}
		return all
	}
	t.Cleanup(func() { end() })
	return s, end
}

// masters returns the masters that s watches; none before it runs.
func masters(s *Sentinel) []Master {
	list, _ := s.Masters(context.Background())
	return list
}

// writer writes ever greater numbers to one server until it is refused or cut.
type writer struct{ last chan int }

// startWriter returns when the first number is acknowledged.
func startWriter(t *testing.T, addr string) *writer {
	conn := resptest.Dial(t, "tcp", addr)
	if got := conn.Do("SET k 0"); got != "+OK\n" {
		t.Fatal(got)
	}
	w := &writer{last: make(chan int, 1)}
	go func() {
		for n := 1; ; n++ {
			if _, err := conn.Write([]byte("SET k " + strconv.Itoa(n) + "\r\n")); err == nil {
				if got, _ := conn.Value(); got == "+OK\n" {
					continue
				}
			}
			w.last <- n - 1
			return
		}
	}()
	return w
}

// end waits for the end of the writer and returns the last number that was
// acknowledged.
func (w *writer) end() int { return <-w.last }

func getNumber(t *testing.T, addr string) int {
	t.Helper()
	_, text, _ := strings.Cut(resptest.Dial(t, "tcp", addr).Do("GET k"), "\n")
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestSwitchoverToTheNamedReplica: an operator may name a replica that would not be
// chosen, and hears what is wrong with a name.
func TestSwitchoverToTheNamedReplica(t *testing.T) {
	old := startFakeWith(t, fakeredis.Config{})
	first := startFakeWith(t, fakeredis.Config{ReplicaOf: old.Addr()})
	named := startFakeWith(t, fakeredis.Config{ReplicaOf: old.Addr(), Priority: fakeredis.NeverPromote})
	s, _ := runEmbedded(t, MasterConfig{Name: "m", Addr: old.Addr(), Quorum: 1, DownAfter: 4 * time.Second})
	resptest.Eventually(t, "the Sentinel knows both replicas", func() bool {
		views := masters(s)
		return len(views) == 1 && views[0].Replicas == 2
	})
	resptest.Eventually(t, "the Sentinel listens", func() bool { return s.Addr() != nil })
	cl := resptest.Dial(t, "tcp", s.Addr().String())
	to := func(port int) string { return "SENTINEL FAILOVER m COORDINATED TO 127.0.0.1 " + strconv.Itoa(port) }
	if got := cl.Do(to(1)); !strings.HasPrefix(got, "-ERR") || !strings.Contains(got, "is not a replica") {
		t.Errorf("to a server that is no replica: %s", got)
	}
	resptest.Eventually(t, "the switchover begins", func() bool { return cl.Do(to(named.Port())) == "+OK\n" })
	resptest.Eventually(t, "the new address", func() bool {
		return masters(s)[0].Addr == named.Addr()
	})
	resptest.Eventually(t, "the other one follows", func() bool {
		return strings.Contains(resptest.Dial(t, "tcp", first.Addr()).Do("INFO"), "master_port:"+strconv.Itoa(named.Port())+"\n")
	})
}

// TestSwitchoverWaitsForACopy: a replica that is about to be filled is waited for, and
// nothing is sent to the master meanwhile but PING and INFO.
func TestSwitchoverWaitsForACopy(t *testing.T) {
	old := startFakeWith(t, fakeredis.Config{Parameters: map[string]string{"repl-diskless-sync-delay": "2"}})
	resptest.Dial(t, "tcp", old.Addr()).Do("SET k 1")
	target := startFakeWith(t, fakeredis.Config{ReplicaOf: old.Addr()})
	s, events := runEmbedded(t, MasterConfig{Name: "m", Addr: old.Addr(), Quorum: 1, DownAfter: 4 * time.Second})
	resptest.Eventually(t, "the Sentinel listens", func() bool { return s.Addr() != nil })
	cl := resptest.Dial(t, "tcp", s.Addr().String())
	resptest.Eventually(t, "the failover is accepted", func() bool { return cl.Do("SENTINEL FAILOVER m") == "+OK\n" })
	if got := cl.Do("SENTINEL MASTER m"); !strings.Contains(got, "failover_in_progress") {
		t.Errorf("while it waits:\n%s", got)
	}
	if got := cl.Do("SENTINEL FAILOVER m"); !strings.HasPrefix(got, "-INPROG") {
		t.Errorf("a second one: %s", got)
	}
	if got := resptest.Dial(t, "tcp", old.Addr()).Do("SET k 2"); got != "+OK\n" {
		t.Errorf("a write meanwhile: %s", got)
	}
	resptest.Eventually(t, "the new address", func() bool {
		return masters(s)[0].Addr == target.Addr()
	})
	if got := getNumber(t, target.Addr()); got != 2 {
		t.Errorf("the new master has %d", got)
	}
	if all := events(); !strings.Contains(all, "+switchover-wait master m ") {
		t.Errorf("no word about the wait:\n%s", all)
	}
}
