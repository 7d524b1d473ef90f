package check

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/jepsen/history"
	"github.com/gosentinel/sentinel/jepsen/schedule"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ms = time.Millisecond

// sound is a run in which all went well: a switch from a to b, without loss.
func sound() Run {
	s := schedule.Schedule{
		Group:  schedule.Group{Servers: 2, Sentinels: 2, Quorum: 1, DownAfter: schedule.Duration(time.Second)},
		Faults: []schedule.Fault{{Kind: schedule.Kill, On: schedule.Master}},
	}
	h := history.History{
		Faults: []history.Fault{{What: "kill master", Begin: 1000 * ms, End: 2000 * ms, Seen: "has ended"}},
		Marks: []history.Mark{
			{At: 500 * ms, What: MarkFaults}, {At: 3000 * ms, What: MarkHealed},
			{At: 4000 * ms, What: MarkSettled}, {At: 5000 * ms, What: MarkOver},
		},
		Views: []history.View{
			{Sentinel: "s0", Call: 100 * ms, Return: 101 * ms, Master: "a", Epoch: 0},
			{Sentinel: "s1", Call: 100 * ms, Return: 101 * ms, Master: "a", Epoch: 0},
			{Sentinel: "s0", Call: 2500 * ms, Return: 2501 * ms, Master: "b", Epoch: 1},
			{Sentinel: "s1", Call: 2500 * ms, Return: 2501 * ms, Master: "b", Epoch: 1},
		},
		Events: []history.Event{
			logged(2000, "s0", "+new-epoch", "1"), logged(2001, "s0", "+vote-for-leader", "x 1"),
			logged(2002, "s1", "+new-epoch", "1"), logged(2003, "s0", "+elected-leader", "master m a 1"),
			logged(2010, "s0", "+switch-master", "m a 1 b 1"), logged(2011, "s1", "+switch-master", "m a 1 b 1"),
		},
		Lates: []history.Late{{At: 10 * ms, By: 60 * ms}},
	}
	for i := range 50 {
		at := time.Duration(i) * 100 * ms
		server := "a"
		switch {
		case at > 2100*ms:
			server = "b"
		case at > 1000*ms:
			h.Ops = append(h.Ops, history.Op{Client: "library0", Func: history.Add, Key: "k", Value: int64(i), Call: at, Return: at + ms, Outcome: history.Fail, Error: "EOF"})
			continue
		}
		h.Ops = append(h.Ops, history.Op{Client: "library0", Func: history.Add, Key: "k", Value: int64(i), Call: at, Return: at + ms, Outcome: history.OK, Server: server})
	}
	var left []int64
	for _, o := range h.Ops {
		if o.Outcome == history.OK {
			left = append(left, o.Value)
		}
	}
	h.Ops = append(h.Ops,
		history.Op{Client: "library0", Func: history.Read, Key: "k", Values: left[:5], Call: 600 * ms, Return: 601 * ms, Outcome: history.OK, Server: "a"},
		history.Op{Client: "teller0", Func: history.Audit, Key: history.BankKey, Values: []int64{100, 90, 110, 100, 100}, Return: 700 * ms, Outcome: history.OK, Server: "a"},
	)
	h.Finals = []history.Final{{Key: "k", Values: left}, {Key: history.BankKey, Values: []int64{100, 100, 100, 100, 100}}}
	return Run{Schedule: s, History: h, Servers: map[string]string{"a": "server0", "b": "server1"}, Deadline: 15 * time.Second}
}

func logged(at int, sentinel, name, text string) history.Event {
	return history.Event{At: time.Duration(at) * ms, Sentinel: sentinel, Name: name, Text: text, Logged: true}
}

func result(rep Report, name string) Result {
	i := slices.IndexFunc(rep.Results, func(r Result) bool { return r.Name == name })
	if i < 0 {
		return Result{}
	}
	return rep.Results[i]
}

func TestSound(t *testing.T) {
	rep := Judge(sound())
	if rep.Verdict != Valid {
		t.Errorf("%+v", rep)
	}
	for name, want := range map[string]float64{
		"lists acknowledged": 39, "lists lost": 0, "unavailability library_longest_s": 1.2,
		"split brain split_brain_s": 0, "one leader in each epoch elections": 1, "convergence settled_after_s": 1,
	} {
		i := strings.LastIndex(name, " ")
		if got := result(rep, name[:i]).Figures[name[i+1:]]; fmt.Sprintf("%.4f", got) != fmt.Sprintf("%.4f", want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

// TestFindings breaks the sound run in every way that a checker knows.
func TestFindings(t *testing.T) {
	for _, c := range []struct {
		checker string
		verdict Verdict
		want    string // part of a finding
		change  func(*Run)
	}{
		{starvation, Unknown, "0.501 s late", func(r *Run) { r.History.Lates = []history.Late{{By: 501 * ms}} }},
		{starvation, Unknown, "3 records are missing", func(r *Run) { r.History.Dropped = 3 }},
		{"faults happened", Unknown, "nothing shows that it happened", func(r *Run) { r.History.Faults[0].Seen = "" }},
		{"faults happened", Unknown, "no nft", func(r *Run) { r.History.Faults[0].Error = "no nft" }},
		{"faults happened", Unknown, "never begun", func(r *Run) { r.History.Faults = nil }},
		{"convergence", Invalid, "the limit is 15s", func(r *Run) { r.History.Marks[2].At = 19 * time.Second }},
		{"convergence", Invalid, "s1 sees nothing", func(r *Run) { r.History.Marks[2].What = MarkUnsettled + "s1 sees nothing" }},
		{"convergence", Unknown, "before order had time", func(r *Run) { r.History.Marks = r.History.Marks[:2] }},
		{"convergence", Unknown, "before everything was healed", func(r *Run) { r.History.Marks = nil }},
		{"one leader in each epoch", Invalid, "two leaders in epoch 1: s0 at 2.003 s and s1", func(r *Run) {
			r.History.Events = append(r.History.Events, logged(2004, "s1", "+vote-for-leader", "y 1"), logged(2005, "s1", "+elected-leader", "m"))
		}},
		{"one leader in each epoch", Unknown, "cannot be read", func(r *Run) {
			r.History.Events = append(r.History.Events, logged(2004, "s1", "+vote-for-leader", "y"))
		}},
		{"epochs never fall", Invalid, "s1 had configuration epoch 1 at 2.501 s and 0", func(r *Run) {
			r.History.Views = append(r.History.Views, history.View{Sentinel: "s1", Return: 3 * time.Second})
		}},
		{"epochs never fall", Invalid, "s1 was at epoch 1, and entered epoch 1", func(r *Run) {
			r.History.Events = append(r.History.Events, logged(2004, "s1", "+new-epoch", "1"))
		}},
		{"epochs never fall", Unknown, "cannot be read", func(r *Run) {
			r.History.Events = append(r.History.Events, logged(2004, "s1", "+new-epoch", "one"))
		}},
		{"epochs never fall", Unknown, "no Sentinel", func(r *Run) { r.History.Views = nil }},
		{"lists", Invalid, "7 stands there 2 times", func(r *Run) {
			r.History.Finals[0].Values = append(r.History.Finals[0].Values, 7)
		}},
		{"lists", Invalid, "99, which nobody has written", func(r *Run) {
			r.History.Finals[0].Values = append(r.History.Finals[0].Values, 99)
		}},
		{"lists", Invalid, "15, whose write at 1.501 s was refused (EOF)", func(r *Run) {
			r.History.Finals[0].Values = append(r.History.Finals[0].Values, 15)
		}},
		{"lists", Unknown, "nothing was read", func(r *Run) { r.History.Finals = nil }},
		{"bank", Invalid, "to teller0 on server0, there are 5 accounts with 499", func(r *Run) {
			r.History.Ops[len(r.History.Ops)-1].Values = []int64{99, 100, 100, 100, 100}
		}},
		{"bank", Invalid, "at the end there are 0 accounts", func(r *Run) { r.History.Finals[1].Values = nil }},
		{"bank", Unknown, "never read", func(r *Run) { r.History.Ops, r.History.Finals = nil, nil }},
		{"unavailability", Unknown, "no write", func(r *Run) { r.History.Ops = nil }},
	} {
		run := sound()
		c.change(&run)
		rep := Judge(run)
		got := result(rep, c.checker)
		if got.Verdict != c.verdict || !strings.Contains(strings.Join(got.Findings, "\n"), c.want) {
			t.Errorf("%s: got %+v, want %s with %q", c.checker, got, c.verdict, c.want)
		}
		if rep.Verdict == Valid {
			t.Errorf("%s: the run is valid", c.checker)
		}
	}
}

// TestFigures: what is no violation is counted.
func TestFigures(t *testing.T) {
	run := sound()
	run.History.Finals[0].Values = run.History.Finals[0].Values[3:] // writes 0 to 2
	got := result(Judge(run), "lists")
	if got.Verdict != Valid || got.Figures["lost"] != 3 || !strings.Contains(got.Notes[0], "3 acknowledged writes are lost, of 0.001 s to 0.201 s, on server0") {
		t.Errorf("%+v", got)
	}

	run = sound()
	run.History.Ops = slices.Insert(run.History.Ops, len(run.History.Ops)-1, history.Op{Func: history.Read, Key: "k", Return: 800 * ms, Outcome: history.OK})
	if got := result(Judge(run), "lists"); got.Figures["resurrected"] != 5 {
		t.Errorf("%+v", got)
	}

	// The old master goes on for a second.
	run = sound()
	for i := range 10 {
		at := time.Duration(2150+100*i) * ms
		run.History.Ops = append(run.History.Ops, history.Op{Client: "library1", Func: history.Add, Key: "l", Value: int64(i), Call: at, Return: at + 100*ms, Outcome: history.OK, Server: "a"})
	}
	slices.SortStableFunc(run.History.Ops, func(a, b history.Op) int { return int(a.Return - b.Return) })
	got = result(Judge(run), "split brain")
	if got.Figures["deposed_writes"] != 9 || fmt.Sprintf("%.3f", got.Figures["split_brain_s"]) != "0.900" {
		t.Errorf("%+v", got)
	}
}

// TestNeverGreen: a checker that fails or hangs makes the run unknown, and being starved
// excuses what depends on time, but nothing else.
func TestNeverGreen(t *testing.T) {
	fails := checker{name: "fails", check: func(Run, *Result) { panic("oh") }}
	breaks := checker{name: "breaks", check: func(_ Run, r *Result) { r.broken("x") }}
	slow := checker{name: "slow", timing: true, check: func(_ Run, r *Result) { r.broken("x") }}
	hungry := checker{name: starvation, check: func(_ Run, r *Result) { r.unclear("x") }}
	fine := checker{name: "fine", check: func(Run, *Result) {}}
	for _, c := range []struct {
		list []checker
		want Verdict
	}{
		{[]checker{fine}, Valid},
		{[]checker{fine, fails}, Unknown},
		{[]checker{fails, breaks, fine}, Invalid},
		{[]checker{slow}, Invalid},
		{[]checker{hungry, slow}, Unknown},
		{[]checker{hungry, breaks}, Invalid},
		{[]checker{hungry, fine}, Unknown},
	} {
		if rep := judge(Run{}, c.list, time.Minute); rep.Verdict != c.want {
			t.Errorf("got %+v, want %s", rep, c.want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		hangs := checker{name: "hangs", check: func(Run, *Result) { <-end }}
		if rep := judge(Run{}, []checker{hangs, fine}, time.Minute); rep.Verdict != Unknown || !strings.Contains(rep.Results[0].Findings[0], "did not finish within 1m0s") {
			t.Errorf("%+v", rep)
		}
		close(end)
	})
}

// TestMany: the first findings are kept.
func TestMany(t *testing.T) {
	r := Result{Verdict: Valid}
	for i := range 100 {
		r.broken("%d", i)
		r.note("%d", i)
	}
	if len(r.Findings) != maxFindings+1 || r.Findings[maxFindings] != "and more" || len(r.Notes) != maxFindings {
		t.Errorf("%d %d", len(r.Findings), len(r.Notes))
	}
}

func TestParseLog(t *testing.T) {
	zero := time.Date(2026, 11, 30, 17, 15, 0, 0, time.Local)
	text := "12:X 30 Nov 2026 17:15:01.500 # +sdown master m 10.0.0.1 6379\n" +
		"12:X 30 Nov 2026 17:15:01.600 * +slave slave a @ m\r\n" +
		"12:X 30 Nov 2026 17:15:02.000 # -tilt\n" +
		"12:X 30 Nov 2026 17:15:02.000 # Sentinel ID is +x\n" +
		"12:X 99 Nov 2026 17:15:02.000 # +sdown x\n" +
		"nonsense +sdown\n"
	got := ParseLog("s", text, func(at time.Time) time.Duration { return at.Sub(zero) })
	want := []history.Event{
		{At: 1500 * ms, Sentinel: "s", Name: "+sdown", Text: "master m 10.0.0.1 6379", Logged: true},
		{At: 1600 * ms, Sentinel: "s", Name: "+slave", Text: "slave a @ m", Logged: true},
		{At: 2000 * ms, Sentinel: "s", Name: "-tilt", Logged: true},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}
