package monitor

import "github.com/gosentinel/sentinel/event"

// resetMaster clears the state of m except its configuration, epochs, vote and
// members.
func (c *Core) resetMaster(now Instant, m *master) {
	m.flags = 0
	m.refusal = refusal{}
	m.runID, m.info, m.settled, m.settledAt, m.outrun = "", nil, nil, 0, false
	m.process, m.loaded, m.lostSince, m.saving = "", false, 0, saving{}
	m.clean, m.compared, m.replacedOn = false, 0, 0
	m.ringSince, m.ring = 0, ""
	m.lossFence, m.belonging = lossFence{}, belonging{}
	m.infoRefresh, m.infoSent, m.infoPending = 0, 0, false
	m.helloDue, m.helloPending = now, false
	m.role, m.roleSince = RoleMaster, now
	m.slaveofSeq, m.slaveofLost, m.slaveofError, m.refusedAt = 0, false, "", 0
	m.sdownSince, m.odownSince = 0, 0
	c.letWrite(m)
	m.attempt.Clear()
	m.outdated()
	m.force, m.waitTold = force{}, 0
	m.switchover, m.takeOverAt = switchover{}, 0
	m.promoted, m.orders = nil, 0
	m.policy.forgetPermission()
	m.policy.choice, m.policy.chosen = question{}, false
	m.candidateAt, m.restartAt, m.delayLogged = 0, 0, 0
	m.askFloor = c.lastSeq
	c.forgetIsolation(m)
	for _, p := range m.peers {
		p.clear(FlagMasterDown)
		p.votedFor, p.askedVote, p.askSentAt = "", 0, 0
	}
}

// reset is SENTINEL RESET for one master (state-machine.md §9.1, SENTINEL
// RESET).
func (c *Core) reset(now Instant, m *master) {
	if m.attempt.Published() {
		// The config epoch was raised for the new address. Combined with the
		// old address it would conflict with what the others heard, and two
		// configurations of one epoch are never reconciled.
		c.saveRoleAtOnce(m)
		c.switchToPromoted(now, m)
	}
	c.withdraw(now, m)
	c.forgetExMasters(now, m)
	c.forget(now, m)
	c.dropMembers(m)
	// The clocks by which a master goes down run on: one RESET after the other
	// would put +sdown off without end.
	role, roleSince, reboot, gone := m.role, m.roleSince, m.has(FlagMasterReboot), m.refusal.gone
	c.resetMaster(now, m)
	m.histories = recent{}
	if role == RoleReplica {
		m.role, m.roleSince = role, roleSince
	}
	if reboot {
		m.set(FlagMasterReboot)
	}
	m.refusal.gone = gone
	m.quietUntil = now.Add(resetPause)
	m.ledger.Forget()
	m.outdated()
	c.closeLink(m.link)
	m.link.cmd.allowRedial()
	m.link.pubsub.allowRedial()
	c.ready(&m.link.timer)
	c.changed()
	c.emit(&m.instance, event.ResetMaster{Instance: c.ref(&m.instance)})
	c.wake(&m.instance)
	c.touch(m)
}

// dropMembers removes the replicas and Sentinels of m.
func (c *Core) dropMembers(m *master) {
	for _, r := range m.replicas {
		c.dropReplica(r)
	}
	for _, p := range m.peers {
		c.dropPeer(p)
	}
	m.replicas, m.peers, m.distant, m.promoted, m.hasListed = nil, nil, nil, nil, false
	m.outdated()
}
