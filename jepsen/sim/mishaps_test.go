package sim

import (
	"fmt"
	"testing"
	"time"
)

// TestMishapsOfSwitchover lets everything happen at every step of a planned
// switchover that the deaths and sleeps of TestMidpointsOfSwitchover leave out:
// servers die or hang, clocks jump, disks fail, and people pause, unpause and
// disconnect. What no server has lost by a crash of its own must be there in the end.
func TestMishapsOfSwitchover(t *testing.T) {
	steps := []string{"+try-failover", onPause, onDemote, onPromote, "+promoted-slave", onRetire, "+switch-master"}
	mishaps := []struct {
		name    string
		crashes bool // a server loses what it had not stored or sent
		faults  []Fault
	}{
		{"the master dies", true, []Fault{{Kind: "crash-server", A: 0, B: 1, D: 2 * time.Second}}},
		{"the master dies for good", true, []Fault{{Kind: "crash-server", A: 0, B: 1}}},
		{"the replica dies", true, []Fault{{Kind: "crash-server", A: 1, B: 1, D: 2 * time.Second}}},
		{"all servers die", true, []Fault{{Kind: "crash-server", A: 0, B: 1, D: time.Second}, {Kind: "crash-server", A: 1, B: 1, D: time.Second}, {Kind: "crash-server", A: 2, B: 1, D: time.Second}}},
		{"the master hangs", true, []Fault{{Kind: "hang-server", A: 0, D: 3 * time.Second}}},
		{"the replica hangs", true, []Fault{{Kind: "hang-server", A: 1, D: 3 * time.Second}}},
		{"the replica is cut off", true, []Fault{{Kind: "isolate", A: 1, D: 5 * time.Second}}},
		{"the replica applies late", false, []Fault{{Kind: "slow-apply", A: 1, B: 20}, {Kind: "slow-apply", A: 2, B: 20}}},
		{"the clock of the master jumps forward", false, []Fault{{Kind: "server-clock", A: 0, B: 4 * 6}}},
		{"the clock of the master jumps back", false, []Fault{{Kind: "server-clock", A: 0, B: 4*6 + 2}}},
		{"a disk fails", false, []Fault{{Kind: "disk-fails", A: 0, D: 4 * time.Second}}},
		{"all disks fail", false, []Fault{{Kind: "disk-fails", A: 0, D: 4 * time.Second}, {Kind: "disk-fails", A: 1, D: 4 * time.Second}, {Kind: "disk-fails", A: 2, D: 4 * time.Second}}},
		{"an operator pauses writes", false, []Fault{{Kind: "pause-by-hand", B: 0, D: 400 * time.Millisecond}}},
		{"an operator pauses all", false, []Fault{{Kind: "pause-by-hand", B: 1, D: 400 * time.Millisecond}}},
		{"an operator ends the pause", false, []Fault{{Kind: "unpause-by-hand"}}},
		{"clients are disconnected", false, []Fault{{Kind: "kill-clients"}}},
		{"connections are reset", false, []Fault{{Kind: "reset", A: 0}, {Kind: "reset", A: 1}, {Kind: "reset", A: 2}}},
		{"a pause is refused", false, []Fault{{Kind: "forbid-pause", A: 0, B: 1}}},
		{"another operator orders it too", false, []Fault{{Kind: "switchover", A: 1}}},
		{"it is reset", false, []Fault{{Kind: "reset-master", A: 0}}},
	}
	for _, m := range mishaps {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			for k, step := range steps {
				s := planned()
				s.Seed, s.Options.Chaos = uint64(k), 6*time.Second
				s.Options.PingPeriod = time.Second
				for _, f := range m.faults {
					f.At, f.On = s.Faults[0].At-time.Millisecond, step
					s.Faults = append(s.Faults, f)
				}
				r := Run(s, nil)
				if r.Failed() || r.Lost > 0 && !m.crashes {
					t.Errorf("%s: %s; %d of %d acknowledged writes are lost", fmt.Sprintf("at %q", step), r.Violation, r.Lost, r.Acked)
				}
			}
		})
	}
}
