package sim

import (
	"testing"
	"time"
)

// TestLeaderDies has the Sentinel that leads a failover, or has the votes for it, die at
// each step of it, together with the master. The others do not wait for it until twice
// failover-timeout has passed, which is two minutes here.
func TestLeaderDies(t *testing.T) {
	steps := []string{"+vote-for-leader", "+elected-leader", "+selected-slave", "+failover-state-wait-promotion", "+promoted-slave"}
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(20) {
				s := masterDies(t)
				s.Seed = seed
				s.Faults = append(s.Faults, Fault{At: s.Faults[0].At, On: step, Kind: "driver-dies", B: 1})
				r := Run(s, nil)
				if limit := s.Options.DownAfter + 2*time.Second; r.Failed() || r.Outage > limit {
					t.Errorf("seed %d: no service for %v, want at most %v; %d attempts; %s", seed, r.Outage, limit, r.Started, r.Violation)
				}
			}
		})
	}
}

// TestLeaderSleeps is the same with a leader that is silent and goes on later: it is waited for.
func TestLeaderSleeps(t *testing.T) {
	for seed := range uint64(20) {
		s := masterDies(t)
		s.Seed = seed
		s.Faults = append(s.Faults, Fault{At: s.Faults[0].At, On: "+elected-leader", Kind: "sleep", B: 4})
		r := Run(s, nil)
		if r.Failed() || r.Started != 1 || r.Elected != 1 {
			t.Errorf("seed %d: %d attempts, %d won, want 1; %s", seed, r.Started, r.Elected, r.Violation)
		}
	}
}

// masterDies is a world whose master dies for good, and in which a failover may take long.
func masterDies(t *testing.T) Scenario {
	t.Helper()
	s, err := ParseScenario(small)
	if err != nil {
		t.Fatal(err)
	}
	s.Options.FailoverTimeout, s.Options.Chaos = time.Minute, 20*time.Second
	s.Faults = []Fault{{At: s.Options.Calm, Kind: "crash-master", B: 1}}
	return s
}
