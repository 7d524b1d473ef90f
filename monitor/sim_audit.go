package monitor

import (
	"fmt"

	"github.com/gosentinel/sentinel/election"
)

// This file checks the inside of a Core. It changes nothing.

// Audit looks for inconsistencies inside the core and returns the first one, or
// nil. Call it after [Core.Drain]. It checks that
//
//   - everything that no input will cause has a timer, and every timer lies ahead:
//     otherwise a link would never be dialled again, or a failover never end;
//   - every queue keeps its bound, whatever the network sends;
//   - others are told the address that each master has now, and that it is not down only if so, see [Core.TakeAddrs];
//   - the indexes agree with what they point to;
//   - the state that is kept for the next save is the present one.
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
	if err := c.auditKept(); err != nil {
		return err
	}
	a := auditor{c: c}
	for _, m := range c.masters {
		a.master(m)
	}
	if a.err == nil && (a.members != len(c.members) || a.conns != len(c.conns) || a.fences != len(c.fences) || a.peerLinks != len(c.peerLinks)) {
		a.fail("%d instances, %d connections, %d fences and %d links to Sentinels are in use, but %d, %d, %d and %d are indexed",
			a.members, a.conns, a.fences, a.peerLinks, len(c.members), len(c.conns), len(c.fences), len(c.peerLinks))
	}
	return a.err
}

// audit checks the order of the heap and that everything in it is alive.
func (h *timerHeap) audit(now Instant) error {
	for k := range h.items {
		t := &h.items[k]
		switch {
		case t.pos != k:
			return fmt.Errorf("timer %d has its place recorded as %d", k, t.pos)
		case t.stopped:
			return fmt.Errorf("timer %d is stopped and still in the heap", k)
		case k > 0 && t.before(&h.items[(k-1)/4]):
			return fmt.Errorf("timer %d runs before the one above it", k)
		}
	}
	return nil
}

// AuditSave compares a state to be saved with the core that has just handed it out. Most
// of it is kept from the save before.
func (c *Core) AuditSave(p Persist) error {
	is := c.State()
	if len(is.Masters) > maxAged {
		return c.auditKept() // offsets may be older
	}
	was := p.State
	if was.Options != is.Options || was.CurrentEpoch != is.CurrentEpoch || was.EpochsUnknown != is.EpochsUnknown || len(was.Masters) != len(is.Masters) {
		return fmt.Errorf("the save has %+v instead of %+v", was, is)
	}
	for k, m := range is.Masters {
		if was.Masters[k].String() != m.String() {
			return fmt.Errorf("the save has %v instead of %v", was.Masters[k], m)
		}
	}
	return nil
}

// auditKept checks that what a save would take from the last one is still true.
func (c *Core) auditKept() error {
	for _, m := range c.masters {
		if m.kept.stale || m.kept.state == nil {
			continue
		}
		was, is := *m.kept.state, *m.state()
		if m.kept.aged {
			was.Lineage.Offset = is.Lineage.Offset
		}
		if was.String() != is.String() {
			return fmt.Errorf("the next save would hold of master %q %v instead of %v", m.cfg.Name, &was, &is)
		}
	}
	return nil
}

func (c *Core) auditQueues() error {
	const maxPending = 100 // of stock Sentinels (state-machine.md §0, Constants)
	d := &c.disk
	switch {
	case len(c.out) != 0 || len(c.queue) != 0:
		return fmt.Errorf("%d effects and %d timers are left after Drain", len(c.out), len(c.queue))
	case len(d.gated) > c.maxGated():
		return fmt.Errorf("%d effects wait for the disk, more than %d", len(d.gated), c.maxGated())
	case len(d.waiting) > len(c.masters)+1:
		return fmt.Errorf("%d masters wait for the disk, of %d", len(d.waiting), len(c.masters))
	case d.dirty && d.inFlight == nil && !d.failing:
		return fmt.Errorf("the state is not saved, and nothing is going to save it")
	case len(c.names) > maxNames || len(c.logged) > maxLogged:
		return fmt.Errorf("%d names and %d log lines are remembered", len(c.names), len(c.logged))
	}
	for _, m := range c.masters {
		if len(m.replicas) > maxReplicas || len(m.peers)+len(m.distant) > maxSentinels {
			return fmt.Errorf("master %s has %d replicas and %d Sentinels", m.cfg.Name, len(m.replicas), len(m.peers))
		}
		if n := m.link.pending; n > maxPending {
			return fmt.Errorf("%d commands to master %s are not answered", n, m.cfg.Name)
		}
	}
	return nil
}

// auditor visits all instances and counts what it finds.
type auditor struct {
	c                                 *Core
	members, conns, fences, peerLinks int
	err                               error
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
	if now := c.show(m); !m.unshown && m.shownAs != now && (m.shownAs.Addr != now.Addr || m.shownAs.Quiet != (HostPort{})) {
		a.fail("others are told of master %s: %+v, but it is so: %+v", m.cfg.Name, m.shownAs, now)
	}
	if m.attempt.InProgress() && m.judge.pos < 0 && !m.awaiting && !c.tilt && !waitsForInfo(m) {
		a.fail("the failover of %s in state %s has no timer", m.cfg.Name, m.attempt.Phase())
	}
	for _, f := range m.fences {
		if f.open() {
			a.fences++
			if c.fences[f.id] != f {
				a.fail("fence %d of master %s leads elsewhere", f.id, m.cfg.Name)
			}
		}
	}
	a.instance(&m.instance, m)
	for _, r := range m.replicas {
		a.instance(&r.instance, r)
	}
	for _, p := range m.peers {
		a.instance(&p.instance, p)
	}
}

// waitsForInfo reports whether only an input can end the phase of m, not a
// timer.
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
	if len(l.troubles) > maxTroubles {
		a.fail("%d troubles of %s %s are remembered", len(l.troubles), i.kind, i.name)
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
	if l.timer.stopped {
		a.fail("the link to %s %s is not looked after", i.kind, i.name)
	}
	waiting := l.cmd.up && l.pingPending // for PONG or the loss of the connection
	if l.timer.pos < 0 && !waiting && i.addr.Port != 0 {
		a.fail("nothing is planned for the link to %s %s", i.kind, i.name)
	}
}
