package mock

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// head is what every script of the tests needs above its steps.
const head = "title t\nright r\nserver a\nserver b c of a\nsentinel s1 s2\n"

func parse(t testing.TB, body string) *Script {
	t.Helper()
	s, err := Parse("test", []byte(head+body))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// play starts a script that consists of head and this.
func play(t testing.TB, body string) *Mock {
	t.Helper()
	m, err := Start(parse(t, body), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// at returns the address of a node.
func (m *Mock) at(name string) string { return m.named(name).addr() }

// do carries out lines, as MOCK DO does.
func do(t testing.TB, m *Mock, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if err := m.Do(l); err != nil {
			t.Fatalf("%s: %v", l, err)
		}
	}
}
