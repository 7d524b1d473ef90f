package sim

import (
	"math/rand/v2"
	"time"
)

// moments are events at which an operator or a crash hurts most.
var moments = []string{
	"+sdown", "+odown", "+try-failover", "+vote-for-leader", "+elected-leader", "+selected-slave",
	"+failover-state-wait-promotion", "+promoted-slave", "+slave-reconf-sent", "+config-update-from", "+switch-master", "+tilt", "-sdown",
	onPause, onDemote, onPromote, onRetire, onUnpause,
}

// drawFaults draws how often each kind of fault happens, and then the faults.
func drawFaults(rng *rand.Rand, o Options, in func(string) bool) []Fault {
	type rated struct {
		name string
		rate int
	}
	var mix []rated
	total := 0
	for _, k := range kinds {
		if !in(k.group) {
			if k.name == "crash-master" || k.name == "isolate-master" {
				mix = append(mix, rated{k.name, 1}) // or nothing would ever be decided
				total++
			}
			continue
		}
		rate := max(0, rng.IntN(6)-2) // a third of the kinds do not happen at all in a run
		if k.group == "member" || k.group == "operator" {
			rate = min(rate, rng.IntN(2))
		}
		if k.name == "switchover" && !in("operator") {
			rate = max(rate, 3)
		}
		if rate > 0 {
			mix = append(mix, rated{k.name, rate})
			total += rate
		}
	}
	if total == 0 {
		return nil
	}
	var faults []Fault
	pace := time.Duration(300+rng.IntN(4000)) * time.Millisecond
	for at := time.Duration(0); at < o.Chaos; at += time.Duration(rng.Int64N(int64(2 * pace))) {
		pick := rng.IntN(total)
		f := Fault{At: (o.Calm + at).Round(time.Millisecond), A: rng.IntN(64), B: rng.IntN(64)}
		for _, r := range mix {
			if pick -= r.rate; pick < 0 {
				f.Kind = r.name
				break
			}
		}
		if rng.IntN(4) > 0 {
			f.D = time.Duration(10+rng.IntN(1<<uint(4+rng.IntN(11)))) * time.Millisecond
		}
		if rng.IntN(6) == 0 {
			f.On = moments[rng.IntN(len(moments))]
		}
		faults = append(faults, f)
	}
	return faults
}
