package standalone

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestLife: one group alone, from no servers at all to a failover, back, and through a time
// without any.
func TestLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		g := w.watch(0)
		a, b := w.addrs[0], w.addrs[1]
		w.until("a word about it", 5*time.Second, func() bool { return strings.Contains(g.Status().Why, "no server answers") })
		w.up(1)
		w.agreed(10*time.Second, b)
		w.up(0)
		w.agreed(30*time.Second, b)
		w.down(b)
		w.agreed(3*time.Second, a)
		w.up(1)
		w.agreed(15*time.Second, a)
		w.down(b)
		w.down(a)
		w.until("no master", 15*time.Second, func() bool { return w.groups[0].Status().Why != "" })
		w.up(0)
		w.agreed(15*time.Second, a)

		// The state survives: the group goes on with b, which no role tells.
		w.up(1)
		w.agreed(15*time.Second, a)
		w.down(a)
		w.agreed(15*time.Second, b)
		g.end()
		w.down(b)
		w.up(0)
		g = w.watch(0)
		w.agreed(30*time.Second, a)
		if g.said("the master is known") {
			t.Error("it has begun anew")
		}
		w.close()
	})
}

var long = flag.Bool("long", false, "kill a hundred masters and not five")

// TestOtherReturns: when both are down and the replica comes back first, and empty, it does not
// take the place of a master with data before that had time to come back.
func TestOtherReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.up(0).Do("SET", "k", "v")
		w.up(1)
		w.watch(0)
		w.agreed(30*time.Second, w.addrs[0])
		time.Sleep(30 * time.Second)
		w.down(w.addrs[1])
		w.down(w.addrs[0])
		w.up(1)
		start := time.Now()
		w.agreed(time.Minute, w.addrs[1])
		if took := time.Since(start); took < 10*time.Second || took > 20*time.Second {
			t.Errorf("an empty server was the master after %v", took)
		}
		w.close()
	})
}

// TestNeverTwo: three groups that find each other, whose masters are killed again and again,
// and they too, never have two masters in one epoch, and always find one.
func TestNeverTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, rnd := newWorld(t, 3), rand.New(rand.NewPCG(7, 7))
		for i := range 3 {
			w.up(i)
			w.watch(i)
		}
		master := w.agreed(30*time.Second, w.addrs[0])
		w.until("everybody to know everybody", 30*time.Second, func() bool {
			for _, g := range w.groups {
				if m, err := g.running.Load().Master(t.Context(), "cache"); err != nil || m.Quorum.Known != 3 || m.Config.Quorum != 2 {
					return false
				}
			}
			return true
		})
		all := append([]*watched(nil), w.groups...)
		kills := 5
		if *long {
			kills = 100
		}
		for range kills {
			w.down(master)
			restarted := -1
			if rnd.IntN(3) == 0 {
				restarted = rnd.IntN(3)
				w.groups[restarted].end()
				all = append(all, w.watch(restarted))
			}
			old := master
			w.until("another master", time.Minute, func() bool {
				master = w.groups[0].master()
				for _, g := range w.groups {
					if g.master() != master {
						return false
					}
				}
				return master != "" && master != old
			})
			w.up(strings.Index("123", old[7:8]))
			w.agreed(time.Minute, master)
		}
		for _, g := range all {
			defer g.end()
		}
		onePerEpoch(t, all)
		w.close()
	})
}

// onePerEpoch fails if two groups have named different servers in one epoch, or one has
// gone back.
func onePerEpoch(t *testing.T, all []*watched) {
	t.Helper()
	named, highest := map[uint64]string{}, uint64(0)
	for _, g := range all {
		g.mu.Lock()
		before := uint64(0)
		for _, v := range g.views {
			if v.Master.IsZero() {
				continue
			}
			e, addr := v.Master.Epoch, v.Master.String()
			if was, is := named[e]; is && was != addr {
				t.Errorf("epoch %d: %s and %s", e, was, addr)
			}
			if e < before {
				t.Errorf("%s goes back from epoch %d to %d", g.host, before, e)
			}
			named[e], before, highest = addr, e, max(highest, e)
		}
		g.mu.Unlock()
	}
	t.Logf("%d masters up to epoch %d", len(named), highest)
	if len(named) < 2 {
		t.Errorf("the masters were %v", named)
	}
}

// TestTwoApart: of two proxies that cannot hear each other none makes a failover, and both
// together do.
func TestTwoApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.up(0)
		w.up(1)
		w.watch(0)
		w.watch(1)
		w.agreed(30*time.Second, w.addrs[0])
		time.Sleep(10 * time.Second)
		w.part("10.1.0.2", "10.0.0.2") // one proxy and the replica
		time.Sleep(2 * time.Minute)
		// The other side sees no server that says that it is a master.
		if one, other := w.groups[0].master(), w.groups[1].master(); one != w.addrs[0] || other != "" {
			t.Errorf("the masters are %q and %q", one, other)
		}
		if st := w.servers[w.addrs[1]].Status(); st.Master == "" {
			t.Error("the replica was promoted")
		}
		for _, g := range w.groups {
			if !g.said("no failover can be made") {
				t.Errorf("%s does not say that it is helpless", g.host)
			}
		}
		w.part()
		w.agreed(time.Minute, w.addrs[0])
		w.down(w.addrs[0])
		w.agreed(time.Minute, w.addrs[1])
		w.close()
	})
}

// TestForgotten: after a proxy has gone for good the other one is helpless, until it is told
// to forget it.
func TestForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.up(0)
		w.up(1)
		g := w.watch(0)
		gone := w.watch(1)
		w.agreed(30*time.Second, w.addrs[0])
		time.Sleep(10 * time.Second)
		gone.end()
		w.groups = w.groups[:1]
		time.Sleep(30 * time.Second)
		if !g.said("no failover can be made") {
			t.Error("nothing is said")
		}
		if err := g.running.Load().Reset(t.Context(), "cache"); err != nil {
			t.Error(err)
		}
		time.Sleep(30 * time.Second)
		w.down(w.addrs[0])
		w.agreed(5*time.Second, w.addrs[1])
		w.close()
	})
}

// TestBegunApart: two proxies that began while each saw one server only come to one master
// when they meet, and no data are lost.
func TestBegunApart(t *testing.T) {
	for _, full := range []bool{false, true} {
		t.Run(fmt.Sprint("data ", full), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2)
				w.part("10.1.0.2", "10.0.0.2")
				for i := range 2 {
					s := w.up(i)
					if full {
						s.Do("SET", "own", fmt.Sprint(i))
					}
					w.watch(i)
				}
				w.until("a master on each side", 30*time.Second, func() bool {
					return w.groups[0].master() == w.addrs[0] && w.groups[1].master() == w.addrs[1]
				})
				w.part()
				if !full {
					w.agreed(time.Minute, w.addrs[0])
					w.close()
					return
				}
				w.until("one master", time.Minute, func() bool {
					return w.groups[0].master() == w.addrs[0] && w.groups[1].master() == w.addrs[0] && w.groups[1].said("it is a master with data that 10.0.0.1:6379 does not have")
				})
				time.Sleep(time.Minute)
				for i, addr := range w.addrs {
					if got := string(w.servers[addr].Do("GET", "own")); !strings.Contains(got, fmt.Sprint(i)) {
						t.Errorf("%s has %q", addr, got)
					}
				}
				w.close()
			})
		})
	}
}

// TestExpected: with a number of proxies that is not there, nobody makes a failover.
func TestExpected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.up(0)
		w.up(1)
		w.watch(0, func(o *Options) { o.Proxies = 3 })
		g := w.groups[0]
		w.until("words", 10*time.Second, func() bool { return strings.HasPrefix(g.Status().Why, "1 of 3 proxies") })
		time.Sleep(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if conn, err := g.DialMaster(ctx, "", ""); err == nil || !strings.Contains(err.Error(), "1 of 3") || len(g.views) != 1 || g.master() != "" {
			t.Errorf("one of three has a master: %v %v %v", conn, err, g.views)
		}
		second := w.watch(1, func(o *Options) { o.Proxies = 3 })
		w.agreed(time.Minute, w.addrs[0])
		second.end()
		w.groups = w.groups[:1]
		w.down(w.addrs[0])
		time.Sleep(time.Minute)
		if st := w.servers[w.addrs[1]].Status(); st.Master == "" {
			t.Error("one of three has promoted a replica")
		}
		w.watch(1, func(o *Options) { o.Proxies = 3 })
		w.agreed(time.Minute, w.addrs[1])
		w.close()
	})
}

// TestLeave: a group takes the place of another one with the same state file, and both know
// the master.
func TestLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.up(0)
		w.up(1)
		old := w.watch(0)
		w.agreed(30*time.Second, w.addrs[0])
		w.groups = nil
		next := w.watch(0)
		time.Sleep(5 * time.Second)
		if next.running.Load() != nil {
			t.Error("two work with one state file")
		}
		old.Leave()
		w.agreed(10*time.Second, w.addrs[0])
		w.down(w.addrs[0])
		w.until("both to know the new master", 15*time.Second, func() bool { return old.master() == w.addrs[1] && next.master() == w.addrs[1] })
		old.end()
		w.close()
	})
}

// TestOptions: every mistake in the options is said.
func TestOptions(t *testing.T) {
	_, err := New(Options{Name: "x", Servers: []string{"a:1", "a:1", "b"}, Proxies: -1})
	for _, want := range []string{`"a:1" is there twice`, `"b" is no address`, "StateFile is empty", "Proxies must not"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
	if _, err := New(Options{Name: "x", Servers: []string{"a:1"}, StateFile: "/nowhere/x.toml"}); err == nil || !strings.Contains(err.Error(), "at least two servers") {
		t.Error(err)
	}
	if _, err := New(Options{Name: "x", Servers: []string{"a:1", "b:1"}, StateFile: "/nowhere/x.toml"}); err == nil || !strings.Contains(err.Error(), "cannot be saved") {
		t.Error(err)
	}
	if _, err := New(Options{Name: "a b", Servers: []string{"a:1", "b:1"}, StateFile: t.TempDir() + "/x.toml"}); err == nil {
		t.Error("a name with a blank is accepted")
	}
}
