package schedule

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Kind is what goes wrong.
type Kind string

// The kinds of faults.
const (
	Kill      Kind = "kill"      // SIGKILL; started again at the end
	Stop      Kind = "stop"      // SIGSTOP; SIGCONT at the end
	Partition Kind = "partition" // cut off from all others, in both directions
	Deaf      Kind = "deaf"      // hears nothing of the others, who hear it
	Mute      Kind = "mute"      // hears the others, who hear nothing of it
	Flap      Kind = "flap"      // cut off and not, in turn
	Loss      Kind = "loss"      // a share of packets is lost, in both directions
	Switch    Kind = "switch"    // an operator asks for a failover of a sound master
	Delay     Kind = "delay"     // what it sends is held up
	Suspend   Kind = "suspend"   // all processes with all their children are stopped
	Wipe      Kind = "wipe"      // a Sentinel is killed and starts with its first configuration
	Truncate  Kind = "truncate"  // a Sentinel is killed and starts with half of its state
	Old       Kind = "old"       // a Sentinel is killed and starts with the state it had at the beginning
	Empty     Kind = "empty"     // a server is killed and starts without its data
	Join      Kind = "join"      // a further Sentinel
	Leave     Kind = "leave"     // a Sentinel ends for good, and SENTINEL RESET has the others forget it
	Roll      Kind = "roll"      // all Sentinels are replaced by the other implementation, one by one
	Failovers Kind = "failovers" // SENTINEL FAILOVER again and again
	Resets    Kind = "resets"    // SENTINEL RESET again and again
	Monitors  Kind = "monitors"  // SENTINEL REMOVE and MONITOR again and again
	DiskFull  Kind = "disk-full" // no space for the state of a Sentinel
	DiskSlow  Kind = "disk-slow" // opening a file of the state takes long
	DiskFail  Kind = "disk-fail" // opening a file of the state fails
	Jump      Kind = "jump"      // the clock of a Sentinel jumps forwards
	Skew      Kind = "skew"      // the clock of a Sentinel runs too fast or too slowly
)

// traits are what there is to know about a kind.
type traits struct {
	what  string
	roles []Role
	// every: it needs Fault.Every.
	every bool
	// quiet: it is felt only when there is an election or a switch, so something else
	// strikes the master beside it.
	quiet bool
	// once: more than one would need a larger group, or more time.
	once bool
	// forgets: a Sentinel loses what it has promised to remember.
	forgets bool
	// operates: an operator tells Sentinels what the master is.
	operates bool
	// draw fills in what At, On and Pick leave open.
	draw func(r *rand.Rand, f *Fault)
}

var (
	one    = []Role{Master, Replica, Leader, Sentinel, Anybody}
	voters = []Role{Leader, Sentinel}
	disks  = []Role{Leader, Sentinel, Minority, Majority}
	many   = []Role{Master, Replica, Leader, Sentinel, Anybody, Minority, Majority}
)

var kinds = map[Kind]traits{
	Kill: {what: "SIGKILL, and a new start at the end", roles: many, draw: between(500*time.Millisecond, 8*time.Second)},
	Stop: {what: "SIGSTOP, and SIGCONT at the end", roles: many, draw: between(500*time.Millisecond, 8*time.Second)},
	Partition: {what: "cut off from all others, perhaps with a Sentinel and a client beside it", roles: many,
		draw: func(r *rand.Rand, f *Fault) {
			between(time.Second, 10*time.Second)(r, f)
			for _, b := range []string{"sentinel", "client"} {
				if r.IntN(2) == 0 {
					f.Beside = append(f.Beside, b)
				}
			}
		}},
	Deaf: {what: "hears nothing of the others, who hear it", roles: many, draw: between(time.Second, 8*time.Second)},
	Mute: {what: "hears the others, who hear nothing of it", roles: many, draw: between(time.Second, 8*time.Second)},
	Flap: {what: "cut off and not, in turn", roles: one, every: true, draw: func(r *rand.Rand, f *Fault) {
		between(3*time.Second, 10*time.Second)(r, f)
		f.Every = span(r, 200*time.Millisecond, 1500*time.Millisecond)
	}},
	Loss: {what: "a share of packets is lost, in both directions", roles: many, draw: func(r *rand.Rand, f *Fault) {
		between(3*time.Second, 10*time.Second)(r, f)
		f.Percent = []int{5, 20, 40}[r.IntN(3)]
	}},
	Delay: {what: "what it sends arrives late", roles: many, quiet: true, draw: func(r *rand.Rand, f *Fault) {
		between(3*time.Second, 10*time.Second)(r, f)
		f.Delay = []Duration{Duration(20 * time.Millisecond), Duration(200 * time.Millisecond), Duration(700 * time.Millisecond), Duration(1500 * time.Millisecond)}[r.IntN(4)]
	}},
	Suspend: {what: "all processes are stopped for a while, as by the host of virtual machines", roles: []Role{Everybody, Majority, Minority}, draw: between(500*time.Millisecond, 6*time.Second)},
	Wipe:    {what: "a Sentinel is killed and starts again without its state", roles: voters, quiet: true, forgets: true, draw: between(100*time.Millisecond, 3*time.Second)},
	Truncate: {what: "a Sentinel is killed and finds half of its state; without a start, the first configuration is put back", roles: voters, quiet: true, forgets: true,
		draw: between(time.Second, 3*time.Second)},
	Old: {what: "a Sentinel is killed and starts again with the state of the beginning", roles: voters, quiet: true, forgets: true, draw: between(100*time.Millisecond, 3*time.Second)},
	Empty: {what: "a server is killed and starts without its data", roles: []Role{Master, Replica}, once: true, draw: func(r *rand.Rand, f *Fault) {
		f.For = []Duration{Duration(200 * time.Millisecond), Duration(time.Second), Duration(5 * time.Second)}[r.IntN(3)]
	}},
	Join:      {what: "a further Sentinel starts and stays", roles: []Role{Sentinel}, quiet: true, once: true, draw: atMost},
	Leave:     {what: "a Sentinel ends for good; SENTINEL RESET has the others forget it", roles: voters, quiet: true, once: true, draw: atMost},
	Roll:      {what: "all Sentinels are replaced by those of the other kind, one by one", roles: []Role{Sentinel}, quiet: true, once: true, draw: atMost},
	Failovers: {what: "SENTINEL FAILOVER at any Sentinel, again and again", roles: []Role{Sentinel}, quiet: true, every: true, draw: storm},
	Resets:    {what: "SENTINEL RESET at any Sentinel, again and again", roles: []Role{Sentinel}, quiet: true, every: true, draw: storm},
	Monitors:  {what: "SENTINEL REMOVE and MONITOR at any Sentinel, again and again", roles: []Role{Sentinel}, quiet: true, every: true, operates: true, draw: storm},
	DiskFull:  {what: "no space for the state of Sentinels", roles: disks, quiet: true, draw: between(2*time.Second, 10*time.Second)},
	DiskSlow: {what: "every file of the state of Sentinels takes long to open", roles: disks, quiet: true, draw: func(r *rand.Rand, f *Fault) {
		between(2*time.Second, 10*time.Second)(r, f)
		f.Delay = []Duration{Duration(50 * time.Millisecond), Duration(500 * time.Millisecond), Duration(6 * time.Second)}[r.IntN(3)]
	}},
	DiskFail: {what: "no file of the state of Sentinels can be opened", roles: disks, quiet: true, draw: between(2*time.Second, 10*time.Second)},
	Jump: {what: "the clock of Sentinels jumps forwards", roles: disks, quiet: true, draw: func(r *rand.Rand, f *Fault) {
		f.Delay = []Duration{Duration(500 * time.Millisecond), Duration(3 * time.Second), Duration(20 * time.Second), Duration(10 * time.Minute)}[r.IntN(4)]
	}},
	Skew: {what: "the clock of Sentinels runs at another speed, in percent of the right one", roles: disks, quiet: true, draw: func(r *rand.Rand, f *Fault) {
		between(2*time.Second, 10*time.Second)(r, f)
		f.Percent = []int{20, 80, 125, 500}[r.IntN(4)]
	}},
	Switch: {what: "SENTINEL FAILOVER while all is well", roles: []Role{Sentinel, Leader}},
}

// Forgets tells whether the state of a Sentinel is taken away or replaced.
func (s Schedule) Forgets() bool {
	return slices.ContainsFunc(s.Faults, func(f Fault) bool { return kinds[f.Kind].forgets })
}

// Operates tells whether an operator names a master to Sentinels anew.
func (s Schedule) Operates() bool {
	return slices.ContainsFunc(s.Faults, func(f Fault) bool { return kinds[f.Kind].operates })
}

// NeedsClock tells whether the clock of a Sentinel is set, which needs a build for it.
func (s Schedule) NeedsClock() bool {
	return slices.ContainsFunc(s.Faults, func(f Fault) bool { return f.Kind == Jump || f.Kind == Skew })
}

// Kinds returns all kinds, in order.
func Kinds() (list []Kind) {
	for k := range kinds {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// What says in a few words what a kind of fault is.
func (k Kind) What() string { return kinds[k].what }

// span draws a duration in whole tens of milliseconds.
func span(r *rand.Rand, from, to time.Duration) Duration {
	const grain = 10 * time.Millisecond
	return Duration(from + time.Duration(r.Int64N(int64((to-from)/grain)+1))*grain)
}

// atMost leaves time for something that ends by itself.
func atMost(_ *rand.Rand, f *Fault) { f.For = Duration(10 * time.Second) }

func storm(r *rand.Rand, f *Fault) {
	between(3*time.Second, 10*time.Second)(r, f)
	f.Every = span(r, 200*time.Millisecond, 2*time.Second)
}

func between(from, to time.Duration) func(*rand.Rand, *Fault) {
	return func(r *rand.Rand, f *Fault) { f.For = span(r, from, to) }
}

// Mix is a family of schedules.
type Mix struct {
	Name string
	What string
	draw func(r *rand.Rand, s *Schedule)
}

// everything is within what time faults begin in mixes that draw at random.
const everything = 15 * time.Second

// Mixes returns all mixes: one for each kind of fault alone, and those of several.
func Mixes() []Mix {
	var list []Mix
	for _, k := range Kinds() {
		list = append(list, Mix{string(k), k.What(), func(r *rand.Rand, s *Schedule) { s.some(r, k) }})
	}
	return append(list, Mix{"any", "two to five faults of any kind", func(r *rand.Rand, s *Schedule) {
		all := Kinds()
		for range 2 + r.IntN(4) {
			k := all[r.IntN(len(all))]
			if kinds[k].once && slices.ContainsFunc(s.Faults, func(f Fault) bool { return f.Kind == k }) {
				continue
			}
			s.add(r, k, span(r, 0, everything))
		}
	}})
}

// trigger adds one or two faults that strike the master.
func (s *Schedule) trigger(r *rand.Rand) {
	kinds := []Kind{Kill, Stop, Partition, Switch}
	at := span(r, 500*time.Millisecond, 4*time.Second)
	for range 1 + r.IntN(2) {
		f := s.add(r, kinds[r.IntN(len(kinds))], at)
		if f.Kind != Switch {
			s.Faults[len(s.Faults)-1].On = Master
		}
		at += f.For + span(r, 500*time.Millisecond, 3*time.Second)
	}
}

// times is how often at most a kind of fault may strike in one run.
func (t traits) times() int {
	if t.once {
		return 1
	}
	return 3
}

// some adds one to three faults of a kind.
func (s *Schedule) some(r *rand.Rand, k Kind) {
	at := span(r, 200*time.Millisecond, time.Second)
	for range 1 + r.IntN(kinds[k].times()) {
		f := s.add(r, k, at)
		at += f.For + span(r, 0, 4*time.Second)
		if at.Of() > everything {
			break
		}
	}
	if kinds[k].quiet {
		s.trigger(r)
	}
}

func (s *Schedule) add(r *rand.Rand, k Kind, at Duration) Fault {
	t := kinds[k]
	f := Fault{At: at, Kind: k, On: t.roles[r.IntN(len(t.roles))], Pick: r.Uint64() >> 32}
	if t.draw != nil {
		t.draw(r, &f)
	}
	s.Faults = append(s.Faults, f)
	return f
}

// Draw returns the schedule of a seed in a mix.
func Draw(mix string, seed uint64) (Schedule, error) {
	mixes := append(Mixes(), Scenarios()...)
	i := slices.IndexFunc(mixes, func(m Mix) bool { return m.Name == mix })
	if i < 0 {
		var names []string
		for _, m := range mixes {
			names = append(names, m.Name)
		}
		return Schedule{}, fmt.Errorf("there is no mix %q; there are %s", mix, strings.Join(names, ", "))
	}
	h := fnv.New64a()
	h.Write([]byte(mix)) // seed 1 of two mixes have nothing in common
	r := rand.New(rand.NewPCG(seed, h.Sum64()))
	s := Schedule{Mix: mix, Seed: seed, Length: Duration(6 * time.Second), Group: Group{
		Servers: 3, Sentinels: 3, Quorum: 2,
		DownAfter: Duration(time.Second), FailoverTimeout: Duration([]time.Duration{10 * time.Second, 3 * time.Minute}[r.IntN(2)]),
	}}
	switch r.IntN(4) {
	case 0:
		s.Group.MinReplicas = 1
	case 1:
		s.Group.Wait = true
	}
	s.Group.Gossip = r.IntN(2) == 0
	mixes[i].draw(r, &s)
	if slices.ContainsFunc(s.Faults, func(f Fault) bool { return f.Kind == Roll }) {
		s.Group.Gossip = false // a stock Sentinel would not start with a line about it
	}
	slices.SortStableFunc(s.Faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	for _, f := range s.Faults {
		s.Length = max(s.Length, f.At+f.For+Duration(100*time.Millisecond))
	}
	return s, nil
}
