package check

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/gosentinel/sentinel/jepsen/history"
	"github.com/gosentinel/sentinel/jepsen/schedule"
)

// attempts are the numbers that a writer tried to append, by list and number.
type attempts map[string]map[int64]history.Op

func attemptsOf(h history.History) attempts {
	a := attempts{}
	for _, o := range h.Ops {
		if o.Func != history.Add {
			continue
		}
		if a[o.Key] == nil {
			a[o.Key] = map[int64]history.Op{}
		}
		a[o.Key][o.Value] = o
	}
	return a
}

// lists compares what is there at the end with what was acknowledged.
func lists(run Run, r *Result) {
	tried := attemptsOf(run.History)
	lost, acked, unknown := 0, 0, 0
	ended := false
	for _, f := range run.History.Finals {
		ops, isList := tried[f.Key]
		if !isList {
			continue
		}
		ended = true
		there := map[int64]int{}
		for _, v := range f.Values {
			there[v]++
			foreign(r, f.Key, "at the end", v, there[v], ops)
		}
		gone := newSpans()
		for _, n := range sortedKeys(ops) {
			switch o := ops[n]; {
			case o.Outcome == history.OK:
				acked++
				if there[n] == 0 {
					lost++
					gone.add(o)
				}
			case o.Outcome == history.Unknown:
				unknown++
			}
		}
		for _, s := range gone.list {
			r.note("%s: %d acknowledged writes are lost, of %s to %s, on %s", f.Key, s.n, seconds(s.from), seconds(s.to), cmp.Or(run.Name(s.server), "a server behind the proxy"))
		}
	}
	for _, o := range run.History.Ops {
		if o.Func == history.Read && o.Outcome == history.OK {
			there := map[int64]int{}
			for _, v := range o.Values {
				there[v]++
				foreign(r, o.Key, "read at "+seconds(o.Return), v, there[v], tried[o.Key])
			}
		}
	}
	resurrected(run, r)
	if lost > 0 && run.planned() {
		r.broken("%d acknowledged writes are lost, and there was nothing but planned switchovers", lost)
	}
	if !ended {
		r.unclear("nothing was read at the end")
	}
	r.figure("acknowledged", float64(acked))
	r.figure("lost", float64(lost))
	r.figure("unclear", float64(unknown))
}

// planned tells whether all Sentinels are gosentinels, and nothing has happened but
// switchovers that were asked for. Those lose nothing, they promise.
func (run Run) planned() bool {
	for _, p := range run.History.Places {
		if p.Program != "" && p.Program != "gosentinel" {
			return false
		}
	}
	return !slices.ContainsFunc(run.Schedule.Faults, func(f schedule.Fault) bool { return f.Kind != schedule.Switch })
}

// foreign complains of a number that cannot be where it is.
func foreign(r *Result, key, when string, v int64, times int, ops map[int64]history.Op) {
	switch o, tried := ops[v]; {
	case !tried:
		r.broken("%s %s: %d, which nobody has written", key, when, v)
	case o.Outcome == history.Fail:
		r.broken("%s %s: %d, whose write at %s was refused (%s)", key, when, v, seconds(o.Return), o.Error)
	case times > 1:
		r.broken("%s %s: %d stands there %d times", key, when, v, times)
	}
}

// resurrected looks for numbers that were there, were gone, and are back. What one
// master lost must not return with another.
func resurrected(run Run, r *Result) {
	type seen struct{ there, gone map[int64]bool }
	byKey := map[string]*seen{}
	look := func(key, when string, values []int64) {
		s := byKey[key]
		if s == nil {
			s = &seen{map[int64]bool{}, map[int64]bool{}}
			byKey[key] = s
		}
		now := map[int64]bool{}
		for _, v := range values {
			now[v] = true
			if s.gone[v] {
				r.note("%s %s: %d had been gone, and is there again", key, when, v)
				r.figure("resurrected", r.Figures["resurrected"]+1)
				delete(s.gone, v)
			}
		}
		for v := range s.there {
			if !now[v] {
				s.gone[v] = true
			}
		}
		s.there = now
	}
	for _, o := range run.History.Ops {
		if o.Func == history.Read && o.Outcome == history.OK {
			look(o.Key, "read at "+seconds(o.Return), o.Values)
		}
	}
	for _, f := range run.History.Finals {
		look(f.Key, "at the end", f.Values)
	}
}

// spans joins lost writes that follow each other.
type spans struct{ list []span }

type span struct {
	from, to time.Duration
	n        int
	server   string
}

func newSpans() *spans { return &spans{} }

// apart is how far two lost writes may be from each other and still be one loss.
const apart = time.Second

func (s *spans) add(o history.Op) {
	if i := len(s.list) - 1; i >= 0 && s.list[i].server == o.Server && o.Return-s.list[i].to < apart {
		s.list[i].to = o.Return
		s.list[i].n++
		return
	}
	s.list = append(s.list, span{o.Return, o.Return, 1, o.Server})
}

func sortedKeys(m map[int64]history.Op) (keys []int64) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// bank demands that the sum of the accounts never changes.
func bank(run Run, r *Result) {
	audits := 0
	sum := func(when string, values []int64) {
		audits++
		var total int64
		for _, v := range values {
			total += v
		}
		if len(values) != history.Accounts || total != history.Accounts*history.Deposit {
			r.broken("%s there are %d accounts with %d in all, of %d with %d", when, len(values), total, history.Accounts, history.Accounts*history.Deposit)
		}
	}
	for _, o := range run.History.Ops {
		if o.Func == history.Audit && o.Outcome == history.OK {
			sum(fmt.Sprintf("at %s, to %s on %s,", seconds(o.Return), o.Client, run.Name(o.Server)), o.Values)
		}
	}
	for _, f := range run.History.Finals {
		if f.Key == history.BankKey {
			sum("at the end", f.Values)
		}
	}
	if audits == 0 {
		r.unclear("the accounts were never read")
	}
	r.figure("audits", float64(audits))
}
