package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/monitor"
)

// Result is what a run showed.
type Result struct {
	Scenario Scenario
	// Violation is the first invariant that was broken, with its name in
	// Invariant; both are zero when none was. A world that does not come to order
	// after everything was healed violates "liveness".
	Invariant Invariant
	Violation string

	Hash    uint64        // of everything that happened
	Virtual time.Duration // virtual time that was played
	Events  int           // events of the model
	Checked uint64        // states that the invariants were checked in
	Steps   int           // inputs that went into cores
	Faults  int
	Elected int // elections won
	Started int // attempts
	Moves   int // address switches

	Acked, Lost, Unseen int           // writes acknowledged, and lost of these; reads without an own write
	Outage              time.Duration // without service, over all masters
	SplitBrain          time.Duration // with two masters that take writes
	Tainted             string        // why two leaders were possible; "" when they never were

	Coverage Coverage
}

// Coverage counts what has happened in a run. Added up over many, it shows what
// has not.
type Coverage struct {
	Faults map[string]int        // injected, by kind
	Events map[string]int        // emitted by real cores, by name
	Looked [invariantsEnd]uint64 // how often each [Invariant] had something to decide
}

// Failed reports whether something was violated.
func (r Result) Failed() bool { return r.Violation != "" }

// Run plays a scenario: a calm phase, faults, then everything is healed and
// must come to order. trace gets a line for each thing that is worth knowing;
// it may be nil. Run is a pure function of the scenario.
func Run(s Scenario, trace func(line string)) Result { return run(s, trace, false) }

// run is Run. When it is thorough, it does not rely on the cores to tell whether
// there is anything new to look at.
func run(s Scenario, trace func(line string), thorough bool) Result {
	w := newWorld(s, trace)
	w.check.thorough = thorough
	w.play(s.Faults)
	return w.result(s)
}

func newWorld(s Scenario, trace func(string)) *world {
	w := &world{now: origin, rng: rand.New(rand.NewPCG(s.Seed, 1)), opts: s.Options, trace: trace, hash: 14695981039346656037}
	w.check, w.meter = newChecker(w), newMeter(w)
	w.hellos = map[monitor.Hello]*helloMsg{}
	w.cover = Coverage{Faults: map[string]int{}, Events: map[string]int{}}
	w.check.lenient = w.opts.Bug == BugUngatedCrash || w.opts.Bug == BugLossyDisk
	o := &w.opts
	w.net.init(w, o.hosts())
	for k := range o.Masters {
		w.addGroup(k)
	}
	if o.Twins {
		for _, g := range w.groups {
			w.addTwin(g)
		}
	}
	for k := range o.all() + o.Spares {
		w.addSentinel(k)
	}
	for _, g := range w.groups {
		for range o.Clients {
			w.addClient(g)
		}
	}
	if o.Refusing {
		w.servers[w.rng.IntN(len(w.servers))].aborts = true
	}
	return w
}

func (w *world) addGroup(k int) {
	g := &group{name: fmt.Sprintf("m%d", k), index: k}
	w.groups = append(w.groups, g)
	id := w.newReplID()
	for j := range w.opts.Replicas + 1 {
		s := &server{
			keeps: true, shares: true,
			w: w, id: hostID(len(w.servers)), name: fmt.Sprintf("r%d%c", k, 'a'+j), group: g, priority: 100, replID: id,
			addr: monitor.HostPort{Host: fmt.Sprintf("10.0.%d.%d", k, j+1), Port: 6379},
			role: monitor.RoleMaster, replTimeout: w.opts.ReplTimeout, syncTime: w.between(0, w.opts.SyncTime),
			storage: storage{kind: w.opts.storageOf(len(w.servers))},
		}
		if j > 0 {
			s.role, s.following = monitor.RoleReplica, g.servers[0].addr
		}
		s.saved = roleConfig{s.role, s.following}
		g.servers = append(g.servers, s)
		w.servers = append(w.servers, s)
		w.net.listeners[s.addr] = s
		s.boot()
	}
}

// addTwin gives one server of a group a second address.
func (w *world) addTwin(g *group) {
	s := g.servers[w.rng.IntN(len(g.servers))]
	s.second = monitor.HostPort{Host: fmt.Sprintf("10.9.%d.1", g.index), Port: s.addr.Port}
	w.net.listeners[s.second] = s
}

var isolationModes = map[string]monitor.GuardMode{"on": monitor.GuardOn, "report": monitor.GuardReport}

func (w *world) masterConfig(g *group, at monitor.HostPort) monitor.MasterConfig {
	o := &w.opts
	addr, _ := monitor.IPAddr(at.Host, at.Port)
	return monitor.MasterConfig{
		Guards: monitor.Guards{IsolationFence: isolationModes[o.IsolationFence]},
		Name:   g.name, Addr: addr, Quorum: o.Quorum, DownAfter: o.DownAfter,
		FailoverTimeout: o.FailoverTimeout, ParallelSyncs: o.ParallelSyncs, DownAfterRefused: o.Refused,
	}
}

func sentinelAddr(k int) monitor.HostPort {
	return monitor.HostPort{Host: fmt.Sprintf("10.1.0.%d", k+1), Port: 26379}
}

func sentinelID(name string, generation int) monitor.RunID {
	id := fmt.Sprintf("%s.%d", name, generation)
	return monitor.RunID(id + strings.Repeat("_", election.RunIDLen-len(id)))
}

// addSentinel adds a Sentinel. Unless they are to discover each other, all know
// all from the start: with differing voter sets no election is safe.
func (w *world) addSentinel(k int) {
	name, addr := w.opts.nodeName(k), sentinelAddr(k)
	spare := k >= w.opts.all()
	p := process{spare: spare, gone: spare, w: w, hostID: hostID(len(w.servers) + k), name: name, id: sentinelID(name, 0), addr: addr}
	state := w.freshState(p.id)
	if !w.opts.Discover {
		for m := range state.Masters {
			state.Masters[m].Sentinels = w.knownSentinels(k)
		}
	}
	var s sentinel
	if k < w.opts.Sentinels || spare {
		s = w.newNode(p, state)
	} else {
		s = w.newStock(p, state)
	}
	w.nodes = append(w.nodes, s)
	w.net.listeners[addr] = s
}

// freshState is the configuration that an operator installs.
func (w *world) freshState(id monitor.RunID) monitor.State {
	st := monitor.State{Options: monitor.Options{MyID: id}}
	for _, g := range w.groups {
		m := &monitor.MasterState{MasterConfig: w.masterConfig(g, g.servers[0].addr)}
		for _, s := range g.servers {
			// Stock Sentinels make such a server follow itself.
			if second, ok := monitor.IPAddr(s.second.Host, s.second.Port); ok && w.opts.Stock == 0 {
				m.Replicas = append(m.Replicas, second)
			}
		}
		st.Masters = append(st.Masters, m)
	}
	return st
}

func (w *world) knownSentinels(but int) (known []monitor.KnownSentinel) {
	for k := range w.opts.all() {
		if k == but {
			continue
		}
		at := sentinelAddr(k)
		addr, _ := monitor.IPAddr(at.Host, at.Port)
		known = append(known, monitor.KnownSentinel{Addr: addr, ID: sentinelID(w.opts.nodeName(k), 0)})
	}
	return known
}

// renderAnew ends a Sentinel whose file is made anew, with its id and without what
// it has learned, as charts do it at each start. It is the same voter.
func (w *world) renderAnew(n *node) {
	if n.gone {
		return
	}
	who := n.voter()
	w.reinstall(n, n.id)
	n.installed = who.installed
	for k := range n.disk.durable.Masters {
		n.disk.durable.Masters[k].VoteUnknown = true
	}
	if n.disk.codec != "" {
		n.disk.create()
	}
	who.forget()
	clear(who.buried) // the file has forgotten whom it had to forget
}

// reinstall ends a Sentinel and gives it a fresh configuration. It monitors each
// master at an address that it can have today.
func (w *world) reinstall(n sentinel, id monitor.RunID) {
	n.crash(false)
	p := n.base()
	p.id = id
	p.installed++
	p.forgot = true
	st := w.freshState(id)
	for k, g := range w.groups {
		at := g.master().addr
		st.Masters[k].Addr, _ = monitor.IPAddr(at.Host, at.Port)
	}
	p.disk.durable, p.disk.pending = st, nil
	if p.disk.codec != "" {
		p.disk.create()
	}
}

func (w *world) addClient(g *group) {
	c := &client{
		w: w, id: hostID(len(w.servers) + len(w.nodes) + len(w.clients)), group: g, name: fmt.Sprintf("c%d", len(w.clients)),
		sticky: len(w.clients)%3 == 1, follows: w.chance(2), think: w.between(50*time.Millisecond, 200*time.Millisecond), sentinels: w.rng.IntN(len(w.nodes)),
	}
	w.clients = append(w.clients, c)
}

// begin starts all processes.
func (w *world) begin() {
	for _, n := range w.nodes {
		w.boot(n)
	}
	for _, c := range w.clients {
		c.await(w.between(0, 500*time.Millisecond))
	}
	w.meter.start()
}

// play is the whole run.
func (w *world) play(faults []Fault) {
	w.begin()
	w.schedule(faults)
	w.advance(w.opts.Calm + w.opts.Chaos)
	if !w.check.failed() {
		w.heal()
		w.settle()
	}
}

// heal ends everything that is wrong.
func (w *world) heal() {
	w.say("", "EVERYTHING IS HEALED")
	w.healed = true
	w.waits = nil
	w.net.mend()
	clear(w.net.slow)
	clear(w.net.mute)
	clear(w.net.deaf)
	clear(w.net.gossips)
	w.net.flow()
	w.repairIdentities()
	for _, n := range w.nodes {
		switch n := n.(type) {
		case *node:
			n.disk.mend(n)
			n.nowhere, n.hooks = false, hooksGo
			if n.stalled() { // it may be told to remove a master when it wakes up
				w.after(n.paused.Sub(w.now)+time.Millisecond, func() { w.monitorAll(n) })
			}
		case *stock:
			n.disk.broken, n.disk.hung, n.disk.latency = "", false, w.opts.DiskLatency
		}
		w.boot(n)
		w.monitorAll(n)
	}
	for _, s := range w.servers {
		s.unwall()
		s.start(loseNothing)
		s.resume()
		s.unpause()
		s.priority, s.lag, s.forbids, s.noPause = 100, 0, false, ""
	}
	w.resetDeparted()
}

// monitorAll ends what an operator was in the middle of.
func (w *world) monitorAll(n sentinel) {
	for _, g := range w.groups {
		if _, known := n.masterAddr(g.name); !known && n.base().alive {
			n.operate(operation{op: "monitor", master: g.name, config: w.masterConfig(g, g.master().addr)})
		}
	}
}

// repairIdentities does what an operator does who finds two Sentinels with one
// id: the later one is installed anew.
func (w *world) repairIdentities() {
	seen := map[monitor.RunID]bool{}
	for _, n := range w.nodes {
		p := n.base()
		if seen[p.id] {
			w.reinstall(n, w.newRunID(p.name+"-"))
		}
		seen[p.id] = true
	}
}

// resetDeparted does what the documentation asks for after a Sentinel has gone
// for good: SENTINEL RESET on all others, one after the other.
func (w *world) resetDeparted() {
	departed := slices.ContainsFunc(w.nodes, func(n sentinel) bool { return n.base().gone && !n.base().spare })
	ids := 0
	for _, n := range w.nodes {
		if n.base().id != sentinelID(n.base().name, 0) {
			ids++
		}
	}
	if !departed && ids == 0 {
		return
	}
	for k, n := range w.nodes {
		w.after(time.Duration(k+1)*32*time.Second, func() {
			for _, g := range w.groups {
				if n.base().alive {
					w.say(n.base().name, "operator: reset %s", g.name)
					n.operate(operation{op: "reset", master: g.name})
				}
			}
		})
	}
}

func (w *world) result(s Scenario) Result {
	w.meter.finish()
	r := Result{
		Scenario: s, Invariant: w.check.invariant, Violation: w.check.violation, Hash: w.hash, Virtual: w.uptime(),
		Events: w.events, Checked: w.check.checked, Faults: w.faults, Elected: w.check.elected, Started: w.check.started,
		Moves: w.check.switches, Unseen: w.meter.unseen, Tainted: w.check.tainted, Coverage: w.cover,
	}
	r.Coverage.Looked = w.check.looked
	for _, n := range w.nodes {
		if n, ok := n.(*node); ok {
			r.Steps += n.steps
		}
	}
	for _, g := range w.meter.groups {
		r.Acked += len(g.acks)
		r.Lost += g.lost
		r.Outage += g.outage
		r.SplitBrain += g.splitTime
	}
	return r
}
