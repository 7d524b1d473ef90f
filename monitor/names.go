package monitor

import "slices"

// maxNames bounds the host names whose addresses are cached: names come from the
// network.
const maxNames = 4096

// maxAddrs bounds the addresses of one name.
const maxAddrs = 16

// nameAddrs are the addresses of a host name, the preferred one first. They are
// replaced and never changed, so that a clone of the core may share them.
type nameAddrs []string

// preferring returns the same addresses with one of them first.
func (a nameAddrs) preferring(ip string) nameAddrs {
	if !slices.Contains(a, ip) {
		return a
	}
	list := make(nameAddrs, 1, len(a))
	list[0] = ip
	for _, other := range a {
		if other != ip {
			list = append(list, other)
		}
	}
	return list
}

// resolve asks for the address of a host name. The last known address stays in
// use until there is a better one.
func (c *Core) resolve(i *instance) {
	if !c.opts.ResolveHostnames || i.addr.Host == "" {
		return
	}
	if _, literal := IPAddr(i.addr.Host, 0); literal {
		return
	}
	waiting, asked := c.lookups[i.addr.Host]
	if !slices.Contains(waiting, i.id) {
		c.lookups[i.addr.Host] = slices.Clip(append(waiting, i.id)) // a clone shares what is there
	}
	if !asked {
		c.free(Resolve{Host: i.addr.Host})
	}
}

func (c *Core) resolving(host string) bool {
	_, asked := c.lookups[host]
	return asked
}

func (c *Core) resolved(now Instant, in Resolved) {
	waiting := c.lookups[in.Host]
	delete(c.lookups, in.Host)
	if len(in.IPs) == 0 { // keep what was dialled meanwhile
		c.unresolved(now, in.Host, waiting)
		return
	}
	delete(c.logged, "resolve:"+in.Host)
	ips, changed := c.remember(in.Host, in.IPs)
	for _, id := range waiting {
		mem := c.members[id]
		if mem == nil || mem.base().addr.Host != in.Host {
			continue
		}
		i := mem.base()
		// An address that the name still has is kept: a resolver may rotate its
		// answers, and what works must not move with them.
		moved := !slices.Contains(ips, i.addr.IP)
		if moved && c.moveTo(mem, ips[0]) {
			continue
		}
		if moved || (changed && len(ips) > 1) {
			c.redialResolved(i.link, &i.link.cmd, moved)
			c.redialResolved(i.link, &i.link.pubsub, moved)
		}
	}
	for _, id := range waiting {
		if mem := c.members[id]; mem != nil {
			mem.base().link.cmd.unconfirmed, mem.base().link.pubsub.unconfirmed = false, false
		}
	}
}

// unresolved tells that a name has no address. Whoever has no earlier address
// cannot be reached.
func (c *Core) unresolved(now Instant, host string, waiting []InstanceID) {
	c.logOnce("resolve:"+host, LevelWarning, "Failed to resolve hostname '"+host+"'")
	for _, id := range waiting {
		if mem := c.members[id]; mem != nil && mem.base().addr.IP == "" {
			c.note(now, mem.base().link, trouble{step: StepConnect, cause: CauseName, told: true, text: "its name " + host + " does not resolve"})
		}
	}
}

// remember keeps the addresses of a name and returns them with the preferred one
// first: the one that was preferred before, if the name still has it. changed
// says that there are others than before.
func (c *Core) remember(host string, ips nameAddrs) (list nameAddrs, changed bool) {
	list = slices.Clip(slices.Clone(ips[:min(len(ips), maxAddrs)]))
	old, known := c.names[host]
	switch {
	case known:
		list = list.preferring(old[0])
	case len(c.names) >= maxNames:
		return list, false
	}
	c.names[host] = list
	for _, ip := range list {
		changed = changed || !slices.Contains(old, ip)
	}
	return list, changed || len(list) != len(old)
}

// moveTo gives a member another address of its name, and reports whether it is
// gone, because something else is known there already.
func (c *Core) moveTo(mem member, ip string) (gone bool) {
	i := mem.base()
	m, isMaster := mem.(*master)
	if isMaster {
		c.unindex(m)
	}
	i.addr.IP = ip
	if isMaster {
		c.index(m)
		m.cfg.Addr = m.addr
		c.removeSelfReplica(m)
	}
	c.touch(i.master)
	r, isReplica := mem.(*replica)
	return isReplica && c.mergeAliases(r)
}

// redialResolved follows a name to its new addresses at once, unless there is a
// connection that was made before the name was looked up: that server is alive,
// and DNS may err. A connection made during the look-up is closed even if it
// works, when the address has moved: the old one may belong to another server by
// now.
func (c *Core) redialResolved(l *link, cn *conn, moved bool) {
	if cn.up && !(moved && cn.unconfirmed) {
		return
	}
	if cn.unconfirmed {
		c.closeConn(l, cn)
		cn.confirmed = true
	}
	cn.unconfirmed, cn.dialedAt = false, 0
	c.ready(&l.timer)
}

// otherAddrs returns what may be dialled besides the address of i: the other
// addresses of its name, except those where another server of its master is
// known. A name that stands for a whole group must not turn a dead master into
// one of its replicas.
func (c *Core) otherAddrs(i *instance) []string {
	var others []string
	for _, ip := range c.names[i.addr.Host] {
		at := Addr{IP: ip, Port: i.addr.Port}
		if ip == i.addr.IP || at.Same(i.master.addr) || i.master.replicaAt(at) != nil {
			continue
		}
		others = append(others, ip)
	}
	return others
}

// answeredAt notes the address that a new connection reached. The command
// connection decides: its address is the one that is kept, shown and tried first
// from now on. It reports whether the link is gone, because the server behind it
// is known already.
func (c *Core) answeredAt(l *link, cn *conn, ip string) (gone bool) {
	if ip != "" {
		cn.ip = ip
	}
	if cn == &l.cmd {
		c.keepAnswering(l, cn.ip)
	}
	if l.cmd.up && l.pubsub.id != 0 && l.pubsub.ip != l.cmd.ip && (l.pubsub.up || cn == &l.cmd) {
		// Two servers behind one name: hellos of the one say nothing about the
		// other.
		c.closeConn(l, &l.pubsub)
		l.pubsub.dialedAt, l.pubsub.confirmed = 0, true
	}
	return len(l.owners) == 0
}

func (c *Core) keepAnswering(l *link, ip string) {
	first := l.owners[0]
	host, silent := first.addr.Host, first.addr.IP
	if ip == silent || ip == "" {
		return
	}
	r := c.ref(first)
	c.log(LevelNotice, string(r.AppendText(nil))+" answers at "+ip+", another address of "+host+" than "+silent+"; it is used from now on")
	if ips, known := c.names[host]; known {
		c.names[host] = ips.preferring(ip)
	}
	for _, o := range slices.Clone(l.owners) {
		if o.addr.Host == host {
			c.moveTo(c.members[o.id], ip)
		}
	}
}

// removeSelfReplica removes the replica that turns out to be the master itself,
// now that the master's name is resolved: when a hello announces a new master
// by name, it is not known yet which of the replicas that is.
func (c *Core) removeSelfReplica(m *master) {
	r := m.replicaAt(m.addr)
	if r == nil || r == m.promoted {
		return
	}
	c.removeReplica(r)
}

// mergeAliases removes a replica that turns out, now that its name is resolved,
// to be the master or another replica that is known by another name, and
// reports whether r is the one that is gone. It would be counted twice, and a
// master taken for a replica would be told to follow itself.
func (c *Core) mergeAliases(r *replica) bool {
	m := r.master
	if r.addr.Same(m.addr) {
		if r != m.promoted {
			c.removeReplica(r)
		}
		return r != m.promoted
	}
	for _, o := range m.replicas {
		if o == r || !o.addr.Same(r.addr) {
			continue
		}
		if r == m.promoted {
			c.removeReplica(o)
			return false
		}
		c.removeReplica(r)
		return true
	}
	return false
}
