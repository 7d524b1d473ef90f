package proxy

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/discovery"
)

// TestHeldInOrder: requests wait for a master, and then arrive in order.
func TestHeldInOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		c := r.connect()
		c.send("SET k 1", "GET k", "INCR n")
		c.quiet()
		time.Sleep(14 * time.Second)
		c.quiet()
		r.view.set("a")
		c.want("+OK", "+GET k", "+INCR n")
		if got := r.servers["a"].log(); got != "SET k 1, GET k, INCR n" {
			t.Errorf("the server saw %s", got)
		}
		if r.p.site.Load().groups["cache"].held.Load() != 0 {
			t.Error("bytes count as held though nothing is")
		}
	})
}

// TestHeldTooLong: after the time-out there is an error, at once for those who come
// later, and none any more when a master is there.
func TestHeldTooLong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		c, start := r.connect(), time.Now()
		c.send("GET k", "SET k 1")
		c.want("-ERR proxy: no master of \"cache\" for 15s: ...", "-ERR proxy: no master...")
		if d := time.Since(start); d != 15*time.Second {
			t.Errorf("refused after %v", d)
		}
		c.send("GET k", "MULTI")
		c.want("-ERR proxy: no master...", "-ERR proxy: no master...")
		if d := time.Since(start); d != 15*time.Second {
			t.Errorf("refused after %v", d)
		}
		r.view.set("a")
		synctest.Wait()
		d := r.connect()
		d.send("GET k")
		d.want("+GET k")
	})
}

// TestHoldBuffer: what is too much is refused and named, and the rest goes on waiting.
func TestHoldBuffer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Hold.Bytes = 1000 })
		defer r.stop()
		c := r.connect()
		c.send("SET a "+strings.Repeat("x", 500), "SET b "+strings.Repeat("x", 500))
		c.quiet() // the order of replies is kept
		d := r.connect()
		d.send("SET c " + strings.Repeat("x", 500))
		d.want("-ERR proxy: hold buffer full: 1000B wait already for the master of \"cache\" (hold.bytes)")
		r.view.set("a")
		c.want("+OK", "-ERR proxy: hold buffer full...")
		if n := r.p.counts.Full.Load(); n != 2 {
			t.Errorf("%d requests counted", n)
		}
	})
}

// TestInflight: what was sent and not answered follows the policy, and what was not sent
// is sent.
func TestInflight(t *testing.T) {
	for _, c := range []struct {
		policy  Inflight
		command string
		again   bool
	}{
		{InflightError, "GET k", false}, {InflightError, "SET k v", false}, {InflightError, "INCR n", false},
		{RetryIdempotent, "GET k", true}, {RetryIdempotent, "SET k v", false}, {RetryIdempotent, "MSET k v", false},
		{RetryIdempotent, "INCR n", false}, {RetryIdempotent, "PUBLISH c m", false},
		{RetryIdempotent, "EVAL x 0", false}, {RetryIdempotent, "BLPOP l 0", false}, {RetryIdempotent, "NEWCOMMAND", false},
		{RetryAll, "SET k v", true}, {RetryAll, "INCR n", true}, {RetryAll, "BLPOP l 0", true},
	} {
		t.Run(fmt.Sprintf("%s %s", c.policy, c.command), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, func(cfg *Config) { cfg.Hold.Inflight = c.policy })
				defer r.stop()
				a := r.servers["a"]
				a.reply = func(int, []string) string { return "" }
				r.view.set("a")
				p := r.connect()
				p.send(c.command)
				synctest.Wait()
				if a.log() != c.command {
					t.Fatalf("the server saw %q", a.log())
				}
				a.kill()
				synctest.Wait()
				r.view.set("b")
				p.send("ECHO x")
				if c.again {
					p.want("+"+strings.TrimPrefix(plainAnswer(strings.Fields(c.command))[1:len(plainAnswer(strings.Fields(c.command)))-2], "+"), "+ECHO x")
				} else {
					p.want("-"+unknownOutcome, "+ECHO x")
				}
			})
		})
	}
}

// TestSentAgainSeldom: what every server ends the connection for does not go on for ever, and
// what is meant for one server does not go to the next.
func TestSentAgainSeldom(t *testing.T) {
	for command, want := range map[string]int{"GET k": 4, "INCR n": 4, "POST / HTTP/1.1": 4, "SHUTDOWN": 1, "DEBUG SEGFAULT": 1, "FAILOVER": 1, "REPLICAOF NO ONE": 1} {
		t.Run(command, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, func(cfg *Config) { cfg.Hold.Inflight = RetryAll })
				defer r.stop()
				a, n := r.servers["a"], 0
				a.reply = func(_ int, w []string) string {
					if w[0] != "ECHO" {
						n++
						return "close"
					}
					return plainAnswer(w)
				}
				r.view.set("a")
				p := r.connect()
				p.send(command)
				p.want("-" + unknownOutcome)
				if n != want {
					t.Errorf("it was sent %d times, want %d", n, want)
				}
				p.send("ECHO x")
				p.want("+ECHO x")
			})
		})
	}
}

// TestRefusals: what a server says that has done nothing makes the request wait for one
// that does. What came behind it is not answered before it.
func TestRefusals(t *testing.T) {
	for _, text := range []string{
		"READONLY You can't write against a read only replica.", "LOADING Redis is loading the dataset in memory",
		"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "NOREPLICAS Not enough good replicas to write.",
		"UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
	} {
		t.Run(strings.Fields(text)[0], func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t)
				defer r.stop()
				r.servers["a"].reply = func(_ int, w []string) string {
					if w[0] == "GET" {
						return "+stale\r\n"
					}
					return "-" + text + "\r\n"
				}
				r.view.set("a")
				c := r.connect()
				c.send("SET k 1", "GET k", "BLPOP l 0")
				c.quiet()
				time.Sleep(3 * time.Second)
				c.quiet()
				r.view.set("b")
				c.want("+OK", "+GET k", "+BLPOP l 0")
			})
		})
	}
	t.Run("in vain", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t)
			defer r.stop()
			r.servers["a"].reply = func(int, []string) string { return "-NOREPLICAS Not enough good replicas to write.\r\n" }
			r.view.set("a")
			c := r.connect()
			c.send("SET k 1")
			c.want("-NOREPLICAS Not enough good replicas to write.")
		})
	})
	t.Run("for a moment", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t)
			defer r.stop()
			a, start := r.servers["a"], time.Now()
			a.reply = func(_ int, w []string) string {
				if time.Since(start) < time.Second {
					return "-LOADING Redis is loading the dataset in memory\r\n"
				}
				return plainAnswer(w)
			}
			r.view.set("a")
			c := r.connect()
			c.send("SET k 1", "SET k 2", "INCR n")
			c.want("+OK", "+OK", "+INCR n")
			if d := time.Since(start); d > 2*time.Second {
				t.Errorf("it took %v", d)
			}
			if n := len(a.seen); n > 20 {
				t.Errorf("%d requests were sent to a server that is loading", n)
			}
		})
	})
}

// TestCutAfterReadonly: at the end of a planned switchover the former master cuts its clients,
// and what it has not read yet is lost. A server that has said READONLY has not executed
// that, so it is sent to the new one, in order. Other refusals may end by themselves.
func TestCutAfterReadonly(t *testing.T) {
	for _, c := range []struct {
		says  string
		again bool
	}{{"READONLY You can't write", true}, {"LOADING it loads", false}} {
		bubble(t, func(t *testing.T) {
			r := newRig(t)
			defer r.stop()
			a := r.servers["a"]
			a.reply = func(_ int, w []string) string {
				switch w[1] {
				case "one":
					return "-" + c.says + "\r\n"
				case "two":
					return "close"
				}
				return plainAnswer(w)
			}
			r.view.set("a")
			p := r.connect()
			p.send("INCR zero") // no connection is new
			p.want("+INCR zero")
			p.send("INCR one", "INCR two", "INCR three")
			synctest.Wait()
			r.view.set("b")
			if c.again {
				p.want("+INCR one", "+INCR two", "+INCR three")
			} else {
				p.want("+INCR one", "-"+unknownOutcome, "-"+unknownOutcome)
			}
			want := "INCR one"
			if c.again {
				want += ", INCR two, INCR three"
			}
			if got := r.servers["b"].log(); got != want {
				t.Errorf("%s: the new master has executed %s", c.says, got)
			}
		})
	}
}

// TestOldMaster: a master that has been replaced gets no request any more, though it
// says that it is one.
func TestOldMaster(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		a, b := r.servers["a"], r.servers["b"]
		r.view.set("a")
		c := r.connect()
		c.send("SET k 1")
		c.want("+OK")
		a.kill()
		r.view.set("b")
		synctest.Wait()
		a.do(func() { a.up, a.seen = true, nil })
		c.send("SET k 2")
		c.want("+OK")
		b.kill() // the Sentinels have not noticed yet
		synctest.Wait()
		c.send("SET k 3")
		c.quiet()
		b.do(func() { b.up, b.role = true, "slave" })
		time.Sleep(time.Second)
		c.quiet()
		b.do(func() { b.role = "master" })
		c.want("+OK")
		if a.log() != "" {
			t.Errorf("the old master saw %q", a.log())
		}
	})
}

// TestNotVerified: a connection that ended is not made again before Sentinels have said
// that the master is still the one, unless none of them answers.
func TestNotVerified(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		a := r.servers["a"]
		r.view.set("a")
		c := r.connect()
		c.send("PING")
		c.want("+PING")
		r.view.silent = true
		a.do(func() { // it restarts
			for conn := range a.conns {
				conn.Close()
			}
		})
		start := time.Now()
		c.send("GET k")
		c.want("+GET k")
		if d := time.Since(start); d < confirmTime {
			t.Errorf("it was used after %v", d)
		}
	})
}

// TestFrozen: requests that a frozen master has taken are not answered by it later.
func TestFrozen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		a := r.servers["a"]
		a.reply = func(int, []string) string { return "" }
		r.view.set("a")
		c := r.connect()
		c.send("GET k", "INCR n")
		synctest.Wait()
		a.do(func() { a.role = "frozen" })
		start := time.Now()
		r.view.set("b")
		c.want("+GET k", "-ERR proxy: the connection to the master ended...")
		if d := time.Since(start); d > 2*retireGrace {
			t.Errorf("it took %v", d)
		}
	})
}

// TestBlockedAtFormerMaster: who waits in BLPOP at a server that goes on living, and is the
// master no more, waits on at the new one. A write that it does not answer has another fate.
func TestBlockedAtFormerMaster(t *testing.T) {
	for command, want := range map[string]string{"BLPOP l 0": "+BLPOP l 0", "XREAD BLOCK 0 STREAMS s 0": "+XREAD BLOCK 0 STREAMS s 0", "INCR n": "-" + unknownOutcome} {
		bubble(t, func(t *testing.T) {
			r := newRig(t)
			defer r.stop()
			r.servers["a"].reply = func(int, []string) string { return "" }
			r.view.set("a")
			c := r.connect()
			c.send(command)
			synctest.Wait()
			r.view.set("b") // a is told to be its replica when it has been seen, perhaps 10 s later
			c.want(want)
		})
	}
}

// TestPaused: in a planned switchover the former master is paused until it is a
// replica, and then says that it has done nothing. That is waited for, also on a busy machine,
// where it takes long to say once more that it is there.
func TestPaused(t *testing.T) {
	for name, slow := range map[string]time.Duration{"quick": 0, "slow": 20 * retireGrace} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t)
				defer r.stop()
				a := r.servers["a"]
				a.reply = func(int, []string) string { return "" }
				r.view.set("a")
				c := r.connect()
				c.send("INCR n")
				synctest.Wait()
				a.do(func() { a.role, a.delay = "slave", func([]string) time.Duration { return slow } })
				r.view.step(discovery.ServerStatus{Addr: "a:6379", Role: "slave"})
				time.Sleep(retireGrace / 2)
				r.view.set("b")
				time.Sleep(10 * retireGrace)
				c.quiet()
				a.do(func() {
					for conn := range a.conns {
						_, _ = conn.Write([]byte("-READONLY You can't write against a read only replica.\r\n")) // one of them waits
					}
				})
				c.want("+INCR n")
			})
		})
	}
}

// TestCutByRole: a switchover ends with the former master cutting its clients. What one
// of them had sent by then is read by nobody, and sent to the next master. Where the server
// is another process, or a master, the request may have been executed.
func TestCutByRole(t *testing.T) {
	const unknown = "-" + unknownOutcome
	for name, test := range map[string]struct {
		then func(*scripted)
		want string
	}{
		"half a reply": {func(s *scripted) {
			s.role = "slave"
			for conn := range s.conns {
				_, _ = conn.Write([]byte("$5\r\nab"))
			}
		}, unknown},
		"replica":       {func(s *scripted) { s.role = "slave" }, "+INCR n"},
		"restarted":     {func(s *scripted) { s.role, s.runID = "slave", "another" }, unknown},
		"master":        {func(s *scripted) {}, unknown},
		"gone":          {func(s *scripted) { s.role, s.up = "slave", false }, unknown},
		"answers later": {func(s *scripted) { s.role, s.delay = "slave", func([]string) time.Duration { return roleGrace / 4 } }, "+INCR n"},
		"never answers": {func(s *scripted) { s.role = "frozen" }, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t)
				defer r.stop()
				a := r.servers["a"]
				a.reply = func(int, []string) string { return "" }
				r.view.set("a")
				c := r.connect()
				c.send("INCR n")
				synctest.Wait()
				a.do(func() {
					test.then(a)
					for conn := range a.conns {
						conn.Close()
					}
				})
				r.view.set("b")
				c.want(test.want)
			})
		})
	}
}
