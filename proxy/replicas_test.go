package proxy

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// newSplit is a rig with a listener that reads from the replicas b and c.
func newSplit(t *testing.T, change func(*ListenerConfig)) *rig {
	r := newRig(t, func(c *Config) {
		c.Listeners[0].Mode = ModeSplit
		c.Zones = map[string]string{"b": "east", "c": "west"}
		change(&c.Listeners[0])
	})
	r.servers["b"].role, r.servers["c"].role = "slave", "slave"
	r.view.set("a", "b", "c")
	time.Sleep(time.Second) // until the replicas have been asked
	return r
}

// reads returns how many commands of that name each server saw.
func (r *rig) reads(name string) (a, b, c int) {
	count := func(s string) int { return strings.Count(" "+r.servers[s].log(), " "+name+" ") }
	return count("a"), count("b"), count("c")
}

// TestSplit: reads are spread evenly over the replicas, everything else is the master's.
func TestSplit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newSplit(t, func(*ListenerConfig) {})
		defer r.stop()
		p := r.connect()
		for range 100 {
			p.send("GET k")
			p.want("+GET k")
		}
		if a, b, c := r.reads("GET"); a != 0 || b < 49 || b > 51 || b+c != 100 {
			t.Errorf("the servers saw %d, %d and %d reads", a, b, c)
		}
		for _, w := range []string{"SET k 1", "EVAL x 0", "RENAMED k", "INFOX", "MULTI", "GET in", "EXEC", "WATCH k", "GET in", "UNWATCH", "PUBLISH c m"} {
			p.send(w)
			p.next()
		}
		if got := r.servers["b"].log() + r.servers["c"].log(); strings.Contains(got, "in") || strings.Contains(got, "SET") || strings.Contains(got, "EVAL") || strings.Contains(got, "RENAMED") {
			t.Errorf("replicas saw %s", got)
		}
		p.send("GET 1", "SET 2 x", "GET 3", "MULTI", "EXEC", "GET 4") // an unknown command has made a connection its own
		p.want("+GET 1", "+OK", "+GET 3", "+OK", "+EXEC", "+GET 4")
	})
}

// TestCursors: where a cursor is, only the server knows that gave it.
func TestCursors(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for mode, want := range map[Mode]string{ModeSplit: "a", ModeReplicas: "b"} {
			r := newSplit(t, func(l *ListenerConfig) { l.Mode = mode })
			for range 10 {
				p := r.connect()
				p.send("GET k", "SCAN 0", "HSCAN h 0", "SSCAN s 0", "ZSCAN z 0")
				p.want("+GET k", "+SCAN 0", "+HSCAN h 0", "+SSCAN s 0", "+ZSCAN z 0")
			}
			for _, s := range []string{"a", "b", "c"} {
				if n := strings.Count(r.servers[s].log(), "SCAN"); n != 0 && s != want || n != 40 && s == want {
					t.Errorf("%s: the server %s saw %d", mode, s, n)
				}
			}
			r.stop()
		}
	})
}

// TestReplicasModeTransactions: what needs a connection of its own goes to a replica, too.
func TestReplicasModeTransactions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newSplit(t, func(l *ListenerConfig) { l.Mode = ModeReplicas })
		defer r.stop()
		p := r.connect()
		p.send("MULTI", "SET k 1", "EXEC", "RENAMED k 1", "CLIENT ID", "SET k 2", "WATCH k", "UNWATCH")
		p.want("+OK", "+OK", "+EXEC", "+RENAMED k 1", "+CLIENT ID", "+OK", "+OK", "+UNWATCH")
		if got := r.servers["a"].log(); strings.Contains(got, "k") || strings.Contains(got, "MULTI") {
			t.Errorf("the master saw %s", got)
		}
		r.servers["b"].kill()
		r.servers["c"].kill()
		p.want("closed")
		q := r.connect() // its connection waited for the next one, and is lost
		time.Sleep(time.Second)
		q.send("MULTI", "GET k")
		q.want("-ERR proxy: no replica of \"cache\" is good", "+GET k")
		q.send("WATCH k", "NEWCOMMAND")
		q.want("-ERR proxy: no replica...", "-ERR proxy: no replica...")
		if got := r.servers["a"].log(); strings.Contains(got, "MULTI") || strings.Contains(got, "NEWCOMMAND") {
			t.Errorf("the master saw %s", got)
		}
	})
}

// TestSplitPipeline: a mixed pipeline keeps its order.
func TestSplitPipeline(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newSplit(t, func(*ListenerConfig) {})
		defer r.stop()
		p := r.connect()
		p.send("GET 1", "GET 2", "SET 3 x", "GET 4", "MULTI", "EXEC", "GET 5")
		p.want("+GET 1", "+GET 2", "+OK", "+GET 4", "+OK", "+EXEC", "+GET 5")
	})
}

// TestSplitFallsBack: reads go on without an error when replicas fail in one way or
// another, and come back when they are good.
func TestSplitFallsBack(t *testing.T) {
	for name, fail := range map[string]func(*rig, *scripted){
		"killed":  func(_ *rig, s *scripted) { s.kill() },
		"removed": func(r *rig, _ *scripted) { r.view.set("a") },
		"loading": func(_ *rig, s *scripted) {
			s.reply = func(int, []string) string { return "-LOADING it is loading\r\n" }
		},
		"no data": func(_ *rig, s *scripted) {
			s.reply = func(int, []string) string { return "-MASTERDOWN Link is down\r\n" }
		},
		"promoted": func(_ *rig, s *scripted) { s.do(func() { s.role = "master" }) },
		"a script": func(_ *rig, s *scripted) {
			s.reply = func(int, []string) string { return "-NOSCRIPT No matching script\r\n" }
		},
		"cut off": func(_ *rig, s *scripted) { s.reply = func(int, []string) string { return "close" } },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newSplit(t, func(*ListenerConfig) {})
				defer r.stop()
				p := r.connect()
				p.send("GET k")
				p.want("+GET k")
				fail(r, r.servers["b"])
				fail(r, r.servers["c"])
				for range 20 {
					p.send("GET k", "GET l")
					p.want("+GET k", "+GET l")
					time.Sleep(50 * time.Millisecond)
				}
			})
		})
	}
}

// TestMaxLag: a replica whose data is too old gets no reads.
func TestMaxLag(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newSplit(t, func(l *ListenerConfig) { l.MaxLag = time.Second })
		defer r.stop()
		a, b, c := r.servers["a"], r.servers["b"], r.servers["c"]
		for _, s := range []*scripted{a, c} {
			s.do(func() { s.offset = 100 })
		}
		time.Sleep(3 * time.Second)
		p := r.connect()
		for range 10 {
			p.send("GET k")
			p.want("+GET k")
		}
		if a, b, c := r.reads("GET"); a != 0 || b != 0 || c != 10 {
			t.Errorf("the servers saw %d, %d and %d reads", a, b, c)
		}
		b.do(func() { b.offset = 100 })
		time.Sleep(time.Second)
		p.send("GET k")
		p.want("+GET k")
		p.send("GET k")
		p.want("+GET k")
		if _, b, _ := r.reads("GET"); b != 1 {
			t.Errorf("the replica that has caught up saw %d reads", b)
		}
	})
}

// TestReadYourWrites: who has written reads from a replica when that has the write.
func TestReadYourWrites(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newSplit(t, func(l *ListenerConfig) { l.ReadYourWrites = true })
		defer r.stop()
		a, b := r.servers["a"], r.servers["b"]
		p, other := r.connect(), r.connect()
		p.send("SET k 1", "GET k")
		p.want("+OK", "+GET k")
		a.do(func() { a.offset = 100 })
		time.Sleep(time.Second)
		p.send("GET k")
		p.want("+GET k")
		if a, b, c := r.reads("GET"); a != 2 || b+c != 0 {
			t.Errorf("the servers saw %d, %d and %d reads", a, b, c)
		}
		other.send("GET k")
		other.want("+GET k")
		if _, b, c := r.reads("GET"); b+c != 1 {
			t.Error("who has written nothing reads from the master")
		}
		b.do(func() { b.offset = 100 })
		time.Sleep(time.Second)
		b.do(func() { b.seen = nil })
		p.send("GET k")
		p.want("+GET k")
		if _, b, _ := r.reads("GET"); b != 1 {
			t.Error("the replica has the write, and gets no read")
		}
	})
}

// TestZone: a replica of the same zone is preferred.
func TestZone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newSplit(t, func(l *ListenerConfig) { l.Balance, l.Zone = ZoneFirst, "west" })
		defer r.stop()
		p := r.connect()
		for range 10 {
			p.send("GET k")
			p.want("+GET k")
		}
		if _, b, c := r.reads("GET"); b != 0 || c != 10 {
			t.Errorf("the replicas saw %d and %d reads", b, c)
		}
		r.servers["c"].kill()
		p.send("GET k")
		p.want("+GET k")
		time.Sleep(time.Second)
		p.send("GET k")
		p.want("+GET k")
		if _, b, _ := r.reads("GET"); b == 0 {
			t.Error("the other zone is not used")
		}
	})
}

// TestReplicasMode: a client stays with one replica, which refuses writes; without a
// replica, reads are answered by the master.
func TestReplicasMode(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newSplit(t, func(l *ListenerConfig) { l.Mode = ModeReplicas })
		defer r.stop()
		for _, s := range []string{"b", "c"} {
			r.servers[s].reply = func(_ int, w []string) string {
				if w[0] == "SET" {
					return "-READONLY You can't write against a read only replica.\r\n"
				}
				return plainAnswer(w)
			}
		}
		p := r.connect()
		for range 4 {
			p.send("GET k", "SET k 1")
			p.want("+GET k", "-READONLY...")
		}
		if a, b, c := r.reads("GET"); a != 0 || b != 0 && c != 0 {
			t.Errorf("the servers saw %d, %d and %d reads", a, b, c)
		}
		r.servers["b"].kill()
		r.servers["c"].kill()
		time.Sleep(time.Second)
		p.send("GET k", "SET k 1")
		p.want("+GET k", "-ERR proxy: no replica of \"cache\" is good")
	})
}

// TestAckBehindRefusal: a write that has been executed and waits for replicas is not sent
// again because the one before it was refused.
func TestAckBehindRefusal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Masters[0].AckReplicas = 1 })
		defer r.stop()
		a, refused := r.servers["a"], false
		a.reply = func(_ int, w []string) string {
			switch {
			case w[0] == "WAIT":
				return ":1\r\n"
			case w[0] == "INCR" && !refused:
				refused = true
				return "-NOREPLICAS Not enough good replicas to write.\r\n"
			}
			return plainAnswer(w)
		}
		r.view.set("a")
		synctest.Wait() // until the connection for WAIT is there
		c := r.connect()
		c.send("INCR n", "INCR m")
		c.want("+INCR n", "+INCR m")
		if got := strings.Count(a.log(), "INCR m"); got != 1 {
			t.Errorf("executed %d times: %s", got, a.log())
		}
	})
}

// TestAck: a write is acknowledged when replicas have it, reads do not wait for that, and
// one WAIT serves many writes.
func TestAck(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Masters[0].AckReplicas = 1 })
		defer r.stop()
		a, acks, waits := r.servers["a"], ":1\r\n", 0
		hold := make(chan bool)
		a.reply = func(_ int, w []string) string {
			if w[0] == "WAIT" {
				waits++
				a.mu.Unlock()
				<-hold
				a.mu.Lock()
				return acks
			}
			return plainAnswer(w)
		}
		r.view.set("a")
		p, other := r.connect(), r.connect()
		p.send("SET k 1")
		synctest.Wait()
		p.send("SET k 2", "INCR n", "GET k")
		p.quiet()
		other.send("GET k")
		other.want("+GET k")
		hold <- true
		p.want("+OK")
		p.quiet()
		hold <- true
		p.want("+OK", "+INCR n", "+GET k")
		if waits != 2 {
			t.Errorf("%d times WAIT", waits)
		}
		p.send("MULTI", "SET k 3", "EXEC")
		p.want("+OK", "+OK")
		p.quiet()
		a.do(func() { acks = ":0\r\n" })
		hold <- true
		p.want("-NOREPLICAS proxy: the master has executed the command; 0 of 1 replicas have it (ack-replicas)")
		p.send("SET k 4")
		synctest.Wait()
		a.kill()
		r.view.set("b")
		p.want("-ERR proxy: the master has executed the command, and is gone; replicas may have it or not")
		close(hold)
		r.servers["b"].reply = func(_ int, w []string) string {
			if w[0] == "WAIT" {
				return ":2\r\n"
			}
			return plainAnswer(w)
		}
		p.send("SET k 5")
		p.want("+OK")
	})
}

// TestAckOfAnotherServer: replicas of one master say nothing about a write that another one
// has executed. The connection for WAIT is lost before the reply to the write is read.
func TestAckOfAnotherServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Masters[0].AckReplicas = 1 })
		defer r.stop()
		a, b, shared := r.servers["a"], r.servers["b"], 0
		for _, s := range []*scripted{a, b} {
			s.reply = func(n int, w []string) string {
				switch w[0] {
				case "WAIT":
					return ":1\r\n"
				case "GET":
					shared = n
				}
				return plainAnswer(w)
			}
		}
		r.view.set("a")
		p := r.connect()
		p.send("SET k 0", "GET k")
		p.want("+OK", "+GET k")
		a.do(func() {
			a.delay = func(w []string) time.Duration {
				return map[string]time.Duration{"SET": time.Second, "ROLE": 2 * time.Second}[w[0]]
			}
		})
		p.send("SET k 1")
		synctest.Wait()
		a.do(func() {
			for conn, n := range a.numbers {
				if n != shared {
					conn.Close()
				}
			}
		})
		time.Sleep(time.Second + time.Millisecond) // SET is answered; nothing connects to a any more
		r.view.set("b")
		p.want("-ERR proxy: the master has executed the command, and is gone; replicas may have it or not")
		p.send("SET k 2")
		p.want("+OK")
		time.Sleep(2 * time.Second)
	})
}

// TestSentinelMode: clients that ask Sentinels are told the address of the proxy.
func TestSentinelMode(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) {
			c.Listeners[0].Mode, c.Listeners[0].Announce = ModeSentinel, "proxy.example:6000"
		})
		defer r.stop()
		r.view.set("a")
		synctest.Wait()
		p := r.connect()
		p.send("PING", "SENTINEL get-master-addr-by-name cache", "SENTINEL get-master-addr-by-name other", "SENTINEL replicas cache", "SENTINEL sentinels cache",
			"SENTINEL failover cache", "SENTINEL master other", "SUBSCRIBE +switch-master", "ROLE", "GET k")
		p.want("+PONG", "[$proxy.example $6000]", "[]", "[]", "[]", "-ERR unknown subcommand 'FAILOVER'...", "-ERR No such master with that name",
			"[$subscribe $+switch-master :1]", "[$sentinel [$cache]]", "-ERR unknown command 'GET'...")
		p.send("SENTINEL masters")
		if got := p.next(); !strings.HasPrefix(got, "[[$name $cache $ip $proxy.example $port $6000 $runid $0000") {
			t.Error(got)
		}
		p.send("PING") // of a subscriber
		p.want("[$pong $]")
		p.send("HELLO 3", "PING", "INFO")
		if got := p.next() + p.next() + p.next(); !strings.Contains(got, "+PONG") || !strings.Contains(got, "address=proxy.example:6000") || !strings.Contains(got, "$mode $sentinel") {
			t.Error(got)
		}
	})
}
