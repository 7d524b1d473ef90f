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
			{Sentinel: "s0", Call: 100 * ms, Return: 101 * ms, Master: "a:1", Epoch: 0},
			{Sentinel: "s1", Call: 100 * ms, Return: 101 * ms, Master: "a:1", Epoch: 0},
			{Sentinel: "s0", Call: 2500 * ms, Return: 2501 * ms, Master: "b:1", Epoch: 1},
			{Sentinel: "s1", Call: 2500 * ms, Return: 2501 * ms, Master: "b:1", Epoch: 1},
			{Sentinel: "s0", Call: 4500 * ms, Return: 4501 * ms, Master: "b:1", Epoch: 1},
			{Sentinel: "s1", Call: 4500 * ms, Return: 4501 * ms, Master: "b:1", Epoch: 1},
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
		server := "a:1"
		switch {
		case at > 2100*ms:
			server = "b:1"
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
		history.Op{Client: "library0", Func: history.Read, Key: "k", Values: left[:5], Call: 600 * ms, Return: 601 * ms, Outcome: history.OK, Server: "a:1"},
		history.Op{Client: "teller0", Func: history.Audit, Key: history.BankKey, Values: []int64{100, 90, 110, 100, 100}, Return: 700 * ms, Outcome: history.OK, Server: "a:1"},
	)
	h.Finals = []history.Final{{Key: "k", Values: left}, {Key: history.BankKey, Values: []int64{100, 100, 100, 100, 100}}}
	h.Places = []history.Place{
		{Name: "server0", Addr: "a:1"}, {Name: "server1", Addr: "b:1"},
		{Name: "s0", Addr: "c:1", Program: "gosentinel", ID: "x"}, {Name: "s1", Addr: "d:1", Program: "gosentinel", ID: "y"},
	}
	for _, e := range h.Events {
		e.At, e.Logged, e.Life = e.At+ms, false, 0
		h.Events = append(h.Events, e)
	}
	h.Hellos = []history.Hello{
		{At: 400 * ms, By: "x", Master: "a:1"}, {At: 2100 * ms, By: "x", CurrentEpoch: 1, Epoch: 1, Master: "b:1"}, {At: 2200 * ms, By: "y", CurrentEpoch: 1, Epoch: 1, Master: "b:1"},
	}
	h.Roles = []history.Role{
		{Server: "a:1", Return: 100 * ms, Role: "master"}, {Server: "b:1", Return: 100 * ms, Role: "slave", Master: "a:1", Link: "connected"},
		{Server: "b:1", Return: 2600 * ms, Role: "master"}, {Server: "a:1", Return: 2600 * ms, Role: "slave", Master: "b:1", Link: "connected"},
	}
	for _, s := range []string{"s0", "s1"} {
		h.Attempts = append(h.Attempts, history.Attempt{Sentinel: s, From: "a:1", To: "b:1", Epoch: 1, Kind: "failover", Outcome: "promoted"})
	}
	return Run{Schedule: s, History: h, Deadline: 15 * time.Second}
}

func logged(at int, sentinel, name, text string) history.Event {
	return history.Event{At: time.Duration(at) * ms, Sentinel: sentinel, Name: name, Text: text, Logged: true, Life: 1}
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
		{"epochs never fall", Invalid, "s1 had configuration epoch 1 at 4.501 s and 0", func(r *Run) {
			r.History.Views = append(r.History.Views, history.View{Sentinel: "s1", Return: 4600 * ms})
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
		{"lists", Invalid, "1 acknowledged writes are lost, and there was nothing but planned switchovers", func(r *Run) {
			r.History.Finals[0].Values = r.History.Finals[0].Values[1:]
			r.Schedule.Faults[0].Kind = schedule.Switch
		}},
		{"lists", Unknown, "nothing was read", func(r *Run) { r.History.Finals = nil }},
		{"bank", Invalid, "to teller0 on server0, there are 5 accounts with 499", func(r *Run) {
			r.History.Ops[len(r.History.Ops)-1].Values = []int64{99, 100, 100, 100, 100}
		}},
		{"bank", Invalid, "at the end there are 0 accounts", func(r *Run) { r.History.Finals[1].Values = nil }},
		{"bank", Unknown, "never read", func(r *Run) { r.History.Ops, r.History.Finals = nil, nil }},
		{"one master in each epoch", Invalid, "epoch 1 has several masters: server0, by s1 at 2.300 s; server1, by s0 at 2.100 s", func(r *Run) {
			r.History.Hellos = append(r.History.Hellos, history.Hello{At: 2300 * ms, By: "y", Epoch: 1, Master: "a:1"})
		}},
		{"one master in each epoch", Unknown, "nobody has named", func(r *Run) { r.History.Hellos, r.History.Views = nil, nil }},
		{"told is shown", Invalid, "s1 told of the switch to server1 at 2.012 s, and named server0 at 4.600 s", func(r *Run) {
			r.History.Views = append(r.History.Views, history.View{Sentinel: "s1", Call: 4590 * ms, Return: 4600 * ms, Master: "a:1", Epoch: 1})
		}},
		{"all say the same at the end", Invalid, `s0 names server1, which says that it is "slave"`, func(r *Run) { r.History.Roles[2].Role = "slave" }},
		{"all say the same at the end", Invalid, "s1 names server1; its last +switch-master was to server0", func(r *Run) {
			r.History.Events = append(r.History.Events, logged(2800, "s1", "+switch-master", "m b 1 a 1"))
		}},
		{"all say the same at the end", Invalid, "s1 logged the switch from server0 to server1 at 2.011 s; its journal has none", func(r *Run) {
			r.History.Attempts[1].To = ""
		}},
		{"all say the same at the end", Unknown, "no Sentinel", func(r *Run) { r.History.Views = nil }},
		{"events", Invalid, "s0 told its subscriber of +sdown m at 1.000 s: it is not in the log", func(r *Run) {
			r.History.Events = append(r.History.Events, history.Event{At: 1000 * ms, Sentinel: "s0", Name: "+sdown", Text: "m"})
		}},
		{"events", Invalid, "the log has it earlier", func(r *Run) {
			e := r.History.Events
			e[6], e[7] = e[7], e[6]
		}},
		{"events", Invalid, "s0 logged +vote-for-leader x 1 at 2.001 s, and did not tell", func(r *Run) {
			r.History.Events = slices.Delete(r.History.Events, 7, 8)
		}},
		{"events", Unknown, "no subscriber", func(r *Run) { r.History.Events = r.History.Events[:6] }},
		{"no crash", Invalid, "s0: panic: x", func(r *Run) {
			r.History.Marks = append(r.History.Marks, history.Mark{What: MarkCrash + "s0: panic: x"})
		}},
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

// TestLives: what was logged at the end of a life, or before the subscriber was there, may
// be missing.
func TestLives(t *testing.T) {
	run := sound()
	second := logged(2500, "s0", "+monitor", "m")
	second.Life = 2
	third := logged(2600, "s0", "+sdown", "m")
	third.Life = 2
	got := third
	got.Logged = false
	quiet := history.Event{At: 2550 * ms, Sentinel: "s0", Name: "-role-change", Text: "slave x"}      // is not in the log
	run.History.Events = append(slices.Delete(run.History.Events, 10, 11), second, third, quiet, got) // without +switch-master
	if rep := Judge(run); result(rep, "events").Verdict != Valid {
		t.Errorf("%+v", result(rep, "events"))
	}
}

// TestPicture: porcupine draws what it judged.
func TestPicture(t *testing.T) {
	page, err := Picture(sound())
	if err != nil || !strings.Contains(string(page), "epoch 1: server1") {
		t.Errorf("%.200s %v", page, err)
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

	// A read that began before the write was acknowledged is not stale; each client has one
	// operation at a time, so the order of the records says which is which.
	run = sound()
	at := slices.IndexFunc(run.History.Ops, func(o history.Op) bool { return o.Value == 30 })
	run.History.Ops = slices.Insert(run.History.Ops, at+1, history.Op{Func: history.Read, Key: "k", Values: run.History.Finals[0].Values[:5], Return: 3002 * ms, Outcome: history.OK})
	if got := result(Judge(run), "unavailability"); got.Figures["stale_reads"] != 2 { // and the one of the sound run, which stands at the end
		t.Errorf("%+v", got)
	}

	// The old master goes on for a second.
	run = sound()
	for i := range 10 {
		at := time.Duration(2150+100*i) * ms
		run.History.Ops = append(run.History.Ops, history.Op{Client: "library1", Func: history.Add, Key: "l", Value: int64(i), Call: at, Return: at + 100*ms, Outcome: history.OK, Server: "a:1"})
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
		{At: 1500 * ms, Sentinel: "s", Name: "+sdown", Text: "master m 10.0.0.1 6379", Logged: true, Life: 12},
		{At: 1600 * ms, Sentinel: "s", Name: "+slave", Text: "slave a @ m", Logged: true, Life: 12},
		{At: 2000 * ms, Sentinel: "s", Name: "-tilt", Logged: true, Life: 12},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}
