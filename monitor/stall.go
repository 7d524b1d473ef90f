package monitor

import (
	"time"

	"github.com/gosentinel/sentinel/event"
)

// A process that was stopped, or whose machine was suspended or paused, wakes up in the
// middle of what it did, and others have acted meanwhile. What they said before says
// nothing any more, and what was not ordered by then is not ordered on that ground
// (state-machine.md §8, TILT).

// stood takes in that time went on while the clock of the core stood.
func (c *Core) stood(now Instant, in Stood) {
	if in.By <= 0 {
		return
	}
	c.log(LevelWarning, "Time went on by "+in.By.Round(time.Millisecond).String()+" that the clock of this Sentinel does not show: its machine was "+
		"suspended or paused, or its clock was set. What other Sentinels said before does not count any more")
	for _, m := range c.masters {
		if s := &m.switchover; s.drives() {
			s.deadline = s.deadline.Add(-in.By)
		}
	}
	if c.tiltSince != now || !c.tilt { // or it has been done in this step
		c.wakeUp(now, in.By)
	}
}

// wakeUp drops what peers have said, and gives up what has not ordered a promotion.
func (c *Core) wakeUp(now Instant, stood time.Duration) {
	for _, m := range c.masters {
		for _, p := range m.peers {
			c.peerSays(p, false)
			p.votedFor, p.askedVote, p.askSentAt = "", 0, 0
			p.told.asked, p.configAsked = 0, 0
		}
		c.restartIsolation(m)
		m.askFloor = c.lastSeq // answers to earlier questions are on their way
		m.candidateAt = 0
		m.policy.forgetPermission()
		c.stopAfterStall(now, m, "this Sentinel stood still for "+stood.Round(time.Millisecond).String()+", and others may have acted meanwhile")
		c.touch(m)
	}
}

// stopAfterStall gives up an attempt that has ordered nothing yet. One that has goes on: a
// switchover until its deadline, which leaves it to others then.
func (c *Core) stopAfterStall(now Instant, m *master, why string) {
	notElected := event.FailoverAbortNotElected{Instance: c.ref(&m.instance)}
	switch s := m.switchover.stage; {
	case s == preparing:
		c.refuseSwitchover(m, why)
	case s == electing:
		c.endSwitchover(now, m, notElected, why)
	case s == takingOver && m.orders == 0:
		c.endTakeover(now, m, why)
	case s == noSwitchover && m.attempt.InProgress() && m.orders == 0 && !m.waitingForPromotion() && !m.attempt.Published():
		c.log(LevelWarning, "The failover of '"+m.cfg.Name+"' is given up: "+why)
		c.abort(now, m, notElected)
	}
}
