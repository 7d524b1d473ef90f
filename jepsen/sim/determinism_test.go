package sim

import (
	"hash/fnv"
	"runtime"
	"testing"
)

// TestRunsRepeat plays seeds several times: with one processor and with two,
// with and without a listener for the trace. A choice that depends on a
// clock, on the order of a map or on the scheduler would show here.
func TestRunsRepeat(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for _, group := range []string{"default", "stock", "member"} {
		for seed := range uint64(2) {
			runtime.GOMAXPROCS(1)
			trace := fnv.New64a()
			first := Run(Draw(seed+1, []string{group}), func(line string) { trace.Write([]byte(line)) })
			runtime.GOMAXPROCS(2)
			again := fnv.New64a()
			second := Run(Draw(seed+1, []string{group}), func(line string) { again.Write([]byte(line)) })
			silent := Run(Draw(seed+1, []string{group}), nil)
			if first.Hash != second.Hash || trace.Sum64() != again.Sum64() {
				t.Errorf("%s, seed %d: two different runs, %x and %x", group, seed+1, first.Hash, second.Hash)
			}
			if silent.Hash != first.Hash {
				t.Errorf("%s, seed %d: the run differs without a listener", group, seed+1)
			}
			if first.Events != second.Events || first.Acked != second.Acked || first.Lost != second.Lost {
				t.Errorf("%s, seed %d: the hashes agree, but what happened does not", group, seed+1)
			}
		}
	}
}

// TestSeedsDiffer makes sure that the hash tells runs apart.
func TestSeedsDiffer(t *testing.T) {
	seen := map[uint64]uint64{}
	for seed := range uint64(6) {
		s := Draw(seed, []string{"net"})
		s.Options.Chaos, s.Faults = 0, nil
		h := Run(s, nil).Hash
		if other, known := seen[h]; known {
			t.Errorf("seeds %d and %d have one hash", other, seed)
		}
		seen[h] = seed
	}
}
