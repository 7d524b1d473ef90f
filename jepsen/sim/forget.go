package sim

import (
	"fmt"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

// forgetFaults are operators who have dead members forgotten, and Sentinels that are told
// what nobody can see: that they have slept.
var forgetFaults = []kind{
	{"forget-server", "forget", func(w *world, f Fault) (string, func()) {
		g, n := w.group(f.A), w.node(f.B)
		s := g.servers[f.B/4%len(g.servers)]
		return w.forget(n, g, s.name, monitor.ForgetOp{At: s.addr})
	}},
	{"forget-sentinel", "forget", func(w *world, f Fault) (string, func()) {
		g, n, p := w.group(f.A), w.node(f.B), w.node(f.B/4).base()
		return w.forget(n, g, p.name, monitor.ForgetOp{ID: p.id})
	}},
	{"stand-still", "forget", func(w *world, f Fault) (string, func()) {
		n, by := w.real(f.A), time.Duration(f.B+1)*100*time.Millisecond
		if n == nil {
			return "there is no real Sentinel to sleep", nil
		}
		n.input(monitor.Stood{By: by})
		return fmt.Sprintf("%s has slept for %v, which its clock does not show", n.name, by), nil
	}},
}

// forget has an operator order a Sentinel to forget a member.
func (w *world) forget(n sentinel, g *group, name string, op monitor.ForgetOp) (string, func()) {
	r, ok := n.(*node)
	if !ok || !r.alive {
		return n.base().name + " cannot be told to forget anybody", nil
	}
	op.Name = g.name
	r.input(monitor.Call{From: r.callRef(), Op: op})
	return fmt.Sprintf("operator: forget %s of %s on %s", name, g.name, r.name), nil
}

// late is how old what is said of a member can be that brings it back: it was under way, or
// is an INFO that says what its master heard seconds ago.
const late = 15 * time.Second

// forgets notes an order before the core hears it.
func (k *checker) forgets(n *node, c monitor.Call, op monitor.ForgetOp) {
	n.forgot = true // whom it forgets it does not find again before that one is back
	n.seen.forgetting[c.From] = op
}

// forgotten notes that an order was obeyed, and saved.
func (k *checker) forgotten(n *node, r monitor.CallResult) {
	op, ok := n.seen.forgetting[r.To]
	delete(n.seen.forgetting, r.To)
	if ok && r.Err == nil {
		members := n.voter().buried[op.Name]
		if members == nil {
			members = map[buried]Instant{}
			n.voter().buried[op.Name] = members
		}
		members[buried{op.ID, op.At}] = k.w.now.Add(monitor.TombstoneTime)
	}
}

// buried is a member that a Sentinel has forgotten.
type buried struct {
	id monitor.RunID
	at monitor.HostPort
}

// found checks that a member which was forgotten is found only when it is back.
func (k *checker) found(n *node, e monitor.Event) {
	var of buried
	var members map[buried]Instant
	switch e := e.(type) {
	case event.ReplicaAdded:
		of, members = buried{at: e.Addr}, n.voter().buried[e.Master]
	case event.SentinelAdded:
		of, members = buried{id: monitor.RunID(e.Instance.Name)}, n.voter().buried[e.Master]
	default:
		return
	}
	until, known := members[of]
	if !known {
		return
	}
	k.looked[Buried]++
	delete(members, of)
	if ended, dead := k.w.deadSince(of); dead && k.w.now < until && k.w.now.Sub(ended) > late {
		k.fail(n.name, Buried, "%s was forgotten, has been dead since %v and is found again", text(e), ended.Sub(Instant(0)))
	}
}

// deadSince returns since when a member does not run.
func (w *world) deadSince(of buried) (ended Instant, dead bool) {
	if of.id == "" {
		s, ok := w.net.listeners[of.at].(*server)
		return s.died, ok && s.dead
	}
	for _, n := range w.nodes {
		if p := n.base(); p.id == of.id {
			return p.ended, !p.alive
		}
	}
	return 0, false
}
