package ecosystem

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
)

// patience bounds a whole test; every single wait in it is bounded as well.
const patience = 5 * time.Minute

// stepLimit bounds one wait. The guides promise seconds.
const stepLimit = 90 * time.Second

// env is what the tests start from.
type env struct {
	*testing.T
	ctx context.Context
	c   *cluster.Cluster
}

// newEnv makes an empty cluster that ends with the test, on the given ports.
func newEnv(t *testing.T, ports ...int) *env {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	c, err := cluster.New(cluster.Config{})
	if err != nil {
		t.Fatal(err)
	}
	e := &env{T: t, ctx: ctx, c: c}
	t.Cleanup(e.close)
	for _, port := range ports {
		// Without a sandbox the demo may be using the same ports for a while.
		e.until(fmt.Sprintf("port %d, which the guide fixes, to be free", port), func(context.Context) (string, bool) {
			err := c.ReservePort(port)
			return fmt.Sprint(err), err == nil
		})
	}
	return e
}

func (e *env) close() {
	logs := e.c.Logs(60)
	clustertest.Sound(e.T, e.c.Dir())
	if e.Failed() {
		e.Log(logs)
	}
	if err := e.c.Close(); err != nil {
		e.Errorf("Close: %v", err)
	}
}

// must ends the test on an error.
func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

func (e *env) until(what string, probe func(context.Context) (string, bool)) {
	e.Helper()
	ctx, cancel := context.WithTimeout(e.ctx, stepLimit)
	defer cancel()
	e.must(cluster.WaitFor(ctx, what, probe))
}

// event waits for an event of any Sentinel.
func (e *env) event(what string, match func(cluster.Event) bool) cluster.Event {
	e.Helper()
	ctx, cancel := context.WithTimeout(e.ctx, stepLimit)
	defer cancel()
	ev, err := e.c.Events().Wait(ctx, what, match)
	e.must(err)
	return ev
}

// about matches an event of one Sentinel; text is the beginning of its payload.
func about(s *cluster.Sentinel, name, text string) func(cluster.Event) bool {
	return func(ev cluster.Event) bool {
		return ev.Sentinel == s.Name() && ev.Name == name && strings.HasPrefix(ev.Text, text)
	}
}

// logger is a process with a log: a server or a Sentinel.
type logger interface {
	Name() string
	Log() (string, error)
}

// logs waits until a log has all these lines, in this order, with others
// between them allowed. A line is a level and a regular expression for the
// rest: "# \\+new-epoch 1". It returns the submatches of all of them.
func (e *env) logs(n logger, lines ...string) (submatches []string) {
	e.Helper()
	patterns := make([]*regexp.Regexp, len(lines))
	for i, line := range lines {
		patterns[i] = logLine(line)
	}
	e.until(fmt.Sprintf("%s to log %q", n.Name(), lines), func(context.Context) (string, bool) {
		text, err := n.Log()
		if err != nil {
			return err.Error(), false
		}
		submatches = submatches[:0]
		for i, p := range patterns {
			m := p.FindStringSubmatchIndex(text)
			if m == nil {
				return "no " + lines[i], false
			}
			for g := 2; g < len(m); g += 2 {
				submatches = append(submatches, text[m[g]:m[g+1]])
			}
			text = text[m[1]:]
		}
		return "", true
	})
	return submatches
}

// logLine makes the pattern of a whole line of a log out of level and text.
func logLine(levelAndText string) *regexp.Regexp {
	return regexp.MustCompile(`(?m)^\d+:[XMSC] \d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3} ` + levelAndText + `$`)
}

// kind is a program that can be a Sentinel.
type kind string

const (
	ours  kind = "gosentinel"
	stock kind = "redis-sentinel"
)

// program returns what to start.
func (e *env) program(k kind) string {
	e.Helper()
	if k == ours {
		return daemon(workDir)
	}
	return e.installed(string(k))
}

// installed returns the path of a program that `make deps` or `make ecosystem`
// installs.
func (e *env) installed(name string) string {
	e.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	e.Fatalf("%s is not installed; run `make deps` (for make ecosystem: `make ecosystem` itself)", name)
	return ""
}

// set is a number of Sentinels by kind.
type set []kind

// String returns for example "2 gosentinel + 1 redis-sentinel".
func (s set) String() string {
	n := map[kind]int{}
	for _, k := range s {
		n[k]++
	}
	var parts []string
	for _, k := range []kind{ours, stock} {
		if n[k] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[k], k))
		}
	}
	return strings.Join(parts, " + ")
}

var errNotOnce = errors.New("it has changed")

// replace replaces a text that must occur exactly n times, so that an edit of
// another project's file cannot silently do nothing.
func replace(text, old, new string, n int) (string, error) {
	if found := strings.Count(text, old); found != n {
		return "", fmt.Errorf("%w: %q occurs %d times, not %d", errNotOnce, old, found, n)
	}
	return strings.ReplaceAll(text, old, new), nil
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// Edits of the clients' files rest on this.
func TestReplaceIsExact(t *testing.T) {
	t.Parallel()
	if got, err := replace("a b a", "a", "c", 2); err != nil || got != "c b c" {
		t.Errorf("two of two: %q, %v", got, err)
	}
	for _, n := range []int{0, 1, 3} {
		if got, err := replace("a b a", "a", "c", n); !errors.Is(err, errNotOnce) {
			t.Errorf("two, not %d: %q, %v", n, got, err)
		}
	}
}
