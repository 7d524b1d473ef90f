package discovery

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// liar makes the last Sentinel say something else.
func (w *world) liar() *fakeSentinel { return w.sentinels[len(w.sentinels)-1] }

// One of three Sentinels has a huge epoch.
func TestLiar(t *testing.T) {
	const huge = 1 << 63
	for _, c := range []struct {
		name    string
		lie     func(w *world)
		start   time.Duration // that the first answer may take
		running bool          // it may disturb one that has been running
	}{
		{"names nobody", func(w *world) { w.liar().say("nobody:1", huge) }, settle, false},
		{"names a master of another group", func(w *world) {
			w.server("z:1", aMaster).password = "z"
			w.liar().say("z:1", huge, "a:1", "b:1", "c:1")
		}, settle, false},
		{"names a replica", func(w *world) { w.liar().say("b:1", huge, "a:1", "c:1") }, 0, false},
		{"names a member that is a master too", func(w *world) {
			w.server("b:1", aMaster)
			w.liar().say("b:1", huge, "a:1", "c:1")
		}, settle, true},
		{"names the right one", func(w *world) { w.liar().say("a:1", huge) }, settle, false},
		{"names another one of before", func(w *world) { w.liar().say("b:1", 4) }, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			simulated(t, 3, func(t *testing.T, w *world) {
				w.opt.ServerAccess = Access{Password: "secret"}
				c.lie(w)
				start := time.Now()
				w.run()
				w.master("a:1", 5)
				w.within(start, c.start+time.Second)
				// It stays so, and it is not asked for the price again.
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				for v := range w.r.Changes(ctx) {
					if v.Master.String() != "a:1" || v.Master.Epoch != 5 {
						t.Errorf("the master became %v at epoch %d", v.Master, v.Master.Epoch)
					}
				}
				if n := w.net.dialled("z:1") + w.net.dialled("nobody:1"); n > 0 {
					t.Errorf("%d connections to servers that most do not know, which would be told the password", n)
				}
				// A failover is followed all the same.
				w.servers["b:1"].become(aReplica)
				w.servers["c:1"].become(aMaster)
				w.servers["a:1"].become(aReplica)
				for _, s := range w.sentinels[:2] {
					s.say("c:1", 6, "a:1", "b:1")
				}
				w.sentinels[0].publish("cache", "a:1", "c:1")
				start = time.Now()
				w.until("c:1", 6)
				w.within(start, time.Second)
			})
		})
		t.Run(c.name+" later", func(t *testing.T) {
			simulated(t, 3, func(t *testing.T, w *world) {
				w.run()
				w.master("a:1", 5)
				c.lie(w)
				w.liar().publish("cache", "a:1", "b:1")
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				begin, disturbed := time.Now(), time.Duration(0)
				for v := range w.r.Changes(ctx) {
					switch {
					case v.Master.IsZero():
						begin = time.Now()
					case v.Master.String() != "a:1" || v.Master.Epoch != 5:
						t.Errorf("the master became %v at epoch %d", v.Master, v.Master.Epoch)
					default:
						disturbed += time.Since(begin)
					}
				}
				if most := settle + time.Second; disturbed > most || !c.running && disturbed > 0 {
					t.Errorf("there was no master for %v", disturbed)
				}
			})
		})
	}
}

// One that is merely ahead of the others is waited for: nobody is sent to the old
// master, which is still there, when the new one is known to somebody.
func TestSentinelThatIsAhead(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		w.failover(w.sentinels[2])
		w.run()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if a, err := w.r.Master(ctx); err == nil {
			t.Errorf("the master is %v", a)
		} else if !strings.Contains(err.Error(), "one names b:1 with a higher epoch") {
			t.Error(err)
		}
		w.failover(w.sentinels[1])
		start := time.Now()
		w.until("b:1", 6)
		w.within(start, 2*time.Second)
	})
}

// Sentinels that have lost their memory name an old master, which came back
// without its data. Who knows better is waited for.
func TestSentinelsWithoutMemory(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		w.failover(w.sentinels...)
		w.run()
		w.master("b:1", 6)
		w.sentinels[0].say("a:1", 0)
		w.sentinels[1].say("a:1", 0)
		w.net.kill("b:1")
		time.Sleep(settle - time.Second)
		if s := w.r.Status(); !s.Master.IsZero() {
			t.Errorf("the master is %v", s.Master)
		}
		w.failover(w.sentinels...)
		w.net.serve("b:1", w.servers["b:1"].serve)
		w.until("b:1", 6)
	})
}

// A group that was defined anew has lower epochs.
func TestGroupDefinedAnew(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		w.run()
		w.master("a:1", 5)
		for _, s := range w.sentinels {
			s.say("b:1", 0, "a:1", "c:1")
		}
		w.servers["b:1"].become(aMaster)
		w.servers["a:1"].become(aReplica)
		start := time.Now()
		w.until("b:1", 0)
		w.within(start, settle+7*time.Second)
	})
}

// Sentinels that do not follow, because they are cut off from the others, do not
// hide the new master for ever when the old one is gone. One alone cannot
// tell that from a lie.
func TestMajorityCutOff(t *testing.T) {
	simulated(t, 5, func(t *testing.T, w *world) {
		w.run()
		w.master("a:1", 5)
		w.net.kill("a:1")
		w.failover(w.sentinels[0])
		time.Sleep(time.Minute)
		if s := w.r.Status(); !s.Master.IsZero() {
			t.Errorf("one Sentinel alone was believed: %v", s.Master)
		}
		w.failover(w.sentinels[1])
		start := time.Now()
		w.until("b:1", 6)
		w.within(start, settle+7*time.Second)
	})
}

// One Sentinel that is left is believed, and so is what is known without any.
func TestSentinelsGone(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		w.net.kill("s1:26379")
		w.net.serve("s2:26379", nil)
		start := time.Now()
		w.run()
		w.master("a:1", 5)
		w.within(start, 3*time.Second) // until it is sure that the second one is silent
		w.net.kill("s3:26379")
		time.Sleep(time.Minute)
		w.master("a:1", 5)
		if s := w.r.Status(); !strings.Contains(s.Sentinels[2].Error, "connection refused") || s.Sentinels[1].Error == "" {
			t.Errorf("%+v", s.Sentinels)
		}
	})
}

// Who answers is not always a Sentinel. The others are enough, at once, and the
// status says what is wrong with each.
func TestStrangers(t *testing.T) {
	flood := strings.Repeat("+x\r\n", 1000)
	strangers := map[string]struct {
		serve func(net.Conn)
		want  string
	}{
		"http:80": {func(c net.Conn) {
			c.Read(make([]byte, 1000))
			c.Write([]byte("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"))
		}, "this is an HTTP server"},
		"hole:1":      {nil, "did not answer in time"},
		"mute:1":      {func(c net.Conn) { forever(c, "") }, "did not answer in time"},
		"drip:1":      {func(c net.Conn) { drip(c) }, "did not answer in time"},
		"closes:1":    {func(c net.Conn) { c.Read(make([]byte, 1000)) }, "it closed the connection"},
		"endless:1":   {func(c net.Conn) { go forever(c, ""); forever(c, "$65536\r\n"+strings.Repeat("x", 65536)) }, "CR LF"},
		"huge:1":      {func(c net.Conn) { go forever(c, ""); forever(c, "*999999\r\n") }, "larger than anything"},
		"talks:1":     {func(c net.Conn) { go forever(c, ""); forever(c, flood) }, "nobody asked for"},
		"redis:6379":  {func(c net.Conn) { serveRESP(c, func([]string) string { return "-ERR unknown command 'SENTINEL'\r\n" }) }, "unknown command"},
		"ignorant:1":  {func(c net.Conn) { (&fakeSentinel{}).serve(c) }, "does not know a master of that name"},
		"protected:1": {func(c net.Conn) { (&fakeSentinel{password: "x"}).serve(c) }, "NOAUTH"},
		"numbers:1":   {func(c net.Conn) { serveRESP(c, func([]string) string { return ":1\r\n" }) }, "is no Sentinel"},
		"nulls:1":     {func(c net.Conn) { serveRESP(c, func([]string) string { return "$-1\r\n" }) }, "does not know a master of that name"},
		"half:1":      {func(c net.Conn) { c.Read(make([]byte, 1000)); c.Write([]byte("*2\r\n$8\r\n10.0")) }, "it closed the connection"},
		"stops:1":     {func(c net.Conn) { c.Read(make([]byte, 1000)); c.Write([]byte("*2\r\n$8\r\n10.0")); forever(c, "") }, "did not answer in time"},
		"length:1":    {func(c net.Conn) { go forever(c, ""); forever(c, "*2\r\n$1000000000\r\n") }, "larger than anything"},
		"denied:1":    {func(c net.Conn) { c.Write([]byte("-DENIED Redis is running in protected mode\r\n")) }, "DENIED Redis is running in protected mode"},
		"full:1": {func(c net.Conn) {
			c.Read(make([]byte, 1000))
			c.Write([]byte("-ERR max number of clients reached\r\n"))
		}, "max number of clients reached"},
		"sacked:1": {func(c net.Conn) {
			n, f := 0, &fakeSentinel{master: "a:1", epoch: 5}
			serveRESP(c, func(w []string) string {
				if n++; n == len(questions("")) {
					return f.reply(c, w) + "-ERR you are cut\r\n"
				}
				return f.reply(c, w)
			})
		}, "you are cut"},
		"address:1": {func(c net.Conn) { serveRESP(c, func([]string) string { return bulks("a b", "0") }) }, "is no address"},
	}
	simulated(t, 3, func(t *testing.T, w *world) {
		for addr, s := range strangers {
			w.net.serve(addr, s.serve)
			w.opt.Sentinels = append(w.opt.Sentinels, addr)
		}
		w.opt.Sentinels = append(w.opt.Sentinels, "gone:1")
		start := time.Now()
		w.run()
		w.master("a:1", 5)
		w.within(start, 3*time.Second)
		time.Sleep(time.Minute)
		w.master("a:1", 5)
		for _, s := range w.r.Status().Sentinels[3:] {
			if want := strangers[s.Addr].want; s.Error == "" || !strings.Contains(s.Error, want) || len(s.Error) > 500 {
				t.Errorf("%s: %q, want %q", s.Addr, s.Error, want)
			}
			// They are tried again, but not all the time.
			if n := w.net.dialled(s.Addr); n > 80 {
				t.Errorf("%s was dialled %d times in a minute", s.Addr, n)
			}
		}
		w.failover(w.sentinels...)
		w.sentinels[0].publish("cache", "a:1", "b:1")
		w.until("b:1", 6)
	})
}

// One machine has one address, however Sentinels spell it: by names with capitals and
// in every form of IPv6.
func TestSpellingsOfOneAddress(t *testing.T) {
	simulated(t, 4, func(t *testing.T, w *world) {
		const v6, name = "[2001:db8::1]:6379", "redis-2.example:6379"
		w.server(v6, aMaster).echo = "+" + v6 + "\r\n"
		w.server(name, aReplica)
		for i, host := range []string{"2001:db8::1", "2001:DB8:0:0::1", "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::0:1"} {
			w.sentinels[i].say(net.JoinHostPort(host, "6379"), 5, []string{"Redis-2.Example:6379", name}[i%2])
		}
		w.run()
		w.master(v6, 5)
		synctest.Wait()
		if list, err := w.r.Replicas(t.Context()); err != nil || fmt.Sprint(list) != "["+name+"]" {
			t.Errorf("replicas %v, %v", list, err)
		}
		conn, err := w.r.DialMaster(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		if err := said(conn, v6); err != nil {
			t.Error(err)
		}
	})
}

// One Sentinel that refuses the password does not stand in the way of the others.
func TestPasswordOfOneDiffers(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		w.opt.SentinelAccess.Password = "sesame"
		for _, s := range w.sentinels {
			s.password = "sesame"
		}
		w.sentinels[0].password = "changed"
		start := time.Now()
		w.run()
		w.master("a:1", 5)
		w.within(start, patience)
		w.failover(w.sentinels[1:]...)
		w.sentinels[1].publish("cache", "a:1", "b:1")
		w.until("b:1", 6)
		if s := w.r.Status().Sentinels; !strings.Contains(s[0].Error, "WRONGPASS") || s[1].Error+s[2].Error != "" {
			t.Errorf("%+v", s)
		}
	})
}

// forever sends a text again and again, and nothing if it is empty.
func forever(c net.Conn, text string) {
	for {
		if text == "" {
			if _, err := c.Read(make([]byte, 100)); err != nil {
				return
			}
		} else if _, err := c.Write([]byte(text)); err != nil {
			return
		}
	}
}

// drip sends a sound reply, a byte in a second.
func drip(c net.Conn) {
	go forever(c, "")
	for {
		if _, err := c.Write([]byte("+")); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

// A Sentinel that is shouting is cut, and asked all the same.
func TestFloodOfEvents(t *testing.T) {
	simulated(t, 1, func(t *testing.T, w *world) {
		s := w.sentinels[0]
		w.run()
		w.master("a:1", 5)
		synctest.Wait() // it has subscribed
		start := time.Now()
		for s.mu.Lock(); len(s.subs) > 0; s.mu.Lock() {
			s.mu.Unlock()
			s.publish("cache", "a:1", "a:1")
		}
		s.mu.Unlock()
		w.within(start, 2*time.Second)
		if s := w.r.Status().Sentinels[0]; !strings.Contains(s.Error, "events a second") {
			t.Errorf("%+v", s)
		}
		w.master("a:1", 5)
	})
}

// Sentinels that most of those list who were named are asked too, and count. What
// one alone lists is not dialled.
func TestLearnsSentinels(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		named := w.sentinels
		for _, addr := range []string{"s4:26379", "s5:26379"} {
			w.sentinel(addr)
		}
		for _, s := range named {
			s.peers = []peer{{"s4:26379", "id-s4:26379"}, {"s5:26379", "id-s5:26379"}, {"alias:1", "id-s1:26379"}}
		}
		for i := range 1000 {
			named[2].peers = append(named[2].peers, peer{fmt.Sprintf("fake%d:1", i), fmt.Sprint(i)})
		}
		w.run()
		w.master("a:1", 5)
		synctest.Wait()
		var list []string
		for _, s := range w.r.Status().Sentinels {
			if s.Learned {
				list = append(list, s.Addr)
			}
		}
		if !slices.Equal(list, []string{"s4:26379", "s5:26379"}) {
			t.Errorf("learned: %v", list)
		}
		if n := w.net.dialled("fake0:1") + w.net.dialled("alias:1"); n > 0 {
			t.Errorf("a Sentinel that only one lists, or that has another address, was dialled %d times", n)
		}
		for i, s := range w.sentinels[3:] {
			o := w.sentinels[4-i]
			s.mu.Lock()
			s.peers = []peer{{o.addr, o.id}}
			s.mu.Unlock()
		}
		// The learned ones are enough when those of the options are gone.
		for _, s := range named {
			w.net.kill(s.addr)
		}
		time.Sleep(2 * lately)
		w.failover(w.sentinels...)
		w.sentinels[3].publish("cache", "a:1", "b:1")
		w.until("b:1", 6)
		// One that is no longer listed is forgotten.
		for _, s := range named {
			w.net.serve(s.addr, s.serve)
			s.mu.Lock()
			s.peers = s.peers[1:2]
			s.mu.Unlock()
		}
		time.Sleep(10 * time.Second)
		if s := w.r.Status().Sentinels; len(s) != 4 || s[3].Addr != "s5:26379" {
			t.Errorf("%+v", s)
		}
	})
}

// However many Sentinels are listed, so many are asked.
func TestSentinelsAreBounded(t *testing.T) {
	simulated(t, 1, func(t *testing.T, w *world) {
		for i := range 300 {
			w.sentinels[0].peers = append(w.sentinels[0].peers, peer{fmt.Sprintf("x%d:1", i), fmt.Sprint(i)})
		}
		w.run()
		w.master("a:1", 5)
		time.Sleep(time.Minute)
		if n := len(w.r.Status().Sentinels); n != maxSentinels {
			t.Errorf("%d Sentinels", n)
		}
	})
}
