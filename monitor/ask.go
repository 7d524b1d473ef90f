package monitor

import (
	"strconv"
	"time"
)

// expireAnswers drops what peers said too long ago and returns when the next
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
			c.peerSays(p, false)
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
// peer that answers slowly is not flooded. Stock Sentinels repeat the question
// on every tick until the first reply.
func (c *Core) askPeer(now Instant, m *master, p *peer) Instant {
	q := AskMasterDown{IP: m.addr.Shown(c.opts.AnnounceHostnames), Port: m.addr.Port, Epoch: c.durableEpoch}
	fresh := false
	if c.soliciting(m) {
		// Ask at the epoch of our own vote and at no other (invariant S4): a
		// vote won at a newer epoch must not be added to our vote at this one.
		q.Epoch, q.RunID = m.attempt.Epoch, c.opts.MyID
		fresh = p.askedVote != q.Epoch
		if m.switchover.stage == electing && p.link.gossip.kind == PeerGosentinel {
			q.Lease = switchoverLease
		}
		q.WantReplicas = m.switchover.stage == takingOver && p.link.gossip.kind == PeerGosentinel
	}
	if !fresh {
		if p.asks > 0 {
			return Never
		}
		if due := c.askDue(now, m, p); now < due {
			return due
		}
	}
	if q.RunID != "" {
		p.askedVote = q.Epoch
	}
	p.askSentAt = now
	p.asks++
	seq := c.sendFor(&p.instance, q)
	if fresh {
		p.voteSeq = seq
	}
	return Never
}

// askDue returns when p is to be asked again. It is asked often while its answer may make a
// quorum, or elect this Sentinel. When that has led to nothing for a while, for which the
// reason may be that the master cannot be reached from here alone, it is asked just often
// enough for its answers to stay valid: when it sees the master down itself, it asks, and
// is asked at once (reaskPeers).
func (c *Core) askDue(now Instant, m *master, p *peer) Instant {
	if p.askSentAt == 0 {
		return 0
	}
	last, gap := max(p.askReplyAt, p.askSentAt), c.tun.AskFast
	switch {
	case c.soliciting(m):
	case m.has(FlagODown):
		gap = c.tun.AskPeriod
	default:
		gap = eased(gap, now.Sub(m.sdownSince), 2, 4*c.tun.AskPeriod)
	}
	if p.askSentAt < m.sdownSince {
		return last.Add(gap) // the first question is not held back
	}
	return c.hurry(now, &p.askSlot, last, gap, c.tun.AskPeriod)
}

// soliciting reports whether votes are being requested. Our own vote must be
// durable first (invariant S3).
func (c *Core) soliciting(m *master) bool {
	return m.electing() && m.ledger.Epoch == m.attempt.Epoch && m.ledger.For == c.opts.MyID && c.isDurable(m.voteSeq)
}

func (c *Core) askReply(now Instant, in AskReply) {
	l := c.replyOn(in.Conn)
	p, ok := c.members[in.Token.Instance].(*peer)
	if l == nil || !ok || p.link != l {
		return
	}
	m := p.master
	if p.pledge.seq != 0 && p.pledge.seq == in.Token.Seq {
		if c.promiseReply(now, p, in) {
			p.askReplyAt = now
			c.peerSays(p, in.Down)
		}
		c.touch(m)
		return
	}
	p.asks = max(p.asks-1, 0)
	if in.OK {
		l.works(StepAsk)
	}
	// An answer about an address that the master has left says nothing about
	// the current master.
	if in.OK && in.Token.Seq > m.askFloor && l.counts() {
		p.askReplyAt = now
		if in.DownAfter > 0 { // an answer to a question without a lease does not say it
			p.toldDownAfter = in.DownAfter
		}
		if m.switchover.stage == takingOver {
			c.addReplicas(now, m, in.Replicas)
		}
		if in.Leader == "" && p.askedVote != 0 && in.Token.Seq >= p.voteSeq {
			if p.refusedVote != p.askedVote {
				c.noteVote(p, "", p.askedVote)
			}
			p.refusedVote = p.askedVote
		}
		c.peerSays(p, in.Down)
		if in.Leader != "" {
			if p.votedEpoch != in.Epoch || p.votedFor != in.Leader {
				c.noteVote(p, in.Leader, in.Epoch)
			}
			if p.votedEpoch != in.Epoch {
				c.log(LevelNotice, string(p.runID)+" voted for "+string(in.Leader)+" "+strconv.FormatUint(uint64(in.Epoch), 10))
			}
			p.votedFor, p.votedEpoch = in.Leader, in.Epoch
		} else if in.Epoch > p.votedEpoch {
			// It voted at that epoch and no longer knows for which candidate:
			// no vote will come.
			p.votedFor, p.votedEpoch = "", in.Epoch
		}
	}
	c.touch(m)
}

// reaskPeers asks for missing opinions at once instead of at the end of the
// gap, because a peer that asks sees the master down itself. Its question does
// not count as an opinion; only an answer does.
func (c *Core) reaskPeers(now Instant, m *master) {
	const gap = Instant(5 * time.Millisecond) // bounds the questions that questions can cause
	if !m.has(FlagSDown) || m.has(FlagODown) || now < m.reaskedAt+gap {
		return
	}
	if m.reaskedAt < m.sdownSince {
		m.reasked = 0
	}
	// Each peer asks once when it sees the master down. Who asks on and on, and may be
	// anybody, must not have all peers asked on and on.
	if m.reasked++; m.reasked > len(m.peers) && !c.budget.take(now, len(m.peers)) {
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
