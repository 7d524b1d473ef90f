package reporter

import (
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// lossWait is for how long the new master of a watched failover may take to tell from
// where on it has another history: its next INFO does, which is due within a second or
// ten.
const lossWait = 15 * time.Second

// about is what every event that is about an instance has.
type about interface{ MasterName() string }

// event takes an event.
func (r *Reporter) event(ev monitor.Event) {
	switch e := ev.(type) {
	case event.VoteForLeader:
		r.voted(r.master(e.Master), e)
		return
	case event.SwitchMaster:
		m := r.master(e.Master)
		r.switched(m, e)
		r.tidy(m)
		return
	case event.Tilt:
		r.tilt(e.Entered)
		return
	}
	about, ok := ev.(about)
	if !ok {
		return
	}
	m := r.master(about.MasterName())
	r.masterEvent(m, ev)
	if a := m.open; a != nil && a.Led {
		r.step(m, a, ev)
	}
	r.tidy(m)
}

// masterEvent takes an event about a master whether or not an attempt is running.
func (r *Reporter) masterEvent(m *master, ev monitor.Event) {
	switch e := ev.(type) {
	case event.SDown:
		if e.Kind == monitor.KindMaster {
			m.sdown, m.addr = r.now, at(e.Addr)
		}
	case event.SDownCleared:
		if e.Kind == monitor.KindMaster {
			r.isBack(m)
		}
	case event.ODown:
		m.odown, m.quorum = r.now, e.Quorum
	case event.ODownCleared:
		m.odown = 0
	case event.FailoverHeld:
		r.hold(m, e.Veto, e.Reason)
	case event.GuardActs, event.GuardEnds:
		if a := m.open; a != nil {
			a.say(r, string(e.AppendText([]byte(e.Name()+" "))))
		}
	case event.ConfigUpdateFrom:
		m.told = &journal.Sentinel{ID: e.Instance.Name, Addr: at(e.Addr)}
	case event.SwitchoverAborted:
		m.why = e.Reason
		if a := m.open; a != nil && a.Led && a.in(journal.PhasePreparation) {
			how := journal.Declined
			if m.paused {
				how = journal.Abandoned
			}
			r.finish(m, how, e.Reason)
		}
	case event.ResetMaster:
		r.abandon(m, "SENTINEL RESET")
	case event.MonitorStopped:
		r.abandon(m, "SENTINEL REMOVE")
		delete(r.epochs, m.name)
	}
}

// isBack forgets a failure that is over. An attempt that is led goes on by itself.
func (r *Reporter) isBack(m *master) {
	m.down, m.sdown, m.odown = nil, 0, 0
	switch a := m.open; {
	case a == nil || a.moved:
	case a.Led:
		a.say(r, "the master answers again")
	case a.held:
		r.letGo(m, "the master answered again")
	case a.Kind == journal.Failover:
		r.finish(m, journal.Recovered, "")
	}
}

func (r *Reporter) abandon(m *master, how string) {
	switch a := m.open; {
	case a == nil:
	case a.moved:
		r.expire(m)
	default:
		r.finish(m, journal.Abandoned, how)
	}
	*m = master{name: m.name}
}

// step follows an attempt that this Sentinel leads.
func (r *Reporter) step(m *master, a *attempt, ev monitor.Event) {
	switch e := ev.(type) {
	case event.ElectedLeader:
		a.silent()
		a.enter(r, journal.PhaseChoice, r.now)
	case event.FailoverStateSelectReplica:
		if !a.in(journal.PhaseChoice) { // the chosen replica has refused
			a.say(r, a.chosen+" refused to be promoted, and another is chosen")
			a.enter(r, journal.PhaseChoice, r.now)
		}
	case event.SelectedReplica:
		a.chosen = at(e.Addr)
		if a.Kind != journal.Switchover { // which has more steps
			a.enter(r, journal.PhasePromotion, r.now)
		}
		r.save(a)
	case event.PromotedReplica:
		a.To = at(e.Addr)
		a.enter(r, journal.PhaseReconf, r.now)
		r.save(a)
	case event.FailoverEndForTimeout:
		a.say(r, "failover-timeout passed before all replicas followed the new master")
	case event.ReplicaReconfSentTimeout:
		a.say(r, at(e.Addr)+" did not begin to follow the new master in time")
	case event.FailoverPaused:
		m.paused = true
		if m.why = "SENTINEL PAUSE-FAILOVER"; e.Reason != "" {
			m.why += ": " + e.Reason
		}
	case event.FailoverResumed:
		m.paused, m.why = false, ""
	case event.FailoverWaits:
		m.why = e.Reason
		a.say(r, "nobody is promoted yet: "+e.Reason)
	case event.PromotionWithoutData:
		a.say(r, "promoted without the data of the master: "+e.Reason)
	case event.SwitchoverWaits:
		a.say(r, "waits: "+e.Reason)
	case event.SwitchoverDegraded:
		a.say(r, at(e.Addr)+": "+e.Reason)
	case event.FailoverAbortNotElected:
		how := journal.NotElected
		switch {
		case m.paused:
			how = journal.Abandoned
		case !a.in(journal.PhaseElection):
			how = journal.Overtaken
		}
		r.finish(m, how, m.why)
	case event.FailoverAbortNoGoodReplica:
		r.finish(m, journal.NoGoodReplica, m.why)
	case event.FailoverAbortReplicaTimeout:
		r.finish(m, journal.NotPromoted, m.why)
	}
}

// voted opens the report of an attempt that another Sentinel is to lead. One outage is
// one report, however often the election is repeated.
func (r *Reporter) voted(m *master, e event.VoteForLeader) {
	defer r.tidy(m)
	own := journal.Vote{By: r.self(), Self: true, For: string(e.RunID), Epoch: uint64(e.Epoch)}
	if e.RunID == r.cfg.ID {
		if a := m.open; a != nil && a.Led {
			a.vote(own)
		}
		return
	}
	if uint64(e.Epoch) <= r.epochs[m.name] {
		// A slow disk let the vote become durable only after its failover was over.
		return
	}
	g := m.grant
	if m.grant = nil; g == nil || g.For != e.RunID || g.Epoch != e.Epoch {
		g = &monitor.GrantFact{For: e.RunID, Epoch: e.Epoch, Patience: 2 * time.Minute}
	}
	a := m.open
	switch {
	case a != nil && a.Led:
		a.vote(own)
		a.say(r, "this Sentinel has voted for "+string(e.RunID)+" since, at epoch "+itoa(uint64(e.Epoch)))
		return
	case a == nil || a.moved || g.Planned != (a.Kind == journal.Switchover):
		a = r.watch(m, g)
	case a.held:
		a.held = false
		a.enter(r, journal.PhaseVoted, r.now)
	}
	a.Leader = journal.Sentinel{ID: string(e.RunID), Addr: at(g.Addr)}
	a.Epoch, a.until = uint64(e.Epoch), r.now.Add(g.Patience)
	a.vote(own)
	r.save(a)
	r.begun(a)
}

// watch opens the report of an attempt of another Sentinel.
func (r *Reporter) watch(m *master, g *monitor.GrantFact) *attempt {
	if g.Planned {
		a := r.begin(m, journal.Report{Kind: journal.Switchover, Cause: journal.Operator})
		a.enter(r, journal.PhaseVoted, r.now)
		return a
	}
	a := r.failure(m)
	a.enter(r, journal.PhaseVoted, r.now)
	return a
}

// switched takes a new address of a master, from the attempt of this Sentinel or from
// another one.
func (r *Reporter) switched(m *master, e event.SwitchMaster) {
	told := m.told
	m.told = nil
	m.addr, m.down, m.sdown, m.odown, m.said, m.grant = at(e.To), nil, 0, 0, nil, nil
	if r.epochs == nil {
		r.epochs = make(map[string]uint64)
	}
	r.epochs[m.name] = uint64(e.Epoch)
	a := m.open
	if a != nil && a.Led && told == nil {
		a.From, a.To = at(e.From), at(e.To)
		r.finish(m, journal.Promoted, "")
		return
	}
	if a != nil && a.Led {
		r.finish(m, journal.Overtaken, "a configuration of epoch "+itoa(uint64(e.Epoch))+" came from another Sentinel")
		a = nil
	}
	if a == nil || a.moved {
		a = r.begin(m, journal.Report{Kind: journal.Failover})
	}
	if told == nil || uint64(e.Epoch) != a.Epoch || told.ID != a.Leader.ID {
		a.Leader = journal.Sentinel{} // it had our vote, or told us, and that alone says little
	}
	if told != nil {
		a.say(r, "the new address came from "+journal.Sentinel.String(*told))
	}
	a.From, a.To, a.Epoch = at(e.From), at(e.To), uint64(e.Epoch)
	a.leave(r.now)
	a.moved, a.held, a.until = true, false, r.now.Add(lossWait)
	if a.Kind == journal.Switchover {
		a.Lost.Why = ""
	}
	r.save(a)
}

// tilt notes that this Sentinel stood still.
func (r *Reporter) tilt(entered bool) {
	for _, m := range r.masters {
		if a := m.open; a != nil && a.Led {
			if entered {
				a.say(r, "this Sentinel stood still, and judges nothing for a while (TILT)")
			} else {
				a.say(r, "this Sentinel judges again")
			}
		}
	}
}
