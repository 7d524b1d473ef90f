package explore

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gosentinel/sentinel/monitor"
)

// explain tells how the world comes to the end of a trail. The search has kept
// only who said what; what the Sentinels did in between is found again by going
// on alone from the same states, and then choosing backwards, for each of them,
// a path that leads to all that it said.
func (s *search) explain(trail []stepTaken) []string {
	var said []stepTaken
	for k := len(trail) - 1; k != 0; k = int(trail[k].from) {
		said = append(said, trail[k])
	}
	slices.Reverse(said)
	at := s.w.begin()
	ways := make([][]passage, len(said))
	for k, t := range said {
		ways[k] = s.passages(&at, t)
		var to []uint32
		for _, p := range ways[k] {
			to = append(to, p.to)
		}
		at.node[t.node] = s.w.setOf(to)
		at.net.union(t.said)
	}
	return s.tellAll(said, choose(said, ways))
}

// passage is one way in which a Sentinel can come to say something.
type passage struct {
	from, to uint32 // local states
	path     []input
}

func (s *search) passages(at *state, t stepTaken) (list []passage) {
	s.advance(at, int(t.node))
	exits := s.exits
	if s.fault == "" {
		exits = s.prune(at.net)
	}
	for _, e := range exits {
		if e.said != t.said {
			continue
		}
		p := passage{to: e.local, path: []input{e.by}}
		k := e.from
		for ; s.path[k].from >= 0; k = s.path[k].from {
			p.path = append(p.path, s.path[k].by)
		}
		p.from = s.path[k].local
		slices.Reverse(p.path)
		list = append(list, p)
	}
	return list
}

// choose picks for every step one passage, so that those of each Sentinel join.
func choose(said []stepTaken, ways [][]passage) []passage {
	chosen := make([]passage, len(said))
	wanted := map[uint8]uint32{}
	for k := len(said) - 1; k >= 0; k-- {
		n := said[k].node
		to, any := wanted[n]
		for _, p := range ways[k] {
			if !any || p.to == to {
				chosen[k], wanted[n] = p, p.from
				break
			}
		}
	}
	return chosen
}

func (s *search) tellAll(said []stepTaken, chosen []passage) []string {
	at := s.w.begin()
	var here [maxNodes]uint32
	for n := range s.w.cfg.Sentinels {
		here[n] = s.w.sets[at.node[n]].members[0]
	}
	var lines []string
	steps := 0
	for k, t := range said {
		for _, in := range chosen[k].path {
			steps++
			lines = append(lines, fmt.Sprintf("%3d. %s", steps, s.w.tellStep(&here[t.node], &at.net, int(t.node), in)))
		}
		more := t.said.minus(at.net)
		more.each(func(bit int) { lines = append(lines, "       => "+s.w.book.list[bit].String()+" (to whoever asks)") })
		at.net.union(t.said)
	}
	return lines
}

// tellStep takes a step and says what happens.
func (w *world) tellStep(local *uint32, net *facts, n int, in input) string {
	r := w.restore(*local)
	text := nodeName(n) + ": " + w.inWords(r, in)
	r.verbose = true
	r.apply(in)
	o := w.after(*local, in)
	*local = o.to
	text += w.aftermath(r, o.sent.minus(*net))
	net.union(o.sent)
	return text
}

// aftermath is what a step has caused, a line each.
func (w *world) aftermath(r *rig, said facts) (text string) {
	for _, e := range r.events {
		text += "\n       " + shorten(e)
	}
	said.each(func(bit int) { text += "\n       => " + w.book.list[bit].String() })
	return text
}

// inWords says what an input is.
func (w *world) inWords(r *rig, in input) string {
	i := &w.in
	switch {
	case in < i.expire:
		return "hears: " + w.book.list[in].String()
	case in < i.answers:
		k := int(in - i.expire)
		return fmt.Sprintf("%s: %s", masterName(k/len(waits)), waits[k%len(waits)])
	case in < i.write:
		k := int(in - i.answers)
		return fmt.Sprintf("%s: what %s said expires", masterName(k/w.cfg.Sentinels), nodeName(k%w.cfg.Sentinels))
	}
	if in >= i.raise {
		return fmt.Sprintf("votes about another master at epoch %d", in-i.raise+1)
	}
	switch in {
	case i.write:
		return "the disk has written " + inFile(r.core.InFlight())
	case i.writeFails:
		return "the disk fails to write " + inFile(r.core.InFlight())
	case i.retry:
		return monitor.WaitDisk.String()
	case i.stall:
		return monitor.WaitStall.String()
	case i.save:
		return "something else has the configuration saved"
	case i.crashDone:
		return "CRASHES after the disk has written " + inFile(r.core.InFlight()) + ", and starts again"
	}
	if r.core.InFlight() != nil {
		return "CRASHES before the disk has written " + inFile(r.core.InFlight()) + ", and starts again"
	}
	return "CRASHES, and starts again"
}

func inFile(p *monitor.Persist) string {
	if p == nil {
		return "anything"
	}
	text := fmt.Sprintf("epoch %d", p.State.CurrentEpoch)
	for _, m := range p.State.Masters {
		text += fmt.Sprintf(", %s vote %d", m.Name, m.LeaderEpoch)
	}
	return "(" + text + ")"
}

// shorten makes run ids readable.
func shorten(text string) string { return strings.ReplaceAll(text, "_", "") }
