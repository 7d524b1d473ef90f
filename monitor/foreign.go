package monitor

import (
	"slices"
	"strings"
	"time"
)

// An address may pass to a server of another group: pods swap their addresses, or a
// machine is set up anew. What answers there then must not be told to follow our master,
// which would erase it, nor be promoted, nor be taken for the master.
//
// No single sign proves that. Two names, or two fleets of Sentinels, may watch one group;
// two groups may have been filled from one RDB; a master that was restarted from an AOF
// has a history that nobody knows. So a server is foreign that has no data of ours and
// does not follow us, and of which two signs say that it belongs to another group
// (state-machine.md §2.5, Foreign nodes).

// belonging is what is known of the group to which a server belongs. It passes to the next
// record of that server.
type belonging struct {
	ownProcess   RunID   // that was seen with data of the group at its address; "": none
	reborn       bool    // another process was at its address before
	proof        proof   // that it belongs to another group
	claim        claim   // of another group, heard on its channel
	foreign      bool    // it belongs to another group, and the guard acts
	foreignSince Instant // since when that is so, or is not
}

// claim is what hellos on the channel of a server say of another group.
type claim struct {
	name   string
	master HostPort // that they name
	by     RunID
	at     Instant // when that was heard last; 0: never
}

// claimAge is for how long a hello counts.
const claimAge = 10 * time.Second

// noteClaim notes a hello that names another master than the one for which the server is
// watched, or this one with a server that is not its master, by a Sentinel that is unknown.
func (c *Core) noteClaim(now Instant, conn ConnID, h *Hello) {
	l := c.conns[conn]
	if l == nil || !l.server {
		return
	}
	i := l.owners[0]
	m := i.master
	at := HostPort{Host: h.MasterIP, Port: h.MasterPort}
	own := h.MasterName == m.cfg.Name
	if h.RunID == c.opts.MyID || own && (c.isAt(m.addr, at) || m.knowsSentinel(h.RunID)) {
		return
	}
	if !own && i.isOurs(m) && !m.alsoNamed.has(h.MasterName) {
		m.alsoNamed.add(h.MasterName) // others watch this group by that name
	}
	fresh := i.claim.name != h.MasterName || i.claim.master != at
	i.claim = claim{h.MasterName, at, h.RunID, now}
	if fresh && i.info != nil && i.infoRefresh >= l.cmd.upAt && l.cmd.up {
		c.reviewOrigin(i) // before the hello counts
	}
}

// mayIntroduce reports whether a Sentinel that is not known may be heard on the channel of
// i: not before i has said whose it is.
func (c *Core) mayIntroduce(i *instance, h *Hello) bool {
	m := i.master
	return i.kind != KindReplica || m.knowsSentinel(h.RunID) || !m.lineage.Keys || c.guardMode(m, ForeignNodeGuard) != GuardOn ||
		i.infoRefresh != 0 && i.infoRefresh >= i.link.cmd.upAt
}

func (m *master) knowsSentinel(id RunID) bool { return m.peerByID(id) != nil || m.isUnreachable(id) }

func (c *Core) isAt(a Addr, at HostPort) bool {
	return a.Port == at.Port && (a.IP == at.Host || strings.EqualFold(a.Host, at.Host))
}

// isOurs reports whether a server has data of m, by its last INFO.
func (i *instance) isOurs(m *master) bool { return i.info != nil && m.descended(i.info) }

// descended reports whether the data of a server have anything to do with those of m.
func (m *master) descended(info *Info) bool {
	return m.hasHad(info.ReplID) || m.hasHad(info.ReplID2)
}

// hasHad reports whether a history is, or was, that of m or of one of its masters before.
func (m *master) hasHad(id string) bool {
	return id != "" && (id == m.lineage.ReplID || id == m.lineage.ReplID2 || m.histories.has(id))
}

// proof is why a process is known to belong to another group.
type proof struct {
	process RunID
	why     string // "": it is not
}

// reviewOrigin judges whether i belongs to the group of its master, by an INFO that has
// just come. What was proved holds for as long as nothing speaks against it: the other group
// may have another master by then, and another history.
func (c *Core) reviewOrigin(i *instance) {
	was := i.foreign
	if i.isOurs(i.master) && i.info.Keys {
		i.ownProcess = i.runID
	}
	p := proof{process: i.runID}
	switch {
	case !c.isStrange(i):
	case i.proof.why != "" && (i.proof.process == p.process || i.info.Keys):
		p.why = i.proof.why // restarted twice, it may not know any more what it was
	default:
		p.why = c.foreignWhy(i)
	}
	i.proof = p
	i.foreign = p.why != "" && c.guards(i, ForeignNodeGuard, "leave it alone", p.why)
	if p.why == "" {
		c.guardOver(i, ForeignNodeGuard)
	}
	if was != i.foreign {
		i.foreignSince = c.now
		i.master.outdated()
		c.touch(i.master)
	}
}

// isStrange reports whether i has nothing to do with its master, which has data. A process
// that was seen with these has lost them: it followed an address that has passed to others.
func (c *Core) isStrange(i *instance) bool {
	m, info := i.master, i.info
	return i.kind != KindSentinel && info.ReplID != "" && m.lineage.ReplID != "" && m.lineage.Keys &&
		info.Role != RoleNone && (i.runID == "" || i.runID != i.ownProcess) && !m.descended(info) && !c.followsUs(m, info)
}

// foreignWhy says which signs prove that i, which is strange, belongs to another group; ""
// where they do not.
func (c *Core) foreignWhy(i *instance) string {
	m := i.master
	for _, o := range c.masters {
		if o == m || o.addr.Same(m.addr) || m.related(o) {
			continue
		}
		if signs := c.signsOf(i, o); len(signs) > 1 {
			return "it has no data of " + m.cfg.Name + ", and belongs to " + o.cfg.Name + ": " + strings.Join(signs, ", and ")
		}
	}
	return c.claimedBy(i)
}

// related reports whether two masters have, or had, data in common: they are one group
// under two names, or were filled from one RDB.
func (m *master) related(o *master) bool {
	return m.hasHad(o.lineage.ReplID) || m.hasHad(o.lineage.ReplID2) || slices.ContainsFunc(o.histories.ids[:], m.hasHad)
}

// followsUs reports whether a server is a replica of a server of m.
func (c *Core) followsUs(m *master, info *Info) bool {
	if info.Role != RoleReplica || !info.HasMasterHost {
		return false
	}
	at := HostPort{Host: info.MasterHost, Port: info.MasterPort}
	if c.isAt(m.addr, at) {
		return true
	}
	return slices.ContainsFunc(m.replicas, func(r *replica) bool { return !r.foreign && c.isAt(r.addr, at) })
}

// signsOf returns what says that i belongs to the group of another master.
func (c *Core) signsOf(i *instance, o *master) (signs []string) {
	info := i.info
	at := HostPort{Host: info.MasterHost, Port: info.MasterPort}
	// A record of before, at an address that has passed to us, has our run id.
	if k := o.withRunID(info.RunID); k != nil && (o.descended(info) || c.followsUs(o, info)) {
		signs = append(signs, "its run id is that of "+k.kind.String()+" "+c.shown(k.addr).String()+" there")
	}
	if c.followsUs(o, info) {
		signs = append(signs, "it follows "+at.String())
	}
	if o.descended(info) {
		signs = append(signs, "it has the data of that master")
		if o.info == nil || !o.link.connected() || o.has(FlagSDown) || !o.descended(o.info) {
			signs = append(signs, "that master is not where it was")
		}
	}
	if len(signs) == 0 {
		return nil // it must say so itself: its address may be in the lists of both
	}
	if i.claim.name == o.cfg.Name && c.now.Sub(i.claim.at) < claimAge && i.claim.at != 0 {
		signs = append(signs, "hellos of that master are heard on it")
	}
	// A backup of the other group may have been given to our master, and to nobody else.
	if i.kind == KindReplica && i.reborn {
		signs = append(signs, "another process was there before")
	}
	return signs
}

// withRunID returns the server of m that has a run id, as it said last, or nil.
func (m *master) withRunID(id RunID) *instance {
	if id == "" {
		return nil
	}
	if m.runID == id && m.link.connected() {
		return &m.instance
	}
	for _, r := range m.replicas {
		if r.runID == id && r.link.connected() && !r.foreign {
			return &r.instance
		}
	}
	return nil
}

// claimedBy says that hellos heard on i alone name it, or whom it follows, as the master of
// a group that is not watched here; "" if not so. It has keys, which are not ours. A master
// must have lost its replicas besides: their links would be up otherwise.
func (c *Core) claimedBy(i *instance) string {
	m, k, info := i.master, i.claim, i.info
	if k.at == 0 || c.now.Sub(k.at) >= claimAge || !info.Keys || m.alsoNamed.has(k.name) || c.byName[k.name] != nil && k.name != m.cfg.Name {
		return ""
	}
	if k.name == m.cfg.Name && m.knowsSentinel(k.by) {
		return "" // it has become known
	}
	named := info.Role == RoleMaster && c.isAt(i.addr, k.master) ||
		info.Role == RoleReplica && info.MasterPort == k.master.Port && strings.EqualFold(info.MasterHost, k.master.Host)
	if !named || i == &m.instance && slices.ContainsFunc(m.replicas, func(r *replica) bool {
		return r.link.connected() && r.masterLinkUp && c.follows(r, m.addr) && r.info != nil && r.info.ReplID == info.ReplID
	}) {
		return ""
	}
	return "it has keys and no data of " + m.cfg.Name + ", and a Sentinel that is not known here says on it that " + k.master.String() + " is the master " + k.name
}

// ownReplicas is how many replicas m has that are of its group.
func (m *master) ownReplicas() (n int) {
	for _, r := range m.replicas {
		if !r.foreign {
			n++
		}
	}
	return n
}
