package nemesis

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/arena"
	"github.com/gosentinel/sentinel/jepsen/schedule"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestActs: there is an act for every kind of fault.
func TestActs(t *testing.T) {
	for _, k := range schedule.Kinds() {
		if acts[k] == nil {
			t.Errorf("nothing carries out %s", k)
		}
	}
}

// fake is a process that does what it is told, or nothing.
type fake struct {
	arena.Node
	name    string
	running bool
	got     []string
	err     error
}

func (f *fake) Name() string  { return f.name }
func (f *fake) PID() int      { return 7 }
func (f *fake) Running() bool { return f.running }
func (f *fake) Kill()         { f.running = false }
func (f *fake) Start() error  { f.running = true; f.got = append(f.got, "start"); return f.err }
func (f *fake) Signal(s syscall.Signal) error {
	f.got = append(f.got, s.String())
	return f.err
}

func nodes(names string) (list []arena.Node) {
	for _, n := range strings.Fields(names) {
		list = append(list, &fake{name: n, running: true})
	}
	return list
}

func namesOf(list []arena.Node) string {
	var names []string
	for _, n := range list {
		names = append(names, n.Name())
	}
	return strings.Join(names, " ")
}

func TestSome(t *testing.T) {
	all := nodes("a b c")
	for _, c := range []struct {
		k    int
		pick uint64
		want string
	}{{1, 0, "a"}, {1, 5, "c"}, {2, 2, "c a"}, {3, 1, "b c a"}} {
		if got := namesOf(some(all, c.k, c.pick)); got != c.want {
			t.Errorf("%d from %d: %s, want %s", c.k, c.pick, got, c.want)
		}
	}
}

// TestKill: who is struck twice is dead all the same, and lives again at the end.
func TestKill(t *testing.T) {
	list := targets{nodes: nodes("a b")}
	list.nodes[1].Kill()
	d, err := kill(t.Context(), nil, schedule.Fault{}, list)
	if err != nil || d.seen != "a has ended (pid 7); b was dead already" {
		t.Errorf("%+v %v", d, err)
	}
	if _, err := d.undo(t.Context()); err != nil || !list.nodes[0].Running() || !list.nodes[1].Running() {
		t.Error("somebody is dead", err)
	}
}

func TestRevive(t *testing.T) {
	failed := errors.New("x")
	f := &fake{name: "a", running: true, err: failed}
	if err := revive(f); !errors.Is(err, failed) || f.got[0] != syscall.SIGCONT.String() {
		t.Errorf("%v %v", f.got, err)
	}
}

// TestNothingSeen: what does not show is an error.
func TestNothingSeen(t *testing.T) {
	list := targets{nodes: nodes("a")}
	if _, err := list.each(func(arena.Node) (string, error) { return "", nil }); err == nil {
		t.Error("a fault without a sign passes")
	}
	if _, err := packets(0, nil); err == nil {
		t.Error("a cut that lost nothing passes")
	}
	if seen, err := packets(3, nil); err != nil || seen != "3 packets were lost" {
		t.Error(seen, err)
	}
	if _, _, err := list.sides(&arena.Arena{}); err == nil {
		t.Error("without a network something was cut")
	}
}

// TestWait ends early when the run is given up.
func TestWait(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if wait(ctx, 1<<40) {
		t.Error("waited to the end")
	}
	if !wait(t.Context(), 0) {
		t.Error("did not wait")
	}
}
