package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/monitor"
)

// This file holds the Sentinels to the promises of a planned switchover: by the
// commands that leave them and the answers that they got, and by what the servers
// then hold.

// demotion is what a master had when it was made a replica of nobody: all that it
// has acknowledged.
type demotion struct {
	server *server
	life   int // of its process: a restart gives it the role of its file back
	at     Instant
	data   dataset
	id     uint64
}

// demotionFor returns the last demotion of the server that a Sentinel takes for the master
// of a group; that of another one where there is none. Two Sentinels that do not know of
// each other may take two servers for the master.
func (w *world) demotionFor(name string, g *group) *demotion {
	for _, s := range w.nodes {
		if n, ok := s.(*node); ok && n.name == name {
			v, _ := n.core.Master(w.now, g.name)
			for _, d := range slices.Backward(g.demotions) {
				if d.server.isAt(v.Addr) {
					return d
				}
			}
		}
	}
	if len(g.demotions) == 0 {
		return nil
	}
	return g.demotions[len(g.demotions)-1]
}

// handover is what one process did in the running attempt about one master.
type handover struct {
	forced bool             // the operator has allowed any replica that can be reached
	must   bool             // the master served when the operator asked: nothing may be lost
	open   bool             // and has no answer yet
	later  bool             // FORCE came during another attempt, and waits for its answer, maybe beyond that
	active bool             // the attempt was won, and was running at some time in this turn
	begun  Instant          // of the attempt
	master monitor.HostPort // when the attempt was won
	sent   bool             // a promotion was ordered by itself, outside a transaction
	named  monitor.HostPort // the replica that the operator asked for; zero: any
}

// pausing is a pause that one process has asked a server for.
type pausing struct {
	conn  monitor.ConnID
	begin uint64  // token of the order
	end   uint64  // token of the one that ends it; 0: none
	until Instant // it is over for certain, unless a clock jumps
	over  bool    // the order to end it has left, over the same connection
}

// heardInfo is the last INFO of a server.
type heardInfo struct {
	at     Instant
	seq    int
	turned int // seq of the first in a row with this role
	info   *monitor.Info
}

// lineage is what a master was last known to have.
type lineage struct {
	id     string
	offset uint64
	keys   bool
	parent string // history out of which this one has grown; "": none
	disk   bool   // the master keeps its data on a disk, or has had them from there
	left   []leftHistory
	told   *lineage // what was known before a replica told of this one; nil: the master has told itself
}

// leftHistory is one that a master had earlier.
type leftHistory struct {
	id   string
	lost uint64 // offset from which on the master has nothing of it any more; 0: it has all
}

// String says in short what the master has had.
func (l *lineage) String() string {
	is := fmt.Sprintf("%.4s:%d", l.id, l.offset)
	for _, h := range l.left {
		is += fmt.Sprintf(", left %.4s", h.id)
		if h.lost > 0 {
			is += fmt.Sprintf(" and lost it from %d", h.lost)
		}
	}
	return is
}

// next returns what follows from an INFO of the master itself.
func (l *lineage) next(i *monitor.Info) *lineage {
	if l != nil && l.id == i.ReplID && l.told != nil && i.Role == monitor.RoleMaster {
		l = l.told
	}
	n := &lineage{id: i.ReplID, offset: end(i), keys: i.Keys, parent: i.ReplID2, disk: i.Persistent || i.Loaded > 0}
	switch {
	case l == nil:
	case l.id == n.id:
		n.left, n.told, n.disk = l.left, l.told, n.disk || l.disk
	case i.Role == monitor.RoleMaster:
		n.leave(l, i.ReplID2, i.SecondOffset, !i.Keys || i.NotLoaded || i.ReplID2 != "")
	default:
		n.leave(l, "", 0, !i.Keys) // what it has comes from the master that it was given by hand
	}
	return n
}

// toldBy returns what follows from an INFO of a replica of the master that has another
// history. What the master has said of that, nil for nothing, may say more: it was still
// loading then, and may have left it since.
func (l *lineage) toldBy(i, master *monitor.Info) *lineage {
	n := &lineage{id: i.ReplID, offset: i.Offset, keys: i.Keys, parent: i.ReplID2, disk: l.disk, told: l}
	if master != nil {
		n.parent = master.ReplID2
		n.leave(l, master.ReplID2, master.SecondOffset, master.NotLoaded || master.ReplID2 != "")
	} else {
		n.leave(l, i.ReplID2, i.SecondOffset, !i.Keys || !l.disk || i.ReplID2 != "")
	}
	return n
}

// leave notes which histories a master has left that had l before. It has grown out of
// parent, below second, and lost says that it does not have all else.
func (n *lineage) leave(l *lineage, parent string, second uint64, lost bool) {
	n.left = append(slices.Clone(l.left), leftHistory{id: l.id})
	if l.parent != "" && !l.hasLeft(l.parent) {
		n.left = append(n.left, leftHistory{id: l.parent})
	}
	for k := range n.left {
		switch h := &n.left[k]; {
		case h.id == parent:
			h.lost = second
		case parent == l.id: // it goes on where it was: what was lost before remains so
		case lost:
			h.lost = 1
		default:
			h.lost = 0
		}
	}
}

// saves reports whether a server has data that the master has lost by a restart.
func (l *lineage) saves(i *monitor.Info) bool {
	return slices.ContainsFunc(l.left, func(h leftHistory) bool {
		return h.lost > 0 && (h.id == i.ReplID && end(i) >= h.lost || h.id == i.ReplID2 && i.SecondOffset > h.lost)
	})
}

// knows reports whether a history is the one of the master, or was: a replica may
// tell late of one that the master has left.
func (l *lineage) knows(id string) bool { return l.id == id || l.parent == id || l.hasLeft(id) }

// hasLeft reports whether the master is known to have left a history: a replica has told
// of the next one since.
func (l *lineage) hasLeft(id string) bool {
	return l != nil && slices.ContainsFunc(l.left, func(h leftHistory) bool { return h.id == id })
}

// end returns how far a server has come in its history.
func end(i *monitor.Info) uint64 {
	if i.Role == monitor.RoleReplica {
		return i.Offset
	}
	return i.MasterOffset
}

// has reports whether a server has a history up to an offset, as its INFO says.
func has(i *monitor.Info, id string, offset uint64) bool {
	if i == nil || i.Loading || id == "" {
		return false
	}
	return i.ReplID == id && end(i) >= offset || i.ReplID2 == id && offset < i.SecondOffset
}

// remember notes what a master says that it has. A replica whose link to it is up
// may be the first to tell that it has begun another history, by a restart.
func (k *checker) remember(n *node, in monitor.InfoReply) {
	info := in.Info
	if info == nil || !n.core.Asked(in.Token) {
		return
	}
	for _, p := range n.seen.probes {
		v, ok := n.core.Master(k.w.now, p.Name)
		if !ok {
			continue
		}
		m := n.seen.master(p.Name)
		if info.Role == monitor.RoleMaster && n.seen.infos[v.Addr].info == info {
			if m.said == nil { // all is forgotten when a master is removed
				m.said = map[string]*monitor.Info{}
			}
			m.said[info.ReplID] = info
		}
		if info.Loading || info.Syncing {
			continue
		}
		follows := info.MasterLinkUp && v.Addr == monitor.HostPort{Host: info.MasterHost, Port: info.MasterPort}
		switch {
		case info.Role == monitor.RoleMaster && n.seen.infos[v.Addr].info == info:
			m.lineage = m.lineage.next(info)
		case info.Role == monitor.RoleReplica && info.MasterLinkUp && n.seen.infos[v.Addr].info == info:
			m.lineage = m.lineage.next(info) // it was made a replica by hand
		case info.Role == monitor.RoleReplica && follows && m.lineage != nil && !m.lineage.knows(info.ReplID):
			m.lineage = m.lineage.toldBy(info, m.said[info.ReplID])
		}
	}
}

// attempted notes at each step which attempts a turn may act on.
func (k *checker) attempted(n *node, p, was *monitor.MasterProbe) {
	h := &n.seen.master(p.Name).handover
	if p.Begun != was.Begun {
		if p.Begun != 0 {
			v, ok := n.core.Master(k.w.now, p.Name) // it may have died while the attempt waited for a replica
			must := h.must && ok && serves(&v) && !p.TakingOver && !h.later
			*h = handover{must: must, forced: h.forced || h.later, named: h.named, open: h.open, later: h.later, begun: p.Begun}
		} else {
			h.forced = false
		}
	}
	if won := was.Phase > election.WaitStart || p.Phase > election.WaitStart; won && !h.active {
		h.active, h.master = true, monitor.HostPort{Host: p.Current.Shown(false), Port: p.Current.Port}
	}
}

// operated notes whether a master serves that an operator wants to hand over: then
// nothing may be lost.
func (k *checker) operated(n *node, op monitor.FailoverOp) {
	v, ok := n.core.Master(k.w.now, op.Name)
	h := &n.seen.master(op.Name).handover
	forced := op.Mode == monitor.FailoverForced
	if !ok || v.Flags.Has(monitor.FlagFailoverInProgress) && !n.seen.takesOver(op.Name) {
		if forced && n.seen.inPhase(op.Name, election.SelectReplica, election.None) {
			h.forced, h.must = true, false // what waits for a better replica goes on
		}
		h.later = h.later || ok && forced // the servers are asked anew before it is refused or carried out
		return
	}
	must := !forced && serves(&v)
	if h.open { // another command waits for its answer, and may be the one that is carried out
		forced, must = forced || h.forced, must && h.must
	}
	h.named, h.forced, h.must, h.open = op.To, forced, must, true
}

// decided notes that an operator has been answered. That may be later than the command,
// after the servers were asked anew; the master may have ceased to serve.
func (k *checker) decided(n *node) {
	for _, p := range n.seen.probes {
		h := &n.seen.master(p.Name).handover
		if h.later = false; h.open {
			v, ok := n.core.Master(k.w.now, p.Name)
			h.open, h.must = false, h.must && ok && serves(&v)
		}
	}
}

// serves reports whether a master is one from which a failover loses nothing.
func serves(v *monitor.MasterView) bool {
	return v.PlannedFailover == monitor.PlannedSafe && v.CommandsUp && v.RoleReported == monitor.RoleMaster &&
		v.InfoRefresh != 0 && !v.Flags.Has(monitor.FlagSDown) && !v.Flags.Has(monitor.FlagODown)
}

// takesOver reports whether an election is under way that is to finish a switchover of
// somebody else. An operator's failover may take its place.
func (h *watch) takesOver(master string) bool {
	i := slices.IndexFunc(h.probes, func(p monitor.MasterProbe) bool { return p.Name == master })
	return i >= 0 && h.probes[i].TakingOver && h.probes[i].Phase <= election.WaitStart
}

// inPhase reports whether the attempt about a master is in one of some phases.
func (h *watch) inPhase(master string, phases ...election.Phase) bool {
	i := slices.IndexFunc(h.probes, func(p monitor.MasterProbe) bool { return p.Name == master })
	return i >= 0 && slices.Contains(phases, h.probes[i].Phase)
}

// handedOver checks a command to a server that belongs to a switchover.
func (k *checker) handedOver(n *node, s monitor.Send) {
	c := n.link(s.Conn)
	if c.kind == fenceConn {
		k.fences(n, c, s)
		return
	}
	if _, ok := s.Cmd.(monitor.SlaveOf); ok {
		k.keepsAway(n, s, c)
	}
	for j := range n.seen.probes {
		p := &n.seen.probes[j]
		v, ok := n.core.Master(k.w.now, p.Name)
		if !ok || c.addr != v.Addr && !n.core.Knows(p.Name, c.addr) {
			continue
		}
		if of := n.core.MasterOf(s.Token.Instance); of != "" && of != p.Name {
			continue // an address may have passed from one group to another
		}
		h := &n.seen.master(p.Name).handover
		switch cmd := s.Cmd.(type) {
		case monitor.PublishHello:
			k.behindPause(n, c, s)
			return
		case monitor.PauseWrites:
			k.mayPause(n, p.Name, c)
			k.pauses(n, p.Name, &v, c, s, cmd)
		case monitor.Unpause:
			k.unpauses(n, h, c, s)
		case monitor.KillClients, monitor.RewriteConfig:
			k.acts(n, p.Name, s.Cmd, c)
		case monitor.SlaveOf:
			if cmd.Bare {
				k.acts(n, p.Name, s.Cmd, c)
				k.changesRole(n, p, h, &v, c, s, cmd)
			} else if cmd.Host == "" && p.Forced {
				k.looked[Planned]++
				if h.must {
					k.fail(n.name, Planned, "%s was told to become a master while %s may serve", c.addr, v.Addr)
				}
			}
		}
	}
}

// mayPause checks that a master is paused by who was elected, or because it has lost data by
// a restart that a replica still has, as far as was heard (Emptied).
func (k *checker) mayPause(n *node, name string, c *conn) {
	m := n.seen.master(name)
	if m.handover.active || n.seen.led[name] == k.w.now {
		k.looked[Untouched]++
		return
	}
	k.looked[Emptied]++
	h := n.seen.infos[c.addr]
	others := k.others(n, name, m, c.addr)
	if h.info == nil || h.info.Role != monitor.RoleMaster || m.lineage == nil || !slices.ContainsFunc(others, m.lineage.saves) {
		said := ""
		for _, i := range others {
			said += ", a replica has " + data(i)
		}
		if h.info != nil {
			said += ", it has " + data(h.info)
		}
		if m.lineage != nil {
			said += ", had " + m.lineage.String()
		}
		k.fail(n.name, Emptied, "%s was paused, and no replica is known to have what it has lost%s", c.addr, said)
	}
}

// others returns what the replicas of a master were last heard to have. A turn in which the
// master was paused may have gone on to a switch, with which the Sentinel forgets that: then
// it is what was heard from all other servers.
func (k *checker) others(n *node, name string, m *masterWatch, master monitor.HostPort) (have []*monitor.Info) {
	if m.movedAt == k.w.now {
		for _, s := range k.w.servers {
			if h := n.seen.infos[s.addr]; s.addr != master && h.info != nil {
				have = append(have, h.info)
			}
		}
		return have
	}
	replicas, _ := n.core.Replicas(k.w.now, name)
	for _, r := range replicas {
		if r.Info != "" {
			have = append(have, monitor.ParseInfo(r.Info.Bytes()))
		}
	}
	return have
}

// acts checks that a command is part of an attempt that was won (Untouched).
func (k *checker) acts(n *node, name string, cmd monitor.Command, c *conn) {
	k.looked[Untouched]++
	// The attempt may have ended in the same turn, and the next one have begun.
	if !n.seen.master(name).handover.active && n.seen.led[name] != k.w.now {
		k.fail(n.name, Untouched, "%T was sent to %s without an election", cmd, c.addr)
	}
}

// pauses checks the length of a pause and whom it hits (Pauses).
func (k *checker) pauses(n *node, name string, v *monitor.MasterView, c *conn, s monitor.Send, cmd monitor.PauseWrites) {
	k.looked[Pauses]++
	shortest := v.DownAfter
	peers, _ := n.core.Sentinels(k.w.now, name)
	for _, p := range peers {
		if told := n.seen.downAfter[answerKey{p.Addr, v.Addr}].by(k.w.now); told > 0 {
			shortest = min(shortest, told)
		}
	}
	switch {
	case c.addr != v.Addr && c.addr != n.seen.master(name).handover.master: // it may be superseded in the same turn
		k.fail(n.name, Pauses, "%s was paused, which is not the master", c.addr)
	case cmd.For <= 0 || cmd.For > time.Second || cmd.For > shortest/2:
		k.fail(n.name, Pauses, "a pause of %v, and somebody holds %s down after %v", cmd.For, name, shortest)
	}
	n.seen.pauses[c.addr] = pausing{conn: s.Conn, begin: s.Token.Seq, until: k.w.now.Add(cmd.For)}
	n.seen.pausers[s.Token.Seq] = c.addr
}

// unpauses checks who ends a pause: who has begun it, or who was elected since
// (Unpauser).
func (k *checker) unpauses(n *node, h *handover, c *conn, s monitor.Send) {
	k.looked[Unpauser]++
	p, own := n.seen.pauses[c.addr]
	if !own && !h.active && k.w.now >= n.seen.holds[c.addr] { // an own fence has begun it
		k.fail(n.name, Unpauser, "the pause of %s was ended by one that had not begun it", c.addr)
	}
	if own {
		p.over, p.end = p.over || p.conn == s.Conn, s.Token.Seq
		n.seen.pauses[c.addr], n.seen.pausers[s.Token.Seq] = p, c.addr
	}
}

// answeredPause notes that a pause was refused, or is over for certain.
func (h *watch) answeredPause(r monitor.CommandDone) {
	at, known := h.pausers[r.Token.Seq]
	delete(h.pausers, r.Token.Seq)
	if p := h.pauses[at]; known && (p.begin == r.Token.Seq && r.Refused != "" || p.end == r.Token.Seq) {
		delete(h.pauses, at)
	}
}

// behindPause checks that no hello waits behind a pause of the own (Pauses).
func (k *checker) behindPause(n *node, c *conn, s monitor.Send) {
	p, paused := n.seen.pauses[c.addr]
	if !paused {
		return
	}
	k.looked[Pauses]++
	switch {
	case k.w.now >= p.until:
		delete(n.seen.pauses, c.addr)
	case !p.over || p.conn != s.Conn:
		k.fail(n.name, Pauses, "a hello was published at %s, which was told to pause until %v", c.addr, p.until.Sub(origin))
	}
}

// changesRole checks the role changes of a switchover: the master becomes a replica
// of itself; a replica that has all that it had is promoted, once; and then, and
// not before, the old master follows it.
func (k *checker) changesRole(n *node, p *monitor.MasterProbe, h *handover, v *monitor.MasterView, c *conn, s monitor.Send, cmd monitor.SlaveOf) {
	to := monitor.HostPort{Host: cmd.Host, Port: cmd.Port}
	isMaster := c.addr == v.Addr
	old := n.seen.infos[v.Addr]
	switch {
	case cmd.Host == "" && isMaster:
		k.looked[NoWayBack]++
		if m := n.seen.master(p.Name); h.sent && len(m.orders) > 0 {
			k.fail(n.name, NoWayBack, "%s gets its role back although %s was told to become the master", c.addr, m.ordered)
		}
	case cmd.Host == "":
		h.sent = true
		k.looked[Proof]++
		if old.info == nil || old.at < h.begun || old.info.Role != monitor.RoleReplica {
			k.fail(n.name, Proof, "%s is promoted although %s has not said in this attempt that it is a replica", c.addr, v.Addr)
			return
		}
		k.complete(n, c.addr, old)
	case itself(k.w, to, c.addr):
		n.seen.demoted[c.addr] = true
		if !isMaster {
			k.fail(n.name, Itself, "%s was told to follow itself, and is not the master", c.addr)
		}
	default:
		k.looked[Retired]++
		if n.seen.roles[to] != monitor.RoleMaster {
			k.fail(n.name, Retired, "%s was told to follow %s, which has not said that it is a master", c.addr, to)
		}
	}
}

// complete checks that a server has said that it has all that the old master had,
// after that had said what this is (Proof).
func (k *checker) complete(n *node, at monitor.HostPort, old heardInfo) {
	last := max(old.info.Offset, old.info.MasterOffset)
	is := n.seen.infos[at]
	if is.seq < old.turned || !has(is.info, old.info.ReplID, last) {
		k.fail(n.name, Proof, "%s is promoted, and has not said that it has %.8s up to %d", at, old.info.ReplID, last)
	}
}

// itself reports whether an order to follow to, given to the server at at, makes it
// follow itself.
func itself(w *world, to, at monitor.HostPort) bool {
	switch to.Host {
	case "127.0.0.1", "::1", "localhost":
		return to.Port == at.Port || to.Port == 0
	}
	return to.Host != "" && w.net.listeners[to] == w.net.listeners[at]
}

// proved checks that a promotion that is told was proved by INFO: the new master
// continues the history of the old one behind all that it had.
func (k *checker) proved(n *node, p *monitor.MasterProbe) {
	m := n.seen.master(p.Name)
	v, _ := n.core.Master(k.w.now, p.Name)
	old, is := n.seen.infos[v.Addr], n.seen.infos[hostPort(p.Promoted)]
	if !m.handover.sent || old.info == nil || is.info == nil || old.info.Role != monitor.RoleReplica {
		return
	}
	k.looked[Proof]++
	if last := max(old.info.Offset, old.info.MasterOffset); is.info.ReplID2 != old.info.ReplID || is.info.SecondOffset <= last {
		k.fail(n.name, Proof, "%s is the master, and does not say that it continues %.8s behind %d", hostPort(p.Promoted), old.info.ReplID, last)
	}
}

// roleChanged is called when a server has obeyed an order of a switchover, and
// looks at what the servers of the group hold.
func (k *checker) roleChanged(s *server, by string, cmd monitor.SlaveOf) {
	g := s.group
	switch {
	case s.followsItself():
		g.demotions = slices.DeleteFunc(g.demotions, func(d *demotion) bool { return d.server == s })
		g.demotions = append(g.demotions, &demotion{s, s.life, k.w.now, dataset{log: s.log[:len(s.log):len(s.log)], ahead: s.ahead}, s.replID})
	case cmd.Host == "":
		k.oneWriter(s, by)
		k.kept(s, by)
	}
}

// oneWriter checks that nobody else takes writes when a switchover promotes a
// server, or gives the old master its role back (OneWriter).
func (k *checker) oneWriter(s *server, by string) {
	d := k.w.demotionFor(by, s.group)
	if d != nil && s != d.server && k.w.now.Sub(d.at) > lateOrder {
		return // the network has held the order of a driver that is gone
	}
	k.looked[OneWriter]++
	if d == nil {
		k.fail(by, OneWriter, "%s is promoted, and no master has given up its role", s.addr)
		return
	}
	for _, o := range s.group.servers {
		if o == s || o.dead || o.role != monitor.RoleMaster {
			continue
		}
		again := o.roleSince > d.at && o.switched
		if k.w.holdsDown(by, o) {
			continue // it cannot be asked, and somebody has to be the master
		}
		if again || o == d.server && o.life == d.life && o.roleSince <= d.at {
			k.fail(by, OneWriter, "%s takes writes, as does %s", s.addr, o.addr)
		}
	}
}

// holdsDown reports whether a Sentinel takes a server for down.
func (w *world) holdsDown(who string, server *server) bool {
	for _, s := range w.nodes {
		n, ok := s.(*node)
		if !ok || n.name != who {
			continue
		}
		replicas, _ := n.core.Replicas(w.now, server.group.name)
		for _, r := range replicas {
			if server.isAt(r.Addr) && r.Flags.Has(monitor.FlagSDown) {
				return true
			}
		}
	}
	return false
}

// lateOrder is after any time at which a driver may promote.
const lateOrder = 3 * time.Second

// kept checks that a server which a switchover promotes has all that the old master
// had acknowledged (Kept).
func (k *checker) kept(s *server, by string) {
	d := k.w.demotionFor(by, s.group)
	if d == nil || d.server == s {
		return
	}
	k.looked[Kept]++
	for j, write := range d.data.log {
		if at := j + d.data.ahead - s.ahead; write != 0 && (at < 0 || at >= len(s.log) || s.log[at] != write) && !slices.Contains(s.log, write) {
			k.fail(by, Kept, "%s has acknowledged write %d, and %s is promoted without it", d.server.addr, write, s.addr)
			return
		}
	}
}

// resynced checks that a switchover costs no full resynchronisation: nobody has
// more than the new master (Partial).
func (k *checker) resynced(s *server, m psync) {
	left := slices.ContainsFunc(s.group.demotions, func(d *demotion) bool { return d.id == m.id })
	if !left || !s.switched || s.role != monitor.RoleMaster || s.oldID != m.id {
		return
	}
	k.looked[Partial]++
	if m.offset > s.oldUntil {
		k.fail(s.name, Partial, "%s is at %d of the history that the new master has up to %d", m.from, m.offset, s.oldUntil)
	}
}

// lifeOf returns which process of a Sentinel runs.
func (w *world) lifeOf(who dialer) int {
	if n, ok := who.(*node); ok {
		return n.life
	}
	return 0
}

// rewritten checks in a calm world that who became the master by a switchover starts
// as one again (Rewritten). Where the driver has died, or the new master was down
// before it could be told, nobody knows that this is left to be done. An old master that starts as one is corrected like any that returns.
func (k *checker) rewritten() {
	for _, s := range k.w.servers {
		if !s.switched || s.role != monitor.RoleMaster || s.heldDown > s.roleSince || k.w.lifeOf(s.switcher) != s.switcherLife {
			continue
		}
		k.looked[Rewritten]++
		if s.saved != (roleConfig{s.role, s.following}) {
			k.fail(s.name, Rewritten, "%s is the master, and would start as a replica of %s", s.addr, s.saved.following)
		}
	}
}
