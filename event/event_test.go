package event

import (
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The instances that the payloads below speak of.
var (
	anyMaster = Instance{Kind: KindMaster, Name: "m", Addr: HostPort{"10.0.0.1", 6379}}
	aReplica  = Instance{Kind: KindReplica, Name: "10.0.0.2:6380", Addr: HostPort{"10.0.0.2", 6380}, Master: "m", MasterAddr: HostPort{"10.0.0.1", 6379}}
	aSentinel = Instance{Kind: KindSentinel, Name: strings.Repeat("5", 40), Addr: HostPort{"fe80::1", 26379}, Master: "m", MasterAddr: HostPort{"10.0.0.1", 6379}}
)

const (
	goldenM = "master m 10.0.0.1 6379"
	goldenR = "slave 10.0.0.2:6380 10.0.0.2 6380 @ m 10.0.0.1 6379"
	goldenS = "sentinel 5555555555555555555555555555555555555555 fe80::1 26379 @ m 10.0.0.1 6379"
)

// golden is wire.md §6, Events once more, in its order: what operators'
// scripts, log parsers and client libraries match on, byte for byte.
var golden = []struct {
	ev      Event
	level   Level
	name    string
	payload string
}{
	{Monitor{anyMaster, 2}, LevelWarning, "+monitor", goldenM + " quorum 2"},
	{MonitorStopped{anyMaster}, LevelWarning, "-monitor", goldenM},
	{Set{anyMaster, "quorum", []string{"3"}}, LevelWarning, "+set", goldenM + " quorum 3"},
	{Set{anyMaster, "rename-command", []string{"CONFIG", "x"}}, LevelWarning, "+set", goldenM + " rename-command CONFIG x"},
	{Set{anyMaster, "auth-pass", []string{"******"}}, LevelWarning, "+set", goldenM + " auth-pass ******"},
	{ResetMaster{anyMaster}, LevelWarning, "+reset-master", goldenM},
	{ReplicaAdded{aReplica}, LevelNotice, "+slave", goldenR},
	{SentinelAdded{aSentinel}, LevelNotice, "+sentinel", goldenS},
	{SentinelAddressSwitch{anyMaster, HostPort{"10.0.0.9", 26380}, "abc"}, LevelNotice, "+sentinel-address-switch", goldenM + " ip 10.0.0.9 port 26380 for abc"},
	{SentinelAddressUpdate{aSentinel, 2}, LevelNotice, "+sentinel-address-update", goldenS + " 2 additional matching instances"},
	{SentinelInvalidAddr{aSentinel}, LevelNotice, "+sentinel-invalid-addr", goldenS},
	{Reboot{aReplica}, LevelNotice, "+reboot", goldenR},
	{RoleChange{aReplica, RoleMaster, false}, LevelVerbose, "-role-change", goldenR + " new reported role is master"},
	{RoleChange{aReplica, RoleReplica, true}, LevelVerbose, "+role-change", goldenR + " new reported role is slave"},
	{SDown{aSentinel}, LevelWarning, "+sdown", goldenS},
	{SDownCleared{anyMaster}, LevelWarning, "-sdown", goldenM},
	{ODown{anyMaster, 3, 2}, LevelWarning, "+odown", goldenM + " #quorum 3/2"},
	{ODownCleared{anyMaster}, LevelWarning, "-odown", goldenM},
	{NewEpoch{1<<64 - 1}, LevelWarning, "+new-epoch", "18446744073709551615"},
	{TryFailover{anyMaster}, LevelWarning, "+try-failover", goldenM},
	{VoteForLeader{"m", "abc", 7}, LevelWarning, "+vote-for-leader", "abc 7"},
	{ElectedLeader{anyMaster}, LevelWarning, "+elected-leader", goldenM},
	{FailoverStateSelectReplica{anyMaster}, LevelWarning, "+failover-state-select-slave", goldenM},
	{SelectedReplica{aReplica}, LevelWarning, "+selected-slave", goldenR},
	{FailoverStateSendReplicaOfNoOne{aReplica}, LevelNotice, "+failover-state-send-slaveof-noone", goldenR},
	{FailoverStateWaitPromotion{aReplica}, LevelNotice, "+failover-state-wait-promotion", goldenR},
	{PromotedReplica{aReplica}, LevelWarning, "+promoted-slave", goldenR},
	{FailoverStateReconfReplicas{anyMaster}, LevelWarning, "+failover-state-reconf-slaves", goldenM},
	{ReplicaReconfSent{aReplica}, LevelNotice, "+slave-reconf-sent", goldenR},
	{ReplicaReconfInProgress{aReplica}, LevelNotice, "+slave-reconf-inprog", goldenR},
	{ReplicaReconfDone{aReplica}, LevelNotice, "+slave-reconf-done", goldenR},
	{ReplicaReconfSentTimeout{aReplica}, LevelNotice, "-slave-reconf-sent-timeout", goldenR},
	{ReplicaReconfSentBestEffort{aReplica}, LevelNotice, "+slave-reconf-sent-be", goldenR},
	{FailoverEndForTimeout{anyMaster}, LevelWarning, "+failover-end-for-timeout", goldenM},
	{FailoverEnd{anyMaster}, LevelWarning, "+failover-end", goldenM},
	{SwitchMaster{"m", HostPort{"10.0.0.1", 6379}, HostPort{"10.0.0.2", 6380}, 9}, LevelWarning, "+switch-master", "m 10.0.0.1 6379 10.0.0.2 6380"},
	{ConfigUpdateFrom{aSentinel}, LevelWarning, "+config-update-from", goldenS},
	{ConvertToReplica{aReplica}, LevelNotice, "+convert-to-slave", goldenR},
	{FixReplicaConfig{aReplica}, LevelNotice, "+fix-slave-config", goldenR},
	{FailoverAbortNotElected{anyMaster}, LevelWarning, "-failover-abort-not-elected", goldenM},
	{FailoverAbortNoGoodReplica{anyMaster}, LevelWarning, "-failover-abort-no-good-slave", goldenM},
	{FailoverAbortReplicaTimeout{anyMaster}, LevelWarning, "-failover-abort-slave-timeout", goldenM},
	{FailoverHeld{anyMaster, true, "vetoed: a new kernel"}, LevelWarning, "+failover-held", goldenM + " #vetoed: a new kernel"},
	{GuardActs{aReplica, "return-fence", true, "pause its writes", "it was the master"}, LevelWarning, "+guard", goldenR + " #return-fence pause its writes: it was the master"},
	{GuardEnds{aReplica, "isolation-fence", "lets it write", "all is well"}, LevelWarning, "-guard", goldenR + " #isolation-fence lets it write: all is well"},
	{GuardActs{aReplica, "return-fence", false, "pause its writes", "it was the master"}, LevelWarning, "+guard-report", goldenR + " #return-fence would pause its writes: it was the master"},
	{FailoverPaused{anyMaster, time.UnixMilli(1767225600000).UTC(), RunID(aSentinel.Name), "a new kernel"}, LevelWarning, "+failover-paused", goldenM + " #until 2026-01-01T00:00:00Z by " + aSentinel.Name + ": a new kernel"},
	{FailoverPaused{anyMaster, time.UnixMilli(1767225600000).UTC(), RunID(aSentinel.Name), ""}, LevelWarning, "+failover-paused", goldenM + " #until 2026-01-01T00:00:00Z by " + aSentinel.Name},
	{Forgotten{aReplica, RunID(aSentinel.Name)}, LevelWarning, "+forgotten", goldenR + " #by " + aSentinel.Name},
	{FailoverResumed{anyMaster, "the time of the pause is over"}, LevelWarning, "+failover-resumed", goldenM + " #the time of the pause is over"},
	{FailoverWaits{anyMaster, "none has data"}, LevelWarning, "+failover-waits", goldenM + " #none has data"},
	{PromotionWithoutData{aReplica, "it is empty"}, LevelWarning, "+promotion-without-data", goldenR + " #it is empty"},
	{Tilt{true, 5 * time.Second, 30 * time.Second}, LevelWarning, "+tilt", "#tilt mode entered"},
	{Tilt{}, LevelWarning, "-tilt", "#tilt mode exited"},
	{ScriptError{"/x.sh", 9, 0}, LevelWarning, "-script-error", "/x.sh 9 0"},
	{ScriptTimeout{"/x.sh", 77}, LevelWarning, "-script-timeout", "/x.sh 77"},
	{ScriptChild{Started: true, PID: 77}, LevelDebug, "+script-child", "77"},
	{ScriptChild{PID: 77, ExitCode: 1, Signal: 9}, LevelDebug, "-script-child", "77 1 9"},
	{SwitchoverTakenOver{anyMaster}, LevelWarning, "+switchover-takeover", goldenM},
	{SwitchoverWaits{anyMaster, "10.0.0.2:6379: it is being synchronised"}, LevelNotice, "+switchover-wait", goldenM + " #10.0.0.2:6379: it is being synchronised"},
	{SwitchoverDegraded{aReplica, "writes cannot be paused: NOPERM"}, LevelWarning, "+switchover-degraded", goldenR + " #writes cannot be paused: NOPERM"},
	{SwitchoverAborted{anyMaster, "a link is down"}, LevelWarning, "-switchover-abort", goldenM + " #a link is down"},
	{LinkReconnection{aReplica, false, "Connection refused"}, LevelDebug, "-cmd-link-reconnection", goldenR + " #Connection refused"},
	{LinkReconnection{anyMaster, true, "closed"}, LevelDebug, "-pubsub-link-reconnection", goldenM + " #closed"},
	{SentinelIDConflict{"abc", HostPort{"10.0.0.1", 26379}, HostPort{"10.0.0.2", 26380}, false}, LevelWarning, "+sentinel-id-conflict", "abc 10.0.0.1 26379 10.0.0.2 26380"},
	{SentinelIDConflict{"abc", HostPort{"10.0.0.1", 26379}, HostPort{"10.0.0.2", 26380}, true}, LevelWarning, "-sentinel-id-conflict", "abc 10.0.0.1 26379 10.0.0.2 26380"},
	{PersistError{true, "no space"}, LevelWarning, "+persist-error", "#no vote is given until the state can be saved: no space"},
	{PersistError{}, LevelWarning, "-persist-error", "#state saved again"},
}

func TestEventsGolden(t *testing.T) {
	for _, g := range golden {
		if got := g.ev.Name(); got != g.name {
			t.Errorf("%T is named %q, want %q", g.ev, got, g.name)
		}
		if got := g.ev.Level(); got != g.level {
			t.Errorf("%s has level %d, want %d", g.name, got, g.level)
		}
		if got := string(g.ev.AppendText([]byte("x "))); got != "x "+g.payload {
			t.Errorf("%s says\n got %q\nwant %q", g.name, got, "x "+g.payload)
		}
	}
}

// TestEventsComplete finds an event type that was added without a line above, or
// whose comment does not begin with its channel.
func TestEventsComplete(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	channels := map[string]string{}
	for _, g := range golden {
		channels[reflect.TypeOf(g.ev).Name()] = g.name
	}
	channels["Lagged"] = ""
	declared := 0
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil && fn.Name.Name == "Name" {
				declared++
				if typ := fn.Recv.List[0].Type.(*ast.Ident).Name; channels[typ] == "" && typ != "Lagged" {
					t.Errorf("event %s has no golden line", typ)
				}
			}
			typ, ok := d.(*ast.GenDecl)
			if !ok || typ.Tok != token.TYPE {
				continue
			}
			spec := typ.Specs[0].(*ast.TypeSpec).Name.Name
			if channel := channels[spec]; channel != "" && !strings.HasPrefix(typ.Doc.Text(), spec+" is ") {
				t.Errorf("the comment of %s does not begin with its channel: %q", spec, typ.Doc.Text())
			} else if channel != "" && !strings.Contains(typ.Doc.Text(), channel[1:]) {
				t.Errorf("the comment of %s does not name its channel %s: %q", spec, channel, typ.Doc.Text())
			}
		}
	}
	if declared < 40 {
		t.Errorf("only %d events found: this test looks in the wrong place", declared)
	}
}

// TestRunbook: whoever finds an event in a log finds it in the runbook, with how urgent it
// is and what to do; and what stands there exists.
func TestRunbook(t *testing.T) {
	text, err := os.ReadFile("../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	entries := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(strings.Trim(line, "| \n"), " | "); len(cells) == 4 && (strings.HasPrefix(line, "| `+") || strings.HasPrefix(line, "| `-")) {
			name := strings.Trim(cells[0], "`")
			if entries[name] != nil {
				t.Errorf("%s stands in the runbook twice", name)
			}
			entries[name] = cells[1:]
		}
	}
	names := map[string]bool{Lagged{}.Name(): true}
	for _, g := range golden {
		names[g.name] = true
	}
	urgencies := []string{"now", "today", "note", "–"}
	for name := range names {
		if e := entries[name]; e == nil {
			t.Errorf("docs/runbook.md says nothing about %s: write what it means, how urgent it is, and what to do", name)
		} else if !slices.Contains(urgencies, e[0]) {
			t.Errorf("%s has the urgency %q, which is none of %q", name, e[0], urgencies)
		}
	}
	for name := range entries {
		if !names[name] {
			t.Errorf("docs/runbook.md has %s, which is no event", name)
		}
	}
}

// TestLogValues: what a slog.Logger shows of an event has its name, and everything
// that the payload tells.
func TestLogValues(t *testing.T) {
	for _, g := range golden {
		var line strings.Builder
		slog.New(slog.NewTextHandler(&line, nil)).Info("x", "e", g.ev)
		if !strings.Contains(line.String(), "e.event="+g.name) {
			t.Errorf("%s is logged as %s", g.name, line.String())
		}
		fields := reflect.ValueOf(g.ev)
		for i := range fields.NumField() {
			if f := fields.Field(i); f.Kind() == reflect.String && f.String() != "" && !strings.Contains(line.String(), f.String()) ||
				f.Kind() == reflect.Int && f.Int() != 0 && !strings.Contains(line.String(), "="+strconv.Itoa(int(f.Int()))) {
				t.Errorf("%s is logged without %s: %s", g.name, fields.Type().Field(i).Name, line.String())
			}
		}
	}
	var line strings.Builder
	slog.New(slog.NewTextHandler(&line, nil)).Info("x", "e", ODown{anyMaster, 3, 2})
	if want := "e.event=+odown e.master=m e.kind=master e.addr=10.0.0.1:6379 e.votes=3 e.quorum=2\n"; !strings.HasSuffix(line.String(), want) {
		t.Errorf("got %s, want %s", line.String(), want)
	}
	line.Reset()
	slog.New(slog.NewTextHandler(&line, nil)).Info("x", "e", SentinelAdded{aSentinel})
	if want := "e.master=m e.kind=sentinel e.addr=[fe80::1]:26379 e.sentinel=5555555555555555555555555555555555555555 e.master_addr=10.0.0.1:6379\n"; !strings.HasSuffix(line.String(), want) {
		t.Errorf("got %s, want %s", line.String(), want)
	}
}

// TestAttributeNames: an attribute has its name alone, also beside what a log line begins
// with, so that a line in JSON says nothing twice.
func TestAttributeNames(t *testing.T) {
	for _, g := range append(golden[:len(golden):len(golden)], struct {
		ev            Event
		level         Level
		name, payload string
	}{ev: Lagged{Missed: 1}}) {
		taken := map[string]bool{"time": true, "timestamp": true, "level": true, "msg": true, "message": true, "pid": true, "role": true}
		for k, a := range g.ev.LogValue().Group() {
			if taken[a.Key] || strings.ToLower(a.Key) != a.Key || strings.ContainsAny(a.Key, " -.=") || (k == 0) != (a.Key == "event") {
				t.Errorf("%s has the attribute %q: taken, at the wrong place, or no name", g.ev.Name(), a.Key)
			}
			taken[a.Key] = true
		}
	}
}

func TestLagged(t *testing.T) {
	e := Lagged{Missed: 7}
	if got := string(e.AppendText([]byte(e.Name() + " "))); got != "+lagged #7 events missed" || e.Level() != LevelWarning {
		t.Error(got)
	}
	if got := e.LogValue().String(); got != "[event=+lagged missed=7]" {
		t.Error(got)
	}
}

func TestMasterName(t *testing.T) {
	for _, i := range []Instance{anyMaster, aReplica, aSentinel} {
		if got := i.MasterName(); got != "m" {
			t.Errorf("MasterName of %v is %q", i.Kind, got)
		}
	}
}
