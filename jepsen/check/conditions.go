package check

import (
	"strings"
	"time"
)

// lateness that a run bears: more than half of down-after could itself be the reason for
// a Sentinel to be thought dead.
func tolerance(run Run) time.Duration { return run.Schedule.Group.DownAfter.Of() / 2 }

// starved says whether this program, and so probably everything, had the processor.
func starved(run Run, r *Result) {
	var worst, sum time.Duration
	for _, l := range run.History.Lates {
		worst = max(worst, l.By)
		sum += l.By
		if l.By > tolerance(run) {
			r.unclear("at %s this program ran %s late", seconds(l.At), seconds(l.By))
		}
	}
	r.figure("latest_s", worst.Seconds())
	r.figure("late_in_all_s", sum.Seconds())
	if run.History.Dropped > 0 {
		r.unclear("the history was full; %d records are missing", run.History.Dropped)
	}
}

// faultsHappened demands a sign for every fault of the schedule.
func faultsHappened(run Run, r *Result) {
	seen := map[int]bool{}
	for _, f := range run.History.Faults {
		switch {
		case f.Error != "":
			r.unclear("fault %d (%s): %s", f.Number+1, f.What, f.Error)
		case f.Seen == "":
			r.unclear("fault %d (%s): nothing shows that it happened", f.Number+1, f.What)
		}
		seen[f.Number] = true
	}
	for i, f := range run.Schedule.Faults {
		if !seen[i] {
			r.unclear("fault %d (%v) was never begun", i+1, f)
		}
	}
	r.figure("faults", float64(len(run.History.Faults)))
}

// convergence demands that order returns soon after everything is healed.
func convergence(run Run, r *Result) {
	healed, ok := run.mark(MarkHealed)
	if !ok {
		r.unclear("the run ended before everything was healed")
		return
	}
	if settled, ok := run.mark(MarkSettled); ok {
		r.figure("settled_after_s", (settled - healed).Seconds())
		if settled-healed > run.Deadline {
			r.broken("order returned %s after everything was healed; the limit is %v", seconds(settled-healed), run.Deadline)
		}
		return
	}
	for _, m := range run.History.Marks {
		if missing, ok := strings.CutPrefix(m.What, MarkUnsettled); ok {
			r.broken("%s after everything was healed: %s", seconds(m.At-healed), missing)
			return
		}
	}
	r.unclear("the run ended before order had time to return")
}

// crashes finds processes that ended by a fault of their own.
func crashes(run Run, r *Result) {
	for _, m := range run.History.Marks {
		if what, ok := strings.CutPrefix(m.What, MarkCrash); ok {
			r.broken("%s", what)
		}
	}
}
