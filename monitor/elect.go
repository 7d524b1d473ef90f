package monitor

import (
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/quorum"
)

// maxRestarts bounds how often the election of one attempt is repeated at a
// higher epoch before the attempt is left to time out.
const maxRestarts = 5

// maybeStart begins an automatic attempt when m is objectively down and the
// last one is long enough ago (state-machine.md §5.2, Starting an attempt).
func (c *Core) maybeStart(now Instant, m *master) Instant {
	if barred := c.barred(m); barred != "" || !m.has(FlagODown) {
		m.candidateAt = 0
		m.policy.forgetPermission()
		if m.has(FlagODown) {
			c.tellIdle(m, barred)
		}
		if c.disk.failing {
			c.awaitDisk(m)
		}
		return Never
	}
	if due := max(c.mayStandFrom(m), c.boundUntil(m), m.promise.until, c.delayedByPause(now, m)); now < due {
		m.candidateAt = 0
		c.tellWaiting(now, m)
		return due
	}
	if due := c.nextAllowed(m); now < due {
		m.candidateAt = 0
		if m.delayLogged != m.attempt.Start {
			m.delayLogged = m.attempt.Start
			c.tellDelayed(now, m)
			c.free(FailoverDelayed{Master: m.cfg.Name, Until: due})
		}
		return due
	}
	held := c.heldByPolicy(now, m)
	if now < m.policy.held {
		m.candidateAt = 0
		return held
	}
	if due := c.candidacy(now, m); now < due {
		// A vote request of another Sentinel that comes first gets our vote, which
		// ends this candidacy through NextAllowed.
		return due
	}
	if now < held {
		return held
	}
	m.candidateAt = 0
	c.tellDeparted(now, m)
	c.startAttempt(now, m, false)
	return Never
}

// candidacy has this Sentinel wait for those that come first, from now on if it does not
// yet, and returns when it stands itself.
func (c *Core) candidacy(now Instant, m *master) Instant {
	if m.candidateAt == 0 {
		wait := c.candidacyDelay(m, c.rng.Float64())
		if len(m.replicas) == 0 {
			// A Sentinel that knows a replica should stand first. Elected
			// without one, this Sentinel could only abort, and again each time
			// the others may stand.
			wait += knowsNone
		}
		m.candidateSince, m.candidateAt = now, now.Add(wait)
	}
	// The disks may have turned out slower since.
	m.candidateAt = max(m.candidateAt, m.candidateSince.Add(c.candidacyDelay(m, 0)))
	return m.candidateAt
}

func (c *Core) candidacyDelay(m *master, jitter float64) time.Duration {
	return election.CandidacyDelay(c.rank(m, c.standsAt(m)-1), c.candidacySlot(), jitter)
}

// rank is the place of this Sentinel among those that can be expected to do the same
// for m, in the order of an epoch: the reachable peers. A peer that is down must not
// take up a place.
func (c *Core) rank(m *master, epoch Epoch) int {
	var others []RunID
	for _, p := range m.peers {
		if p.link.connected() && !p.has(FlagSDown) {
			others = append(others, p.runID)
		}
	}
	return election.Rank(c.opts.MyID, others, m.cfg.Name, epoch)
}

// candidacySlot is long enough for the candidate of the rank before to save its
// own vote, behind a write that is under way, and ask for others. The next one would
// otherwise stand as well and split the votes.
func (c *Core) candidacySlot() time.Duration {
	took := c.disk.latency
	if c.disk.inFlight != nil {
		took = max(took, c.now.Sub(c.disk.began))
	}
	return max(c.tun.CandidacySlot, min(3*took, maxCandidacySlot))
}

// maxCandidacySlot bounds what a slow disk adds to a failover.
const maxCandidacySlot = 500 * time.Millisecond

// knowsNone is how much later a Sentinel stands that knows no replica of a master.
const knowsNone = 250 * time.Millisecond

func (c *Core) startAttempt(now Instant, m *master, forced bool) {
	if forced || m.switchover.stage == takingOver || c.standsAt(m) > c.epoch {
		c.openEpoch(m)
	}
	c.emit(&m.instance, event.TryFailover{Instance: c.ref(&m.instance)})
	// A switchover that was given up may have sent the master its role back. If that
	// arrives only now, there are two masters.
	c.callBack(&m.instance)
	m.attempt.Begin(now, c.epoch, c.random(c.tun.Desync), forced)
	m.restartAt = 0
	m.policy.forgetPermission()
	if m.switchover.stage != electing {
		c.forgetChoice(m)
	}
	c.noteElection(m)
	c.vote(now, m, c.epoch, c.opts.MyID, false)
	c.refreshReplicas(now, m)
}

func (m *master) electing() bool { return m.attempt.Phase() == election.WaitStart }

// elect counts votes and decides whether this Sentinel leads the attempt
// (state-machine.md §5.3, Counting, and §5.4, WAIT_START).
func (c *Core) elect(now Instant, m *master) Instant {
	a := &m.attempt
	if !c.isDurable(m.voteSeq) {
		c.awaitDisk(m)
		return c.electionDeadline(now, m)
	}
	votes, outstanding := c.countVotes(m)
	needed := quorum.Needed(m.voters(), m.cfg.Quorum)
	leader, _, elected := quorum.Winner(votes, needed)
	if elected && leader == c.opts.MyID && c.hasOwnVote(m) {
		c.elected(now, m)
		return Never
	}
	if a.Forced {
		if next := c.electForced(now, m, elected, outstanding, needed); next != Never || !m.electing() {
			return next
		}
	}
	if !a.Forced && !c.hasOwnVote(m) && c.leftByVoted(m) {
		c.abort(now, m, event.FailoverAbortNotElected{Instance: c.ref(&m.instance)})
		return Never // the next attempt may begin
	}
	next := c.electionDeadline(now, m)
	if a.Forced || !a.InProgress() {
		return next
	}
	lostEpoch := c.epoch > a.Epoch
	split := len(votes) >= needed && !quorum.CanStillWin(votes, outstanding, needed)
	// Do not restart after a vote for another candidate at a later epoch: ours
	// would be later still and derail the election that we just voted in. Nor
	// when another has been elected: when several masters fail together the
	// current epoch keeps rising, and we would depose a working leader, which
	// may have promoted another replica than we would. One whose process
	// has ended is none.
	departed := elected && m.departedSince(leader, a.VotesAsked)
	if c.hasOwnVote(m) && (departed || !elected && (lostEpoch || split)) {
		next = min(next, c.restartElection(now, m))
	}
	return next
}

// hasOwnVote reports whether the last vote of this Sentinel is for itself, at the
// epoch of its attempt. A leader needs that (invariant S19): a Sentinel that
// has voted for another at a later epoch must not act beside that one, and an
// epoch without a vote of ours can be used once more after a restart.
func (c *Core) hasOwnVote(m *master) bool {
	return m.ledger == election.Ledger{Epoch: m.attempt.Epoch, For: c.opts.MyID}
}

// electForced lets a manual failover go on without votes, as it must when no
// other Sentinel answers. It asks for votes nevertheless: a majority makes its
// epoch unique, and two configurations with one epoch would never be
// reconciled. Where the epoch belongs to another Sentinel, or a later one is
// known at which others vote, it starts again at a higher one.
//
// A switchover does so only where no majority can be reached: one that answers and
// gives no vote may be bound to another driver, and two of them could make two
// masters.
func (c *Core) electForced(now Instant, m *master, elected bool, outstanding, needed int) Instant {
	a := &m.attempt
	overtaken := c.epoch > a.Epoch
	if (elected || overtaken) && a.Restarts < maxRestarts {
		return c.restartElection(now, m)
	}
	if elected || !c.hasOwnVote(m) {
		return Never // until the election deadline
	}
	if due := a.Changed.Add(c.tun.ForceGrace); outstanding > 0 && now < due {
		return due
	}
	if next := c.expireAwaited(now, m); m.switchover.active() && next != Never {
		return next // they may be bound to another driver, and are not known yet
	}
	if m.switchover.active() && m.answered() >= needed {
		c.endSwitchover(now, m, event.FailoverAbortNotElected{Instance: c.ref(&m.instance)}, "the other Sentinels do not vote for it now")
		return Never
	}
	m.droveAlone = true
	c.elected(now, m)
	return Never
}

// answered counts the Sentinels, this one included, that have answered the vote
// request of this attempt, whatever they said.
func (m *master) answered() int {
	n := 1
	for _, p := range m.peers {
		if p.refusedVote == m.attempt.Epoch || p.votedEpoch >= m.attempt.Epoch {
			n++
		}
	}
	return n
}

// logOvertaken says why a failover that an operator ordered needs a new epoch.
func (c *Core) logOvertaken(m *master) {
	why := "another Sentinel was elected at epoch "
	if c.epoch > m.attempt.Epoch {
		why = "others are at epoch "
	}
	c.log(LevelNotice, "The requested FAILOVER of '"+m.cfg.Name+"' starts again at a higher epoch: "+why+
		strconv.FormatUint(uint64(c.epoch), 10))
}

func (c *Core) elected(now Instant, m *master) {
	c.emit(&m.instance, event.ElectedLeader{Instance: c.ref(&m.instance)})
	if c.failures&CrashAfterElection != 0 {
		c.free(Crash{})
	}
	m.attempt.Advance(election.SelectReplica, now)
	c.emit(&m.instance, event.FailoverStateSelectReplica{Instance: c.ref(&m.instance)})
}

// countVotes collects the votes cast at the epoch of the attempt, our own
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
	c.abort(now, m, event.FailoverAbortNotElected{Instance: c.ref(&m.instance)})
	return Never
}

// restartElection repeats the election at a higher epoch after a random pause. It
// is done when the current epoch has moved past the attempt's, so that no vote
// can be won at the latter, or when the votes are split for certain. Waiting
// would cost the election timeout plus twice the failover timeout. In the first case the
// current epoch is taken: a new one would outdate the elections of other masters in turn.
func (c *Core) restartElection(now Instant, m *master) Instant {
	if m.attempt.Restarts >= maxRestarts || c.disk.failing {
		return Never
	}
	if m.restartAt == 0 {
		pause := c.candidacyDelay(m, c.rng.Float64()) + c.random(4*c.tun.CandidacySlot)
		m.restartAt = now.Add(max(pause, time.Millisecond))
	}
	if now < m.restartAt {
		return m.restartAt
	}
	m.restartAt = 0
	if m.attempt.Forced {
		c.logOvertaken(m)
	}
	if m.attempt.Forced || m.switchover.active() || c.epoch == max(m.attempt.Epoch, m.configEpoch) {
		c.openEpoch(m)
	}
	m.attempt.Restart(now, c.epoch)
	c.noteElection(m)
	if m.switchover.stage == electing {
		c.bindItself(m)
	}
	c.vote(now, m, c.epoch, c.opts.MyID, false)
	c.awaitDisk(m)
	return c.electionDeadline(now, m)
}
