package monitor

import "strings"

// repairReplica compares what a replica is with what it should be, and acts on
// a difference (state-machine.md §2.4, Actions).
func (c *Core) repairReplica(now Instant, r *replica) {
	m := r.master
	switch {
	case r.role == RoleMaster && m.promoted == r && m.waitingForPromotion():
		c.promotionConfirmed(now, m)
	case r.role == RoleReplica:
		c.followReconf(r)
	}
	// While a failover of ours points the replicas at a new master, the rules
	// below would point them back: the old master may be up again, and a
	// replica may have followed the new one for long. The two orders would
	// alternate without end.
	if m.attempt.Published() || m.promoted == r {
		return
	}
	if r.role == RoleMaster {
		c.convertToReplica(now, r)
	} else if r.role == RoleReplica {
		c.fixReplicaConfig(now, r)
	}
}

// convertToReplica demotes a replica that reports role:master, typically the
// old master after its return. It waits four hello periods: the server may just
// have been promoted by a leader whose hello is still on its way.
func (c *Core) convertToReplica(now Instant, r *replica) {
	wait := 4 * c.tun.PublishPeriod
	if now.Sub(r.roleSince) <= wait || !c.looksSane(now, r.master) || !r.notDownFor(now, Instant(wait)) {
		return
	}
	if r.slaveofSeq == 0 && c.changeRole(now, &r.instance, r.master.addr) {
		c.emit(&r.instance, ConvertToReplica{c.ref(&r.instance)})
	}
}

// fixReplicaConfig repoints a replica that follows a server other than the
// master, once that has lasted for a failover timeout.
func (c *Core) fixReplicaConfig(now Instant, r *replica) {
	m := r.master
	if r.masterHost == "" || c.follows(r, m.addr) {
		return
	}
	wait := m.cfg.FailoverTimeout
	if now.Sub(r.confChange) <= wait || !c.looksSane(now, m) || !r.notDownFor(now, Instant(wait)) {
		return
	}
	if r.slaveofSeq == 0 && c.changeRole(now, &r.instance, m.addr) {
		c.emit(&r.instance, FixReplicaConfig{c.ref(&r.instance)})
	}
}

// follows reports whether r says that it replicates from the given address.
func (c *Core) follows(r *replica, addr Addr) bool {
	if r.masterPort != addr.Port {
		return false
	}
	if a, err := c.addrOf(r.masterHost, r.masterPort); err == nil {
		return a.SameHost(addr)
	}
	return strings.EqualFold(r.masterHost, addr.Host)
}

// looksSane reports whether m is up and plays its role, so that others may be
// told to follow it (state-machine.md §2.3, Helper predicates).
func (c *Core) looksSane(now Instant, m *master) bool {
	return m.role == RoleMaster && !m.has(FlagSDown|FlagODown) &&
		m.infoRefresh != 0 && now.Sub(m.infoRefresh) < 2*c.tun.InfoPeriod
}

// notDownFor reports whether the last time i went down is longer ago than wait.
func (i *instance) notDownFor(now, wait Instant) bool {
	since := max(i.sdownSince, i.odownSince)
	return since == 0 || now-since > wait
}
