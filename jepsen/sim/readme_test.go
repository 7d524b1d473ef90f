package sim

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
)

var write = flag.Bool("write", false, "write the trace in the README anew")

const readme = "../README.md"

// block matches a marked code block and what is in it.
func block(mark string) *regexp.Regexp {
	return regexp.MustCompile("(?s)(<!-- " + mark + " -->\n```\n)(.*?)(```\n)")
}

// TestREADME plays the example of the README. Each line of the trace there must
// occur in the real one; times may differ, as they shift with every change of
// the core.
func TestREADME(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	example := block("scenario").FindSubmatch(text)
	told := block("trace").FindSubmatch(text)
	if example == nil || told == nil {
		t.Fatal("the README has no example")
	}
	s, err := ParseScenario(string(example[2]))
	if err != nil {
		t.Fatal(err)
	}
	var trace strings.Builder
	happened := map[string]bool{}
	r := Run(s, func(line string) {
		happened[afterTime(line)] = true
		if !strings.Contains(line, "link-reconnection") {
			trace.WriteString(line + "\n")
		}
	})
	if r.Invariant != S1 {
		t.Errorf("the README says that S1 is violated, but: %q", r.Violation)
	}
	if *write {
		text = block("trace").ReplaceAll(text, []byte("${1}"+strings.ReplaceAll(trace.String(), "$", "$$")+"${3}"))
		if err := os.WriteFile(readme, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	lines := strings.Split(strings.TrimSpace(string(told[2])), "\n")
	for _, line := range lines {
		if !happened[afterTime(line)] {
			t.Errorf("the README tells of %q, which does not happen. If its story is still true: go test ./jepsen/sim -run README -write", line)
		}
	}
	if len(lines) < 20 {
		t.Errorf("the trace in the README has only %d lines", len(lines))
	}
	s.Options.Bug = NoBug
	if r := Run(s, nil); r.Failed() {
		t.Errorf("the README says that it comes out well without the bug, but: %s", r.Violation)
	}
}

// number matches what differs from run to run in a line of the trace.
var number = regexp.MustCompile(`[0-9.]+s\b|\b[0-9]+ writes`)

func afterTime(line string) string {
	return number.ReplaceAllString(strings.Join(strings.Fields(line)[1:], " "), "N")
}
