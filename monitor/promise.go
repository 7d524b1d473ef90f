package monitor

import (
	"time"

	"github.com/gosentinel/sentinel/election"
)

// A promise is what the isolation fence rests on (state-machine.md §6.16, Isolation
// fence): a Sentinel says for how long it neither votes for a failover of a master nor
// stands for one. Who has the promises of a majority knows until when nobody is elected.

// MaxPromise bounds for how long one promise binds. Half of down-after bounds it too: it
// ends before this Sentinel could find the master down.
const MaxPromise = 10 * time.Second

// promise is what this Sentinel has promised about a master. The zero value binds to
// nothing.
type promise struct {
	until Instant // it neither votes nor stands before
	rests Instant // until when it gives no new one, because a candidate wants the vote; 0: none did
}

// voted is what is known of the last vote about a master besides the ledger.
type voted struct {
	at     Instant // when it was given, or when this process found it in the file
	leased bool    // for a planned switchover, which makes no second master
}

// promiseLength is the longest promise about m.
func (m *master) promiseLength() time.Duration { return min(m.cfg.DownAfter/2, MaxPromise) }

// answerPromise answers a question with PROMISE: for how long this Sentinel binds
// itself, and what it knows that speaks against trusting in that.
func (c *Core) answerPromise(now Instant, m *master, in Ask) Reply {
	r := Reply{To: in.From, Down: m.has(FlagSDown) && !c.tilt}
	if in.Fenced {
		// A hello would wait for the end of the pause, and behind it the PINGs: the master would
		// seem to be down, and who takes it for down promises nothing. So that would never end.
		c.holdHellosFor(&m.instance, now.Add(in.Promise))
	}
	if c.guardMode(m, IsolationFence) != GuardOn {
		return r // it binds itself to nothing
	}
	r.Promise = Promise{Known: true, ConfigEpoch: c.published(m).epoch}
	if !c.isDurable(m.voteSeq) {
		return r
	}
	if c.votePending(now, m) {
		r.Leader, r.Epoch = m.ledger.For, m.ledger.Epoch
	}
	if c.mayPromise(now, m) {
		end := now.Add(min(in.Promise, m.promiseLength()))
		if since := m.link.unansweredSince; since != 0 {
			// It may be down then, and nothing must keep this Sentinel from standing.
			end = min(end, since.Add(m.downAfter))
		}
		if left := end.Sub(now).Truncate(time.Millisecond); left > 0 {
			r.Promise.For = left
			m.promise.until = max(m.promise.until, now.Add(left))
		}
	}
	return r
}

// mayPromise reports whether nothing keeps this Sentinel from a promise about m: not
// where it may stand or lead itself, where two use its id, or where it may have given a
// vote that it does not know.
func (c *Core) mayPromise(now Instant, m *master) bool {
	return !m.has(FlagSDown) && m.role != RoleReplica && !m.attempt.InProgress() && !m.switchover.active() &&
		!c.conflict.open && !m.recall.lost && now >= m.promise.rests
}

// restFromPromises has no promise renewed for a while, because a candidate wants the vote:
// promises put a failover off, and must not prevent one.
func (c *Core) restFromPromises(now Instant, m *master) {
	m.promise.rests = max(m.promise.until, now).Add(2 * c.tun.AskPeriod) // stock asks once in a period
}

// votePending reports whether the last vote may still lead to a promotion of which this
// Sentinel has not heard. A candidate has given up by the time that its phases can take.
func (c *Core) votePending(now Instant, m *master) bool {
	longest := 2*m.cfg.FailoverTimeout + c.tun.ElectionTimeout + c.tun.SelectPatience
	return m.ledger.Epoch > m.configEpoch && !m.voted.leased && m.ledger.For != c.opts.MyID && now < m.voted.at.Add(longest)
}

// boundByPromise reports whether a vote must wait for the end of a promise. A planned
// switchover need not: its driver takes the role from the master before it promotes.
func (m *master) boundByPromise(now Instant, in Ask) bool {
	return now < m.promise.until && in.Epoch > m.ledger.Epoch && in.Lease == 0
}

// recallPromise binds this Sentinel when it starts as if it had promised right before:
// promises are not saved.
func (c *Core) recallPromise(now Instant, m *master) {
	m.voted.at = now
	if c.guardMode(m, IsolationFence) == GuardOn {
		m.promise.until = now.Add(m.promiseLength())
	}
}

// pledge is what a peer has answered to the Sentinel that keeps a master from being
// isolated and written to.
type pledge struct {
	seq   uint64  // token of the question that has no answer yet; 0: there is none
	asked Instant // when that or the last question was sent; 0: none was
	plain Instant // until when it is asked without PROMISE, which it did not know; 0: with it

	from  Instant // when the question was sent that the last good answer belongs to; 0: none was good
	until Instant // when what it has answered ends
	binds bool    // it is a promise: the peer does not vote. Else it just answered

	configEpoch Epoch
	vote        election.Ledger // that may still lead to a promotion; the zero value: none
	voteHeard   Instant         // when it was first told of
}

// ends returns when the promise ends, less a margin. One that is short, because down-after is
// shorter at that Sentinel, holds for half of it at least: it would count for nothing else,
// and a pause that waits for it would never end.
func (g *pledge) ends(margin time.Duration) Instant {
	return g.until.Add(-min(margin, g.until.Sub(g.from)/2))
}

// askGap is how long after a question the next one is due: a quarter of what was asked for, or
// was promised.
func (g *pledge) askGap(length time.Duration) time.Duration {
	const least = 50 * time.Millisecond // who is about to find the master down promises next to nothing
	if g.from == 0 {
		return length / 4
	}
	return min(length/4, max(g.until.Sub(g.from)/4, least))
}

// askPromises asks all peers for their promise, each again when a quarter of it has
// passed, and returns when the next one is due.
func (c *Core) askPromises(now Instant, m *master, length time.Duration) Instant {
	next := Never
	for _, p := range m.peers {
		g := &p.pledge
		if !p.link.connected() || g.seq != 0 {
			continue
		}
		if p.link.gossip.kind == PeerUnknown { // it is about to say what it is
			next = min(next, now.Add(length/4))
			continue
		}
		if due := g.asked.Add(g.askGap(length)); g.asked != 0 && now < due {
			next = min(next, due)
			continue
		}
		q := AskMasterDown{IP: m.addr.Shown(c.opts.AnnounceHostnames), Port: m.addr.Port, Epoch: c.durableEpoch}
		if p.link.gossip.kind == PeerGosentinel && now >= g.plain && c.guardMode(m, IsolationFence) == GuardOn {
			q.Promise, q.Fenced = length, m.isolation.fenced()
		}
		g.asked = now
		g.seq = c.sendFor(&p.instance, q)
	}
	return next
}

// promiseReply takes the answer to a question of askPromises. Promises run from when the
// question was sent: the peer counts from later. It reports whether the answer is about this
// master and from this peer.
func (c *Core) promiseReply(now Instant, p *peer, in AskReply) bool {
	g := &p.pledge
	g.seq = 0
	if in.Token.Seq <= p.master.askFloor {
		return false // about an address that the master has left
	}
	if !in.OK {
		g.plain = now.Add(gossipRefresh) // an older gosentinel, if nothing else is wrong
		return false
	}
	if !p.link.counts() {
		return false
	}
	if v := in.Promise; v.Known {
		vote := election.Ledger{Epoch: in.Epoch, For: in.Leader}
		if vote.Epoch != 0 && vote != g.vote {
			g.voteHeard = now
		}
		g.vote, g.configEpoch, g.binds = vote, v.ConfigEpoch, true
		if v.For > 0 {
			g.from, g.until = g.asked, max(g.until, g.asked.Add(v.For))
		}
		return true
	}
	g.binds = false
	if !in.Down {
		g.from, g.until = g.asked, g.asked.Add(p.master.promiseLength())
	}
	return true
}

// counts reports whether what a peer has answered can be trusted: it knows of no later
// configuration, and no failover can be under way that it has voted for.
func (c *Core) pledgeCounts(m *master, p *peer) bool {
	g := &p.pledge
	return g.from != 0 && g.configEpoch <= m.configEpoch && (g.vote.Epoch <= m.configEpoch || c.settled(m, g.vote.For, g.voteHeard))
}

// settled reports whether the candidate of a vote of which was heard at an instant has
// said since that it leads no failover. Where the voter was restarted and does not know
// the candidate any more, that may be anybody.
func (c *Core) settled(m *master, candidate RunID, heard Instant) bool {
	if candidate == c.opts.MyID {
		return !m.attempt.InProgress()
	}
	for _, p := range m.peers {
		g := &p.pledge
		if (candidate == "" || p.runID == candidate) && (g.from <= heard || !g.binds || g.configEpoch > m.configEpoch) {
			return false
		}
	}
	return candidate == "" || m.peerByID(candidate) != nil
}
