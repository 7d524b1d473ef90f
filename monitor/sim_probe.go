package monitor

import (
	"slices"

	"github.com/gosentinel/sentinel/election"
)

// MasterProbe holds what the invariants of state-machine.md §11.1, Safety
// invariants, are about, for one master. It is a plain value without references
// into the core.
type MasterProbe struct {
	// Record is never reused: a master that is removed and monitored again has
	// another one.
	Record  InstanceID
	Name    string
	Current Addr // what clients are told
	Flags   Flags

	Phase        election.Phase
	AttemptEpoch Epoch
	Begun        Instant // of the running attempt; 0 when there is none
	Start        Instant // base of the wait before the next attempt; 0 after a reset or switch
	Forced       bool
	TakingOver   bool // of a switchover that its driver has left

	ConfigEpoch Epoch
	VoteEpoch   Epoch
	VoteFor     RunID // "" when none was given, or when it is no longer known

	Promoted  Addr // the replica chosen for promotion; the zero Addr when none is
	Promoting int  // replicas with [FlagPromoted]: 1 when Promoted is set, else 0
	Busy      int  // replicas with [FlagReconfSent] or [FlagReconfInProg]
	Voters    int  // this Sentinel and all others that it knows

	Quorum, ParallelSyncs int

	Isolation IsolationProbe
}

// IsolationProbe is what the invariants of the isolation fence are about. The zero value: no
// master is guarded.
type IsolationProbe struct {
	Guards     Instant // from when the master must be paused while no majority promises; 0: it need not be
	Wanted     Instant // when a candidate first asked for the vote that is withheld for that; 0: none does
	Fenced     Instant // when it was paused; 0: it is not
	FencedAddr Addr    // the server that is paused
}

// AppendProbes appends a probe of every master to dst, in the order of
// configuration. It does not allocate when dst has room.
func (c *Core) AppendProbes(dst []MasterProbe) []MasterProbe {
	for _, m := range c.masters {
		dst = append(dst, m.probe())
	}
	return dst
}

// SameProbes reports whether [Core.AppendProbes] would give the same again.
// Most inputs change nothing that is probed, and this finds out in a fraction
// of the time.
func (c *Core) SameProbes(probes []MasterProbe) bool {
	if len(probes) != len(c.masters) {
		return false
	}
	for k, m := range c.masters {
		if !m.matches(&probes[k]) {
			return false
		}
	}
	return true
}

// Knows reports whether the server at the given address, as it is shown, is the
// master of that name or one of its replicas. It agrees with the views, but
// makes none.
func (c *Core) Knows(name string, at HostPort) bool {
	m := c.byName[name]
	return m != nil && (c.shown(m.addr) == at ||
		slices.ContainsFunc(m.replicas, func(r *replica) bool { return c.shown(r.addr) == at }))
}

// Asked reports whether an answer is to a question about an instance that there still
// is. Others are dropped: each switch makes new instances of all servers.
func (c *Core) Asked(t Token) bool { return c.members[t.Instance] != nil }

// Changes counts the occasions on which something that is probed may have
// changed: a master was judged or is to be, or there is something to save.
// While it stays the same, so does the result of [Core.AppendProbes]. A
// simulator need not probe after a step that did not raise it, and verifies
// that with [Core.SameProbes] now and then.
func (c *Core) Changes() uint64 { return c.changes }

func (m *master) probe() MasterProbe {
	a := &m.attempt
	p := MasterProbe{
		Record: m.id, Name: m.cfg.Name, Current: m.current(), Flags: m.flags,
		Phase: a.Phase(), AttemptEpoch: a.Epoch, Begun: a.Begun, Start: a.Start, Forced: a.Forced,
		TakingOver:  m.switchover.stage == takingOver,
		ConfigEpoch: m.configEpoch, VoteEpoch: m.ledger.Epoch, VoteFor: m.ledger.For,
		Voters: m.voters(), Quorum: m.cfg.Quorum, ParallelSyncs: m.cfg.ParallelSyncs,
	}
	if m.promoted != nil {
		p.Promoted = m.promoted.addr
	}
	p.Promoting, p.Busy = m.flagged()
	p.Isolation = m.isolation.probe()
	return p
}

func (v *isolation) probe() IsolationProbe {
	return IsolationProbe{v.guards, v.first, v.fencedAt, v.at}
}

// flagged counts the replicas that are marked in a failover.
func (m *master) flagged() (promoting, busy int) {
	for _, r := range m.replicas {
		if r.has(FlagPromoted) {
			promoting++
		}
		if r.has(FlagReconfSent | FlagReconfInProg) {
			busy++
		}
	}
	return promoting, busy
}

// matches is m.probe() == *p without making the probe. The name is fixed for a
// record.
func (m *master) matches(p *MasterProbe) bool {
	a := &m.attempt
	if p.Record != m.id || p.Flags != m.flags || p.Phase != a.Phase() || p.AttemptEpoch != a.Epoch ||
		p.Begun != a.Begun || p.Start != a.Start || p.Forced != a.Forced || p.TakingOver != (m.switchover.stage == takingOver) ||
		p.ConfigEpoch != m.configEpoch || p.VoteEpoch != m.ledger.Epoch || p.VoteFor != m.ledger.For ||
		p.Voters != m.voters() || p.Quorum != m.cfg.Quorum || p.ParallelSyncs != m.cfg.ParallelSyncs {
		return false
	}
	current, promoted := &m.addr, &Addr{}
	if m.promoted != nil {
		promoted = &m.promoted.addr
		if a.Published() {
			current = promoted
		}
	}
	if !p.Current.equal(current) || !p.Promoted.equal(promoted) {
		return false
	}
	promoting, busy := m.flagged()
	return p.Promoting == promoting && p.Busy == busy && p.Isolation == m.isolation.probe()
}

// equal is *a == *b. Written out, it compares the ports first and copies nothing,
// on the busiest path of a simulation.
func (a *Addr) equal(b *Addr) bool { return a.Port == b.Port && a.Host == b.Host && a.IP == b.IP }

// Unsaved reports whether the state differs from the last one that is durable.
func (c *Core) Unsaved() bool { return c.disk.dirty || c.disk.inFlight != nil }

// InFlight returns the write in flight, or nil: the last [Persist] that was
// drained, until it is answered.
func (c *Core) InFlight() *Persist { return c.disk.inFlight }

// PersistFailing returns why the state cannot be saved, or "" when it can.
func (c *Core) PersistFailing() string {
	if !c.disk.failing {
		return ""
	}
	return c.disk.reason
}

// MasterOf returns the name of the master to which a record belongs; "" when there is no
// such record any more.
func (c *Core) MasterOf(id InstanceID) string {
	if mem := c.members[id]; mem != nil {
		return mem.base().master.cfg.Name
	}
	return ""
}

// Hears reports whether what arrives over a connection is taken in: one that was given up may
// have more to say.
func (c *Core) Hears(conn ConnID) bool { return c.conns[conn] != nil }

// PeerOf returns the id of the Sentinel that a token of a question is for; "" when it is for none.
func (c *Core) PeerOf(id InstanceID) RunID {
	if p, ok := c.members[id].(*peer); ok {
		return p.runID
	}
	return ""
}

// AsksAbout returns the name of the master that a question is about; "" when there is none.
func (c *Core) AsksAbout(in Ask) string {
	if m := c.masterAt(in.IP, in.Port); m != nil {
		return m.cfg.Name
	}
	return ""
}

// FencedFor returns the name of the master for which a fence was dialled; "" when the
// connection is none, or is closed.
func (c *Core) FencedFor(conn ConnID) string {
	if f := c.fences[conn]; f != nil {
		return f.m.cfg.Name
	}
	return ""
}
