package mutants

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestTested checks what counts as noticed by a test.
func TestTested(t *testing.T) {
	m := Mutation{By: ByTest, Test: [2]string{"./monitor", "^TestX$"}}
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
		if f := judgeTests(c.out, c.code, m); f.caught != c.caught || (f.err != nil) != c.err {
			t.Errorf("%q: caught %t, error %v", c.out, f.caught, f.err)
		}
	}
}
