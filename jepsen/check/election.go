package check

import (
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/jepsen/history"
)

// leaders looks in the logs for two Sentinels that were elected in one epoch. The epoch
// of an election is that of the candidate's vote for itself, which comes before.
func leaders(run Run, r *Result) {
	voted := map[string]uint64{} // by Sentinel
	elected := map[uint64]history.Event{}
	n := 0
	for _, e := range run.History.Events {
		if !e.Logged {
			continue
		}
		switch e.Name {
		case "+vote-for-leader":
			_, text, _ := strings.Cut(e.Text, " ")
			epoch, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				r.unclear("%s logged a vote that cannot be read: %q", e.Sentinel, e.Text)
				return
			}
			voted[e.Sentinel] = epoch
		case "+elected-leader":
			n++
			epoch := voted[e.Sentinel]
			if first, taken := elected[epoch]; taken && first.Sentinel != e.Sentinel {
				r.broken("two leaders in epoch %d: %s at %s and %s at %s", epoch, first.Sentinel, seconds(first.At), e.Sentinel, seconds(e.At))
			}
			elected[epoch] = e
		}
	}
	r.figure("elections", float64(n))
}

// epochs looks for a Sentinel whose epochs fall: those that it answers with, and those
// that it logs.
func epochs(run Run, r *Result) {
	config := map[string]history.View{} // by Sentinel
	for _, v := range run.History.Views {
		// Who names a master to a Sentinel anew begins again with epoch 0.
		if last := config[v.Sentinel]; v.Epoch < last.Epoch && !run.Schedule.Operates() && !run.Schedule.Forgets() {
			r.broken("%s had configuration epoch %d at %s and %d at %s", v.Sentinel, last.Epoch, seconds(last.Return), v.Epoch, seconds(v.Return))
		}
		config[v.Sentinel] = v
	}
	current := map[string]uint64{}
	for _, e := range run.History.Events {
		if e.Name != "+new-epoch" || !e.Logged {
			continue
		}
		epoch, err := strconv.ParseUint(e.Text, 10, 64)
		if err != nil {
			r.unclear("%s logged an epoch that cannot be read: %q", e.Sentinel, e.Text)
			return
		}
		if epoch <= current[e.Sentinel] && !run.Schedule.Forgets() {
			r.broken("%s was at epoch %d, and entered epoch %d at %s", e.Sentinel, current[e.Sentinel], epoch, seconds(e.At))
		}
		current[e.Sentinel] = epoch
	}
	if len(run.History.Views) == 0 {
		r.unclear("no Sentinel has answered")
	}
}
