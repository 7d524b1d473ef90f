package speed

import (
	"testing"

	"github.com/gosentinel/sentinel/jepsen/sim"
)

// TestScenario: the worlds that the speed is measured with are valid, have
// the promised size, and nothing is violated in them.
func TestScenario(t *testing.T) {
	for k, want := range []int{30, 18, 3} {
		s := scenario(1, shapes[k].masters, shapes[k].replicas)
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		if n := s.Options.Masters * (s.Options.Replicas + 1); s.Options.Sentinels != 5 || n != want {
			t.Errorf("%s: %d Sentinels, %d servers", shapes[k].name, s.Options.Sentinels, n)
		}
	}
	if r := sim.Run(scenario(1, 1, 2), nil); r.Failed() || r.Moves == 0 {
		t.Errorf("%d moves, %q", r.Moves, r.Violation)
	}
}
