package monitor

import (
	"time"

	"github.com/gosentinel/sentinel/event"
)

// checkStall enters TILT when the process was stalled: it cannot tell a dead
// instance from its own stall then, so it stops judging for a while
// (state-machine.md §8, TILT). Only the monotonic clock counts; a jump of the
// wall clock, which puts stock Sentinels into TILT, has no effect here.
func (c *Core) checkStall() {
	gap := c.now.Sub(c.lastStep)
	c.lastStep = c.now
	if !c.Stalled(gap) {
		return
	}
	c.wakeUp(c.now, gap)
	if !c.tilt {
		c.tilts++ // a stall within TILT prolongs it
	}
	c.tilt, c.tiltSince = true, c.now
	c.emit(nil, event.Tilt{Entered: true, Stood: gap, For: c.tun.TiltPeriod})
	for _, m := range c.masters {
		c.shareOpinion(m)
		c.answerInquirers(c.now, m)
	}
}

// Stalled reports whether a gap between two steps is one that begins TILT. A shell that
// finds it has slept for so long says so with a [Stood], before what arrived meanwhile.
func (c *Core) Stalled(gap time.Duration) bool { return gap > c.tun.TiltTrigger }

func (c *Core) leaveTilt() {
	if c.now.Sub(c.tiltSince) < c.tun.TiltPeriod {
		return
	}
	c.tilt = false
	c.emit(nil, event.Tilt{})
	for _, m := range c.masters {
		c.ready(&m.link.timer)
		for _, r := range m.replicas {
			r.recheckAt = 0 // all may have been stalled together, and lost their turns
			c.ready(&r.link.timer)
			c.wake(&r.instance)
		}
		for _, p := range m.peers {
			c.ready(&p.link.timer)
			c.wake(&p.instance)
		}
		// After its replicas: a failover that goes on now must not choose one of
		// them that is found to be down in this very step.
		c.touch(m)
	}
	c.settle()
}
