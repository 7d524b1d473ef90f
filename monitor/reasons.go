package monitor

import (
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/election"
)

// What this file logs is for those who ask why there is no failover. Nothing is decided
// here, and nothing that is decided depends on it.

// reasons is what was logged last about a master, so that nothing is said twice.
type reasons struct {
	alone     string  // why not enough Sentinels take the master for down
	aloneAt   Instant // when that was looked at
	idle      string  // why no attempt is begun
	idleOf    Instant // odownSince of the failure that idle is about
	refused   string  // the answer to an operator's FAILOVER
	refusedAt Instant
}

const (
	aloneAgain   = time.Minute      // between two looks at who does not agree
	refusedAgain = 10 * time.Second // for which one answer is logged once
	maxNamed     = 4                // Sentinels in one line
)

// tellAlone says why a master that is down for this Sentinel is not failed over: too few
// others take it for down as well. It looks when they have had the time to answer, and
// again each minute. It returns when it looks next.
func (c *Core) tellAlone(now Instant, m *master) Instant {
	if !m.has(FlagSDown) || m.has(FlagODown) {
		return Never
	}
	t := &m.reasons
	if t.aloneAt < m.sdownSince {
		t.alone = ""
	}
	due := m.sdownSince.Add(2 * c.tun.AskPeriod)
	if t.alone != "" {
		due = t.aloneAt.Add(aloneAgain)
	}
	if now < due {
		return due
	}
	t.aloneAt = now
	if text := c.whyAlone(m); text != t.alone {
		t.alone = text
		c.log(LevelWarning, text)
	}
	return now.Add(aloneAgain)
}

// whyAlone names the Sentinels that do not take m for down.
func (c *Core) whyAlone(m *master) string {
	agree := 1
	var others []string
	for _, p := range m.peers {
		if p.has(FlagMasterDown) {
			agree++
		} else {
			others = append(others, c.called(m, p.runID)+" "+m.opinion(p))
		}
	}
	text := "No failover of '" + m.cfg.Name + "' yet: it is down for " + strconv.Itoa(agree) + " of the " +
		strconv.Itoa(m.cfg.Quorum) + " Sentinels that the quorum asks for"
	if known := len(m.peers) + 1; known < m.cfg.Quorum {
		text += ", and no more than " + strconv.Itoa(known) + " are known, this one among them"
	}
	for _, d := range m.distant {
		others = append(others, "Sentinel "+d.at.String()+" announces an address at which it cannot be asked")
	}
	if left := len(others) - maxNamed; left > 0 {
		others = append(others[:maxNamed], strconv.Itoa(left)+" more")
	}
	if len(others) > 0 {
		text += "; " + strings.Join(others, "; ")
	}
	return text
}

// opinion says in words what p says of m, which is down for this Sentinel.
func (m *master) opinion(p *peer) string {
	switch {
	case !p.link.connected() && len(p.link.troubles) > 0:
		return "cannot be reached: " + p.link.troubles[0].brief()
	case !p.link.connected():
		return "cannot be reached"
	case p.has(FlagSDown):
		return "does not answer"
	case p.deaf():
		return "refuses to be asked"
	case max(p.askReplyAt, p.opinionAt) > m.sdownSince:
		return "says that it is up"
	}
	return "has not answered yet"
}

// called names a Sentinel by its address and the beginning of its id.
func (c *Core) called(m *master, id RunID) string {
	short := string(id[:min(len(id), 8)])
	if p := m.peerByID(id); p != nil {
		return "Sentinel " + c.shown(p.addr).String() + " (" + short + ")"
	}
	return "Sentinel " + short
}

// tellIdle says why this Sentinel begins no failover of a master that enough take for
// down, once for each failure and reason.
func (c *Core) tellIdle(m *master, why string) {
	if t := &m.reasons; t.idleOf != m.odownSince || t.idle != why {
		t.idleOf, t.idle = m.odownSince, why
		c.log(LevelNotice, "This Sentinel begins no failover of '"+m.cfg.Name+"' now: "+why)
	}
}

// barred says why this Sentinel stands for no election at all; "" when it may.
func (c *Core) barred(m *master) string {
	switch {
	case c.opts.Observe:
		return "it only observes"
	case m.cfg.NeverLead:
		return "its configuration says can-failover no"
	case c.disk.failing:
		return "its state cannot be saved (" + c.disk.reason + ")"
	case c.conflict.open:
		return "another Sentinel uses its id"
	}
	return ""
}

// tellWaiting says what it is that this Sentinel waits for before it stands.
func (c *Core) tellWaiting(now Instant, m *master) {
	switch {
	case now < c.boundUntil(m):
		c.tellIdle(m, c.boundTo(m))
	case now < c.mayStandFrom(m):
		c.tellIdle(m, "it may have voted before its start, and listens to the others first")
	}
}

// boundTo names who may still act on a vote of this Sentinel.
func (c *Core) boundTo(m *master) string {
	if m.lease.holder == "" {
		return "whoever had the vote of this one before its start may still be at work on a switchover"
	}
	return c.called(m, m.lease.holder) + " may still be at work on a switchover"
}

// tellDelayed says why the next attempt is not allowed yet.
func (c *Core) tellDelayed(now Instant, m *master) {
	why := "its last attempt began " + max(now.Sub(m.attempt.Start), 0).Round(time.Millisecond).String() +
		" ago, and twice failover-timeout (" + (2 * m.cfg.FailoverTimeout).String() + ") has to lie between two"
	if m.ledger.For != "" && m.ledger.For != c.opts.MyID {
		why = "it has voted for " + c.called(m, m.ledger.For) + " at epoch " + epochText(m.ledger.Epoch) + ", which has twice failover-timeout to do it"
	}
	c.tellIdle(m, why)
}

// denied says why the ledger has given a candidate nothing; "" when it has.
func (c *Core) denied(m *master, in Ask) string {
	switch {
	case m.ledger == election.Ledger{Epoch: in.Epoch, For: in.RunID}:
		return ""
	case c.disk.failing:
		return "the state of this one cannot be saved (" + c.disk.reason + ")"
	case !in.Epoch.Plausible(c.epoch):
		return "that epoch is far beyond " + epochText(c.epoch) + ", the present one"
	case in.Epoch > m.ledger.Epoch:
		return "epoch " + epochText(c.epoch) + " has begun since"
	case m.ledger.For != "":
		return "this one has voted for " + c.called(m, m.ledger.For) + " at epoch " + epochText(m.ledger.Epoch)
	}
	return "this one may have voted up to epoch " + epochText(m.ledger.Epoch)
}

// tellNoVote logs why a Sentinel gets no vote, once for each epoch at which it asks. Of
// strangers nothing is said: anybody can claim to be one.
func (c *Core) tellNoVote(m *master, in Ask, why string) {
	p := m.peerByID(in.RunID)
	if p == nil || why == "" || p.toldNoVote == in.Epoch {
		return
	}
	p.toldNoVote = in.Epoch
	c.log(LevelNotice, "No vote for "+c.called(m, in.RunID)+", which wants to fail '"+m.cfg.Name+"' over at epoch "+epochText(in.Epoch)+": "+why)
}

// tellRefused logs why a FAILOVER that somebody asked for does not begin.
func (c *Core) tellRefused(op FailoverOp, err *CallError) {
	m := c.byName[op.Name]
	if m == nil || err == nil || err == ErrNoSuchMaster {
		return
	}
	t, text := &m.reasons, err.Code+" "+err.Text
	if t.refused == text && c.now < t.refusedAt.Add(refusedAgain) {
		return
	}
	t.refused, t.refusedAt = text, c.now
	who := "an operator"
	if op.Program {
		who = "the program around this Sentinel"
	}
	c.log(LevelNotice, "The FAILOVER of '"+m.cfg.Name+"' that "+who+" asked for is refused: "+text)
}

func epochText(e Epoch) string { return strconv.FormatUint(uint64(e), 10) }
