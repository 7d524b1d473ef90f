package monitor

// retirement is the last part of a switchover: the old master, which is a replica
// of itself, is made a replica of the new one. Its clients are disconnected after
// the new address is known, so that they find it.
type retirement struct {
	on      ConnID // connection over which it was begun
	unpause uint64 // token of the end of the pause; 0 when it is answered
	kill    uint64
	last    uint64 // token of the last command
	done    bool

	savingOn ConnID // connection over which the new master was told to save its role
	saving   uint64 // token of that; 0 when it is answered
	saved    bool
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
		return true
	}
	if m.promoted.role != RoleMaster || m.unproved(m.promoted) != "" {
		return true // it was restarted as something else, and nobody is sent to it
	}
	if !m.link.connected() || m.has(FlagSDown) || t.done {
		return c.saveRole(m)
	}
	if t.on != m.link.cmd.id {
		if ok, never := c.mayFollow(now, &m.instance, m.promoted.addr); !ok {
			return never
		}
		*t = retirement{on: m.link.cmd.id, savingOn: t.savingOn, saving: t.saving, saved: t.saved}
		m.slaveofLost, m.refusedAt = false, 0
		m.slaveofSeq = c.sendOrder(&m.instance, SlaveOf{
			Host: m.promoted.addr.Shown(c.opts.AnnounceHostnames), Port: m.promoted.addr.Port, Bare: true}, 0)
		if s.pause.asked() {
			t.unpause = c.unpause(m)
		}
		return false
	}
	if m.slaveofSeq == 0 && t.unpause == 0 && t.last == 0 {
		// Only now: writers that waited for the end of the pause are told that they
		// have not written before they are disconnected.
		t.kill = c.sendFor(&m.instance, KillClients{})
		c.sendFor(&m.instance, KillClients{PubSub: true})
		t.last = c.sendFor(&m.instance, RewriteConfig{})
		c.saveRole(m)
	}
	return false
}

// saveRole has the new master write its role into its configuration, and reports
// whether that need not be waited for any longer. With the old one it would be a
// replica after its next start, and nobody the master.
func (c *Core) saveRole(m *master) (done bool) {
	t := &m.switchover.retired
	l := m.promoted.link
	switch {
	case t.saved:
		return true
	case !l.connected():
		return m.promoted.has(FlagSDown)
	case t.savingOn != l.cmd.id:
		t.savingOn = l.cmd.id
		t.saving = c.sendFor(&m.promoted.instance, RewriteConfig{})
	}
	return false
}

// saveRoleAtOnce has the new master save its role where nobody will wait for that.
func (c *Core) saveRoleAtOnce(m *master) {
	s := &m.switchover
	if (s.stage == promoting || s.stage == retiring) && !s.retired.saved && m.promoted.link.connected() {
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
