package monitor

import (
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/quorum"
)

// maxRestarts bounds how often the election of one attempt is repeated at a
// higher epoch before the attempt is left to time out.
const maxRestarts = 5

// run judges a master: is it down, do enough others agree, what does a running
// failover need next. It is called whenever something about the master arrived
// and when one of its own deadlines is reached.
func (m *master) run(c *Core, now Instant) Instant {
	c.changes++
	if c.tilt {
		return Never // leaveTilt comes back to it
	}
	next := c.checkSDown(now, &m.instance)
	c.shareOpinion(m)
	next = min(next, c.expireAnswers(now, m))
	c.checkODown(now, m)
	next = min(next, c.failover(now, m))
	if !m.attempt.InProgress() {
		next = min(next, c.maybeStart(now, m))
		next = min(next, c.failover(now, m))
	}
	return min(next, c.askPeers(now, m))
}

// maybeStart begins an automatic attempt when m is objectively down and the
// last one is long enough ago (state-machine.md §5.2).
func (c *Core) maybeStart(now Instant, m *master) Instant {
	if !m.has(FlagODown) || m.cfg.NeverLead || c.disk.failing || c.conflict.open {
		m.candidateAt = 0
		if c.disk.failing {
			c.awaitDisk(m)
		}
		return Never
	}
	if due := m.attempt.NextAllowed(m.cfg.FailoverTimeout); now < due {
		m.candidateAt = 0
		if m.delayLogged != m.attempt.Start {
			m.delayLogged = m.attempt.Start
			c.free(FailoverDelayed{Master: m.cfg.Name, Until: due})
		}
		return due
	}
	if m.candidateAt == 0 {
		wait := c.candidacyDelay(m)
		if len(m.replicas) == 0 {
			// Who knows a replica stands first. Elected without one, this Sentinel
			// could only abort, and again whenever the others may stand again.
			wait += maxCandidacySlot
		}
		m.candidateAt = now.Add(wait)
	}
	if now < m.candidateAt {
		// A vote request of another Sentinel that comes first gets our vote, which
		// ends this candidacy through NextAllowed.
		return m.candidateAt
	}
	m.candidateAt = 0
	c.startAttempt(now, m, false)
	return Never
}

// candidacyDelay ranks this Sentinel among those that can be expected to stand
// as well: peers that are reachable. A peer that is down must not hold a place
// in the line.
func (c *Core) candidacyDelay(m *master) time.Duration {
	var others []RunID
	for _, p := range m.peers {
		if p.link.connected() && !p.has(FlagSDown) {
			others = append(others, p.runID)
		}
	}
	rank := election.Rank(c.opts.MyID, others, m.cfg.Name, c.epoch)
	return election.CandidacyDelay(rank, c.candidacySlot(), c.rng.Float64())
}

// candidacySlot is long enough for the candidate before to save its own vote and
// to ask: on a slow disk the next one would otherwise stand as well, and the
// votes would be split.
func (c *Core) candidacySlot() time.Duration {
	return max(c.tun.CandidacySlot, min(2*c.disk.latency, maxCandidacySlot))
}

// maxCandidacySlot bounds what a slow disk adds to a failover.
const maxCandidacySlot = 250 * time.Millisecond

func (c *Core) startAttempt(now Instant, m *master, forced bool) {
	c.epoch++
	c.emit(&m.instance, NewEpoch{c.epoch})
	c.emit(&m.instance, TryFailover{c.ref(&m.instance)})
	m.attempt.Begin(now, c.epoch, c.random(c.tun.Desync), forced)
	m.restartAt = 0
	c.vote(now, m, c.epoch, c.opts.MyID)
	for _, r := range m.replicas {
		c.requestInfo(now, &r.instance)
	}
}

// failover does everything that the current phase of an attempt allows and
// returns when it wants to be called again even if nothing happens.
func (c *Core) failover(now Instant, m *master) Instant {
	for {
		phase := m.attempt.Phase()
		next := Never
		switch phase {
		case election.WaitStart:
			next = c.elect(now, m)
		case election.SelectReplica:
			next = c.selectReplica(now, m)
		case election.SendReplicaOfNoOne:
			next = c.promote(now, m)
		case election.WaitPromotion:
			next = c.waitPromotion(now, m)
		case election.ReconfReplicas:
			next = c.reconfReplicas(now, m)
		case election.UpdateConfig:
			c.switchToPromoted(now, m)
		}
		if m.attempt.Phase() == phase {
			return next
		}
	}
}

func (m *master) waitingForPromotion() bool { return m.attempt.Phase() == election.WaitPromotion }

func (m *master) electing() bool { return m.attempt.Phase() == election.WaitStart }

// elect counts votes and decides whether this Sentinel leads the attempt
// (state-machine.md §5.3, §5.4).
func (c *Core) elect(now Instant, m *master) Instant {
	a := &m.attempt
	if !c.isDurable(m.voteSeq) {
		c.awaitDisk(m)
		return c.electionDeadline(now, m)
	}
	votes, outstanding := c.countVotes(m)
	needed := quorum.Needed(len(m.peers)+1, m.cfg.Quorum)
	leader, _, elected := quorum.Winner(votes, needed)
	if elected && leader == c.opts.MyID {
		c.elected(now, m)
		return Never
	}
	if a.Forced {
		return c.electForced(now, m, elected, outstanding)
	}
	next := c.electionDeadline(now, m)
	if !a.InProgress() {
		return next
	}
	lostEpoch := c.epoch > a.Epoch
	split := len(votes) >= needed && !quorum.CanStillWin(votes, outstanding, needed)
	// Not after a vote for another at a later epoch: a still later one of ours
	// would derail the election that we have just voted in. Nor when another has
	// the votes: when several masters die together the current epoch moves on all
	// the time, and we would depose a leader at work, which may have promoted
	// another replica than the one that we would choose.
	if m.ledger.Epoch == a.Epoch && !elected && (lostEpoch || split) {
		next = min(next, c.restartElection(now, m))
	}
	return next
}

// electForced lets a manual failover go on without votes, as it must when no
// other Sentinel answers. It asks for them all the same: a vote makes its epoch
// unique, and two configurations with one epoch would never be reconciled.
func (c *Core) electForced(now Instant, m *master, elected bool, outstanding int) Instant {
	a := &m.attempt
	if elected && a.Restarts < maxRestarts {
		return c.restartElection(now, m) // the epoch belongs to another Sentinel
	}
	if due := a.Begun.Add(c.tun.ForceGrace); outstanding > 0 && now < due {
		return due
	}
	c.elected(now, m)
	return Never
}

func (c *Core) elected(now Instant, m *master) {
	c.emit(&m.instance, ElectedLeader{c.ref(&m.instance)})
	if c.failures&CrashAfterElection != 0 {
		c.free(Crash{})
	}
	m.attempt.Advance(election.SelectReplica, now)
	c.emit(&m.instance, FailoverStateSelectReplica{c.ref(&m.instance)})
}

// countVotes collects the votes cast at the epoch of the attempt, the own one
// included, and counts the reachable Sentinels that could still cast one. Votes
// of any other epoch do not count (invariant S4).
func (c *Core) countVotes(m *master) (votes []RunID, outstanding int) {
	a := &m.attempt
	if m.ledger.Epoch == a.Epoch && m.ledger.For != "" {
		votes = append(votes, m.ledger.For)
	}
	for _, p := range m.peers {
		switch {
		case p.votedFor != "" && p.votedEpoch == a.Epoch:
			votes = append(votes, p.votedFor)
		case p.link.connected() && !p.has(FlagSDown) && p.votedEpoch < a.Epoch:
			outstanding++
		}
	}
	return votes, outstanding
}

func (c *Core) electionDeadline(now Instant, m *master) Instant {
	due := m.attempt.ElectionDeadline(m.cfg.FailoverTimeout, c.tun.ElectionTimeout)
	if now < due {
		return due
	}
	c.abort(now, m, FailoverAbortNotElected{c.ref(&m.instance)})
	return Never
}

// restartElection repeats the election at a new epoch after a random pause. It
// is done when the current epoch has moved past the attempt's, so that no vote
// can be had at the latter any more, or when the votes are split for certain.
// Waiting instead would cost the election timeout and twice the failover timeout.
func (c *Core) restartElection(now Instant, m *master) Instant {
	if m.attempt.Restarts >= maxRestarts || c.disk.failing {
		return Never
	}
	if m.restartAt == 0 {
		pause := c.candidacyDelay(m) + c.random(4*c.tun.CandidacySlot)
		m.restartAt = now.Add(max(pause, time.Millisecond))
	}
	if now < m.restartAt {
		return m.restartAt
	}
	m.restartAt = 0
	c.epoch++
	c.emit(&m.instance, NewEpoch{c.epoch})
	m.attempt.Restart(c.epoch)
	c.vote(now, m, c.epoch, c.opts.MyID)
	c.awaitDisk(m)
	return c.electionDeadline(now, m)
}

// abort ends an attempt before its promotion is confirmed.
func (c *Core) abort(now Instant, m *master, why Event) {
	c.emit(&m.instance, why)
	if m.promoted != nil {
		m.promoted.clear(FlagPromoted)
		m.promoted = nil
	}
	m.attempt.Abort(now)
}

// rules returns the limits for replicas of m (state-machine.md §6.2).
func (c *Core) rules(now Instant, m *master) election.Rules {
	r := election.Rules{
		Now:         now,
		MaxPingAge:  5 * c.tun.PingPeriod,
		MaxInfoAge:  3 * c.tun.InfoPeriod,
		MaxLinkDown: 10 * m.cfg.DownAfter,
	}
	if m.has(FlagSDown) {
		r.MaxInfoAge = 5 * c.tun.PingPeriod
		r.MaxLinkDown += now.Sub(c.lastWell(m))
	}
	return r
}

// lastWell returns when m was last known to be a master that lives, which is
// before +sdown: by more than TILT lasts when the failure fell into it, and by
// two INFO periods when the master has become a replica. Links of replicas that
// broke in between broke because of the failure. Counted from +sdown, as stock
// does, they look broken for ever, and with a short down-after no replica is
// ever accepted again.
func (c *Core) lastWell(m *master) Instant {
	well := min(m.sdownSince, m.link.lastAvail)
	if m.role == RoleReplica {
		well = min(well, m.roleSince-Instant(c.tun.InfoPeriod))
	}
	return well
}

// candidates are the replicas as they are now: one whose time has run out is
// down, even if its own timer comes later in this step.
func (c *Core) candidates(now Instant, m *master) []election.Replica {
	cs := make([]election.Replica, len(m.replicas))
	for k, r := range m.replicas {
		down, _ := c.sdownDue(now, &r.instance)
		cs[k] = election.Replica{
			SDown: down || r.has(FlagSDown), Connected: r.link.connected(), LastAvail: r.link.lastAvail,
			LastInfo: r.infoRefresh, Priority: r.priority, LinkDown: r.masterLinkDown,
			Offset: r.offset, RunID: r.runID,
		}
	}
	return cs
}

// selectReplica chooses the replica to promote, on INFO replies that are newer
// than the attempt if they come soon.
func (c *Core) selectReplica(now Instant, m *master) Instant {
	a := &m.attempt
	rules, cs := c.rules(now, m), c.candidates(now, m)
	best := election.Select(rules, cs)
	wait := c.tun.SelectPatience
	if best >= 0 {
		wait = 0
		for k, r := range m.replicas {
			if rules.Reject(cs[k]) == "" && r.infoRefresh < a.Begun {
				wait = c.tun.SelectWait
			}
		}
	}
	if due := a.Changed.Add(wait); now < due {
		return due
	}
	if best < 0 {
		for k, r := range m.replicas {
			c.log(LevelNotice, "Replica "+r.name+" of "+m.cfg.Name+" cannot be promoted: "+rules.Reject(cs[k]))
		}
		c.abort(now, m, FailoverAbortNoGoodReplica{c.ref(&m.instance)})
		return Never
	}
	r := m.replicas[best]
	m.promoted = r
	r.set(FlagPromoted)
	c.emit(&r.instance, SelectedReplica{c.ref(&r.instance)})
	a.Advance(election.SendReplicaOfNoOne, now)
	c.emit(&r.instance, FailoverStateSendReplicaOfNoOne{c.ref(&r.instance)})
	return Never
}

// promote sends SLAVEOF NO ONE over the connection that is already open, with
// an INFO right behind it.
func (c *Core) promote(now Instant, m *master) Instant {
	r := m.promoted
	if !r.link.connected() {
		return c.promotionDeadline(now, m)
	}
	c.changeRole(&r.instance, Addr{})
	m.attempt.Advance(election.WaitPromotion, now)
	c.emit(&r.instance, FailoverStateWaitPromotion{c.ref(&r.instance)})
	r.infoPending = false // one that is under way may answer from before the promotion
	c.requestInfo(now, &r.instance)
	return Never
}

// waitPromotion waits for INFO to say role:master. If the connection broke
// before the outcome was known, the command is sent again.
func (c *Core) waitPromotion(now Instant, m *master) Instant {
	r := m.promoted
	next := c.promotionDeadline(now, m)
	// Not after the deadline, as at the end of TILT: a server promoted by an
	// attempt that is over would be a master whom nobody announces.
	if m.waitingForPromotion() && r.slaveofLost && r.link.connected() {
		c.changeRole(&r.instance, Addr{})
		c.wake(&r.instance)
	}
	return next
}

func (c *Core) promotionDeadline(now Instant, m *master) Instant {
	due := m.attempt.PhaseDeadline(m.cfg.FailoverTimeout)
	if now < due {
		return due
	}
	c.abort(now, m, FailoverAbortReplicaTimeout{c.ref(&m.instance)})
	return Never
}

// changeRole sends the role change to i: make it a replica of to, or promote it
// when to is the zero Addr. It never tells a server to follow itself.
func (c *Core) changeRole(i *instance, to Addr) bool {
	cmd := SlaveOf{Host: to.Shown(c.opts.AnnounceHostnames), Port: to.Port}
	if !i.link.connected() || (cmd.Host != "" && i.addr.Same(to)) {
		return false
	}
	i.slaveofLost = false
	i.slaveofSeq = c.sendFor(i, cmd)
	return true
}

// slaveofReply looks at the outcome of a role change. A server that refuses the
// transaction as a whole, for example because CLIENT is renamed or forbidden,
// gets the commands one by one: the role matters more than the rest.
func (c *Core) slaveofReply(now Instant, in SlaveOfReply) {
	l := c.replyOn(in.Conn)
	mem := c.members[in.Token.Instance]
	if l == nil || mem == nil || mem.base().link != l || mem.base().slaveofSeq != in.Token.Seq {
		return
	}
	i := mem.base()
	i.slaveofSeq = 0
	if in.Refused != "" && in.Refused != i.slaveofError {
		c.log(LevelWarning, "Server "+c.shown(i.addr).String()+" refused a role change: "+in.Refused)
	}
	i.slaveofError = in.Refused
	switch {
	case !in.Aborted:
	case c.tilt:
		// The reply waited while this process stood still. Another leader may have
		// acted meanwhile, and a second master would be made now. When TILT has
		// ended, what is still wanted is ordered again.
		i.slaveofLost = true
	default:
		to, ok := i.master.roleTarget(mem)
		if !ok {
			return
		}
		cmd := SlaveOf{Host: to.Shown(c.opts.AnnounceHostnames), Port: to.Port, Plain: true}
		i.slaveofSeq = c.sendFor(i, cmd)
	}
	c.touch(i.master)
}

// roleTarget returns whom a replica should follow now: nobody (the zero Addr)
// when it is the one to promote.
func (m *master) roleTarget(mem member) (Addr, bool) {
	r, ok := mem.(*replica)
	switch {
	case !ok:
		return Addr{}, false
	case r == m.promoted:
		return Addr{}, true
	case r.addr.Same(m.current()):
		return Addr{}, false
	}
	return m.current(), true
}

// promotionConfirmed is called when the promoted replica says that it is a
// master (state-machine.md §6.5). From here on the new address is the one that
// clients get.
func (c *Core) promotionConfirmed(now Instant, m *master) {
	a := &m.attempt
	if a.Epoch <= m.configEpoch {
		// Another configuration with this epoch or a later one is known already.
		// Ours would lower the epoch or contradict it (invariants S6, S7).
		c.abort(now, m, FailoverAbortNotElected{c.ref(&m.instance)})
		return
	}
	m.configEpoch = a.Epoch
	a.Advance(election.ReconfReplicas, now)
	m.configSeq, m.announced = c.disk.next(), false
	c.changed()
	c.touch(m)
}

// reconfScript runs the client reconfiguration script (wire.md §11).
func (c *Core) reconfScript(m *master, role string, from, to Addr) {
	if m.cfg.ClientReconfigScript == "" {
		return
	}
	f, t := c.shown(from), c.shown(to)
	c.free(RunScript{Path: m.cfg.ClientReconfigScript, Args: []string{
		m.cfg.Name, role, "start", f.Host, strconv.Itoa(f.Port), t.Host, strconv.Itoa(t.Port),
	}})
}

// reconfReplicas announces the new configuration and points the other replicas
// at the new master, parallel-syncs at a time (state-machine.md §6.6, §6.7).
func (c *Core) reconfReplicas(now Instant, m *master) Instant {
	if !c.mayAnnounce(m) {
		c.awaitDisk(m)
		return Never
	}
	if !m.announced {
		m.announced = true
		r := m.promoted
		c.emit(&r.instance, PromotedReplica{c.ref(&r.instance)})
		if c.failures&CrashAfterPromotion != 0 {
			c.free(Crash{})
		}
		c.emit(&m.instance, FailoverStateReconfReplicas{c.ref(&m.instance)})
		c.reconfScript(m, "leader", m.addr, r.addr)
		c.forceHello(now, m)
	}
	next := min(c.expireReconf(now, m), c.sendReconf(now, m))
	return min(next, c.checkEnd(now, m))
}

// mayAnnounce reports whether the configuration of m may be told to others: when
// it is durable. While the disk fails, the outcome of an own failover is told all
// the same. The new master is serving already, and silence would let the others
// promote a second one. It is safe: the epoch was won with a durable vote, so
// nobody can make another configuration with it, this Sentinel after a crash
// included; it would then learn its own configuration back from the others.
func (c *Core) mayAnnounce(m *master) bool {
	return c.isDurable(m.configSeq) || c.disk.failing && m.attempt.Published()
}

// expireReconf gives up on replicas that do not start to synchronise, so that
// one stuck replica does not hold a parallel-syncs place for ever.
func (c *Core) expireReconf(now Instant, m *master) Instant {
	next := Never
	for _, r := range m.replicas {
		if !r.has(FlagReconfSent) {
			continue
		}
		if due := r.reconfSentAt.Add(c.tun.ReconfTimeout); now < due {
			next = min(next, due)
			continue
		}
		c.emit(&r.instance, ReplicaReconfSentTimeout{c.ref(&r.instance)})
		r.clear(FlagReconfSent)
		r.set(FlagReconfDone)
	}
	return next
}

func (c *Core) sendReconf(now Instant, m *master) Instant {
	const settled = FlagPromoted | FlagReconfDone | FlagReconfSent | FlagReconfInProg
	busy, next := 0, Never
	for _, r := range m.replicas {
		if r.has(FlagReconfSent | FlagReconfInProg) {
			busy++
		}
		if r.has(FlagReconfSent) && r.slaveofLost {
			c.changeRole(&r.instance, m.promoted.addr) // its connection broke under the first one
		}
	}
	for _, r := range m.replicas {
		if busy >= m.cfg.ParallelSyncs {
			break
		}
		if r.has(settled|FlagSDown) || !c.changeRole(&r.instance, m.promoted.addr) {
			continue
		}
		r.set(FlagReconfSent)
		r.reconfSentAt = now
		busy++
		next = min(next, now.Add(c.tun.ReconfTimeout))
		c.emit(&r.instance, ReplicaReconfSent{c.ref(&r.instance)})
		c.wake(&r.instance)
	}
	return next
}

// checkEnd ends the failover when every replica follows the new master, when
// the failover timeout is over, or when the new master itself is down: then
// only the end of this failover lets the next one begin.
func (c *Core) checkEnd(now Instant, m *master) Instant {
	left := 0
	for _, r := range m.replicas {
		if !r.has(FlagPromoted | FlagReconfDone | FlagSDown) {
			left++
		}
	}
	due := m.attempt.PhaseDeadline(m.cfg.FailoverTimeout)
	timeout := now >= due
	if left > 0 && !timeout && !m.promoted.has(FlagSDown) {
		return due
	}
	if timeout {
		c.emit(&m.instance, FailoverEndForTimeout{c.ref(&m.instance)})
	}
	c.emit(&m.instance, FailoverEnd{c.ref(&m.instance)})
	m.attempt.Advance(election.UpdateConfig, now)
	if timeout {
		c.reconfBestEffort(m)
	}
	return Never
}

// reconfBestEffort tells the replicas that are left who their master is,
// without waiting for the outcome.
func (c *Core) reconfBestEffort(m *master) {
	for _, r := range m.replicas {
		if r.has(FlagPromoted | FlagReconfDone | FlagReconfSent) {
			continue
		}
		if c.changeRole(&r.instance, m.promoted.addr) {
			r.set(FlagReconfSent)
			c.emit(&r.instance, ReplicaReconfSentBestEffort{c.ref(&r.instance)})
		}
	}
}
