package monitor

import (
	"slices"
	"strings"
	"time"
)

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
func (c *Core) resolve(i *instance) { c.lookUp(i.addr.Host, i) }

// lookUp asks for the address of a host name on behalf of i. A name is asked for
// once at a time: a name server that does not answer holds nothing up.
func (c *Core) lookUp(host string, i *instance) {
	if !c.isName(host) {
		return
	}
	waiting, asked := c.lookups[host]
	if !slices.Contains(waiting, i.id) {
		c.lookups[host] = slices.Clip(append(waiting, i.id)) // a clone shares what is there
	}
	if !asked {
		c.free(Resolve{Host: host})
	}
}

// isName reports whether a host has to be looked up.
func (c *Core) isName(host string) bool {
	if !c.opts.ResolveHostnames || host == "" {
		return false
	}
	_, literal := IPAddr(host, 0)
	return !literal
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
	ips, changed := c.remember(now, in.Host, in.IPs)
	for _, id := range waiting {
		if mem := c.members[id]; mem != nil {
			c.heedLookup(now, mem, in.Host, ips, changed)
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

// heedLookup has a member act on what was found for a name.
func (c *Core) heedLookup(now Instant, mem member, host string, ips nameAddrs, changed bool) {
	i := mem.base()
	if i.addr.Host != host {
		// A replica that the master named, see discoverReplicas.
		if m, ok := mem.(*master); ok && m.info != nil {
			c.discoverReplicas(now, m, m.info)
			c.touch(m)
		}
		return
	}
	// An address that the name still has is kept: a resolver may rotate its
	// answers, and what works must not move with them.
	moved := !slices.Contains(ips, i.addr.IP)
	if moved && c.doubted(i) {
		i.link.cmd.unconfirmed, i.link.pubsub.unconfirmed = true, true
	}
	if moved && i.link.cmd.up && !i.link.cmd.unconfirmed {
		// That server is alive and what it should be, and DNS may err.
		c.logOnce("moved:"+i.name+" "+ips[0], LevelNotice, host+" has the address "+ips[0]+" now, but the server at "+
			i.addr.IP+" answers and stays in use while it does")
		return
	}
	if moved && i.addr.IP != "" {
		r := c.ref(i)
		c.log(LevelNotice, string(r.AppendText(nil))+" moves: "+host+" has the address "+ips[0]+" now, not "+i.addr.IP)
	}
	gone := false
	if moved {
		gone = c.moveTo(mem, ips[0])
	} else {
		gone = c.mergeSame(mem)
	}
	if !gone && (moved || (changed && len(ips) > 1)) {
		c.redialResolved(i.link, &i.link.cmd, moved)
		c.redialResolved(i.link, &i.link.pubsub, moved)
	}
}

// hostName is what is known of a name.
type hostName struct {
	ips      nameAddrs
	answered Instant // last answer of the resolver
	changed  Instant // when the preferred address became what it is
}

// remember keeps the addresses of a name and returns them with the preferred one
// first: the one that was preferred before, if the name still has it. changed
// says that there are others than before.
func (c *Core) remember(now Instant, host string, ips nameAddrs) (list nameAddrs, changed bool) {
	list = slices.Clip(slices.Clone(ips[:min(len(ips), maxAddrs)]))
	n, known := c.names[host]
	old := n.ips
	switch {
	case known:
		list = list.preferring(old[0])
	case len(c.names) >= maxNames:
		return list, false
	}
	n.answered = now
	if !known || list[0] != old[0] {
		n.changed = now
	}
	n.ips = list
	c.names[host] = n
	for _, ip := range list {
		changed = changed || !slices.Contains(old, ip)
	}
	return list, changed || len(list) != len(old)
}

// surelySame reports whether two addresses of servers of m that look the same are.
// Where that is only true of what a name was found to be before another one moved,
// the name is looked up again first: names that swap their addresses pass through
// a moment in which both seem to have one.
func (c *Core) surelySame(m *master, a, b Addr) bool {
	if !a.Same(b) || strings.EqualFold(a.Host, b.Host) {
		return a.Same(b)
	}
	var changed Instant
	for _, host := range []string{a.Host, b.Host} {
		changed = max(changed, c.names[host].changed)
	}
	sure := true
	for _, host := range []string{a.Host, b.Host} {
		if c.isName(host) && c.names[host].answered < changed {
			c.lookUp(host, m.named(host))
			sure = false
		}
	}
	return sure
}

// named returns the server of m that has a name, or m itself.
func (m *master) named(host string) *instance {
	for _, r := range m.replicas {
		if r.addr.Host == host {
			return &r.instance
		}
	}
	return &m.instance
}

// namePeriod is how often a name is looked up while nothing calls for it, so that
// what is said about it, in files and by other servers, is understood. Each name
// has its own time, and half a period of it is random.
const namePeriod = time.Minute

func (c *Core) lookUpIfDue(now Instant, i *instance) Instant {
	if !c.isName(i.addr.Host) {
		return Never
	}
	if now >= i.lookUpDue {
		if i.lookUpDue != 0 {
			c.resolve(i)
		}
		i.lookUpDue = now.Add(namePeriod/2 + c.random(namePeriod))
		if now < i.doubtUntil {
			i.lookUpDue = now.Add(doubtPeriod)
		}
	}
	return i.lookUpDue
}

// A resolver keeps what it has found for a while, so that its first answer may be
// from before a name moved. For doubtWindow it is asked again.
const (
	doubtPeriod = 5 * time.Second
	doubtWindow = 30 * time.Second
)

// doubt looks a name up because the server behind it is not what was expected. If
// it has moved, the connections follow.
func (c *Core) doubt(i *instance) {
	if c.isName(i.addr.Host) {
		i.doubtUntil, i.lookUpDue = c.now.Add(doubtWindow), c.now.Add(doubtPeriod)
		c.resolve(i)
		c.wake(i)
	}
}

// doubted reports whether the server behind a name may be another one than expected.
func (c *Core) doubted(i *instance) bool { return c.now < i.doubtUntil || !c.asExpected(i) }

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
	c.touch(i.master)
	return c.mergeSame(mem)
}

// mergeSame removes the replicas that turn out to be at the address of a member,
// or that member itself, and reports whether it is gone.
func (c *Core) mergeSame(mem member) (gone bool) {
	switch mem := mem.(type) {
	case *master:
		c.removeSelfReplica(mem)
	case *replica:
		return c.mergeAliases(mem)
	}
	return false
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

// removeSelfReplica removes the replica that turns out to be the master itself,
// now that the master's name is resolved: when a hello announces a new master
// by name, it is not known yet which of the replicas that is.
func (c *Core) removeSelfReplica(m *master) {
	for _, r := range slices.Clone(m.replicas) {
		if r != m.promoted && c.surelySame(m, r.addr, m.addr) {
			c.forgetSame(r, &m.instance)
		}
	}
}

// forgetSame removes a replica that is at the address of another server.
func (c *Core) forgetSame(r *replica, kept *instance) {
	c.log(LevelNotice, "Replica "+r.name+" of "+r.master.cfg.Name+" is forgotten: "+r.addr.Host+" and "+kept.addr.Host+
		" have one address, "+c.shown(kept.addr).String())
	c.removeReplica(r)
}

// mergeAliases removes a replica that turns out, now that its name is resolved,
// to be the master or another replica that is known by another name, and
// reports whether r is the one that is gone. It would be counted twice, and a
// master taken for a replica would be told to follow itself.
func (c *Core) mergeAliases(r *replica) bool {
	m := r.master
	if r != m.promoted && c.surelySame(m, r.addr, m.addr) {
		c.forgetSame(r, &m.instance)
		return true
	}
	for _, o := range m.replicas {
		if o == r || !c.surelySame(m, o.addr, r.addr) {
			continue
		}
		if r == m.promoted {
			c.forgetSame(o, &r.instance)
			return false
		}
		c.forgetSame(r, &o.instance)
		return true
	}
	return false
}
