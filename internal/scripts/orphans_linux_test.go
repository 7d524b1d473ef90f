package scripts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

// adoptOrphans has this process take in orphans, as process 1 does.
func adoptOrphans(t *testing.T) {
	t.Helper()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { reapOrphans(ctx) })
	t.Cleanup(func() { cancel(); work.Wait() })
}

// noChildren waits until this process has no child, alive or as a zombie.
func noChildren(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(patience)
	retry := time.NewTicker(5 * time.Millisecond)
	defer retry.Stop()
	for {
		err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if errors.Is(err, unix.ECHILD) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a child is left: %v", err)
		}
		<-retry.C
	}
}

// TestOrphansAreReaped: scripts leave processes behind, which end before, with and
// after them; each script still has its own exit status.
func TestOrphansAreReaped(t *testing.T) {
	adoptOrphans(t)
	th := newTheatre(t, Config{})
	const rounds = 40
	path := th.script("(sleep 0.0$1 &)\n(true &)\n(sleep 0.02 &)\nexit $2\n")
	for k := range rounds {
		th.Run(monitor.RunScript{Path: path, Args: []string{fmt.Sprint(k % 10), fmt.Sprint(2 + k)}})
	}
	seen := map[int]bool{}
	deadline := time.After(patience)
	for len(seen) < rounds {
		select {
		case e := <-th.events:
			if c, ok := e.(event.ScriptChild); ok && !c.Started {
				if seen[c.ExitCode] || c.Signal != 0 {
					t.Errorf("%+v", c)
				}
				seen[c.ExitCode] = true
			}
		case <-deadline:
			t.Fatalf("%d of %d scripts have told their status", len(seen), rounds)
		}
	}
	noChildren(t)
}

// TestOnlyProcessOneTakesOrphans: in any other process they are somebody else's.
func TestOnlyProcessOneTakesOrphans(t *testing.T) {
	if os.Getpid() == 1 {
		t.Skip("needs to be another process than the first")
	}
	ReapOrphans(t.Context()) // returns
}

// TestEndedChildIsTheOne: the kernel names the child that has ended, and leaves it.
func TestEndedChildIsTheOne(t *testing.T) {
	p, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := p.Wait(); err != nil {
			t.Error(err)
		}
	}()
	if err := unix.Waitid(unix.P_PID, p.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if got := endedChild(); got != p.Pid {
		t.Errorf("process %d has ended, not %d", p.Pid, got)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid))
	if err != nil || !strings.Contains(string(status), ") Z ") {
		t.Errorf("it was reaped: %s %v", status, err)
	}
}
