package reporter

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

const (
	me    = monitor.RunID("me______________________________________")
	other = monitor.RunID("other___________________________________")
	third = monitor.RunID("third___________________________________")
)

var (
	origin    = time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	s1        = monitor.HostPort{Host: "10.0.0.1", Port: 6379}
	s2        = monitor.HostPort{Host: "10.0.0.2", Port: 6379}
	s3        = monitor.HostPort{Host: "10.0.0.3", Port: 6379}
	otherAt   = monitor.HostPort{Host: "10.0.1.2", Port: 26379}
	oldMaster = event.Instance{Kind: event.KindMaster, Name: "m", Addr: s1}
	replica2  = event.Instance{Kind: event.KindReplica, Name: s2.String(), Addr: s2, Master: "m", MasterAddr: s1}
	replica3  = event.Instance{Kind: event.KindReplica, Name: s3.String(), Addr: s3, Master: "m", MasterAddr: s1}
	teller    = event.Instance{Kind: event.KindSentinel, Name: string(other), Addr: otherAt, Master: "m", MasterAddr: s1}
)

// rig is a reporter with a clock, and what it has reported.
type rig struct {
	t   *testing.T
	rep *Reporter
	now monitor.Instant
	all []journal.Report

	begun []string // what was told when attempts began
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, now: monitor.Instant(time.Hour)}
	r.rep = New(Config{
		ID: me, Wall: func(at monitor.Instant) time.Time { return origin.Add(time.Duration(at)) },
		Report: func(rep journal.Report) { r.all = append(r.all, rep) },
		Begun:  func(rep journal.Report) { r.begun = append(r.begun, rep.Opening()) },
	})
	return r
}

// play carries out facts and events, a millisecond apart, and waits where it is told.
func (r *rig) play(steps ...any) *rig {
	for _, s := range steps {
		switch s := s.(type) {
		case time.Duration:
			r.now = r.now.Add(s)
			r.rep.Advance(r.now)
			continue
		case monitor.Fact:
			r.rep.Effect(r.now, monitor.Note{Master: "m", Addr: s1, Fact: s})
		case event.Event:
			r.rep.Effect(r.now, monitor.Emit{Event: s})
		default:
			r.t.Fatalf("%T is neither a fact nor an event", s)
		}
		r.now = r.now.Add(time.Millisecond)
	}
	return r
}

// last is the last word about the last attempt.
func (r *rig) last() journal.Report {
	r.t.Helper()
	if len(r.all) == 0 {
		r.t.Fatal("nothing was reported")
	}
	return r.all[len(r.all)-1]
}

// is checks the last report.
func (r *rig) is(outcome journal.Outcome, want ...string) journal.Report {
	r.t.Helper()
	rep := r.last()
	if open := r.rep.Open(); len(open) > 0 {
		rep = open[0]
	}
	text := rep.String()
	for _, n := range rep.Notes {
		text += "\n" + n.Text
	}
	if rep.Outcome != outcome {
		r.t.Errorf("the outcome is %v, want %v: %s", rep.Outcome, outcome, text)
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			r.t.Errorf("this is not told: %s\nbut: %s", w, text)
		}
	}
	if open := len(r.rep.Open()); (outcome == journal.Open) != (open == 1) {
		r.t.Errorf("%d attempts are open after %v", open, outcome)
	}
	return rep
}

// failed is the failure of the master, as far as all say so.
func failed() []any {
	return []any{
		monitor.DownFact{Cause: monitor.DownSilent, Detail: "no answer", Since: monitor.Instant(time.Hour - 5*time.Second), OffsetAt: monitor.Instant(time.Hour - 6*time.Second)},
		event.SDown{Instance: oldMaster}, monitor.OpinionFact{ID: other, Addr: otherAt, Down: true}, event.ODown{Instance: oldMaster, Votes: 2, Quorum: 2},
	}
}

// elected is an election that this Sentinel wins.
func elected(kind monitor.AttemptKind) []any {
	return []any{
		event.TryFailover{Instance: oldMaster},
		monitor.AttemptFact{Kind: kind, Epoch: 7, Quorum: 2, Voters: []monitor.Voter{{ID: other, Addr: otherAt}, {ID: third}}},
		event.VoteForLeader{Master: "m", RunID: me, Epoch: 7}, monitor.VoteFact{ID: other, Addr: otherAt, For: me, Epoch: 7},
		event.ElectedLeader{Instance: oldMaster}, event.FailoverStateSelectReplica{Instance: oldMaster},
	}
}

var candidates = monitor.CandidatesFact{Replicas: []monitor.CandidateFact{
	{Addr: s2, Chosen: true, Verdict: "it has all", Heard: 1}, {Addr: s3, Verdict: "priority 0", LinkDown: -5},
}}

// promoted is the rest.
func promoted() []any {
	return []any{
		candidates, event.SelectedReplica{Instance: replica2}, event.FailoverStateSendReplicaOfNoOne{Instance: replica2},
		event.FailoverStateWaitPromotion{Instance: replica2}, monitor.LossFact{Promoted: true, Comparable: true, Had: 2000, Took: 1500},
		event.PromotedReplica{Instance: replica2}, event.FailoverStateReconfReplicas{Instance: oldMaster}, event.FailoverEnd{Instance: oldMaster},
		event.SwitchMaster{Master: "m", From: s1, To: s2, Epoch: 7},
	}
}

func TestLed(t *testing.T) {
	r := newRig(t).play(failed()...).play(elected(monitor.AttemptAutomatic)...).play(promoted()...)
	rep := r.is(journal.Promoted, "10.0.0.2:6379 has replaced 10.0.0.1:6379, epoch 7, led by this Sentinel", "did not answer (no answer)",
		"2 Sentinels said that it is down, the quorum is 2", "10.0.0.2:6379 was chosen of 2 replicas (it has all); 10.0.0.3:6379: priority 0",
		"silence 5.001 s", "Possibly lost: 500 bytes")
	var names []string
	for k, p := range rep.Phases {
		names = append(names, p.Name)
		if k > 0 && !p.Begun.Equal(rep.Phases[k-1].Begun.Add(rep.Phases[k-1].Took)) {
			t.Errorf("between %v and %v is a gap", rep.Phases[k-1], p)
		}
	}
	if want := []string{"silence", "agreement", "candidacy", "election", "choice", "promotion", "reconfiguration"}; !reflect.DeepEqual(names, want) {
		t.Errorf("the phases are %v, want %v", names, want)
	}
	if len(rep.Votes) != 2 || !rep.Votes[1].Self && !rep.Votes[0].Self || rep.Quorum != 2 || rep.Candidates[1].LinkDown != -1 || rep.Candidates[1].Heard != -1 {
		t.Errorf("%+v", rep)
	}
	var outcomes []journal.Outcome
	for _, s := range r.all {
		if s.ID != rep.ID {
			t.Errorf("two ids: %d and %d", s.ID, rep.ID)
		}
		outcomes = append(outcomes, s.Outcome)
	}
	// What a crash must not take: that it began, who was chosen, who was promoted.
	if want := []journal.Outcome{0, 0, 0, journal.Promoted}; !reflect.DeepEqual(outcomes, want) {
		t.Errorf("reports were handed out with %v", outcomes)
	}
	if r.play(time.Hour); len(r.rep.masters) != 0 {
		t.Errorf("%d masters are remembered although all is well", len(r.rep.masters))
	}
}

// TestBegun: that an attempt has begun is told once, however often its election is
// repeated, with who tries and why; of one that never begins nothing is told.
func TestBegun(t *testing.T) {
	again := monitor.AttemptFact{Epoch: 8, Quorum: 2}
	vote := []any{monitor.GrantFact{For: other, Addr: otherAt, Epoch: 7, Patience: time.Minute}, event.VoteForLeader{Master: "m", RunID: other, Epoch: 7}}
	revote := event.VoteForLeader{Master: "m", RunID: third, Epoch: 8}
	held := event.FailoverHeld{Instance: oldMaster, Reason: "busy"}
	const why = " The master did not answer (no answer); 2 Sentinels said that it is down, the quorum is 2. Before that: silence 5.001 s, agreement 2 ms, candidacy 2 ms."
	for name, c := range map[string]struct {
		steps []any
		want  string
	}{
		"led":     {slices.Concat(failed(), elected(monitor.AttemptAutomatic)[:2], []any{again}), "Failover of m (10.0.0.1:6379) begins, epoch 7: this Sentinel stands for election." + why},
		"watched": {slices.Concat(failed(), vote, []any{revote}), "Failover of m (10.0.0.1:6379) begins, epoch 7: this Sentinel has voted for Sentinel 10.0.1.2:26379 (other___)." + why},
		"planned": {[]any{monitor.PrepareFact{}, time.Second, monitor.AttemptFact{Kind: monitor.AttemptSwitchover, Epoch: 7}},
			"Planned switchover of m (10.0.0.1:6379) begins, epoch 7: this Sentinel stands for election. An operator asked for it. Before that: preparation 1.001 s."},
		"held":      {slices.Concat(failed(), []any{held, event.SDownCleared{Instance: oldMaster}}), ""},
		"held once": {slices.Concat(failed(), []any{held}, elected(monitor.AttemptAutomatic)[:2]), "Failover of m (10.0.0.1:6379) begins, epoch 7: this Sentinel stands for election." + strings.TrimSuffix(why, "2 ms.") + "1 ms, held 2 ms."},
	} {
		r := newRig(t).play(c.steps...)
		if got := strings.Join(r.begun, "\n"); got != c.want {
			t.Errorf("%s: told\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

func TestSnapshotsAreIndependent(t *testing.T) {
	r := newRig(t).play(failed()...).play(elected(monitor.AttemptAutomatic)...)
	open := r.rep.Open()[0]
	phases := len(open.Phases)
	r.play(promoted()...)
	if len(open.Phases) != phases || open.Phases[phases-1].Took != 0 || open.Over() {
		t.Errorf("a report that was handed out has changed: %+v", open)
	}
}

func TestEnds(t *testing.T) {
	led := append(failed(), elected(monitor.AttemptAutomatic)...)
	asked := led[:len(led)-3]
	for name, c := range map[string]struct {
		steps   []any
		outcome journal.Outcome
		want    []string
	}{
		"not elected": {append(asked[:len(asked):len(asked)], monitor.VoteFact{ID: other, Addr: otherAt, For: third, Epoch: 7}, event.FailoverAbortNotElected{Instance: oldMaster}),
			journal.NotElected, []string{"Votes: 1 vote for it, Sentinel 10.0.1.2:26379 (other___) voted for third___, 1 did not answer"}},
		"no replica": {append(led[:len(led):len(led)], event.FailoverWaits{Instance: oldMaster, Reason: "nobody has the data"},
			monitor.CandidatesFact{Replicas: []monitor.CandidateFact{{Addr: s3, Verdict: "priority 0"}}}, event.FailoverAbortNoGoodReplica{Instance: oldMaster}),
			journal.NoGoodReplica, []string{"because no replica can be promoted (nobody has the data)", "None of 1 replica fits; 10.0.0.3:6379: priority 0"}},
		"no promotion": {append(led[:len(led):len(led)], candidates, event.SelectedReplica{Instance: replica2}, event.FailoverAbortReplicaTimeout{Instance: oldMaster}),
			journal.NotPromoted, []string{"the chosen replica was not promoted"}},
		"overtaken": {append(led[:len(led):len(led)], event.ConfigUpdateFrom{Instance: teller}, event.SwitchMaster{Master: "m", From: s1, To: s3, Epoch: 8},
			monitor.LossFact{Comparable: true, Had: 10, Took: 10}),
			journal.Promoted, []string{"10.0.0.3:6379 has replaced 10.0.0.1:6379, epoch 8, led by another Sentinel", "the new address came from Sentinel 10.0.1.2:26379 (other___)"}},
		"paused": {append(led[:len(led):len(led)], event.FailoverPaused{Instance: oldMaster, Reason: "upgrade"}, event.FailoverAbortNotElected{Instance: oldMaster}),
			journal.Abandoned, []string{"because an operator has ended it (SENTINEL PAUSE-FAILOVER: upgrade)"}},
		"resumed": {append(led[:len(led):len(led)], event.FailoverPaused{Instance: oldMaster}, event.FailoverResumed{Instance: oldMaster},
			event.FailoverAbortReplicaTimeout{Instance: oldMaster}), journal.NotPromoted, []string{"was not promoted, epoch 7"}},
		"paused before it began": {[]any{monitor.PrepareFact{}, event.FailoverPaused{Instance: oldMaster},
			event.SwitchoverAborted{Instance: oldMaster, Reason: "paused"}}, journal.Abandoned, []string{"(paused)"}},
		"reset":   {append(led[:len(led):len(led)], event.ResetMaster{Instance: oldMaster}), journal.Abandoned, []string{"SENTINEL RESET"}},
		"removed": {append(led[:len(led):len(led)], event.MonitorStopped{Instance: oldMaster}), journal.Abandoned, []string{"SENTINEL REMOVE"}},
		"refused once": {append(led[:len(led):len(led)], candidates, event.SelectedReplica{Instance: replica2}, event.FailoverStateSelectReplica{Instance: oldMaster},
			event.SelectedReplica{Instance: replica3}), journal.Open, []string{"10.0.0.2:6379 refused to be promoted, and another is chosen"}},
		"elected late": {append(asked[:len(asked):len(asked)], monitor.AttemptFact{Epoch: 9}, event.ElectedLeader{Instance: oldMaster}), journal.Open,
			[]string{"the election is repeated at a higher epoch", "epoch 9"}},
		"the master is back": {append(led[:len(led):len(led)], event.SDownCleared{Instance: oldMaster}), journal.Open, []string{"the master answers again"}},
		"stopped still":      {append(led[:len(led):len(led)], event.Tilt{Entered: true}, event.Tilt{}), journal.Open, []string{"(TILT)", "judges again"}},
		"voted since": {append(led[:len(led):len(led)], event.VoteForLeader{Master: "m", RunID: third, Epoch: 8}), journal.Open,
			[]string{"this Sentinel has voted for " + string(third) + " since, at epoch 8"}},
		"in the dark": {append(led[:len(led):len(led)], event.PromotionWithoutData{Instance: replica2, Reason: "it has nothing"}, event.FailoverEndForTimeout{Instance: oldMaster},
			event.ReplicaReconfSentTimeout{Instance: replica3}), journal.Open,
			[]string{"promoted without the data of the master: it has nothing", "failover-timeout passed", "10.0.0.3:6379 did not begin to follow"}},
		"begun anew": {append(append([]any{}, led...), led[len(failed()):]...), journal.Open, nil},
	} {
		t.Run(name, func(t *testing.T) { newRig(t).play(c.steps...).is(c.outcome, c.want...) })
	}
}

func TestWatched(t *testing.T) {
	grant := []any{
		monitor.GrantFact{For: other, Addr: otherAt, Epoch: 7, Patience: time.Minute}, event.VoteForLeader{Master: "m", RunID: other, Epoch: 7},
	}
	switched := []any{event.ConfigUpdateFrom{Instance: teller}, event.SwitchMaster{Master: "m", From: s1, To: s2, Epoch: 7}}
	watched := append(failed(), grant...)
	for name, c := range map[string]struct {
		steps   []any
		outcome journal.Outcome
		want    []string
	}{
		"to its end": {append(append(watched[:len(watched):len(watched)], switched...), monitor.LossFact{Comparable: true, Had: 2000, Took: 1999}), journal.Promoted,
			[]string{"led by Sentinel 10.0.1.2:26379 (other___)", "2 Sentinels said that it is down", "Possibly lost: 1 byte of"}},
		"without a word of the new master": {append(append(watched[:len(watched):len(watched)], switched...), lossWait), journal.Promoted,
			[]string{"What is lost is not known: the new master did not tell in time"}},
		"another history": {append(append(watched[:len(watched):len(watched)], switched...), monitor.LossFact{}), journal.Promoted,
			[]string{"What is lost is not known: the new master does not say"}},
		"without a vote":   {append(switched[:2:2], monitor.LossFact{Comparable: true}), journal.Promoted, []string{"led by another Sentinel", "came from Sentinel 10.0.1.2:26379"}},
		"master back":      {append(watched[:len(watched):len(watched)], event.SDownCleared{Instance: oldMaster}), journal.Recovered, []string{"because the master is back"}},
		"nothing came":     {append(watched[:len(watched):len(watched)], time.Minute), journal.NoNews, []string{"its end is not known, because nothing more was heard of it"}},
		"own attempt then": {append(watched[:len(watched):len(watched)], elected(monitor.AttemptAutomatic)...), journal.Open, []string{"goes on, phase choice"}},
		"voted twice": {append(watched[:len(watched):len(watched)], monitor.GrantFact{For: third, Epoch: 8, Patience: time.Minute}, event.VoteForLeader{Master: "m", RunID: third, Epoch: 8}),
			journal.Open, []string{"epoch 8, led by Sentinel third___"}},
		"won by another than voted for": {append(watched[:len(watched):len(watched)], event.ConfigUpdateFrom{Instance: teller},
			event.SwitchMaster{Master: "m", From: s1, To: s2, Epoch: 9}, monitor.LossFact{Comparable: true}), journal.Promoted, []string{"epoch 9, led by another Sentinel"}},
		"a vote of which nothing was told": {[]any{event.VoteForLeader{Master: "m", RunID: other, Epoch: 7}}, journal.Open, nil},
		"a planned one": {append([]any{monitor.GrantFact{For: other, Addr: otherAt, Epoch: 7, Planned: true, Patience: time.Minute}, grant[1]},
			append(switched[:2:2], monitor.LossFact{Comparable: true, Had: 9, Took: 9})...), journal.Promoted, []string{"Planned switchover of m", "Nothing is lost"}},
		"the next one begins": {append(append(watched[:len(watched):len(watched)], switched...), event.VoteForLeader{Master: "m", RunID: other, Epoch: 8}), journal.Open, nil},
		"a vote that is on disk late": {append(append(append(failed(), grant[0]), switched...), grant[1], monitor.LossFact{Comparable: true, Had: 2000, Took: 1999}), journal.Promoted,
			[]string{"Possibly lost: 1 byte of"}},
		"a vote that is on disk later still":  {append(append(append(failed(), grant[0]), switched...), monitor.LossFact{}, grant[1]), journal.Promoted, nil},
		"a vote for the next one of the name": {append(append(append(failed(), grant...), switched...), event.MonitorStopped{Instance: oldMaster}, grant[1]), journal.Open, nil},
		"removed while waiting for the loss":  {append(append(watched[:len(watched):len(watched)], switched...), event.MonitorStopped{Instance: oldMaster}), journal.Promoted, nil},
		"said later": {append(watched[:len(watched):len(watched)], monitor.OpinionFact{ID: third, Down: true}, monitor.OpinionFact{ID: third, Down: true}, time.Minute),
			journal.NoNews, []string{"3 Sentinels said that it is down"}},
	} {
		t.Run(name, func(t *testing.T) { newRig(t).play(c.steps...).is(c.outcome, c.want...) })
	}
}

// TestHeldBack: an attempt that a pause or the embedding program holds back is told from
// then on, in one report with what becomes of it, and in words for whoever is woken up.
func TestHeldBack(t *testing.T) {
	veto := event.FailoverHeld{Instance: oldMaster, Veto: true, Reason: "vetoed: a new kernel"}
	delay := event.FailoverHeld{Instance: oldMaster, Reason: "delayed by 30s"}
	pause := monitor.HeldFact{Reason: "an operator has paused them until 2026-11-29T05:00:00Z (a new kernel)"}
	grant := []any{monitor.GrantFact{For: other, Addr: otherAt, Epoch: 7, Patience: time.Minute}, event.VoteForLeader{Master: "m", RunID: other, Epoch: 7}}
	switched := []any{event.ConfigUpdateFrom{Instance: teller}, event.SwitchMaster{Master: "m", From: s1, To: s2, Epoch: 7}, monitor.LossFact{Comparable: true, Had: 9, Took: 9}}
	back := event.SDownCleared{Instance: oldMaster}
	all := func(lists ...[]any) (steps []any) {
		for _, l := range append([][]any{failed()}, lists...) {
			steps = append(steps, l...)
		}
		return steps
	}
	const down = "The master did not answer (no answer); 2 Sentinels said that it is down, the quorum is 2."
	for name, c := range map[string]struct {
		steps   []any
		outcome journal.Outcome
		want    string
	}{
		"now":       {all([]any{veto}), journal.Open, "Failover of m (10.0.0.1:6379) is held back: vetoed: a new kernel. " + down},
		"otherwise": {all([]any{veto, pause}), journal.Open, "Failover of m (10.0.0.1:6379) is held back: an operator has paused them until 2026-11-29T05:00:00Z (a new kernel). " + down},
		"vetoed to its end": {all([]any{veto, time.Minute, back}), journal.Vetoed,
			"Failover of m (10.0.0.1:6379) did not happen, because the program around this Sentinel said no (vetoed: a new kernel, until the master answered again). " + down +
				" It took 1m5s: silence 5.001 s, agreement 2 ms, candidacy 1 ms, held 1m0s."},
		"put off to its end": {all([]any{veto, delay, back}), journal.Held,
			"Failover of m (10.0.0.1:6379) did not happen, because it was held back (delayed by 30s, until the master answered again). " + down +
				" It took 5.006 s: silence 5.001 s, agreement 2 ms, candidacy 1 ms, held 2 ms."},
		"paused to its end": {all([]any{pause, back}), journal.Held,
			"Failover of m (10.0.0.1:6379) did not happen, because it was held back (an operator has paused them until 2026-11-29T05:00:00Z (a new kernel), until the master answered again). " + down +
				" It took 5.005 s: silence 5.001 s, agreement 2 ms, candidacy 1 ms, held 1 ms."},
		"let go": {all([]any{delay, 30 * time.Second}, elected(monitor.AttemptAutomatic), promoted()), journal.Promoted,
			"Failover of m: 10.0.0.2:6379 has replaced 10.0.0.1:6379, epoch 7, led by this Sentinel. " + down + " This Sentinel did not begin at once: delayed by 30s. " +
				"10.0.0.2:6379 was chosen of 2 replicas (it has all); 10.0.0.3:6379: priority 0. It took 35.019 s: silence 5.001 s, agreement 2 ms, candidacy 1 ms, " +
				"held 30.002 s, election 3 ms, choice 3 ms, promotion 4 ms, reconfiguration 3 ms. Possibly lost: 500 bytes of the replication stream, and what it took in the 1.000 s after it was last heard."},
		"led by another": {all([]any{veto}, grant, switched), journal.Promoted,
			"Failover of m: 10.0.0.2:6379 has replaced 10.0.0.1:6379, epoch 7, led by Sentinel 10.0.1.2:26379 (other___), it seems. " + down +
				" This Sentinel did not begin at once: vetoed: a new kernel. It took 5.009 s: silence 5.001 s, agreement 2 ms, candidacy 1 ms, held 2 ms, voted 2 ms. " +
				"Possibly lost: nothing of what the master is known to have had, and what it took in the 1.000 s after it was last heard."},
		"moved by another": {all([]any{veto}, switched), journal.Promoted,
			"Failover of m: 10.0.0.2:6379 has replaced 10.0.0.1:6379, epoch 7, led by another Sentinel. " + down +
				" This Sentinel did not begin at once: vetoed: a new kernel. It took 5.007 s: silence 5.001 s, agreement 2 ms, candidacy 1 ms, held 2 ms. " +
				"Possibly lost: nothing of what the master is known to have had, and what it took in the 1.000 s after it was last heard."},
		"ordered meanwhile": {all([]any{veto}, elected(monitor.AttemptForced)), journal.Open, "Failover by order of m (10.0.0.1:6379) goes on, phase choice, epoch 7. An operator asked for it."},
		"removed":           {all([]any{veto, event.MonitorStopped{Instance: oldMaster}}), journal.Abandoned, "Failover of m (10.0.0.1:6379) did not happen, because an operator has ended it (SENTINEL REMOVE). " + down + " This Sentinel did not begin at once: vetoed: a new kernel. It took 5.005 s: silence 5.001 s, agreement 2 ms, candidacy 1 ms, held 1 ms."},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t).play(c.steps...)
			rep := r.is(c.outcome)
			if got := rep.String(); got != c.want {
				t.Errorf("the line is\n%s, want\n%s", got, c.want)
			}
			if r.all[0].Held == "" {
				t.Errorf("%+v was not handed out when it was held back", r.all[0])
			}
			if ids := len(distinct(r.all)); (name == "ordered meanwhile") != (ids == 2) {
				t.Errorf("%d reports of one failure", ids)
			}
		})
	}
	// The next failure, after another has moved the address, is another report.
	r := newRig(t).play(all([]any{veto}, switched[:2], elected(monitor.AttemptAutomatic))...)
	if rep := r.is(journal.Open, "goes on, phase choice"); rep.To != "" || len(distinct(r.all)) != 2 {
		t.Errorf("the next failure is told in one report with what was held back before: %+v", rep)
	}
	// One that has the vote of this Sentinel is not begun here either way.
	newRig(t).play(all(grant, []any{veto})...).is(journal.Open, "led by Sentinel 10.0.1.2:26379 (other___), it seems", "this Sentinel does not begin: vetoed: a new kernel")
}

func distinct(list []journal.Report) map[uint64]bool {
	ids := map[uint64]bool{}
	for _, r := range list {
		ids[r.ID] = true
	}
	return ids
}

// TestOrderedByTheProgram: what the embedding program asks for is told apart from what an
// operator does.
func TestOrderedByTheProgram(t *testing.T) {
	rep := newRig(t).play(monitor.PrepareFact{Program: true}).play(elected(monitor.AttemptSwitchover)...).play(promoted()...).
		is(journal.Promoted, "Planned switchover of m", "The program around this Sentinel asked for it")
	if rep.Cause != journal.Hook {
		t.Errorf("the cause is %v", rep.Cause)
	}
	newRig(t).play(monitor.AttemptFact{Kind: monitor.AttemptForced, Program: true, Epoch: 7}).is(journal.Open, "The program around this Sentinel asked for it")
	newRig(t).play(monitor.AttemptFact{Kind: monitor.AttemptForced, Epoch: 7}).is(journal.Open, "An operator asked for it")
}

func TestSwitchover(t *testing.T) {
	prepared := []any{monitor.PrepareFact{}, event.SwitchoverWaits{Instance: oldMaster, Reason: "r is synchronised"}}
	stages := append(append(prepared[:2:2], elected(monitor.AttemptSwitchover)...), candidates, event.SelectedReplica{Instance: replica2})
	for _, s := range []string{"pause", "catch-up", "demotion", "settling", "promotion"} {
		stages = append(stages, monitor.StageFact{Stage: s})
	}
	rep := newRig(t).play(stages...).play(monitor.LossFact{Promoted: true, Comparable: true, Had: 9, Took: 9}, event.PromotedReplica{Instance: replica2},
		event.SwitchoverDegraded{Instance: oldMaster, Reason: "no rights"}, event.SwitchMaster{Master: "m", From: s1, To: s2, Epoch: 7}).
		is(journal.Promoted, "Planned switchover of m: 10.0.0.2:6379 has replaced 10.0.0.1:6379", "An operator asked for it", "Nothing is lost",
			"waits: r is synchronised", "10.0.0.1:6379: no rights", "pause 1 ms, catch-up 1 ms, demotion 1 ms")
	if rep.Phases[0].Name != journal.PhasePreparation || len(rep.Down) > 0 || rep.Phases[len(rep.Phases)-1].Name != journal.PhaseReconf {
		t.Errorf("%+v", rep)
	}
	newRig(t).play(prepared...).play(event.SwitchoverAborted{Instance: oldMaster, Reason: "the replica is gone"}).
		is(journal.Declined, "it could not begin (the replica is gone)")
	newRig(t).play(stages...).play(event.SwitchoverAborted{Instance: oldMaster, Reason: "too slow"}, event.FailoverAbortReplicaTimeout{Instance: oldMaster}).
		is(journal.NotPromoted, "(too slow)")
	newRig(t).play(monitor.PrepareFact{Stock: true}).play(elected(monitor.AttemptStock)...).play(promoted()...).is(journal.Promoted, "Failover in the way of stock of m")
	newRig(t).play(event.SwitchoverTakenOver{Instance: oldMaster}).play(elected(monitor.AttemptTakeover)...).
		play(event.SwitchoverAborted{Instance: oldMaster, Reason: "the master does not answer"}, event.FailoverAbortNoGoodReplica{Instance: oldMaster}).
		is(journal.NoGoodReplica, "Takeover of an unfinished switchover of m", "Another Sentinel left it unfinished")
	newRig(t).play(elected(monitor.AttemptForced)...).is(journal.Open, "Failover by order of m (10.0.0.1:6379) goes on", "An operator asked for it")
}

func TestCauses(t *testing.T) {
	for cause, want := range map[monitor.DownCause]journal.Cause{
		monitor.DownSilent: journal.Silent, monitor.DownRefused: journal.Refused, monitor.DownRole: journal.Role,
		monitor.DownNoData: journal.NoData, monitor.DownRestart: journal.Restart, monitor.DownGone: journal.Refused,
	} {
		rep := newRig(t).play(monitor.DownFact{Cause: cause}, event.SDown{Instance: oldMaster}).play(elected(monitor.AttemptAutomatic)...).last()
		if rep.Cause != want {
			t.Errorf("cause %d becomes %v", cause, rep.Cause)
		}
	}
}

func TestClose(t *testing.T) {
	r := newRig(t).play(failed()...).play(elected(monitor.AttemptAutomatic)...)
	r.rep.Close(r.now)
	r.is(journal.Stopped, "its end is not known, because this Sentinel was ended")
	r = newRig(t).play(event.ConfigUpdateFrom{Instance: teller}, event.SwitchMaster{Master: "m", From: s1, To: s2, Epoch: 7})
	r.rep.Close(r.now)
	r.is(journal.Promoted)
}

// TestIDsRise: also where the clock stands still, or an earlier process was ahead.
func TestIDsRise(t *testing.T) {
	r := newRig(t)
	r.rep = New(Config{ID: me, LastID: 1 << 50, Wall: func(monitor.Instant) time.Time { return origin }, Report: r.rep.cfg.Report})
	for range 3 {
		r.play(elected(monitor.AttemptAutomatic)...).play(event.FailoverAbortNoGoodReplica{Instance: oldMaster})
	}
	for k, rep := range r.all {
		if k > 0 && rep.ID < r.all[k-1].ID || rep.ID <= 1<<50 {
			t.Errorf("ids: %d after %d", rep.ID, r.all[k-1].ID)
		}
	}
	if r.last().ID != 1<<50+3 {
		t.Errorf("the last id is %d", r.last().ID)
	}
}

// TestBounds: whoever has thousands of Sentinels and replicas, or long texts that are
// no text, makes no report of any size.
func TestBounds(t *testing.T) {
	r := newRig(t).play(failed()...)
	attempt := monitor.AttemptFact{Epoch: 1}
	all := monitor.CandidatesFact{}
	for k := range 1000 {
		id := monitor.RunID(fmt.Sprintf("%040d", k))
		r.play(monitor.OpinionFact{ID: id, Down: true})
		attempt.Voters = append(attempt.Voters, monitor.Voter{ID: id})
		all.Replicas = append(all.Replicas, monitor.CandidateFact{Addr: s3, Verdict: strings.Repeat("\xff", 2000), Chosen: k == 999})
	}
	r.play(attempt, event.ElectedLeader{Instance: oldMaster}, all)
	for k := range 1000 {
		r.play(event.FailoverWaits{Instance: oldMaster, Reason: fmt.Sprint(k)}, monitor.StageFact{Stage: fmt.Sprint(k)})
	}
	r.play(event.FailoverAbortNoGoodReplica{Instance: oldMaster})
	rep := r.last()
	if len(rep.Down) > maxEntries || len(rep.Votes) > maxEntries || len(rep.Candidates) > maxEntries+1 || len(rep.Notes) > maxEntries || len(rep.Phases) > maxEntries ||
		rep.Omitted < 3000 || !rep.Candidates[maxEntries].Chosen {
		t.Errorf("%d, %d, %d, %d, %d, %d omitted", len(rep.Down), len(rep.Votes), len(rep.Candidates), len(rep.Notes), len(rep.Phases), rep.Omitted)
	}
	if n := len(journal.AppendRecord(nil, rep)); n > 200<<10 {
		t.Errorf("its record has %d bytes", n)
	}
	if v := rep.Candidates[0].Verdict; len(v) > maxText || strings.Contains(v, "\xff") {
		t.Errorf("a verdict has %d bytes", len(v))
	}
}

func TestNil(t *testing.T) {
	var r *Reporter
	r.Effect(1, monitor.Emit{Event: event.SDown{Instance: oldMaster}})
	r.Advance(1)
	r.Close(1)
	if r.Open() != nil {
		t.Error("nothing knows of an attempt")
	}
}

// TestOtherEffectsAreCheap: most effects are none of its business.
func TestOtherEffectsAreCheap(t *testing.T) {
	r := newRig(t)
	send := monitor.Effect(monitor.Send{Cmd: monitor.Ping{}})
	if n := testing.AllocsPerRun(100, func() { r.rep.Effect(1, send); r.rep.Advance(1) }); n > 0 {
		t.Errorf("%v allocations for a PING", n)
	}
}

// A reporter is given each effect when it is carried out.
func Example() {
	rep := New(Config{
		ID: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Wall: func(at monitor.Instant) time.Time { return time.Unix(0, int64(at)) },
		Report: func(r journal.Report) { fmt.Println(r.Master, r.Led, r.Outcome) },
	})
	m := event.Instance{Kind: event.KindMaster, Name: "cache", Addr: monitor.HostPort{Host: "10.0.0.1", Port: 6379}}
	rep.Effect(1, monitor.Note{Master: "cache", Addr: m.Addr, Fact: monitor.AttemptFact{Epoch: 1, Quorum: 2}})
	rep.Effect(2, monitor.Emit{Event: event.FailoverAbortNotElected{Instance: m}})
	// Output:
	// cache true open
	// cache true not-elected
}
