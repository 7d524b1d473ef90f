package lint

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// noticesFile names what is linked into the daemon, and under which license.
const noticesFile = "THIRD_PARTY_NOTICES"

// linkedOn are the systems for which the daemon is built. What is linked differs
// a little from one to the other.
var linkedOn = []string{"linux", "darwin", "freebsd", "windows"}

// notices objects to modules, written "path version", that the list in text does
// not name, and to names in it that are not linked.
func notices(text string, linked []string) (wrong []string) {
	listed := regexp.MustCompile(`(?m)^  (\S+\.\S+/\S+ v\S+) +\S`).FindAllStringSubmatch(text, -1)
	var names []string
	for _, m := range listed {
		names = append(names, m[1])
		if !slices.Contains(linked, m[1]) {
			wrong = append(wrong, fmt.Sprintf("%s names %s, which is not linked", noticesFile, m[1]))
		}
	}
	_, licenses, _ := strings.Cut(text, "\n====")
	for _, name := range linked {
		path, _, _ := strings.Cut(name, " ")
		switch {
		case !slices.Contains(names, name):
			wrong = append(wrong, fmt.Sprintf("%s does not name %s, which is linked", noticesFile, name))
		case !strings.Contains(licenses, "\n"+path+"\n"):
			wrong = append(wrong, fmt.Sprintf("%s has no license text for %s", noticesFile, path))
		}
	}
	return wrong
}

func TestNoticesAreCompared(t *testing.T) {
	const text = "  a.org/x v1.0.0  MIT\n  b.org/y/v2 v2.1.0  BSD\n\n====\n\na.org/x\n\nPermission\n\n====\n\nb.org/y/v2\n"
	expect(t, notices(text, []string{"a.org/x v1.0.0", "b.org/y/v2 v2.1.0"}))
	expect(t, notices(text, []string{"a.org/x v1.0.0"}), "names b.org/y/v2 v2.1.0, which is not linked")
	expect(t, notices(text, []string{"a.org/x v1.0.1", "b.org/y/v2 v2.1.0"}),
		"names a.org/x v1.0.0, which is not linked", "does not name a.org/x v1.0.1, which is linked")
	expect(t, notices(strings.ReplaceAll(text, "\na.org/x\n", "\n"), []string{"a.org/x v1.0.0", "b.org/y/v2 v2.1.0"}),
		"no license text for a.org/x")
}

// TestNotices asks the go command what is linked into the daemon.
func TestNotices(t *testing.T) {
	dir := root(t)
	text, err := os.ReadFile(filepath.Join(dir, noticesFile))
	if err != nil {
		t.Fatal(err)
	}
	var linked []string
	for _, system := range linkedOn {
		cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", "./cmd/gosentinel")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOOS="+system, "GOARCH=amd64")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list for %s: %v\n%s", system, err, stderr.Bytes())
		}
		for line := range strings.Lines(string(out)) {
			if line = strings.TrimSpace(line); line != "" && !slices.Contains(linked, line) {
				linked = append(linked, line)
			}
		}
	}
	if len(linked) == 0 {
		t.Fatal("go list names no module, so the test looks at nothing")
	}
	report(t, notices(string(text), linked), nil)
}
