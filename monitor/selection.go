package monitor

import (
	"math"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
)

// selectReplica chooses the replica to promote. It waits a little for INFO
// replies that are newer than the attempt, and for as long as must be where no
// replica has the data of the master.
func (c *Core) selectReplica(now Instant, m *master) Instant {
	a := &m.attempt
	f := c.contest(now, m)
	if due := a.Changed.Add(c.selectionWait(m, &f)); now < due {
		return due
	}
	switch giveUp := a.PhaseDeadline(m.cfg.FailoverTimeout); {
	case f.best == nil:
		for k, r := range f.of {
			c.log(LevelNotice, "Replica "+r.name+" of "+m.cfg.Name+" cannot be promoted: "+f.rules.Reject(f.cs[k]))
		}
	case f.best.heldBack(now):
		if now < giveUp {
			c.tellWait(m, f.best.name+" has the most of the master's data, and "+heldBackWhy)
			return min(f.best.heldUntil(), giveUp)
		}
		c.log(LevelNotice, "The failover of '"+m.cfg.Name+"' ends: "+f.best.name+" has the most of the master's data, and "+heldBackWhy)
	case now >= f.from:
		if due := c.awaitChoice(now, m, false); now < due {
			return due
		}
		if f = c.contest(now, m); f.best.heldBack(now) {
			return min(f.best.heldUntil(), giveUp) // the order of the policy has changed the choice
		}
		c.tellLoss(m, &f)
		c.choose(now, m, f.best)
		return Never
	case !m.has(FlagSDown):
		c.log(LevelNotice, "The failover of '"+m.cfg.Name+"' ends: the master is up, and "+f.why)
	case now < giveUp:
		c.tellWait(m, f.why)
		if f.standing < election.Reading {
			c.giveBackRole(now, m)
		}
		return min(f.from, giveUp)
	}
	c.noteCandidates(now, m, nil)
	c.abort(now, m, event.FailoverAbortNoGoodReplica{Instance: c.ref(&m.instance)})
	return Never
}

// choose marks the replica that is promoted.
func (c *Core) choose(now Instant, m *master, r *replica) {
	m.promoted, m.orders = r, 0
	c.promotes = m
	r.set(FlagPromoted)
	c.noteCandidates(now, m, r)
	c.emit(&r.instance, event.SelectedReplica{Instance: c.ref(&r.instance)})
	m.attempt.Advance(election.SendReplicaOfNoOne, now)
	c.emit(&r.instance, event.FailoverStateSendReplicaOfNoOne{Instance: c.ref(&r.instance)})
}

// contest is the choice among the replicas of a master as it stands.
type contest struct {
	rules    election.Rules
	cs       []election.Replica
	of       []*replica       // that are described by cs
	best     *replica         // nil when none is acceptable
	chosen   election.Replica // best
	standing election.Standing
	from     Instant // when best may be promoted: Never until something changes
	why      string  // not at once
}

// contest compares the replicas of m.
func (c *Core) contest(now Instant, m *master) contest {
	f := contest{rules: c.rules(now, m), cs: c.candidates(now, m), of: m.replicas}
	if m.force.on {
		f.rules.MaxLinkDown = math.MaxInt64
	}
	if m.force.named != 0 {
		f.allowOnly(m.force.named)
	}
	k := election.Select(f.rules, f.cs)
	if k < 0 {
		return f
	}
	f.best, f.chosen = f.of[k], f.cs[k]
	f.standing = f.rules.Lineage.Standing(f.chosen)
	if !m.force.on {
		f.from, f.why = c.mayPromote(m, &f)
	}
	return f
}

// allowOnly narrows the choice to the replica that an operator has named.
func (f *contest) allowOnly(named InstanceID) {
	cs, of := f.cs, f.of
	f.cs, f.of = nil, nil
	for k, r := range of {
		if r.id == named {
			cs[k].Priority = max(cs[k].Priority, 1)
			f.cs, f.of = cs[k:k+1], of[k:k+1]
		}
	}
}

// applyTime bounds the wait for replicas to apply what they have received of the
// stream of their master.
const applyTime = 200 * time.Millisecond

// selectionWait is for how long the choice is put off after it could be made first.
func (c *Core) selectionWait(m *master, f *contest) time.Duration {
	if f.best == nil {
		return c.tun.SelectPatience
	}
	wait := time.Duration(0)
	for k, r := range f.of {
		if f.rules.Reject(f.cs[k]) != "" {
			continue
		}
		if r.infoRefresh < m.attempt.Begun {
			wait = max(wait, c.tun.SelectWait)
		}
		if r == f.best && r.infoRefresh < r.link.cmd.upAt {
			wait = max(wait, c.tun.SelectPatience) // another server may answer there now
		}
		if r.applies() && f.rules.Lineage.Standing(f.cs[k]) == f.standing {
			wait = max(wait, applyTime)
		}
		if r.applies() || r.loading {
			c.wake(&r.instance) // its INFO is fast now
		}
	}
	return wait
}

// applies reports whether r has received more of the stream than it has applied.
func (r *replica) applies() bool {
	return r.role == RoleReplica && r.masterLinkUp && r.info != nil && r.info.ReadOffset > r.offset
}

// rules returns the conditions that a replica of m must meet
// (state-machine.md §6.2, Replica selection).
func (c *Core) rules(now Instant, m *master) election.Rules {
	r := election.Rules{
		Now:         now,
		MaxPingAge:  5 * c.tun.PingPeriod,
		MaxInfoAge:  3 * c.tun.InfoPeriod,
		MaxLinkDown: 10 * m.cfg.DownAfter,
		Lineage:     m.lineage,
	}
	if m.has(FlagSDown) {
		r.MaxInfoAge = 5 * c.tun.PingPeriod
		r.MaxLinkDown += now.Sub(c.lastKnownUp(m))
	}
	return r
}

// lastKnownUp returns when m was last known to be a live master. That is before
// +sdown: by more than the TILT period when the failure fell into TILT, and by
// two INFO periods when the master has become a replica. Replica links that
// broke after it broke because of the failure. Counted from +sdown, as stock
// does, they look broken for too long, and with a short down-after no replica
// is ever accepted.
func (c *Core) lastKnownUp(m *master) Instant {
	well := min(m.sdownSince, m.link.lastAvail)
	if m.role == RoleReplica {
		well = min(well, m.roleSince-Instant(c.tun.InfoPeriod))
	}
	return well
}

// isReplicaOf reports whether m was made a replica of r, by hand: what r has is what
// the operator wants.
func (c *Core) isReplicaOf(m *master, r *replica) bool {
	if m.role != RoleReplica || m.info == nil {
		return false
	}
	a, err := c.addrOf(m.info.MasterHost, m.info.MasterPort)
	return err == nil && a.Same(r.addr)
}

// candidates returns the replicas in their current state. One whose down-after
// has passed counts as down, even if its own timer runs later in this step.
func (c *Core) candidates(now Instant, m *master) []election.Replica {
	cs := make([]election.Replica, len(m.replicas))
	for k, r := range m.replicas {
		down, _ := c.sdownDue(now, &r.instance)
		cs[k] = election.Replica{
			SDown: down || r.has(FlagSDown), Foreign: r.foreign, Connected: r.link.connected(), LastAvail: r.link.lastAvail,
			LastInfo: r.infoRefresh, Priority: r.priority, LinkDown: r.masterLinkDown,
			Data: r.data(), Keys: r.info != nil && r.info.Keys, Master: r.role == RoleMaster,
			InSync: r.inSync || c.isReplicaOf(m, r), Direct: c.follows(r, m.addr), Latest: m.isLatest(r), Refused: now < r.refusesUntil, Rank: r.rank, RunID: r.runID,
		}
	}
	return cs
}
