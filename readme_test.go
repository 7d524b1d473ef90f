package sentinel

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/configrewrite"
)

func readText(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// README must agree with what it describes.
func TestReadme(t *testing.T) {
	readme := readText(t, "README.md")

	_, code, ok := strings.Cut(readme, "```go\n")
	if !ok {
		t.Fatal("README has no Go example")
	}
	code, _, _ = strings.Cut(code, "```")
	indented := "\t" + strings.ReplaceAll(strings.TrimSpace(code), "\n", "\n\t") + "\n}"
	if !strings.Contains(readText(t, "example_test.go"), "func Example() {\n"+indented) {
		t.Error("the Go example of README is not the body of Example in example_test.go")
	}

	_, text, ok := strings.Cut(readme, "```toml\n")
	if !ok {
		t.Fatal("README has no TOML example")
	}
	text, _, _ = strings.Cut(text, "```")
	doc, err := configrewrite.Parse([]byte(text), configrewrite.Source{Name: "README.md", Format: configrewrite.FormatTOML, Dir: "/"})
	if err != nil || len(doc.State.Masters) != 1 {
		t.Errorf("the TOML example of README: %d masters, %v", len(doc.State.Masters), err)
	}

	if ci := readText(t, ".ci/run"); !strings.Contains(ci, "make test") || !strings.Contains(readme, "make test") {
		t.Error(".ci/run does not run README's test command")
	}
	if !strings.Contains(readme, "ms more than dying and down-after") {
		t.Error("README does not show the output of the demo")
	}
	for _, signal := range []string{"kill -9", "SIGSTOP"} {
		figures := regexp.MustCompile(`(?m)^ *` + signal + ` +runs +min median .*\n +gosentinel +\d.*\n +redis-sentinel +\d`)
		if !figures.MatchString(readme) {
			t.Errorf("README does not show how long failovers take after %s", signal)
		}
	}
	for _, block := range regexp.MustCompile("(?ms)^ *```.*?^ *```").FindAllString(readme, -1) {
		if n := strings.Count(block, "\n") - 1; n > 15 {
			t.Errorf("a block of README has %d lines, more than a first reader takes in:\n%s", n, block)
		}
	}
}
