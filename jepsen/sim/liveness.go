package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// settle waits until the healed world is as it should be, and stays so. When it
// takes too long, the reasons are the violation.
func (w *world) settle() {
	const calm = 20 // seconds
	limit, quiet := w.patience(), 0
	var why string
	for _, n := range w.nodes {
		if n, ok := n.(*node); ok {
			n.turns = 0
		}
	}
	begun := w.now
	w.check.looked[Liveness]++
	for end := w.now.Add(limit); w.now < end && !w.check.failed(); {
		w.advance(time.Second)
		if why = w.pending(); why != "" {
			quiet = 0
		} else if quiet++; quiet == calm {
			break
		}
	}
	if w.check.failed() {
		return
	}
	if why != "" {
		if w.conflict() || w.membershipSplit() || w.stockStuck() {
			return
		}
		w.check.fail("the world", Liveness, "no order %v after everything was healed: %s", w.now.Sub(begun), why)
		return
	}
	w.traffic(w.now.Sub(begun))
	w.check.rewritten()
}

// patience is how long order may take: TILT ends, a failure is detected, several
// attempts with their pauses, the return of an old master, the repair of
// replicas, and the resets after a change of membership.
func (w *world) patience() time.Duration {
	t := monitor.DefaultTunables()
	ft := w.opts.FailoverTimeout
	for _, n := range w.nodes {
		for _, g := range w.groups {
			if n, ok := n.(*node); ok && n.alive {
				if v, ok := n.core.Master(w.now, g.name); ok {
					ft = max(ft, v.FailoverTimeout)
				}
			}
		}
	}
	resets := time.Duration(len(w.nodes)+1) * 32 * time.Second
	return w.pauseLeft() + heldFor + t.TiltPeriod + 6*(2*ft+t.ElectionTimeout) + resets + 90*time.Second
}

// heldFor is for how long a policy of the past can still hold a failover back: a veto is
// asked again after 10 s, and what delays are drawn is at most twice that.
const heldFor = 20 * time.Second

// pending says what is missing until the world is as it should be, or "": all
// Sentinels agree on one master and are calm, it is one, all others follow it,
// and the clients write.
func (w *world) pending() string {
	var why []string
	for _, g := range w.groups {
		why = append(why, w.pendingIn(g)...)
	}
	return strings.Join(why, "; ")
}

func (w *world) pendingIn(g *group) (why []string) {
	add := func(format string, args ...any) { why = append(why, fmt.Sprintf(format, args...)) }
	agreed := monitor.HostPort{}
	for _, n := range w.nodes {
		p := n.base()
		if p.gone {
			continue
		}
		if !p.alive {
			add("%s does not run", p.name)
			continue
		}
		b, known := n.state(g.name)
		if !known {
			add("%s does not monitor %s", p.name, g.name)
			continue
		}
		if agreed == (monitor.HostPort{}) {
			agreed = b.current
		}
		if b.current != agreed {
			add("%s says %s is at %s (config epoch %d), others say %s", p.name, g.name, b.current, b.configEpoch, agreed)
		} else if b.trouble != "" {
			add("%s: %s %s", g.name, p.name, b.trouble)
		}
	}
	if t := w.disagreement(g); t != "" && w.check.tainted == "" {
		add("%s", t)
	}
	if w.irreparable(g, agreed) {
		return nil
	}
	for _, s := range g.servers {
		switch {
		case w.unknownToAll(g, s):
		case s.aborts && w.opts.Stock > 0: // stock Sentinels repeat the transaction forever
		case s.isAt(agreed) && s.role != monitor.RoleMaster:
			add("%s should be master, it follows %s", s.name, s.following)
		case !s.isAt(agreed) && (s.role != monitor.RoleReplica || s.following != agreed || !s.linkUp):
			add("%s does not follow %s (it is %s of %s, link up %t)", s.name, agreed, s.role, s.following, s.linkUp)
		}
	}
	for _, c := range w.clients {
		if t := c.whyUnserved(); c.group == g && t != "" && !w.lacksReplicas(g) {
			add("%s", t)
		}
	}
	return why
}

// irreparable reports whether no Sentinel can help a master: it was made a replica, and
// the Sentinels know no replica of it, or none that may be promoted.
func (w *world) irreparable(g *group, agreed monitor.HostPort) bool {
	for _, s := range g.servers {
		switch {
		case s.isAt(agreed) && s.role == monitor.RoleMaster:
			return false
		case !s.isAt(agreed) && !w.unknownToAll(g, s) && !w.tooStale(g, s, agreed) && !w.forbidden(g, s) && !w.foreign(g, s, agreed):
			return w.blockedByUnaware(g, agreed)
		}
	}
	return true
}

// blockedByUnaware reports whether a master was made a replica and some Sentinel
// knows no replica of it, because it was told to monitor that server when it was
// one already. Such a Sentinel is elected, finds no replica to promote, and makes the
// others, who might, wait for their turn.
func (w *world) blockedByUnaware(g *group, agreed monitor.HostPort) bool {
	m, ok := w.net.listeners[agreed].(*server)
	if !ok || m.role != monitor.RoleReplica {
		return false
	}
	return slices.ContainsFunc(w.nodes, func(n sentinel) bool {
		return n.base().alive && !slices.ContainsFunc(g.servers, func(s *server) bool { return s != m && knows(n, s) })
	})
}

// tooStale reports whether a server had been cut off from its master for so long
// when that was made a replica that it is never promoted (S12): only a person can
// decide then that old data are better than none.
func (w *world) tooStale(g *group, s *server, agreed monitor.HostPort) bool {
	m, ok := w.net.listeners[agreed].(*server)
	if !ok || m.role != monitor.RoleReplica || s.linkUp {
		return false
	}
	allowed := time.Duration(0)
	for _, n := range w.nodes {
		v, ok := n.(*node)
		if !ok || !v.alive {
			continue
		}
		if m, ok := v.core.Master(w.now, g.name); ok {
			allowed = max(allowed, 10*m.DownAfter)
			// A Sentinel that was started later has never known the master well. It
			// refuses, and its attempts make the others wait.
			known := w.now.Add(-m.RoleReportedTime - v.tun.InfoPeriod)
			if m.RoleReported == monitor.RoleReplica && known.Sub(s.linkSince) > 10*m.DownAfter {
				return true
			}
		}
	}
	return m.roleSince.Sub(s.linkSince) > allowed
}

// foreign reports whether a server has other data than the master, which follows one
// that every Sentinel has forgotten: nobody can tell which of them was right, and what
// the master has is not thrown away (S12).
func (w *world) foreign(g *group, s *server, agreed monitor.HostPort) bool {
	m, ok := w.net.listeners[agreed].(*server)
	if !ok || m.role != monitor.RoleReplica || s.replID == m.replID || s.oldID == m.replID {
		return false
	}
	to, ok := w.net.listeners[m.following].(*server)
	return ok && to != m && w.unknownToAll(g, to)
}

// forbidden reports whether a Sentinel holds that a server must not be promoted.
// One that was made a master by hand does not tell its replica-priority any more,
// so what it told last counts, although it has been changed since.
func (w *world) forbidden(g *group, s *server) bool {
	return slices.ContainsFunc(w.nodes, func(n sentinel) bool {
		v, ok := n.(*node)
		if !ok || !v.alive || s.role != monitor.RoleMaster {
			return false
		}
		replicas, _ := v.core.Replicas(w.now, g.name)
		return slices.ContainsFunc(replicas, func(r monitor.ReplicaView) bool { return s.isAt(r.Addr) && r.Priority == 0 })
	})
}

// unknownToAll reports whether no Sentinel can know a server any more: after a
// RESET it is found again only if it follows the master.
func (w *world) unknownToAll(g *group, s *server) bool {
	for _, n := range w.nodes {
		if n.base().alive && knows(n, s) {
			return false
		}
	}
	return true
}

// knows reports whether a Sentinel knows a server by one of its addresses.
func knows(n sentinel, s *server) bool {
	return n.knows(s.group.name, s.addr) || s.second.Port != 0 && n.knows(s.group.name, s.second)
}

// lacksReplicas reports whether a master refuses writes because replicas that it
// needs for min-replicas-to-write are forgotten, or were never there.
func (w *world) lacksReplicas(g *group) bool {
	return w.opts.MinReplicas > w.opts.Replicas || w.opts.MinReplicas > 0 && slices.ContainsFunc(g.servers, func(s *server) bool { return w.unknownToAll(g, s) })
}

// conflict reports whether order cannot come for a reason that is not ours: two
// configurations have one epoch, which no Sentinel can resolve, and stock
// Sentinels, a taint, or an operator who configured different addresses allow that.
func (w *world) conflict() bool {
	allowed := w.opts.Stock > 0 || w.check.tainted != "" || len(w.check.excused) > 0
	for _, g := range w.groups {
		at := map[monitor.Epoch]monitor.HostPort{}
		for _, n := range w.nodes {
			b, known := n.state(g.name)
			if !known || !n.base().alive {
				continue
			}
			if other, taken := at[b.configEpoch]; taken && other != b.current && (allowed || b.configEpoch == 0) {
				w.say("", "two configurations of %s have epoch %d: nobody can resolve that", g.name, b.configEpoch)
				return true
			}
			at[b.configEpoch] = b.current
		}
	}
	return false
}

// stockStuck reports whether stock Sentinels hold up the repair of a master that
// was made a replica: they count the time that its replicas may be cut off from
// +sdown, which the role rule delays, and then refuse all of them forever. Their
// attempts make the others wait.
func (w *world) stockStuck() bool {
	if w.opts.Stock == 0 {
		return false
	}
	for _, g := range w.groups {
		for _, n := range w.nodes {
			at, _ := n.masterAddr(g.name)
			if s, ok := w.net.listeners[at].(*server); ok && n.base().alive && s.role == monitor.RoleReplica {
				w.say("", "stock Sentinels refuse every replica of %s", g.name)
				return true
			}
		}
	}
	return false
}

// membershipSplit reports whether the Sentinels have lost sight of each other: some
// share neither a server nor know where the other is, as after a RESET of one, or a file
// that was made anew, while the others look at another master. Only an operator can bring
// them together. Who has forgotten nothing knows the first master still, so two that have
// not are never split by that.
func (w *world) membershipSplit() bool {
	for _, g := range w.groups {
		reached := make([]bool, len(w.nodes))
		todo := []int{0}
		reached[0] = true
		for len(todo) > 0 {
			a := todo[0]
			todo = todo[1:]
			for b := range w.nodes {
				if !reached[b] && w.inTouch(g, w.nodes[a], w.nodes[b]) {
					reached[b] = true
					todo = append(todo, b)
				}
			}
		}
		for k, n := range w.nodes {
			if !reached[k] && !n.base().gone {
				w.say("", "%s has lost sight of the other Sentinels of %s", n.base().name, g.name)
				return true
			}
		}
	}
	return false
}

func (w *world) inTouch(g *group, a, b sentinel) bool {
	p, q := a.base(), b.base()
	if !p.forgot && !q.forgot || a.findsPeer(g.name, q) || b.findsPeer(g.name, p) {
		return true
	}
	return slices.ContainsFunc(g.servers, func(s *server) bool { return knows(a, s) && knows(b, s) })
}

// traffic checks that the periodic commands of a calm world go on, and that no
// loop turns in a storm.
func (w *world) traffic(d time.Duration) {
	t := monitor.DefaultTunables()
	for _, n := range w.nodes {
		n, ok := n.(*node)
		if !ok || !n.alive {
			continue
		}
		w.check.audit(n)
		w.check.looked[Storm]++
		instances := len(w.servers) + len(w.groups)*len(w.nodes)
		if rate, limit := float64(n.turns)/d.Seconds(), float64(200+100*instances); rate > limit {
			w.check.fail(n.name, Storm, "the loop turned %.0f times a second", rate)
		}
		for _, s := range w.servers {
			if !knows(n, s) {
				continue
			}
			w.check.looked[Traffic]++
			if late := w.now.Sub(s.hellos[n.hostID]); late > t.PublishPeriod+time.Second && !s.isPaused() && !n.seen.mayHold(s) { // a guard that has died, or may not end it, leaves a pause
				w.check.fail(n.name, Traffic, "the last hello to %s is %v old", s.name, late)
			}
			if late := w.now.Sub(s.infos[n.hostID]); late > t.InfoPeriod+time.Second {
				w.check.fail(n.name, Traffic, "INFO of %s was last asked for %v ago", s.name, late)
			}
		}
	}
}
