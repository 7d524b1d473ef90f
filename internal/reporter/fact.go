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
	case monitor.HeldFact:
		r.hold(m, false, f.Reason)
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
	a := r.begin(m, journal.Report{Led: true, Leader: r.self(), Kind: kind, Cause: orderedBy(f.Program)})
	a.enter(r, journal.PhasePreparation, r.now)
	r.save(a)
}

// hold notes that an attempt does not begin, although the master is down and enough
// Sentinels say so. If it begins after all, here or elsewhere, that is the same report.
func (r *Reporter) hold(m *master, veto bool, reason string) {
	a := m.open
	if a == nil || a.moved {
		a = r.failure(m)
		a.enter(r, journal.PhaseHeld, r.now)
		a.held, a.veto, a.Held = true, veto, clip(reason)
		r.save(a)
	}
	a.say(r, "this Sentinel does not begin: "+reason)
	if a.held {
		a.veto, a.Held = veto, clip(reason)
	}
}

// letGo ends an attempt that was held back and never began.
func (r *Reporter) letGo(m *master, until string) {
	a, how := m.open, journal.Held
	if a.veto {
		how = journal.Vetoed
	}
	r.finish(m, how, a.Held+", until "+until)
}

// attempt opens the report of an attempt, or notes that its election begins, perhaps
// again.
func (r *Reporter) attempt(m *master, f monitor.AttemptFact) {
	a := m.open
	switch {
	case a != nil && a.Led && a.in(journal.PhasePreparation):
	case a != nil && a.Led && a.in(journal.PhaseElection) && uint64(f.Epoch) > a.Epoch:
		a.say(r, "the election is repeated at a higher epoch")
	case f.Kind == monitor.AttemptAutomatic:
		if a == nil || !a.held {
			a = r.failure(m)
		}
		a.Led, a.Leader, a.Quorum, a.held = true, r.self(), f.Quorum, false
	default:
		cause := orderedBy(f.Program)
		if f.Kind == monitor.AttemptTakeover {
			cause = journal.Unfinished
		}
		a = r.begin(m, journal.Report{Led: true, Leader: r.self(), Kind: kinds[f.Kind], Cause: cause})
		if m.down != nil && m.sdown != 0 {
			a.heard = m.down.OffsetAt
		}
	}
	a.Epoch = uint64(f.Epoch)
	a.enter(r, journal.PhaseElection, r.now)
	for _, v := range f.Voters {
		a.vote(journal.Vote{By: journal.Sentinel{ID: string(v.ID), Addr: at(v.Addr)}, Epoch: uint64(f.Epoch), Silent: true})
	}
	r.save(a)
	r.begun(a)
}

// orderedBy is the cause of what somebody has asked for.
func orderedBy(program bool) journal.Cause {
	if program {
		return journal.Hook
	}
	return journal.Operator
}

var kinds = map[monitor.AttemptKind]journal.Kind{
	monitor.AttemptAutomatic: journal.Failover, monitor.AttemptForced: journal.Forced, monitor.AttemptStock: journal.StockSwitchover,
	monitor.AttemptSwitchover: journal.Switchover, monitor.AttemptTakeover: journal.Takeover,
}

// cause is that of the failure of a master.
func (m *master) cause() journal.Cause {
	if m.down == nil {
		return journal.Unknown
	}
	return causes[m.down.Cause]
}

var causes = map[monitor.DownCause]journal.Cause{
	monitor.DownSilent: journal.Silent, monitor.DownRefused: journal.Refused, monitor.DownRole: journal.Role,
	monitor.DownNoData: journal.NoData, monitor.DownRestart: journal.Restart, monitor.DownGone: journal.Refused,
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
