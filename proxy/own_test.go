package proxy

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/internal/resp"
)

// TestTransaction: a transaction that loses its connection is begun again, and one that
// watched keys is aborted, as if a key had changed.
func TestTransaction(t *testing.T) {
	type step struct {
		send, want string
	}
	for _, c := range []struct {
		name   string
		before []step
		after  []step
		saw    string // by the second server
	}{
		{"plain", []step{{"MULTI", "+OK"}, {"SET k 1", "+OK"}}, []step{{"INCR n", "+INCR n"}, {"EXEC", "+EXEC"}}, "MULTI, SET k 1, INCR n, EXEC"},
		{"watch", []step{{"WATCH k", "+OK"}, {"GET k", "+GET k"}}, []step{{"MULTI", "+OK"}, {"SET k 1", "+OK"}, {"EXEC", "[]"}, {"EXEC", "+EXEC"}},
			"MULTI, SET k 1, DISCARD, EXEC"},
		{"watch, multi", []step{{"WATCH k", "+OK"}, {"MULTI", "+OK"}, {"SET k 1", "+OK"}}, []step{{"EXEC", "[]"}, {"GET k", "+GET k"}}, "MULTI, DISCARD, GET k"},
		{"unwatch", []step{{"WATCH k", "+OK"}}, []step{{"UNWATCH", "+UNWATCH"}, {"MULTI", "+OK"}, {"EXEC", "+EXEC"}}, "UNWATCH, MULTI, EXEC"},
		{"discard", []step{{"MULTI", "+OK"}, {"SET k 1", "+OK"}}, []step{{"DISCARD", "+OK"}, {"GET k", "+GET k"}}, "MULTI, SET k 1, DISCARD, GET k"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t)
				defer r.stop()
				r.view.set("a")
				p := r.connect()
				for _, s := range c.before {
					p.send(s.send)
					p.want(s.want)
				}
				r.servers["a"].kill()
				synctest.Wait()
				r.view.set("b")
				for _, s := range c.after {
					p.send(s.send)
					p.want(s.want)
				}
				if got := r.servers["b"].log(); got != c.saw {
					t.Errorf("the server saw %s, want %s", got, c.saw)
				}
			})
		})
	}
}

// TestSelectInTransaction: a client is in another database when the transaction has been
// executed, and the server has taken the SELECT.
func TestSelectInTransaction(t *testing.T) {
	for _, c := range []struct {
		name, exec string
		selects    []string
		db         string // of the requests that follow; "" for the first
	}{
		{"executed", "*2\r\n+OK\r\n:1\r\n", []string{"SELECT 3", "INCR n"}, "SELECT 3, "},
		{"the last one", "*3\r\n+OK\r\n:1\r\n+OK\r\n", []string{"SELECT 3", "INCR n", "SELECT 4"}, "SELECT 4, "},
		{"a key has changed", "*-1\r\n", []string{"SELECT 3", "INCR n"}, ""},
		{"no such database", "*2\r\n:1\r\n-ERR DB index is out of range\r\n", []string{"INCR n", "SELECT 99"}, ""},
		{"one of two", "*3\r\n+OK\r\n*1\r\n+x\r\n-ERR DB index is out of range\r\n", []string{"SELECT 3", "LRANGE l 0 1", "SELECT 99"}, "SELECT 3, "},
		{"not queued", "-EXECABORT Transaction discarded because of previous errors.\r\n", []string{"SELECT 3", "INCR n"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t)
				defer r.stop()
				inTx := false
				r.servers["a"].reply = func(_ int, w []string) string {
					switch {
					case w[0] == "MULTI":
						inTx = true
					case w[0] == "EXEC":
						inTx = false
						return c.exec
					case inTx:
						return "+QUEUED\r\n"
					}
					return plainAnswer(w)
				}
				r.view.set("a")
				p := r.connect()
				p.send(append(append([]string{"MULTI"}, c.selects...), "EXEC")...)
				for range len(c.selects) + 2 {
					p.next()
				}
				p.send("GET k")
				p.want("+GET k")
				if got := r.servers["a"].log(); !strings.HasSuffix(got, "EXEC, "+c.db+"GET k") {
					t.Errorf("the server saw %s", got)
				}
			})
		})
	}
}

// TestBlockedClientLeaves: a client that waits in BLPOP, and has sent more, is gone when its
// connection is: otherwise an element would be taken for nobody.
func TestBlockedClientLeaves(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		a := r.servers["a"]
		a.reply = func(_ int, w []string) string {
			if w[0] == "BLPOP" {
				return ""
			}
			return plainAnswer(w)
		}
		r.view.set("a")
		other := r.connect()
		other.send("GET k")
		other.want("+GET k")
		before := len(a.conns)
		for _, commands := range [][]string{{"BLPOP l 0"}, {"BLPOP l 0", "GET k"}, {"SET k 1", "BLPOP l 0", "GET k"}, {"MULTI", "EXEC", "XREAD BLOCK 0 STREAMS s 0", "GET k"}} {
			p := r.connect()
			p.send(commands...)
			synctest.Wait()
			p.nc.Close()
			synctest.Wait()
			a.do(func() { before = min(before, len(a.conns)) })
		}
		if n := r.p.crowd.Load(); n != 1 {
			t.Errorf("%d clients are there", n)
		}
	})
}

// TestExecInFlight: nobody knows whether it was executed. The transaction is over: what
// follows must not be queued by what was begun again of it.
func TestExecInFlight(t *testing.T) {
	const unknown = "-ERR proxy: the connection to the master ended..."
	for _, c := range []struct {
		name   string
		closes string // at this command, the first connection ends
		steps  [][]string
		want   []string
		saw    string // the connections after the first one
	}{
		{
			"in one write", "MULTI", [][]string{{"MULTI", "SET k 1", "EXEC", "SET k 2", "MULTI", "SET k 3", "EXEC"}},
			[]string{"+OK", "+QUEUED", unknown, "+OK", "+OK", "+QUEUED", "+EXEC"}, "SET k 2, MULTI, SET k 3, EXEC",
		},
		{
			"begun before", "EXEC", [][]string{{"MULTI"}, {"SET k 1"}, {"EXEC"}, {"SET k 2"}, {"MULTI"}, {"SET k 3"}, {"EXEC"}},
			[]string{"+OK", "+QUEUED", unknown, "+OK", "+OK", "+QUEUED", "+EXEC"}, "SET k 2, MULTI, SET k 3, EXEC",
		},
		{
			"with WATCH", "EXEC", [][]string{{"WATCH k"}, {"MULTI", "SET k 1", "EXEC"}, {"MULTI", "SET k 3", "EXEC"}},
			[]string{"+OK", "+OK", "+QUEUED", unknown, "+OK", "+QUEUED", "+EXEC"}, "MULTI, SET k 3, EXEC",
		},
		{
			"discarded", "MULTI", [][]string{{"MULTI", "SET k 1", "DISCARD", "MULTI", "SET k 2", "EXEC", "SET k 3"}},
			[]string{"+OK", "+QUEUED", "+OK", "+OK", "+QUEUED", unknown, "+OK"}, "SET k 3",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t)
				defer r.stop()
				inTx, lost := map[int]bool{}, -1
				var saw []string
				r.servers["a"].reply = func(n int, w []string) string {
					if lost < 0 && w[0] == c.closes {
						lost = n
						return "close"
					}
					if lost >= 0 {
						saw = append(saw, strings.Join(w, " "))
					}
					if w[0] == "MULTI" && inTx[n] {
						return "-ERR MULTI calls can not be nested\r\n"
					}
					queued := inTx[n] && w[0] != "EXEC" && w[0] != "DISCARD"
					if inTx[n] = w[0] == "MULTI" || queued; queued {
						return "+QUEUED\r\n"
					}
					return plainAnswer(w)
				}
				r.view.set("a")
				p := r.connect()
				rest := c.want
				for _, commands := range c.steps {
					p.send(commands...)
					p.want(rest[:len(commands)]...)
					rest = rest[len(commands):]
				}
				r.servers["a"].do(func() {
					if got := strings.Join(saw, ", "); got != c.saw {
						t.Errorf("the server saw %s, want %s", got, c.saw)
					}
				})
			})
		})
	}
}

// TestTransactionIsHeldTooLong: what would follow must not be executed one by one.
func TestTransactionIsHeldTooLong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Hold.Bytes = 1000 })
		defer r.stop()
		r.view.set("a")
		begun, whole, full := r.connect(), r.connect(), r.connect()
		for _, p := range []*app{begun, full} {
			p.send("MULTI")
			p.want("+OK")
		}
		r.servers["a"].kill()
		r.view.set("")
		synctest.Wait()
		begun.send("SET k 1")
		whole.send("MULTI", "SET k 2", "EXEC")
		full.send("SET k "+strings.Repeat("x", 1000), "SET k 3")
		full.want("-ERR proxy: hold buffer full...", "closed")
		begun.want("-ERR proxy: no master of...", "closed")
		whole.want("-ERR proxy: no master of...", "-ERR proxy: no master of...", "-ERR proxy: no master of...")
		r.view.set("b")
		synctest.Wait()
		whole.send("MULTI", "SET k 4", "EXEC")
		whole.want("+OK", "+OK", "+EXEC")
		if got := r.servers["b"].log(); got != "MULTI, SET k 4, EXEC" {
			t.Errorf("the server saw %s", got)
		}
	})
}

// TestTrackingIsHeldTooLong: the next server is told of it all the same.
func TestTrackingIsHeldTooLong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.view.set("a")
		p := r.connect()
		p.send("HELLO 3")
		p.next()
		p.send("CLIENT TRACKING ON")
		p.want("+CLIENT TRACKING ON")
		r.servers["a"].kill()
		r.view.set("")
		synctest.Wait()
		p.send("GET k")
		for got := ""; !strings.HasPrefix(got, "-ERR proxy: no master of"); {
			if got = p.next(); got == "closed" {
				t.Fatal("the client is cut")
			}
		}
		r.view.set("b")
		synctest.Wait()
		p.send("GET k")
		for got := ""; got != "+GET k"; {
			if got = p.next(); got == "closed" {
				t.Fatal("the client is cut")
			}
		}
		got := strings.ReplaceAll(r.servers["b"].log(), "HELLO 3, ", "") // the shared connection may come up at any moment
		if !strings.HasSuffix(got, "CLIENT TRACKING ON, GET k") {
			t.Errorf("the server saw %s", got)
		}
	})
}

// TestExecRefused: a transaction that a server has refused is sent once more as a whole.
func TestExecRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.servers["a"].reply = func(_ int, w []string) string {
			if w[0] == "EXEC" {
				return "-EXECABORT Transaction discarded because of: READONLY You can't write against a read only replica.\r\n"
			}
			return plainAnswer(w)
		}
		r.view.set("a")
		p := r.connect()
		p.send("MULTI", "SET k 1", "EXEC")
		p.want("+OK", "+OK")
		p.quiet()
		r.view.set("b")
		p.want("+EXEC")
		if got := r.servers["b"].log(); got != "MULTI, SET k 1, EXEC" {
			t.Errorf("the server saw %s", got)
		}
	})
}

// TestShared: clients share a connection, and those that change its state have one of
// their own, which others use later.
func TestShared(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		a := r.servers["a"]
		var conns []int
		a.reply = func(n int, w []string) string {
			conns = append(conns, n)
			return plainAnswer(w)
		}
		r.view.set("a")
		one, two := r.connect(), r.connect()
		one.send("GET k")
		one.next()
		synctest.Wait()
		shared := conns[0]
		for _, s := range []struct {
			c       *app
			command string
			shared  bool
		}{
			{one, "GET k", true}, {two, "GET k", true}, {one, "MULTI", false}, {two, "GET k", true}, {one, "EXEC", false}, {one, "GET k", true},
			{two, "BLPOP l 0", false}, {two, "GET k", true}, {one, "XREAD STREAMS s 0", true}, {one, "XREAD BLOCK 0 STREAMS s 0", false},
			{one, "CLIENT LIST", true}, {one, "CLIENT NO-EVICT on", false}, {one, "GET k", false}, {two, "GET k", true},
			{two, "FROBNICATE", false}, {two, "GET k", false},
		} {
			conns = nil
			s.c.send(s.command)
			s.c.next()
			synctest.Wait()
			a.do(func() {
				if len(conns) != 1 || (conns[0] == shared) != s.shared {
					t.Errorf("%s came by connection %v, want the shared one: %v", s.command, conns, s.shared)
				}
			})
		}
		if a.n > 6 {
			t.Errorf("%d connections were made", a.n)
		}
	})
}

// TestNoOvertaking: a request on another connection waits for the replies of the ones
// before.
func TestNoOvertaking(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		a := r.servers["a"]
		a.reply = func(_ int, w []string) string {
			if w[0] == "SET" {
				return ""
			}
			return plainAnswer(w)
		}
		r.view.set("a")
		c := r.connect()
		c.send("SET k 1", "MULTI", "GET k", "EXEC")
		c.quiet()
		if got := a.log(); got != "SET k 1" {
			t.Errorf("the server saw %s", got)
		}
	})
}

// subscriber is a server's reply function with channels that nobody publishes to.
func subscriber(_ int, w []string) string {
	var b strings.Builder
	switch w[0] {
	case "SUBSCRIBE", "PSUBSCRIBE", "UNSUBSCRIBE":
		for i, ch := range w[1:] {
			b.WriteString("*3\r\n")
			b.Write(resp.AppendBulk(nil, []byte(strings.ToLower(w[0]))))
			b.Write(resp.AppendBulk(nil, []byte(ch)))
			b.WriteString(":" + string(rune('1'+i)) + "\r\n")
		}
		return b.String()
	case "PING":
		return "*2\r\n$4\r\npong\r\n$0\r\n\r\n"
	}
	return plainAnswer(w)
}

// TestSubscriptions: they are made again, the subscriber hears nothing of it unless it
// wants to, and what was not confirmed is confirmed.
func TestSubscriptions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		a, b := r.servers["a"], r.servers["b"]
		a.reply, b.reply = subscriber, subscriber
		r.view.set("a")
		c := r.connect()
		c.send("SUBSCRIBE news +switch-master", "PSUBSCRIBE n*", "UNSUBSCRIBE other")
		c.want("[$subscribe $news :1]", "[$subscribe $+switch-master :2]", "[$psubscribe $n* :1]", "[$unsubscribe $other :1]")
		c.send("PING")
		c.want("[$pong $]")
		a.do(func() { a.reply = func(int, []string) string { return "" } })
		c.send("SUBSCRIBE late")
		synctest.Wait()
		a.kill()
		r.view.set("b")
		c.want("[$message $+switch-master $cache a 6379 b 6379]", "[$subscribe $late :1]")
		if got := b.log(); !strings.Contains(got, "PSUBSCRIBE n*, SUBSCRIBE late") || !strings.Contains(got, "news") {
			t.Errorf("the server saw %s", got)
		}
		b.do(func() {
			for conn := range b.conns {
				_, _ = conn.Write([]byte("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n")) // one of them is the subscriber's
			}
		})
		c.want("[$message $news $hi]")
	})
}

// TestSubscribeInTransaction: who has subscribed in a transaction is a subscriber after it,
// and is one of the next master too. If it is not executed, the client is none.
func TestSubscribeInTransaction(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		a, b := r.servers["a"], r.servers["b"]
		inTx := false
		a.reply = func(n int, w []string) string {
			switch {
			case w[0] == "MULTI":
				inTx = true
			case w[0] == "DISCARD":
				inTx = false
			case w[0] == "EXEC":
				inTx = false
				return "*3\r\n*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n+OK\r\n*3\r\n$10\r\npsubscribe\r\n$2\r\nn*\r\n:2\r\n"
			case inTx:
				return "+QUEUED\r\n"
			}
			return subscriber(n, w)
		}
		b.reply = subscriber
		r.view.set("a")
		c, other := r.connect(), r.connect()
		other.send("MULTI", "SUBSCRIBE news", "DISCARD", "GET k")
		other.want("+OK", "+QUEUED", "+OK", "+GET k")
		c.send("MULTI", "SUBSCRIBE news", "SET k 1", "PSUBSCRIBE n*", "EXEC", "PING")
		c.want("+OK", "+QUEUED", "+QUEUED", "+QUEUED", "[[$subscribe $news :1] +OK [$psubscribe $n* :2]]", "[$pong $]")
		a.do(func() {
			for conn := range a.conns {
				_, _ = conn.Write([]byte("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n")) // one of them is the subscriber's
			}
		})
		c.want("[$message $news $hi]")
		a.kill()
		r.view.set("b")
		c.send("SUBSCRIBE late")
		c.want("[$subscribe $late :1]")
		if got := b.log(); !strings.Contains(got, "SUBSCRIBE news, PSUBSCRIBE n*, SUBSCRIBE late") {
			t.Errorf("the server saw %s", got)
		}
	})
}

// TestScriptKill: what ends a script overtakes it, in whatever database the client is. A new
// connection that it needs for that is not asked its role, which a busy server does not tell.
func TestScriptKill(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		a := r.servers["a"]
		a.reply = func(_ int, w []string) string {
			switch w[0] {
			case "EVAL":
				a.busy = true
			case "SCRIPT", "FUNCTION":
				a.busy = false
				return "+OK\r\n"
			}
			return plainAnswer(w)
		}
		a.delay = func(w []string) time.Duration {
			if w[0] == "EVAL" {
				return time.Minute
			}
			return 0
		}
		r.view.set("a")
		for _, kill := range []string{"SCRIPT KILL", "FUNCTION KILL"} {
			p, q := r.connect(), r.connect()
			q.send("SELECT 3")
			q.want("+OK")
			p.send("EVAL x 0")
			synctest.Wait()
			start := time.Now()
			q.send(kill, "GET k")
			q.want("+OK", "+GET k")
			if took := time.Since(start); took > time.Second {
				t.Errorf("%s took %v", kill, took)
			}
			p.want("+EVAL x 0")
		}
	})
}

// TestSubscriberWrites: with RESP3 a subscriber may write too, and no write of it is
// executed twice.
func TestSubscriberWrites(t *testing.T) {
	for _, c := range []struct {
		policy Inflight
		want   []string
	}{
		{RetryIdempotent, []string{"-" + unknownOutcome, "-" + unknownOutcome, "+GET b", "+INCR m"}},
		{RetryAll, []string{"+GET a", "+INCR n", "+GET b", "+INCR m"}},
	} {
		t.Run(string(c.policy), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, func(cfg *Config) { cfg.Hold.Inflight = c.policy })
				defer r.stop()
				a, b := r.servers["a"], r.servers["b"]
				a.reply, b.reply = subscriber, subscriber
				r.view.set("a")
				p := r.connect()
				p.send("SUBSCRIBE news")
				p.want("[$subscribe $news :1]")
				a.do(func() { a.reply = func(int, []string) string { return "" } })
				p.send("GET a", "INCR n", "GET b")
				synctest.Wait()
				a.kill()
				synctest.Wait()
				p.send("INCR m") // there is no master: it has not been sent
				synctest.Wait()
				r.view.set("b")
				p.want(c.want...)
				if n := strings.Count(b.log(), "INCR n") + strings.Count(a.log(), "INCR n"); n > 1 && c.policy != RetryAll {
					t.Errorf("executed %d times", n)
				}
			})
		})
	}
}

// subscriber3 answers as a server does whose clients use RESP3.
func subscriber3(_ int, w []string) string {
	switch w[0] {
	case "SUBSCRIBE", "UNSUBSCRIBE":
		return "" + string(resp.AppendBulk(resp.AppendBulk([]byte(">3\r\n"), []byte(strings.ToLower(w[0]))), []byte(w[1]))) + ":1\r\n"
	case "LRANGE":
		return "*2\r\n$9\r\nsubscribe\r\n$4\r\nfoul\r\n"
	case "CLIENT":
		return "+OK\r\n"
	}
	return plainAnswer(w)
}

// TestSubscriberState: what a subscriber with RESP3 has changed of its connection holds on
// the next one, or the client is cut.
func TestSubscriberState(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, after []string // the commands
		want          []string // the replies to what comes after; "closed"
		saw           string   // the second server, in the end
	}{
		{"database", []string{"SELECT 3"}, []string{"GET k"}, []string{"+GET k"}, "HELLO 3, SELECT 3, SUBSCRIBE news, GET k"},
		{"tracking before", []string{"CLIENT TRACKING ON"}, []string{"GET k"}, []string{"[$invalidate _]", "+GET k"}, "HELLO 3, CLIENT TRACKING ON, SUBSCRIBE news, GET k"},
		{"transaction", []string{"MULTI", "SET k 1"}, nil, []string{"closed"}, ""},
		{"watch", []string{"WATCH k"}, nil, []string{"closed"}, ""},
		{"transaction that is over", []string{"WATCH k", "MULTI", "EXEC"}, []string{"GET k"}, []string{"+GET k"}, "HELLO 3, SUBSCRIBE news, GET k"},
		{"a list that reads like a message", []string{"LRANGE l 0 -1"}, []string{"GET k"}, []string{"+GET k"}, "HELLO 3, SUBSCRIBE news, GET k"},
		{"no subscription any more", []string{"UNSUBSCRIBE news", "SELECT 3", "MULTI", "SET k 1"}, []string{"EXEC"}, []string{"+EXEC"}, "HELLO 3, SELECT 3, MULTI, SET k 1, EXEC"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t)
				defer r.stop()
				a, b := r.servers["a"], r.servers["b"]
				var logs [16]string // of each connection to the second server
				a.reply, b.reply = subscriber3, func(n int, w []string) string {
					logs[n] += strings.Join(w, " ") + ", "
					return subscriber3(n, w)
				}
				r.view.set("a")
				p := r.connect()
				for _, w := range append([]string{"HELLO 3", "SUBSCRIBE news"}, c.before...) {
					p.send(w)
					p.next()
				}
				a.kill()
				synctest.Wait()
				r.view.set("b")
				if c.after != nil {
					p.send(c.after...)
				}
				p.want(c.want...)
				synctest.Wait()
				if c.saw != "" && !slices.Contains(logs[:], c.saw+", ") {
					t.Errorf("the server saw %q, want %s", logs, c.saw)
				}
			})
		})
	}
}

// TestSubscriberInTransaction: what a subscriber with RESP3 subscribes to in a transaction has
// one reply there, so that nothing after it waits for another, and holds if that is executed.
func TestSubscriberInTransaction(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		a, b := r.servers["a"], r.servers["b"]
		inTx := false
		a.reply = func(n int, w []string) string {
			switch {
			case w[0] == "MULTI":
				inTx = true
			case w[0] == "DISCARD":
				inTx = false
			case w[0] == "EXEC":
				inTx = false
				return "*2\r\n>3\r\n$9\r\nsubscribe\r\n$4\r\nlate\r\n:2\r\n>3\r\n$11\r\nunsubscribe\r\n$4\r\nnews\r\n:1\r\n"
			case inTx:
				return "+QUEUED\r\n"
			}
			return subscriber3(n, w)
		}
		b.reply = subscriber3
		r.view.set("a")
		p := r.connect()
		p.send("HELLO 3", "SUBSCRIBE news", "MULTI", "SUBSCRIBE never", "DISCARD")
		p.want("[+server +redis]", "[$subscribe $news :1]", "+OK", "+QUEUED", "+OK")
		p.send("MULTI", "SUBSCRIBE late", "UNSUBSCRIBE news", "EXEC", "GET k")
		p.want("+OK", "+QUEUED", "+QUEUED", "[[$subscribe $late :2] [$unsubscribe $news :1]]", "+GET k")
		p.send("HELLO 3") // which waits for every reply before it
		p.want("-ERR proxy: HELLO...")
		a.kill()
		r.view.set("b")
		p.send("GET k")
		p.want("+GET k")
		if got := b.log(); !strings.Contains(got, "SUBSCRIBE late") || strings.Contains(got, "news") || strings.Contains(got, "never") {
			t.Errorf("the server saw %s", got)
		}
	})
}

// TestSubscriberRefused: what a subscriber cannot do is answered, in its turn.
func TestSubscriberRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Masters[0].AckReplicas = 1 })
		defer r.stop()
		r.servers["a"].reply = subscriber3
		r.view.set("a")
		p := r.connect()
		p.send("HELLO 3", "SUBSCRIBE news", "GET k", "HELLO 2", "GET k", "CLIENT REPLY OFF", "GET k", "SET k 1", "GET k", "PSYNC ? -1")
		p.want("[+server +redis]", "[$subscribe $news :1]", "+GET k", "-ERR proxy: HELLO...", "+GET k", "-ERR proxy: CLIENT|REPLY...",
			"+GET k", "-ERR proxy: with ack-replicas...", "+GET k", "-ERR proxy: PSYNC...")
	})
}

// TestRedirectedTracking: with RESP2, invalidations go to another connection. Neither is of use
// without the other one.
func TestRedirectedTracking(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		for _, s := range r.servers {
			s.reply = func(n int, w []string) string {
				if w[0] == "CLIENT" {
					return "+OK\r\n"
				}
				return subscriber(n, w)
			}
		}
		r.view.set("a")
		to, p := r.connect(), r.connect()
		to.send("CLIENT ID", "SUBSCRIBE __redis__:invalidate")
		to.want("+OK", "[$subscribe $__redis__:invalidate :1]")
		p.send("CLIENT TRACKING on REDIRECT 7")
		p.want("+OK")
		r.servers["a"].kill()
		synctest.Wait()
		r.view.set("b")
		p.want("closed")
		to.want("closed")
	})
}

// TestMonitor: MONITOR goes on at the new master.
func TestMonitor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		for _, s := range r.servers {
			s.reply = func(int, []string) string { return "+OK\r\n" }
		}
		r.view.set("a")
		c := r.connect()
		c.send("MONITOR")
		c.want("+OK")
		r.servers["a"].kill()
		r.view.set("b")
		time.Sleep(time.Second)
		c.quiet()
		if got := r.servers["b"].log(); got != "MONITOR" {
			t.Errorf("the server saw %s", got)
		}
	})
}

// TestTracking: a client with a cache is told to forget all of it.
func TestTracking(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.view.set("a")
		c := r.connect()
		c.send("HELLO 3", "CLIENT TRACKING on", "GET k")
		c.want("[+server +redis]", "+CLIENT TRACKING on", "+GET k")
		r.servers["a"].kill()
		synctest.Wait()
		r.view.set("b")
		c.want("[$invalidate _]")
		time.Sleep(time.Second)
		c.send("GET k")
		c.want("+GET k")
		if got := r.servers["b"].log(); got != "HELLO 3, HELLO 3, CLIENT TRACKING on, GET k" && got != "HELLO 3, CLIENT TRACKING on, HELLO 3, GET k" {
			t.Errorf("the server saw %s", got)
		}
	})
}
