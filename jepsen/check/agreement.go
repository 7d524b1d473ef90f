package check

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/gosentinel/sentinel/jepsen/history"
)

// configuration is that a master belongs to a configuration epoch, as somebody said.
type configuration struct {
	epoch     uint64
	master    string
	by        string
	call, end time.Duration
}

// configurations returns what Sentinels said of masters and epochs, in hello messages and
// in answers. An answer counts if the epoch was the same before and after it.
func configurations(run Run) (list []configuration) {
	for _, m := range run.History.Hellos {
		list = append(list, configuration{m.Epoch, m.Master, run.Name(m.By), m.At, m.At})
	}
	before := map[string]history.View{}
	for _, v := range run.History.Views {
		if b, ok := before[v.Sentinel]; ok && b.Epoch == v.Epoch {
			list = append(list, configuration{b.Epoch, b.Master, b.Sentinel, b.Call, b.Return})
		}
		before[v.Sentinel] = v
	}
	if run.Schedule.Operates() {
		// Who names a master to a Sentinel anew begins again with epoch 0.
		list = slices.DeleteFunc(list, func(c configuration) bool { return c.epoch == 0 })
	}
	return list
}

// register is a register for each configuration epoch, which is written once: whoever
// speaks of the epoch names the same master.
var register = porcupine.Model{
	Partition: func(ops []porcupine.Operation) [][]porcupine.Operation {
		byEpoch := map[uint64][]porcupine.Operation{}
		for _, o := range ops {
			byEpoch[o.Input.(uint64)] = append(byEpoch[o.Input.(uint64)], o)
		}
		var parts [][]porcupine.Operation
		for _, epoch := range slices.Sorted(maps.Keys(byEpoch)) {
			parts = append(parts, byEpoch[epoch])
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, _, output any) (bool, any) {
		return state == "" || state == output, output
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("epoch %d: %s", input, output) },
	DescribeState:     func(state any) string { return fmt.Sprint(state) },
}

// registerOps turns configurations into operations, those of one speaker in one row.
func registerOps(run Run) (ops []porcupine.Operation) {
	speakers := map[string]int{}
	for _, c := range configurations(run) {
		if _, known := speakers[c.by]; !known {
			speakers[c.by] = len(speakers)
		}
		master := run.Name(c.master)
		ops = append(ops, porcupine.Operation{
			ClientId: speakers[c.by], Input: c.epoch, Output: master, Call: int64(c.call), Return: int64(c.end),
			Metadata: c.by,
		})
	}
	return ops
}

// linearizing bounds the search of porcupine.
const linearizing = 20 * time.Second

// agreement demands that a configuration epoch has one master, whoever names it.
func agreement(run Run, r *Result) {
	result, _ := porcupine.CheckOperationsVerbose(register, registerOps(run), linearizing)
	epochs := map[uint64]map[string]configuration{}
	for _, c := range configurations(run) {
		if epochs[c.epoch] == nil {
			epochs[c.epoch] = map[string]configuration{}
		}
		if _, said := epochs[c.epoch][c.master]; !said {
			epochs[c.epoch][c.master] = c
		}
	}
	switch result {
	case porcupine.Unknown:
		r.unclear("porcupine did not finish within %v", linearizing)
	case porcupine.Illegal:
		for _, epoch := range slices.Sorted(maps.Keys(epochs)) {
			var said []string
			for _, master := range slices.Sorted(maps.Keys(epochs[epoch])) {
				c := epochs[epoch][master]
				said = append(said, fmt.Sprintf("%s, by %s at %s", run.Name(master), c.by, seconds(c.end)))
			}
			if len(said) > 1 {
				r.broken("configuration epoch %d has several masters: %s", epoch, strings.Join(said, "; "))
			}
		}
	}
	if len(run.History.Hellos)+len(run.History.Views) == 0 {
		r.unclear("nobody has named a master")
	}
	r.figure("epochs", float64(len(epochs)))
}

// Picture returns porcupine's page about the masters of all epochs.
func Picture(run Run) ([]byte, error) {
	_, info := porcupine.CheckOperationsVerbose(register, registerOps(run), linearizing)
	var b bytes.Buffer
	err := porcupine.Visualize(register, info, &b)
	return b.Bytes(), err
}

// switched is a +switch-master.
type switched struct {
	at       time.Duration
	from, to string
}

// switches returns the switches that a Sentinel logged, or that subscribers were told.
func switches(run Run, logged bool) map[string][]switched {
	m := map[string][]switched{}
	for _, e := range run.History.Events {
		f := strings.Fields(e.Text) // name, old ip, old port, new ip, new port
		if e.Name == "+switch-master" && e.Logged == logged && len(f) == 5 {
			m[e.Sentinel] = append(m[e.Sentinel], switched{e.At, f[1] + ":" + f[2], f[3] + ":" + f[4]})
		}
	}
	return m
}

// told demands that a Sentinel that has told a subscriber of a switch names no older
// master to anybody any more.
func told(run Run, r *Result) {
	if run.Schedule.Forgets() || run.Schedule.Operates() {
		return // it may be made to forget
	}
	inLog := switches(run, true)
	checked := 0
	for sentinel, events := range switches(run, false) {
		next := 0
		for _, v := range run.History.Views {
			if v.Sentinel != sentinel {
				continue
			}
			for next < len(events) && events[next].at < v.Call {
				next++
			}
			if next == 0 {
				continue
			}
			checked++
			latest := events[next-1]
			// The log has the same switch, and behind it those that came later.
			i := slices.IndexFunc(inLog[sentinel], func(s switched) bool {
				return s.from == latest.from && s.to == latest.to && s.at > latest.at-time.Second
			})
			if i >= 0 && !slices.ContainsFunc(inLog[sentinel][i:], func(s switched) bool { return s.to == v.Master }) {
				r.broken("%s told of the switch to %s at %s, and named %s at %s", sentinel, run.Name(latest.to), seconds(latest.at), run.Name(v.Master), seconds(v.Return))
			}
		}
	}
	r.figure("answers_after_a_switch", float64(checked))
}

// finally demands that at the end everything says the same: the last +switch-master and the
// last answer of each Sentinel, its journal, and the servers themselves.
func finally(run Run, r *Result) {
	settled, ok := run.mark(MarkSettled)
	if !ok {
		return // convergence has complained
	}
	view, role := map[string]history.View{}, map[string]history.Role{}
	for _, v := range run.History.Views {
		if v.Return > settled { // else it has left the group
			view[v.Sentinel] = v
		}
	}
	for _, v := range run.History.Roles {
		role[v.Server] = v
	}
	inLog := switches(run, true)
	for _, sentinel := range slices.Sorted(maps.Keys(view)) {
		named := view[sentinel].Master
		if is := role[named].Role; is != "master" {
			r.broken("%s names %s, which says that it is %q", sentinel, run.Name(named), is)
		}
		if list := inLog[sentinel]; len(list) > 0 && !run.Schedule.Operates() {
			if to := list[len(list)-1].to; to != named {
				r.broken("%s names %s; its last +switch-master was to %s", sentinel, run.Name(named), run.Name(to))
			}
		}
	}
	journals(run, r, inLog)
	if len(view) == 0 {
		r.unclear("no Sentinel has answered")
	}
}

// journals compares the journals of gosentinels with what they logged.
func journals(run Run, r *Result, inLog map[string][]switched) {
	entries := map[string][]history.Attempt{}
	for _, a := range run.History.Attempts {
		entries[a.Sentinel] = append(entries[a.Sentinel], a)
	}
	for sentinel, list := range inLog {
		if len(entries[sentinel]) == 0 || run.Schedule.Forgets() {
			continue
		}
		for _, s := range list {
			if !slices.ContainsFunc(entries[sentinel], func(a history.Attempt) bool { return a.From == s.from && a.To == s.to }) {
				r.broken("%s logged the switch from %s to %s at %s; its journal has none", sentinel, run.Name(s.from), run.Name(s.to), seconds(s.at))
			}
		}
	}
	r.figure("journal_entries", float64(len(run.History.Attempts)))
}
