package main

import (
	"strings"
	"testing"
)

// TestSubcommands: the program says how to go on, and so does each subcommand.
func TestSubcommands(t *testing.T) {
	code, out, info := command(t, t.Context())
	if code != 2 || out != "" {
		t.Errorf("without a subcommand: exit code %d, %q", code, out)
	}
	for _, c := range program.Commands {
		contains(t, info, "  "+c.Name+" ")
		code, _, help := command(t, t.Context(), c.Name, "-h")
		if code != 0 || !strings.HasPrefix(help, "usage: sim "+c.Name+" [flags]") {
			t.Errorf("%s -h: exit code %d\n%s", c.Name, code, help)
		}
	}
	// What older notes say: the flags of run without its name.
	code, _, info = command(t, t.Context(), "-seed", "4711", "-seeds", "1")
	if code != 2 {
		t.Errorf("exit code %d", code)
	}
	contains(t, info, "as in: sim run -seed")
}
