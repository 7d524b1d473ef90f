package explore

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"github.com/gosentinel/sentinel/monitor"
)

// world is what stays the same during a search, and the table of local states.
//
// A local state is one Sentinel with its disk. There are few of them compared
// with the states of the whole world, which are combinations. So each step of a
// core is taken only once: the outcome of an input in a local state is
// remembered, and all else is arithmetic on numbers of local states.
type world struct {
	cfg  Config
	book *codebook
	in   inputs
	syms []symmetry

	locals    []local
	sets      []localSet
	bySet     map[string]uint32
	byKey     map[string]uint32 // local states of one Sentinel by their encoding
	forms     map[string]uint32 // encodings after an exchange, which belong to no Sentinel
	births    map[birthKey]uint32
	acts      []input // what can happen besides deliveries
	strangers facts   // hellos of a stranger
	leaders   facts   // all facts of this kind
	about     [maxMasters][maxEpochs + 1]facts
	hellos    [maxEpochs + 1]facts

	steps int // taken by cores
	rigs  rigCache
	// exact has states told apart that differ only in what is past, see relevant.
	exact bool
	// note, if set, is told of every step that leads to a local state known before.
	note   func(step local, to uint32)
	faults map[outcomeKey]string // promises broken by a step
}

type outcomeKey struct {
	from uint32
	in   input
}

type birthKey struct {
	node int
	disk saved
}

// local is one local state. It keeps no core: the inputs since the birth of the
// process bring it back.
type local struct {
	outline
	birth  bool
	from   uint32 // the state before, unless birth
	by     input
	forms  []uint32 // its encoding under each symmetry
	next   []outcome
	ready  facts  // messages that can make a difference here
	acts   uint64 // places in world.acts of what can happen here by itself
	echoes []echo
	echoed bool // echoes is complete
}

// echo is what a Sentinel says again and again: any of the facts in by, or
// nothing at all, makes it send what it sends, and leaves it as it is.
type echo struct {
	by   facts
	free bool // it needs nothing
	sent facts
}

// outcome is what an input does in a local state.
type outcome struct {
	to   uint32
	kind outcomeKind
	sent facts
}

type outcomeKind uint8

const (
	unknown outcomeKind = iota
	nothing             // it cannot happen, or changes nothing
	beyond              // it needs an epoch beyond the last one
	broken              // it breaks a promise: world.faults says which
	changes
)

func newWorld(c Config) *world {
	w := &world{cfg: c, book: newCodebook(c), byKey: map[string]uint32{}, forms: map[string]uint32{}, births: map[birthKey]uint32{}, bySet: map[string]uint32{}, faults: map[outcomeKey]string{}}
	w.in = newInputs(c, w.book)
	w.syms = symmetries(c, w.book)
	w.acts = w.in.acts(c)
	for bit, f := range w.book.list {
		switch f.kind {
		case leader:
			w.leaders.add(bit)
		case hello:
			w.hellos[f.epoch].add(bit)
		}
		if f.kind != hello && f.kind != opinion {
			w.about[f.master][f.epoch].add(bit)
		}
	}
	if c.Meddling {
		for e := monitor.Epoch(1); e <= c.Epochs; e++ {
			w.strangers.add(w.book.index[fact{kind: hello, epoch: e}])
		}
	}
	return w
}

// begin returns the first state: all have just started, and has found the
// masters down.
func (w *world) begin() state {
	s := state{net: w.strangers}
	for n := range w.cfg.Sentinels {
		s.node[n] = w.setOf([]uint32{w.born(n, saved{})})
	}
	for m := range w.cfg.Masters {
		for n := range w.cfg.Sentinels {
			if w.cfg.Quorum > 1 && w.saysDown(n, m) {
				s.net.add(w.book.index[fact{kind: opinion, master: m, node: n}])
			}
		}
	}
	return s
}

// saysDown asks a Sentinel for its opinion about a master.
func (w *world) saysDown(n, m int) bool {
	r := w.boot(n, saved{})
	r.core.Step(now, monitor.Ask{From: 99, IP: "10.0.0." + strconv.Itoa(m+1), Port: 6379})
	r.core.Drain(&r.out)
	for _, e := range r.out.Free {
		if reply, ok := e.(monitor.Reply); ok && reply.To == 99 {
			return reply.Down
		}
	}
	return false
}

// born returns the state of a Sentinel that starts from what a disk holds.
func (w *world) born(n int, d saved) uint32 {
	key := birthKey{n, d}
	if id, ok := w.births[key]; ok {
		return id
	}
	id := w.intern(w.boot(n, d), local{birth: true})
	w.births[key] = id
	return id
}

// intern returns the number of the local state that r is in.
func (w *world) intern(r *rig, how local) uint32 {
	enc := string(append(r.encode(nil, &w.syms[0]), byte(r.node)))
	if id, ok := w.byKey[enc]; ok {
		if w.note != nil && !how.birth {
			w.note(how, id)
		}
		return id
	}
	l := how
	l.outline = r.outline()
	for k := range w.syms {
		l.forms = append(l.forms, number(w.forms, string(r.encode(nil, &w.syms[k]))))
	}
	l.ready, l.acts = w.deliverable(&l), 1<<len(w.acts)-1
	l.next = make([]outcome, w.in.count)
	id := uint32(len(w.locals))
	w.locals = append(w.locals, l)
	w.byKey[enc] = id
	return id
}

func number(table map[string]uint32, key string) uint32 {
	id, ok := table[key]
	if !ok {
		id = uint32(len(table))
		table[key] = id
	}
	return id
}

// deliverable returns the facts whose delivery can matter in a local state. A
// vote that is heard while no votes are being counted could as well be heard when
// they are, for it stays in the network.
func (w *world) deliverable(l *local) (f facts) {
	for bit, a := range w.book.list {
		switch {
		case a.kind == leader || a.kind != hello && a.node == int(l.node):
		case a.kind == vote && l.voting[a.master] == 0 && !w.cfg.Everything:
		default:
			f.add(bit)
		}
	}
	return f
}

// encode appends the local state as it looks after an exchange.
func (r *rig) encode(dst []byte, s *symmetry) []byte {
	dst = binary.AppendUvarint(dst, uint64(r.disk.epoch))
	for _, m := range s.order {
		dst = binary.AppendUvarint(dst, uint64(r.disk.leader[m]))
	}
	return r.core.AppendElection(dst, func(id monitor.RunID) byte { return byte(s.node[indexOf(id)]) }, s.order)
}

// after returns the outcome of an input.
func (w *world) after(id uint32, in input) outcome {
	if o := w.locals[id].next[in]; o.kind != unknown {
		return o
	}
	o := w.take(id, in)
	l := &w.locals[id]
	l.next[in] = o
	if o.kind != nothing {
		return o
	}
	if in < w.in.expire {
		l.ready.remove(int(in))
	} else {
		l.acts &^= 1 << slices.Index(w.acts, in)
	}
	return o
}

func (w *world) take(id uint32, in input) outcome {
	switch l := &w.locals[id]; {
	case in == w.in.crash:
		return w.changed(id, in, w.born(int(l.node), l.disk), facts{})
	case in == w.in.crashDone && !l.pending:
		return outcome{kind: nothing}
	case in == w.in.crashDone:
		return w.changed(id, in, w.born(int(l.node), l.writing), facts{})
	}
	r := w.spare(id)
	w.steps++
	if !r.apply(in) {
		w.rigs.leave(r, id)
		return outcome{kind: nothing}
	}
	if r.beyond {
		w.rigs.free.put(r)
		return outcome{kind: beyond}
	}
	known, sent := len(w.locals), r.sent
	to := w.intern(r, local{from: id, by: in})
	if int(to) == known {
		w.rigs.keep(to, r)
	} else {
		w.rigs.leave(r, to)
	}
	return w.changed(id, in, to, sent)
}

// echoesOf returns what a Sentinel in a local state can say without any change
// to itself.
func (w *world) echoesOf(id uint32) []echo {
	if w.locals[id].echoed {
		return w.locals[id].echoes
	}
	var list []echo
	note := func(in input, bit int) {
		o := w.after(id, in)
		if o.kind != changes || o.to != id {
			return
		}
		k := slices.IndexFunc(list, func(e echo) bool { return e.sent == o.sent })
		if k < 0 {
			k = len(list)
			list = append(list, echo{sent: o.sent})
		}
		if bit < 0 {
			list[k].free = true
		} else {
			list[k].by.add(bit)
		}
	}
	w.locals[id].ready.each(func(bit int) { note(input(bit), bit) })
	for _, in := range w.acts {
		note(in, -1)
	}
	w.locals[id].echoes, w.locals[id].echoed = list, true
	return list
}

// localSet is a set of local states of one Sentinel.
type localSet struct {
	members []uint32 // in ascending order
	forms   []uint32 // its encoding under each symmetry
}

// setOf returns the number of a set.
func (w *world) setOf(members []uint32) uint32 {
	slices.Sort(members)
	members = slices.Compact(members)
	key := fmt.Sprint(members)
	if id, ok := w.bySet[key]; ok {
		return id
	}
	set := localSet{members: members}
	for k := range w.syms {
		var forms []uint32
		for _, id := range members {
			forms = append(forms, w.locals[id].forms[k])
		}
		slices.Sort(forms)
		set.forms = append(set.forms, number(w.forms, "set "+fmt.Sprint(forms)))
	}
	id := uint32(len(w.sets))
	w.sets = append(w.sets, set)
	w.bySet[key] = id
	return id
}

// relevant returns what of the network of a state can still make a difference. No
// vote can be given or counted at an epoch that every Sentinel has voted in or
// left behind, and has saved that, unless a Sentinel counts at it just now.
func (w *world) relevant(s *state) (net facts, asked int) {
	net = s.net
	for e := monitor.Epoch(1); e <= w.cfg.Epochs; e++ {
		if w.everyone(s, func(l *local) bool { return l.disk.epoch >= e }) {
			net = net.minus(w.hellos[e])
		}
		for m := range w.cfg.Masters {
			if w.everyone(s, func(l *local) bool { return l.past(m, e) }) {
				if net.minus(w.about[m][e]) != net {
					asked |= 1 << m // a request of any epoch gets the vote that stands
				}
				net = net.minus(w.about[m][e])
			}
		}
	}
	return net, asked
}

// everyone reports whether something holds of every local state that any Sentinel
// can be in.
func (w *world) everyone(s *state, is func(*local) bool) bool {
	for n := range w.cfg.Sentinels {
		for _, id := range w.sets[s.node[n]].members {
			if !is(&w.locals[id]) {
				return false
			}
		}
	}
	return true
}

// past reports whether a Sentinel can neither vote at an epoch any more nor count
// votes of it.
func (l *local) past(m int, e monitor.Epoch) bool {
	return l.voting[m] != e && (l.disk.leader[m] >= e || l.disk.epoch > e)
}

func (w *world) changed(from uint32, in input, to uint32, sent facts) outcome {
	if from == to && sent == (facts{}) {
		return outcome{kind: nothing}
	}
	if why := w.checkStep(&w.locals[from].outline, &w.locals[to].outline, in, sent); why != "" {
		w.faults[outcomeKey{from, in}] = why
		return outcome{to: to, kind: broken, sent: sent}
	}
	return outcome{to: to, kind: changes, sent: sent}
}

// rigCache keeps Sentinels in the local states that were met last, so that what
// can happen next happens to a copy of one instead of one that has to be replayed.
type rigCache struct {
	byLocal map[uint32]*rig
	ring    []uint32 // those that are kept; when it is full, the oldest is at place next
	next    int
	free    pool

	// spare is in local state spareAt, or nil: most of what can happen changes
	// nothing, and the next thing can happen to the same one.
	spare   *rig
	spareAt uint32
}

// rigsMost bounds the memory: a Sentinel takes some kilobytes.
const rigsMost = 1 << 15

// keep takes r, which is in local state id.
func (c *rigCache) keep(id uint32, r *rig) {
	if c.byLocal == nil {
		c.byLocal = make(map[uint32]*rig, rigsMost)
	}
	c.byLocal[id] = r
	if len(c.ring) < rigsMost {
		c.ring = append(c.ring, id)
		return
	}
	c.free.put(c.byLocal[c.ring[c.next]])
	delete(c.byLocal, c.ring[c.next])
	c.ring[c.next] = id
	c.next = (c.next + 1) % rigsMost
}

// leave makes r, which is in local state id, the spare one.
func (c *rigCache) leave(r *rig, id uint32) {
	c.free.put(c.spare)
	c.spare, c.spareAt = r, id
}

// spare returns a Sentinel in a local state, for the caller to use up.
func (w *world) spare(id uint32) *rig {
	c := &w.rigs
	if r := c.spare; r != nil && c.spareAt == id {
		c.spare = nil
		return r
	}
	r := c.byLocal[id]
	if r == nil {
		r = w.restore(id)
		c.keep(id, r)
	}
	return c.free.copyOf(r)
}

// restore brings a Sentinel back into a local state: it replays its inputs,
// from its start or from the last state that is kept.
func (w *world) restore(id uint32) *rig {
	var path []input
	r := w.rigs.byLocal[id]
	for ; r == nil && !w.locals[id].birth; r = w.rigs.byLocal[id] {
		path = append(path, w.locals[id].by)
		id = w.locals[id].from
	}
	if r == nil {
		r = w.boot(int(w.locals[id].node), w.locals[id].disk)
	} else {
		r = w.rigs.free.copyOf(r)
	}
	for k := len(path) - 1; k >= 0; k-- {
		r.apply(path[k])
	}
	return r
}
