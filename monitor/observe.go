package monitor

import "strings"

// infoReply processes an INFO reply (state-machine.md §2).
func (c *Core) infoReply(now Instant, in InfoReply) {
	l := c.replyOn(in.Conn)
	mem := c.members[in.Token.Instance]
	if l == nil || mem == nil || mem.base().link != l {
		return
	}
	i := mem.base()
	i.infoPending = false
	if in.Info != nil {
		i.info, i.infoRefresh = in.Info, now
		c.checkRunID(now, i, in.Info)
		if m, ok := mem.(*master); ok {
			c.discoverReplicas(now, m, in.Info)
		}
		if r, ok := mem.(*replica); ok {
			r.observe(now, in.Info)
		}
		c.checkRole(now, i, in.Info.Role)
		if r, ok := mem.(*replica); ok && !c.tilt {
			c.correct(now, r)
		}
		c.touch(i.master)
	}
	c.wake(i)
}

func (c *Core) checkRunID(now Instant, i *instance, info *Info) {
	switch {
	case info.RunID == "" || info.RunID == i.runID:
		return
	case i.runID != "":
		c.emit(i, Reboot{c.ref(i)})
		if m := i.master; i.kind == KindMaster && m.cfg.RebootDownAfter != 0 {
			i.set(FlagMasterReboot)
			m.rebootSince = now
		}
	}
	i.runID = info.RunID
}

func (c *Core) discoverReplicas(now Instant, m *master, info *Info) {
	for _, hp := range info.Replicas {
		addr, ok := c.addrOf(hp.Host, hp.Port)
		if !ok {
			c.logOnce("name:"+hp.Host, LevelWarning, "Replica "+hp.String()+" of "+m.cfg.Name+
				" has a host name: set 'sentinel resolve-hostnames yes' to use it")
			continue
		}
		if r := c.addReplica(now, m, addr, nil); r != nil {
			c.emit(&r.instance, ReplicaAdded{c.ref(&r.instance)})
			c.changed()
		}
	}
}

// observe takes over what a replica says about itself. What it does not report
// keeps its value, except the time its link has been down.
func (r *replica) observe(now Instant, info *Info) {
	r.masterLinkDown = info.MasterLinkDown
	if info.HasMasterHost && !strings.EqualFold(info.MasterHost, r.masterHost) {
		r.masterHost, r.confChange = info.MasterHost, now
	}
	if info.HasMasterPort && info.MasterPort != r.masterPort {
		r.masterPort, r.confChange = info.MasterPort, now
	}
	if info.HasMasterLink {
		r.masterLinkUp = info.MasterLinkUp
	}
	if info.HasPriority {
		r.priority = info.Priority
	}
	if info.HasOffset {
		r.offset = info.Offset
	}
	if info.HasAnnounced {
		r.announced = info.Announced
	}
}

func (c *Core) checkRole(now Instant, i *instance, role Role) {
	if role == i.role {
		return
	}
	i.role, i.roleSince = role, now
	if r, ok := c.members[i.id].(*replica); ok && role == RoleReplica {
		r.confChange = now
	}
	expected := (role == RoleMaster) == (i.kind == KindMaster)
	c.emit(i, RoleChange{c.ref(i), role, expected})
}

// correct compares what a replica is with what it should be and acts on the
// difference (state-machine.md §2.4).
func (c *Core) correct(now Instant, r *replica) {
	m := r.master
	switch {
	case r.role == RoleMaster && m.promoted == r && m.waitingForPromotion():
		c.promotionConfirmed(now, m)
	case r.role == RoleReplica:
		c.followReconf(r)
	}
	// While a failover of ours turns the replicas to a new master, the rules below
	// would turn them back: the old one may be up again, and a replica may have
	// followed the new one for long. Both orders would take turns without an end.
	if m.attempt.Published() || m.promoted == r {
		return
	}
	if r.role == RoleMaster {
		c.convertToReplica(now, r)
	} else if r.role == RoleReplica {
		c.fixReplicaConfig(now, r)
	}
}

// convertToReplica demotes a server that claims to be a master although another
// one is, typically the old master after its return. It waits four hello
// periods: the server may just have been promoted by a leader whose hello is
// still on its way.
func (c *Core) convertToReplica(now Instant, r *replica) {
	wait := 4 * c.tun.PublishPeriod
	if now.Sub(r.roleSince) <= wait || !c.sane(now, r.master) || !r.notDownFor(now, Instant(wait)) {
		return
	}
	if r.slaveofSeq == 0 && c.changeRole(&r.instance, r.master.addr) {
		c.emit(&r.instance, ConvertToReplica{c.ref(&r.instance)})
	}
}

// fixReplicaConfig repoints a replica that follows another server than the
// master, once that has lasted for a failover timeout.
func (c *Core) fixReplicaConfig(now Instant, r *replica) {
	m := r.master
	if r.masterHost == "" || c.follows(r, m.addr) {
		return
	}
	wait := m.cfg.FailoverTimeout
	if now.Sub(r.confChange) <= wait || !c.sane(now, m) || !r.notDownFor(now, Instant(wait)) {
		return
	}
	if r.slaveofSeq == 0 && c.changeRole(&r.instance, m.addr) {
		c.emit(&r.instance, FixReplicaConfig{c.ref(&r.instance)})
	}
}

// followReconf advances a replica that is being pointed at the promoted one.
func (c *Core) followReconf(r *replica) {
	m := r.master
	if r.has(FlagReconfSent) && m.promoted != nil && c.follows(r, m.promoted.addr) {
		r.clear(FlagReconfSent)
		r.set(FlagReconfInProg)
		c.emit(&r.instance, ReplicaReconfInProgress{c.ref(&r.instance)})
	}
	if r.has(FlagReconfInProg) && r.masterLinkUp {
		r.clear(FlagReconfInProg)
		r.set(FlagReconfDone)
		c.emit(&r.instance, ReplicaReconfDone{c.ref(&r.instance)})
	}
}

// follows reports whether r says that it replicates from the given address.
func (c *Core) follows(r *replica, addr Addr) bool {
	if r.masterPort != addr.Port {
		return false
	}
	if a, ok := c.addrOf(r.masterHost, r.masterPort); ok {
		return a.SameHost(addr)
	}
	return strings.EqualFold(r.masterHost, addr.Host)
}

// sane reports whether m is up and plays its role, so that others may be told
// to follow it (state-machine.md §2.3).
func (c *Core) sane(now Instant, m *master) bool {
	return m.role == RoleMaster && !m.has(FlagSDown|FlagODown) &&
		m.infoRefresh != 0 && now.Sub(m.infoRefresh) < 2*c.tun.InfoPeriod
}

// notDownFor reports whether the last time i went down is longer ago than wait.
func (i *instance) notDownFor(now, wait Instant) bool {
	since := max(i.sdownSince, i.odownSince)
	return since == 0 || now-since > wait
}
