package sentinel

import (
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/resptest"
)

// TestReadmeRuns runs the Go example of README in a process of its own.
func TestReadmeRuns(t *testing.T) {
	const addr = "127.0.0.1:26379" // what the example listens at
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Skipf("the port of the example is taken: %v", err)
	}
	ln.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "RUN_EXAMPLE=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	resptest.Eventually(t, "the example listens", func() bool {
		nc, err := net.Dial("tcp", addr)
		if err == nil {
			nc.Close()
		}
		return err == nil
	})
	// It answers strangers on the loopback interface only: it has no password.
	if got := resptest.Dial(t, "tcp", addr).Do("SENTINEL GET-MASTER-ADDR-BY-NAME cache"); got != "*2\n$8\n10.0.0.1\n$4\n6379\n" {
		t.Errorf("it says %q", got)
	}
}

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
	if n := strings.Count(strings.TrimSpace(code), "\n") + 1; n > 8 {
		t.Errorf("the Go example of README has %d lines, want 8", n)
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
