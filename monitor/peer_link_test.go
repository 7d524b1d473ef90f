package monitor

import (
	"slices"
	"testing"
	"time"
)

// sharedPeer is a Core with one other Sentinel, which monitors the same n masters.
func sharedPeer(t *testing.T, n int) (*Core, *link) {
	t.Helper()
	st := manyMasters(n)
	at, _ := IPAddr("10.9.9.9", 26379)
	for _, m := range st.Masters {
		m.DownAfter = 30 * time.Second
		m.Sentinels = []KnownSentinel{{at, paddedID("p")}}
	}
	c := newCore(t, st)
	return c, c.masters[0].peers[0].link
}

// TestFirstHellosAreSpread: a Sentinel that is reached hears of the first masters at once,
// and of thousands within a period.
func TestFirstHellosAreSpread(t *testing.T) {
	const masters = 1000
	c, l := sharedPeer(t, masters)
	if len(l.owners) != masters {
		t.Fatalf("%d masters share the link", len(l.owners))
	}
	var out Effects
	hellos := func() (n int) {
		c.Drain(&out)
		for _, e := range out.Free {
			s, ok := e.(Send)
			if !ok || s.Conn != l.cmd.id {
				continue
			}
			if _, ok := s.Cmd.(PublishHello); ok {
				n++
			}
		}
		return n
	}
	now := origin.Add(time.Second)
	c.Step(now, Tick{})
	hellos()
	c.Step(now, LinkUp{Conn: l.cmd.id, LocalIP: "10.9.9.1"})
	all, end := hellos(), now.Add(c.tun.PublishPeriod)
	if all != hellosAtOnce {
		t.Errorf("%d hellos at once, want %d", all, hellosAtOnce)
	}
	for now < end {
		now = max(now+1, min(c.NextDeadline(), end))
		c.Step(now, Tick{})
		n := hellos()
		if most := masters / 50; n > most {
			t.Errorf("%d hellos after %v, want at most %d", n, now.Sub(origin), most)
		}
		all += n
	}
	if all != masters {
		t.Errorf("%d hellos in the first period, want one about each of %d masters", all, masters)
	}
}

// TestShortestDownAfter: who shares a link has it watched as closely as the most impatient
// of them wants it.
func TestShortestDownAfter(t *testing.T) {
	c, l := sharedPeer(t, 2)
	want := func(d time.Duration) {
		t.Helper()
		if got := l.shortestDownAfter(); got != d {
			t.Errorf("the shortest down-after is %v, want %v", got, d)
		}
	}
	want(30 * time.Second)
	m := c.masters[1]
	m.cfg.DownAfter = time.Second
	c.applyDownAfter(m)
	want(time.Second)
	c.detach(l, &m.peers[0].instance)
	want(30 * time.Second)
	c.attach(l, &m.peers[0].instance)
	want(time.Second)
}

// TestSuccessorIsAVoterEverywhere: a Sentinel with a new id takes the place of another one for
// all masters, although its hellos tell of one after the other. Without it, the others would
// be fewer meanwhile: one alone would take itself for the majority.
func TestSuccessorIsAVoterEverywhere(t *testing.T) {
	c, _ := sharedPeer(t, 2)
	now := origin.Add(time.Minute)
	hello := func(m *master) HelloReceived {
		return HelloReceived{Hello: Hello{
			IP: "10.9.9.9", Port: 26379, RunID: paddedID("new"), MasterName: m.cfg.Name, MasterIP: m.addr.IP, MasterPort: m.addr.Port,
		}}
	}
	voters := func() (n []int) {
		for _, m := range c.masters {
			n = append(n, m.voters())
		}
		return n
	}
	c.Step(now, hello(c.masters[0]))
	if got := voters(); !slices.Equal(got, []int{2, 2}) {
		t.Errorf("after the first hello there are %d voters, want two of each master", got)
	}
	c.Step(now.Add(time.Second), hello(c.masters[1]))
	if got := voters(); !slices.Equal(got, []int{2, 2}) {
		t.Errorf("after both hellos there are %d voters, want two of each master", got)
	}
}
