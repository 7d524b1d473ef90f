package journal_test

import (
	"time"

	"github.com/gosentinel/sentinel/journal"
)

var begun = time.Date(2026, 11, 29, 3, 0, 5, 0, time.UTC)

// sample is a failover after a crash, as its leader tells it.
func sample() journal.Report {
	at := func(ms int) time.Time { return begun.Add(time.Duration(ms) * time.Millisecond) }
	me := journal.Sentinel{ID: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}
	other := journal.Sentinel{ID: "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", Addr: "10.0.1.2:26379"}
	return journal.Report{
		ID: uint64(begun.UnixMilli()), Master: "mymaster", Kind: journal.Failover, Cause: journal.Refused, Detail: "connection refused",
		Led: true, Leader: me, Epoch: 7, From: "10.0.0.1:6379", To: "10.0.0.2:6379", Begun: begun, Ended: at(222), Outcome: journal.Promoted,
		Quorum: 2, Down: []journal.Accusation{{By: me, Self: true, At: at(-2)}, {By: other, At: at(-1)}},
		Votes: []journal.Vote{{By: me, Self: true, For: me.ID, Epoch: 7}, {By: other, For: me.ID, Epoch: 7}},
		Candidates: []journal.Candidate{
			{Addr: "10.0.0.2:6379", Chosen: true, Verdict: "it has most of the data", Priority: 100, Offset: 9000, Data: "whole", Heard: 3 * time.Millisecond},
			{Addr: "10.0.0.3:6379", Verdict: "30 s without its master, and 15 s are allowed", Priority: 100, Offset: 100, LinkDown: 30 * time.Second, Data: "whole", Heard: -1},
		},
		Phases: []journal.Phase{
			{Name: journal.PhaseSilence, Begun: at(-5002), Took: 5 * time.Second},
			{Name: journal.PhaseAgreement, Begun: at(-2), Took: 2 * time.Millisecond},
			{Name: journal.PhaseElection, Begun: at(0), Took: 6500 * time.Microsecond},
			{Name: journal.PhasePromotion, Begun: at(6), Took: 200 * time.Millisecond},
		},
		Lost:  journal.Loss{Known: true, Bytes: 512, MasterOffset: 9512, PromotedOffset: 9000, Heard: at(-5500)},
		Notes: []journal.Note{{At: at(100), Text: "10.0.0.3:6379 did not begin to follow the new master in time"}},
	}
}
