package monitor

import (
	"fmt"
	"slices"

	"github.com/gosentinel/sentinel/election"
)

// This file lets a simulator look into a Core. Nothing in it changes anything.

// MasterProbe is what the invariants of state-machine.md §11.1 say something
// about, for one master. It is a plain value without references into the core.
type MasterProbe struct {
	// Record is never used twice: a master that is removed and monitored again
	// has another one.
	Record  InstanceID
	Name    string
	Current Addr // what clients are told
	Flags   Flags

	Phase        election.Phase
	AttemptEpoch Epoch
	Begun        Instant // of the running attempt; 0 when there is none
	Start        Instant // base of the wait before the next attempt; 0 after a reset or switch
	Forced       bool

	ConfigEpoch Epoch
	VoteEpoch   Epoch
	VoteFor     RunID // "" when nobody, or not known any more

	Promoted  Addr // the replica chosen for promotion; the zero Addr when none is
	Promoting int  // replicas with [FlagPromoted]: 1 when Promoted is set, else 0
	Busy      int  // replicas with [FlagReconfSent] or [FlagReconfInProg]
	Voters    int  // this Sentinel and all others that it knows

	Quorum, ParallelSyncs int
}

// AppendProbes appends a probe of every master to dst, in the order of
// configuration. It does not allocate when dst has room.
func (c *Core) AppendProbes(dst []MasterProbe) []MasterProbe {
	for _, m := range c.masters {
		dst = append(dst, m.probe())
	}
	return dst
}

// SameProbes reports whether [Core.AppendProbes] would give the same again. Most
// inputs change nothing of what is probed, and this finds out in a fraction of
// the time.
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
// master of that name or one of its replicas. It says what the views say and makes
// none.
func (c *Core) Knows(name string, at HostPort) bool {
	m := c.byName[name]
	return m != nil && (c.shown(m.addr) == at ||
		slices.ContainsFunc(m.replicas, func(r *replica) bool { return c.shown(r.addr) == at }))
}

// Changes counts the occasions on which something that is probed may have
// changed: a master was judged or is to be, or there is something to save. While
// it stands still, so does what [Core.AppendProbes] gives. A simulator that looks
// after every step need not look at all after most of them, and checks with
// [Core.SameProbes] now and then that nothing changes in another way.
func (c *Core) Changes() uint64 { return c.changes }

func (m *master) probe() MasterProbe {
	a := &m.attempt
	p := MasterProbe{
		Record: m.id, Name: m.cfg.Name, Current: m.current(), Flags: m.flags,
		Phase: a.Phase(), AttemptEpoch: a.Epoch, Begun: a.Begun, Start: a.Start, Forced: a.Forced,
		ConfigEpoch: m.configEpoch, VoteEpoch: m.ledger.Epoch, VoteFor: m.ledger.For,
		Voters: len(m.peers) + 1, Quorum: m.cfg.Quorum, ParallelSyncs: m.cfg.ParallelSyncs,
	}
	if m.promoted != nil {
		p.Promoted = m.promoted.addr
	}
	p.Promoting, p.Busy = m.flagged()
	return p
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
		p.Begun != a.Begun || p.Start != a.Start || p.Forced != a.Forced ||
		p.ConfigEpoch != m.configEpoch || p.VoteEpoch != m.ledger.Epoch || p.VoteFor != m.ledger.For ||
		p.Voters != len(m.peers)+1 || p.Quorum != m.cfg.Quorum || p.ParallelSyncs != m.cfg.ParallelSyncs {
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
	return p.Promoting == promoting && p.Busy == busy
}

// equal is *a == *b. Written out, it compares the ports first and copies nothing,
// on the busiest path of a simulation.
func (a *Addr) equal(b *Addr) bool { return a.Port == b.Port && a.Host == b.Host && a.IP == b.IP }

// Unsaved reports whether the state differs from the last one that is durable.
func (c *Core) Unsaved() bool { return c.disk.dirty || c.disk.inFlight != nil }

// Audit looks for contradictions inside the core and returns the first one, or
// nil. Call it after [Core.Drain]. It checks that
//
//   - whatever has to happen by itself has a timer, and every timer lies ahead:
//     otherwise a link would never be dialled again, or a failover never end;
//   - every queue keeps its bound, whatever the network sends;
//   - the indexes agree with what they point to.
//
// The time is linear in the number of instances.
func (c *Core) Audit() error {
	if c.clamped != 0 {
		return fmt.Errorf("%d timers asked to run in the past", c.clamped)
	}
	if err := c.timers.audit(c.now); err != nil {
		return err
	}
	if err := c.auditQueues(); err != nil {
		return err
	}
	a := auditor{c: c}
	for _, m := range c.masters {
		a.master(m)
	}
	if a.err == nil && (a.members != len(c.members) || a.conns != len(c.conns) || a.peerLinks != len(c.peerLinks)) {
		a.fail("%d instances, %d connections and %d links to Sentinels are in use, but %d, %d and %d are indexed",
			a.members, a.conns, a.peerLinks, len(c.members), len(c.conns), len(c.peerLinks))
	}
	return a.err
}

// audit checks the order of the heap and that everything in it is alive.
func (h *timerHeap) audit(now Instant) error {
	for k := range h.items {
		t := &h.items[k]
		switch {
		case t.pos != k:
			return fmt.Errorf("timer %d believes to be at place %d", k, t.pos)
		case t.dead:
			return fmt.Errorf("timer %d belongs to nobody", k)
		case k > 0 && t.before(&h.items[(k-1)/4]):
			return fmt.Errorf("timer %d runs before the one above it", k)
		}
	}
	return nil
}

func (c *Core) auditQueues() error {
	const maxPending = 100 // of stock Sentinel (state-machine.md §0)
	d := &c.disk
	switch {
	case len(c.out) != 0 || len(c.queue) != 0:
		return fmt.Errorf("%d effects and %d timers are left after Drain", len(c.out), len(c.queue))
	case len(d.gated) > maxGated:
		return fmt.Errorf("%d effects wait for the disk, more than %d", len(d.gated), maxGated)
	case len(d.waiting) > len(c.masters)+1:
		return fmt.Errorf("%d masters wait for the disk, of %d", len(d.waiting), len(c.masters))
	case d.dirty && d.inFlight == nil && !d.failing:
		return fmt.Errorf("the state is not saved, and nothing is going to save it")
	case len(c.names) > maxNames || len(c.logged) > maxLogged:
		return fmt.Errorf("%d names and %d log lines are remembered", len(c.names), len(c.logged))
	}
	for _, m := range c.masters {
		if len(m.replicas) > maxReplicas || len(m.peers) > maxSentinels {
			return fmt.Errorf("master %s has %d replicas and %d Sentinels", m.cfg.Name, len(m.replicas), len(m.peers))
		}
		if n := m.link.pending; n > maxPending {
			return fmt.Errorf("%d commands to master %s are not answered", n, m.cfg.Name)
		}
	}
	return nil
}

// auditor walks over all instances and counts what it meets.
type auditor struct {
	c                         *Core
	members, conns, peerLinks int
	err                       error
}

func (a *auditor) fail(format string, args ...any) {
	if a.err == nil {
		a.err = fmt.Errorf(format, args...)
	}
}

func (a *auditor) master(m *master) {
	c := a.c
	if c.byName[m.cfg.Name] != m {
		a.fail("master %s is not found by its name", m.cfg.Name)
	}
	for key := range addrKeys(m.addr) {
		if c.byAddr[key] == nil {
			a.fail("master %s is not found by its address %s", m.cfg.Name, key)
		}
	}
	if !m.addr.Same(m.cfg.Addr) {
		a.fail("master %s is at %v, configured at %v", m.cfg.Name, m.addr, m.cfg.Addr)
	}
	if m.attempt.InProgress() && m.judge.pos < 0 && !m.awaiting && !c.tilt && !waitsForInfo(m) {
		a.fail("the failover of %s in state %s has no timer", m.cfg.Name, m.attempt.Phase())
	}
	a.instance(&m.instance, m)
	for _, r := range m.replicas {
		a.instance(&r.instance, r)
	}
	for _, p := range m.peers {
		a.instance(&p.instance, p)
	}
}

// waitsForInfo reports whether what ends the phase of m can only arrive.
func waitsForInfo(m *master) bool { return m.attempt.Phase() == election.ReconfReplicas }

func (a *auditor) instance(i *instance, mem member) {
	c, l := a.c, i.link
	a.members++
	if c.members[i.id] != mem {
		a.fail("%s %s is not found by its id", i.kind, i.name)
	}
	if l == nil || len(l.owners) == 0 {
		a.fail("%s %s has no link", i.kind, i.name)
		return
	}
	if l.connected() {
		if i.timer.pos < 0 && !i.helloPending {
			a.fail("no hello to %s %s is under way or planned", i.kind, i.name)
		}
		if i.kind != KindSentinel && i.timer.pos < 0 && !i.infoPending {
			a.fail("no INFO of %s %s is under way or planned", i.kind, i.name)
		}
	}
	if l.owners[0] == i {
		a.link(l, i)
	}
}

func (a *auditor) link(l *link, i *instance) {
	c := a.c
	if !l.server {
		a.peerLinks++
	}
	for _, cn := range []*conn{&l.cmd, &l.pubsub} {
		if cn.id == 0 {
			continue
		}
		a.conns++
		if c.conns[cn.id] != l {
			a.fail("connection %d of %s %s leads elsewhere", cn.id, i.kind, i.name)
		}
	}
	if l.timer.dead {
		a.fail("the link to %s %s is not looked after", i.kind, i.name)
	}
	waiting := l.cmd.up && l.pingPending // for PONG or the loss of the connection
	if l.timer.pos < 0 && !waiting && i.addr.Port != 0 {
		a.fail("nothing is planned for the link to %s %s", i.kind, i.name)
	}
}
