package monitor

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/gosentinel/sentinel/election"
)

// This file lets a model checker drive a Core through elections without a
// clock: it ends waits at will, and tells apart the states that can evolve
// differently.

// Wait is a wait of a Core that ends by the passing of time alone.
type Wait uint8

// The waits that decide how an election proceeds (state-machine.md §5,
// Election).
const (
	WaitCandidacy Wait = iota // desynchronisation before a candidacy
	WaitAsk                   // gap between two questions to the peers
	WaitHello                 // gap between two hellos to the peers
	WaitRestart               // pause before an election that cannot be won is repeated
	WaitElection              // election timeout of a candidate
	WaitPause                 // between two attempts: twice the failover timeout
	WaitSelect                // limit for a leader that finds no replica to promote
	WaitForce                 // grace of a manual failover
	WaitAnswers               // validity of what one peer said
	WaitDisk                  // pause before a failed save is tried again
	WaitStall                 // limit for a save that does not end
	WaitEpoch                 // time for which masters share an epoch
)

var waitNames = [...]string{
	"it stands for election now", "it repeats its questions", "it says hello again", "it repeats the election", "its election times out",
	"its pause between attempts is over", "it found no replica in time", "the grace of its manual failover is over",
	"an answer expires", "it tries the save again", "the save takes too long", "it shares its epoch no longer",
}

// String describes what happens when the wait ends.
func (w Wait) String() string { return waitNames[w] }

// Expire ends wait w and runs what becomes due, as a [Tick] does when that wait
// alone is over. master names the master concerned, peer the Sentinel whose
// answers expire; the two waits for the disk and that of an epoch need neither. Expire reports false
// when the core is not in that wait. Call [Core.Drain] after it, as after a Step.
//
// Instants are moved, not the clock: however long the waits are configured, a
// caller can end them in every order, and so in every order that a clock can
// bring about.
func (c *Core) Expire(w Wait, master string, peer RunID) bool {
	if w == WaitDisk || w == WaitStall {
		return c.expireDisk(w)
	}
	if w == WaitEpoch {
		young := c.epochIsYoung()
		c.epochAt = 0
		return young
	}
	m := c.byName[master]
	if m == nil || !m.expire(c, w, peer) {
		return false
	}
	c.touch(m)
	c.settle()
	return true
}

func (c *Core) expireDisk(w Wait) bool {
	d := &c.disk
	switch {
	case w == WaitDisk && d.failing && d.inFlight == nil && c.now < d.retry:
		d.retry = c.now
	case w == WaitStall && d.inFlight != nil && !d.stalled:
		d.began = c.now - Instant(c.tun.PersistStall)
		c.checkDisk()
		c.settle()
	default:
		return false
	}
	return true
}

func (m *master) expire(c *Core, w Wait, peer RunID) bool {
	a, none, now := &m.attempt, !m.attempt.InProgress(), c.now
	due := a.ElectionDeadline(m.cfg.FailoverTimeout, c.tun.ElectionTimeout)
	allowed := a.NextAllowed(m.cfg.FailoverTimeout)
	switch {
	case w == WaitCandidacy && none && m.candidateAt > now:
		m.candidateAt, m.candidateSince = now, 0
	case w == WaitRestart && m.electing() && m.restartAt > now:
		m.restartAt = now
	case w == WaitElection && m.electing() && !a.Forced && now < due:
		a.Start -= due - now
	case w == WaitPause && none && now < allowed:
		a.Start -= allowed - now
	case w == WaitSelect && a.Phase() == election.SelectReplica:
		a.Changed = min(a.Changed, now-Instant(c.tun.SelectPatience))
	case w == WaitForce && m.electing() && a.Forced:
		a.Begun = min(a.Begun, now-Instant(c.tun.ForceGrace))
	case w == WaitAsk && m.has(FlagSDown):
		for _, p := range m.peers {
			p.askSentAt = 0
		}
	case w == WaitHello:
		for _, p := range m.peers {
			p.helloDue = now
			c.wake(&p.instance)
		}
	case w == WaitAnswers:
		p := m.peerByID(peer)
		if p == nil || !p.has(FlagMasterDown) && p.votedFor == "" {
			return false
		}
		old := now - Instant(5*c.tun.AskPeriod)
		p.askReplyAt, p.opinionAt = min(p.askReplyAt, old), min(p.opinionAt, old)
	default:
		return false
	}
	return true
}

// AppendElection appends an encoding of everything that decides how the
// elections of c proceed, apart from the passing of time: cores with equal
// encodings answer every input with the same effects on elections, and what one
// of them can [Core.Expire] the other can, with the same outcome. Call it after
// [Core.Drain].
//
// Sentinels appear as label names them, and peers in the order of their labels,
// so that labels which swap two Sentinels give the state in which these are
// swapped. order lists the masters by their place in the configuration; nil
// means all in that order. A [Reply] that waits for the disk is taken to be
// about the master whose place is its To.
//
// Left out is what cannot matter to an election: servers, links, periods,
// counters, and what peers said about epochs that no count can see any more.
func (c *Core) AppendElection(dst []byte, label func(RunID) byte, order []int) []byte {
	if order == nil {
		for k := range c.masters {
			order = append(order, k)
		}
	}
	dst = c.appendDisk(dst, label, order)
	for _, k := range order {
		dst = c.appendAttempt(dst, c.masters[k], label)
		dst = c.appendPeers(dst, c.masters[k], label)
	}
	return dst
}

// appendDisk encodes the epochs, and what waits for the disk.
func (c *Core) appendDisk(dst []byte, label func(RunID) byte, order []int) []byte {
	d := &c.disk
	dst = append(dst, flagBits(c.tilt, d.dirty, d.failing, d.stalled, d.inFlight != nil, d.failing && c.now < d.retry, c.epochIsYoung()))
	dst = binary.AppendUvarint(dst, uint64(c.epoch))
	dst = binary.AppendUvarint(dst, uint64(c.durableEpoch))
	for _, k := range order {
		dst = appendReplies(dst, d.gated, PeerRef(k), label)
		if p := d.inFlight; p != nil {
			dst = binary.AppendUvarint(dst, uint64(p.State.CurrentEpoch))
			dst = binary.AppendUvarint(dst, uint64(p.State.Masters[k].LeaderEpoch))
			dst = appendReplies(dst, p.Then, PeerRef(k), label)
		}
	}
	return dst
}

func flagBits(flags ...bool) (b byte) {
	for k, f := range flags {
		if f {
			b |= 1 << k
		}
	}
	return b
}

// appendAttempt encodes the vote and the attempt of this core.
func (c *Core) appendAttempt(dst []byte, m *master, label func(RunID) byte) []byte {
	a, d := &m.attempt, &c.disk
	saved := byte(2) // the next write will hold the vote
	switch {
	case c.isDurable(m.voteSeq):
		saved = 0
	case d.inFlight != nil && m.voteSeq <= d.inFlight.Seq:
		saved = 1
	}
	dst = binary.AppendUvarint(dst, uint64(m.ledger.Epoch))
	dst = append(dst, label(m.ledger.For), saved, byte(a.Phase()), flagBits(m.awaiting, m.has(FlagSDown), m.has(FlagODown)))
	if !a.InProgress() {
		return append(dst, flagBits(c.now < a.NextAllowed(m.cfg.FailoverTimeout), m.candidateAt != 0))
	}
	dst = binary.AppendUvarint(dst, uint64(a.Epoch))
	return append(dst, byte(a.Restarts), flagBits(a.Forced, m.electing() && m.restartAt != 0, m.electing() && m.restartAt > c.now))
}

// peerReport is what a peer said, as far as a count can still depend on it.
type peerReport struct {
	peer  byte
	flags byte
	who   byte
	epoch Epoch
}

// appendPeers encodes what the peers said.
func (c *Core) appendPeers(dst []byte, m *master, label func(RunID) byte) []byte {
	var room [8]peerReport
	list := room[:0]
	for _, p := range m.peers {
		h := peerReport{peer: label(p.runID), flags: flagBits(m.cfg.Quorum > 1 && p.has(FlagMasterDown), p.link.connected(), p.has(FlagSDown))}
		if epoch, who, matters := c.countable(m, p); matters {
			h.epoch, h.who = epoch, label(who)
		}
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b peerReport) int { return int(a.peer) - int(b.peer) })
	for _, h := range list {
		dst = binary.AppendUvarint(append(dst, h.peer, h.flags, h.who), uint64(h.epoch))
	}
	return dst
}

// countable returns the vote of a peer unless no count can see it any more.
// Attempts that are yet to begin have epochs above the last vote and not below the
// current one. All votes between the epoch of the running attempt and the current one look
// alike: the peer cannot vote in the attempt any more.
func (c *Core) countable(m *master, p *peer) (Epoch, RunID, bool) {
	a := &m.attempt
	switch {
	case p.votedEpoch >= c.epoch && p.votedEpoch > m.ledger.Epoch || m.electing() && p.votedEpoch == a.Epoch:
		return p.votedEpoch, p.votedFor, true
	case m.electing() && p.votedEpoch > a.Epoch:
		return a.Epoch, "", true
	}
	return 0, "", false
}

// pendingVote is a vote that waits for the disk.
type pendingVote struct {
	epoch Epoch
	who   byte
}

// appendReplies encodes the votes about a master that wait for the disk. Their
// order and their number do not matter: a candidate that gets a vote twice
// learns nothing new.
func appendReplies(dst []byte, effects []Effect, master PeerRef, label func(RunID) byte) []byte {
	var room [8]pendingVote
	list := room[:0]
	for _, e := range effects {
		if r, ok := e.(Reply); ok && r.To == master {
			if p := (pendingVote{r.Epoch, label(r.Leader)}); !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	slices.SortFunc(list, func(a, b pendingVote) int { return cmp.Or(cmp.Compare(a.epoch, b.epoch), int(a.who)-int(b.who)) })
	dst = append(dst, byte(len(list)))
	for _, p := range list {
		dst = append(binary.AppendUvarint(dst, uint64(p.epoch)), p.who)
	}
	return dst
}

// Votes calls waiting for each vote on a master that waits for the disk,
// perhaps twice for one, and told for the last vote that each peer reported, if
// any.
func (c *Core) Votes(master string, waiting func(Epoch, RunID), told func(peer RunID, e Epoch, who RunID)) {
	m := c.byName[master]
	at := PeerRef(slices.Index(c.masters, m))
	each := func(effects []Effect) {
		for _, e := range effects {
			if r, ok := e.(Reply); ok && r.To == at {
				waiting(r.Epoch, r.Leader)
			}
		}
	}
	each(c.disk.gated)
	if p := c.disk.inFlight; p != nil {
		each(p.Then)
	}
	for _, p := range m.peers {
		if p.votedEpoch != 0 {
			told(p.runID, p.votedEpoch, p.votedFor)
		}
	}
}

// AppendLeases appends an encoding of all that decides how promises and the isolation fence
// of the first master go on, with instants as they lie before or after now. It goes beside
// [Core.AppendElection].
func (c *Core) AppendLeases(dst []byte) []byte {
	m := c.masters[0]
	v := &m.isolation
	at := func(t Instant) {
		if t == 0 || t == Never {
			dst = binary.AppendVarint(dst, int64(t))
			return
		}
		dst = binary.AppendVarint(dst, max(int64(t-c.now), -int64(3*c.tun.PublishPeriod))|1)
	}
	for _, t := range []Instant{m.promise.until, m.promise.rests, m.voted.at, v.since, v.guards, v.wanted, v.first, v.fencedAt, v.lifting, v.restarted, m.link.unansweredSince} {
		at(t)
	}
	dst = append(dst, flagBits(v.held, v.ready, m.voted.leased, m.role == RoleMaster, m.link.connected()), byte(v.voters))
	for _, p := range m.peers {
		g := &p.pledge
		for _, t := range []Instant{g.asked, g.from, g.until, g.voteHeard} {
			at(t)
		}
		dst = append(dst, flagBits(g.seq != 0, g.binds), byte(g.configEpoch), byte(g.vote.Epoch))
		dst = append(dst, g.vote.For...)
	}
	for _, f := range m.fences {
		for _, t := range []Instant{f.dialedAt, f.infoAt, f.infoSent, f.pausedAt, f.until, f.here, f.loose, f.surely} {
			at(t)
		}
		dst = append(dst, flagBits(f.open(), f.up, f.info != nil, f.infoSeq != 0, f.pauseSeq != 0, f.order.unpause != 0, f.mayEnd), byte(f.holders))
		dst = append(dst, f.process...)
	}
	return dst
}
