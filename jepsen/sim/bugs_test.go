package sim

import "testing"

// TestHarnessBugs breaks the model around the cores on purpose and demands that
// the checker sees it: a check that cannot fail proves nothing.
func TestHarnessBugs(t *testing.T) {
	for _, c := range []struct {
		bug       Bug
		invariant Invariant
		from      uint64 // the first seed that shows it today, to save time
	}{
		{BugUngated, S1, 0},
		{BugUngated, S3, 0},
		{BugUngatedCrash, S1, 54},
		{BugLossyDisk, S1, 0},
		{BugMixedEpochs, S4, 448},
	} {
		t.Run(string(c.bug)+" breaks "+c.invariant.String(), func(t *testing.T) {
			t.Parallel()
			const runs = 500
			for seed := c.from; seed < c.from+runs; seed++ {
				s := Draw(seed, nil)
				s.Options.Bug = c.bug
				if c.bug == BugMixedEpochs {
					s.Options.Masters = 4 // each raises the epoch of the others
				}
				w := newWorld(s, nil)
				w.check.only = c.invariant
				w.play(s.Faults)
				if w.check.failed() {
					t.Logf("seed %d: %s", seed, w.check.violation)
					return
				}
			}
			t.Errorf("no violation of %s was found in %d runs", c.invariant, runs)
		})
	}
}
