package sim

import (
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/race"
)

// scripted is an ordinary failover: the master dies, and comes back when another
// one has taken its place.
func scripted() Scenario {
	return Scenario{
		Seed: 1,
		Options: Options{
			Sentinels: 3, Masters: 1, Replicas: 2, Quorum: 2, ParallelSyncs: 1,
			DownAfter: 500 * time.Millisecond, FailoverTimeout: 3 * time.Second,
			Delay: 500 * time.Microsecond, Jitter: 500 * time.Microsecond, DiskLatency: 2 * time.Millisecond,
			SyncTime: 20 * time.Millisecond, ReplTimeout: 10 * time.Second, Calm: 3 * time.Second,
		},
		Faults: []Fault{{At: 3 * time.Second, Kind: "crash-master", D: 1200 * time.Millisecond}},
	}
}

// TestMidpoints has every Sentinel die around every effect of a failover, of the
// leader and of the voters: before it, after it, and in the middle of a write. It
// starts again at once, or so late that another one has to go on. No promise may
// be broken then, and the failover must come to its end.
func TestMidpoints(t *testing.T) {
	all, r := Midpoints(scripted())
	if r.Failed() {
		t.Fatal(r.Violation)
	}
	sentinels, writes := map[int]int{}, 0
	for _, m := range all {
		sentinels[m.Sentinel]++
		if m.Cut == CutHalfWritten || m.Cut == CutWritten {
			writes++
		}
	}
	if len(all) < 300 || len(sentinels) != 3 || writes < 10 {
		t.Errorf("%d midpoints of %d Sentinels, %d of them in the middle of a write: that is no failover", len(all), len(sentinels), writes)
	}
	for _, down := range []time.Duration{50 * time.Millisecond, 4 * time.Second} {
		t.Run("back after "+down.String(), func(t *testing.T) {
			t.Parallel()
			slowest := time.Duration(0)
			for _, m := range some(all) {
				r := Interrupt(scripted(), m, down, nil)
				if r.Failed() {
					t.Errorf("%v: %s", m, r.Violation)
				}
				slowest = max(slowest, r.Virtual)
			}
			t.Logf("%d midpoints, %d of them in the middle of a write; order was back %v after the master's death at the latest",
				len(all), writes, slowest-scripted().Faults[0].At)
		})
	}
}

// some returns all midpoints, or every tenth with the race detector.
func some(all []Midpoint) (list []Midpoint) {
	if !race.Enabled {
		return all
	}
	for i := 0; i < len(all); i += 10 {
		list = append(list, all[i])
	}
	return list
}

// TestMidpointsFindBugs lets what waits for the disk out too early, and demands
// that some midpoint shows it by its consequences alone: a Sentinel that comes
// back and has forgotten what it said.
func TestMidpointsFindBugs(t *testing.T) {
	s := scripted()
	s.Options.Bug = BugUngatedCrash
	all, _ := Midpoints(s)
	found := 0
	for _, m := range all {
		if m.Cut != CutHalfWritten {
			continue
		}
		if r := Interrupt(s, m, 50*time.Millisecond, nil); r.Failed() {
			if found++; found == 1 {
				t.Logf("%v: %s", m, r.Violation)
			}
		}
	}
	if found == 0 {
		t.Errorf("none of %d midpoints shows that votes leave before they are durable", len(all))
	}
}

// planned is a switchover that an operator orders.
func planned() Scenario {
	s := scripted()
	s.Options.Clients = 2
	s.Faults = []Fault{{At: 3 * time.Second, Kind: "failover"}}
	return s
}

// TestMidpointsOfSwitchover has every Sentinel die at every effect of a planned
// switchover, or sleep there for shorter and for longer than each of its bounds.
func TestMidpointsOfSwitchover(t *testing.T) {
	all, r := Midpoints(planned())
	if r.Failed() {
		t.Fatal(r.Violation)
	}
	if len(all) < 150 {
		t.Errorf("%d midpoints: that is no switchover", len(all))
	}
	try := func(name string, down time.Duration, interrupt func(Scenario, Midpoint, time.Duration, func(string)) Result) {
		t.Run(name+" for "+down.String(), func(t *testing.T) {
			t.Parallel()
			slowest := time.Duration(0)
			for _, m := range some(all) {
				if name == "asleep" && m.Cut != CutBefore && m.Cut != CutAfter {
					continue
				}
				r := interrupt(planned(), m, down, nil)
				if r.Failed() || r.Lost > 0 {
					t.Errorf("%v: %s; %d acknowledged writes are lost", m, r.Violation, r.Lost)
				}
				slowest = max(slowest, r.Virtual)
			}
			t.Logf("%d midpoints; order was back %v after the order at the latest", len(all), slowest-planned().Faults[0].At)
		})
	}
	for _, down := range []time.Duration{50 * time.Millisecond, 4 * time.Second} {
		try("dead", down, Interrupt)
	}
	for _, down := range []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, 1900 * time.Millisecond, 4 * time.Second} {
		try("asleep", down, Stop)
	}
}
