package server

import (
	"errors"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/pubsub"
)

// TestRenameCommands: commands are found only by their new names, removed ones
// not at all, and impossible renames are errors.
func TestRenameCommands(t *testing.T) {
	table := serverCommands()
	for _, r := range []struct {
		from, to string
		want     error
	}{
		{"SHUTDOWN", "", nil},
		{"shutdown", "again", errNoSuchCommand},
		{"config", "", errNoSuchCommand},
		{"client|list", "", errNoSuchCommand},
		{"ROLE", "ping", errNameTaken},
		{"ROLE", "Sentinel|Masters", errors.New("bar")},
		{"ROLE", strings.Repeat("x", 65), errors.New("64")},
		{"ROLE", "Old", nil},
		{"INFO", "role", nil}, // that name is free now
		{"SENTINEL", "guard", nil},
	} {
		err := table.rename(r.from, r.to)
		if (err == nil) != (r.want == nil) || err != nil && err != r.want && !strings.Contains(err.Error(), r.want.Error()) {
			t.Errorf("rename %s %s: %v, want %v", r.from, r.to, err, r.want)
		}
	}
	for request, want := range map[string]string{
		"shutdown": "", "OLD": "role", "Role": "info", "info": "", "guard": "sentinel", "GUARD Masters": "sentinel|masters",
		"sentinel masters": "", "guard|masters": "", "ping": "ping",
	} {
		var args [][]byte
		for word := range strings.FieldsSeq(request) {
			args = append(args, []byte(word))
		}
		got := ""
		if cmd, ok := table.lookup(args); ok {
			got = cmd.name
		}
		if got != want {
			t.Errorf("%s leads to %q, want %q", request, got, want)
		}
	}
	if cmd := table.find("guard|MYID"); cmd == nil || cmd.name != "sentinel|myid" {
		t.Errorf("COMMAND INFO would not find guard|myid: %v", cmd)
	}
	if n, all := len(table.shown()), len(serverCommands().shown()); n != all-1 {
		t.Errorf("%d commands are left of %d, want one less", n, all)
	}
}

// TestRenamesThatOthersMiss: a command that other Sentinels or clients send by its
// name is renamed with a warning for each, which says who fails.
func TestRenamesThatOthersMiss(t *testing.T) {
	table := monitor.NewRenameTable(
		monitor.Renamed{From: "Sentinel", To: "guard"}, monitor.Renamed{From: "PING", To: ""}, monitor.Renamed{From: "publish", To: "hidden"},
		monitor.Renamed{From: "SHUTDOWN", To: ""}, monitor.Renamed{From: "role", To: "other"}, monitor.Renamed{From: "get", To: "x"})
	_, warnings, err := NewCommands(table)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"rename-command SENTINEL: other Sentinels cannot ask this one", `rename-command PING "" removes a command that others need: other Sentinels take this one for down`,
		"rename-command PUBLISH: other Sentinels cannot deliver", "rename-command get: there is no such command here",
	}
	if len(warnings) != len(want) {
		t.Fatalf("%d warnings: %q", len(warnings), warnings)
	}
	for i, w := range warnings {
		if !strings.HasPrefix(w, want[i]) || strings.Contains(w, "guard") || strings.Contains(w, "hidden") {
			t.Errorf("warning %q, want %q and no new name", w, want[i])
		}
	}
}

// TestEchoNeedsPing: ACL rules cannot name ECHO, so who may run PING may run it.
func TestEchoNeedsPing(t *testing.T) {
	ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
	c := ts.dial(t)
	for _, step := range [][2]string{
		{"ECHO hi", "$2\nhi\n"}, {"ECHO", "-ERR wrong number of arguments for 'echo' command\n"},
		{"ACL SETUSER bob on nopass +info", "+OK\n"}, {"ACL SETUSER bob +echo", "-ERR Error in ACL SETUSER modifier '+echo': Unknown command or category name in ACL\n"},
		{"ACL SETUSER eve on nopass +ping", "+OK\n"}, {"ACL DRYRUN bob ECHO x", "$53\nUser bob has no permissions to run the 'ping' command\n"}, {"ACL DRYRUN eve ECHO x", "+OK\n"},
		{"AUTH eve x", "+OK\n"}, {"ECHO hi", "$2\nhi\n"}, {"AUTH bob x", "+OK\n"}, {"ECHO hi", "-NOPERM User bob has no permissions to run the 'ping' command\n"},
	} {
		if got := c.Do(step[0]); got != step[1] {
			t.Errorf("%s: %q, want %q", step[0], got, step[1])
		}
	}
}
