package explore

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A soloSearch explores one Sentinel that may be told anything; the comment of the
// package says why that is enough. S3 rests on four things, each checked at every
// step: a vote that is told is on disk ([world.durable]) and was given
// ([world.meant]); what was given is not given again to another in the same
// process, nor at an epoch that was on disk when the process began
// ([world.checkStep]). For S4 see [world.countedWell].

// soloState is a Sentinel in a state that has not been explored yet.
type soloState struct {
	id  uint32
	rig *rig
	is  outline
}

// origin says how a state was reached first.
type origin struct {
	from uint32
	by   input
}

// soloSearch is the search. Several workers explore the states of one depth at once.
type soloSearch struct {
	w       *world
	seen    set
	trail   []origin
	level   []soloState
	next    []soloState
	workers []*worker
	r       Result
	limit   int
	clock   func() time.Duration
	ended   func() bool // whether to give up
	look    func(*rig)  // at each state, when set
}

// chunk is how many states a goroutine takes at once, and round how many chunks
// are explored before what was found is gathered.
const (
	chunk = 64
	round = 128
)

func exploreAlone(ctx context.Context, c Config, clock func() time.Duration, progress func(Result)) Result {
	s := newSoloSearch(c, clock)
	s.ended = func() bool { return ctx.Err() != nil }
	s.run(progress)
	return s.r
}

func newSoloSearch(c Config, clock func() time.Duration) *soloSearch {
	s := &soloSearch{w: newWorld(c), r: Result{Config: c}, limit: c.maxStates(), clock: clock, ended: func() bool { return false }}
	for range runtime.GOMAXPROCS(0) {
		s.workers = append(s.workers, newWorker(c))
	}
	return s
}

func (s *soloSearch) run(progress func(Result)) {
	begun := s.clock()
	first := s.w.boot(0, saved{})
	s.take(found{fingerprint: s.workers[0].canonical(first), rig: first, is: first.outline()})
	for len(s.next) > 0 && s.more() {
		s.level, s.next = s.next, s.level[:0]
		for at := 0; at < len(s.level) && s.more(); at += chunk * round {
			s.expand(s.level[at:min(at+chunk*round, len(s.level))])
		}
		s.r.Depth++
		s.r.Elapsed = s.clock() - begun
		if progress != nil {
			progress(s.r)
		}
	}
	s.r.Complete = len(s.next) == 0 && s.more()
	s.r.Locals, s.r.Elapsed = s.r.States, s.clock()-begun
}

// more reports whether there is a reason to go on.
func (s *soloSearch) more() bool {
	return s.r.Violation == "" && s.r.States < s.limit && !s.ended()
}

// expand takes all steps from some states. The result does not depend on which
// goroutine takes which: what they find is gathered in the order of the states.
func (s *soloSearch) expand(level []soloState) {
	results := make([]batch, (len(level)+chunk-1)/chunk)
	var taken atomic.Int64
	var all sync.WaitGroup
	for _, h := range s.workers {
		all.Go(func() {
			for {
				k := int(taken.Add(1)) - 1
				if k >= len(results) {
					return
				}
				results[k] = h.work(level[k*chunk : min(k*chunk+chunk, len(level))])
			}
		})
	}
	all.Wait()
	for k := range results {
		s.merge(&results[k])
	}
}

func (s *soloSearch) merge(h *batch) {
	s.r.Transitions, s.r.Beyond, s.r.Steps, s.r.Leaders = s.r.Transitions+h.transitions, s.r.Beyond+h.beyond, s.r.Steps+h.steps, s.r.Leaders+h.leaders
	for k := range h.found {
		s.take(h.found[k])
	}
	if h.violation != "" && s.r.Violation == "" {
		s.r.Violation, s.r.Trace = h.violation, s.explain(h.from, h.by)
	}
}

func (s *soloSearch) take(f found) {
	if !s.seen.add(f.fingerprint) {
		s.workers[int(f.from)%len(s.workers)].free.put(f.rig)
		return
	}
	if s.look != nil {
		s.look(f.rig)
	}
	s.next = append(s.next, soloState{uint32(len(s.trail)), f.rig, f.is})
	s.trail = append(s.trail, origin{f.from, f.by})
	s.r.States++
}

// found is a state that was reached, perhaps again.
type found struct {
	origin
	fingerprint uint64
	rig         *rig
	is          outline
}

// batch is what came out of some states.
type batch struct {
	found                               []found
	transitions, beyond, steps, leaders int

	violation string
	origin    // the step that breaks a promise
}

// worker explores states, one after the other. Each goroutine has its own.
type worker struct {
	w         *world
	inputs    []input
	to0       [maxNodes][]*symmetry // those that bring each Sentinel to the first place
	met       set                   // what was found by this worker, as it is
	newborn   map[saved]*rig
	free      pool
	enc, best []byte
}

func newWorker(c Config) *worker {
	h := &worker{w: newWorld(c), newborn: map[saved]*rig{}}
	for bit, f := range h.w.book.list {
		if f.kind != leader && (f.kind == hello || f.node != 0) {
			h.inputs = append(h.inputs, input(bit))
		}
	}
	h.inputs = append(h.inputs, h.w.acts...)
	for k := range h.w.syms {
		for n := range c.Sentinels {
			if y := &h.w.syms[k]; y.node[n] == 0 {
				h.to0[n] = append(h.to0[n], y)
			}
		}
	}
	return h
}

func (h *worker) work(level []soloState) (out batch) {
	for k := range level {
		h.explore(&level[k], &out)
		h.free.put(level[k].rig)
		level[k].rig = nil
		if out.violation != "" {
			break
		}
	}
	return out
}

// explore has everything happen to a Sentinel that can.
func (h *worker) explore(c *soloState, out *batch) {
	w := h.w
	here := c.rig.encode(nil, &w.syms[0])
	var spare *rig
	for _, in := range h.inputs {
		r := spare
		if spare = nil; r == nil {
			r = h.free.copyOf(c.rig)
			r.w = w
		}
		out.steps++
		happens := h.happens(r, &c.is, in)
		switch {
		case !happens:
			spare = r
			continue
		case r.beyond:
			out.beyond++
			h.free.put(r)
			continue
		}
		is := r.outline()
		if why := w.checkStep(&c.is, &is, in, r.sent); why != "" {
			out.violation, out.origin = why, origin{c.id, in}
			return
		}
		if r.sent.meets(w.leaders) {
			out.leaders++
		}
		h.enc = r.encode(h.enc[:0], &w.syms[0])
		if same := bytes.Equal(h.enc, here); same && is == c.is {
			spare = r
			continue
		} else if !same {
			out.transitions++
			if h.met.add(fingerprint(h.enc)) {
				out.found = append(out.found, found{origin{c.id, in}, h.canonical(r), r, is})
				continue
			}
		}
		h.free.put(r)
	}
	h.free.put(spare)
}

// happens has one thing happen to r, which looks like is. All that crash with the same on disk are
// born again the same.
func (h *worker) happens(r *rig, is *outline, in input) bool {
	i := &h.w.in
	if in != i.crash && in != i.crashDone {
		return r.apply(in)
	}
	d := is.disk
	if in == i.crashDone {
		if d = is.writing; !is.pending {
			return false
		}
	}
	n := h.newborn[d]
	if n == nil {
		n = h.w.boot(r.node, d)
		h.newborn[d] = n
	}
	n.copyTo(r)
	r.sent = n.sent
	return true
}

// canonical returns a fingerprint that all states share which differ by an
// exchange of the other Sentinels or of the masters.
func (h *worker) canonical(r *rig) uint64 { return h.canonicalOf(r, nil) }

// canonicalOf is canonical for some of the masters alone; nil means all.
func (h *worker) canonicalOf(r *rig, masters []int) uint64 {
	h.best = append(h.best[:0], 0xff, 0xff, 0xff, 0xff, 0xff)
	for _, y := range h.to0[r.node] {
		as := *y
		if masters != nil {
			as.order = masters
		}
		h.enc = r.encode(h.enc[:0], &as)
		if bytes.Compare(h.enc, h.best) < 0 {
			h.enc, h.best = h.best, h.enc
		}
	}
	return fingerprint(h.best)
}

func fingerprint(b []byte) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for ; len(b) >= 8; b = b[8:] {
		h = mix(h, uint64(b[0])|uint64(b[1])<<8|uint64(b[2])<<16|uint64(b[3])<<24|uint64(b[4])<<32|uint64(b[5])<<40|uint64(b[6])<<48|uint64(b[7])<<56)
	}
	last := uint64(len(b)) << 56
	for k, v := range b {
		last |= uint64(v) << (8 * k)
	}
	return mix(h, last)
}

// explain describes the path that ends with a broken promise.
func (s *soloSearch) explain(from uint32, by input) []string {
	path := []input{by}
	for k := from; k != 0; k = s.trail[k].from {
		path = append(path, s.trail[k].by)
	}
	r := s.w.boot(0, saved{})
	r.verbose = true
	var lines []string
	for k := len(path) - 1; k >= 0; k-- {
		text := s.w.inWords(r, path[k])
		r.apply(path[k])
		lines = append(lines, fmt.Sprintf("%3d. %s%s", len(path)-k, text, s.w.aftermath(r, r.sent)))
	}
	return lines
}
