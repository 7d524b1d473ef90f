package monitor

import (
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/quorum"
)

// downSince returns how long the clock of failure detection of i has been
// running (state-machine.md §4.1).
func (i *instance) downSince() Instant { return i.link.unansweredSince }

// sdownDue says whether i is subjectively down, and if not, when it could be at
// the earliest. The answer for a healthy instance is one down-after period from
// now: the clock starts with a PING that is still to come. So nothing has to be
// computed for each PONG.
func (c *Core) sdownDue(now Instant, i *instance) (down bool, due Instant) {
	due = now.Add(i.downAfter)
	if since := i.downSince(); since != 0 {
		due = since.Add(i.downAfter)
	}
	if i.kind == KindMaster {
		if i.role == RoleReplica {
			due = min(due, i.roleSince.Add(i.downAfter+2*c.tun.InfoPeriod))
		}
		if m := i.master; i.has(FlagMasterReboot) {
			due = min(due, m.rebootSince.Add(m.cfg.RebootDownAfter))
		}
	}
	return now >= due, due
}

// checkSDown sets or clears S_DOWN of i and returns when to look again.
func (c *Core) checkSDown(now Instant, i *instance) Instant {
	down, due := c.sdownDue(now, i)
	switch {
	case down && !i.has(FlagSDown):
		i.set(FlagSDown)
		i.sdownSince = now
		c.emit(i, SDown{c.ref(i)})
		if i.kind == KindMaster {
			c.masterWentDown(now, i.master)
		} else {
			c.touch(i.master)
		}
	case !down && i.has(FlagSDown):
		i.clear(FlagSDown | FlagScriptKillSent)
		c.emit(i, SDownCleared{c.ref(i)})
		c.touch(i.master)
	}
	if down {
		return Never // what ends it arrives as an input
	}
	return due
}

// masterWentDown gets fresh offsets while the others are asked: when a leader
// is elected, the replicas have answered (state-machine.md §12.2).
func (c *Core) masterWentDown(now Instant, m *master) {
	for _, r := range m.replicas {
		c.requestInfo(now, &r.instance)
	}
}

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

// checkODown counts the Sentinels that see m down (state-machine.md §4.2).
func (c *Core) checkODown(now Instant, m *master) {
	votes := 0
	if m.has(FlagSDown) {
		votes = 1
		for _, p := range m.peers {
			if p.has(FlagMasterDown) {
				votes++
			}
		}
	}
	down := m.has(FlagSDown) && quorum.Reached(votes, m.cfg.Quorum)
	switch {
	case down && !m.has(FlagODown):
		m.set(FlagODown)
		m.odownSince = now
		c.emit(&m.instance, ODown{c.ref(&m.instance), votes, m.cfg.Quorum})
		for _, r := range m.replicas {
			c.wake(&r.instance) // their INFO is fast from now on
		}
	case !down && m.has(FlagODown):
		m.clear(FlagODown)
		c.emit(&m.instance, ODownCleared{c.ref(&m.instance)})
	}
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
	if in.OK && in.Token.Seq > m.askFloor && !l.gossip.stranger {
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

// ask answers another Sentinel (state-machine.md §4.4, §5.1).
func (c *Core) ask(now Instant, in Ask) {
	m := c.masterAt(in.IP, in.Port)
	if m == nil {
		c.free(Reply{To: in.From})
		return
	}
	down := m.has(FlagSDown) && !c.tilt
	if in.RunID == "" {
		c.free(Reply{To: in.From, Down: down})
		c.followQuestion(now, m)
		return
	}
	if c.conflict.open {
		c.free(Reply{To: in.From, Down: down}) // the id has one vote, and who casts it is not clear
		return
	}
	c.vote(now, m, in.Epoch, in.RunID)
	reply := Reply{To: in.From, Down: down, Leader: m.ledger.For, Epoch: m.ledger.Epoch}
	switch {
	case c.isDurable(m.voteSeq):
		c.free(reply)
	case c.disk.failing:
		c.free(Reply{To: in.From, Down: down}) // the vote is not safe, so it is not given
	default:
		c.gate(reply)
	}
}

// vote gives this Sentinel's vote, if the rule and the disk allow it.
func (c *Core) vote(now Instant, m *master, req Epoch, candidate RunID) {
	if c.disk.failing || c.conflict.open || !req.Plausible(c.epoch) {
		return
	}
	b := m.ledger.Vote(&c.epoch, req, candidate)
	if b.EpochRaised {
		c.emitDurable(&m.instance, NewEpoch{c.epoch})
	}
	if !b.Granted {
		return
	}
	m.voteSeq = c.disk.next()
	c.emitDurable(&m.instance, VoteForLeader{m.cfg.Name, candidate, m.ledger.Epoch})
	if candidate != c.opts.MyID {
		m.attempt.Postpone(now.Add(c.random(c.tun.Desync)))
		c.touch(m)
	}
}

// followQuestion uses what a question gives away: who asks sees the master down,
// so if we do too and miss opinions, it is worth asking again now instead of at
// the end of the gap. A peer's word counts only as the answer to a question.
func (c *Core) followQuestion(now Instant, m *master) {
	const gap = Instant(5 * time.Millisecond) // bounds what questions can cause
	if !m.has(FlagSDown) || m.has(FlagODown) || now < m.askedKick+gap {
		return
	}
	m.askedKick = now
	for _, p := range m.peers {
		if !p.has(FlagMasterDown) {
			p.askSentAt = 0
		}
	}
	c.touch(m)
}

func (c *Core) masterAt(host string, port int) *master {
	addr, ok := c.addrOf(host, port)
	if !ok {
		addr = Addr{Host: host, Port: port}
	}
	for key := range addrKeys(addr) {
		if m := c.byAddr[key]; m != nil {
			return m
		}
	}
	return nil
}
