package election

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLedger follows one voter through the first recipe of state-machine.md
// Appendix B, and through the corners of the rule.
func TestLedger(t *testing.T) {
	type step struct {
		what      string
		req       Epoch
		candidate RunID
		forget    bool // before the request
		want      Ledger
		cur       Epoch
		ballot    Ballot
	}
	both := Ballot{EpochRaised: true, Granted: true}
	for name, steps := range map[string][]step{
		"recipe": {
			{what: "first in epoch 5", req: 5, candidate: "A", want: Ledger{5, "A"}, cur: 5, ballot: both},
			{what: "second in epoch 5", req: 5, candidate: "B", want: Ledger{5, "A"}, cur: 5},
			{what: "too late", req: 4, candidate: "B", want: Ledger{5, "A"}, cur: 5},
			{what: "after a reset", req: 5, candidate: "B", forget: true, want: Ledger{5, ""}, cur: 5},
			{what: "first in epoch 6", req: 6, candidate: "B", want: Ledger{6, "B"}, cur: 6, ballot: both},
			{what: "after a restart", req: 6, candidate: "A", forget: true, want: Ledger{6, ""}, cur: 6},
		},
		"epoch 0 is no epoch": {
			{what: "request at 0", req: 0, candidate: "A", want: Ledger{}, cur: 0},
			{what: "request at 1", req: 1, candidate: "A", want: Ledger{1, "A"}, cur: 1, ballot: both},
		},
		"the same candidate again": {
			{what: "first", req: 1, candidate: "A", want: Ledger{1, "A"}, cur: 1, ballot: both},
			{what: "repeated", req: 1, candidate: "A", want: Ledger{1, "A"}, cur: 1},
		},
		"a gap": {
			{what: "far ahead", req: 1000, candidate: "A", want: Ledger{1000, "A"}, cur: 1000, ballot: both},
			{what: "between", req: 999, candidate: "B", want: Ledger{1000, "A"}, cur: 1000},
		},
	} {
		var l Ledger
		var cur Epoch
		for _, s := range steps {
			if s.forget {
				l.Forget()
			}
			if got := l.Vote(&cur, s.req, s.candidate); got != s.ballot || l != s.want || cur != s.cur {
				t.Errorf("%s, %s: %+v %+v at epoch %d, want %+v %+v at %d", name, s.what, got, l, cur, s.ballot, s.want, s.cur)
			}
		}
	}

	// The current epoch grew for another reason, so that a request at an epoch
	// between the last vote and now comes too late.
	l, cur := Ledger{3, "A"}, Epoch(7)
	if got := l.Vote(&cur, 6, "B"); got != (Ballot{}) || l != (Ledger{3, "A"}) || cur != 7 {
		t.Errorf("request below the current epoch: %+v %+v at %d", got, l, cur)
	}
	if got := l.Vote(&cur, 7, "B"); got != (Ballot{Granted: true}) || l != (Ledger{7, "B"}) {
		t.Errorf("request at the current epoch: %+v %+v", got, l)
	}
}

// TestLedgerNeverVotesTwice sends random requests to a voter that forgets and
// restarts at random, and demands one candidate for each epoch.
func TestLedgerNeverVotesTwice(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var l Ledger
		var cur Epoch
		given := map[Epoch]RunID{}
		for range 500 {
			before, curBefore := l, cur
			req, candidate := Epoch(rng.IntN(40)), RunID(rune('A'+rng.IntN(4)))
			b := l.Vote(&cur, req, candidate)
			if cur < curBefore || l.Epoch < before.Epoch || l.Epoch > cur {
				t.Fatalf("seed %d: %+v at epoch %d after %+v at %d", seed, l, cur, before, curBefore)
			}
			if b.EpochRaised != (cur > curBefore) || b.Granted != (l != before) {
				t.Fatalf("seed %d: %+v does not describe the change from %+v to %+v", seed, b, before, l)
			}
			if b.Granted {
				if first, twice := given[req]; twice {
					t.Fatalf("seed %d: voted for %s and for %s in epoch %d", seed, first, candidate, req)
				}
				given[req] = candidate
			}
			if rng.IntN(5) == 0 {
				l.Forget()
			}
		}
	}
}

func TestEpochPlausible(t *testing.T) {
	const top = ^Epoch(0)
	for _, c := range []struct {
		e, cur Epoch
		want   bool
	}{
		{0, 0, true},
		{MaxEpoch, 0, true},
		{MaxEpoch + 1, 0, false},
		{top, 0, false},
		{top, MaxEpoch, false},
		{MaxEpoch + 1, MaxEpoch, true}, // an attacker has pushed us here: elections go on
		{MaxEpoch + EpochSlack, MaxEpoch, true},
		{MaxEpoch + EpochSlack + 1, MaxEpoch, false},
		{MaxEpoch + 5, MaxEpoch + 7, true}, // old news is never dangerous
		{top, top - 1, true},
		{top, top - EpochSlack - 1, false},
		{top - 1, top, true},
	} {
		if got := c.e.Plausible(c.cur); got != c.want {
			t.Errorf("epoch %d at %d: plausible %t, want %t", c.e, c.cur, got, c.want)
		}
	}
}

func TestRunIDValid(t *testing.T) {
	for id, want := range map[RunID]bool{
		"": false, RunID(strings.Repeat("a", 39)): false, RunID(strings.Repeat("a", 40)): true, RunID(strings.Repeat("a", 41)): false,
	} {
		if id.Valid() != want {
			t.Errorf("%d characters: valid %t", len(id), id.Valid())
		}
	}
}

func TestInstant(t *testing.T) {
	if Never.Add(time.Hour) != Never || Instant(5).Add(-2) != 3 || Instant(7).Sub(4) != 3 {
		t.Error("arithmetic of instants")
	}
}

// mustPanic runs f, which must panic.
func mustPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s did not panic", what)
		}
	}()
	f()
}

// attemptAt returns an attempt that passed through all phases up to p.
func attemptAt(p Phase) *Attempt {
	a := &Attempt{}
	if p == None {
		return a
	}
	a.Begin(100, 7, 50, false)
	for next := SelectReplica; next <= p; next++ {
		a.Advance(next, Instant(100+10*int(next)))
	}
	return a
}

// TestAttemptLegality tries every operation in every phase: phases are never
// skipped or repeated, and what is published cannot be taken back.
func TestAttemptLegality(t *testing.T) {
	for p := None; p <= UpdateConfig; p++ {
		if a := attemptAt(p); a.Phase() != p || a.InProgress() != (p != None) || a.Published() != (p >= ReconfReplicas) {
			t.Errorf("%s: in progress %t, published %t", p, a.InProgress(), a.Published())
		}
		for to := None; to <= UpdateConfig; to++ {
			what := fmt.Sprintf("from %s to %s", p, to)
			if to == p+1 && to > WaitStart {
				a := attemptAt(p)
				a.Advance(to, 999)
				if a.Phase() != to || a.Changed != 999 || a.Epoch != 7 || a.Start != 150 {
					t.Errorf("%s: %+v", what, *a)
				}
			} else if to != WaitStart || p != None {
				mustPanic(t, what, func() { attemptAt(p).Advance(to, 999) })
			}
		}
		if p != None {
			mustPanic(t, "begin in "+p.String(), func() { attemptAt(p).Begin(1, 1, 0, false) })
		}
		if p != WaitStart {
			mustPanic(t, "restart in "+p.String(), func() { attemptAt(p).Restart(1, 99) })
		}
		if p == None || p >= ReconfReplicas {
			mustPanic(t, "abort in "+p.String(), func() { attemptAt(p).Abort(1) })
		} else {
			a := attemptAt(p)
			a.Abort(500)
			if want := (Attempt{Epoch: 7, Start: 150, Changed: 500}); *a != want {
				t.Errorf("abort in %s leaves %+v, want %+v", p, *a, want)
			}
		}
		a := attemptAt(p)
		if a.Clear(); *a != (Attempt{}) {
			t.Errorf("clear in %s leaves %+v", p, *a)
		}
	}
}

func TestAttemptRestart(t *testing.T) {
	a := attemptAt(WaitStart)
	a.Restart(120, 9)
	if want := (Attempt{phase: WaitStart, Epoch: 9, Begun: 100, Start: 150, VotesAsked: 120, Changed: 120, Restarts: 1}); *a != want {
		t.Errorf("%+v, want %+v", *a, want)
	}
	mustPanic(t, "a restart at the same epoch", func() { a.Restart(1, 9) })
	mustPanic(t, "a restart at a lower epoch", func() { a.Restart(1, 8) })
}

// TestAttemptReselect goes back to the choice of the replica: only from where the
// chosen one can refuse, and not without end.
func TestAttemptReselect(t *testing.T) {
	for p := None; p <= UpdateConfig; p++ {
		if p != WaitPromotion {
			mustPanic(t, "another choice in "+p.String(), func() { attemptAt(p).Reselect(999) })
		}
	}
	a := attemptAt(WaitPromotion)
	first := a.Chosen
	if got := a.PromotionDeadline(200); got != a.Changed.Add(200) {
		t.Errorf("the first promotion is given up at %d, not %d", got, a.Changed.Add(200))
	}
	a.Reselect(240)
	if a.Phase() != SelectReplica || a.Changed != 240 || a.Epoch != 7 || a.Start != 150 {
		t.Errorf("%+v", *a)
	}
	a.Advance(SendReplicaOfNoOne, 700)
	a.Advance(WaitPromotion, 710)
	if got := a.PromotionDeadline(200); got != first.Add(400) {
		t.Errorf("a later promotion is given up at %d, want %d", got, first.Add(400))
	}
}

// TestAttemptDeadlines checks what failover-timeout is used for (state-machine.md §6.1).
func TestAttemptDeadlines(t *testing.T) {
	var a Attempt
	if a.NextAllowed(time.Hour) != 0 {
		t.Error("the first attempt must not be delayed")
	}
	a.Begin(1000, 1, 30, false)
	if got := a.NextAllowed(200); got != 1430 {
		t.Errorf("next attempt at %d, want 1430", got)
	}
	if a.ElectionDeadline(200, 500) != 1230 || a.ElectionDeadline(500, 200) != 1230 {
		t.Error("the election ends after the shorter of its timeout and failover-timeout, the random part included")
	}
	a.Advance(SelectReplica, 1100)
	if got := a.PhaseDeadline(200); got != 1300 {
		t.Errorf("phase ends at %d, want 1300", got)
	}
	a.Postpone(2000)
	if got := a.NextAllowed(200); got != 2400 {
		t.Errorf("after a vote for another the next attempt is at %d, want 2400", got)
	}
}

func TestPhaseString(t *testing.T) {
	var got []string
	for p := None; p <= UpdateConfig+1; p++ {
		got = append(got, p.String())
	}
	want := "none wait_start select_slave send_slaveof_noone wait_promotion reconf_slaves update_config unknown"
	if strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}

// TestRank demands that Sentinels with the same view rank each other 0, 1, 2,
// ... without gaps or ties, that each comes first now and then, and that the
// order does not depend on the order in which the others are listed.
func TestRank(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var ids []RunID
	for k := range 5 {
		ids = append(ids, RunID(fmt.Sprintf("%040x", k)))
	}
	first := map[RunID]int{}
	const rounds = 2000
	for epoch := range Epoch(rounds) {
		seen := make([]bool, len(ids))
		for k, id := range ids {
			others := slices.Delete(slices.Clone(ids), k, k+1)
			rng.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
			rank := Rank(id, others, "mymaster", epoch)
			if rank < 0 || rank >= len(ids) || seen[rank] {
				t.Fatalf("epoch %d: rank %d is taken twice or out of range", epoch, rank)
			}
			seen[rank] = true
			if rank == 0 {
				first[id]++
			}
		}
	}
	for _, id := range ids {
		if n := first[id]; n < rounds/10 || n > rounds/2 {
			t.Errorf("%.40s comes first in %d of %d epochs", id, n, rounds)
		}
	}
	if Rank(ids[0], nil, "m", 1) != 0 {
		t.Error("a lone Sentinel is not first")
	}
	same := 0
	for k := range 100 {
		if Rank(ids[0], ids[1:], "a"+fmt.Sprint(k), 1) == Rank(ids[0], ids[1:], "b"+fmt.Sprint(k), 1) {
			same++
		}
	}
	if same > 50 {
		t.Errorf("the order is the same for %d of 100 pairs of masters", same)
	}
}

// TestCandidacyDelay demands that different ranks cannot meet, whatever the
// random part, and that the wait is bounded.
func TestCandidacyDelay(t *testing.T) {
	const slot = 25 * time.Millisecond
	for rank := range MaxRank {
		late, early := CandidacyDelay(rank, slot, 0.999999), CandidacyDelay(rank+1, slot, 0)
		if early-late < slot/2 {
			t.Errorf("rank %d waits up to %v, rank %d from %v on", rank, late, rank+1, early)
		}
	}
	if CandidacyDelay(0, slot, 0) != 0 {
		t.Error("the first waits")
	}
	if got, most := CandidacyDelay(1000, slot, 0.999999), (MaxRank+1)*slot; got > most {
		t.Errorf("the last waits %v, more than %v", got, most)
	}
}

// randomReplica draws from few values, so that ties and limits are frequent.
func randomReplica(rng *rand.Rand) Replica {
	return Replica{
		SDown:     rng.IntN(6) == 0,
		Connected: rng.IntN(6) != 0,
		LastAvail: Instant(1000 - rng.IntN(8)),
		LastInfo:  []Instant{0, 990, 995, 1000}[rng.IntN(4)],
		Priority:  rng.IntN(3),
		LinkDown:  time.Duration(rng.IntN(5) - 1),
		Data: Data{
			ReplID:  []string{"", "R", "S"}[rng.IntN(3)],
			ReplID2: []string{"", "R"}[rng.IntN(2)],
			Second:  uint64(rng.IntN(5)),
			Offset:  uint64(rng.IntN(4)),
			Syncing: rng.IntN(8) == 0,
			Loading: rng.IntN(8) == 0,
		},
		Keys:    rng.IntN(2) == 0,
		Master:  rng.IntN(4) == 0,
		InSync:  rng.IntN(3) > 0,
		Direct:  rng.IntN(2) == 0,
		Refused: rng.IntN(4) == 0,
		RunID:   []RunID{"", "a", "A", "b", "C"}[rng.IntN(5)],
	}
}

// TestSelect compares the choice with an obvious second implementation: throw
// out the unfit one by one, sort the rest, take the first.
func TestSelect(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	chosen := map[Standing]int{}
	for range 20000 {
		rules := Rules{Now: 1000, MaxPingAge: 5, MaxInfoAge: 7, MaxLinkDown: 2}
		rules.Lineage = Lineage{ReplID: []string{"", "R"}[rng.IntN(2)], Offset: uint64(rng.IntN(4)), Keys: rng.IntN(2) == 0}
		if rng.IntN(2) == 0 {
			rules.Lineage.ReplID2, rules.Lineage.Second = "S", uint64(rng.IntN(4))
		}
		rs := make([]Replica, rng.IntN(6))
		for k := range rs {
			rs[k] = randomReplica(rng)
		}
		got, want := Select(rules, rs), obviousSelect(rules, rs)
		if got != want {
			t.Fatalf("replica %d is chosen, want %d, of %+v", got, want, rs)
		}
		if got >= 0 {
			chosen[rules.Lineage.Standing(rs[got])]++
		}
	}
	for s := Empty; s <= Successor; s++ {
		if chosen[s] < 50 || chosen[s] > 19000 {
			t.Errorf("a replica of standing %d was chosen in %d of 20000 cases: the cases are no test", s, chosen[s])
		}
	}
}

func obviousSelect(rules Rules, rs []Replica) int {
	var fit []int
	l, end := rules.Lineage, uint64(0)
	for k, r := range rs {
		if r.SDown || !r.Connected || r.Priority == 0 || r.LastInfo == 0 {
			continue
		}
		if int64(rules.Now)-int64(r.LastAvail) > int64(rules.MaxPingAge) || int64(rules.Now)-int64(r.LastInfo) > int64(rules.MaxInfoAge) {
			continue
		}
		all := l.ReplID == "R" && (r.ReplID == "R" && r.Offset >= l.Offset || r.ReplID == "S" && l.Standing(r) == Successor)
		if r.LinkDown <= rules.MaxLinkDown || all && l.Standing(r) >= Whole {
			fit = append(fit, k)
			keyless := l.Keys && !r.Keys && r.Offset < l.Offset
			past := r.ReplID == "S" && l.ReplID2 == "S" && r.Offset < l.Second
			if (r.ReplID != "" && r.ReplID == l.ReplID || past) && !r.Loading && !keyless && r.Offset > end {
				end = r.Offset
			}
		}
	}
	if end == 0 {
		end = l.Offset
	}
	fit = slices.DeleteFunc(fit, func(k int) bool {
		return rs[k].LinkDown > rules.MaxLinkDown && rs[k].ReplID == l.ReplID && rs[k].Offset < end
	})
	if len(fit) == 0 {
		return -1
	}
	last := func(bad bool) int { return map[bool]int{true: 1}[bad] }
	id := func(r Replica) string {
		if r.RunID == "" {
			return "\xff"
		}
		return strings.ToLower(string(r.RunID))
	}
	slices.SortStableFunc(fit, func(i, j int) int {
		a, b := rs[i], rs[j]
		return cmp.Or(
			cmp.Compare(l.standing(b, end), l.standing(a, end)),
			cmp.Compare(last(a.Refused), last(b.Refused)),
			cmp.Compare(a.Priority, b.Priority), cmp.Compare(b.Offset, a.Offset),
			cmp.Compare(last(!a.Direct), last(!b.Direct)), cmp.Compare(id(a), id(b)),
		)
	})
	return fit[0]
}

// TestReject demands a reason for each rule, at its very limit.
func TestReject(t *testing.T) {
	rules := Rules{Now: 1000, MaxPingAge: 5, MaxInfoAge: 7, MaxLinkDown: 2}
	good := Replica{Connected: true, LastAvail: 995, LastInfo: 993, Priority: 100, LinkDown: 2}
	if why := rules.Reject(good); why != "" {
		t.Errorf("a replica at all limits is rejected: %s", why)
	}
	for reason, spoil := range map[string]func(*Replica){
		"subjectively down":              func(r *Replica) { r.SDown = true },
		"this Sentinel is not connected": func(r *Replica) { r.Connected = false },
		"priority is 0":                  func(r *Replica) { r.Priority = 0 },
		"PING":                           func(r *Replica) { r.LastAvail-- },
		"INFO":                           func(r *Replica) { r.LastInfo-- },
		"cut off":                        func(r *Replica) { r.LinkDown++ },
	} {
		r := good
		spoil(&r)
		if why := rules.Reject(r); !strings.Contains(why, reason) {
			t.Errorf("%q does not say %q", why, reason)
		}
	}
	never := good
	never.LastInfo = 0
	if why := (Rules{Now: 5, MaxInfoAge: time.Hour}).Reject(never); !strings.Contains(why, "INFO") {
		t.Errorf("a replica that never answered INFO: %q", why)
	}
}

// TestLinkAge has replicas whose link has been down for longer than is allowed where it
// is not known what the master had.
func TestLinkAge(t *testing.T) {
	known := Lineage{ReplID: "R", Offset: 100, Keys: true, Heard: true}
	replica := func(d Data) Replica {
		return Replica{Connected: true, LastInfo: 1, Priority: 100, LinkDown: time.Hour, Keys: true, Data: d}
	}
	better := func(r Replica) Replica {
		r.Priority = 1
		return r
	}
	fresh := func(r Replica) Replica {
		r.LinkDown = time.Second
		return r
	}
	for _, c := range []struct {
		name    string
		lineage Lineage
		of      []Replica
		want    int
	}{
		{"has all", known, []Replica{replica(Data{ReplID: "R", Offset: 100})}, 0},
		{"has more than was saved", known, []Replica{replica(Data{ReplID: "R", Offset: 5000})}, 0},
		{"was promoted after that", known, []Replica{replica(Data{ReplID: "S", ReplID2: "R", Second: 101, Offset: 120})}, 0},
		{"lacks the end", known, []Replica{replica(Data{ReplID: "R", Offset: 99})}, -1},
		{"was promoted before that", known, []Replica{replica(Data{ReplID: "S", ReplID2: "R", Second: 100, Offset: 120})}, -1},
		{"is being filled anew", known, []Replica{replica(Data{ReplID: "R", Offset: 100, Syncing: true})}, -1},
		{"other data", known, []Replica{replica(Data{ReplID: "S", Offset: 100})}, -1},
		{"tells no history", known, []Replica{replica(Data{Offset: 100})}, -1},
		{"nothing is known", Lineage{}, []Replica{replica(Data{ReplID: "R", Offset: 100})}, -1},
		{"another one has more", known, []Replica{better(replica(Data{ReplID: "R", Offset: 4999})), replica(Data{ReplID: "R", Offset: 5000})}, 1},
		{"... with a young link", known, []Replica{better(replica(Data{ReplID: "R", Offset: 4999})), fresh(replica(Data{ReplID: "R", Offset: 5000}))}, 1},
		{"both links are young", known, []Replica{fresh(better(replica(Data{ReplID: "R", Offset: 4999}))), fresh(replica(Data{ReplID: "R", Offset: 5000}))}, 0},
	} {
		rules := Rules{Now: 1, MaxPingAge: time.Hour, MaxInfoAge: time.Hour, MaxLinkDown: time.Minute, Lineage: c.lineage}
		if got := Select(rules, c.of); got != c.want {
			t.Errorf("%s: replica %d is chosen, want %d", c.name, got, c.want)
		}
	}
}

func TestInstantAddSaturates(t *testing.T) {
	for _, c := range []struct {
		at   Instant
		d    time.Duration
		want Instant
	}{
		{5, 3, 8}, {5, -3, 2}, {Never, 1, Never}, {Never, -1, Never}, {Never - 1, 5, Never}, {1, 1<<63 - 1, Never},
	} {
		if got := c.at.Add(c.d); got != c.want {
			t.Errorf("%d plus %d is %d, want %d", c.at, c.d, got, c.want)
		}
	}
}
