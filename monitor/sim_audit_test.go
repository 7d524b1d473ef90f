package monitor

import (
	"testing"
	"time"
)

// auditedCore is a core with a master, a replica and another Sentinel, connected
// to all of them.
func auditedCore(t *testing.T) *Core {
	t.Helper()
	addr := func(host string, port int) Addr { a, _ := IPAddr(host, port); return a }
	c, err := New(1, Params{State: State{
		Options: Options{MyID: paddedID("me")},
		Masters: []*MasterState{{
			MasterConfig: MasterConfig{Name: "m", Addr: addr("10.0.0.1", 6379), Quorum: 1, DownAfter: time.Second},
			Replicas:     []Addr{addr("10.0.0.2", 6379)},
			Sentinels:    []KnownSentinel{{addr("10.0.1.1", 26379), paddedID("peer")}},
		}},
	}, Port: 26379})
	if err != nil {
		t.Fatal(err)
	}
	var out Effects
	turn := func(in Input) []Effect {
		c.Step(c.now+1, in)
		c.Drain(&out)
		if p := out.Persist; p != nil {
			c.Step(c.now+1, Persisted{Seq: p.Seq})
		}
		effects := append([]Effect(nil), out.Free...)
		c.Drain(&out)
		return append(effects, out.Free...)
	}
	dialled := 0
	for _, e := range turn(Tick{}) {
		if d, ok := e.(Dial); ok {
			turn(LinkUp{Conn: d.Conn, LocalIP: "10.0.1.9"})
			dialled++
		}
	}
	if dialled != 5 {
		t.Fatalf("%d connections were dialled, want 5", dialled)
	}
	if err := c.Audit(); err != nil {
		t.Fatalf("a healthy core: %v", err)
	}
	return c
}

// TestAuditFindsContradictions damages a healthy core in every way that Audit
// looks for.
func TestAuditFindsContradictions(t *testing.T) {
	for _, d := range []struct {
		name   string
		damage func(c *Core, m *master)
	}{
		{"a timer in the past", func(c *Core, _ *master) { c.clamped++ }},
		{"a timer at a wrong place", func(c *Core, _ *master) { c.timers.items[0].pos = 3 }},
		{"a timer of nobody", func(c *Core, _ *master) { c.timers.items[0].stopped = true }},
		{"timers out of order", func(c *Core, _ *master) { c.timers.items[0].at = Never - 1 }},
		{"effects that were not drained", func(c *Core, _ *master) { c.free(Log{}) }},
		{"too much behind the disk", func(c *Core, _ *master) { c.disk.gated = make([]Effect, minGated+1) }},
		{"masters that wait twice for the disk", func(c *Core, m *master) { c.disk.waiting = []*master{m, m, m} }},
		{"a state that nobody saves", func(c *Core, _ *master) { c.disk.dirty = true }},
		{"too many troubles", func(_ *Core, m *master) { m.link.troubles = make([]trouble, maxTroubles+1) }},
		{"too many names", func(c *Core, _ *master) {
			for k := range maxNames + 1 {
				c.names[time.Duration(k).String()] = hostName{}
			}
		}},
		{"too many conditions that were logged", func(c *Core, _ *master) {
			for k := range maxLogged + 1 {
				c.logged[time.Duration(k).String()] = true
			}
		}},
		{"too many replicas", func(_ *Core, m *master) { m.replicas = make([]*replica, maxReplicas+1) }},
		{"too many Sentinels", func(_ *Core, m *master) { m.peers = make([]*peer, maxSentinels+1) }},
		{"too many commands under way", func(_ *Core, m *master) { m.link.pending = 101 }},
		{"a master that its name does not find", func(c *Core, m *master) { delete(c.byName, m.cfg.Name) }},
		{"a master that its address does not find", func(c *Core, _ *master) { clear(c.byAddr) }},
		{"a master that is not where it is configured", func(_ *Core, m *master) { m.cfg.Addr.Port, m.cfg.Addr.Host = 1, "h" }},
		{"clients that get an old address", func(c *Core, m *master) {
			c.TakeAddrs(func(Shown) {})
			m.shownAs.Addr.Port++
		}},
		{"a master that is said not to be down", func(c *Core, m *master) {
			m.clear(FlagSDown)
			c.TakeAddrs(func(Shown) {})
			m.set(FlagSDown)
		}},
		{"a failover without a timer", func(c *Core, m *master) {
			m.attempt.Begin(c.now, 5, 0, true)
			c.timers.remove(&m.judge)
		}},
		{"an instance that its id does not find", func(c *Core, m *master) { delete(c.members, m.id) }},
		{"an instance that is not there any more", func(c *Core, m *master) { c.members[99] = m }},
		{"an instance without a link", func(_ *Core, m *master) { m.replicas[0].link = nil }},
		{"a link without an owner", func(_ *Core, m *master) { m.replicas[0].link.owners = nil }},
		{"a connection that leads elsewhere", func(c *Core, m *master) { c.conns[m.link.cmd.id] = m.replicas[0].link }},
		{"a connection of nobody", func(c *Core, m *master) { c.conns[99] = m.link }},
		{"a link to a Sentinel of nobody", func(c *Core, m *master) { c.peerLinks["x"] = m.link }},
		{"hellos that have ended", func(c *Core, m *master) {
			c.timers.remove(&m.peers[0].timer)
			m.peers[0].helloPending = false
		}},
		{"INFO that has ended", func(c *Core, m *master) {
			c.timers.remove(&m.timer)
			m.helloPending, m.infoPending = true, false
		}},
		{"a link that nobody looks after", func(c *Core, m *master) { c.stopTimer(&m.link.timer) }},
		{"a link that will never be dialled", func(c *Core, m *master) {
			c.timers.remove(&m.link.timer)
			m.link.pingPending = false
		}},
	} {
		c := auditedCore(t)
		d.damage(c, c.masters[0])
		if c.Audit() == nil {
			t.Errorf("%s: nothing is said", d.name)
		}
	}
}

// TestSameProbes: what SameProbes says must agree with a comparison of probes,
// for a change of every field.
func TestSameProbes(t *testing.T) {
	changes := map[string]func(*master){
		"nothing":        func(*master) {},
		"Record":         func(m *master) { m.id++ },
		"Current":        func(m *master) { m.addr.Port++ },
		"Flags":          func(m *master) { m.set(FlagSDown) },
		"Phase":          func(m *master) { m.attempt.Begin(5, 5, 0, false) },
		"AttemptEpoch":   func(m *master) { m.attempt.Epoch++ },
		"Begun":          func(m *master) { m.attempt.Begun++ },
		"Start":          func(m *master) { m.attempt.Start++ },
		"Forced":         func(m *master) { m.attempt.Forced = true },
		"ConfigEpoch":    func(m *master) { m.configEpoch++ },
		"VoteEpoch":      func(m *master) { m.ledger.Epoch++ },
		"VoteFor":        func(m *master) { m.ledger.For = "x" },
		"Promoted":       func(m *master) { m.promoted = m.replicas[0] },
		"Promoting":      func(m *master) { m.replicas[0].set(FlagPromoted) },
		"Busy":           func(m *master) { m.replicas[0].set(FlagReconfSent) },
		"Voters":         func(m *master) { m.peers = append(m.peers, m.peers[0]) },
		"Quorum":         func(m *master) { m.cfg.Quorum++ },
		"ParallelSyncs":  func(m *master) { m.cfg.ParallelSyncs++ },
		"another master": nil,
	}
	for name, change := range changes {
		c := auditedCore(t)
		before := c.AppendProbes(nil)
		if change != nil {
			change(c.masters[0])
		} else {
			c.masters = append(c.masters, c.masters[0])
		}
		after := c.AppendProbes(nil)
		same := len(before) == len(after) && before[0] == after[0]
		if c.SameProbes(before) != same || same != (name == "nothing") {
			t.Errorf("%s: SameProbes says %t, the probes are the same: %t", name, c.SameProbes(before), same)
		}
		if !c.SameProbes(after) {
			t.Errorf("%s: the probes of now are not the same as those of now", name)
		}
	}
}
