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
	master string
}

// said notes a word before the core hears it.
func (k *checker) said(n *node, c monitor.Call, op monitor.PauseOp) {
	length := op.For
	if op.Resume && op.Version == 0 {
		length = monitor.MaxFailoverPause
	}
	n.seen.said[c.From] = spokenWord{word{op.Version, op.By, k.w.now.Add(length), op.Resume}, op.Name}
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
	if m := n.seen.master(op.Name); s.newerThan(m.word) {
		m.word = s.word
	}
}

func (s word) newerThan(o word) bool {
	return s.version > o.version || s.version == o.version && s.by > o.by
}

// acknowledged makes a word binding: it is saved.
func (k *checker) acknowledged(n *node, r monitor.CallResult) {
	s, ok := n.seen.said[r.To]
	delete(n.seen.said, r.To)
	words := n.voter().words
	if ok && r.Err == nil && s.newerThan(words[s.master]) {
		words[s.master] = s.word
	}
}

// paused reports whether a Sentinel is bound by a pause, which it has acknowledged. What
// it has heard since and not saved yet may end that.
func (k *checker) paused(n *node, master string) bool {
	told, heard := n.voter().words[master], n.seen.master(master).word
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
