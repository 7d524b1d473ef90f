package gossip

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/gossip/session"
	"github.com/gosentinel/sentinel/monitor"
)

// pass lets virtual time pass and waits until all goroutines are idle.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func opinion(name string, down bool) monitor.ShareOpinion {
	return monitor.ShareOpinion{Master: name, Addr: monitor.HostPort{Host: "10.1.1.1", Port: 6379}, ConfigEpoch: 3, Down: down}
}

// opinions returns what was heard from a peer about masters, without ages.
func (n *node) opinions() (list []string) {
	for _, in := range n.inputs() {
		if o, ok := in.(monitor.PeerOpinion); ok {
			word := "up"
			if o.Down {
				word = "down"
			}
			list = append(list, string(o.From[:1])+" "+o.Master+" "+word)
		}
	}
	return list
}

func (n *node) liveness() (list []monitor.PeerLiveness) {
	for _, in := range n.inputs() {
		if l, ok := in.(monitor.PeerLiveness); ok {
			list = append(list, l)
		}
	}
	return list
}

func closeAll(nodes ...*node) {
	for _, n := range nodes {
		n.Close()
	}
}

// TestOpinionsTravelAtOnce: one network delay after it was sent all have it,
// and an opinion that holds is sent again each second until it is withdrawn.
func TestOpinionsTravelAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newMemory()
		a, b, c := net.start(t, 'a', 1, nil), net.start(t, 'b', 2, nil), net.start(t, 'c', 3, nil)
		defer closeAll(a, b, c)
		meet(a, b, c)
		pass(2 * time.Second)
		for _, n := range []*node{a, b, c} {
			if s := n.Stats(); s.PeersUp != 2 || len(n.liveness()) != 2 {
				t.Fatalf("%s has %d peers up, told %v", n.id[:1], s.PeersUp, n.liveness())
			}
			n.clear()
		}
		a.Do(opinion("m", true))
		a.Flush()
		pass(net.delay)
		for _, n := range []*node{b, c} {
			if got := n.opinions(); !slices.Equal(got, []string{"a m down"}) {
				t.Errorf("%s heard %v after one delay", n.id[:1], got)
			}
		}
		pass(3500 * time.Millisecond)
		a.Do(opinion("m", false))
		a.Flush()
		pass(time.Minute)
		if got, want := b.opinions(), []string{"a m down", "a m down", "a m down", "a m down", "a m up"}; !slices.Equal(got, want) {
			t.Errorf("heard %v, want %v", got, want)
		}
		if s := a.Stats(); s.Repeated != 0 || s.Expired != 0 || s.Forged != 0 {
			t.Errorf("on a perfect network: %+v", s)
		}
	})
}

// TestConfigurationTravelsAtOnce: and arrives whole.
func TestConfigurationTravelsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newMemory()
		a, b := net.start(t, 'a', 1, nil), net.start(t, 'b', 2, nil)
		defer closeAll(a, b)
		meet(a, b)
		h := monitor.Hello{RunID: a.id, IP: "10.0.0.1", Port: 26379, CurrentEpoch: 9, MasterName: "m", MasterIP: "10.1.1.2", MasterPort: 6380, ConfigEpoch: 8}
		a.Do(monitor.ShareConfig{Hello: h})
		a.Flush()
		pass(net.delay) // no membership is needed for that
		h.IP, h.Port = "", 0
		if got := b.inputs(); !slices.ContainsFunc(got, func(in monitor.Input) bool { return reflect.DeepEqual(in, monitor.PeerConfig{Hello: h}) }) {
			t.Errorf("got %v", got)
		}
	})
}

// TestLivenessOfPeers: a lost peer is noticed, a restarted one comes back, one
// that can be heard but does not hear is not up.
func TestLivenessOfPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newMemory()
		a, b := net.start(t, 'a', 1, nil), net.start(t, 'b', 2, nil)
		meet(a, b)
		pass(2 * time.Second)
		if !a.Up(b.id) || !b.Up(a.id) {
			t.Fatal("not up")
		}
		b.Close()
		pass(8 * time.Second)
		if a.Up(b.id) {
			t.Error("a closed peer is up")
		}
		b = net.start(t, 'b', 22, nil)
		meet(a, b)
		pass(7 * time.Second)
		if !a.Up(b.id) || !b.Up(a.id) {
			t.Error("a restarted peer is not up")
		}
		toB := netip.MustParseAddrPort(b.addr)
		net.loses(func(_, to netip.AddrPort) bool { return to == toB })
		pass(10 * time.Second)
		if a.Up(b.id) || b.Up(a.id) {
			t.Error("up, although packets reach one side only")
		}
		net.loses(nil)
		pass(10 * time.Second)
		if !a.Up(b.id) || !b.Up(a.id) {
			t.Error("not up again after the network healed")
		}
		want := []bool{true, false, true, false, true}
		var got []bool
		for _, l := range a.liveness() {
			got = append(got, l.Alive)
		}
		if !slices.Equal(got, want) {
			t.Errorf("the core was told %v, want %v", got, want)
		}
		closeAll(a, b)
	})
}

// TestOthersVouch: a peer that does not hear this one is not up, although a
// third one reaches both and memberlist therefore has all of them.
func TestOthersVouch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newMemory()
		a, b, c := net.start(t, 'a', 1, nil), net.start(t, 'b', 2, nil), net.start(t, 'c', 3, nil)
		defer closeAll(a, b, c)
		atA, atB := netip.MustParseAddrPort(a.addr), netip.MustParseAddrPort(b.addr)
		net.loses(func(from, to netip.AddrPort) bool { return from == atA && to == atB })
		meet(a, b, c)
		pass(20 * time.Second)
		for _, w := range []struct {
			of, with *node
			want     bool
		}{{a, b, false}, {b, a, false}, {a, c, true}, {b, c, true}, {c, a, true}, {c, b, true}} {
			if got := w.of.Up(w.with.id); got != w.want {
				t.Errorf("%s says that %s is up: %t", w.of.id[:1], w.with.id[:1], got)
			}
		}
	})
}

// TestQuickRestart: a peer that comes back before it was missed, with another
// boot number, at another address.
func TestQuickRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newMemory()
		a, b := net.start(t, 'a', 1, nil), net.start(t, 'b', 2, nil)
		meet(a, b)
		pass(2 * time.Second)
		b.CloseSoon()
		b = net.start(t, 'b', 22, func(c *Config) { c.open = net.at("10.9.9.9:1") })
		b.addr = "10.9.9.9:1"
		meet(a, b)
		pass(3 * time.Second)
		if !a.Up(b.id) || !b.Up(a.id) {
			t.Error("not up")
		}
		b.clear()
		a.Do(opinion("m", true))
		a.Flush()
		pass(net.delay)
		if got := b.opinions(); !slices.Equal(got, []string{"a m down"}) {
			t.Errorf("heard %v", got)
		}
		pass(time.Second) // for the probes of the first b
		closeAll(a, b)
	})
}

// TestNobodyBecomesKnown: a node that the core did not name gets onto no list,
// although it has the key, and nothing that it sends is accepted.
func TestNobodyBecomesKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newMemory()
		a, b, x := net.start(t, 'a', 1, nil), net.start(t, 'b', 2, nil), net.start(t, 'x', 9, func(c *Config) { c.open = net.at("10.0.0.9:1") })
		x.addr = "10.0.0.9:1"
		defer closeAll(a, b, x)
		meet(a, b)
		x.learn(a)
		b.learn(x) // b knows x for another master
		x.learn(b)
		x.Do(opinion("m", true))
		x.Flush()
		pass(time.Minute)
		if got := a.opinions(); got != nil {
			t.Errorf("heard from a stranger: %v", got)
		}
		if n := a.list.NumMembers(); n != 2 || a.Up(x.id) {
			t.Errorf("%d members", n)
		}
		if s := a.Stats(); s.Strangers == 0 {
			t.Errorf("nothing was counted: %+v", s)
		}
		// The core forgets b: what it says is not heard any more, and memberlist
		// gives it up.
		a.Do(monitor.GossipPeer{ID: b.id})
		a.clear()
		b.Do(opinion("m", true))
		b.Flush()
		pass(time.Minute)
		if got := a.opinions(); got != nil || a.Up(b.id) || a.list.NumMembers() != 1 {
			t.Errorf("from a forgotten peer: %v, up %t, members %d", got, a.Up(b.id), a.list.NumMembers())
		}
	})
}

// TestOtherKey: two Sentinels with different keys hear nothing of each other,
// each says so once, and after a change of the key they do.
func TestOtherKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newMemory()
		one, two := Key(strings.Repeat("1", 32)), Key(strings.Repeat("2", 16))
		a := net.start(t, 'a', 1, func(c *Config) { c.Keys = []Key{one} })
		b := net.start(t, 'b', 2, func(c *Config) { c.Keys = []Key{two} })
		defer closeAll(a, b)
		meet(a, b)
		a.Do(opinion("m", true))
		a.Flush()
		pass(30 * time.Second)
		meet(a, b)
		if a.Up(b.id) || b.opinions() != nil || b.Stats().Forged == 0 {
			t.Errorf("up %t, heard %v, %+v", a.Up(b.id), b.opinions(), b.Stats())
		}
		for _, n := range []*node{a, b} {
			var told int
			for _, line := range n.lines() {
				if strings.Contains(line, "other keys") {
					told++
				}
			}
			if told != 1 {
				t.Errorf("%s said so %d times: %q", n.id[:1], told, n.lines())
			}
		}
		if err := b.SetKeys([]Key{one, two}); err != nil {
			t.Fatal(err)
		}
		meet(a, b)
		pass(7 * time.Second)
		if !a.Up(b.id) || !b.Up(a.id) || len(b.opinions()) == 0 {
			t.Errorf("with the same key: up %t and %t, heard %v", a.Up(b.id), b.Up(a.id), b.opinions())
		}
	})
}

// TestKeyRotation: in three steps without a gap, and the key that was taken away
// opens nothing after its time.
func TestKeyRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newMemory()
		old, next := Key(strings.Repeat("o", 32)), Key(strings.Repeat("n", 32))
		a := net.start(t, 'a', 1, func(c *Config) { c.Keys = []Key{old} })
		b := net.start(t, 'b', 2, func(c *Config) { c.Keys = []Key{old} })
		defer closeAll(a, b)
		meet(a, b)
		pass(2 * time.Second)
		for _, list := range [][]Key{{old, next}, {next, old}, {next}} {
			for _, n := range []*node{a, b} {
				if err := n.SetKeys(list); err != nil {
					t.Fatal(err)
				}
				meet(a, b)
				b.clear()
				a.Do(opinion("m", true))
				a.Flush()
				pass(net.delay)
				if got := b.opinions(); !slices.Equal(got, []string{"a m down"}) {
					t.Errorf("heard %v while %s has %d keys", got, n.id[:1], len(list))
				}
				pass(2 * time.Second)
			}
		}
		if !a.Up(b.id) || a.Stats().Forged+b.Stats().Forged != 0 {
			t.Errorf("up %t, %+v", a.Up(b.id), b.Stats())
		}
		stale := net.start(t, 'c', 3, func(c *Config) { c.Keys = []Key{old} })
		defer stale.Close()
		meet(a, stale)
		stale.Do(opinion("m", true))
		stale.Flush()
		a.clear()
		pass(3 * time.Second)
		if got := a.opinions(); got != nil || a.Stats().Forged == 0 {
			t.Errorf("a key that was taken away opened %v", got)
		}
	})
}

// TestKeyReplacedAtOnce: a node that is not changed yet is accepted for an
// hour.
func TestKeyReplacedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newMemory()
		old, next := Key(strings.Repeat("o", 32)), Key(strings.Repeat("n", 32))
		a := net.start(t, 'a', 1, func(c *Config) { c.Keys = []Key{old} })
		b := net.start(t, 'b', 2, func(c *Config) { c.Keys = []Key{old} })
		defer closeAll(a, b)
		meet(a, b)
		if err := b.SetKeys([]Key{next}); err != nil {
			t.Fatal(err)
		}
		a.Do(opinion("m", true))
		a.Flush()
		pass(net.delay)
		if got := b.opinions(); !slices.Equal(got, []string{"a m down"}) {
			t.Errorf("heard %v", got)
		}
		pass(retiredKeyLife)
		b.clear()
		pass(5 * time.Second)
		if got := b.opinions(); got != nil {
			t.Errorf("a key that is an hour old opened %v", got)
		}
		if err := a.SetKeys([]Key{next}); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Second)
		if len(b.opinions()) == 0 {
			t.Error("nothing is heard with the new key")
		}
	})
}

// TestJoinList: a peer whose own word leads nowhere is found by the list.
func TestJoinList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newMemory()
		a := net.start(t, 'a', 1, func(c *Config) { c.Join = []string{"10.0.0.2:36379", "10.7.7.7:1"} })
		b := net.start(t, 'b', 2, nil)
		defer closeAll(a, b)
		b.learn(a)
		e := b.Endpoint()
		e.Addr.Host = "192.168.55.55"
		a.Do(monitor.GossipPeer{ID: b.id, Endpoint: e})
		a.Flush()
		pass(5 * time.Second)
		if !a.Up(b.id) || !b.Up(a.id) {
			t.Errorf("up %t and %t, stats %+v", a.Up(b.id), b.Up(a.id), a.Stats())
		}
		a.Do(opinion("m", true))
		a.Flush()
		pass(net.delay)
		if got := b.opinions(); !slices.Equal(got, []string{"a m down"}) {
			t.Errorf("heard %v", got)
		}
	})
}

// TestStrangerOnThePort: bytes without the key reach nothing, a recorded packet
// changes nothing, and connections without end hold no memory.
func TestStrangerOnThePort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newMemory()
		type heard struct {
			b        []byte
			from, to netip.AddrPort
		}
		var recorded []heard
		net.tap = func(b []byte, from, to netip.AddrPort) {
			net.mu.Lock()
			defer net.mu.Unlock()
			recorded = append(recorded, heard{append([]byte(nil), b...), from, to})
		}
		secret := func(c *Config) { c.Keys = []Key{Key(strings.Repeat("s", 32))} }
		a, b := net.start(t, 'a', 1, secret), net.start(t, 'b', 2, secret)
		defer closeAll(a, b)
		meet(a, b)
		a.Do(opinion("m", true))
		a.Flush()
		pass(3 * time.Second)
		a.Do(opinion("m", false))
		a.Flush()
		pass(3 * time.Second)
		b.clear()
		stranger, _, _ := net.at("10.66.66.66:1")(nobody{})
		toB := netip.MustParseAddrPort(b.addr)

		net.mu.Lock()
		all := slices.Clone(recorded)
		net.mu.Unlock()
		before := b.Stats()
		for _, h := range all {
			stranger.send(h.b, toB)
			pass(net.delay)
		}
		if got := b.opinions(); got != nil {
			t.Errorf("played back: %v", got)
		}
		pass(10 * time.Second)
		if !a.Up(b.id) || !b.Up(a.id) {
			t.Error("played back packets ended the gossip")
		}
		after := b.Stats()
		if after.Stale == before.Stale || after.Heard != before.Heard {
			t.Errorf("before %+v, after %+v", before, after)
		}

		for n := range 2000 {
			stranger.send(make([]byte, n), toB)
			if n%100 == 0 {
				pass(2 * net.delay)
			}
		}
		for _, h := range all[:20] {
			for i := range h.b {
				bent := append([]byte(nil), h.b...)
				bent[i] ^= 0x10
				stranger.send(bent, toB)
				pass(2 * net.delay)
			}
		}
		pass(net.delay)
		s := b.Stats()
		if s.Forged == 0 || s.Oversized == 0 || s.Heard != after.Heard {
			t.Errorf("after forgeries: %+v", s)
		}

		if !a.Up(b.id) || !b.Up(a.id) {
			t.Error("forgeries ended the gossip")
		}
		stranger.close()
	})
}

type nobody struct{}

func (nobody) packet([]byte, netip.AddrPort, time.Time) {}

// TestThousandsAtOnce: ten thousand masters go down in one moment. All arrive,
// in few packets, in little time.
func TestThousandsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const masters = 10000
		net := newMemory()
		a, b := net.start(t, 'a', 1, nil), net.start(t, 'b', 2, nil)
		defer closeAll(a, b)
		meet(a, b)
		pass(2 * time.Second)
		sent := a.Stats().PacketsSent
		for i := range masters {
			o := opinion("master-"+strings.Repeat("x", 20), true)
			o.Master += string(rune('a'+i%26)) + session.Boot(i).String()
			a.Do(o)
		}
		a.Flush()
		pass(200 * time.Millisecond)
		if got := len(b.opinions()); got != masters {
			t.Errorf("%d of %d arrived", got, masters)
		}
		if n := a.Stats().PacketsSent - sent; n > masters/10 {
			t.Errorf("%d packets for %d masters", n, masters)
		}
	})
}
