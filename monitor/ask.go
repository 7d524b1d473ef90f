package monitor

import (
	"strconv"
	"time"
)

// expireAnswers forgets what peers said too long ago and returns when the next
// answer expires.
func (c *Core) expireAnswers(now Instant, m *master) Instant {
	next := Never
	for _, p := range m.peers {
		if !p.has(FlagMasterDown) && p.votedFor == "" {
			continue
		}
		keep := 5 * c.tun.AskPeriod
		if due := max(p.askReplyAt, p.opinionAt).Add(keep); now < due {
			next = min(next, due)
		} else {
			p.clear(FlagMasterDown)
		}
		if due := p.askReplyAt.Add(keep); now < due {
			next = min(next, due)
		} else {
			p.votedFor = ""
		}
	}
	return next
}

// askPeers asks every Sentinel of m that is due whether it sees m down, and for
// its vote while an election is running. It returns when the next one is due.
func (c *Core) askPeers(now Instant, m *master) Instant {
	if !m.has(FlagSDown) && !c.soliciting(m) {
		return Never
	}
	next := Never
	for _, p := range m.peers {
		if p.link.connected() {
			next = min(next, c.askPeer(now, m, p))
		}
	}
	return next
}

// askPeer asks one Sentinel. At most one question of each kind is in flight: a
// peer that answers slowly is not flooded, as it is by stock Sentinels, which
// repeat the question every tick until the first reply.
func (c *Core) askPeer(now Instant, m *master, p *peer) Instant {
	gap := c.tun.AskPeriod
	if !m.has(FlagODown) || c.soliciting(m) {
		gap = c.tun.AskFast
	}
	q := AskMasterDown{IP: m.addr.Shown(c.opts.AnnounceHostnames), Port: m.addr.Port, Epoch: c.durableEpoch}
	fresh := false
	if c.soliciting(m) {
		// Ask at the epoch of the own vote and at no other (invariant S4): a vote
		// won at a newer epoch must not be added to the own vote at this one.
		q.Epoch, q.RunID = m.attempt.Epoch, c.opts.MyID
		fresh = p.askedVote != q.Epoch
	}
	if !fresh {
		if p.asks > 0 {
			return Never
		}
		if due := max(p.askReplyAt, p.askSentAt).Add(gap); p.askSentAt != 0 && now < due {
			return due
		}
	}
	if q.RunID != "" {
		p.askedVote = q.Epoch
	}
	p.askSentAt = now
	p.asks++
	c.sendFor(&p.instance, q)
	return Never
}

// soliciting reports whether votes are being asked for, which needs the own
// vote to be durable (invariant S3).
func (c *Core) soliciting(m *master) bool {
	return m.electing() && m.ledger.Epoch == m.attempt.Epoch && m.ledger.For == c.opts.MyID && c.isDurable(m.voteSeq)
}

func (c *Core) askReply(now Instant, in AskReply) {
	l := c.replyOn(in.Conn)
	p, ok := c.members[in.Token.Instance].(*peer)
	if l == nil || !ok || p.link != l {
		return
	}
	p.asks = max(p.asks-1, 0)
	m := p.master
	// An answer to a question about an address that the master has left says
	// nothing about the master of today.
	if in.OK && in.Token.Seq > m.askFloor && !l.gossip.wrongID {
		p.askReplyAt = now
		if in.Down {
			p.set(FlagMasterDown)
		} else {
			p.clear(FlagMasterDown)
		}
		if in.Leader != "" {
			if p.votedEpoch != in.Epoch {
				c.log(LevelNotice, string(p.runID)+" voted for "+string(in.Leader)+" "+strconv.FormatUint(uint64(in.Epoch), 10))
			}
			p.votedFor, p.votedEpoch = in.Leader, in.Epoch
		} else if in.Epoch > p.votedEpoch {
			// It voted at that epoch and has forgotten for whom: nothing to wait for.
			p.votedFor, p.votedEpoch = "", in.Epoch
		}
	}
	c.touch(m)
}

// reaskPeers uses what a question gives away: who asks sees the master down,
// so if we do too and miss opinions, it is worth asking again now instead of at
// the end of the gap. A peer's word counts only as the answer to a question.
func (c *Core) reaskPeers(now Instant, m *master) {
	const gap = Instant(5 * time.Millisecond) // bounds what questions can cause
	if !m.has(FlagSDown) || m.has(FlagODown) || now < m.reaskedAt+gap {
		return
	}
	m.reaskedAt = now
	for _, p := range m.peers {
		if !p.has(FlagMasterDown) {
			p.askSentAt = 0
		}
	}
	c.touch(m)
}
