package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/arena"
	"github.com/gosentinel/sentinel/jepsen/check"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
	"github.com/gosentinel/sentinel/jepsen/history"
	"github.com/gosentinel/sentinel/jepsen/netns"
	"github.com/gosentinel/sentinel/jepsen/schedule"
	"go.uber.org/goleak"
)

// namespaces is whether this machine lets us make them.
var namespaces bool

// TestMain runs the tests in namespaces of their own, where that is possible.
func TestMain(m *testing.M) {
	inside, status, err := netns.Enter(context.Background())
	switch {
	case errors.Is(err, netns.ErrNotAllowed):
		fmt.Fprintln(os.Stderr, "hosts are addresses of 127.0.0.0/8:", err)
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	case !inside:
		os.Exit(status)
	}
	namespaces = inside
	goleak.VerifyTestMain(m, clustertest.Programs())
}

// attempts bounds how often a run is repeated that cannot be judged.
const attempts = 5

const second = schedule.Duration(time.Second)

// short is a schedule for tests: what matters most, in a few seconds.
func short(faults ...schedule.Fault) schedule.Schedule {
	s := schedule.Schedule{
		Mix: "test", Length: 2 * second, Faults: faults,
		Group: schedule.Group{Servers: 3, Sentinels: 3, Quorum: 2, DownAfter: second, FailoverTimeout: 10 * second},
	}
	for _, f := range faults {
		s.Length = max(s.Length, f.At+f.For+second)
	}
	return s
}

func needServer(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatal("redis-server is not installed: run `make deps`")
	}
}

// play plays a schedule until the machine lets it be judged.
func play(t *testing.T, s schedule.Schedule, namespaces bool) (check.Report, string) {
	t.Helper()
	needServer(t)
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	daemon := arena.Program{Name: "gosentinel", Command: []string{clustertest.Daemon(t)}}
	for range attempts {
		dir := t.TempDir()
		rep, err := Run(t.Context(), Config{Dir: dir, Schedule: s, Programs: []arena.Program{daemon}, Namespaces: namespaces})
		if err != nil {
			t.Fatal(err)
		}
		if rep.Verdict != check.Unknown || rep.Results[0].Verdict == check.Valid {
			return rep, dir
		}
		t.Logf("once more: %v", rep.Results[0].Findings)
	}
	t.Fatalf("this machine was too busy %d times for anything to be said", attempts)
	return check.Report{}, ""
}

// TestShort kills the master, and cuts off the new one with a Sentinel and a client.
func TestShort(t *testing.T) {
	faults := []schedule.Fault{{Kind: schedule.Kill, On: schedule.Master, At: second / 2, For: 4 * second}}
	if namespaces {
		faults = append(faults, schedule.Fault{Kind: schedule.Partition, On: schedule.Master, At: 5 * second, For: 4 * second, Beside: []string{"sentinel", "client"}})
	}
	rep, dir := play(t, short(faults...), namespaces)
	text, err := os.ReadFile(filepath.Join(dir, "verdict.txt"))
	if err != nil {
		t.Fatal(err)
	}
	timeline, err := os.ReadFile(filepath.Join(dir, "timeline.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if rep.Verdict != check.Valid {
		t.Fatalf("%s\n%s", text, timeline)
	}
	h, err := history.Load(filepath.Join(dir, "history.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Faults) != len(faults) || len(h.Roles) == 0 || len(h.Hellos) == 0 || len(h.Finals) == 0 {
		t.Errorf("%d faults, %d roles, %d hellos, %d finals", len(h.Faults), len(h.Roles), len(h.Hellos), len(h.Finals))
	}
	switches := slices.ContainsFunc(h.Events, func(e history.Event) bool { return e.Name == "+switch-master" && !e.Logged })
	if !switches || !strings.Contains(string(timeline), "+switch-master") {
		t.Errorf("the master was killed, and there is no switch:\n%s", timeline)
	}
}

// TestLoopback: without namespaces processes are killed all the same, and what cannot be
// done is not green.
func TestLoopback(t *testing.T) {
	rep, dir := play(t, short(
		schedule.Fault{Kind: schedule.Kill, On: schedule.Master, At: second / 2, For: 4 * second},
		schedule.Fault{Kind: schedule.Partition, On: schedule.Master, At: 5 * second, For: second},
	), false)
	text, err := os.ReadFile(filepath.Join(dir, "verdict.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if rep.Verdict != check.Unknown || rep.Results[1].Verdict != check.Unknown || !strings.Contains(string(text), "nothing can be cut") {
		t.Errorf("%s", text)
	}
	for _, r := range rep.Results[2:] {
		if r.Verdict != check.Valid {
			t.Errorf("%+v", r)
		}
	}
}

// TestCannotStart: an error tells what the processes said.
func TestCannotStart(t *testing.T) {
	needServer(t)
	_, err := Run(t.Context(), Config{Dir: t.TempDir(), Schedule: short(), Programs: []arena.Program{{Name: "false", Command: []string{"false"}}}, Namespaces: namespaces})
	if err == nil || !strings.Contains(err.Error(), "sentinel0") {
		t.Errorf("got %v", err)
	}
}
