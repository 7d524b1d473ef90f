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
)

// traits are what there is to know about a kind.
type traits struct {
	what  string
	roles []Role
	// network: only where hosts have networks of their own.
	network bool
	every   bool
	// draw fills in what At, On and Pick leave open.
	draw func(r *rand.Rand, f *Fault)
}

var (
	one  = []Role{Master, Replica, Leader, Sentinel, Anybody}
	many = []Role{Master, Replica, Leader, Sentinel, Anybody, Minority, Majority}
)

var kinds = map[Kind]traits{
	Kill: {what: "SIGKILL, and a new start at the end", roles: many, draw: between(500*time.Millisecond, 8*time.Second)},
	Stop: {what: "SIGSTOP, and SIGCONT at the end", roles: many, draw: between(500*time.Millisecond, 8*time.Second)},
	Partition: {what: "cut off from all others, perhaps with a Sentinel and a client beside it", roles: many, network: true,
		draw: func(r *rand.Rand, f *Fault) {
			between(time.Second, 10*time.Second)(r, f)
			for _, b := range []string{"sentinel", "client"} {
				if r.IntN(2) == 0 {
					f.Beside = append(f.Beside, b)
				}
			}
		}},
	Deaf: {what: "hears nothing of the others, who hear it", roles: many, network: true, draw: between(time.Second, 8*time.Second)},
	Mute: {what: "hears the others, who hear nothing of it", roles: many, network: true, draw: between(time.Second, 8*time.Second)},
	Flap: {what: "cut off and not, in turn", roles: one, network: true, every: true, draw: func(r *rand.Rand, f *Fault) {
		between(3*time.Second, 10*time.Second)(r, f)
		f.Every = span(r, 200*time.Millisecond, 1500*time.Millisecond)
	}},
	Loss: {what: "a share of packets is lost, in both directions", roles: many, network: true, draw: func(r *rand.Rand, f *Fault) {
		between(3*time.Second, 10*time.Second)(r, f)
		f.Percent = []int{5, 20, 40}[r.IntN(3)]
	}},
	Switch: {what: "SENTINEL FAILOVER while all is well", roles: []Role{Sentinel, Leader}},
}

// NeedsNetwork tells whether a fault is possible only where hosts have networks of their
// own.
func (f Fault) NeedsNetwork() bool { return kinds[f.Kind].network }

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
			s.add(r, all[r.IntN(len(all))], span(r, 0, everything))
		}
	}})
}

// some adds one to three faults of a kind.
func (s *Schedule) some(r *rand.Rand, k Kind) {
	at := span(r, 200*time.Millisecond, time.Second)
	for range 1 + r.IntN(3) {
		f := s.add(r, k, at)
		at += f.For + span(r, 0, 4*time.Second)
		if at.Of() > everything {
			break
		}
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
	mixes := Mixes()
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
	mixes[i].draw(r, &s)
	slices.SortStableFunc(s.Faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	for _, f := range s.Faults {
		s.Length = max(s.Length, f.At+f.For+Duration(time.Second))
	}
	return s, nil
}
