package monitor

import "slices"

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
	}
	i.master.outdated()
	c.touch(i.master)
	return c.mergeSame(mem)
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
	for _, ip := range c.names[i.addr.Host].ips {
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
	if n, known := c.names[host]; known {
		n.ips, n.changed = n.ips.preferring(ip), c.now
		c.names[host] = n
	}
	for _, o := range slices.Clone(l.owners) {
		if o.addr.Host == host {
			c.moveTo(c.members[o.id], ip)
		}
	}
}
