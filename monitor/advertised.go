package monitor

import "time"

// The advertised master is the server that clients are sent to: it must take writes, and it
// alone. What keeps it from that is told with its reason, and mended by the rule that is safe
// for it, or not at all (state-machine.md §2.6, Disorder; docs/safety.md).

// disorderTime is how long a disorder lasts before it is told of, or acted on: a failover of
// another Sentinel, or an operator who changes roles by hand, comes to its end meanwhile.
func (c *Core) disorderTime() time.Duration { return 4 * c.tun.PublishPeriod }

// reviewOrder looks at the role of a server after an INFO.
func (c *Core) reviewOrder(now Instant, i *instance) {
	m := i.master
	if i.kind == KindSentinel || i.foreign || m.foreign {
		return
	}
	why, since := "", i.roleSince
	if r, ok := c.members[i.id].(*replica); ok {
		why, since = c.disorderOf(r)
		if m.ringSince != 0 && !m.attempt.InProgress() {
			c.reviewRing(now, m) // another Sentinel may have taken this one out of it
		}
	} else {
		c.reviewRing(now, m)
		why = c.notMaster(m)
	}
	if why == "" {
		c.guardOver(i, AdvertisedGuard)
	} else if now >= since.Add(c.disorderTime()/2) && !m.attempt.InProgress() && !m.switchover.active() {
		c.guards(i, AdvertisedGuard, m.mending(i), why)
	}
}

// mending says in words what is done about a disorder.
func (m *master) mending(i *instance) string {
	switch {
	case i == &m.instance && m.ringSince != 0:
		return "fail over, as no server takes writes or sends data"
	case i == &m.instance && m.followsNobody():
		return "have the handover finished, or taken back"
	case i == &m.instance:
		return "fail over when the role has lasted for down-after and two INFO periods"
	}
	return "have it follow the master"
}

// notMaster says why the advertised master is none; "" when it is one.
func (c *Core) notMaster(m *master) string {
	switch {
	case m.role != RoleReplica || m.info == nil:
		return ""
	case m.ringSince != 0:
		return "all servers of its chain are replicas: " + m.ring
	case m.followsNobody():
		return "it is a replica of itself, or of nobody"
	}
	return "it says that it is a replica of " + HostPort{Host: m.info.MasterHost, Port: m.info.MasterPort}.String()
}

// disorderOf says what is wrong with the role of a replica, and since when; "" when nothing
// is, or when it is not known who should be the master.
func (c *Core) disorderOf(r *replica) (why string, since Instant) {
	m := r.master
	since = max(r.roleSince, r.confChange)
	switch {
	case m.role != RoleMaster || m.has(FlagSDown) || m.promoted == r || r.loading:
	case r.role == RoleMaster:
		return "there are two masters in the group, and " + c.shown(m.addr).String() + " is the advertised one", r.roleSince
	case r.followsNobody():
		return "it is a replica of itself, or of nobody", since
	case r.masterHost != "" && !c.follows(r, m.addr):
		if o := c.masterOf(r); o != nil && o != r {
			return "it follows another replica, " + o.name + ": the replicas are a chain", since
		}
		return "it follows " + HostPort{Host: r.masterHost, Port: r.masterPort}.String() + ", which is not the advertised master", since
	}
	return "", 0
}

// masterOf returns the replica that r follows, or nil.
func (c *Core) masterOf(r *replica) *replica {
	for _, o := range r.master.replicas {
		if c.follows(r, o.addr) {
			return o
		}
	}
	return nil
}

// reviewRing notes whether the chain of masters of m leads back to itself: then no server
// takes writes, none sends data, and nothing ends that.
func (c *Core) reviewRing(now Instant, m *master) {
	ring := ""
	if m.role == RoleReplica && !m.followsNobody() && m.info != nil && !m.info.MasterLinkUp && !m.info.Syncing {
		ring = c.ringOf(m)
	}
	if (ring == "") != (m.ringSince == 0) {
		m.ringSince = 0
		if ring != "" {
			m.ringSince = now
		}
		c.touch(m)
	}
	m.ring = ring
}

// ringOf follows the chain of masters of m, and returns it in words if it leads back; else "".
// All must have been heard since m has its role.
func (c *Core) ringOf(m *master) string {
	at, err := c.addrOf(m.info.MasterHost, m.info.MasterPort)
	if err != nil {
		return ""
	}
	text, r := c.shown(m.addr).String(), m.replicaAt(at)
	for range m.replicas {
		if r == nil || r.role != RoleReplica || r.masterLinkUp || r.syncing || !r.link.connected() {
			return ""
		}
		if r.infoRefresh < m.roleSince {
			c.requestInfo(c.now, &r.instance)
			return ""
		}
		text += " follows " + r.name
		if c.follows(r, m.addr) || r.followsNobody() {
			return text + ", which follows " + HostPort{Host: r.masterHost, Port: r.masterPort}.String()
		}
		r = c.masterOf(r)
	}
	return ""
}

// ringDue returns from when on a master counts as down because of that; Never when it does not.
func (c *Core) ringDue(m *master) Instant {
	if m.ringSince == 0 || c.guardMode(m, AdvertisedGuard) != GuardOn {
		return Never
	}
	return m.ringSince.Add(c.disorderTime())
}
