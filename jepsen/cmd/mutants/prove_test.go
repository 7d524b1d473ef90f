package main

import (
	"context"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/jepsen/mutants"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestFlags checks the command line, and that the list shows every mutation.
func TestFlags(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"-list", 0, mutants.Table[len(mutants.Table)-1].Name},
		{"-run (", 2, "-run: "},
		{"-parallel 0", 2, "-h lists the flags"},
		{"surplus", 2, "-h lists the flags"},
		{"-hunt nobody", 2, `there is no "nobody"`},
		{"-hunt simulator -seeds 2", 0, "2 seeds"},
		{"-h", 0, "-list"},
	} {
		var out strings.Builder
		if code := run(context.Background(), strings.Fields(c.args), &out, &out); code != c.code || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s", c.args, code, c.code, c.want, out.String())
		}
	}
}

// TestTested checks what counts as noticed by a test.
func TestTested(t *testing.T) {
	m := mutants.Mutation{By: mutants.ByTest, Test: [2]string{"./monitor", "^TestX$"}}
	for _, c := range []struct {
		out    string
		code   int
		caught bool
		err    bool
	}{
		{"--- PASS: TestX (0.00s)\nPASS\n", 0, false, false},
		{"--- FAIL: TestX (0.00s)\nFAIL\n", 1, true, false},
		{"testing: warning: no tests to run\nPASS\n", 0, false, true},
	} {
		if f := tested(c.out, c.code, m); f.caught != c.caught || (f.err != nil) != c.err {
			t.Errorf("%q: caught %t, error %v", c.out, f.caught, f.err)
		}
	}
}
