package monitor

import (
	"strings"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
)

// repairReplica compares what a replica is with what it should be, and acts on
// a difference (state-machine.md §2.4, Actions).
func (c *Core) repairReplica(now Instant, r *replica) {
	m := r.master
	switch {
	case r.role == RoleMaster && m.promoted == r && m.waitingForPromotion():
		if why := m.unproved(r); why != "" {
			c.giveUp(now, m, why)
			return
		}
		c.promotionConfirmed(now, m)
	case r.role == RoleReplica:
		c.followReconf(r)
	}
	fault, from := c.fault(r)
	switch {
	case fault == nil || now < from || !c.looksSane(now, m):
		r.recheckAt = 0
	case r.recheckAt == 0:
		r.recheckAt = now.Add(time.Duration(c.repairRank(m)) * c.repairSlot(r))
	case r.infoSent < r.recheckAt || r.slaveofSeq != 0:
	default:
		r.recheckAt = 0
		if c.changeRole(now, &r.instance, m.addr) {
			c.emit(&r.instance, fault)
		}
	}
}

// fault returns what is wrong with a replica, as the event that tells of its
// correction, and when it is to be corrected at the earliest; nil when nothing is.
//
// A server that says role:master is typically the old master after its return. It may
// as well have been promoted just now by a leader whose hello is still on its way:
// four hello periods have to pass. One that follows another server than the master has
// a failover timeout, because a failover may be about to point it elsewhere.
func (c *Core) fault(r *replica) (fault Event, from Instant) {
	m := r.master
	since, wait := r.roleSince, 4*c.tun.PublishPeriod
	switch {
	case m.attempt.Published() || m.promoted == r:
		// While a failover of ours points the replicas at a new master, the rules
		// below would point them back: the old master may be up again, and a
		// replica may have followed the new one for long. The two orders would
		// alternate without end.
		return nil, Never
	case r.foreign:
		return nil, Never
	case r.loading:
		return nil, Never // it would refuse, and be told again only after an INFO period
	case r.role == RoleMaster:
		fault = event.ConvertToReplica{Instance: c.ref(&r.instance)}
	case r.followsNobody():
		// The old master of a switchover whose driver has not come to the end. Nothing
		// else makes a server follow nobody.
		fault, since, wait = event.FixReplicaConfig{Instance: c.ref(&r.instance)}, 0, 0
	case r.masterHost != "" && !c.follows(r, m.addr):
		fault = event.FixReplicaConfig{Instance: c.ref(&r.instance)}
		since, wait = r.confChange, m.cfg.FailoverTimeout
	default:
		return nil, Never
	}
	from = max(since, r.sdownSince, r.odownSince).Add(wait)
	if r.refusedAt != 0 { // each repetition is an event, and the answer will hardly change
		from = max(from, r.refusedAt.Add(c.tun.InfoPeriod))
	}
	return fault, from
}

// All Sentinels see a fault, and each correction disconnects the clients of the
// server. So one acts, the others wait longer, and each looks once more right before
// it acts: the later ones find it done.

// lookAgain asks for the INFO that a correction needs: when the time of the fault is
// over, and when it is this Sentinel's turn.
func (c *Core) lookAgain(now Instant, r *replica) Instant {
	due := r.recheckAt
	if due == 0 {
		_, due = c.fault(r)
	}
	switch {
	case due == Never || r.infoSent >= due || r.infoPending:
		return Never // one in flight was asked for too early; its reply comes back here
	case now < due:
		return due
	}
	c.requestInfo(now, &r.instance)
	return Never
}

// repairRank is the place of this Sentinel among those that can be expected to
// correct a server as well: first the leader of the last failover, then the others in
// an order that all compute alike. The leader alone knows that it was that; the
// others leave the first place free.
func (c *Core) repairRank(m *master) int {
	rank := c.rank(m, m.configEpoch)
	switch {
	case m.configEpoch == 0: // there has been no failover
	case m.led == m.configEpoch:
		rank = 0
	default:
		rank++
	}
	return min(rank, election.MaxRank)
}

// repairSlot is what lies between two places: longer than the time by which two
// Sentinels see a fault apart. All dial a server that is down every PING period, and
// ask all servers at once when the master changes; what happens to a server that they
// watch, they see with its next INFO.
func (c *Core) repairSlot(r *replica) time.Duration {
	if r.foundSo {
		return c.tun.PingPeriod + repairMargin
	}
	return c.tun.InfoPeriod + repairMargin
}

// repairMargin is longer than INFO, its answer and an order take.
const repairMargin = 500 * time.Millisecond

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
// told to follow it (state-machine.md §2.3, Helper predicates). While it is not known
// whether it is back without data that it had, it is not: they might have them.
func (c *Core) looksSane(now Instant, m *master) bool {
	return m.role == RoleMaster && !m.foreign && !m.has(FlagSDown|FlagODown) && m.compared == 0 &&
		m.infoRefresh != 0 && now.Sub(m.infoRefresh) < 2*c.tun.InfoPeriod
}
