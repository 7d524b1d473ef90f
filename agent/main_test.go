package agent

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write makes a file in a directory of the test and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return string(b)
}

// onlyJob opens a target and returns its job.
func onlyJob(t *testing.T, target Target) *job {
	t.Helper()
	target.check(func(key, hint, format string, args ...any) { t.Helper(); t.Fatalf(key+": "+format, args...) }, "")
	jobs := target.open(quietly())
	if len(jobs) != 1 {
		t.Fatalf("%d jobs", len(jobs))
	}
	return jobs[0]
}

func quietly() *environment { return &environment{log: slog.New(slog.DiscardHandler)} }

// program skips a test that needs a program which is not there.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := find(name)
	if err != nil {
		t.Skipf("needs %s: make deps", name)
	}
	return path
}

// accepts runs a program that checks something.
func accepts(t *testing.T, name string, args ...string) {
	t.Helper()
	path, err := find(name)
	if err != nil {
		t.Logf("%s is not installed: not asked", name)
		return
	}
	if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
		t.Errorf("%s %q: %v\n%s", name, args, err, out)
	}
}

// known is a group with a master.
func known(name, host string, port int, replicas ...Server) Group {
	return Group{Name: name, Master: Server{host, port}, Epoch: 1, Up: true, Replicas: replicas}
}
