package monitor

import "strings"

// retirement is the last part of a switchover: the old master, which is a replica
// of itself, is made a replica of the new one. Its clients are disconnected after
// the new address is known, so that they find it.
type retirement struct {
	on       ConnID // connection over which it was begun
	unpause  uint64 // token of the end of the pause; 0 when it is answered
	kill     uint64
	killed   bool     // its clients were told to go
	old, new roleSave // of the two servers
}

// roleSave is the part in which a server writes its role into its configuration.
// Without it, the server would return to the old role at its next start.
type roleSave struct {
	on    ConnID  // connection over which it was told; 0: it was not
	seq   uint64  // token of the command
	again Instant // when it is told again, because it could not obey just then; 0: it need not be
	done  bool
}

// retire makes the old master a replica of the new one, and reports whether the
// failover need not wait for that any longer. A master that cannot be reached is
// corrected when it can be.
func (c *Core) retire(now Instant, m *master) (done bool) {
	s := &m.switchover
	t := &s.retired
	switch {
	case s.stage == promoting:
		s.stage = retiring
	case s.stage != retiring:
		return c.replaceLost(now, m)
	}
	if m.promoted.role != RoleMaster || m.unproved(m.promoted) != "" {
		return true // it was restarted as something else, and nobody is sent to it
	}
	if !m.link.connected() || m.has(FlagSDown) || t.old.done {
		return c.saveRole(now, &m.promoted.instance, &t.new)
	}
	if t.on != m.link.cmd.id {
		if ok, never := c.mayFollow(now, &m.instance, m.promoted.addr); !ok {
			return never
		}
		*t = retirement{on: m.link.cmd.id, new: t.new}
		m.slaveofLost, m.refusedAt = false, 0
		m.slaveofSeq = c.sendOrder(&m.instance, SlaveOf{
			Host: m.promoted.addr.Shown(c.opts.AnnounceHostnames), Port: m.promoted.addr.Port, Bare: true}, 0)
		if s.pause.asked() {
			t.unpause = c.unpause(m)
		}
		return false
	}
	if m.slaveofSeq != 0 || t.unpause != 0 {
		return false
	}
	if !t.killed {
		// Only now: writers that waited for the end of the pause are told that they
		// have not written before they are disconnected.
		t.killed = true
		t.kill = c.sendFor(&m.instance, KillClients{})
		c.sendFor(&m.instance, KillClients{PubSub: true})
	}
	c.saveRole(now, &m.instance, &t.old)
	c.saveRole(now, &m.promoted.instance, &t.new)
	return false
}

// saveRole has a server write its role into its configuration, and reports whether
// that need not be waited for any longer. If the new master did not, it would be a
// replica after its next start, and nobody the master.
func (c *Core) saveRole(now Instant, i *instance, s *roleSave) (done bool) {
	switch {
	case s.done:
		return true
	case !i.link.connected():
		return i.has(FlagSDown)
	case s.on != i.link.cmd.id, s.again != 0 && now >= s.again:
		*s = roleSave{on: i.link.cmd.id, seq: c.sendFor(i, RewriteConfig{})}
	}
	return false
}

// roleSaved takes the answer of a server that was told to save its role.
func (c *Core) roleSaved(now Instant, i *instance, s *roleSave, refused string) {
	if passing(refused) {
		s.again = now.Add(retryPassing)
		return
	}
	s.done = true
	if strings.HasPrefix(refused, "NOPERM") { // that there is no file is no fault
		c.degraded(i, "the new role is not in the configuration file, and is lost by a restart", refused)
	}
}

// due is when a server is told again to save its role; Never when none is, or when
// one cannot be reached that should have been told by now.
func (t *retirement) due(now Instant) Instant {
	due := Never
	for _, s := range []*roleSave{&t.old, &t.new} {
		if s.again > now && !s.done {
			due = min(due, s.again)
		}
	}
	return due
}

// saveRoleAtOnce has the new master save its role where nobody will wait for that.
func (c *Core) saveRoleAtOnce(m *master) {
	s := &m.switchover
	if (s.stage == promoting || s.stage == retiring) && !s.retired.new.done && m.promoted.link.connected() {
		c.sendFor(&m.promoted.instance, RewriteConfig{})
	}
}

// unpause ends the pause of writes at m.
func (c *Core) unpause(m *master) uint64 { return c.sendFor(&m.instance, Unpause{}) }

// letWrite ends a pause of ours at a server that is not the master any more, or is
// forgotten: nobody else would.
func (c *Core) letWrite(m *master) {
	s := &m.switchover
	if s.drives() && s.pause.asked() && m.link.connected() && m.link.cmd.id == s.old {
		c.unpause(m)
	}
}
