package conformance

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// recorder is a script that keeps what it was called with: its name, its working
// directory and its arguments, a line each, in a file named by its process id.
// Scripts run side by side, so they cannot write to one file in order, but both
// implementations start them one after the other, so that the ids are in order.
const recorder = `#!/bin/sh
printf '%s\n' "${0##*/}" "$PWD" "$@" >"${0%/*}/calls/$$"
`

// The scripts of mymaster in the scenarios.
const (
	notifyScript   = "notify.sh"
	reconfigScript = "reconfig.sh"
)

// record gives a Sentinel scripts for mymaster that record their calls.
func (s *side) record(ctx context.Context, n *cluster.Sentinel) error {
	if err := os.Mkdir(filepath.Join(n.Dir(), "calls"), 0o755); err != nil {
		return err
	}
	for _, name := range []string{notifyScript, reconfigScript} {
		if err := os.WriteFile(filepath.Join(n.Dir(), name), []byte(recorder), 0o755); err != nil {
			return err
		}
	}
	_, err := n.Do(ctx, "SENTINEL", "SET", "mymaster", "notification-script", filepath.Join(n.Dir(), notifyScript),
		"client-reconfig-script", filepath.Join(n.Dir(), reconfigScript))
	if err != nil {
		return err
	}
	_, err = s.takeCalls(ctx, n) // of the events of that
	return err
}

// call is one start of a script.
type call struct {
	pid    int
	script string
	args   []string
}

// takeCalls waits until no script is left to run, and returns and forgets the
// calls so far, in order.
func (s *side) takeCalls(ctx context.Context, n *cluster.Sentinel) ([]call, error) {
	err := cluster.WaitFor(ctx, "the scripts to end", func(ctx context.Context) (string, bool) {
		text, err := n.Client().Info(ctx, "sentinel").Result()
		return text, err == nil && strings.Contains(text, "sentinel_scripts_queue_length:0\r\n")
	})
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(n.Dir(), "calls", "*"))
	if err != nil {
		return nil, err
	}
	var list []call
	for _, path := range files {
		c, err := readCall(path, n.Dir())
		if err != nil {
			return nil, err
		}
		list = append(list, c)
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(list, func(a, b call) int { return cmp.Compare(a.pid, b.pid) })
	return afterWrap(list), nil
}

func readCall(path, dir string) (call, error) {
	pid, err := strconv.Atoi(filepath.Base(path))
	if err != nil {
		return call{}, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return call{}, err
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) < 2 || lines[1] != dir {
		return call{}, fmt.Errorf("a script was called as %q, not in %s", lines, dir)
	}
	return call{pid, lines[0], lines[2:]}, nil
}

// afterWrap begins a sorted list behind its widest gap, if the process ids have
// come to their end and begun anew meanwhile.
func afterWrap(list []call) []call {
	const end = 10000 // the numbers of one scenario are closer together
	for i := 1; i < len(list); i++ {
		if list[i].pid-list[i-1].pid > end {
			return append(slices.Clone(list[i:]), list[:i]...)
		}
	}
	return list
}

// called returns the calls of both scripts as entries, to be sorted by what they
// are about: the order of scripts about different instances is a matter of
// chance, as that of their events is. One sequence more has the two scripts
// together at the turn of a failover.
func called(list []call) (entries, turn []entry) {
	for _, c := range list {
		e := entry{c.script, fmt.Sprintf("%q", c.args)}
		if c.script == notifyScript && len(c.args) == 2 {
			e = entry{c.args[0], c.args[1]}
		}
		entries = append(entries, e)
		if slices.Contains([]string{reconfigScript, "+failover-state-reconf-slaves", "+switch-master"}, e.name) {
			turn = append(turn, entry{"turn:", e.name + " " + e.text})
		}
	}
	return entries, turn
}
