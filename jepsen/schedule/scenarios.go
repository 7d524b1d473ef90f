package schedule

import (
	"math/rand/v2"
	"time"
)

// Scenarios returns mixes whose schedules are all alike but for what Fault.Pick decides:
// what people ask about first, for comparisons.
func Scenarios() []Mix {
	const s = Duration(time.Second)
	alike := func(length Duration, faults ...Fault) func(*rand.Rand, *Schedule) {
		return func(r *rand.Rand, sched *Schedule) {
			sched.Group.MinReplicas, sched.Group.Wait, sched.Group.FailoverTimeout = 0, false, 10*s
			sched.Length = length
			for _, f := range faults {
				f.Pick = r.Uint64() >> 32
				sched.Faults = append(sched.Faults, f)
			}
		}
	}
	empty := func(after Duration) func(*rand.Rand, *Schedule) {
		return alike(8*s, Fault{At: s, For: after, Kind: Empty, On: Master})
	}
	planned := alike(5*s, Fault{At: s, Kind: Switch, On: Sentinel})
	return []Mix{
		{"kill-master", "the master is killed and comes back after 8 s", alike(10*s, Fault{At: s, For: 8 * s, Kind: Kill, On: Master})},
		{"stop-master", "the master is stopped and goes on after 8 s", alike(10*s, Fault{At: s, For: 8 * s, Kind: Stop, On: Master})},
		{"isolate", "the master is cut off for 20 s, with a Sentinel and a client", alike(22*s, Fault{At: s, For: 20 * s, Kind: Partition, On: Master, Beside: []string{"sentinel", "client"}})},
		{"planned", "an operator switches the master, at 1,000 writes a second", func(r *rand.Rand, sched *Schedule) {
			planned(r, sched)
			sched.Group.WriteEvery = Duration(6 * time.Millisecond)
		}},
		{"empty-200ms", "the master restarts without its data after 200 ms", empty(s / 5)},
		{"empty-1s", "the master restarts without its data after 1 s", empty(s)},
		{"empty-5s", "the master restarts without its data after 5 s", empty(5 * s)},
		{"two-at-once", "the master and the Sentinel that leads are killed together", alike(10*s,
			Fault{At: s, For: 8 * s, Kind: Kill, On: Master}, Fault{At: s, For: 8 * s, Kind: Kill, On: Leader})},
		{"old-returns", "the master is cut off for 6 s beside a minority and a client, and returns", alike(9*s,
			Fault{At: s, For: 6 * s, Kind: Partition, On: Master, Beside: []string{"sentinel", "client"}})},
	}
}
