package monitor

import "time"

// A Sentinel that starts believes its file. When all machines were off, or this one alone was,
// the master of the file may have been replaced meanwhile. If its server is started anew at the
// same time, clients that know its address write to it, and all that is lost when it follows
// the other one. So a configured master whose process is another one than the file says is
// paused until a majority of the Sentinels has confirmed the file (state-machine.md §9.6, Return
// fence).

// cold is about the configuration that this process has from its file.
type cold struct {
	runID RunID   // of the master, when it was saved; "": not known
	over  bool    // a majority has confirmed it, or it was paused for as long as may be
	until Instant // when the master takes writes again; 0: it is not paused
}

// coldPause is for how long such a master is paused at most, unless an operator has it held.
const coldPause = time.Second

// coldPoll is how often the other Sentinels are asked meanwhile.
const coldPoll = 50 * time.Millisecond

// knownRunID is what is saved of the process of the master.
func (m *master) knownRunID() RunID {
	if m.runID != "" {
		return m.runID
	}
	return m.cold.runID
}

// coldStart holds a configured master back whose configuration nobody has confirmed yet.
func (c *Core) coldStart(now Instant, m *master) Instant {
	k := &m.cold
	off := c.guardMode(m, ReturnFence) == GuardOff
	if k.runID == "" || k.over || off && k.until == 0 {
		return Never
	}
	if off || c.confirmedUntil(m) != 0 {
		c.endCold(now, m)
		return Never
	}
	since := Instant(0)
	if k.until != 0 { // clients wait
		since = now.Add(-coldPoll)
	}
	again := c.askConfig(now, m, since)
	if m.infoRefresh == 0 || m.infoRefresh < m.link.cmd.upAt || m.runID == "" || m.runID == k.runID || m.role != RoleMaster || m.info.Modules {
		return again
	}
	if !c.guards(&m.instance, ReturnFence, "pause it until a majority confirms that it is the master", "it was restarted while this Sentinel did not run") {
		return again
	}
	f := c.fenceFor(m, m.addr)
	next := min(again, c.fenceTimeout(now, f))
	length := min(coldPause, m.cfg.DownAfter/2)
	switch {
	case k.until == 0:
		k.until = now.Add(length)
	case now >= k.until && !m.cfg.HoldUnconfirmed:
		k.over = true
		c.log(LevelNotice, "Master "+m.cfg.Name+" takes writes again, although no majority has confirmed that it is the master")
		c.leaveFence(now, f, ReturnFence, true)
		return Never
	}
	if !f.open() {
		if due := c.fenceDue(now, f, c.tun.FenceDial); now < due {
			return min(next, due)
		}
		c.dialFence(now, f)
	} else if due := f.pausedAt.Add(length / 2); now < due || f.pauseSeq != 0 || f.cannotPause() {
		if due = max(due, now.Add(coldPoll)); now < k.until {
			due = min(due, k.until)
		}
		return min(next, due)
	}
	if left := k.until.Sub(now); !m.cfg.HoldUnconfirmed {
		length = min(length, left)
	}
	c.fencePause(now, f, ReturnFence, length, now.Add(length))
	return min(next, now.Add(coldPoll))
}

// endCold ends that: the configuration is confirmed, or forgotten.
func (c *Core) endCold(now Instant, m *master) {
	k := &m.cold
	if f := m.fenceAt(m.addr); f != nil && k.until != 0 {
		c.leaveFence(now, f, ReturnFence, true) // by nobody else, since it was restarted
	}
	c.guardOver(&m.instance, ReturnFence)
	k.over, k.until = true, 0
}
