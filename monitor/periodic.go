package monitor

import (
	"time"

	"github.com/gosentinel/sentinel/election"
)

// periodic drives the traffic of one instance: INFO and hello messages, and for
// replicas and Sentinels the check of S_DOWN. Masters are judged by master.run.
type periodic struct{ *instance }

func (p periodic) run(c *Core, now Instant) Instant {
	i := p.instance
	next := Never
	if i.kind != KindMaster && !c.tilt {
		next = c.checkSDown(now, i)
	}
	next = min(next, c.lookUpIfDue(now, i))
	if !i.link.connected() {
		return next
	}
	if r, ok := c.members[i.id].(*replica); ok {
		next = min(next, c.lookAgain(now, r))
	}
	if i.kind != KindSentinel {
		next = min(next, c.infoIfDue(now, i))
	}
	return min(next, c.helloIfDue(now, i))
}

// infoIfDue sends INFO when its period is over and none is in flight.
func (c *Core) infoIfDue(now Instant, i *instance) Instant {
	if i.infoPending {
		return Never
	}
	due := c.infoDue(i)
	if until := max(due, c.infoHeldUntil(i)); now < until {
		return until
	}
	if until := c.hurry(now, &i.infoSlot, i.infoSent, due.Sub(i.infoSent), c.tun.InfoFast); i.infoSent != 0 && now < until {
		return until
	}
	if !c.pingAlong(now, i.link) {
		c.requestInfo(now, i)
	}
	return Never
}

// infoDue returns when the period of INFO is over; 0 before the first.
func (c *Core) infoDue(i *instance) Instant {
	if i.infoSent == 0 {
		return 0
	}
	period := c.infoPeriod(i)
	return slotted(i.infoSent.Add(period), period)
}

// infoHeldUntil returns until when no periodic INFO is sent to i.
func (c *Core) infoHeldUntil(i *instance) Instant {
	if i.kind == KindMaster {
		return i.master.quietUntil
	}
	return 0
}

// requestInfo sends INFO now unless one is in flight already.
func (c *Core) requestInfo(now Instant, i *instance) {
	if i.infoPending || !i.link.connected() {
		return
	}
	i.infoPending, i.infoSent = true, now
	c.sendFor(i, InfoRequest{})
}

// newMasterWindow is for how long a master without replicas gets INFO more
// often after it was reached. One that never has any must not cost more
// permanently.
const newMasterWindow = 30 * time.Second

// infoPeriod is the current INFO period of i. What a failover waits for is
// polled fast: in a stock Sentinel, two thirds of a failover is waiting for the
// next periodic INFO (state-machine.md §12, Where the time goes).
func (c *Core) infoPeriod(i *instance) time.Duration {
	period := c.tun.InfoPeriod
	m := i.master
	switch {
	case m.switchover.drives() && i.kind == KindMaster:
		return c.tun.InfoPoll
	case m.switchover.active():
		period = min(period, waitPoll)
	}
	if i.infoRefresh == 0 {
		period = min(period, c.tun.InfoFast) // never answered with INFO: try again soon
	}
	if i.kind == KindMaster && i.info != nil && i.info.Loading {
		period = min(period, c.tun.InfoFast) // what it has is known when it has read it
	}
	if i.kind == KindMaster && m.role == RoleReplica && c.guardMode(m, AdvertisedGuard) == GuardOn {
		period = min(period, c.tun.InfoFast) // nobody may be the master
	}
	if i.kind == KindMaster && len(m.replicas) == 0 && c.now < i.link.cmd.upAt.Add(newMasterWindow) {
		return min(period, c.tun.InfoFast) // its replicas may be connecting, and a failover needs them
	}
	if i.kind != KindReplica {
		return period
	}
	r := c.members[i.id].(*replica)
	switch {
	case r.foreign:
		return period
	case m.attempt.Phase() == election.SelectReplica && r.applies():
		return c.tun.InfoPoll
	case m.attempt.Phase() == election.SelectReplica && (r.loading || r.heldBack(c.now)):
		return 5 * c.tun.InfoPoll // this may take long
	case m.promoted == r && !m.attempt.Published() && m.attempt.InProgress():
		return eased(c.tun.InfoPoll, c.now.Sub(m.attempt.Changed), 20, c.tun.InfoFast)
	case r.has(FlagReconfSent | FlagReconfInProg):
		return eased(c.tun.InfoPoll, c.now.Sub(r.reconfSentAt), 20, c.tun.InfoFast) // a synchronisation may take hours
	case m.has(FlagODown), m.attempt.InProgress(), r.role == RoleMaster, r.followsNobody(),
		r.masterLinkDown != 0, !r.masterLinkUp: // in its first second a broken link is 0 s down
		return min(period, c.tun.InfoFast)
	}
	return period
}
