package monitor

import "testing"

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
	m.replicas[0].infoAsked = origin
	if c.promisedUntil(origin, m) <= origin {
		t.Fatal("there are no promises to forget")
	}
	c.restartIsolation(m)
	v := &m.isolation
	if c.promisedUntil(origin, m) != 0 || c.hasMajority(origin, m, 0) || m.replicas[0].infoAsked != 0 {
		t.Error("what was heard before counts")
	}
	if !v.held || v.since != 1 || m.peers[0].pledge.seq != 7 {
		t.Errorf("%+v: it would wait, or not act at all, or take an old answer for a new one", v)
	}
}
