package sim

import (
	"slices"
	"time"
)

// Minimise makes a failing scenario smaller: fewer faults, fewer nodes, plainer
// options, a shorter time. What it returns violates the same invariant. more is
// asked before every run whether there is time for it; tell is called with every
// smaller result. Either may be nil. A result that has not failed is returned as
// it is.
//
// Whatever is taken away changes all that is left to chance afterwards, and with
// it whether the failure happens. Each candidate is therefore tried with a few
// seeds, and one that fails with any of them will do.
func Minimise(r Result, more func() bool, tell func(Result)) Result {
	m := minimiser{best: r, more: more, tell: tell}
	if !r.Failed() {
		return r
	}
	for before := -1; m.taken != before; {
		before = m.taken
		m.shorten()
		m.dropFaults()
		m.plainOptions()
		m.plainFaults()
	}
	return m.best
}

type minimiser struct {
	best  Result
	taken int // candidates that became the best
	more  func() bool
	tell  func(Result)
}

// try plays a candidate and keeps it if it violates the same invariant.
func (m *minimiser) try(s Scenario) bool {
	if s.Validate() != nil {
		return false
	}
	for _, seed := range []uint64{s.Seed, 1, 2, 3} {
		if m.more != nil && !m.more() {
			return false
		}
		s.Seed = seed
		if r := Run(s, nil); r.Failed() && r.Invariant == m.best.Invariant {
			m.best = r
			m.taken++
			if m.tell != nil {
				m.tell(r)
			}
			return true
		}
	}
	return false
}

// scenario returns the best one so far, to be changed.
func (m *minimiser) scenario() Scenario {
	s := m.best.Scenario
	s.Faults = slices.Clone(s.Faults)
	return s
}

// shorten ends the chaos where the violation was, and drops what came later.
func (m *minimiser) shorten() {
	s := m.scenario()
	end := min(s.Options.Calm+s.Options.Chaos, m.best.Virtual)
	last := s.Options.Calm
	s.Faults = slices.DeleteFunc(s.Faults, func(f Fault) bool { return f.At > end })
	for _, f := range s.Faults {
		last = max(last, f.At+f.D)
	}
	for _, chaos := range []time.Duration{last - s.Options.Calm, end - s.Options.Calm} {
		chaos = chaos.Round(time.Millisecond) + time.Millisecond
		if chaos < s.Options.Chaos {
			s.Options.Chaos = chaos
			if m.try(s) {
				return
			}
		}
	}
	s.Options.Chaos = m.best.Scenario.Options.Chaos
	if len(s.Faults) < len(m.best.Scenario.Faults) {
		m.try(s)
	}
}

// dropFaults takes faults away: halves of what there is, then quarters, down to
// single ones.
func (m *minimiser) dropFaults() {
	for size := (len(m.best.Scenario.Faults) + 1) / 2; size > 0; size /= 2 {
		for from := 0; from < len(m.best.Scenario.Faults); {
			s := m.scenario()
			s.Faults = slices.Delete(s.Faults, from, min(from+size, len(s.Faults)))
			if !m.try(s) {
				from += size
			}
		}
	}
}

// plainer are changes that make a world plainer. Each is tried for as long as it
// changes something.
var plainer = []func(o *Options){
	func(o *Options) { o.Masters = max(1, o.Masters-1) },
	func(o *Options) { o.Replicas = max(0, o.Replicas-1) },
	func(o *Options) { o.Clients = 0 },
	func(o *Options) { o.Stock = max(0, o.Stock-1) },
	func(o *Options) { o.Spares = 0 },
	func(o *Options) { o.Sentinels = max(1, o.Sentinels-1); o.Quorum = min(o.Quorum, o.all()) },
	func(o *Options) { o.Codec = "" },
	func(o *Options) { o.Batch = 0 },
	func(o *Options) { o.Jitter = 0 },
	func(o *Options) { o.MinReplicas = 0 },
	func(o *Options) { o.SyncTime = 0 },
	func(o *Options) { o.LoadTime = 0 },
	func(o *Options) { o.Refusing = false },
	func(o *Options) { o.Discover = false },
	func(o *Options) { o.ParallelSyncs = 1 },
	func(o *Options) { o.Quorum = o.all()/2 + 1 },
	func(o *Options) { o.Delay = o.Delay.Round(time.Millisecond) },
	func(o *Options) { o.DiskLatency = o.DiskLatency.Round(time.Millisecond) },
	func(o *Options) { o.DownAfter = max(o.DownAfter.Round(time.Second), time.Second) },
	func(o *Options) { o.FailoverTimeout = max(o.FailoverTimeout.Round(time.Second), time.Second) },
	func(o *Options) { o.ReplTimeout = o.ReplTimeout.Round(10 * time.Second) },
}

func (m *minimiser) plainOptions() {
	for _, change := range plainer {
		for {
			s := m.scenario()
			change(&s.Options)
			if s.Options == m.best.Scenario.Options || !m.try(s) {
				break
			}
		}
	}
}

// simpler are changes that make one fault easier to understand.
var simpler = []func(f *Fault){
	func(f *Fault) { f.On = "" },
	func(f *Fault) { f.D = 0 },
	func(f *Fault) { f.A = 0 },
	func(f *Fault) { f.A %= 4 },
	func(f *Fault) { f.A %= 12 },
	func(f *Fault) { f.B = 0 },
	func(f *Fault) { f.B %= 4 },
	func(f *Fault) { f.D = f.D.Round(time.Second) },
	func(f *Fault) { f.D = f.D.Round(100 * time.Millisecond) },
	func(f *Fault) { f.At = f.At.Round(time.Second) },
	func(f *Fault) { f.At = f.At.Round(100 * time.Millisecond) },
}

func (m *minimiser) plainFaults() {
	for k := range m.best.Scenario.Faults {
		for _, change := range simpler {
			s := m.scenario()
			change(&s.Faults[k])
			if s.Faults[k] != m.best.Scenario.Faults[k] {
				m.try(s)
			}
		}
	}
}
