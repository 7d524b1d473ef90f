package monitor

import (
	"strings"
	"time"

	"github.com/gosentinel/sentinel/election"
)

// repairReplica compares what a replica is with what it should be, and acts on
// a difference (state-machine.md §2.4, Actions). seq is the number of the INFO
// whose reply has just arrived.
func (c *Core) repairReplica(now Instant, r *replica, seq uint64) {
	m := r.master
	switch {
	case r.role == RoleMaster && m.promoted == r && m.waitingForPromotion():
		c.promotionConfirmed(now, m)
	case r.role == RoleReplica:
		c.followReconf(r)
	}
	wrong := c.wrong(now, r)
	if wrong == nil {
		r.recheckAt, r.recheckSeq = 0, 0
		return
	}
	if !c.rechecked(now, r, seq) || r.slaveofSeq != 0 {
		return
	}
	if c.changeRole(now, &r.instance, m.addr) {
		c.emit(&r.instance, wrong)
	}
}

// wrong returns what is wrong with a replica, as the event that tells of its
// correction, or nil.
func (c *Core) wrong(now Instant, r *replica) Event {
	m := r.master
	switch {
	case m.attempt.Published() || m.promoted == r:
		// While a failover of ours points the replicas at a new master, the rules
		// below would point them back: the old master may be up again, and a
		// replica may have followed the new one for long. The two orders would
		// alternate without end.
		return nil
	case r.refusedAt != 0 && now < r.refusedAt.Add(c.tun.InfoPeriod):
		return nil // each repetition is an event, and the answer will hardly change
	case r.role == RoleMaster && c.shouldFollow(now, r):
		return ConvertToReplica{c.ref(&r.instance)}
	case r.role == RoleReplica && c.followsAnother(now, r):
		return FixReplicaConfig{c.ref(&r.instance)}
	}
	return nil
}

// shouldFollow reports whether a replica that says role:master is to be demoted,
// typically the old master after its return. Four hello periods have to pass: the
// server may just have been promoted by a leader whose hello is still on its way.
func (c *Core) shouldFollow(now Instant, r *replica) bool {
	wait := 4 * c.tun.PublishPeriod
	return now.Sub(r.roleSince) > wait && c.looksSane(now, r.master) && r.notDownFor(now, Instant(wait))
}

// followsAnother reports whether a replica has followed a server other than the
// master for a failover timeout.
func (c *Core) followsAnother(now Instant, r *replica) bool {
	m := r.master
	if r.masterHost == "" || c.follows(r, m.addr) {
		return false
	}
	wait := m.cfg.FailoverTimeout
	return now.Sub(r.confChange) > wait && c.looksSane(now, m) && r.notDownFor(now, Instant(wait))
}

// rechecked reports whether a replica has been seen to be wrong once more, in an
// INFO that was asked for after the first. All Sentinels see the fault at about
// the same time, and each correction disconnects the clients of the server: they
// ask one after the other, so that the later ones find it corrected.
func (c *Core) rechecked(now Instant, r *replica, seq uint64) bool {
	switch {
	case r.recheckSeq != 0 && seq >= r.recheckSeq:
		r.recheckAt, r.recheckSeq = 0, 0
		return true
	case r.recheckAt == 0:
		r.recheckAt = now.Add(time.Duration(c.repairRank(r.master)) * repairSlot)
	}
	return false
}

// recheckIfDue asks for that INFO. One that is in flight was asked for too early.
func (c *Core) recheckIfDue(now Instant, r *replica) Instant {
	switch {
	case r.recheckAt == 0 || r.recheckSeq != 0 || r.infoPending:
		return Never
	case now < r.recheckAt:
		return r.recheckAt
	}
	c.requestInfo(now, &r.instance)
	r.recheckSeq = c.lastSeq
	return Never
}

// repairSlot is longer than the order of one Sentinel takes to reach a server.
const repairSlot = 250 * time.Millisecond

// repairRank is the place of this Sentinel among those that can be expected to
// correct a server as well: the order of their ids.
func (c *Core) repairRank(m *master) int {
	rank := 0
	for _, p := range m.peers {
		if p.runID < c.opts.MyID && p.link.connected() && !p.has(FlagSDown) {
			rank++
		}
	}
	return min(rank, election.MaxRank)
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
