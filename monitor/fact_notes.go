package monitor

import (
	"cmp"
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/election"
)

// What this file tells is for those who write down why a failover happened. Nothing
// is decided here, and nothing that is decided depends on it.

func (c *Core) noteFact(m *master, f Fact) {
	c.free(Note{Master: m.cfg.Name, Addr: c.shown(m.addr), Fact: f})
}

// noteDown tells why m counts as down.
func (c *Core) noteDown(now Instant, m *master) {
	f := DownFact{Since: m.downSince(), Offset: m.lineage.Offset, OffsetAt: m.infoRefresh}
	switch {
	case f.Since != 0 && now >= f.Since.Add(m.downAfter):
		f.Cause, f.Detail = m.silence(now)
	case m.foreign:
		f.Cause, f.Detail, f.Since = DownNoData, "a server of another group answers at its address", m.foreignSince
	case m.refusal.gone:
		f.Cause, f.Detail = DownGone, goneText
	case m.lostSince != 0 && now >= m.lostSince:
		f.Cause, f.Since = DownNoData, m.lostSince
	case m.has(FlagMasterReboot) && now >= m.rebootSince.Add(m.cfg.RebootDownAfter):
		f.Cause, f.Since = DownRestart, m.rebootSince
	default:
		f.Cause, f.Since = DownRole, m.roleSince
	}
	c.noteFact(m, f)
}

// silence says why m does not answer, as far as its connections tell.
func (m *master) silence(now Instant) (cause DownCause, detail string) {
	if !m.link.connected() {
		for _, t := range m.link.troubles {
			if t.kind == ConnCommand && t.step == StepConnect {
				if t.cause == CauseRefused {
					cause = DownRefused
				}
				return cause, t.brief()
			}
		}
		return cause, "there is no connection to it"
	}
	return cause, "no answer to PING for " + now.Sub(m.downSince()).Round(time.Millisecond).String()
}

// peerSays notes whether a peer says that its master is down.
func (c *Core) peerSays(p *peer, down bool) {
	if down == p.has(FlagMasterDown) {
		return
	}
	if down {
		p.set(FlagMasterDown)
	} else {
		p.clear(FlagMasterDown)
	}
	c.noteFact(p.master, OpinionFact{ID: p.runID, Addr: c.shown(p.addr), Down: down})
}

// noteElection tells that votes are asked for.
func (c *Core) noteElection(m *master) {
	f := AttemptFact{Epoch: m.attempt.Epoch, Quorum: m.cfg.Quorum, Program: m.attempt.Forced && m.byProgram}
	switch {
	case m.switchover.stage == takingOver:
		f.Kind = AttemptTakeover
	case m.switchover.stage == electing:
		f.Kind = AttemptSwitchover
	case m.attempt.Forced && !m.force.on && c.serves(m):
		f.Kind = AttemptStock
	case m.attempt.Forced:
		f.Kind = AttemptForced
	}
	for _, p := range m.peers {
		f.Voters = append(f.Voters, Voter{ID: p.runID, Addr: c.shown(p.addr), Reachable: p.link.connected() && !p.has(FlagSDown)})
	}
	c.noteFact(m, f)
}

// noteVote tells what a peer has answered to a vote request.
func (c *Core) noteVote(p *peer, leader RunID, epoch Epoch) {
	if m := p.master; m.electing() {
		c.noteFact(m, VoteFact{ID: p.runID, Addr: c.shown(p.addr), For: leader, Epoch: epoch})
	}
}

// noteGrant tells that this Sentinel has voted for another.
func (c *Core) noteGrant(m *master, candidate RunID, planned bool) {
	f := GrantFact{For: candidate, Epoch: m.ledger.Epoch, Planned: planned, Patience: 2 * m.cfg.FailoverTimeout}
	if p := m.peerByID(candidate); p != nil {
		f.Addr = c.shown(p.addr)
	}
	c.noteFact(m, f)
}

// noteCandidates tells what the choice of a replica saw. chosen is nil when it found
// none.
func (c *Core) noteCandidates(now Instant, m *master, chosen *replica) {
	rules, cs := c.rules(now, m), c.candidates(now, m)
	named := cmp.Or(m.force.named, m.switchover.named)
	var best *election.Replica
	for k, r := range m.replicas {
		if r == chosen {
			best = &cs[k]
		}
	}
	f := CandidatesFact{Replicas: make([]CandidateFact, len(cs))}
	for k, r := range m.replicas {
		verdict := ""
		if m.switchover.stage == electing && r != chosen {
			verdict, _ = c.follower(now, m, r, false).Unfit(m.instance.data())
		}
		if verdict == "" && named != 0 && r.id != named {
			verdict = "another one was asked for"
		}
		if verdict == "" {
			verdict = verdictOn(rules, &cs[k], best)
		}
		f.Replicas[k] = CandidateFact{
			Addr: c.shown(r.addr), RunID: r.runID, Chosen: r == chosen, Verdict: verdict, Priority: r.priority, Offset: cs[k].Offset,
			LinkDown: r.masterLinkDown, Heard: r.infoRefresh, Data: rules.Lineage.Standing(cs[k]).String(),
		}
	}
	c.noteFact(m, f)
}

// verdictOn says in words why a replica is chosen, or is not. best is the chosen one,
// and may be nil.
func verdictOn(rules election.Rules, r, best *election.Replica) string {
	why := rules.Reject(*r)
	lacks := lack(rules.Lineage, *r)
	if r.LinkDown < 0 && rules.Lineage.Standing(*r) < election.Reading {
		lacks = "never synchronised: " + lacks
	}
	switch {
	case r == best:
		return lacks
	case why != "" && r.LinkDown > rules.MaxLinkDown:
		return why + " (" + r.LinkDown.String() + ")"
	case why != "":
		return why
	case best == nil, rules.Lineage.Standing(*r) < rules.Lineage.Standing(*best):
		return lacks
	case rules.Lineage.Standing(*r) == election.Strange && best.Latest && !r.Latest:
		return "it has a history that the master had before that of the chosen one"
	case r.Refused && !best.Refused:
		return "it refused to be promoted not long ago"
	case r.Rank != best.Rank:
		return "the policy of the program prefers the chosen one"
	case r.Priority != best.Priority:
		return "its replica-priority is " + strconv.Itoa(r.Priority) + ", and that of the chosen one " + strconv.Itoa(best.Priority)
	case r.ReplID == best.ReplID && r.Offset < best.Offset:
		return strconv.FormatUint(best.Offset-r.Offset, 10) + " bytes behind the chosen one"
	case r.LinkDown > 0 && best.LinkDown <= 0:
		return "its link to the master has been down for " + r.LinkDown.String()
	case best.Direct && !r.Direct:
		return "it follows another replica"
	}
	return "as good as the chosen one, and its run id comes later"
}

// enterStage goes to the next stage of a switchover, and tells of it.
func (c *Core) enterStage(m *master, s stage) {
	m.switchover.stage = s
	c.noteFact(m, StageFact{stageNames[s]})
}

var stageNames = map[stage]string{
	pausing: "pause", catchingUp: "catch-up", demoting: "demotion", settling: "settling", promoting: "promotion",
}

// noteLoss tells what a new master lacks of what the one before it is known to have
// had. Promoted: it was promoted by this Sentinel.
func (c *Core) noteLoss(m *master, old, l election.Lineage, promoted bool) {
	f := LossFact{Promoted: promoted, Had: old.Offset}
	// One that goes on under the same id was not promoted: it was a master all the time.
	if old.ReplID != "" && l.ReplID2 == old.ReplID && l.Second > 0 {
		f.Comparable, f.Took = true, l.Second-1
	}
	c.noteFact(m, f)
}
