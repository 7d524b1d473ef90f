package quorum

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/quick"
)

func TestMajority(t *testing.T) {
	for voters, want := range []int{1, 1, 2, 2, 3, 3, 4, 4, 5} {
		if got := Majority(voters); got != want {
			t.Errorf("Majority(%d) = %d, want %d", voters, got, want)
		}
	}
	if got := Majority(-7); got != 1 {
		t.Errorf("Majority(-7) = %d, want 1", got)
	}
}

// The two properties that a majority is wanted for: two of them share a voter,
// and nothing smaller does.
func TestMajoritiesIntersect(t *testing.T) {
	for voters := 1; voters <= 1000; voters++ {
		m := Majority(voters)
		if 2*m <= voters {
			t.Fatalf("%d voters: two disjoint groups of %d exist", voters, m)
		}
		if 2*(m-1) > voters {
			t.Fatalf("%d voters: %d is more than a majority needs", voters, m)
		}
		if m > voters {
			t.Fatalf("%d voters can never give %d votes", voters, m)
		}
	}
}

func TestNeeded(t *testing.T) {
	for _, c := range []struct{ voters, quorum, want int }{
		{0, 0, 1},
		{1, 1, 1},
		{3, 1, 2},
		{3, 2, 2},
		{3, 3, 3},
		{3, 9, 9},
		{5, -1, 3},
	} {
		if got := Needed(c.voters, c.quorum); got != c.want {
			t.Errorf("Needed(%d, %d) = %d, want %d", c.voters, c.quorum, got, c.want)
		}
	}
}

func TestReached(t *testing.T) {
	for _, c := range []struct {
		votes, quorum int
		want          bool
	}{
		{0, 1, false},
		{1, 1, true},
		{1, 2, false},
		{2, 2, true},
		{3, 2, true},
		{0, 0, false},
		{0, -3, false},
		{1, 0, true},
	} {
		if got := Reached(c.votes, c.quorum); got != c.want {
			t.Errorf("Reached(%d, %d) = %t, want %t", c.votes, c.quorum, got, c.want)
		}
	}
}

func TestWinner(t *testing.T) {
	for _, c := range []struct {
		name   string
		votes  string // one letter for each vote
		needed int
		id     rune
		count  int
		ok     bool
	}{
		{"no votes", "", 1, 0, 0, false},
		{"no votes, none needed", "", 0, 0, 0, false},
		{"alone", "a", 1, 'a', 1, true},
		{"one short", "aab", 3, 'a', 2, false},
		{"exactly enough", "baa", 2, 'a', 2, true},
		{"more than enough", "aaab", 2, 'a', 3, true},
		{"late overtaking", "abcbb", 3, 'b', 3, true},
		{"tie", "abab", 2, 'a', 2, false},
		{"tie, other order", "bbaa", 2, 'b', 2, false},
		{"tie below the top is no tie", "abcaa", 3, 'a', 3, true},
		{"tie resolved by the last vote", "ababa", 3, 'a', 3, true},
		{"three way tie", "abc", 1, 'a', 1, false},
	} {
		id, count, ok := Winner([]rune(c.votes), c.needed)
		if id != c.id || count != c.count || ok != c.ok {
			t.Errorf("%s: Winner(%q, %d) = %q, %d, %t; want %q, %d, %t",
				c.name, c.votes, c.needed, id, count, ok, c.id, c.count, c.ok)
		}
	}
}

func TestCanStillWin(t *testing.T) {
	for _, c := range []struct {
		name                string
		votes               string
		outstanding, needed int
		want                bool
	}{
		{"nobody voted, all can", "", 3, 2, true},
		{"nobody voted, too few can", "", 1, 2, false},
		{"nobody voted, nobody can", "", 0, 0, false},
		{"decided", "aa", 0, 2, true},
		{"decided, votes missing", "aa", 1, 2, true},
		{"open", "ab", 1, 2, true},
		{"split three ways", "abc", 0, 2, false},
		{"split four ways", "ab", 2, 3, true},
		{"split for good", "aabb", 0, 3, false},
		{"one of five silent, 2:2", "aabb", 1, 3, true},
		{"one of five silent, 2:1:1", "aabc", 1, 4, false},
		{"quorum above the voters", "aaa", 0, 4, false},
		{"a removed voter", "abc", -1, 2, false},
		{"a removed voter, but decided", "aab", -1, 2, true},
		{"largest numbers", "a", math.MaxInt, math.MaxInt, true},
		{"smallest need", "ab", 1, math.MinInt, true},
	} {
		if got := CanStillWin([]rune(c.votes), c.outstanding, c.needed); got != c.want {
			t.Errorf("%s: CanStillWin(%q, %d, %d) = %t, want %t",
				c.name, c.votes, c.outstanding, c.needed, got, c.want)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		usable, voters, quorum int
		quorumOK, majorityOK   bool
	}{
		{3, 3, 2, true, true},
		{2, 3, 2, true, true},
		{1, 3, 2, false, false},
		{1, 3, 1, true, false},
		{2, 3, 3, false, true},
		{2, 4, 2, true, false},
		{1, 1, 1, true, true},
	} {
		q, m := Check(c.usable, c.voters, c.quorum)
		if q != c.quorumOK || m != c.majorityOK {
			t.Errorf("Check(%d, %d, %d) = %t, %t; want %t, %t",
				c.usable, c.voters, c.quorum, q, m, c.quorumOK, c.majorityOK)
		}
	}
}

// slowWinner is Winner by its definition: one candidate has enough votes, and
// more than each of the others.
func slowWinner(votes []byte, needed int) (id byte, count int, ok bool) {
	for _, candidate := range votes {
		n := tally(votes, candidate)
		if n > count {
			id, count = candidate, n
		}
		best := n >= needed
		for _, other := range votes {
			if other != candidate && tally(votes, other) >= n {
				best = false
			}
		}
		ok = ok || best
	}
	return id, count, ok
}

func tally(votes []byte, candidate byte) (n int) {
	for _, v := range votes {
		if v == candidate {
			n++
		}
	}
	return n
}

// slowCanStillWin tries every way in which the missing votes can be cast,
// abstention included.
func slowCanStillWin(votes []byte, outstanding, needed int) bool {
	if _, _, ok := slowWinner(votes, needed); ok {
		return true
	}
	if outstanding <= 0 {
		return false
	}
	fresh := byte(200 + outstanding) // a candidate without votes so far
	for _, candidate := range append(slices.Clone(votes), fresh) {
		if slowCanStillWin(append(slices.Clone(votes), candidate), outstanding-1, needed) {
			return true
		}
	}
	return slowCanStillWin(votes, outstanding-1, needed)
}

// Few candidates, or random votes would never tie.
func fewCandidates(raw []byte) []byte {
	votes := make([]byte, len(raw))
	for i, b := range raw {
		votes[i] = b % 4
	}
	return votes
}

func TestWinnerAgainstTheObvious(t *testing.T) {
	same := func(raw []byte, needed int8) bool {
		votes := fewCandidates(raw)
		id, count, ok := Winner(votes, int(needed))
		id2, count2, ok2 := slowWinner(votes, int(needed))
		return id == id2 && count == count2 && ok == ok2
	}
	if err := quick.Check(same, &quick.Config{MaxCount: 3000}); err != nil {
		t.Error(err)
	}
}

// All elections of up to four cast and three missing votes, for all needs.
func TestCanStillWinAgainstTheObvious(t *testing.T) {
	for cast := 0; cast <= 4; cast++ {
		eachVote(make([]byte, cast), 0, func(votes []byte) {
			for outstanding := -1; outstanding <= 3; outstanding++ {
				for needed := -1; needed <= cast+4; needed++ {
					got := CanStillWin(votes, outstanding, needed)
					if want := slowCanStillWin(votes, outstanding, needed); got != want {
						t.Fatalf("CanStillWin(%v, %d, %d) = %t, want %t", votes, outstanding, needed, got, want)
					}
				}
			}
		})
	}
}

// eachVote calls f with every slice of len(votes) votes for three candidates.
func eachVote(votes []byte, from int, f func([]byte)) {
	if from == len(votes) {
		f(votes)
		return
	}
	for c := range byte(3) {
		votes[from] = c
		eachVote(votes, from+1, f)
	}
}

// The order in which votes arrive must not choose the leader: two Sentinels
// that saw the same votes in different orders would elect different ones.
func TestOrderDoesNotChooseTheWinner(t *testing.T) {
	same := func(raw []byte, needed int8) bool {
		votes := fewCandidates(raw)
		id, _, ok := Winner(votes, int(needed))
		slices.Reverse(votes)
		reversed, _, ok2 := Winner(votes, int(needed))
		slices.Sort(votes)
		sorted, _, ok3 := Winner(votes, int(needed))
		return ok == ok2 && ok == ok3 && (!ok || id == reversed && id == sorted)
	}
	if err := quick.Check(same, nil); err != nil {
		t.Error(err)
	}
}

// However the votes of an epoch reach two Sentinels, each of which misses some
// of them, they never see different winners.
func TestTwoViewsOfAnElectionNeverDisagree(t *testing.T) {
	agree := func(raw []byte, seenByA, seenByB uint64, quorum uint8) bool {
		if len(raw) > 64 {
			raw = raw[:64]
		}
		votes := fewCandidates(raw)
		needed := Needed(len(votes), int(quorum%8))
		a, _, okA := Winner(seen(votes, seenByA), needed)
		b, _, okB := Winner(seen(votes, seenByB), needed)
		return !okA || !okB || a == b
	}
	if err := quick.Check(agree, &quick.Config{MaxCount: 3000}); err != nil {
		t.Error(err)
	}
}

func seen(votes []byte, mask uint64) (some []byte) {
	for i, v := range votes {
		if mask>>i&1 == 1 {
			some = append(some, v)
		}
	}
	return some
}

func TestWinnerLeavesTheVotesAlone(t *testing.T) {
	votes := []string{"b", "a", "b"}
	Winner(votes, 2)
	CanStillWin(votes, 1, 2)
	if !slices.Equal(votes, []string{"b", "a", "b"}) {
		t.Errorf("the votes were changed to %v", votes)
	}
}

func FuzzWinner(f *testing.F) {
	f.Add([]byte("aab"), 2, 0)
	f.Add([]byte("abab"), 3, 1)
	f.Add([]byte{}, 0, 0)
	f.Fuzz(func(t *testing.T, votes []byte, needed, outstanding int) {
		votes = votes[:min(len(votes), 64)] // the obvious implementation takes cubic time
		id, count, ok := Winner(votes, needed)
		id2, count2, ok2 := slowWinner(votes, needed)
		if id != id2 || count != count2 || ok != ok2 {
			t.Errorf("Winner = %d, %d, %t; the obvious one says %d, %d, %t", id, count, ok, id2, count2, ok2)
		}
		can := CanStillWin(votes, outstanding, needed)
		if ok && !can {
			t.Errorf("%d won, but CanStillWin says no", id)
		}
		if can && outstanding < math.MaxInt && !CanStillWin(votes, outstanding+1, needed) {
			t.Errorf("one more missing vote turned CanStillWin off")
		}
	})
}

// Five Sentinels, cut into two and three: on the smaller side the votes reach
// the quorum of 2, but not the majority.
func Example() {
	left, right := []string{"A", "A"}, []string{"C", "C", "C"}

	fmt.Println("down on the left: ", Reached(len(left), 2))
	need := Needed(5, 2)
	_, votes, elected := Winner(left, need)
	fmt.Println("left elects A:    ", elected, votes, "of", need)
	_, votes, elected = Winner(right, need)
	fmt.Println("right elects C:   ", elected, votes, "of", need)
	// Output:
	// down on the left:  true
	// left elects A:     false 2 of 3
	// right elects C:    true 3 of 3
}

func BenchmarkWinner(b *testing.B) {
	votes := []string{"a", "b", "a", "a", "b"}
	for b.Loop() {
		Winner(votes, 3)
	}
}
