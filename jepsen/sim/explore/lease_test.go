package explore

import (
	"fmt"
	"strings"
	"testing"
)

// TestLeases explores the isolation fence: a Sentinel that guards its master, with others that
// answer as they like, crash and want its vote, and one that is asked for promises and votes.
func TestLeases(t *testing.T) {
	t.Parallel()
	worlds := []LeaseConfig{
		{Moments: 7, Speak: 2, Guard: true},
		{Moments: 8, Speak: 1, Guard: true, Votes: true},
		{Moments: 8, Speak: 1, Guard: true, Crashes: true},
		{Moments: 12, Voter: true, Votes: true},
		{Moments: 12, Voter: true, Votes: true, Crashes: true},
	}
	var all LeaseResult
	for _, c := range worlds {
		if *long {
			c.Moments = 2 * c.Moments
		}
		r := ExploreLeases(c)
		all.count(leaseDeeds{r.Pauses, r.Lifts, r.Promises, r.Votes, r.Stood})
		about := fmt.Sprintf("%+v: %d states, %d steps; %d pauses, %d ends, %d promises, %d votes, %d candidacies",
			c, r.States, r.Steps, r.Pauses, r.Lifts, r.Promises, r.Votes, r.Stood)
		if t.Log(about); r.Violation != "" {
			t.Errorf("%s\n%s\n%s", about, r.Violation, strings.Join(r.Trace, "\n"))
		}
	}
	if all.Pauses == 0 || all.Lifts == 0 || all.Promises == 0 || all.Votes == 0 || *long && all.Stood == 0 {
		t.Errorf("%+v: that proves nothing", all)
	}
}
