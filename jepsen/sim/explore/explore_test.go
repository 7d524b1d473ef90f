package explore

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/race"
	"github.com/gosentinel/sentinel/monitor"
)

// small are worlds that are explored completely in a moment.
var small = []Config{
	{Sentinels: 3, Masters: 1, Epochs: 1, Quorum: 1},
	{Sentinels: 3, Masters: 1, Epochs: 1, Quorum: 2, Expiry: true},
	{Sentinels: 3, Masters: 1, Epochs: 1, Quorum: 1, DiskFaults: true, Meddling: true},
	{Sentinels: 4, Masters: 1, Epochs: 1, Quorum: 1, NoCrashes: true},
	{Sentinels: 2, Masters: 1, Epochs: 2, Quorum: 1},
	{Sentinels: 2, Masters: 2, Epochs: 1, Quorum: 1},
	{Sentinels: 1, Masters: 2, Epochs: 2, Quorum: 1},
}

// whole is called by a search that takes minutes with the race detector. The others show
// it all that runs at the same time.
func whole(t *testing.T) {
	t.Helper()
	if race.Enabled {
		t.Skip("make test runs this once more without the race detector")
	}
}

// TestElections demands that no state of the small worlds breaks a promise, and
// that there is a leader in some of them.
func TestElections(t *testing.T) {
	t.Parallel()
	for _, c := range small {
		r, err := Explore(t.Context(), c, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(r)
		if r.Violation != "" || !r.Complete {
			t.Errorf("%v: complete %t, %s\n%s", c, r.Complete, r.Violation, strings.Join(r.Trace, "\n"))
		}
		if r.Leaders == 0 || r.Depth < 3 {
			t.Errorf("%v: %d states with a leader, depth %d: that proves nothing", c, r.Leaders, r.Depth)
		}
	}
}

// TestMixedEpochs gives the Sentinels the way of stock to ask for votes and to
// count them. The search must find two leaders of one epoch by itself.
func TestMixedEpochs(t *testing.T) {
	t.Parallel()
	c := Config{Sentinels: 3, Masters: 1, Epochs: 2, Quorum: 1, Voters: 1, NoCrashes: true, Meddling: true, MixedEpochs: true}
	r, err := Explore(t.Context(), c, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v\n%s", r, strings.Join(r.Trace, "\n"))
	if !strings.HasPrefix(r.Violation, "S4: ") {
		t.Fatalf("violation %q, want two leaders (S4)", r.Violation)
	}
	if leads := strings.Count(strings.Join(r.Trace, "\n"), "=> n"); strings.Count(strings.Join(r.Trace, "\n"), "LEADS") != 2 || leads < 4 {
		t.Errorf("the trace does not show how two came to lead:\n%s", strings.Join(r.Trace, "\n"))
	}
}

// TestRepeats demands that a search is determined by its configuration.
func TestRepeats(t *testing.T) {
	a, _ := Explore(t.Context(), small[0], nil, nil)
	b, _ := Explore(t.Context(), small[0], nil, nil)
	if !reflect.DeepEqual(a, b) {
		t.Errorf("two searches differ:\n%v\n%v", a, b)
	}
}

// TestReductions explores worlds with and without the reductions. What was said
// in a state that the reduced search visits must be possible without them, and
// what can be said without them must be part of what the reduced search finds,
// with the same leaders.
func TestReductions(t *testing.T) {
	whole(t)
	t.Parallel()
	worlds := []Config{
		{Sentinels: 3, Masters: 1, Epochs: 1, Quorum: 1, NoCrashes: true},
		{Sentinels: 2, Masters: 1, Epochs: 1, Quorum: 1, DiskFaults: true},
		{Sentinels: 2, Masters: 1, Epochs: 2, Quorum: 1, NoCrashes: true, Voters: 1},
	}
	if *long {
		worlds = append(worlds, Config{Sentinels: 3, Masters: 1, Epochs: 2, Quorum: 1, NoCrashes: true, Voters: 2})
	}
	for _, c := range worlds {
		reduced, w := networks(c, true)
		most, _ := networks(c, false) // without what is past, too
		c.Everything = true
		full, _ := networks(c, true)
		for net := range reduced {
			if !full[net] {
				t.Errorf("%v: the reduced search finds what is not possible:\n%s", c, w.list(net))
			}
		}
		for net := range full {
			if !w.within(net, reduced) {
				t.Errorf("%v: the reduced search misses:\n%s", c, w.list(net))
			}
		}
		if a, b := w.leaderships(full), w.leaderships(most); !reflect.DeepEqual(a, b) {
			t.Errorf("%v: %d sets of leaders, reduced to %d", c, len(a), len(b))
		}
		t.Logf("%v: %d networks, reduced to %d, and to %d without what is past", c, len(full), len(reduced), len(most))
	}
}

// networks returns everything that the network can hold, up to symmetry.
func networks(c Config, exact bool) (map[facts]bool, *world) {
	s := newSearch(c)
	s.w.exact = exact
	all := map[facts]bool{s.w.least(s.w.begin().net): true}
	s.tell = func(Result) {
		for k := range s.next {
			all[s.w.least(s.next[k].net)] = true
		}
	}
	s.run()
	return all, s.w
}

// leaderships returns who can lead a master at one epoch, and who together. Who
// led at another epoch does not matter any more when that is past.
func (w *world) leaderships(nets map[facts]bool) map[facts]bool {
	sets := map[facts]bool{}
	for net := range nets {
		for m := range w.cfg.Masters {
			for e := monitor.Epoch(1); e <= w.cfg.Epochs; e++ {
				sets[w.least(net.and(w.leaders).and(w.about[m][e]))] = true
			}
		}
	}
	return sets
}

// least returns the same form of a network for all that are equal up to symmetry.
func (w *world) least(net facts) facts {
	best := net
	for k := range w.syms {
		if f := w.syms[k].apply(net); less(&f, &best) {
			best = f
		}
	}
	return best
}

func (w *world) within(net facts, in map[facts]bool) bool {
	for larger := range in {
		for k := range w.syms {
			f := w.syms[k].apply(net)
			if f.minus(larger) == (facts{}) && f.and(w.leaders) == larger.and(w.leaders) {
				return true
			}
		}
	}
	return false
}

func (w *world) list(net facts) (text string) {
	net.each(func(bit int) { text += fmt.Sprintln("  ", w.book.list[bit]) })
	return text
}

// TestEncoding checks that the encoding of a core leaves nothing out: wherever
// two histories lead to the same encoding, both cores must answer everything that
// can happen next in the same way. The search relies on it.
func TestEncoding(t *testing.T) {
	t.Parallel()
	for _, c := range []Config{
		{Sentinels: 3, Masters: 1, Epochs: 1, Quorum: 2, Expiry: true, DiskFaults: true},
		{Sentinels: 2, Masters: 2, Epochs: 1, Quorum: 1},
		{Sentinels: 2, Masters: 1, Epochs: 2, Quorum: 1},
	} {
		s := newSearch(c)
		type other struct {
			how local
			to  uint32
		}
		var others []other
		s.w.note = func(how local, to uint32) { others = append(others, other{how, to}) }
		s.run()
		s.w.note = nil
		compared := 0
		for k := 0; k < len(others); k += 1 + len(others)/20 {
			compared += s.w.alike(t, others[k].how, others[k].to)
		}
		t.Logf("%v: %d steps compared, of %d ways to a state known before", c, compared, len(others))
		if compared < 700 {
			t.Errorf("that is too few")
		}
	}
}

// alike compares what can happen after a step with what can happen in the local
// state that it is said to lead to.
func (w *world) alike(t *testing.T, how local, to uint32) int {
	t.Helper()
	for in := range w.in.count {
		a := w.restore(how.from)
		a.apply(how.by)
		b := w.restore(to)
		okA, okB := a.apply(in), b.apply(in)
		same := &w.syms[0]
		if a.sent != b.sent || a.beyond != b.beyond || string(a.encode(nil, same)) != string(b.encode(nil, same)) {
			t.Fatalf("%s, in one state after two histories: %s\nhappens %t and %t, says %v and %v",
				w.cfg, w.inWords(b, in), okA, okB, w.list(a.sent), w.list(b.sent))
		}
	}
	return int(w.in.count)
}

// lone are worlds of which one Sentinel is explored completely in a moment.
var lone = []Config{
	{Sentinels: 3, Masters: 1, Epochs: 2, Quorum: 1, Alone: true},
	{Sentinels: 2, Masters: 2, Epochs: 1, Quorum: 1, Alone: true}, // for three see TestSecondMaster
	{Sentinels: 4, Masters: 1, Epochs: 1, Quorum: 3, Alone: true},
	{Sentinels: 3, Masters: 1, Epochs: 1, Quorum: 2, Alone: true, DiskFaults: true, Expiry: true},
}

// TestAlone demands that no Sentinel can be brought to break a promise, whatever
// it is told, and that the result does not depend on how many look for it.
func TestAlone(t *testing.T) {
	whole(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, c := range lone {
		var results []Result
		for _, workers := range []int{1, 3} {
			runtime.GOMAXPROCS(workers)
			r, err := Explore(t.Context(), c, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, r)
		}
		r := results[0]
		t.Log(r)
		if r.Violation != "" || !r.Complete {
			t.Errorf("%v: complete %t, %s\n%s", c, r.Complete, r.Violation, strings.Join(r.Trace, "\n"))
		}
		if r.Leaders == 0 || r.Depth < 5 {
			t.Errorf("%v: %d elections won, depth %d: that proves nothing", c, r.Leaders, r.Depth)
		}
		if !reflect.DeepEqual(r, results[1]) {
			t.Errorf("one worker and three find different things:\n%v\n%v", r, results[1])
		}
	}
}

// TestAloneCoversAll demands that every state which a Sentinel comes to in a
// world is one that it comes to alone.
func TestAloneCoversAll(t *testing.T) {
	whole(t)
	for _, c := range []Config{
		{Sentinels: 3, Masters: 1, Epochs: 2, Quorum: 1, NoCrashes: true, Voters: 2, Meddling: true},
		{Sentinels: 3, Masters: 1, Epochs: 1, Quorum: 2, Expiry: true, DiskFaults: true},
		{Sentinels: 2, Masters: 2, Epochs: 1, Quorum: 1},
		{Sentinels: 4, Masters: 1, Epochs: 1, Quorum: 1},
	} {
		whole := newSearch(c)
		whole.run()
		c.Voters, c.Meddling, c.Alone = 0, false, true
		s := newSoloSearch(c, func() time.Duration { return 0 })
		s.run(nil)
		h := newWorker(c)
		looked := 0
		for id := range whole.w.locals {
			if int(whole.w.locals[id].node) >= c.Sentinels-whole.w.cfg.Voters {
				continue // it never stands for election, as none alone does
			}
			looked++
			if r := whole.w.restore(uint32(id)); s.seen.add(h.canonical(r)) {
				t.Fatalf("%v: %s comes to a state that it does not come to alone", whole.w.cfg, nodeName(r.node))
			}
		}
		t.Logf("%v: %d states of a Sentinel are among the %d", whole.w.cfg, looked, s.r.States)
		if looked < 50 {
			t.Errorf("that is too few")
		}
	}
}

// TestMerged looks at states which the search takes for one, because their
// encodings are equal: everything that can happen to the one must do the same to
// the other. It finds what the encoding leaves out and should not.
func TestMerged(t *testing.T) {
	whole(t)
	for _, c := range []Config{
		{Sentinels: 3, Masters: 1, Epochs: 1, Quorum: 1, Alone: true, Others: true},
		{Sentinels: 3, Masters: 1, Epochs: 1, Quorum: 2, Alone: true, Others: true, Expiry: true, DiskFaults: true},
	} {
		h := newWorker(c)
		first := h.w.boot(0, saved{})
		known := map[string][]effect{h.key(first): h.effects(first)}
		merges, compared := 0, 0
		for todo := []*rig{first}; len(todo) > 0; todo = todo[1:] {
			is := todo[0].outline()
			for _, in := range h.inputs {
				r := h.free.copyOf(todo[0])
				if !h.happens(r, &is, in) || r.beyond {
					continue
				}
				same, met := known[h.key(r)]
				if !met {
					known[h.key(r)] = h.effects(r)
					todo = append(todo, r)
					continue
				}
				if merges++; merges%61 != 0 {
					continue
				}
				compared++
				for k, e := range h.effects(r) {
					if e != same[k] {
						t.Fatalf("%v: two states are taken for one, but if %s, then\n%+v\nor\n%+v", c, h.w.inWords(r, h.inputs[k]), e, same[k])
					}
				}
			}
		}
		t.Logf("%v: %d of %d merges compared, into %d states", c, compared, merges, len(known))
		if compared < 400 {
			t.Error("that is too few")
		}
	}
}

// effect is what an input does.
type effect struct {
	beyond bool
	sent   facts
	to     string // the state after it, encoded
	why    string // the promise that it breaks
}

func (h *worker) key(r *rig) string { return string(r.encode(nil, &h.w.syms[0])) }

// effects returns what everything that can happen does in a state.
func (h *worker) effects(r *rig) []effect {
	is := r.outline()
	list := make([]effect, len(h.inputs))
	for k, in := range h.inputs {
		n := h.free.copyOf(r)
		e := &list[k]
		e.to = h.key(n)
		if h.happens(n, &is, in) {
			e.beyond, e.sent, e.to = n.beyond, n.sent, ""
			if !n.beyond {
				after := n.outline()
				e.to, e.why = h.key(n), h.w.checkStep(&is, &after, in, n.sent)
			}
		}
		h.free.put(n)
	}
	return list
}

// TestSecondMaster demands that an election is in no state of a world with two
// masters in which it cannot be in a world with one: other masters only raise the
// epoch, and have the state saved, as messages can do at any time. So worlds with
// one master stand for larger ones.
func TestSecondMaster(t *testing.T) {
	whole(t)
	for _, c := range []Config{
		{Sentinels: 3, Masters: 2, Epochs: 1, Quorum: 1, Alone: true},
		{Sentinels: 2, Masters: 2, Epochs: 2, Quorum: 1, Alone: true, MaxStates: 5000}, // not all
	} {
		two := newSoloSearch(c, func() time.Duration { return 0 })
		var projections []uint64
		h := newWorker(c)
		two.look = func(r *rig) {
			for m := range c.Masters {
				projections = append(projections, h.canonicalOf(r, []int{m}))
			}
		}
		two.run(nil)
		c.Masters, c.Others, c.MaxStates = 1, true, 0
		one := newSoloSearch(c, func() time.Duration { return 0 })
		one.run(nil)
		if two.r.Violation+one.r.Violation != "" || !one.r.Complete {
			t.Fatalf("%v: %s; %v: %s", two.w.cfg, two.r.Violation, one.w.cfg, one.r.Violation)
		}
		for _, p := range projections {
			if one.seen.add(p) {
				t.Fatalf("%v: an election comes to a state that it does not come to without the other master", two.w.cfg)
			}
		}
		t.Logf("%v: %d states; the election of one master is in one of %d", two.w.cfg, two.r.States, one.r.States)
		if len(projections) < 1000 {
			t.Errorf("%d states were looked at: that is too few", len(projections))
		}
	}
}

// TestAloneMixed gives a Sentinel the way of stock to count votes. It must be
// found that it can be elected by votes of another epoch.
func TestAloneMixed(t *testing.T) {
	r, err := Explore(t.Context(), Config{Sentinels: 3, Masters: 1, Epochs: 2, Quorum: 1, Alone: true, MixedEpochs: true}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v\n%s", r, strings.Join(r.Trace, "\n"))
	if !strings.HasPrefix(r.Violation, "S4: ") || len(r.Trace) < 3 {
		t.Errorf("violation %q after\n%s", r.Violation, strings.Join(r.Trace, "\n"))
	}
}

// TestValidate checks that worlds which do not fit are refused with a reason.
func TestValidate(t *testing.T) {
	good := Config{Sentinels: 3, Masters: 1, Epochs: 1, Quorum: 2}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.Sentinels = 0 }, func(c *Config) { c.Sentinels = 5 }, func(c *Config) { c.Masters = 3 },
		func(c *Config) { c.Alone, c.Meddling = true, true },
		func(c *Config) { c.Epochs = 0 }, func(c *Config) { c.Quorum = 4 }, func(c *Config) { c.Voters = 3 },
	} {
		bad := good
		change(&bad)
		if _, err := Explore(t.Context(), bad, nil, nil); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
}

// TestSet compares the table of fingerprints with a map.
func TestSet(t *testing.T) {
	var s set
	seen := map[uint64]bool{}
	v := uint64(1)
	for k := range 200_000 {
		v = mix(v, uint64(k)) % 100_003
		if key := max(v, 1); s.add(v) == seen[key] {
			t.Fatalf("%d: the set and the map disagree", v)
		} else {
			seen[key] = true
		}
	}
}
