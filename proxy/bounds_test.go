package proxy

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestBounds: what clients and servers do wrong is bounded, named, and nobody else
// notices.
func TestBounds(t *testing.T) {
	small := func(c *Config) { c.Limits.Request, c.Limits.Output = 4<<10, 64<<10 }
	for _, c := range []struct{ name, sent, want string }{
		{"no request", "*1\r\n+PING\r\n", "-ERR Protocol error: expected '$', got '+'"},
		{"many arguments", "*1048577\r\n", "-ERR Protocol error: invalid multibulk length"},
		{"no number", "*x\r\n", "-ERR Protocol error: invalid multibulk length"},
		{"negative string", "*1\r\n$-1\r\n", "-ERR Protocol error: invalid bulk length"},
		{"number as no server reads it", "*01\r\n$4\r\nPING\r\n", "-ERR Protocol error: invalid multibulk length"},
		{"length as no server reads it", "*1\r\n$04\r\nPING\r\n", "-ERR Protocol error: invalid bulk length"},
		{"nothing, negative", "*-0\r\n", "-ERR Protocol error: invalid multibulk length"},
		{"large string", "*1\r\n$536870912\r\n", "-ERR Protocol error: a request has more than 4096 bytes, which is limits.request of the proxy"},
		{"large request", "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4090\r\n", "-ERR Protocol error: a request has more than 4096 bytes, which is limits.request of the proxy"},
		{"long line", strings.Repeat("x", maxInline+1), "-ERR Protocol error: too big inline request"},
		{"quotes", "GET \"k\r\n", "-ERR Protocol error: unbalanced quotes in request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, small)
				defer r.stop()
				r.view.set("a")
				p, other := r.connect(), r.connect()
				_, _ = io.WriteString(p.nc, c.sent)
				p.want(c.want, "closed")
				other.send("GET k")
				other.want("+GET k")
			})
		})
	}
	t.Run("a stranger", func(t *testing.T) {
		for _, c := range []struct{ sent, want string }{
			{"*11\r\n", "-ERR Protocol error: unauthenticated multibulk length"},
			{"*2\r\n$4\r\nAUTH\r\n$16385\r\n", "-ERR Protocol error: unauthenticated bulk length"},
		} {
			bubble(t, func(t *testing.T) {
				r := newRig(t, func(c *Config) { c.Listeners[0].Password = "secret" })
				defer r.stop()
				r.view.set("a")
				p, friend := r.connect(), r.connect()
				_, _ = io.WriteString(p.nc, c.sent)
				p.want(c.want, "closed")
				_, _ = friend.nc.Write(append(encode("AUTH secret"), c.sent...))
				friend.want("+OK")
				friend.quiet()
			})
		}
	})
	t.Run("more than a string may have", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t, func(c *Config) { c.Limits.Request = 1 << 30 })
			defer r.stop()
			r.view.set("a")
			p := r.connect()
			_, _ = io.WriteString(p.nc, "*2\r\n$3\r\nGET\r\n$536870913\r\n")
			p.want("-ERR Protocol error: invalid bulk length", "closed")
		})
	})
	t.Run("half a command and silence", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t, small)
			defer r.stop()
			r.view.set("a")
			p, other := r.connect(), r.connect()
			_, _ = io.WriteString(p.nc, "*2\r\n$3\r\nGE")
			other.send("GET k")
			other.want("+GET k")
			_, _ = io.WriteString(p.nc, "T\r\n$1\r\nk\r\n")
			p.want("+GET k")
		})
	})
	t.Run("a client that never reads", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t, small)
			defer r.stop()
			r.servers["a"].reply = func(_ int, w []string) string {
				if w[0] == "GET" {
					return "$30000\r\n" + strings.Repeat("x", 30000) + "\r\n"
				}
				return plainAnswer(w)
			}
			r.view.set("a")
			p, other := r.connect(), r.connect()
			go func() { _, _ = p.nc.Write(bytes.Repeat(encode("GET k"), 1000)) }()
			time.Sleep(time.Second)
			other.send("ECHO x")
			other.want("+ECHO x")
			if n := r.p.counts.Slow.Load(); n != 1 {
				t.Errorf("%d clients counted as slow", n)
			}
		})
	})
	t.Run("a subscriber that never waits", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t)
			defer r.stop()
			a := r.servers["a"]
			a.reply = subscriber3
			r.view.set("a")
			p, other := r.connect(), r.connect()
			p.send("HELLO 3", "SUBSCRIBE news")
			p.next()
			p.next()
			a.do(func() { a.reply = func(int, []string) string { return "" } })
			const n = 100
			go func() { _, _ = p.nc.Write(bytes.Repeat(encode("SET k "+strings.Repeat("x", 1<<18)), n)) }()
			time.Sleep(time.Second)
			if got := strings.Count(a.log(), "SET k "); got < 2 || got > 6 {
				t.Errorf("%d of its requests are under way", got)
			}
			a.do(func() { a.reply = plainReply })
			other.send("ECHO x")
			other.want("+ECHO x")
		})
	})
	t.Run("a server that answers garbage", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t)
			defer r.stop()
			r.servers["a"].reply = func(int, []string) string { return "HTTP/1.1 400 Bad Request\r\n" }
			r.view.set("a")
			p := r.connect()
			p.send("INCR n")
			p.want("-ERR proxy: the connection to the master ended before the reply...")
			r.view.set("b")
			p.send("GET k")
			p.want("+GET k")
		})
	})
	t.Run("a server that answers twice", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t)
			defer r.stop()
			r.servers["a"].reply = func(int, []string) string { return "+one\r\n+two\r\n" }
			r.view.set("a")
			p := r.connect()
			p.send("GET k")
			p.want("+one")
			r.view.set("b")
			synctest.Wait()
			p.send("GET l")
			p.want("+GET l")
		})
	})
	t.Run("many pipelined commands", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t)
			defer r.stop()
			r.view.set("a")
			p := r.connect()
			const n = 100_000
			go func() {
				var b []byte
				for i := range n {
					b = append(b, encode(fmt.Sprintf("ECHO %d", i))...)
				}
				_, _ = p.nc.Write(b)
			}()
			for i := range n {
				if got := p.next(); got != fmt.Sprintf("+ECHO %d", i) {
					t.Fatalf("reply %d is %q", i, got)
				}
			}
		})
	})
	t.Run("too many clients", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t, func(c *Config) { c.Limits.Clients = 1 })
			defer r.stop()
			r.view.set("a")
			one := r.connect()
			two := r.connect()
			two.want("-ERR max number of clients reached", "closed")
			one.send("QUIT")
			one.want("+OK", "closed")
			synctest.Wait()
			three := r.connect()
			three.send("GET k")
			three.want("+GET k")
		})
	})
}

// TestLogin: a listener with a password lets nobody in without.
func TestLogin(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Listeners[0].Password = "secret" })
		defer r.stop()
		r.view.set("a")
		p := r.connect()
		p.send("GET k", "HELLO 3", "AUTH wrong", "AUTH default wrong", "AUTH other secret", "HELLO 2 AUTH default wrong", "MULTI", "PROXY INFO")
		p.want("-NOAUTH Authentication required.", "-NOAUTH HELLO must...", "-WRONGPASS...", "-WRONGPASS...", "-WRONGPASS...", "-WRONGPASS...", "-NOAUTH...", "-NOAUTH...")
		p.send("AUTH secret", "GET k", "RESET", "GET k", "HELLO 2 AUTH default secret SETNAME me", "GET k", "CLIENT GETNAME", "HELLO 2 SETNAME ü", "CLIENT SETNAME ü", "CLIENT GETNAME")
		p.want("+OK", "+GET k", "+RESET", "-NOAUTH...", "[+server +redis]", "+GET k", "$me", "-ERR Client names...", "-ERR Client names...", "$me")
		if got := r.servers["a"].log(); strings.Contains(got, "secret") {
			t.Errorf("the server saw %s", got)
		}
	})
}

// TestClientReply: replies that a client does not want are left out.
func TestClientReply(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.view.set("a")
		p := r.connect()
		p.send("ECHO 1", "CLIENT REPLY SKIP", "ECHO 2", "ECHO 3", "CLIENT REPLY OFF", "ECHO 4", "CLIENT GETNAME", "CLIENT REPLY ON", "ECHO 5")
		p.want("+ECHO 1", "+ECHO 3", "+OK", "+ECHO 5")
	})
}

// TestPieces: replies are the same however requests and replies are cut into pieces.
func TestPieces(t *testing.T) {
	commands := []string{"SET k 1", "MULTI", "GET k", "EXEC", "GET k", "BLPOP l 0", "ECHO x", "CLIENT SETNAME n", "CLIENT GETNAME", "SELECT 3", "GET k"}
	inline := "PING \"a b\"\r\nPING\nGET k\r\n"
	stream := append(encode(commands...), inline...)
	answers := []string{"+OK", "+OK", "+GET k", "+EXEC", "+GET k", "+BLPOP l 0", "+ECHO x", "+OK", "$n", "+OK", "+GET k", "+PING a b", "+PING", "+GET k"}
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.view.set("a")
		for cut := range len(stream) {
			p := r.connect()
			_, _ = p.nc.Write(stream[:cut])
			synctest.Wait()
			_, _ = p.nc.Write(stream[cut:])
			p.want(answers...)
			p.nc.Close()
			if t.Failed() {
				t.Fatalf("cut at %d", cut)
			}
		}
	})
}

// FuzzRequest: a request ends where it ends, in whatever pieces it arrives.
func FuzzRequest(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"), uint64(1))
	f.Add([]byte("*0\r\n"), uint64(2))
	f.Add([]byte("*1\r\n$0\r\n\r\n*1\r\n$1\r\n1\r\n"), uint64(3))
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		if len(b) == 0 || b[0] != '*' {
			return
		}
		var whole request
		n, err := whole.next(b, bounds{bytes: 1 << 20})
		var parts request
		rnd := rand.New(rand.NewPCG(seed, 0))
		for have := 1; ; have = min(len(b), have+1+rnd.IntN(5)) {
			m, perr := parts.next(b[:have], bounds{bytes: 1 << 20})
			if perr != nil || m > 0 || have == len(b) {
				if m != n || (perr == nil) != (err == nil) {
					t.Fatalf("%q: %d, %v; in pieces %d, %v", b, n, err, m, perr)
				}
				break
			}
		}
		if n > 0 && whole.args > 0 && len(arguments(b[:n])) != whole.args {
			t.Fatalf("%q has %d arguments", b[:n], whole.args)
		}
	})
}

// FuzzReply does the same for replies.
func FuzzReply(f *testing.F) {
	for _, s := range []string{"+OK\r\n", "$3\r\nabc\r\n", "*2\r\n:1\r\n*1\r\n$-1\r\n", "%1\r\n+a\r\n#t\r\n", "|1\r\n+a\r\n+b\r\n:3\r\n", ">2\r\n+a\r\n_\r\n", "=5\r\ntxt:a\r\n"} {
		f.Add([]byte(s), uint64(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		var whole reply
		n, done, err := whole.next(b)
		var parts reply
		rnd := rand.New(rand.NewPCG(seed, 0))
		have, off := 0, 0
		for have < len(b) {
			have = min(len(b), have+1+rnd.IntN(5))
			m, pdone, perr := parts.next(b[off:have])
			off += m
			if perr != nil || pdone {
				if pdone && (!done || off != n) || perr != nil && err == nil && !done {
					t.Fatalf("%q: %d %v %v; in pieces %d %v %v", b, n, done, err, off, pdone, perr)
				}
				return
			}
		}
		if done {
			t.Fatalf("%q: complete at %d, and not in pieces", b, n)
		}
	})
}

// TestLargeReplies: who asks for much at once, and takes it, is not cut: the proxy asks for no
// more than fits.
func TestLargeReplies(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Limits.Output = 24 << 20 })
		defer r.stop()
		value := "$65536\r\n" + strings.Repeat("x", 64<<10) + "\r\n"
		r.servers["a"].reply = func(_ int, w []string) string {
			if w[0] == "GET" {
				return value
			}
			return plainAnswer(w)
		}
		r.view.set("a")
		p := r.connect()
		const n = 600
		go func() { _, _ = p.nc.Write(bytes.Repeat(encode("GET k"), n)) }()
		synctest.Wait()
		time.Sleep(time.Second) // it takes nothing yet
		got := make([]byte, len(value))
		for k := range n {
			if _, err := io.ReadFull(p.nc, got); err != nil || string(got) != value {
				t.Fatalf("reply %d: %.60q, %v", k, got, err)
			}
		}
		if n := r.p.counts.Slow.Load(); n != 0 {
			t.Errorf("%d clients were cut", n)
		}
	})
}

// TestUnfinishedRequests: what all clients together have sent of requests that are not done is
// bounded, and so is how long one may be silent in the middle of such a request. Who sends
// slowly is not cut, nor who has sent little.
func TestUnfinishedRequests(t *testing.T) {
	const half = 300 << 10
	begin := func(p *app) {
		t.Helper()
		_, _ = fmt.Fprintf(p.nc, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n%s", 2*half, strings.Repeat("x", half))
		synctest.Wait()
	}
	t.Run("of all clients", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t, func(c *Config) { c.Limits.Unfinished = 1 << 20 })
			defer r.stop()
			r.view.set("a")
			first, second, last, other := r.connect(), r.connect(), r.connect(), r.connect()
			begin(first)
			begin(second)
			begin(last)
			last.want("-ERR proxy: the requests of all clients that are not done have more than 1048576 bytes, which is limits.unfinished of the proxy", "closed")
			other.send("GET k")
			other.want("+GET k")
			_ = second.nc.Close()
			synctest.Wait()
			_, _ = io.WriteString(first.nc, strings.Repeat("x", half)+"\r\n")
			first.want("+OK")
			synctest.Wait()
			if n := r.p.unfinished.Load(); n != 0 {
				t.Errorf("%d bytes are counted when all are done", n)
			}
			if n := r.p.counts.Unfinished.Load(); n != 1 {
				t.Errorf("%d clients counted", n)
			}
		})
	})
	t.Run("silence", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t)
			defer r.stop()
			r.view.set("a")
			silent, slow, small := r.connect(), r.connect(), r.connect()
			begin(silent)
			begin(slow)
			_, _ = io.WriteString(small.nc, "*2\r\n$3\r\nGE")
			for range 3 {
				time.Sleep(50 * time.Second)
				_, _ = io.WriteString(slow.nc, "x")
			}
			silent.want("-ERR proxy: silent for 1m0s in the middle of a request, which is limits.silence of the proxy", "closed")
			_, _ = io.WriteString(slow.nc, strings.Repeat("x", half-3)+"\r\n")
			slow.want("+OK")
			_, _ = io.WriteString(small.nc, "T\r\n$1\r\nk\r\n")
			small.want("+GET k")
			if n := r.p.counts.Silent.Load(); n != 1 {
				t.Errorf("%d clients counted", n)
			}
		})
	})
}
