package monitor

import (
	"net/netip"
	"slices"
	"strings"
)

// A server may be known by two addresses. Told to follow itself, it would be
// read-only from then on, and nobody would be the master. Run ids tell such
// addresses apart from two servers; releases before 2.6 have none.

// sameServer reports whether two records are of one process.
func (i *instance) sameServer(o *instance) bool { return i.runID != "" && i.runID == o.runID }

// serverAt returns the master or the replica at an address, or nil.
func (m *master) serverAt(at Addr) *instance {
	if m.addr.Same(at) {
		return &m.instance
	}
	if r := m.replicaAt(at); r != nil {
		return &r.instance
	}
	return nil
}

// mayFollow reports whether i can be told to follow the server at an address:
// both are known to be different processes, and the address means the same
// there as here. never says that waiting does not help.
func (c *Core) mayFollow(now Instant, i *instance, to Addr) (ok, never bool) {
	target := i.master.serverAt(to)
	if c.neverFollows(i, to) {
		return false, true
	}
	known := c.hasToldInfo(now, i)
	if target != nil {
		known = c.hasToldInfo(now, target) && c.isTold(now, target, i.runIDSince) && c.isTold(now, i, target.runIDSince) && known
	}
	return known, false
}

// neverFollows reports whether i must not be told to follow the server at an address, as far
// as that is known already.
func (c *Core) neverFollows(i *instance, to Addr) bool {
	target := i.master.serverAt(to)
	switch {
	case i.foreign, target != nil && target.foreign, i.addr.Same(to), target != nil && i.sameServer(target):
		return true
	case isLoopback(to.Shown(c.opts.AnnounceHostnames)) && !isLoopback(i.addr.DialTarget()) && !i.isOnThisHost():
		c.logOnce("loopback:"+i.name+" "+to.Host, LevelWarning, "Server "+c.shown(i.addr).String()+" is not told to follow "+
			c.shown(to).String()+", which would mean itself there: let it be monitored by an address that all servers can reach")
		return true
	}
	return false
}

// isTold reports whether i has told its run id since an instant at which that of another
// server was new. If not, it may be the same process, and is asked. One that answers
// INFO with an error has none.
func (c *Core) isTold(now Instant, i *instance, since Instant) bool {
	if i.runID == "" || i.infoRefresh >= since {
		return true
	}
	c.requestInfo(now, i)
	return false
}

// isOnThisHost reports whether i is reached at an address of the host of this
// Sentinel: such a connection comes from the address that it goes to. A loopback
// address means the same there as here.
func (i *instance) isOnThisHost() bool {
	cn := &i.link.cmd
	return cn.up && cn.localIP != "" && cn.localIP == cn.ip
}

// hasToldInfo reports whether i has had its chance to tell its run id over this
// connection: that of before is of the process that was there then. If not, it is asked.
// One that answers INFO with an error cannot be compared.
func (c *Core) hasToldInfo(now Instant, i *instance) bool {
	up := i.link.cmd.upAt
	if i.infoRefresh != 0 && i.infoRefresh >= up || i.infoSent != 0 && i.infoSent >= up && !i.infoPending {
		return true
	}
	c.requestInfo(now, i)
	return false
}

// dropAlias removes a replica that turns out, by its run id, to be the master or
// another replica at a second address, and reports whether i is gone.
func (c *Core) dropAlias(i *instance) (gone bool) {
	m := i.master
	if i.kind == KindReplica && c.areOne(i, &m.instance) {
		return c.dropReplicaAs(m.aliasToDrop(i, &m.instance), &m.instance) == i
	}
	for _, r := range m.replicas {
		if o := &r.instance; o != i && c.areOne(i, o) {
			drop := m.aliasToDrop(i, o)
			kept := o
			if drop == o {
				kept = i
			}
			return c.dropReplicaAs(drop, kept) == i
		}
	}
	return false
}

// areOne reports whether both records are of one process now: what a server said
// on an earlier connection may be true of another one by now, and a name may have
// moved since. Such a name is looked up.
func (c *Core) areOne(i, o *instance) bool {
	return i.sameServer(o) && c.saysItself(i) && c.saysItself(o)
}

func (c *Core) saysItself(i *instance) bool {
	l := i.link
	if c.isName(i.addr.Host) {
		n := c.names[i.addr.Host]
		if n.answered < l.cmd.dialedAt {
			c.resolve(i)
			return false
		}
		if !slices.Contains(n.ips, i.addr.IP) {
			return false // what answers there is not what has the name now
		}
	}
	return l.connected() && !i.has(FlagSDown) && i.infoRefresh >= l.cmd.upAt
}

// aliasToDrop returns which of two records of one server to drop: never the
// master, nor the replica that is being promoted; and rather not the one that
// the master names, because it would be found again.
func (m *master) aliasToDrop(i, o *instance) *instance {
	for _, keep := range []func(*instance) bool{
		func(x *instance) bool { return x.kind == KindMaster },
		func(x *instance) bool { return m.promoted != nil && x == &m.promoted.instance },
		m.lists,
		func(x *instance) bool { return !isLoopback(x.addr.DialTarget()) },
		func(x *instance) bool { return x.id < max(i.id, o.id) },
	} {
		if a, b := keep(i), keep(o); a != b {
			if a {
				return o
			}
			return i
		}
	}
	return i
}

// lists reports whether the last INFO of the master has x among its replicas.
func (m *master) lists(x *instance) bool {
	if m.info == nil {
		return false
	}
	for _, hp := range m.info.Replicas {
		if hp.Port == x.addr.Port && (hp.Host == x.addr.IP || strings.EqualFold(hp.Host, x.addr.Host)) {
			return true
		}
	}
	return false
}

// dropReplicaAs removes the record of a replica that is the same server as kept,
// and returns it, or nil when it has to stay.
func (c *Core) dropReplicaAs(i, kept *instance) *instance {
	m := i.master
	r, ok := c.members[i.id].(*replica)
	if !ok || r == m.promoted {
		return nil
	}
	c.logOnce("alias:"+r.name+" "+c.shown(kept.addr).String(), LevelNotice, "Replica "+r.name+" of "+m.cfg.Name+
		" is forgotten: it is the same server as "+kept.kind.String()+" "+c.shown(kept.addr).String()+", run id "+string(kept.runID))
	c.removeReplica(r)
	return i
}

// warnLoopback says that others know m, who cannot reach it where it is
// monitored.
func (c *Core) warnLoopback(m *master, other Addr) {
	if other.DialTarget() == "" || isLoopback(other.DialTarget()) || !isLoopback(m.addr.DialTarget()) {
		return
	}
	c.logOnce("loopback:"+m.cfg.Name, LevelWarning, "Master "+m.cfg.Name+" is monitored at the loopback address "+
		c.shown(m.addr).String()+", but "+c.shown(other).String()+" is elsewhere and cannot reach it there: "+
		"monitor it by an address that all servers and Sentinels can reach")
}

// isLoopback reports whether a host means the own machine wherever it is read.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

// otherLoopback reports whether two loopback addresses may be those of two servers with
// one port: 127.0.0.2 and 127.0.0.3. One that listens at all addresses has both.
func otherLoopback(a, b string) bool {
	if strings.EqualFold(a, "localhost") {
		a = "127.0.0.1"
	}
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	return errX == nil && errY == nil && x.Is4() && y.Is4() && x.IsLoopback() && y.IsLoopback() && x != y
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
