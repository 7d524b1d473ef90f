package explore

import (
	"context"
	"fmt"
	"math/bits"
	"slices"
	"time"
)

// state is one state of the whole world: what was ever said, and for each
// Sentinel the local states that it can be in right after it said its last.
type state struct {
	node [maxNodes]uint32 // places in world.sets
	net  facts
}

// Result is what a search found.
type Result struct {
	Config Config
	// Violation is the first broken promise, and Trace how it comes to it on a
	// shortest way. Both are empty when every state keeps all of them.
	Violation string
	Trace     []string
	// Complete says that every state within the bounds was visited.
	Complete bool

	States      int // different ones, up to symmetry
	Transitions int
	Depth       int // steps of the longest shortest way to a state
	Beyond      int // transitions not followed, because they need a later epoch
	Locals      int // different states of single Sentinels
	Steps       int // taken by real cores
	Votes       int // different votes seen
	Leaders     int // states with a leader; alone, steps that win an election
	Elapsed     time.Duration
}

// String is a line about a search.
func (r Result) String() string {
	s := fmt.Sprintf("%v: %d states, %d transitions, depth %d, %d steps of a core", r.Config, r.States, r.Transitions, r.Depth, r.Steps)
	if r.Config.Alone {
		s += fmt.Sprintf(", %d elections won", r.Leaders)
	} else {
		s += fmt.Sprintf(", %d states of a Sentinel, %d states with a leader", r.Locals, r.Leaders)
	}
	if t := r.Elapsed.Seconds(); t > 0 {
		s += fmt.Sprintf(", %.0f states/s", float64(r.States)/t)
	}
	switch {
	case r.Violation != "":
		s += "; VIOLATION: " + r.Violation
	case !r.Complete:
		s += "; NOT COMPLETE"
	}
	return s
}

// search is a breadth-first search, so that the first violation is found on a
// shortest way.
type search struct {
	w     *world
	seen  set
	trail []stepTaken // one for each state, by number
	level []numbered
	next  []numbered
	r     Result
	limit int
	ended func() bool // whether to give up
	clock func() time.Duration
	tell  func(Result)

	// Of the Sentinel that goes on alone:
	path  []pathStep
	exits []exit
	fault string   // the promise that it breaks
	stamp []uint64 // when each local state was last met
	begun uint64
	todo  []uint32
	order []uint32 // as walk has done with them
	// exitAt is the first exit that leads to each local state, or -1.
	exitAt []int32
}

type numbered struct {
	state
	id uint32
}

// stepTaken is how a state was reached: Sentinel node has said something.
type stepTaken struct {
	from uint32
	node uint8
	said facts
}

// Explore visits every state of the world that c describes, or as many as
// c.MaxStates allows, until one breaks a promise or ctx ends. clock measures how
// long it takes; progress is told about each level of depth. Both may be nil.
//
// Unless ctx ends, the result is determined by c alone, but for Elapsed.
func Explore(ctx context.Context, c Config, clock func() time.Duration, progress func(Result)) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	if clock == nil {
		clock = func() time.Duration { return 0 }
	}
	if c.Alone {
		return exploreAlone(ctx, c, clock, progress), nil
	}
	s := newSearch(c)
	s.tell, s.clock = progress, clock
	s.ended = func() bool { return ctx.Err() != nil }
	s.run()
	return s.r, nil
}

func newSearch(c Config) *search {
	s := &search{w: newWorld(c), limit: c.maxStates(), r: Result{Config: c}}
	s.clock = func() time.Duration { return 0 }
	s.ended = func() bool { return false }
	return s
}

func (s *search) run() {
	begun := s.clock()
	first := s.w.begin()
	s.seen.add(s.w.canonical(&first))
	s.visit(first, stepTaken{})
	for len(s.next) > 0 && s.more() {
		s.level, s.next = s.next, s.level[:0]
		for k := range s.level {
			if s.expand(&s.level[k]); !s.more() {
				break
			}
		}
		s.r.Depth++
		s.measure(begun)
		if s.tell != nil {
			s.tell(s.r)
		}
	}
	s.r.Complete = len(s.next) == 0 && s.r.States < s.limit && !s.ended()
	s.measure(begun)
}

// more reports whether there is a reason to go on.
func (s *search) more() bool {
	return s.r.Violation == "" && s.r.States < s.limit && !s.ended()
}

func (s *search) measure(begun time.Duration) {
	s.r.Locals, s.r.Steps, s.r.Elapsed = len(s.w.locals), s.w.steps, s.clock()-begun
}

// expand has every Sentinel say what it can say in a state.
func (s *search) expand(at *numbered) {
	for n := range s.w.cfg.Sentinels {
		if s.r.Violation != "" {
			return
		}
		s.advance(&at.state, n)
		if s.fault != "" {
			s.violated(at, n, s.fault, s.exits[0].said)
			return
		}
		s.leave(at, n, s.prune(at.net))
	}
}

// pathStep is a local state on the way of a Sentinel that goes on alone.
type pathStep struct {
	local uint32
	from  int32 // the step before; -1 at the beginning
	by    input
}

// exit is a step by which a Sentinel says something.
type exit struct {
	from    int32 // a step of the path
	by      input
	local   uint32 // the local state that it leads to
	said    facts  // that was not in the network
	covered bool   // by another exit
	next    int32  // another exit that leads to local, or -1
}

// advance has Sentinel n go on alone from all local states that it can be in, until
// another Sentinel can see a difference, that is, until it says something new. What
// it does before stays between it and itself, so it can as well be done right
// before that.
func (s *search) advance(at *state, n int) {
	w := s.w
	s.begun++
	s.exits, s.path, s.fault = s.exits[:0], s.path[:0], ""
	for _, local := range w.sets[at.node[n]].members {
		s.mark(local)
		s.path = append(s.path, pathStep{local: local, from: -1})
	}
	sources := len(s.path)
	for k := 0; k < len(s.path) && s.fault == ""; k++ {
		if w.cfg.Everything && k == sources {
			return // every step is a step of the world
		}
		local := s.path[k].local
		ready := w.locals[local].ready.and(at.net)
		for j, word := range ready {
			for ; word != 0; word &= word - 1 {
				s.step(at.net, int32(k), input(j<<6+bits.TrailingZeros64(word)))
			}
		}
		for acts := w.locals[local].acts; acts != 0; acts &= acts - 1 {
			s.step(at.net, int32(k), w.acts[bits.TrailingZeros64(acts)])
		}
	}
}

// mark notes a local state as met and reports whether it is new.
func (s *search) mark(local uint32) bool {
	for len(s.stamp) < len(s.w.locals) {
		s.stamp = append(s.stamp, 0)
	}
	if s.stamp[local] == s.begun {
		return false
	}
	s.stamp[local] = s.begun
	return true
}

// step has one thing happen in a local state.
func (s *search) step(net facts, k int32, in input) {
	w, local := s.w, s.path[k].local
	o := w.after(local, in)
	switch o.kind {
	case nothing:
		return
	case beyond:
		s.r.Beyond++
		return
	case broken:
		s.fault = w.faults[outcomeKey{local, in}]
		s.exits = append(s.exits[:0], exit{from: k, by: in, local: o.to, said: o.sent.minus(net)})
		return
	}
	s.r.Transitions++
	said := o.sent.minus(net)
	if said != (facts{}) || w.cfg.Everything {
		s.exits = append(s.exits, exit{from: k, by: in, local: o.to, said: said})
	} else if s.mark(o.to) {
		s.path = append(s.path, pathStep{local: o.to, from: k, by: in})
	}
}

// prune returns the exits that matter, those which say the same next to each
// other. An exit does not matter when the Sentinel can come to the same state
// from another one that says as much, by going on alone.
func (s *search) prune(net facts) []exit {
	if s.w.cfg.Everything {
		return s.exits
	}
	for k := range s.exits {
		s.extend(net, &s.exits[k])
	}
	slices.SortStableFunc(s.exits, func(a, b exit) int { return slices.Compare(a.said[:], b.said[:]) })
	s.place()
	for _, group := range saying(s.exits) {
		s.cover(net, group)
	}
	for k := range s.exits {
		s.exitAt[s.exits[k].local] = -1
	}
	s.exits = slices.DeleteFunc(s.exits, func(e exit) bool { return e.covered })
	return s.exits
}

// saying divides exits into groups that say the same.
func saying(exits []exit) (groups [][]exit) {
	for len(exits) > 0 {
		same := 1
		for same < len(exits) && exits[same].said == exits[0].said {
			same++
		}
		groups, exits = append(groups, exits[:same]), exits[same:]
	}
	return groups
}

// place chains the exits that lead to the same local state.
func (s *search) place() {
	for len(s.exitAt) < len(s.w.locals) {
		s.exitAt = append(s.exitAt, -1)
	}
	for k := range s.exits {
		e := &s.exits[k]
		e.next, s.exitAt[e.local] = s.exitAt[e.local], int32(k)
	}
}

// extend adds to what is said at an exit all that the Sentinel can say then
// without any change to itself: it loses nothing by saying it.
func (s *search) extend(net facts, e *exit) {
	net.union(e.said)
	for again := true; again; {
		again = false
		for _, x := range s.w.echoesOf(e.local) {
			if more := x.sent.minus(net); more != (facts{}) && (x.free || x.by.meets(net)) {
				net.union(more)
				e.said.union(more)
				again = true
			}
		}
	}
}

// cover marks the exits that those of a group cover, which all say the same. Of
// the group itself only as many remain as it takes to come to all of it: the first
// walk puts those in front that lead to others and are not led back to; then
// what the second walk meets on the way from one in front is covered.
func (s *search) cover(net facts, group []exit) {
	said := group[0].said
	net.union(said)
	s.begun++
	s.order = s.order[:0]
	for k := range group {
		if !group[k].covered {
			s.walk(net, group[k].local)
		}
	}
	order := slices.Clone(s.order)
	s.begun++
	for k := len(order) - 1; k >= 0; k-- {
		root := s.uncovered(order[k], said)
		if root == nil || s.stamp[order[k]] == s.begun {
			continue
		}
		s.order = s.order[:0]
		s.walk(net, root.local)
		for _, met := range s.order {
			s.coverAt(met, said)
		}
		root.covered = false
	}
}

func (s *search) firstExit(local uint32) int32 {
	if int(local) >= len(s.exitAt) {
		return -1 // a local state that was met for the first time after place
	}
	return s.exitAt[local]
}

// uncovered returns an exit to a local state that says exactly this and is not
// covered, or nil.
func (s *search) uncovered(local uint32, said facts) *exit {
	for k := s.firstExit(local); k >= 0; k = s.exits[k].next {
		if e := &s.exits[k]; e.said == said && !e.covered {
			return e
		}
	}
	return nil
}

// coverAt marks the exits to a local state that say this or less.
func (s *search) coverAt(local uint32, said facts) {
	for k := s.firstExit(local); k >= 0; k = s.exits[k].next {
		if e := &s.exits[k]; e.said.minus(said) == (facts{}) {
			e.covered = true
		}
	}
}

// walk visits all local states that a Sentinel can come to by going on alone, but
// for those that were met before, and appends them to s.order in the order in
// which it has done with them.
func (s *search) walk(net facts, from uint32) {
	const done = 1 << 31
	w, todo := s.w, append(s.todo[:0], from)
	for len(todo) > 0 {
		local := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if local&done != 0 {
			s.order = append(s.order, local&^done)
			continue
		}
		if !s.mark(local) {
			continue
		}
		todo = append(todo, local|done)
		visit := func(in input) {
			if o := w.after(local, in); o.kind == changes && o.sent.minus(net) == (facts{}) {
				todo = append(todo, o.to)
			}
		}
		ready := w.locals[local].ready.and(net)
		ready.each(func(bit int) { visit(input(bit)) })
		for acts := w.locals[local].acts; acts != 0; acts &= acts - 1 {
			visit(w.acts[bits.TrailingZeros64(acts)])
		}
	}
	s.todo = todo
}

// leave follows the exits of Sentinel n, one state of the world for all that say
// the same.
func (s *search) leave(at *numbered, n int, exits []exit) {
	w := s.w
	for len(exits) > 0 && s.r.Violation == "" {
		same := 1
		for same < len(exits) && exits[same].said == exits[0].said && !w.cfg.Everything {
			same++
		}
		members := make([]uint32, 0, same)
		for _, e := range exits[:same] {
			members = append(members, e.local)
		}
		said := exits[0].said
		exits = exits[same:]
		to := at.state
		to.node[n] = w.setOf(members)
		to.net.union(said)
		why := ""
		said.each(func(bit int) { why = first(why, w.contradiction(w.book.list[bit], &to)) })
		if why != "" {
			s.violated(at, n, why, said)
			return
		}
		if s.seen.add(w.canonical(&to)) {
			s.visit(to, stepTaken{from: at.id, node: uint8(n), said: said})
		}
	}
}

func (s *search) violated(at *numbered, n int, why string, said facts) {
	s.r.Violation = why
	s.r.Trace = s.explain(append(s.trail, stepTaken{from: at.id, node: uint8(n), said: said}))
}

func (s *search) visit(to state, how stepTaken) {
	s.next = append(s.next, numbered{to, uint32(len(s.trail))})
	s.trail = append(s.trail, how)
	s.r.States++
	if s.w.leaders.meets(to.net) {
		s.r.Leaders++
	}
}

// canonical returns a fingerprint of the state that all states share which
// differ from it by an exchange of Sentinels or of masters.
func (w *world) canonical(s *state) uint64 {
	best := [maxNodes]uint32{^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0)}
	net, all, asked, requests := facts{}, s.net, 0, 0
	if !w.cfg.Everything && !w.exact {
		all, asked = w.relevant(s)
	}
	for k := range w.syms {
		y := &w.syms[k]
		var form [maxNodes]uint32
		for n := range w.cfg.Sentinels {
			form[y.node[n]] = w.sets[s.node[n]].forms[k]
		}
		order := compare(&form, &best)
		if order > 0 {
			continue
		}
		mapped := y.apply(all)
		if order < 0 || less(&mapped, &net) {
			best, net, requests = form, mapped, y.masters(asked)
		}
	}
	h := mix(0x9e3779b97f4a7c15, uint64(requests))
	for n := range w.cfg.Sentinels {
		h = mix(h, uint64(best[n]))
	}
	for _, f := range net {
		h = mix(h, f)
	}
	return h
}

func compare(a, b *[maxNodes]uint32) int {
	for k := range a {
		switch {
		case a[k] < b[k]:
			return -1
		case a[k] > b[k]:
			return 1
		}
	}
	return 0
}

func less(a, b *facts) bool {
	for k := range a {
		if a[k] != b[k] {
			return a[k] < b[k]
		}
	}
	return false
}

// mix folds v into h, so that every bit of both matters to every bit.
func mix(h, v uint64) uint64 {
	hi, lo := bits.Mul64(h^v^0xa0761d6478bd642f, v^0xe7037ed1a0b428db^h<<32)
	h = hi ^ lo ^ bits.RotateLeft64(h, 23)
	h ^= h >> 29
	h *= 0xbf58476d1ce4e5b9
	return h ^ h>>32
}

// set is a set of fingerprints: a hash table without pointers.
type set struct {
	slots []uint64
	used  int
}

// add reports whether v is new.
func (s *set) add(v uint64) bool {
	if v == 0 {
		v = 1
	}
	if 3*(s.used+1) > 2*len(s.slots) {
		s.grow()
	}
	mask := uint64(len(s.slots) - 1)
	for k := v & mask; ; k = (k + 1) & mask {
		switch s.slots[k] {
		case v:
			return false
		case 0:
			s.slots[k] = v
			s.used++
			return true
		}
	}
}

func (s *set) grow() {
	old := s.slots
	s.slots = make([]uint64, max(1<<16, 2*len(old)))
	mask := uint64(len(s.slots) - 1)
	for _, v := range old {
		if v == 0 {
			continue
		}
		k := v & mask
		for s.slots[k] != 0 {
			k = (k + 1) & mask
		}
		s.slots[k] = v
	}
}
