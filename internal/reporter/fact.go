package reporter

import (
	"slices"
	"time"

	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// note takes what the core knew at a moment.
func (r *Reporter) note(m *master, f monitor.Fact) {
	switch f := f.(type) {
	case monitor.DownFact:
		m.down = &f
	case monitor.OpinionFact:
		r.opinion(m, f)
	case monitor.PrepareFact:
		r.prepare(m, f)
	case monitor.AttemptFact:
		r.attempt(m, f)
	case monitor.GrantFact:
		m.grant = &f
	case monitor.LossFact:
		r.loss(m, f)
	}
	if a := m.open; a != nil && a.Led {
		r.led(a, f)
	}
	r.tidy(m)
}

// led takes a fact about an attempt that this Sentinel leads.
func (r *Reporter) led(a *attempt, f monitor.Fact) {
	switch f := f.(type) {
	case monitor.VoteFact:
		a.vote(journal.Vote{By: journal.Sentinel{ID: string(f.ID), Addr: at(f.Addr)}, For: string(f.For), Epoch: uint64(f.Epoch)})
	case monitor.CandidatesFact:
		r.candidates(a, f)
	case monitor.StageFact:
		a.enter(r, f.Stage, r.now)
	}
}

func (r *Reporter) opinion(m *master, f monitor.OpinionFact) {
	m.said = slices.DeleteFunc(m.said, func(a accuser) bool { return a.who.ID == string(f.ID) })
	if f.Down {
		m.said = append(m.said, accuser{journal.Sentinel{ID: string(f.ID), Addr: at(f.Addr)}, r.now})
	}
	if a := m.open; a != nil && f.Down && !a.Led && !a.moved && a.Kind == journal.Failover && !a.full(len(a.Down)) {
		if !slices.ContainsFunc(a.Down, func(o journal.Accusation) bool { return o.By.ID == string(f.ID) }) {
			a.Down = append(a.Down, journal.Accusation{By: journal.Sentinel{ID: string(f.ID), Addr: at(f.Addr)}, At: r.wall(r.now)})
		}
	}
}

// prepare opens the report of a switchover before its election.
func (r *Reporter) prepare(m *master, f monitor.PrepareFact) {
	kind := journal.Switchover
	if f.Stock {
		kind = journal.StockSwitchover
	}
	a := r.begin(m, journal.Report{Led: true, Leader: r.self(), Kind: kind, Cause: journal.Operator})
	a.enter(r, journal.PhasePreparation, r.now)
	r.save(a)
}

// attempt opens the report of an attempt, or notes that its election begins, perhaps
// again.
func (r *Reporter) attempt(m *master, f monitor.AttemptFact) {
	a := m.open
	switch {
	case a != nil && a.Led && a.in(journal.PhasePreparation):
	case a != nil && a.Led && a.in(journal.PhaseElection) && uint64(f.Epoch) > a.Epoch:
		a.say(r, "the election is repeated at a higher epoch")
	default:
		a = r.begin(m, journal.Report{Led: true, Leader: r.self(), Kind: kinds[f.Kind], Cause: r.cause(m, f.Kind)})
		if f.Kind == monitor.AttemptAutomatic {
			r.accuse(m, a)
			r.detected(m, a)
			a.Quorum = f.Quorum
			if m.down != nil {
				a.Detail = clip(m.down.Detail)
			}
		} else if m.down != nil && m.sdown != 0 {
			a.heard = m.down.OffsetAt
		}
	}
	a.Epoch = uint64(f.Epoch)
	a.enter(r, journal.PhaseElection, r.now)
	for _, v := range f.Voters {
		a.vote(journal.Vote{By: journal.Sentinel{ID: string(v.ID), Addr: at(v.Addr)}, Epoch: uint64(f.Epoch), Silent: true})
	}
	r.save(a)
}

var kinds = map[monitor.AttemptKind]journal.Kind{
	monitor.AttemptAutomatic: journal.Failover, monitor.AttemptForced: journal.Forced, monitor.AttemptStock: journal.StockSwitchover,
	monitor.AttemptSwitchover: journal.Switchover, monitor.AttemptTakeover: journal.Takeover,
}

func (r *Reporter) cause(m *master, kind monitor.AttemptKind) journal.Cause {
	switch {
	case kind == monitor.AttemptTakeover:
		return journal.Unfinished
	case kind != monitor.AttemptAutomatic:
		return journal.Operator
	case m.down == nil:
		return journal.Unknown
	}
	return causes[m.down.Cause]
}

var causes = map[monitor.DownCause]journal.Cause{
	monitor.DownSilent: journal.Silent, monitor.DownRefused: journal.Refused, monitor.DownRole: journal.Role,
	monitor.DownNoData: journal.NoData, monitor.DownRestart: journal.Restart,
}

func (r *Reporter) candidates(a *attempt, f monitor.CandidatesFact) {
	a.Candidates = nil
	for _, c := range f.Replicas {
		if a.full(len(a.Candidates)) && !c.Chosen {
			continue
		}
		j := journal.Candidate{
			Addr: at(c.Addr), RunID: string(c.RunID), Chosen: c.Chosen, Verdict: clip(c.Verdict), Priority: c.Priority,
			Offset: c.Offset, LinkDown: max(c.LinkDown, -1), Data: c.Data, Heard: -1,
		}
		if c.Heard != 0 {
			j.Heard = r.now.Sub(c.Heard).Round(time.Microsecond)
		}
		a.Candidates = append(a.Candidates, j)
		if c.Chosen {
			a.chosen = j.Addr
		}
	}
}

// loss notes what the new master lacks. That is the last thing that is heard of an
// attempt which is watched.
func (r *Reporter) loss(m *master, f monitor.LossFact) {
	a := m.open
	if a == nil || f.Promoted != a.Led || !a.Led && !a.moved {
		return
	}
	l := journal.Loss{Known: f.Comparable, MasterOffset: f.Had, PromotedOffset: f.Took}
	switch {
	case !f.Comparable:
		l = journal.Loss{Why: "the new master does not say where its history leaves that of the old one"}
	case f.Had > f.Took:
		l.Bytes = f.Had - f.Took
	}
	if l.Known && a.heard != 0 {
		l.Heard = r.wall(a.heard)
	}
	a.Lost = l
	if a.moved {
		r.finish(m, journal.Promoted, "")
	}
}
