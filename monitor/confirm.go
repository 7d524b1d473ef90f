package monitor

import (
	"slices"
	"time"
)

// A Sentinel that was cut off believes in a configuration that may be over. It must not act
// on a server because of that. So it asks the others: SENTINEL MASTER, which every Sentinel
// answers, tells the config epoch. What counts is when the question left: an answer that was
// on its way while this Sentinel was cut off says nothing about now. The answer of a hello
// has no such instant.

// toldConfig is the config epoch that a peer has told. The zero value: none.
type toldConfig struct {
	epoch Epoch
	asked Instant // when it was asked
}

// askConfig asks each peer of m for its config epoch that has not been asked since an
// instant, or for long, and returns when it asks again. Within a quarter of down-after it
// asks only for the former.
func (c *Core) askConfig(now Instant, m *master, since Instant) Instant {
	next := Never
	for _, p := range m.peers {
		if p.configSeq != 0 || !p.link.connected() {
			continue // the answer, or the connection, comes back here
		}
		if due := c.configDue(now, p, since); now < due {
			next = min(next, due)
			continue
		}
		p.configAsked = now
		p.configSeq = c.sendFor(&p.instance, AskConfig{Master: m.cfg.Name})
	}
	return next
}

// configRetry is how long a peer is not asked again that has refused to answer, or does not
// know the master.
const configRetry = 10 * time.Second

func (c *Core) configDue(now Instant, p *peer, since Instant) Instant {
	if p.configRefused {
		return p.configAsked.Add(configRetry)
	}
	if p.configAsked < since || p.configAsked == 0 {
		return 0
	}
	quarter := max(p.downAfter/4, time.Millisecond)
	return c.hurry(now, &p.configSlot, p.configAsked, quarter, 2*quarter)
}

// configReply takes the answer.
func (c *Core) configReply(in ConfigReply) {
	l := c.replyOn(in.Conn)
	p, ok := c.members[in.Token.Instance].(*peer)
	if l == nil || !ok || p.link != l || p.configSeq != in.Token.Seq {
		return
	}
	p.configSeq, p.configRefused = 0, !in.OK
	switch {
	case l.gossip.asked && l.gossip.answers == "":
		p.configAsked = 0 // who answers is told next: it may be another one at the same address
	case in.OK && l.counts():
		p.told = toldConfig{in.Epoch, p.configAsked}
	}
	c.touch(p.master)
}

// confirmedUntil returns until when the configuration of m counts as confirmed: for down-after
// from when a majority of its Sentinels was asked that had the same, this one among them. It
// returns 0 when there is none, or when another has a later one.
func (c *Core) confirmedUntil(m *master) Instant {
	asked := []Instant{Never}
	for _, p := range m.peers {
		switch {
		case p.told.epoch > m.configEpoch:
			return 0
		case p.told.epoch == m.configEpoch && p.told.asked != 0:
			asked = append(asked, p.told.asked)
		}
	}
	needed := m.voters()/2 + 1
	if len(asked) < needed {
		return 0
	}
	slices.Sort(asked)
	oldest := asked[len(asked)-needed]
	if oldest == Never {
		return Never // there is no other Sentinel
	}
	return oldest.Add(m.cfg.DownAfter)
}

// confirmedSince reports whether a majority was asked since an instant, and confirms the
// configuration of m.
func (c *Core) confirmedSince(m *master, since Instant) bool {
	until := c.confirmedUntil(m)
	return until == Never || until != 0 && until-Instant(m.cfg.DownAfter) >= since
}
