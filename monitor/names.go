package monitor

import "slices"

// maxNames bounds the cached addresses of host names: names come from the
// network.
const maxNames = 4096

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
	if in.IP == "" { // keep what was dialled meanwhile
		c.log(LevelWarning, "Failed to resolve hostname '"+in.Host+"'")
		return
	}
	if _, known := c.names[in.Host]; known || len(c.names) < maxNames {
		c.names[in.Host] = in.IP
	}
	for _, id := range waiting {
		mem := c.members[id]
		if mem == nil || mem.base().addr.Host != in.Host || mem.base().addr.IP == in.IP {
			continue
		}
		i := mem.base()
		if m, ok := mem.(*master); ok {
			c.unindex(m)
			m.addr.IP = in.IP
			c.index(m)
			m.cfg.Addr = m.addr
			c.removeSelfReplica(m)
		}
		i.addr.IP = in.IP
		c.touch(i.master)
		if r, ok := mem.(*replica); ok && c.mergeAliases(r) {
			continue
		}
		c.redialResolved(i.link, &i.link.cmd)
		c.redialResolved(i.link, &i.link.pubsub)
	}
	for _, id := range waiting {
		if mem := c.members[id]; mem != nil {
			mem.base().link.cmd.unconfirmed, mem.base().link.pubsub.unconfirmed = false, false
		}
	}
}

// redialResolved follows a name to its new address at once, unless there is a
// connection that was made before the name was looked up: that server is alive,
// and DNS may err. A connection made during the look-up is closed even if it
// works: the old address may belong to another server by now.
func (c *Core) redialResolved(l *link, cn *conn) {
	if cn.up && !cn.unconfirmed {
		return
	}
	if cn.unconfirmed {
		c.closeConn(l, cn)
		cn.confirmed = true
	}
	cn.unconfirmed, cn.dialedAt = false, 0
	c.ready(&l.timer)
}

// addrOf makes an address of a host reported by INFO or a hello message. It
// reports false for a host name while names are not allowed.
func (c *Core) addrOf(host string, port int) (Addr, bool) {
	if a, ok := IPAddr(host, port); ok {
		return a, true
	}
	if !c.opts.ResolveHostnames || host == "" {
		return Addr{}, false
	}
	return Addr{Host: host, IP: c.names[host], Port: port}, true
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
