package sim

import (
	"slices"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/monitor"
)

// This file holds the Sentinels to what the isolation fence promises: who promises not to
// replace a master keeps to that, who guards a master pauses it in time, and ends the pause
// only when others have promised anew. It goes by what was asked, answered and told.

// promiseAsked is a question that may get a promise for an answer.
type promiseAsked struct {
	promiseKey
	at     Instant
	length time.Duration // what counts for an answer without a promise
}

// promiseKey names a peer, which may move, and the server that it was asked about.
type promiseKey struct {
	id    monitor.RunID
	about monitor.HostPort
}

// promised is what one peer has promised to this process about a server.
type promised struct{ from, until Instant }

// asksPromise notes a question without a vote, which may get a promise.
func (h *watch) asksPromise(n *node, s monitor.Send, q monitor.AskMasterDown) {
	if n.w.opts.IsolationFence != "on" || q.RunID != "" {
		return
	}
	// Two Sentinels may be announced at one address.
	a := promiseAsked{promiseKey: promiseKey{n.core.PeerOf(s.Token.Instance), monitor.HostPort{Host: q.IP, Port: q.Port}}, at: n.w.now}
	if q.Promise == 0 {
		a.length = n.promiseLength(n.core.MasterOf(s.Token.Instance))
	}
	h.promiseAsks[s.Token.Seq] = a
}

func (h *watch) promisedTo(r monitor.AskReply) {
	q, known := h.promiseAsks[r.Token.Seq]
	delete(h.promiseAsks, r.Token.Seq)
	length := r.Promise.For
	if !r.Promise.Known && !r.Down {
		length = q.length
	}
	if !known || !r.OK || length == 0 {
		return
	}
	p := h.promised[q.promiseKey]
	h.promised[q.promiseKey] = promised{q.at, max(p.until, q.at.Add(length))}
}

// promises notes for how long a voter has bound itself (Promise).
func (k *checker) promises(n *node, r monitor.Reply) {
	if r.Promise.For > 0 {
		who, name := n.voter(), n.seen.questions[r.To]
		who.promised[name] = max(who.promised[name], k.w.now.Add(r.Promise.For))
	}
}

// keepsPromise checks a vote for a failover, or an attempt, against what was promised, also
// in an earlier life (Promise).
func (k *checker) keepsPromise(n *node, p *monitor.MasterProbe, what string) {
	until, any := n.voter().promised[p.Name]
	if !any {
		return
	}
	k.looked[Promise]++
	if k.w.now < until {
		k.fail(n.name, Promise, "%s for %s, %v before the end of its promise", what, p.Name, until.Sub(k.w.now))
	}
}

// fencesFirst checks that who reaches a master and guards it has paused it before it votes
// for a failover (Isolated).
func (k *checker) fencesFirst(n *node, p, was *monitor.MasterProbe) {
	i := &was.Isolation
	if i.Guards == 0 {
		return
	}
	k.looked[Isolated]++
	if k.w.now >= i.Guards && i.Fenced == 0 && (i.Wanted == 0 || k.w.now.Sub(i.Wanted) < n.promiseLength(p.Name)) {
		k.fail(n.name, Isolated, "voted for %.8s about %s, which it reaches and has not paused", p.VoteFor, p.Name)
	}
}

// promiseLength is the longest promise about a master.
func (n *node) promiseLength(name string) time.Duration {
	v, _ := n.core.Master(n.w.now, name)
	return min(v.DownAfter/2, monitor.MaxPromise)
}

// isolated checks at the end of a turn that each master is paused that this process guards
// and for which the promises of a majority are over (Isolated).
func (k *checker) isolated(n *node) {
	for j := range n.seen.probes {
		p := &n.seen.probes[j]
		i := &p.Isolation
		if i.Guards == 0 || k.w.now < i.Guards || i.Fenced != 0 {
			continue
		}
		k.looked[Isolated]++
		until := k.promisedUntil(n, p)
		if k.w.now > until && !k.replicasSeen(n, p) {
			k.fail(n.name, Isolated, "%s takes writes, and no promises of a majority hold for %v", p.Name, k.w.now.Sub(until))
		}
	}
}

// promisedUntil is when the promises of a majority about a master end.
func (k *checker) promisedUntil(n *node, p *monitor.MasterProbe) Instant {
	ends := []Instant{monitor.Never}
	peers, _ := n.core.Sentinels(k.w.now, p.Name)
	for _, peer := range peers {
		ends = append(ends, n.seen.promised[promiseKey{peer.RunID, hostPort(p.Current)}].until)
	}
	for len(ends) < p.Voters {
		ends = append(ends, 0) // known, and not reached
	}
	slices.Sort(ends)
	return ends[len(ends)-(len(ends)/2+1)]
}

// replicasSeen reports whether all replicas that may be promoted have said lately that they
// are replicas: then nobody has been promoted.
func (k *checker) replicasSeen(n *node, p *monitor.MasterProbe) bool {
	replicas, _ := n.core.Replicas(k.w.now, p.Name)
	any := false
	for _, r := range replicas {
		seen := n.seen.infos[r.Addr]
		if seen.info != nil && seen.info.Priority == 0 && seen.info.HasPriority {
			continue
		}
		any = true
		if seen.info == nil || seen.info.Role != monitor.RoleReplica || k.w.now.Sub(seen.at) > n.promiseLength(p.Name)/2 {
			return false
		}
	}
	return any
}

// isolates checks what is sent to an isolated master over its fence, and reports whether s
// is about one, and not of another guard, whose pauses are shorter (Isolated, Lifted).
func (k *checker) isolates(n *node, c *conn, s monitor.Send) bool {
	for j := range n.seen.probes {
		p := &n.seen.probes[j]
		if p.Isolation.Fenced == 0 || hostPort(p.Isolation.FencedAddr) != c.addr {
			continue
		}
		switch cmd := s.Cmd.(type) {
		case monitor.PauseWrites:
			if cmd.For < time.Minute {
				return false
			}
			k.looked[Isolated]++
			last := c.fence.role
			if info := n.seen.infos[c.addr]; info.info != nil && info.at > c.fence.heardAt {
				last = info.info.Role
			}
			if last != monitor.RoleMaster {
				k.fail(n.name, Isolated, "%s was paused, and it has said that it is a replica, or nothing", c.addr)
			}
			if tilt, since := n.core.Tilt(k.w.now); tilt && k.w.now.Sub(p.Isolation.Fenced) < since {
				k.fail(n.name, Isolated, "%s was paused in TILT, and was not before", c.addr)
			}
			if longest := max(time.Minute, 10*n.promiseLength(p.Name)); cmd.For > longest {
				k.fail(n.name, Isolated, "%s was paused for %v, and the guard may end", c.addr, cmd.For)
			}
		case monitor.Unpause:
			k.lifts(n, p, c)
		}
		return true
	}
	return false
}

// leavesFence forgets the pause of a master that is removed, which is ended then: nobody hears
// the answer.
func (h *watch) leavesFence(name string) {
	for _, p := range h.probes {
		if at := hostPort(p.Isolation.FencedAddr); p.Name == name && p.Isolation.Fenced != 0 {
			delete(h.holds, at)
			delete(h.left, at)
		}
	}
}

// isFenced reports whether a former master is one that is to be kept paused: it is still known, and
// the guard is on.
func (k *checker) isFenced(n *node, p *monitor.MasterProbe, at monitor.HostPort) bool {
	replicas, _ := n.core.Replicas(k.w.now, p.Name)
	return k.w.opts.IsolationFence == "on" && slices.ContainsFunc(replicas, func(r monitor.ReplicaView) bool { return r.Addr == at })
}

// lifts checks who ends the pause of an isolated master: one that has asked anew, and got
// the promises of a majority since, or was elected to replace the one in its place (Lifted). That
// of a replica has no purpose any more.
func (k *checker) lifts(n *node, p *monitor.MasterProbe, c *conn) {
	if n.seen.roles[c.addr] != monitor.RoleMaster || c.fence.role == monitor.RoleReplica || c.fence.obeyed {
		return
	}
	k.looked[Lifted]++
	since := p.Isolation.Fenced
	if since == k.w.now {
		since = 0 // it was ended, and has begun anew, in this turn
	}
	if p.Current != p.Isolation.FencedAddr {
		if p.Phase <= election.WaitStart && k.isFenced(n, p, c.addr) {
			k.fail(n.name, Lifted, "the pause of %s was ended, and %s is the master", c.addr, hostPort(p.Current))
		}
		return
	}
	fresh := 1
	peers, _ := n.core.Sentinels(k.w.now, p.Name)
	for _, peer := range peers {
		if got := n.seen.promised[promiseKey{peer.RunID, c.addr}]; got.from > since && got.until > k.w.now {
			fresh++
		}
	}
	if fresh < p.Voters/2+1 {
		k.fail(n.name, Lifted, "the pause of %s was ended with %d fresh promises of %d Sentinels", p.Name, fresh, p.Voters)
	}
}
