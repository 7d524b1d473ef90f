package sim

import (
	"strings"
	"testing"
	"time"
)

// TestOneCorrection: whatever way a server gets the wrong role or master, one
// Sentinel corrects it, and the others find it done: each order would disconnect the
// clients of that server. All Sentinels see it, some at the same instant, some up to
// a second apart, some behind slow networks.
func TestOneCorrection(t *testing.T) {
	crash := Fault{At: 3 * time.Second, Kind: "crash-master"}
	for _, c := range []struct {
		name          string
		chaos         time.Duration
		delay, jitter time.Duration
		faults        func(seed uint64) []Fault
	}{
		{"the old master returns", 0, 0, 0, func(seed uint64) []Fault {
			return []Fault{lasting(crash, 4*time.Second+time.Duration(seed)*150*time.Millisecond)}
		}},
		{"a replica returns and follows the old master", 0, 0, 0, func(seed uint64) []Fault {
			return []Fault{
				lasting(crash, 40*time.Second),
				{At: 2 * time.Second, Kind: "crash-server", A: 2, D: 10*time.Second + time.Duration(seed)*150*time.Millisecond},
			}
		}},
		{"the network is slow", 0, 50 * time.Millisecond, 10 * time.Millisecond, func(seed uint64) []Fault {
			return []Fault{lasting(crash, 4*time.Second+time.Duration(seed)*150*time.Millisecond)}
		}},
		{"the servers are slow", 0, 0, 0, func(seed uint64) []Fault {
			fs := []Fault{lasting(crash, 4*time.Second+time.Duration(seed)*150*time.Millisecond)}
			for k := range 3 {
				fs = append(fs, Fault{At: 8 * time.Second, Kind: "slow-server", A: k, B: 5, D: 15 * time.Second})
			}
			return fs
		}},
		{"all Sentinels are stalled together", 50 * time.Second, 0, 0, func(seed uint64) []Fault {
			fs := []Fault{lasting(crash, 4*time.Second+time.Duration(seed)*150*time.Millisecond)}
			for k := range 5 {
				fs = append(fs, Fault{At: 14 * time.Second, Kind: "stall-sentinel", A: k, D: 3 * time.Second})
			}
			return fs
		}},
		{"the leader is dead", 0, 0, 0, func(seed uint64) []Fault {
			return []Fault{lasting(crash, 4*time.Second+time.Duration(seed)*150*time.Millisecond),
				{At: 6 * time.Second, Kind: "crash-sentinel", A: int(seed), D: 30 * time.Second}}
		}},
		{"the driver of a switchover dies", 0, 0, 0, func(seed uint64) []Fault {
			return []Fault{{At: 3 * time.Second, Kind: "failover", A: int(seed)},
				{At: 3*time.Second + time.Duration(seed)*5*time.Millisecond, Kind: "crash-sentinel", A: int(seed), D: 30 * time.Second}}
		}},
	} {
		for seed := range uint64(6) {
			s := scripted()
			s.Seed, s.Options.Sentinels, s.Options.Clients = seed, 3+2*int(seed%2), 1
			s.Options.Chaos, s.Options.DownAfter = max(c.chaos, 25*time.Second), time.Second
			s.Options.Delay, s.Options.Jitter = max(c.delay, 100*time.Microsecond), max(c.jitter, time.Duration(seed)*2*time.Millisecond)
			s.Faults = c.faults(seed)
			corrected := map[string]int{}
			r := Run(s, func(line string) {
				for _, event := range []string{"+convert-to-slave slave ", "+fix-slave-config slave "} {
					if _, rest, ok := strings.Cut(line, event); ok {
						corrected[strings.Fields(rest)[0]]++
					}
				}
			})
			switchover := s.Faults[0].Kind == "failover" // which may leave nothing to correct
			if r.Failed() || len(corrected) == 0 && !switchover {
				t.Errorf("%s, seed %d: %d servers were corrected; %s", c.name, seed, len(corrected), r.Violation)
			}
			for server, n := range corrected {
				if n != 1 {
					t.Errorf("%s, seed %d: %s was corrected %d times", c.name, seed, server, n)
				}
			}
		}
	}
}

func lasting(f Fault, d time.Duration) Fault {
	f.D = d
	return f
}
