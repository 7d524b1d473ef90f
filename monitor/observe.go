package monitor

import (
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/event"
)

// infoReply processes an INFO reply (state-machine.md §2, INFO processing).
func (c *Core) infoReply(now Instant, in InfoReply) {
	l := c.replyOn(in.Conn)
	mem := c.members[in.Token.Instance]
	if l == nil || mem == nil || mem.base().link != l {
		return
	}
	i := mem.base()
	i.infoPending = false
	if in.Info != nil {
		i.infoSeq = in.Token.Seq
		first := i.infoRefresh <= l.cmd.upAt
		i.info, i.infoRefresh, i.infoAsked = in.Info, now, i.infoSent
		l.works(StepInfo)
		c.checkRunID(now, i, in.Info)
		c.meetsElsewhere(i)
		if c.dropAlias(i) {
			c.touch(i.master)
			return
		}
		c.reviewOrigin(i)
		if m, ok := mem.(*master); ok && !i.foreign {
			m.hasListed = m.hasListed || in.Info.Role == RoleMaster
			m.forgotten = forgotten{} // it names those that it still has
			c.noteLineage(now, m, in.Info)
			c.seeReplicas(now, m, in.Info)
			m.noteListed(now)
			c.discoverReplicas(now, m, in.Info)
		}
		if r, ok := mem.(*replica); ok {
			if first {
				r.linkedTo = HostPort{}
			}
			r.observe(now, in.Info)
			c.noteNewHistory(r, in.Info)
			c.noteKeys(r.master)
			r.noteSync(in.Info)
			c.noteLink(r, in.Info)
		}
		c.checkRole(now, i, in.Info.Role)
		c.reviewOrder(now, i)
		if i.kind != KindSentinel {
			c.switchoverInfo(i.master, i, in.Token.Seq)
		}
		if r, ok := mem.(*replica); ok {
			if now == r.roleSince || now == r.confChange {
				r.foundSo = first
			}
			if !c.tilt && !c.opts.Observe {
				c.repairReplica(now, r)
			}
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
		c.emit(i, event.Reboot{Instance: c.ref(i)})
		if m := i.master; i.kind == KindMaster && m.cfg.RebootDownAfter != 0 {
			i.set(FlagMasterReboot)
			m.rebootSince = now
		}
	}
	if i.runID != "" {
		i.reborn = true
		c.doubt(i)
	}
	i.runID, i.runIDSince, i.refusesUntil = info.RunID, now, 0
	if i.kind == KindMaster {
		i.master.outdated() // see cold
		c.changed()
	}
}

func (c *Core) discoverReplicas(now Instant, m *master, info *Info) {
	if info.BadReplica != "" {
		c.logStrange("replicas of "+m.cfg.Name, "Master "+m.cfg.Name+" reports a replica whose address cannot be read ("+
			strconv.Quote(info.BadReplica)+"); it is ignored: correct its replica-announce-ip and replica-announce-port")
	}
	c.addReplicas(now, m, info.Replicas)
}

// addReplicas adds those replicas of m that are not known yet.
func (c *Core) addReplicas(now Instant, m *master, list []HostPort) {
	for _, hp := range list {
		addr, err := c.addrOf(hp.Host, hp.Port)
		if err != nil {
			c.logStrange("replica:"+hp.Host, "Replica "+hp.String()+" of "+m.cfg.Name+replicaHint(err))
			continue
		}
		if c.buried(m, addr) || !c.isNews(m, addr) {
			continue
		}
		if r := c.addReplica(now, m, addr, nil); r != nil {
			c.emit(&r.instance, event.ReplicaAdded{Instance: c.ref(&r.instance)})
			c.changed()
		}
	}
}

// isNews reports whether an address that m names is not one that is known. One
// that only seems to be known is looked up first, and comes back here.
func (c *Core) isNews(m *master, addr Addr) bool {
	if addr.Same(m.addr) {
		c.surelySame(m, addr, m.addr)
		return false
	}
	if r := m.replicaAt(addr); r != nil {
		c.surelySame(m, addr, r.addr)
		return false
	}
	return true
}

// observe stores what a replica reports about itself. What it does not report
// keeps its value, except what only holds at the moment: the time that its link
// has been down, and whether it is being filled.
func (r *replica) observe(now Instant, info *Info) {
	r.masterLinkDown, r.loading, r.syncing = info.MasterLinkDown, info.Loading, info.Syncing
	if info.HasMasterHost && !strings.EqualFold(info.MasterHost, r.masterHost) {
		r.masterHost, r.confChange = info.MasterHost, now
	}
	if info.HasMasterPort && info.MasterPort != r.masterPort {
		r.masterPort, r.confChange = info.MasterPort, now
	}
	if info.HasMasterLink {
		r.masterLinkUp = info.MasterLinkUp
		if r.masterLinkUp {
			r.linkedTo = HostPort{Host: r.masterHost, Port: r.masterPort}
		}
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
	if !c.asExpected(i) {
		c.doubt(i)
	}
	c.emit(i, event.RoleChange{Instance: c.ref(i), Role: role, Expected: (role == RoleMaster) == (i.kind == KindMaster)})
}

// asExpected reports whether a server has the role of its record. The replica that
// is being promoted may have either.
func (c *Core) asExpected(i *instance) bool {
	if m := i.master; i.kind == KindSentinel || m.promoted != nil && i == &m.promoted.instance || i.followsNobody() {
		return true
	}
	return (i.role == RoleMaster) == (i.kind == KindMaster)
}

// replicaHint says why a replica that a master reports is ignored.
func replicaHint(err error) string {
	if err == errNamesOff {
		return " has a host name: set 'sentinel resolve-hostnames yes' to use it"
	}
	return ": " + err.Error() + "; it is ignored: correct its replica-announce-ip"
}
