package main

import (
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The example is what docs/discovery.md shows, and fits on a screen. That it
// survives failovers is tested in jepsen/integration.
func TestExampleIsShown(t *testing.T) {
	code, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(code), "\n"); n >= 40 {
		t.Errorf("main.go has %d lines", n)
	}
	page, err := os.ReadFile("../../docs/discovery.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, ok := strings.Cut(string(code), "\tr, err := discovery.New")
	shown, _, more := strings.Cut("\tr, err := discovery.New"+shown, "\n}\n")
	if !ok || !more {
		t.Fatal("main.go does not make a Resolver")
	}
	if shown = strings.ReplaceAll("\n"+shown, "\n\t", "\n"); !strings.Contains(string(page), shown) {
		t.Errorf("docs/discovery.md does not show:\n%s", shown)
	}
}
