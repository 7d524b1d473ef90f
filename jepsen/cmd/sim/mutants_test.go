package main

import (
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/mutants"
)

// TestMutants checks the command line, and that the list shows every mutation.
func TestMutants(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"-list", 0, mutants.Table[len(mutants.Table)-1].Name},
		{"-run (", 2, "-run: "},
		{"-parallel 0", 2, "want at least 1"},
		{"surplus", 2, "an argument too many"},
		{"-hunt nobody", 2, `there is no "nobody"`},
		{"-hunt simulator -seeds 2", 0, "2 seeds"},
		{"-h", 0, "-list"},
	} {
		code, out, info := command(t, t.Context(), append([]string{"mutants"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(out+info, c.want) {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s%s", c.args, code, c.code, c.want, out, info)
		}
	}
}

// TestHunterArgs: what a mutant is called with makes it hunt.
func TestHunterArgs(t *testing.T) {
	code, out, _ := command(t, t.Context(), hunterArgs(mutants.BySimulator.String(), 3)...)
	if code != 0 || out != "3 seeds\n" {
		t.Errorf("exit code %d: %s", code, out)
	}
}
