package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
	"github.com/gosentinel/sentinel/jepsen/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// command runs a subcommand and returns what it prints.
func command(t *testing.T, ctx context.Context, args ...string) (code int, out, info string) {
	t.Helper()
	var o, i bytes.Buffer
	code = program.Run(ctx, args, cli.Streams{Out: &o, Info: &i})
	return code, o.String(), i.String()
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is missing in:\n%s", p, text)
		}
	}
}

// TestSeeds plays the default mix, and each group of faults, once.
func TestSeeds(t *testing.T) {
	mixes := 1 + len(sim.FaultGroups)
	first := 3 * mixes
	code, out, _ := command(t, t.Context(), "run", "-seeds", strconv.Itoa(mixes), "-seed", strconv.Itoa(first), "-faults", "every", "-parallel", "2")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	contains(t, out, strconv.Itoa(mixes)+" seeds in", "\nfaults: ", "\nevents: ", "S4 ", "0 failed. To go on: -seed "+strconv.Itoa(first+mixes))
	for _, mix := range append([]string{"default"}, sim.FaultGroups...) {
		contains(t, out, fmt.Sprintf("\n%-10s         1 ", mix))
	}
}

// TestSummariesAgree: what is counted does not depend on how many are played at
// once.
func TestSummariesAgree(t *testing.T) {
	tables := map[string]bool{}
	for _, parallel := range []string{"1", "3"} {
		_, out, _ := command(t, t.Context(), "run", "-seeds", "3", "-parallel", parallel)
		_, table, _ := strings.Cut(out, "\nmix ")
		tables[table] = true
	}
	if len(tables) != 1 {
		t.Errorf("two summaries: %v", tables)
	}
}

func TestOneSeed(t *testing.T) {
	code, out, _ := command(t, t.Context(), "run", "-seeds", "1", "-seed", "3", "-v")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	contains(t, out, "# what was drawn for seed 3, mix default\nseed 3\nsentinels ", "\nat ", "FAULT ", "+switch-master ", "EVERYTHING IS HEALED", "nothing was violated in ")
}

// TestFailure breaks the disks of the model on purpose: the failing seed is
// reported, made smaller, and written as a scenario that fails again.
func TestFailure(t *testing.T) {
	dir := t.TempDir()
	code, out, _ := command(t, t.Context(), "run", "-seeds", "500", "-bug", "ungated", "-out", dir, "-minimise", "12", "-parallel", "1")
	if code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	contains(t, out, "FAULT ", "# Found by seed ", "1 failed. To go on: -seed ")
	name := regexp.MustCompile(`written to (\S+);`).FindStringSubmatch(out)
	if name == nil || filepath.Dir(name[1]) != dir {
		t.Fatalf("no scenario was written to %s:\n%s", dir, out)
	}
	text, err := os.ReadFile(name[1])
	if err != nil {
		t.Fatal(err)
	}
	s, err := sim.ParseScenario(string(text))
	if err != nil || s.Options.Bug != sim.BugUngated {
		t.Errorf("the scenario that was written is %v (%v)", s, err)
	}
	code, out, _ = command(t, t.Context(), "run", "-v", name[1])
	if code != 1 {
		t.Errorf("replayed, it has exit code %d", code)
	}
	contains(t, out, "+monitor master m0", " violated at ")
	contains(t, string(text), "# Found by seed", "violated at")
}

func TestReplay(t *testing.T) {
	code, out, _ := command(t, t.Context(), "run", "../../sim/testdata/master-dies.txt", "../../sim/testdata/one-way-links.txt")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	contains(t, out, "master-dies.txt: nothing was violated in ", "one-way-links.txt: nothing")
}

// TestInterrupt plays without an end until it is told to stop.
func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code, out, _ := command(t, ctx, "run", "-seeds", "0")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	contains(t, out, "0 failed. To go on: -seed ")
}

func TestDuration(t *testing.T) {
	code, out, _ := command(t, t.Context(), "run", "-seeds", "0", "-duration", "1ms")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	contains(t, out, "0 failed. To go on: -seed ")
}

func TestBadCommandLines(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.txt")
	if err := os.WriteFile(bad, []byte("sentinels many\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-faults", "nett"}, `no group "nett": want some of server,`},
		{[]string{"-parallel", "0"}, "-parallel 0: want 1 to 1024"},
		{[]string{"-duration", "-1s"}, "must not be negative"},
		{[]string{"-minimise", "-1"}, "must not be negative"},
		{[]string{"-bug", "ants"}, `there is no bug "ants"`},
		{[]string{"-seeds", "many"}, "many"},
		{[]string{"-nonsense"}, "nonsense"},
		{[]string{"no-such-file.txt"}, "no-such-file.txt"},
		{[]string{bad}, "bad.txt: line 1: "},
	} {
		code, out, info := command(t, t.Context(), append([]string{"run"}, c.args...)...)
		if code != 2 || out != "" || !strings.Contains(info, c.want) || !strings.HasPrefix(info, "sim run: ") {
			t.Errorf("%v: exit code %d, %q, want 2 and %q", c.args, code, info, c.want)
		}
	}
}

func TestHelp(t *testing.T) {
	code, _, info := command(t, t.Context(), "run", "-h")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	contains(t, info, "usage: sim run [flags] [SCRIPT ...]", "-faults", "crash-master", "S4 ", "liveness")
}
