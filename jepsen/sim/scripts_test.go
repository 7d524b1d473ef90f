package sim

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestScripts plays every scenario of testdata. None may violate anything. Among
// them is each one that ever did.
func TestScripts(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("there are no scripts (%v)", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			s, err := ParseScenario(string(text))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !strings.HasPrefix(string(text), "# ") {
				t.Errorf("%s does not say in a comment what it is about", name)
			}
			r := Run(s, nil)
			if r.Failed() {
				t.Errorf("%s\nto see it: go run ./jepsen/cmd/sim run -v jepsen/sim/%s", r.Violation, name)
			}
			if r.Faults == 0 {
				t.Errorf("nothing went wrong in it")
			}
			t.Logf("%v, %d faults, %d attempts, %d elections won, %d moves, %d of %d writes lost", r.Virtual, r.Faults, r.Started, r.Elected, r.Moves, r.Lost, r.Acked)
		})
	}
}
