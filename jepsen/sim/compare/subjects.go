package compare

import (
	"slices"

	"github.com/gosentinel/sentinel/jepsen/sim"
)

// fault is one kind of fault that is looked at alone.
type fault struct {
	kind, text string
}

// faults are the kinds that by themselves take a master out of service, or make
// a second one. The others, such as the crash of a Sentinel, interrupt nothing
// when they happen alone; they are part of the mixes.
var faults = []fault{
	{"crash-master", "master crashes"},
	{"reboot-master", "master restarts at once"},
	{"hang-master", "master hangs"},
	{"kill-host", "machine loses power"},
	{"busy-server", "endless script"},
	{"slow-server", "slow answers"},
	{"isolate-master", "master is cut off"},
	{"split-client", "… with a client"},
	{"deafen", "master hears no one"},
	{"mute", "no one hears master"},
	{"split", "network splits"},
	{"flap", "master is cut off 5 times"},
	{"slow-host", "slow network"},
	{"failover", "SENTINEL FAILOVER"},
	{"double-failover", "… on two Sentinels"},
	{"follow-by-hand", "master demoted by hand"},
	{"promote-by-hand", "replica promoted by hand"},
}

// mixes are the groups of faults that are looked at with everything going on.
func mixes() []string {
	groups := append([]string{"default"}, sim.FaultGroups...)
	return slices.DeleteFunc(groups, func(g string) bool { return g == "stock" || g == "policy" || g == "zone" || g == "swap" })
}

// subject is one row of the results: the same scenarios with both kinds of
// Sentinels.
type subject struct {
	name, text string
	draw       func(seed uint64) sim.Scenario
	sides      [2]outcome
}

// The sides of a comparison.
const (
	ours = iota
	stock
)

var sideNames = [2]string{"gosentinel", "stock model"}

func singles(only string) (list []*subject) {
	for _, f := range faults {
		if only == "" || only == f.kind {
			list = append(list, &subject{name: f.kind, text: f.text, draw: func(seed uint64) sim.Scenario { return sim.DrawOne(seed, f.kind) }})
		}
	}
	return list
}

// failing returns the subjects in which a replica was promoted.
func failing(list []*subject) (some []*subject) {
	for _, s := range list {
		if s.sides[ours].failovers+s.sides[stock].failovers > 0 {
			some = append(some, s)
		}
	}
	return some
}

func mixed(only string) (list []*subject) {
	for _, g := range mixes() {
		if only == "" || only == g {
			list = append(list, &subject{name: g, text: g, draw: func(seed uint64) sim.Scenario { return sim.DrawFor(seed, []string{g}) }})
		}
	}
	return list
}
