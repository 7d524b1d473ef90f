package monitor

// Role is the replication role that a server reported in INFO.
type Role uint8

// Roles; the zero value means that no role line was seen.
const (
	RoleNone Role = iota
	RoleMaster
	RoleReplica
)

// String returns "master", or "slave" for the other two as stock Sentinel does.
func (r Role) String() string {
	if r == RoleMaster {
		return "master"
	}
	return "slave"
}

// changeRole sends the role change to i: make it a replica of to, or promote it
// when to is the zero Addr. It never tells a server to follow itself.
func (c *Core) changeRole(i *instance, to Addr) bool {
	cmd := SlaveOf{Host: to.Shown(c.opts.AnnounceHostnames), Port: to.Port}
	if !i.link.connected() || (cmd.Host != "" && i.addr.Same(to)) {
		return false
	}
	i.slaveofLost = false
	i.slaveofSeq = c.sendFor(i, cmd)
	return true
}

// slaveofReply handles the outcome of a role change. A server that refuses the
// transaction as a whole, for example because CLIENT is renamed or forbidden,
// gets the commands one by one: the role matters more than the rest.
func (c *Core) slaveofReply(now Instant, in SlaveOfReply) {
	l := c.replyOn(in.Conn)
	mem := c.members[in.Token.Instance]
	if l == nil || mem == nil || mem.base().link != l || mem.base().slaveofSeq != in.Token.Seq {
		return
	}
	i := mem.base()
	i.slaveofSeq = 0
	if in.Refused != "" && in.Refused != i.slaveofError {
		c.log(LevelWarning, "Server "+c.shown(i.addr).String()+" refused a role change: "+in.Refused)
	}
	i.slaveofError = in.Refused
	switch {
	case !in.Aborted:
	case c.tilt:
		// The reply waited while this process was stalled. Another leader may
		// have acted meanwhile, and repeating the order now could make a second
		// master. What is still wanted when TILT ends is ordered again then.
		i.slaveofLost = true
	default:
		to, ok := i.master.roleTarget(mem)
		if !ok {
			return
		}
		cmd := SlaveOf{Host: to.Shown(c.opts.AnnounceHostnames), Port: to.Port, Plain: true}
		i.slaveofSeq = c.sendFor(i, cmd)
	}
	c.touch(i.master)
}

// roleTarget returns the address that a replica should follow now: the zero
// Addr when it is the one to promote.
func (m *master) roleTarget(mem member) (Addr, bool) {
	r, ok := mem.(*replica)
	switch {
	case !ok:
		return Addr{}, false
	case r == m.promoted:
		return Addr{}, true
	case r.addr.Same(m.current()):
		return Addr{}, false
	}
	return m.current(), true
}
