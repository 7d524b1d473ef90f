package sim

import (
	"fmt"

	"github.com/gosentinel/sentinel/monitor"
)

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
	w.happened(e.Name())
}

// happened releases the faults that wait for something.
func (w *world) happened(name string) {
	if len(w.waits) == 0 || w.healed {
		return
	}
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

func (w *world) group(k int) *group  { return w.groups[k%len(w.groups)] }
func (w *world) hostID(k int) hostID { return hostID(k % w.net.hosts) }

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
