package server

import (
	"errors"
	"strings"
	"testing"
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
