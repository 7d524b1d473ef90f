package monitor

import (
	"testing"
	"time"
)

// TestIsolationRestarts: when the clock stood still nothing counts that was heard before, and
// the master is not taken for one that never had promises.
func TestIsolationRestarts(t *testing.T) {
	st := oneMaster()
	for k := range 2 {
		addr, _ := IPAddr("10.0.1."+string(rune('1'+k)), 26379)
		st.Masters[0].Sentinels = append(st.Masters[0].Sentinels, KnownSentinel{Addr: addr, ID: paddedID("p" + string(rune('1'+k)))})
	}
	at, _ := IPAddr("10.0.0.2", 6379)
	st.Masters[0].Replicas = []Addr{at}
	c := newCore(t, st)
	m := c.masters[0]
	c.now = origin
	m.isolation = isolation{since: 1, held: true}
	for _, p := range m.peers {
		p.pledge = pledge{seq: 7, from: 2, until: origin.Add(m.promiseLength()), binds: true}
	}
	r := m.replicas[0]
	r.infoRefresh, r.infoAsked, r.role, r.masterLinkUp, r.link.cmd.up = origin, origin, RoleReplica, true, true
	r.masterHost, r.masterPort = m.addr.Host, m.addr.Port
	f := c.fenceFor(m, m.addr)
	f.surely = origin.Add(m.fenceLength())
	if c.promisedUntil(origin, m, 0) <= origin || c.replicasSeen(m) != origin || !m.isHeld(origin, f) {
		t.Fatal("there is nothing to forget")
	}
	c.restartIsolation(m)
	v := &m.isolation
	if c.promisedUntil(origin, m, 0) != 0 || c.hasMajority(origin, m, 0) || c.replicasSeen(m) != 0 || m.isHeld(origin, f) {
		t.Error("what was heard before counts")
	}
	if !v.held || v.since != 1 || m.peers[0].pledge.seq != 7 {
		t.Errorf("%+v: it would wait, or not act at all, or take an old answer for a new one", v)
	}
}

// TestSleepEndsConfirmation: after a sleep nobody counts as one who has confirmed a configuration,
// and an answer that was under way confirms nothing.
func TestSleepEndsConfirmation(t *testing.T) {
	st := oneMaster()
	for k := range 2 {
		addr, _ := IPAddr("10.0.1."+string(rune('1'+k)), 26379)
		st.Masters[0].Sentinels = append(st.Masters[0].Sentinels, KnownSentinel{Addr: addr, ID: paddedID("p" + string(rune('1'+k)))})
	}
	c := newCore(t, st)
	m := c.masters[0]
	for _, p := range m.peers {
		p.told, p.configAsked = toldConfig{0, origin}, origin
	}
	if c.confirmedUntil(m) <= origin {
		t.Fatal("it is not confirmed")
	}
	c.Step(origin.Add(1), Stood{By: 3e9})
	p := m.peers[0]
	if p.told = (toldConfig{0, p.configAsked}); c.confirmedUntil(m) != 0 {
		t.Error("what was asked before the sleep confirms something")
	}
}

// TestShortPromises: where down-after is shorter at another Sentinel, its promises hold for less
// than the margin here. They count all the same, and are asked for in time.
func TestShortPromises(t *testing.T) {
	const margin = 400 * time.Millisecond
	for _, c := range []struct{ promised, ends, gap time.Duration }{
		{time.Second, 600 * time.Millisecond, 250 * time.Millisecond},
		{800 * time.Millisecond, 400 * time.Millisecond, 200 * time.Millisecond},
		{300 * time.Millisecond, 150 * time.Millisecond, 75 * time.Millisecond},
		{10 * time.Millisecond, 5 * time.Millisecond, 50 * time.Millisecond},
	} {
		g := pledge{from: origin, until: origin.Add(c.promised)}
		if got := g.ends(margin); got != origin.Add(c.ends) {
			t.Errorf("a promise of %v ends after %v, want %v", c.promised, got.Sub(origin), c.ends)
		}
		if got := g.askGap(time.Second); got != c.gap {
			t.Errorf("a promise of %v is asked for after %v, want %v", c.promised, got, c.gap)
		}
	}
	if got := new(pledge).askGap(time.Second); got != time.Second/4 {
		t.Errorf("the first question comes after %v", got)
	}
}
