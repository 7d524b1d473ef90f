package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// kind is one kind of fault.
type kind struct {
	name, group string
	// what does it and returns what to undo after D, or nil. The text says what
	// happened, for the trace.
	what func(w *world, f Fault) (text string, undo func())
}

// FaultGroups are the names that select faults: servers that crash, hang or lose
// data; Sentinels that crash or stall; the network; disks; operators; changes of
// membership; gossip, which is lost, late and one-way; hellos that do not tell where
// their Sentinel is, which the default mix is without; what may come between the
// steps of a planned switchover; operators who pause failovers, which the default mix is
// without too; many masters at one moment, servers of two groups that swap their
// addresses, what looks like the end of a process and is none, and members that are
// forgotten, all of which it is also without. "stock" adds stock Sentinels to the world
// instead of faults.
var FaultGroups = []string{"server", "sentinel", "net", "disk", "operator", "member", "gossip", "impostor", "switchover", "policy", "zone", "swap", "refusal", "forget", "stock"}

var kinds []kind

func init() {
	kinds = slices.Concat(serverFaults, sentinelFaults, netFaults, diskFaults, operatorFaults, memberFaults, gossipFaults, impostorFaults, switchoverFaults, policyFaults, zoneFaults, swapFaults, refusalFaults, forgetFaults)
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

// serverFaults happen to Redis servers.
var serverFaults = []kind{
	{"crash-master", "server", func(w *world, f Fault) (string, func()) {
		s := w.group(f.A).master()
		s.crash(false)
		return fmt.Sprintf("master %s crashes", s.name), func() { s.start(dataLoss(f.B % 2)) }
	}},
	{"crash-server", "server", func(w *world, f Fault) (string, func()) {
		s := w.server(f.A)
		s.crash(false)
		return fmt.Sprintf("%s crashes", s.name), func() { s.start(dataLoss(f.B % 2)) }
	}},
	{"wipe-server", "server", func(w *world, f Fault) (string, func()) {
		s := w.server(f.A)
		s.crash(false)
		return fmt.Sprintf("%s crashes and loses its data", s.name), func() { s.start(loseAll) }
	}},
	{"start-servers", "server", func(w *world, f Fault) (string, func()) {
		for _, s := range w.servers {
			s.start(loseNothing)
		}
		return "dead servers start", nil
	}},
	{"hang-master", "server", func(w *world, f Fault) (string, func()) {
		s := w.group(f.A).master()
		s.hang()
		return fmt.Sprintf("master %s hangs", s.name), s.resume
	}},
	{"hang-server", "server", func(w *world, f Fault) (string, func()) {
		s := w.server(f.A)
		s.hang()
		return fmt.Sprintf("%s hangs", s.name), s.resume
	}},
	{"kill-host", "server", func(w *world, f Fault) (string, func()) {
		s := w.server(f.A)
		s.crash(true)
		mend := w.isolate(s.id, true, true)
		return fmt.Sprintf("the machine of %s loses power", s.name), func() { mend(); s.start(loseTail) }
	}},
	{"busy-server", "server", func(w *world, f Fault) (string, func()) {
		s := w.server(f.A)
		s.busy = true
		return fmt.Sprintf("%s runs an endless script", s.name), func() { s.busy = false; s.apply() }
	}},
	{"slow-server", "server", func(w *world, f Fault) (string, func()) {
		s := w.server(f.A)
		s.lag = time.Duration(50*(f.B+1)) * time.Millisecond
		return fmt.Sprintf("%s answers %v late", s.name, s.lag), func() { s.lag = 0 }
	}},
	{"forbid-roles", "server", func(w *world, f Fault) (string, func()) {
		s := w.server(f.A)
		s.forbids = true
		return fmt.Sprintf("%s refuses SLAVEOF", s.name), func() { s.forbids = false }
	}},
	{"reboot-master", "server", func(w *world, f Fault) (string, func()) {
		s := w.group(f.A).master()
		s.crash(false)
		w.after(time.Duration(f.B)*10*time.Millisecond, func() {
			if !w.healed {
				s.start(dataLoss(f.B % 3))
			}
		})
		return fmt.Sprintf("master %s restarts", s.name), nil
	}},
}

// sentinelFaults happen to Sentinels.
var sentinelFaults = []kind{
	{"crash-sentinel", "sentinel", func(w *world, f Fault) (string, func()) {
		n := w.node(f.A)
		n.crash(f.B%4 == 0)
		return fmt.Sprintf("%s crashes", n.base().name), func() { w.boot(n) }
	}},
	{"boot-sentinels", "sentinel", func(w *world, f Fault) (string, func()) {
		for _, n := range w.nodes {
			w.boot(n)
		}
		return "dead Sentinels start", nil
	}},
	{"stall-sentinel", "sentinel", func(w *world, f Fault) (string, func()) {
		n := w.node(f.A)
		d := max(f.D, time.Duration(f.B)*50*time.Millisecond)
		n.stall(d)
		return fmt.Sprintf("%s stalls for %v", n.base().name, d), nil
	}},
	{"clock-jump", "sentinel", func(w *world, f Fault) (string, func()) {
		if st, ok := w.node(f.A).(*stock); ok {
			st.lastTick = st.lastTick.Add(-time.Hour)
			return "the clock of " + st.name + " jumps by an hour", nil
		}
		return "the clock of " + w.node(f.A).base().name + " jumps, which nothing in a core can notice", nil
	}},
	{"crash-on-save", "sentinel", func(w *world, f Fault) (string, func()) {
		n := w.real(f.A)
		if n == nil {
			return "no real Sentinel to crash", nil
		}
		n.disk.crashAt, n.disk.crashLate = 1+f.B%4, f.B >= 32
		return fmt.Sprintf("%s is going to crash at write %d", n.name, n.disk.crashAt), func() { w.boot(n) }
	}},
}

func (w *world) boot(n sentinel) {
	p := n.base()
	if p.alive || p.gone {
		return
	}
	w.check.looked[Restart]++
	if err := n.start(); err != nil {
		w.check.fail(p.name, Restart, "%v", err)
		return
	}
	w.say(p.name, "starts")
}

// netFaults happen to the network.
var netFaults = []kind{
	{"isolate", "net", func(w *world, f Fault) (string, func()) {
		h := w.hostID(f.A)
		return w.hostName(h) + " is cut off", w.isolate(h, true, true)
	}},
	{"isolate-master", "net", func(w *world, f Fault) (string, func()) {
		s := w.group(f.A).master()
		return "master " + s.name + " is cut off", w.isolate(s.id, true, true)
	}},
	{"deafen", "net", func(w *world, f Fault) (string, func()) {
		h := w.hostID(f.A)
		return w.hostName(h) + " hears nobody", w.isolate(h, true, false)
	}},
	{"mute", "net", func(w *world, f Fault) (string, func()) {
		h := w.hostID(f.A)
		return "nobody hears " + w.hostName(h), w.isolate(h, false, true)
	}},
	{"cut", "net", func(w *world, f Fault) (string, func()) {
		a, b := w.hostID(f.A), w.hostID(f.B)
		return fmt.Sprintf("%s does not reach %s", w.hostName(a), w.hostName(b)), w.cuts([][2]hostID{{a, b}})
	}},
	{"cut-both", "net", func(w *world, f Fault) (string, func()) {
		a, b := w.hostID(f.A), w.hostID(f.B)
		return fmt.Sprintf("%s and %s do not reach each other", w.hostName(a), w.hostName(b)), w.cuts([][2]hostID{{a, b}, {b, a}})
	}},
	{"split", "net", func(w *world, f Fault) (string, func()) {
		text, undo := w.split(f, -1)
		return "the network splits:" + text, undo
	}},
	{"bridge", "net", func(w *world, f Fault) (string, func()) {
		bridge := w.hostID(f.B)
		text, undo := w.split(f, bridge)
		return "the network splits, only " + w.hostName(bridge) + " sees both sides:" + text, undo
	}},
	{"split-one-way", "net", func(w *world, f Fault) (string, func()) {
		text, undo := w.splitOneWay(f)
		return "nobody else is heard by:" + text, undo
	}},
	{"split-client", "net", func(w *world, f Fault) (string, func()) {
		return w.splitWithClient(f)
	}},
	{"flap", "net", func(w *world, f Fault) (string, func()) {
		h := w.hostID(f.A)
		for k := range 5 {
			d := time.Duration(k*(f.B+10)*20) * time.Millisecond
			w.after(d, func() {
				mend := w.isolate(h, true, true)
				w.after(time.Duration(f.B+10)*10*time.Millisecond, mend)
			})
		}
		return w.hostName(h) + " is cut off five times in a row", nil
	}},
	{"slow-host", "net", func(w *world, f Fault) (string, func()) {
		h, d := w.hostID(f.A), time.Duration(f.B*20)*time.Millisecond
		w.net.slow[h] += d
		return fmt.Sprintf("messages of %s take %v longer", w.hostName(h), d), func() { w.net.slow[h] -= d }
	}},
	{"reset", "net", func(w *world, f Fault) (string, func()) {
		n := w.node(f.A).base()
		for _, c := range n.dialed {
			if !c.closed[0] {
				c.send(toDialer, endPacket{"connection reset by the network", monitor.LossReset})
			}
		}
		return "all connections that " + n.name + " opened are reset", nil
	}},
}

// refusalFaults look like the end of a process, and are none.
var refusalFaults = []kind{
	{"firewall", "refusal", func(w *world, f Fault) (string, func()) {
		s := w.group(f.A).master()
		s.wallOff()
		how := ""
		if f.B%2 == 0 {
			s.hangUpSentinels()
			s.hungUp = true
			how = ", which hangs up on those that it has"
		}
		return "a firewall refuses Sentinels at " + s.name + how, s.unwall
	}},
	{"hang-up", "refusal", func(w *world, f Fault) (string, func()) {
		s := w.group(f.A).master()
		s.hangUpSentinels()
		return s.name + " hangs up on all Sentinels", nil
	}},
	{"blink", "refusal", func(w *world, f Fault) (string, func()) {
		s := w.group(f.A).master()
		for k := range 1 + f.B%4 {
			w.after(time.Duration(k*(f.B+5))*10*time.Millisecond, func() {
				if w.healed || s.dead {
					return
				}
				s.crash(false)
				w.after(time.Duration(f.B+1)*5*time.Millisecond, func() { s.start(loseNothing) })
			})
		}
		return "master " + s.name + " is restarted again and again", nil
	}},
}

// hangUpSentinels ends the connections of all Sentinels in order, as CLIENT KILL does.
func (s *server) hangUpSentinels() {
	for _, c := range slices.Clone(s.conns) {
		if c.kind <= pubsubConn {
			s.conns = remove(s.conns, c)
			s.end(c)
		}
	}
}

// cuts cuts directions and returns what mends them.
func (w *world) cuts(pairs [][2]hostID) func() {
	if w.healed {
		return func() {} // the rest of a flapping link
	}
	for _, p := range pairs {
		w.net.cut(p[0], p[1], 1)
	}
	return func() {
		if w.healed {
			return
		}
		for _, p := range pairs {
			w.net.cut(p[0], p[1], -1)
		}
		w.net.flow()
	}
}

func (w *world) isolate(h hostID, in, out bool) func() {
	var pairs [][2]hostID
	for o := range hostID(w.net.hosts) {
		if in {
			pairs = append(pairs, [2]hostID{o, h})
		}
		if out {
			pairs = append(pairs, [2]hostID{h, o})
		}
	}
	return w.cuts(pairs)
}

// side divides the hosts into two sides by the bits of A and B, mixed so that
// every division is possible.
func (f Fault) side(h hostID) uint64 {
	mask := (uint64(f.A)<<6 | uint64(f.B)) * 0x9e3779b97f4a7c15
	return mask >> (uint(h) % 64) & 1
}

// splitOneWay lets one side hear nothing of the other.
func (w *world) splitOneWay(f Fault) (text string, undo func()) {
	var pairs [][2]hostID
	for to := range hostID(w.net.hosts) {
		if f.side(to) == 0 {
			continue
		}
		text += " " + w.hostName(to)
		for from := range hostID(w.net.hosts) {
			if f.side(from) == 0 {
				pairs = append(pairs, [2]hostID{from, to})
			}
		}
	}
	return text, w.cuts(pairs)
}

// split divides the hosts into two sides. The bridge belongs to both.
func (w *world) split(f Fault, bridge hostID) (text string, undo func()) {
	side := f.side
	var pairs [][2]hostID
	for a := range hostID(w.net.hosts) {
		if side(a) == 1 {
			text += " " + w.hostName(a)
		}
		for b := range hostID(w.net.hosts) {
			if side(a) != side(b) && a != bridge && b != bridge {
				pairs = append(pairs, [2]hostID{a, b})
			}
		}
	}
	return text, w.cuts(pairs)
}

// splitWithClient cuts a master off together with one client: the split brain
// that operators fear most.
func (w *world) splitWithClient(f Fault) (string, func()) {
	g := w.group(f.A)
	s := g.master()
	var with hostID = -1
	for _, c := range w.clients {
		if c.group == g {
			with = c.id
			break
		}
	}
	var pairs [][2]hostID
	for o := range hostID(w.net.hosts) {
		if o == with || o == s.id {
			continue
		}
		pairs = append(pairs, [2]hostID{o, s.id}, [2]hostID{s.id, o})
		if with >= 0 {
			pairs = append(pairs, [2]hostID{o, with}, [2]hostID{with, o})
		}
	}
	return "master " + s.name + " is cut off together with a client", w.cuts(pairs)
}

// diskFaults happen to the disks of real Sentinels.
var diskFaults = []kind{
	{"disk-fails", "disk", func(w *world, f Fault) (string, func()) {
		return w.disk(f, "fails", func(d *modelDisk) { d.broken = "no space left on device" })
	}},
	{"disk-slow", "disk", func(w *world, f Fault) (string, func()) {
		wait := time.Duration(20*(f.B+1)) * time.Millisecond
		return w.disk(f, fmt.Sprintf("takes %v", wait), func(d *modelDisk) { d.latency = wait })
	}},
	{"disk-hangs", "disk", func(w *world, f Fault) (string, func()) {
		return w.disk(f, "hangs", func(d *modelDisk) { d.hung = true })
	}},
	{"file-mounted", "disk", func(w *world, f Fault) (string, func()) {
		n := w.real(f.A)
		if n == nil || !n.alive {
			return "no real Sentinel's file to mount", nil
		}
		n.disk.useFile(f.B)
		n.disk.mounted, n.disk.crashAt, n.disk.crashLate = true, 1+f.B%4, false
		return fmt.Sprintf("the file of %s is mounted on its own, and it is going to crash at write %d", n.name, n.disk.crashAt), func() {
			n.disk.mounted = false
			w.boot(n)
		}
	}},
	{"file-cut", "disk", func(w *world, f Fault) (string, func()) {
		n := w.real(f.A)
		if n == nil || !n.alive {
			return "no real Sentinel's file to cut", nil
		}
		n.disk.useFile(f.B)
		n.disk.damage(f.B * 37)
		return "the file of " + n.name + " is cut", nil
	}},
}

func (w *world) disk(f Fault, text string, do func(*modelDisk)) (string, func()) {
	if st, ok := w.node(f.A).(*stock); ok {
		do(&st.disk)
		w.check.taint("a stock Sentinel votes although its disk " + text)
		return "the disk of " + st.name + " " + text, func() { st.disk.broken, st.disk.hung, st.disk.latency = "", false, w.opts.DiskLatency }
	}
	n := w.node(f.A).(*node)
	do(&n.disk)
	return "the disk of " + n.name + " " + text, func() { n.disk.mend(n) }
}

// operatorFaults are what people do, at the worst moment.
var operatorFaults = []kind{
	{"failover", "operator", func(w *world, f Fault) (string, func()) {
		return w.command(f, operation{op: "failover"}), nil
	}},
	{"double-failover", "operator", func(w *world, f Fault) (string, func()) {
		text := w.command(f, operation{op: "failover"})
		f.A++
		return text + "; " + w.command(f, operation{op: "failover"}), nil
	}},
	{"reset-master", "operator", func(w *world, f Fault) (string, func()) {
		return w.command(f, operation{op: "reset"}), nil
	}},
	{"set", "operator", func(w *world, f Fault) (string, func()) {
		o := operation{op: "set"}
		switch f.B / 8 % 4 {
		case 0:
			o.option, o.value = "quorum", 1+f.B%(w.opts.all()/2+1)
		case 1:
			o.option, o.value = "parallel-syncs", 1+f.B%3
		case 2:
			o.option, o.value = "down-after-milliseconds", 200+f.B*40
		case 3:
			o.option, o.value = "failover-timeout", 1000+f.B*100
		}
		return w.command(f, o), nil
	}},
	{"remove-and-monitor", "operator", func(w *world, f Fault) (string, func()) {
		n, g := w.node(f.A), w.group(f.B)
		at, known := n.masterAddr(g.name)
		if !n.base().alive || !known {
			return n.base().name + " has nothing to remove", nil
		}
		n.operate(operation{op: "remove", master: g.name})
		again := func() {
			if n.base().alive {
				n.operate(operation{op: "monitor", master: g.name, config: w.masterConfig(g, at)})
			}
		}
		if f.D == 0 {
			again()
		}
		return fmt.Sprintf("operator removes %s from %s and monitors it again at %s", g.name, n.base().name, at), again
	}},
	{"promote-by-hand", "operator", func(w *world, f Fault) (string, func()) {
		s := w.server(f.A)
		if !s.dead && !s.isLoading() {
			s.follow(monitor.HostPort{})
		}
		return s.name + " is made a master by hand", nil
	}},
	{"follow-by-hand", "operator", func(w *world, f Fault) (string, func()) {
		s := w.server(f.A)
		to := s.group.servers[f.B%len(s.group.servers)]
		if !s.dead && !s.isLoading() && to != s {
			s.follow(to.addr)
		}
		return fmt.Sprintf("%s is made to follow %s by hand", s.name, to.name), nil
	}},
	{"priority", "operator", func(w *world, f Fault) (string, func()) {
		s := w.server(f.A)
		s.priority = []int{0, 1, 50, 200}[f.B%4]
		return fmt.Sprintf("%s gets priority %d", s.name, s.priority), func() { s.priority = 100 }
	}},
}

func (w *world) command(f Fault, o operation) string {
	n, g := w.node(f.A), w.group(f.B)
	o.master = g.name
	text := fmt.Sprintf("operator: %s %s on %s", o.op, o.master, n.base().name)
	if o.option != "" {
		text += fmt.Sprintf(" %s %d", o.option, o.value)
	}
	if n.base().alive {
		n.operate(o)
	}
	return text
}

// memberFaults change who the Sentinels are.
var memberFaults = []kind{
	{"wipe-sentinel", "member", func(w *world, f Fault) (string, func()) {
		n := w.node(f.A)
		w.reinstall(n, w.newRunID(n.base().name+"-"))
		return n.base().name + " loses its disk and gets a new id", func() { w.boot(n) }
	}},
	{"first-file", "member", func(w *world, f Fault) (string, func()) {
		n := w.real(f.A)
		if n == nil {
			return "no real Sentinel whose file could be rendered anew", nil
		}
		w.renderAnew(n)
		return n.name + " finds a file with its id and without epochs", func() { w.boot(n) }
	}},
	{"clone-sentinel", "member", func(w *world, f Fault) (string, func()) {
		n, from := w.node(f.A), w.node(f.B)
		if n == from {
			return "nobody is cloned", nil
		}
		w.check.taint("two Sentinels have one id")
		w.reinstall(n, from.base().id)
		w.boot(n)
		return fmt.Sprintf("%s gets the id of %s", n.base().name, from.base().name), nil
	}},
	{"add-sentinel", "member", func(w *world, f Fault) (string, func()) {
		for k := range w.nodes {
			if n := w.node(f.A + k); n.base().gone {
				w.install(n)
				return n.base().name + " is added to the Sentinels", nil
			}
		}
		return "there is no machine for another Sentinel", nil
	}},
	{"move-sentinel", "member", func(w *world, f Fault) (string, func()) {
		p := w.node(f.A).base()
		if !p.alive {
			return p.name + " does not run and stays where it is", nil
		}
		w.move(w.node(f.A))
		return fmt.Sprintf("%s moves to %s and keeps its id", p.name, p.addr), nil
	}},
	{"remove-sentinel", "member", func(w *world, f Fault) (string, func()) {
		n := w.node(f.A)
		alive := 0
		for _, o := range w.nodes {
			if !o.base().gone {
				alive++
			}
		}
		if alive <= 3 {
			return "no Sentinel can be spared", nil
		}
		n.crash(false)
		n.base().gone = true
		return n.base().name + " is decommissioned", func() {
			if n.base().gone {
				w.install(n)
			}
		}
	}},
}

// install puts a new Sentinel on a machine that has none.
func (w *world) install(n sentinel) {
	p := n.base()
	id := p.id
	if !p.spare {
		id = w.newRunID(p.name + "-")
	}
	p.gone, p.spare = false, false
	w.reinstall(n, id)
	w.boot(n)
}

// move starts a Sentinel again on another address, with what its disk holds.
func (w *world) move(n sentinel) {
	p := n.base()
	n.crash(false)
	delete(w.net.listeners, p.addr)
	p.moves, p.movedAt = p.moves+1, w.now
	p.addr.Host = fmt.Sprintf("10.%d.%d.%d", 2+p.moves/250, p.moves%250, 1+int(p.hostID)-len(w.servers))
	w.net.listeners[p.addr] = n
	w.boot(n)
}
