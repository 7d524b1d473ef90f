package mock

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// page returns docs/mock.md.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "mock.md"))
	must(t, err)
	return string(text)
}

// TestPageHasEveryStatement compares the tables with the parser, which shows the
// same forms in its hints.
func TestPageHasEveryStatement(t *testing.T) {
	text := strings.ReplaceAll(page(t), `\|`, "|")
	for name, s := range statements {
		for form := range strings.SplitSeq(s.usage, " | ") {
			if !strings.Contains(text, "`"+form+"`") {
				t.Errorf("%s: the page does not have %q", name, form)
			}
		}
	}
	for _, name := range quantityNames {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("the page does not say what %s are", name)
		}
	}
	// Tables have nothing that the parser does not know.
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "| `") || strings.Contains(line, "`MOCK") || strings.Contains(line, "`SENTINEL") {
			continue
		}
		forms, _, _ := strings.Cut(line, "` | ")
		for form := range strings.SplitSeq(strings.TrimPrefix(forms, "| `"), "`, `") {
			if s, known := statements[strings.Fields(form)[0]]; !known || !slices.Contains(strings.Split(s.usage, " | "), form) {
				t.Errorf("the page has %q, and the parser %q", form, s.usage)
			}
		}
	}
}

// TestPageNumbersTheMistakes: the page has each script that is a mistake once, in the
// words of the script.
func TestPageNumbersTheMistakes(t *testing.T) {
	text, n := page(t), 0
	for _, name := range Names() {
		s, err := Load(name)
		must(t, err)
		row := fmt.Sprintf(" | `%s` | %s | %s |\n", name, s.Mistake, s.Right)
		if s.Mistake != "" && strings.Count(text, row) != 1 {
			t.Errorf("the page has not once:\n| N%s", row)
		} else if s.Mistake != "" {
			n++
		}
	}
	var numbers []string
	for _, m := range regexp.MustCompile("(?m)^\\| (\\d+) \\| `").FindAllStringSubmatch(text, -1) {
		numbers = append(numbers, m[1])
	}
	if got := strings.Join(numbers, " "); n != 9 || got != "1 2 3 4 5 6 7 8 9" {
		t.Errorf("%d mistakes have the numbers %s", n, got)
	}
}

func TestExampleOfThePage(t *testing.T) {
	_, text, ok := strings.Cut(page(t), "```mock\n")
	if !ok {
		t.Fatal("no example")
	}
	text, _, _ = strings.Cut(text, "```")
	s, err := Parse("mock.md", []byte(text))
	must(t, err)
	m, err := Start(s, Options{})
	must(t, err)
	defer m.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); rightClient(ctx, m) }()
	<-m.Done()
	cancel()
	<-ended
	if v := m.Verdict(); v.Result != Pass {
		t.Errorf("%+v", v)
	}
}
