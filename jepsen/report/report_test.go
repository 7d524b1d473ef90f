package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/check"
	"github.com/gosentinel/sentinel/jepsen/history"
	"github.com/gosentinel/sentinel/jepsen/schedule"
)

const ms = time.Millisecond

// sample is a run with one of everything, and with markup where strangers can put it.
func sample() check.Run {
	h := history.History{
		Places: []history.Place{
			{Name: "server0", Addr: "a:1"}, {Name: "server1", Addr: "b:1"}, {Name: "sentinel0", Addr: "c:1", Program: "gosentinel", ID: "x"},
		},
		Marks:  []history.Mark{{At: 100 * ms, What: check.MarkFaults}, {At: 5000 * ms, What: check.MarkOver}},
		Faults: []history.Fault{{What: "kill master", Targets: []string{"server0"}, Begin: 1000 * ms, End: 2000 * ms, Seen: "has ended"}, {Number: 1, What: "deaf", Begin: 3000 * ms, End: 3000 * ms}},
		Views:  []history.View{{Sentinel: "sentinel0", Return: 500 * ms, Master: "a:1"}, {Sentinel: "sentinel0", Return: 2500 * ms, Master: "b:1", Epoch: 1}},
		Roles:  []history.Role{{Server: "a:1", Return: 500 * ms, Role: "master"}, {Server: "b:1", Return: 500 * ms, Role: "slave", Master: "a:1", Link: "connected"}},
		Events: []history.Event{
			{At: 2000 * ms, Sentinel: "sentinel0", Name: "+vote-for-leader", Text: "x 1"},
			{At: 2100 * ms, Sentinel: "sentinel0", Name: "+elected-leader", Text: "master m"},
			{At: 2100 * ms, Sentinel: "sentinel0", Name: "+elected-leader", Text: "master m", Logged: true},
		},
		Lates: []history.Late{{At: 4000 * ms, By: 60 * ms}},
		Ops: []history.Op{
			{Client: "library0", Func: history.Add, Key: "k", Value: 1, Call: 200 * ms, Return: 210 * ms, Outcome: history.OK, Server: "a:1"},
			{Client: "library0", Func: history.Add, Key: "k", Value: 2, Call: 1200 * ms, Return: 1210 * ms, Outcome: history.Fail, Error: "<b>oh</b>"},
			{Client: "library0", Func: history.Add, Key: "k", Value: 3, Call: 1300 * ms, Return: 1800 * ms, Outcome: history.Unknown, Error: "timeout"},
			{Client: "library0", Func: history.Add, Key: "k", Value: 4, Call: 2600 * ms, Return: 2610 * ms, Outcome: history.OK, Server: "b:1"},
		},
		Finals: []history.Final{{Key: "k", Values: []int64{4}}},
	}
	s := schedule.Schedule{Mix: "test", Seed: 7, Group: schedule.Group{Servers: 2, Sentinels: 1, Quorum: 1, MinReplicas: 1, Wait: true, DownAfter: schedule.Duration(time.Second)}}
	return check.Run{Schedule: s, History: h, Deadline: 15 * time.Second}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	run := sample()
	rep := check.Judge(run)
	if err := Write(dir, run, rep); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string][]string{
		"verdict.txt": {
			strings.ToUpper(string(rep.Verdict)) + ": mix test, seed 7\n", "Sentinels: gosentinel; quorum 1", "min-replicas-to-write 1, WAIT 1",
			"server0: has ended", "NOT SEEN", "lists (acknowledged 2, lost 1, unclear 1)", "1 acknowledged writes are lost",
		},
		"timeline.txt": {
			"    0.100  == faults\n", "    0.210  library0: the last write for 2.400 s\n", "    0.500  server1 says slave server0 connected\n",
			"    1.000  FAULT 1: kill master: server0\n", "    2.000  FAULT 1 is over: has ended\n", "    2.100  sentinel0 +elected-leader master m\n", "nothing shows that it happened", "this program was 60ms late",
		},
		"report.html": {
			`<title>sentinel0 names server1, epoch 1</title>`, "elected, epoch 1", "kill master: server0", "&lt;b&gt;oh&lt;/b&gt;", `class="v0"`, `class="late"`, "srcdoc=",
		},
	} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(string(text), w) {
				t.Errorf("%s lacks %q", file, w)
			}
		}
		for _, outside := range []string{"<b>oh", `src="http`, "<link"} {
			if file == "report.html" && strings.Contains(string(text), outside) {
				t.Errorf("%s has %q", file, outside)
			}
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "verdict.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v Verdict
	if err := json.Unmarshal(b, &v); err != nil || v.Verdict != rep.Verdict || len(v.Results) != len(rep.Results) || v.Programs[0] != "gosentinel" || v.Schedule.Seed != 7 {
		t.Errorf("%+v, %v", v, err)
	}
}
