package check

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/history"
)

// Gap is a time in which a client had no write acknowledged.
type Gap struct {
	Client   string
	From, To time.Duration
}

// unavailable is the shortest time without an acknowledgement that counts.
const unavailable = 250 * time.Millisecond

// Gaps returns the times in which clients had no write acknowledged.
func Gaps(run Run) (gaps []Gap) {
	last := map[string]time.Duration{}
	over, isOver := run.mark(MarkOver)
	add := func(client string, to time.Duration) {
		if from, begun := last[client]; begun && to-from >= unavailable {
			gaps = append(gaps, Gap{client, from, to})
		}
		last[client] = to
	}
	for _, o := range run.History.Ops {
		if o.Func == history.Add && o.Outcome == history.OK {
			add(o.Client, o.Return)
		}
	}
	if isOver {
		for client := range maps.Clone(last) {
			add(client, over)
		}
	}
	slices.SortStableFunc(gaps, func(a, b Gap) int { return cmp.Compare(a.From, b.From) })
	return gaps
}

// unavailability measures how long clients could not write, by the way in which they
// find the master, and counts errors by kind.
func unavailability(run Run, r *Result) {
	longest, sum := map[string]time.Duration{}, map[string]time.Duration{}
	for _, g := range Gaps(run) {
		way := strings.TrimRight(g.Client, "0123456789")
		longest[way] = max(longest[way], g.To-g.From)
		sum[way] += g.To - g.From
	}
	for way := range sum {
		r.figure(way+"_longest_s", longest[way].Seconds())
		r.figure(way+"_sum_s", sum[way].Seconds())
	}
	r.figure("stale_reads", float64(stale(run)))
	errs := map[string]int{}
	writes := 0
	for _, o := range run.History.Ops {
		if o.Error != "" {
			errs[o.Error]++
		}
		if o.Func == history.Add && o.Outcome == history.OK {
			writes++
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(errs)) {
		r.note("%d operations ended with %q", errs[kind], kind)
	}
	if writes == 0 {
		r.unclear("no write was ever acknowledged")
	}
}

// stale counts reads without a write that was acknowledged before they began, and that is
// there at the end: those went to a server that had fallen behind, such as an old master.
func stale(run Run) (n int) {
	left := map[string]map[int64]bool{}
	for _, f := range run.History.Finals {
		left[f.Key] = map[int64]bool{}
		for _, v := range f.Values {
			left[f.Key][v] = true
		}
	}
	acked := map[string]int64{} // the newest number of each list that is there at the end
	for _, o := range run.History.Ops {
		switch {
		case o.Outcome != history.OK:
		case o.Func == history.Add && left[o.Key][o.Value]:
			acked[o.Key] = o.Value
		case o.Func == history.Read && acked[o.Key] != 0 && !slices.Contains(o.Values, acked[o.Key]):
			n++
		}
	}
	return n
}

// reign is a time in which one server acknowledged writes without a longer pause.
type reign struct {
	server      string
	first, last time.Duration
}

// pause ends a reign.
const pause = 500 * time.Millisecond

// reigns returns who acknowledged writes, and when, in the order of their beginnings.
func reigns(h history.History) (list []*reign) {
	present := map[string]*reign{}
	for _, o := range h.Ops {
		if o.Func != history.Add || o.Outcome != history.OK || o.Server == "" {
			continue
		}
		g := present[o.Server]
		if g == nil || o.Return-g.last > pause {
			g = &reign{server: o.Server, first: o.Return}
			present[o.Server] = g
			list = append(list, g)
		}
		g.last = o.Return
	}
	return list
}

// splitBrain measures how long two servers acknowledged writes at the same time, and how
// many the one acknowledged that was the first to end.
func splitBrain(run Run, r *Result) {
	var shared time.Duration
	deposed := 0
	list := reigns(run.History)
	for i, a := range list {
		for _, b := range list[i+1:] {
			from, old := max(a.first, b.first), a
			if b.last < a.last {
				old = b
			}
			if a.server == b.server || from >= old.last {
				continue
			}
			shared += old.last - from
			n := 0
			for _, o := range run.History.Ops {
				if o.Func == history.Add && o.Outcome == history.OK && o.Server == old.server && o.Call >= from && o.Return <= old.last {
					n++
				}
			}
			deposed += n
			r.note("%s and %s both acknowledged writes from %s to %s; %s, which ended first, %d of them",
				run.Name(a.server), run.Name(b.server), seconds(from), seconds(old.last), run.Name(old.server), n)
		}
	}
	r.figure("split_brain_s", shared.Seconds())
	r.figure("deposed_writes", float64(deposed))
}
