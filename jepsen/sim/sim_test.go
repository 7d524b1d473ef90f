package sim

import (
	"testing"

	"github.com/gosentinel/sentinel/internal/race"
)

// TestSwarm plays some seeds of the default mix and of every group of faults, and
// compares the state of a core with the one before even after a step in which the
// core counts no change.
// The command in jepsen/cmd/sim plays as many as one has time for.
func TestSwarm(t *testing.T) {
	seeds := map[string]int{"default": 14}
	for _, g := range append([]string{"default"}, FaultGroups...) {
		t.Run(g, func(t *testing.T) {
			t.Parallel()
			n := max(4, seeds[g])
			if race.Enabled {
				n = 2
			}
			elected, faults := 0, 0
			for seed := range uint64(n) {
				r := run(Draw(seed+1, []string{g}), nil, true)
				if r.Failed() {
					t.Errorf("seed %d: %s\nto see it: go run ./jepsen/cmd/sim run -seed %d -seeds 1 -faults %s -v", seed+1, r.Violation, seed+1, g)
				}
				elected, faults = elected+r.Elected, faults+r.Faults
			}
			t.Logf("%d seeds: %d faults, %d elections won", n, faults, elected)
			if elected < n/3 || faults < n {
				t.Errorf("that is too little to prove anything")
			}
		})
	}
}
