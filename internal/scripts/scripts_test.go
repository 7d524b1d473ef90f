package scripts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds the wait for real processes. Only a failing test waits that
// long.
const patience = 60 * time.Second

// theatre is a Runner with real processes.
type theatre struct {
	*Runner
	t      *testing.T
	dir    string
	events chan monitor.Event
}

func newTheatre(t *testing.T, cfg Config) *theatre {
	th := &theatre{t: t, dir: t.TempDir(), events: make(chan monitor.Event, 1000)}
	cfg.Emit = func(e monitor.Event) { th.events <- e }
	th.Runner = New(cfg)
	t.Cleanup(th.end)
	return th
}

// end closes the Runner, and checks that no child process is left, running or
// as a zombie.
func (th *theatre) end() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := th.Close(ctx); err != nil {
		th.t.Error(err)
	}
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); !errors.Is(err, syscall.ECHILD) {
		th.t.Errorf("a child is left: wait4 returned %d, %v", pid, err)
	}
}

// script writes a shell script and returns its path.
func (th *theatre) script(body string) string {
	th.t.Helper()
	path := filepath.Join(th.dir, "script")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o700); err != nil {
		th.t.Fatal(err)
	}
	return path
}

// next returns the next event, which must be of type E.
func next[E monitor.Event](th *theatre) E {
	th.t.Helper()
	select {
	case e := <-th.events:
		want, ok := e.(E)
		if !ok {
			th.t.Fatalf("got %s %s, want a %T", e.Name(), e.AppendText(nil), want)
		}
		return want
	case <-time.After(patience):
		th.t.Fatal("no event")
		panic("not reached")
	}
}

// runToEnd runs a script to its end and returns its pid.
func (th *theatre) runToEnd(path string, args ...string) int {
	th.t.Helper()
	th.Run(monitor.RunScript{Path: path, Args: args})
	pid := next[event.ScriptChild](th).PID
	if got := next[event.ScriptChild](th); got != (event.ScriptChild{PID: pid}) {
		th.t.Fatalf("the script ended as %+v", got)
	}
	return pid
}

func (th *theatre) content(name string) string {
	th.t.Helper()
	b, err := os.ReadFile(filepath.Join(th.dir, name))
	if err != nil {
		th.t.Fatal(err)
	}
	return string(b)
}

func TestScriptGetsArgumentsEnvironmentAndDirectory(t *testing.T) {
	th := newTheatre(t, Config{})
	t.Setenv("SCRIPT_TEST_VALUE", "from the environment")
	t.Setenv("SCRIPT_TEST_DIR", th.dir)
	path := th.script(`exec >"$SCRIPT_TEST_DIR/out"
echo "$#"; echo "$0"; echo "$1"; echo "$2"; echo "$3"
echo "$SCRIPT_TEST_VALUE"; pwd -P; echo "$$"`)
	pid := th.runToEnd(path, "+sdown", "master m 10.0.0.1 6379", "$(id) * ;")
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		t.Fatal(err)
	}
	want := []string{"3", path, "+sdown", "master m 10.0.0.1 6379", "$(id) * ;",
		"from the environment", dir, strconv.Itoa(pid), ""}
	if got := strings.Split(th.content("out"), "\n"); !slices.Equal(got, want) {
		t.Errorf("the script saw\n%q\nwant\n%q", got, want)
	}
}

func TestStandardFilesAreInherited(t *testing.T) {
	th := newTheatre(t, Config{})
	if err := os.WriteFile(filepath.Join(th.dir, "in"), []byte("question\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := th.script("read line; echo \"out $line\"; echo \"err $line\" >&2")
	swap := func(file **os.File, name string, flag int) {
		f, err := os.OpenFile(filepath.Join(th.dir, name), flag, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		before := *file
		*file = f
		t.Cleanup(func() {
			*file = before
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	swap(&os.Stdin, "in", os.O_RDONLY)
	swap(&os.Stdout, "out", os.O_CREATE|os.O_WRONLY)
	swap(&os.Stderr, "err", os.O_CREATE|os.O_WRONLY)
	th.runToEnd(path)
	if out, err := th.content("out"), th.content("err"); out != "out question\n" || err != "err question\n" {
		t.Errorf("output %q, error output %q", out, err)
	}
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		body    string
		end     event.ScriptChild
		starts  int
		isError bool
	}{
		{"exit 0", event.ScriptChild{}, 1, false},
		{"exit 1", event.ScriptChild{ExitCode: 1}, MaxStarts, true},
		{"exit 2", event.ScriptChild{ExitCode: 2}, 1, true},
		{"exit 77", event.ScriptChild{ExitCode: 77}, 1, true},
		{"kill -TERM $$", event.ScriptChild{Signal: 15}, MaxStarts, true},
	} {
		t.Run(c.body, func(t *testing.T) {
			th := newTheatre(t, Config{Periods: Periods{RetryDelay: time.Microsecond}})
			path := th.script(c.body)
			th.Run(monitor.RunScript{Path: path})
			for range c.starts {
				c.end.PID = next[event.ScriptChild](th).PID
				if got := next[event.ScriptChild](th); got != c.end {
					t.Errorf("ended as %+v, want %+v", got, c.end)
				}
			}
			if c.isError {
				want := event.ScriptError{Path: path, Signal: c.end.Signal, ExitCode: c.end.ExitCode}
				if got := next[event.ScriptError](th); got != want {
					t.Errorf("reported as %+v, want %+v", got, want)
				}
			}
			if running, queued := th.Counts(); running != 0 || queued != 0 {
				t.Errorf("%d running and %d queued at the end", running, queued)
			}
		})
	}
}

func TestWhatCannotBeExecuted(t *testing.T) {
	th := newTheatre(t, Config{})
	plain := filepath.Join(th.dir, "plain")
	if err := os.WriteFile(plain, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{plain, th.dir, filepath.Join(th.dir, "missing"), ""} {
		th.Run(monitor.RunScript{Path: path})
		want := event.ScriptError{Path: path, ExitCode: 2}
		if got := next[event.ScriptError](th); got != want {
			t.Errorf("reported as %+v, want %+v", got, want)
		}
	}
}

func TestRealTimeout(t *testing.T) {
	th := newTheatre(t, Config{Periods: Periods{RetryDelay: time.Hour}})
	path := th.script("exec sleep 1000")
	th.Run(monitor.RunScript{Path: path})
	pid := next[event.ScriptChild](th).PID
	th.Adjust(func(p *Periods) { p.MaxRuntime = time.Microsecond })
	if got, want := next[event.ScriptTimeout](th), (event.ScriptTimeout{Path: path, PID: pid}); got != want {
		t.Errorf("reported as %+v, want %+v", got, want)
	}
	if got, want := next[event.ScriptChild](th), (event.ScriptChild{PID: pid, Signal: 9}); got != want {
		t.Errorf("ended as %+v, want %+v", got, want)
	}
	if running, queued := th.Counts(); running != 0 || queued != 1 {
		t.Errorf("%d running and %d queued, want one retry", running, queued)
	}
}

// Only the process itself is killed, as by redis-sentinel: what it started may be
// a daemon that is meant to stay.
func TestTimeoutSparesGrandchildren(t *testing.T) {
	th := newTheatre(t, Config{Periods: Periods{RetryDelay: time.Hour}})
	t.Setenv("SCRIPT_TEST_DIR", th.dir)
	for _, name := range []string{"fifo", "never"} {
		if err := syscall.Mkfifo(filepath.Join(th.dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// The grandchild writes only after it is told to, which is after its parent
	// was killed. The parent waits in the shell itself, because a third process
	// would outlive the test.
	path := th.script(`cd "$SCRIPT_TEST_DIR"
(read x <fifo; echo "$x" >tmp; mv tmp survived) &
read x <never`)
	th.Run(monitor.RunScript{Path: path})
	next[event.ScriptChild](th)
	fifo, err := os.OpenFile(filepath.Join(th.dir, "fifo"), os.O_WRONLY, 0) // waits for the grandchild
	if err != nil {
		t.Fatal(err)
	}
	th.Adjust(func(p *Periods) { p.MaxRuntime = time.Microsecond })
	next[event.ScriptTimeout](th)
	if got := next[event.ScriptChild](th); got.Signal != 9 {
		t.Errorf("ended as %+v", got)
	}
	if _, err := fmt.Fprintln(fifo, "alive"); err != nil {
		t.Error(err)
	}
	if err := fifo.Close(); err != nil {
		t.Error(err)
	}
	waitForFile(t, filepath.Join(th.dir, "survived"))
}

func waitForFile(t *testing.T, path string) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for {
		if _, err := os.Stat(path); err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("%s did not appear", path)
		}
	}
}

func TestCloseLetsAScriptFinish(t *testing.T) {
	th := newTheatre(t, Config{})
	t.Setenv("SCRIPT_TEST_DIR", th.dir)
	if err := syscall.Mkfifo(filepath.Join(th.dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	th.Run(monitor.RunScript{Path: th.script(`cd "$SCRIPT_TEST_DIR"; read x <fifo; echo "$x" >finished`)})
	next[event.ScriptChild](th)
	closed := make(chan error)
	go func() { closed <- th.Close(context.Background()) }()
	if err := os.WriteFile(filepath.Join(th.dir, "fifo"), []byte("yes\n"), 0o600); err != nil {
		t.Error(err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if got := th.content("finished"); got != "yes\n" {
		t.Errorf("the script wrote %q", got)
	}
}

func TestCloseKillsARealScript(t *testing.T) {
	th := newTheatre(t, Config{})
	th.Run(monitor.RunScript{Path: th.script("exec sleep 1000")})
	pid := next[event.ScriptChild](th).PID
	th.end()
	if got := next[event.ScriptChild](th); got != (event.ScriptChild{PID: pid, Signal: 9}) {
		t.Errorf("ended as %+v", got)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d still exists: %v", pid, err)
	}
}

func TestOtherDescriptorsAreNotInherited(t *testing.T) {
	th := newTheatre(t, Config{})
	t.Setenv("SCRIPT_TEST_DIR", th.dir)
	path := th.script(`if [ -e "/dev/fd/$1" ]; then echo inherited; else echo closed; fi >"$SCRIPT_TEST_DIR/out"`)
	own, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	// Unlike the descriptors that Go opens, a duplicate is inherited, like one
	// that a daemon's parent left open. Its number is none that a shell uses for
	// its script.
	foreign, err := unix.FcntlInt(own.Fd(), unix.F_DUPFD, 50)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(foreign)
	look := func(fd int) string {
		th.runToEnd(path, strconv.Itoa(fd))
		return th.content("out")
	}
	if got := look(int(own.Fd())); got != "closed\n" {
		t.Errorf("an own descriptor is %s", got)
	}
	if got := look(foreign); got != "inherited\n" {
		t.Errorf("a foreign descriptor is %s before sealing, so this test proves nothing", got)
	}
	if err := SealDescriptors(); err != nil {
		t.Fatal(err)
	}
	if got := look(foreign); got != "closed\n" {
		t.Errorf("a foreign descriptor is %s after sealing", got)
	}
}

func TestZeroConfig(t *testing.T) {
	r := New(Config{})
	r.Run(monitor.RunScript{Path: "/nonexistent/script"})
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if r.Periods().MaxRuntime != defaults.MaxRuntime || r.Periods().RetryDelay != defaults.RetryDelay {
		t.Errorf("times are %v and %v", r.Periods().MaxRuntime, r.Periods().RetryDelay)
	}
}
