package sim

import (
	"fmt"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// Midpoint is a place in a run at which a Sentinel dies: around one of the
// effects that its core had it carry out. A failover is a chain of effects in
// several processes, and a process that dies in the middle of it leaves something half
// done. Enumerating the midpoints proves that no place was forgotten, which no
// number of random crashes can.
type Midpoint struct {
	Sentinel int
	Effect   int // counted from the first fault, 0 being the first
	Cut      Cut
	What     string // the effect, in words
}

// String describes the midpoint.
func (m Midpoint) String() string {
	return fmt.Sprintf("n%d dies %s effect %d (%s)", m.Sentinel, m.Cut, m.Effect, m.What)
}

// Cut tells where around an effect a Sentinel dies.
type Cut uint8

// The cuts. A write has two more of them than other effects: with the new file
// half written, which leaves the old one in place, and with the new file in
// place, of which the process has not heard yet.
const (
	CutBefore Cut = iota
	CutAfter
	CutHalfWritten
	CutWritten
)

// String returns the cut as it stands between "dies" and the effect.
func (c Cut) String() string {
	return [...]string{"before", "after", "with half the file written, in", "with the file in place, at the end of"}[c]
}

// tap watches the effects of all Sentinels from the first fault to the end of
// the failover, and ends one of them at a midpoint.
type tap struct {
	at          Midpoint
	down        time.Duration // how long the Sentinel stays down
	asleep      bool          // it is only stopped, and goes on as if nothing had happened
	asleepUntil Instant
	held        []monitor.Effect // of its turn, to be carried out when it wakes up
	record      bool             // note all midpoints instead
	found       []Midpoint
	done        []int // effects carried out, by Sentinel
	steps       []int // that its core had taken by the last of them
	last        []int // place in found of the cut after it
	hit         bool
	keep        bool // the write under way reaches the disk
}

func newTap(w *world) *tap {
	n := len(w.nodes)
	return &tap{done: make([]int, n), steps: make([]int, n), last: make([]int, n)}
}

// running reports whether effects count: from the first fault until every
// Sentinel has switched to the new master.
func (t *tap) running(w *world) bool { return w.faults > 0 && w.check.switches < len(w.nodes) }

// number returns which Sentinel n is.
func (t *tap) number(n *node) int { return int(n.hostID) - len(n.w.servers) }

// perform carries out an effect, unless n dies before it.
func (t *tap) perform(n *node, e monitor.Effect) {
	if !t.running(n.w) {
		n.carryOut(e)
		return
	}
	if t.asleep && t.hit && n.w.now < t.asleepUntil && t.number(n) == t.at.Sentinel {
		t.held = append(t.held, e)
		return
	}
	who := t.number(n)
	here := Midpoint{Sentinel: who, Effect: t.done[who], What: effectInWords(n, e)}
	t.done[who]++
	if t.cut(n, here, CutBefore) {
		if t.asleep {
			t.held = append(t.held, e)
		}
		return
	}
	n.carryOut(e)
	t.cut(n, here, CutAfter)
}

// sleep stops n between a decision and what it does about it.
func (t *tap) sleep(n *node) {
	t.hit, t.asleepUntil = true, n.w.now.Add(t.down)
	n.w.say(n.name, "SLEEPS for %v: %v", t.down, t.at)
	life := n.life
	n.w.after(t.down, func() {
		held := t.held
		t.held = nil
		for _, e := range held {
			if n.life == life {
				n.carryOut(e)
			}
		}
	})
	n.stall(t.down)
}

// writing is called when a write begins, and reports whether n has died of it.
func (t *tap) writing(n *node, p *monitor.Persist) bool {
	if !t.running(n.w) {
		return false
	}
	who := t.number(n)
	here := Midpoint{Sentinel: who, Effect: t.done[who], What: fmt.Sprintf("a write of epoch %d", p.State.CurrentEpoch)}
	t.done[who]++
	if t.cut(n, here, CutBefore) {
		return !t.asleep
	}
	for _, c := range []Cut{CutHalfWritten, CutWritten} {
		here.Cut = c
		if t.record {
			t.note(n, here)
		} else if t.at == here {
			n.disk.cut = c
		}
	}
	return false
}

// written is called when the write is about to end.
func (t *tap) written(n *node) bool {
	if n.disk.cut == CutBefore {
		return false
	}
	t.keep = n.disk.cut == CutWritten
	t.kill(n)
	t.keep = false
	return true
}

func (t *tap) cut(n *node, here Midpoint, c Cut) bool {
	here.Cut = c
	if t.record {
		t.note(n, here)
		return false
	}
	if t.at != here || t.hit || !n.alive {
		return false
	}
	if t.asleep {
		t.sleep(n)
	} else {
		t.kill(n)
	}
	return true
}

// note records a midpoint. After one effect and before the next is the same
// moment when the core has taken no step in between.
func (t *tap) note(n *node, m Midpoint) {
	k := m.Sentinel
	if m.Cut == CutBefore && m.Effect > 0 && t.steps[k] == n.steps {
		t.found[t.last[k]] = m
	} else {
		t.found = append(t.found, m)
	}
	t.steps[k], t.last[k] = n.steps, len(t.found)-1
	if m.Cut == CutHalfWritten || m.Cut == CutWritten {
		t.steps[k] = -1
	}
}

func (t *tap) kill(n *node) {
	t.hit = true
	n.disk.cut = CutBefore
	n.w.say(n.name, "DIES: %v", t.at)
	n.crash(false)
	n.w.after(t.down, func() { n.w.boot(n) })
}

func effectInWords(n *node, e monitor.Effect) string {
	switch e := e.(type) {
	case monitor.Send:
		return fmt.Sprintf("%T to %s", e.Cmd, n.w.nameOf(n.link(e.Conn).addr))
	case monitor.Emit:
		return e.Event.Name()
	case monitor.Reply:
		return fmt.Sprintf("Reply with a vote at epoch %d", e.Epoch)
	}
	return fmt.Sprintf("%T", e)
}

// Midpoints plays a scenario until order is back and returns every midpoint of
// every Sentinel from the first fault until all have switched to the new master,
// in the order in which they come. Everything that a Sentinel does counts, its
// regular traffic as well.
func Midpoints(s Scenario) ([]Midpoint, Result) {
	w := newWorld(s, nil)
	w.tap = newTap(w)
	w.tap.record = true
	w.playToOrder(s)
	return w.tap.found, w.result(s)
}

// Interrupt plays a scenario in which a Sentinel dies at a midpoint and is started
// again after down. Nothing is healed from outside: the Sentinels must come to
// order by themselves, or liveness is violated.
func Interrupt(s Scenario, m Midpoint, down time.Duration, trace func(line string)) Result {
	w := newWorld(s, trace)
	w.tap = newTap(w)
	w.tap.at, w.tap.down = m, down
	w.playToOrder(s)
	if !w.tap.hit && !w.check.failed() {
		w.check.fail("the world", Liveness, "%v never came", m)
	}
	return w.result(s)
}

// Stop is Interrupt with a Sentinel that is stopped at a midpoint, between a decision
// and what follows from it, and goes on after down.
func Stop(s Scenario, m Midpoint, down time.Duration, trace func(line string)) Result {
	w := newWorld(s, trace)
	w.tap = newTap(w)
	w.tap.at, w.tap.down, w.tap.asleep = m, down, true
	w.playToOrder(s)
	if !w.tap.hit && !w.check.failed() {
		w.check.fail("the world", Liveness, "%v never came", m)
	}
	return w.result(s)
}

// playToOrder plays until the world has been in order for a while.
func (w *world) playToOrder(s Scenario) {
	w.begin()
	w.schedule(s.Faults)
	w.advance(w.opts.Calm)
	const calm = 3 // seconds
	why, quiet := "", 0
	for end := w.now.Add(w.patience()); w.now < end && quiet < calm && !w.check.failed(); {
		w.advance(time.Second)
		if why = w.pending(); why != "" || w.faults == 0 {
			quiet = 0
		} else {
			quiet++
		}
	}
	if quiet < calm {
		w.check.fail("the world", Liveness, "no order %v after the beginning: %s", w.uptime(), why)
	}
}
