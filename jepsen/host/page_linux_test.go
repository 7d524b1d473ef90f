package host

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	testName = regexp.MustCompile("`(Test\\w+)`")
	testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
)

// TestPage: every statement of docs/containers.md names a test, and there is one of
// that name.
func TestPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/containers.md")
	if err != nil {
		t.Fatal(err)
	}
	exists := testsOf(t, "../..")
	items := strings.Split(string(text), "\n- ")[1:]
	if len(items) < 5 {
		t.Fatalf("the page has %d statements", len(items))
	}
	for _, item := range items {
		item, _, _ = strings.Cut(item, "\n\n")
		names := testName.FindAllStringSubmatch(item, -1)
		if names == nil {
			t.Errorf("no test shows this: %s", item)
		}
		for _, n := range names {
			if !exists[n[1]] {
				t.Errorf("there is no %s: %s", n[1], item)
			}
		}
	}
}

// testsOf returns the names of all tests below a directory.
func testsOf(t *testing.T, root string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range testFunc.FindAllStringSubmatch(string(text), -1) {
			names[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
