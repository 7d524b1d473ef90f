package sim

import (
	"fmt"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// policyFaults are what operators and control planes say about failovers.
var policyFaults = []kind{
	{"pause-failover", "policy", func(w *world, f Fault) (string, func()) {
		o := operation{op: "pause", length: []time.Duration{200 * time.Millisecond, 2 * time.Second, 9 * time.Second, 40 * time.Second}[f.B/8%4]}
		undo := func() { w.command(Fault{A: f.A + f.B%3, B: f.B}, operation{op: "resume"}) }
		return fmt.Sprintf("%s for %v", w.command(f, o), o.length), undo
	}},
	{"resume-failover", "policy", func(w *world, f Fault) (string, func()) {
		return w.command(f, operation{op: "resume"}), nil
	}},
	{"policy-vetoes", "policy", func(w *world, f Fault) (string, func()) { return w.instruct(f, hooksVeto) }},
	{"policy-delays", "policy", func(w *world, f Fault) (string, func()) { return w.instruct(f, hooksDelay) }},
	{"policy-is-silent", "policy", func(w *world, f Fault) (string, func()) { return w.instruct(f, hooksSilent) }},
	{"policy-is-late", "policy", func(w *world, f Fault) (string, func()) { return w.instruct(f, hooksLate) }},
	{"policy-fails", "policy", func(w *world, f Fault) (string, func()) { return w.instruct(f, hooksFail) }},
	{"policy-talks-nonsense", "policy", func(w *world, f Fault) (string, func()) { return w.instruct(f, hooksNonsense) }},
}

// hooks is what the program around a Sentinel does when it is asked about failovers.
type hooks uint8

const (
	hooksGo hooks = iota
	hooksVeto
	hooksDelay
	hooksSilent
	hooksLate
	hooksFail
	hooksNonsense
)

func (h hooks) String() string {
	return [...]string{"lets failovers go", "vetoes failovers", "delays failovers", "does not answer", "answers too late", "fails", "talks nonsense"}[h]
}

// policyTimeout is shorter than by default, so that late answers are common.
const policyTimeout = 500 * time.Millisecond

// instruct has the program around a Sentinel, or around all, act in a way.
func (w *world) instruct(f Fault, h hooks) (string, func()) {
	set := func(h hooks) {
		for k, n := range w.nodes {
			if n, ok := n.(*node); ok && (f.B%4 == 0 || k == f.A%len(w.nodes)) {
				n.hooks = h
			}
		}
	}
	set(h)
	who := "all Sentinels"
	if f.B%4 != 0 {
		who = w.node(f.A).base().name
	}
	return "the policy of " + who + " " + h.String(), func() { set(hooksGo) }
}

// policy is what the cores ask in this world.
func (w *world) policy() monitor.Policy {
	if !w.opts.Policy {
		return monitor.Policy{}
	}
	return monitor.Policy{Allow: true, Choose: true, Phases: true, Timeout: policyTimeout}
}

// consult answers a question of the core, in the way of the moment.
func (n *node) consult(e monitor.Effect) {
	h, wait, life := n.hooks, n.w.between(0, 200*time.Millisecond), n.life
	var answer monitor.Input
	switch e := e.(type) {
	case monitor.AskPolicy:
		n.w.check.consulted(n, e)
		a := monitor.PolicyAnswer{Seq: e.Seq}
		switch h {
		case hooksVeto:
			a.Verdict, a.Reason = monitor.PolicyVeto, "maintenance"
		case hooksDelay:
			a.Verdict, a.For = monitor.PolicyDelay, 100*wait+1
		case hooksFail:
			a.Failed = "it panicked"
		case hooksNonsense:
			a.Verdict, a.For, a.Reason = monitor.PolicyDelay+monitor.PolicyVerdict(wait%2*7), -wait, "two\nlines"
		}
		answer = a
	case monitor.AskChoice:
		a := monitor.ChoiceAnswer{Seq: e.Seq}
		for _, k := range n.w.rng.Perm(len(e.Candidates)) {
			a.Order = append(a.Order, e.Candidates[k].Addr)
		}
		switch h {
		case hooksFail:
			a.Order, a.Failed = nil, "it panicked"
		case hooksNonsense:
			a.Order = append(append([]monitor.HostPort{{}, {Host: "10.99.99.99", Port: 1}, n.addr}, a.Order...), a.Order...)
		}
		answer = a
	default:
		return
	}
	switch h {
	case hooksSilent:
		return
	case hooksLate:
		wait += policyTimeout + time.Millisecond
	}
	n.w.after(wait, func() {
		if n.life == life {
			n.input(answer)
		}
	})
}

// permission is what the program around a Sentinel has said last about a failover of one
// master, as the Sentinel may know it.
type permission struct {
	seq     uint64
	asked   Instant
	verdict monitor.PolicyVerdict
	heard   bool // in time
}

// consulted notes a question.
func (k *checker) consulted(n *node, e monitor.AskPolicy) {
	m := n.seen.master(e.Attempt.Master)
	p := permission{seq: e.Seq, asked: k.w.now}
	if e.Attempt.Ordered {
		m.mayObey = m.mayObey || m.order.seq != 0 && !m.order.heard // that one has waited long enough
		m.order = p
	} else {
		m.allow = p
	}
}

// answeredPolicy notes an answer that comes in time. One that means nothing lets the
// failover go, by default.
func (k *checker) answeredPolicy(n *node, a monitor.PolicyAnswer) {
	if a.Failed != "" || a.Verdict > monitor.PolicyVeto || a.Verdict == monitor.PolicyDelay && a.For <= 0 {
		a.Verdict = monitor.PolicyGo
	}
	for _, probe := range n.seen.probes {
		m := n.seen.master(probe.Name)
		for _, p := range []*permission{&m.allow, &m.order} {
			if p.seq == a.Seq && k.w.now.Sub(p.asked) < policyTimeout {
				p.verdict, p.heard = a.Verdict, true
			}
		}
		if m.order.seq == a.Seq && a.Verdict == monitor.PolicyGo {
			m.mayObey = true
		}
	}
}

// permitted checks that nobody has objected to an attempt that begins.
func (k *checker) permitted(n *node, p *monitor.MasterProbe, m *masterWatch) {
	if !k.w.opts.Policy || p.TakingOver || p.Forced && m.byForce {
		return
	}
	k.looked[Permitted]++
	a := m.allow
	if p.Forced {
		a = m.order
	}
	switch waited := k.w.now.Sub(a.asked) >= policyTimeout; {
	case a.seq == 0:
		k.fail(n.name, Permitted, "attempt for %s without a question to the policy", p.Name)
	case p.Forced && m.mayObey:
	case !a.heard && !waited:
		k.fail(n.name, Permitted, "attempt for %s before the policy has answered", p.Name)
	case a.heard && a.verdict != monitor.PolicyGo:
		k.fail(n.name, Permitted, "attempt for %s that the policy does not want", p.Name)
	}
	if !p.Forced {
		m.allow = permission{} // it is good for one attempt
	}
}

// word is what an operator has said about the failovers of a master, as a Sentinel has
// acknowledged it.
type word struct {
	version uint64
	by      monitor.RunID
	until   Instant
	resumed bool
}

// spokenWord is a word that has no answer yet.
type spokenWord struct {
	word
	master   string
	removals int // of the master until then
}

// said notes a word before the core hears it.
func (k *checker) said(n *node, c monitor.Call, op monitor.PauseOp) {
	length := op.For
	if op.Resume && op.Version == 0 {
		length = monitor.MaxFailoverPause
	}
	n.seen.said[c.From] = spokenWord{word{op.Version, op.By, k.w.now.Add(length), op.Resume}, op.Name, n.voter().removals[op.Name]}
}

// numbered notes which version the core has given to a word of an operator, and what
// it may go by already.
func (k *checker) numbered(n *node, in monitor.Input) {
	c, _ := in.(monitor.Call)
	op, ok := c.Op.(monitor.PauseOp)
	v, known := n.core.Master(k.w.now, op.Name)
	if !ok || !known {
		return
	}
	s := n.seen.said[c.From]
	if op.Version == 0 {
		s.version, s.by = v.Pause.Version, n.id
		n.seen.said[c.From] = s
	}
	if heard := n.voter().heard; s.newerThan(heard[op.Name]) {
		heard[op.Name] = s.word
	}
}

func (s word) newerThan(o word) bool {
	return s.version > o.version || s.version == o.version && s.by > o.by
}

// acknowledged makes a word binding: it is saved.
func (k *checker) acknowledged(n *node, r monitor.CallResult) {
	s, ok := n.seen.said[r.To]
	delete(n.seen.said, r.To)
	v := n.voter()
	if ok && r.Err == nil && s.removals == v.removals[s.master] && s.newerThan(v.words[s.master]) {
		if heard := v.heard[s.master]; heard.version == s.version && heard.by == s.by {
			s.until = heard.until // it was known, and a peer that says it again does not make it longer
		}
		v.words[s.master] = s.word
	}
}

// recalled forgets what a Sentinel has heard about a master and not acknowledged, if that
// was not saved before the Sentinel died: it knows the word before. A word that is over
// is not recalled.
func (v *voter) recalled(master string, p *monitor.FailoverPause) {
	if told := v.words[master]; told.version == p.Version && told.by == p.By {
		delete(v.heard, master)
	}
}

// removed forgets what operators have said about a master that is not monitored any
// more, also what is not acknowledged yet.
func (v *voter) removed(master string) {
	delete(v.words, master)
	delete(v.heard, master)
	v.removals[master]++
	delete(v.buried, master)
}

// paused reports whether a Sentinel is bound by a pause, which it has acknowledged. What
// it has heard since and not acknowledged yet may end that.
func (k *checker) paused(n *node, master string) bool {
	told, heard := n.voter().words[master], n.voter().heard[master]
	return told.pauses(k.w.now) && (!heard.newerThan(told) || heard.pauses(k.w.now))
}

// pauses reports whether s is a pause that lasts. What is saved, and passed on, is in
// whole milliseconds.
func (s word) pauses(now Instant) bool {
	return s.version != 0 && !s.resumed && now < s.until.Add(-2*time.Millisecond)
}

// pauseLeft is how long a pause may still keep a failover from a master.
func (w *world) pauseLeft() (left time.Duration) {
	for _, n := range w.nodes {
		for _, g := range w.groups {
			if n, ok := n.(*node); ok && n.alive {
				if v, ok := n.core.Master(w.now, g.name); ok && !v.Pause.Resumed {
					left = max(left, v.PauseLeft)
				}
			}
		}
	}
	return left
}

// disagreement says which Sentinels have not heard the last word about a master; a
// word that is nearly over is left out.
func (w *world) disagreement(g *group) string {
	var last *monitor.FailoverPause
	var who *node
	for _, n := range w.nodes {
		n, ok := n.(*node)
		if !ok || !n.alive || n.gone {
			continue
		}
		v, ok := n.core.Master(w.now, g.name)
		if !ok || v.PauseLeft > 0 && v.PauseLeft < 5*time.Second {
			return ""
		}
		if last == nil {
			last, who = &v.Pause, n
		} else if v.Pause.Version != last.Version || v.Pause.By != last.By {
			return fmt.Sprintf("%s and %s have heard other words about failovers of %s", who.name, n.name, g.name)
		}
	}
	return ""
}
