package sentineltest_test

import (
	"os"
	"strings"
	"testing"
)

// TestPageShowsTheFirstTest: what docs/testing.md begins with is a test of this package,
// and short.
func TestPageShowsTheFirstTest(t *testing.T) {
	page, err := os.ReadFile("../docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile("client_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(page), "```go\n")
	shown, _, ok := strings.Cut(shown, "```")
	if n := strings.Count(shown, "\n"); !ok || n > 15 {
		t.Errorf("docs/testing.md begins with a test of %d lines", n)
	}
	if !strings.Contains(string(code), "\n"+shown) {
		t.Errorf("client_test.go does not have the test of docs/testing.md:\n%s", shown)
	}
}
