package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// Fault is one thing that goes wrong, or that somebody does. A and B say what it
// concerns; what they mean depends on the kind, and any number is valid, because
// it is taken modulo the number of things there are. D is how long it lasts; 0
// means until everything is healed.
type Fault struct {
	At   time.Duration // since the beginning
	On   string        // when set: the first event of this name after At
	Kind string
	A, B int
	D    time.Duration
}

// String is the text form: at 3.2s crash-master a=0 b=1 for 5s.
func (f Fault) String() string {
	s := "at " + f.At.String()
	if f.On != "" {
		s += " on " + f.On
	}
	s += fmt.Sprintf(" %s a=%d b=%d", f.Kind, f.A, f.B)
	if f.D > 0 {
		s += " for " + f.D.String()
	}
	return s
}

func parseFault(words []string) (Fault, error) {
	var f Fault
	bad := func() (Fault, error) {
		return f, fmt.Errorf("%q: want at TIME [on EVENT] KIND [a=N] [b=N] [for TIME]", strings.Join(words, " "))
	}
	rest := words[1:]
	take := func() string {
		if len(rest) == 0 {
			return ""
		}
		word := rest[0]
		rest = rest[1:]
		return word
	}
	var err error
	if f.At, err = time.ParseDuration(take()); err != nil || f.At < 0 {
		return bad()
	}
	if len(rest) > 1 && rest[0] == "on" {
		take()
		f.On = take()
	}
	f.Kind = take()
	for len(rest) > 0 {
		word := take()
		key, value, _ := strings.Cut(word, "=")
		switch {
		case key == "a":
			f.A, err = strconv.Atoi(value)
		case key == "b":
			f.B, err = strconv.Atoi(value)
		case word == "for":
			f.D, err = time.ParseDuration(take())
		default:
			return bad()
		}
		if err != nil || f.A < 0 || f.B < 0 || f.D < 0 {
			return bad()
		}
	}
	return f, nil
}

// kind is one kind of fault.
type kind struct {
	name, group string
	// what does it and returns what to undo after D, or nil. The text says what
	// happened, for the trace.
	what func(w *world, f Fault) (text string, undo func())
}

// FaultGroups are the names that select faults: servers that crash, hang or lose
// data; Sentinels that crash or stall; the network; disks; operators; changes of
// membership; gossip, which is lost, late and one-way. "stock" adds stock Sentinels to the world instead of faults.
var FaultGroups = []string{"server", "sentinel", "net", "disk", "operator", "member", "gossip", "stock"}

var kinds []kind

func init() {
	kinds = slices.Concat(serverFaults, sentinelFaults, netFaults, diskFaults, operatorFaults, memberFaults, gossipFaults)
}

// FaultKinds are the names of the faults in a group, or of all for "".
func FaultKinds(group string) (names []string) {
	for _, k := range kinds {
		if group == "" || k.group == group {
			names = append(names, k.name)
		}
	}
	return names
}

func kindOf(name string) *kind {
	for k := range kinds {
		if kinds[k].name == name {
			return &kinds[k]
		}
	}
	return nil
}

// moments are events at which an operator or a crash hurts most.
var moments = []string{
	"+sdown", "+odown", "+try-failover", "+vote-for-leader", "+elected-leader", "+selected-slave",
	"+failover-state-wait-promotion", "+promoted-slave", "+slave-reconf-sent", "+config-update-from", "+switch-master", "+tilt", "-sdown",
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

// schedule puts the faults of a scenario into the queue.
func (w *world) schedule(faults []Fault) {
	for _, f := range faults {
		w.at(origin.Add(f.At), once(func() {
			if f.On != "" {
				w.waits = append(w.waits, waiting{f, w.now})
			} else {
				w.inject(f)
			}
		}), 0)
	}
}

// emitted is called for every event of every Sentinel. It releases the faults
// that wait for it, right after the turn in which it was emitted.
func (w *world) emitted(by sentinel, e monitor.Event) {
	w.meter.event(by, e)
	if len(w.waits) == 0 || w.healed {
		return
	}
	name := e.Name()
	kept := w.waits[:0]
	for _, p := range w.waits {
		if p.fault.On != name {
			kept = append(kept, p)
			continue
		}
		f := p.fault
		w.after(0, func() { w.inject(f) })
	}
	w.waits = kept
}

// inject carries out a fault and plans its end.
func (w *world) inject(f Fault) {
	k := kindOf(f.Kind)
	if w.healed || k == nil {
		return
	}
	w.faults++
	w.cover.Faults[f.Kind]++
	done := w.meter.fault(f.Kind)
	text, undo := k.what(w, f)
	done()
	w.say("FAULT", "%s", text)
	if f.D > 0 && undo != nil {
		w.after(f.D, func() {
			if !w.healed {
				w.say("FAULT", "over: %s", text)
				undo()
			}
		})
	}
}

// The things that a fault can concern.
func (w *world) server(k int) *server { return w.servers[k%len(w.servers)] }
func (w *world) node(k int) sentinel  { return w.nodes[k%len(w.nodes)] }
func (w *world) group(k int) *group   { return w.groups[k%len(w.groups)] }
func (w *world) hostID(k int) hostID  { return hostID(k % w.net.hosts) }

// real returns a Sentinel with a model disk under a real core, or nil.
func (w *world) real(k int) *node {
	for j := range w.nodes {
		if n, ok := w.node(k + j).(*node); ok {
			return n
		}
	}
	return nil
}

// master returns the server that most clients would call the master: one that
// runs and says so, or the first.
func (g *group) master() *server {
	var best *server
	for _, s := range g.servers {
		if s.role == monitor.RoleMaster && !s.dead && (best == nil || len(s.downstream) > len(best.downstream)) {
			best = s
		}
	}
	if best == nil {
		return g.servers[0]
	}
	return best
}

func (w *world) hostName(h hostID) string {
	switch k := int(h); {
	case k < len(w.servers):
		return w.servers[k].name
	case k < len(w.servers)+len(w.nodes):
		return w.nodes[k-len(w.servers)].base().name
	default:
		return fmt.Sprintf("c%d", k-len(w.servers)-len(w.nodes))
	}
}
