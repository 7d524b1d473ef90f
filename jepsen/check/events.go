package check

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gosentinel/sentinel/jepsen/history"
)

// verbose are events that the log has only at log level verbose, with both kinds of
// Sentinels.
var verbose = []string{"+role-change", "-role-change"}

// events compares what a subscriber of each Sentinel got with what the Sentinel logged:
// the same, in the same order, without a hole. What a life of the process logged before
// the subscriber was there, or after it was cut off by the end of the process, may be
// missing.
func events(run Run, r *Result) {
	logged, got := map[string][]history.Event{}, map[string][]history.Event{}
	for _, e := range run.History.Events {
		if e.Logged {
			logged[e.Sentinel] = append(logged[e.Sentinel], e)
		} else if !slices.Contains(verbose, e.Name) {
			got[e.Sentinel] = append(got[e.Sentinel], e)
		}
	}
	for _, sentinel := range slices.Sorted(maps.Keys(got)) {
		compareEvents(sentinel, logged[sentinel], got[sentinel], r)
	}
	if len(got) == 0 {
		r.unclear("no subscriber got anything")
	}
}

func compareEvents(sentinel string, logged, got []history.Event, r *Result) {
	next, life := 0, 0 // the place in the log behind the last event, and the life that it was of
	for n, e := range got {
		i := slices.IndexFunc(logged[next:], func(l history.Event) bool { return l.Name == e.Name && l.Text == e.Text })
		if i < 0 {
			why := "it is not in the log"
			if slices.ContainsFunc(logged[:next], func(l history.Event) bool { return l.Name == e.Name && l.Text == e.Text }) {
				why = "the log has it earlier"
			}
			r.broken("%s told its subscriber of %s at %s: %s", sentinel, e.Name+" "+e.Text, seconds(e.At), why)
			continue
		}
		for _, l := range logged[next : next+i] {
			if n > 0 && l.Life == life && logged[next+i].Life == life {
				r.broken("%s logged %s at %s, and did not tell its subscriber, who got what came before and after", sentinel, l.Name+" "+l.Text, seconds(l.At))
			}
		}
		next += i + 1
		life = logged[next-1].Life
	}
	r.figure(fmt.Sprintf("%s_events", sentinel), float64(len(got)))
}
