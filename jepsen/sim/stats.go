package sim

import (
	"math/rand/v2"
	"time"
)

// Measurement is what a run would have meant to users.
type Measurement struct {
	Result
	Incidents []Incident // in the order in which they began
	// Disorder says what was still missing long after everything was healed, even
	// if no Sentinel could help it; "" when nothing was.
	Disorder string
}

// Measure plays a scenario as [Run] does, and follows every incident.
func Measure(s Scenario) Measurement {
	w := newWorld(s, nil)
	w.meter.watching = true
	w.play(s.Faults)
	m := Measurement{Result: w.result(s), Disorder: w.pending()}
	for _, i := range w.meter.incidents {
		m.Incidents = append(m.Incidents, *i)
	}
	return m
}

// Stocked returns the same scenario with a stock Sentinel in the place of every
// real one: the servers, the clients and the faults stay as they are. A fault
// that needs the inside of a real Sentinel, such as crash-on-save, does nothing.
func (s Scenario) Stocked() Scenario {
	s.Options.Stock += s.Options.Sentinels
	s.Options.Sentinels, s.Options.Spares = 0, 0
	s.Options.Bug = NoBug
	return s
}

// DrawFor makes a scenario for a comparison out of a seed, with faults of the
// named groups as [Draw] does. It leaves out what would not compare Sentinels:
// the calm before is long enough for stock Sentinels to get to know everything,
// no server refuses the transaction of a role change, with which those never
// finish, no Sentinel is installed on another machine, and no master demands a
// replica to take writes when after a failover there cannot be one.
func DrawFor(seed uint64, groups []string) Scenario {
	s := Draw(seed, groups)
	o := &s.Options
	calm := settling - o.Calm
	o.Calm, o.Refusing, o.Discover, o.Spares, o.Codec = settling, false, false, 0, ""
	if o.MinReplicas >= o.Replicas {
		o.MinReplicas = 0
	}
	for k := range s.Faults {
		s.Faults[k].At += calm
	}
	return s
}

// DrawOne makes a scenario out of a seed in which one fault happens, of the
// given kind. Where the kind has a choice it hits the first master, or the first
// Sentinel. Half of the faults last until everything is healed, which is
// [Aftermath] later; the others end before.
func DrawOne(seed uint64, kind string) Scenario {
	s := DrawFor(seed, nil)
	rng := rand.New(rand.NewPCG(seed, 0x0ce0fa17))
	draw := func(d time.Duration) time.Duration {
		return time.Duration(rng.Int64N(int64(d))).Round(time.Millisecond)
	}
	// Timers of up to ten seconds may be anywhere in their period.
	f := Fault{At: settling + draw(10*time.Second), Kind: kind, B: rng.IntN(64)}
	if kind == "promote-by-hand" {
		f.A = 1 // the first master is one already
	}
	if rng.IntN(2) == 0 {
		f.D = 4*time.Second + draw(Aftermath-6*time.Second)
	}
	s.Options.Calm, s.Options.Chaos = f.At, Aftermath
	s.Faults = []Fault{f}
	return s
}

// settling is the calm before the first fault.
const settling = 15 * time.Second

// Aftermath is how long a world of [DrawOne] goes on after the fault before
// everything is healed. What an [Incident] has not come to by then, it never does.
const Aftermath = 40 * time.Second
