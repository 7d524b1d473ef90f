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
	worlds := []struct {
		LeaseConfig
		long int // moments of the long search
	}{
		{LeaseConfig{Moments: 7, Speak: 2, Guard: true}, 8},
		{LeaseConfig{Moments: 8, Speak: 1, Guard: true, Votes: true}, 12},
		{LeaseConfig{Moments: 8, Speak: 1, Guard: true, Crashes: true}, 13},
		{LeaseConfig{Moments: 4, Speak: 1, Guard: true, Votes: true, Stalls: true}, 5},
		{LeaseConfig{Moments: 3, Speak: 2, Guard: true, Stalls: true}, 4},
		{LeaseConfig{Moments: 12, Voter: true, Votes: true}, 23},
		{LeaseConfig{Moments: 11, Voter: true, Votes: true, Crashes: true}, 14},
		{LeaseConfig{Moments: 4, Voter: true, Votes: true, Stalls: true}, 6},
	}
	var all LeaseResult
	for _, w := range worlds {
		c := w.LeaseConfig
		if *long {
			c.Moments = w.long
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
