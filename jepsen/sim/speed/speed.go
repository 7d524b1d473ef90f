package speed

import (
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/gosentinel/sentinel/jepsen/sim"
)

// shapes are the worlds that the speed is measured with. 30 servers with 4 peers
// for each of their masters are 70 instances for each Sentinel.
var shapes = []struct {
	name              string
	masters, replicas int
}{
	{"30 servers (10 masters with 2 replicas)", 10, 2},
	{"30 instances for each Sentinel (3 masters with 5 replicas and 4 peers)", 3, 5},
	{"3 servers (1 master with 2 replicas)", 1, 2},
}

// scenario is a world with 5 Sentinels in which a quarter of the time
// things go wrong: masters die, Sentinels crash and stall, the network is cut.
// Each master has a client.
func scenario(seed uint64, masters, replicas int) sim.Scenario {
	const calm, chaos = 90 * time.Second, 30 * time.Second
	s := sim.Scenario{Seed: seed, Options: sim.Options{
		Sentinels: 5, Masters: masters, Replicas: replicas, Clients: 1,
		Quorum: 3, DownAfter: 5 * time.Second, FailoverTimeout: 20 * time.Second, ParallelSyncs: 1,
		Delay: 200 * time.Microsecond, Jitter: time.Millisecond, DiskLatency: 2 * time.Millisecond,
		SyncTime: 200 * time.Millisecond, LoadTime: 500 * time.Millisecond, ReplTimeout: 10 * time.Second,
		Calm: calm, Chaos: chaos,
	}}
	kinds := []string{"crash-master", "crash-sentinel", "hang-master", "isolate", "crash-server", "stall-sentinel"}
	for at, k := calm, 0; at < calm+chaos; at, k = at+5*time.Second, k+1 {
		s.Faults = append(s.Faults, sim.Fault{At: at, Kind: kinds[k%len(kinds)], A: 7 * k, B: k, D: 15 * time.Second})
	}
	return s
}

// Measure plays these worlds on one processor, each for at least so long, and
// prints how much faster than real time it went.
func Measure(out io.Writer, least time.Duration) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, shape := range shapes {
		total, steps := time.Duration(0), 0
		begun, used := time.Now(), cpuTime()
		for seed := uint64(1); time.Since(begun) < least; seed++ {
			r := sim.Run(scenario(seed, shape.masters, shape.replicas), nil)
			if r.Failed() {
				return fmt.Errorf("seed %d: %s", seed, r.Violation)
			}
			total, steps = total+r.Virtual, steps+r.Steps
		}
		spent, cpu := time.Since(begun), cpuTime()-used
		if cpu == 0 {
			cpu = spent
		}
		fmt.Fprintf(out, "5 Sentinels, %s: %.0f times real time on one processor (%v in %v of processor time, %v by the clock; %.0f inputs into cores a virtual second, %v each)\n",
			shape.name, total.Seconds()/cpu.Seconds(), total.Round(time.Second), cpu.Round(time.Millisecond), spent.Round(time.Millisecond),
			float64(steps)/total.Seconds(), (cpu / time.Duration(max(1, steps))).Round(time.Nanosecond))
	}
	return nil
}
