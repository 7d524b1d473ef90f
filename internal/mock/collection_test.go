package mock

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestCollection(t *testing.T) {
	var mistakes []string
	for _, name := range Names() {
		s, err := Load(name)
		if err != nil {
			t.Errorf("\n%v", err)
			continue
		}
		if s.Mistake != "" {
			mistakes = append(mistakes, name)
		}
		if !s.Judges() {
			t.Errorf("%s judges nothing", name)
		}
	}
	if len(mistakes) != 9 {
		t.Errorf("%d mistakes: %v", len(mistakes), mistakes)
	}
}

// TestEveryEventIsPublished compares the script with the table of the
// specification.
func TestEveryEventIsPublished(t *testing.T) {
	spec, err := os.ReadFile(filepath.Join("..", "..", "docs", "spec", "wire.md"))
	must(t, err)
	_, text, _ := strings.Cut(string(spec), "\n## §6 Events\n")
	text, _, _ = strings.Cut(text, "\n## §7")
	script, err := Source("every-event")
	must(t, err)
	name := regexp.MustCompile("`([+-][a-z-]+)`")
	found := 0
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || strings.TrimSpace(cells[2]) == "D" { // which is not published
			continue
		}
		for _, m := range name.FindAllStringSubmatch(cells[1], -1) {
			found++
			if !strings.Contains(string(script), "\n  publish sentinels "+m[1]+" ") {
				t.Errorf("%s is not published", m[1])
			}
		}
	}
	if found < 50 {
		t.Errorf("the table has %d events", found)
	}
}

// TestEveryFlagOfReplicas: the script has each flag that a replica can have besides its
// role, and o_down, with which some clients reckon too.
func TestEveryFlagOfReplicas(t *testing.T) {
	script, err := Source("replica-flags")
	must(t, err)
	ofOthers := []string{"slave", "master", "sentinel", "master_down", "failover_in_progress", "force_failover", "master_reboot"}
	for _, flag := range knownFlags {
		if !slices.Contains(ofOthers, flag) && !regexp.MustCompile(`(?m)^  flag sentinels b .*\b`+flag+`\b`).Match(script) {
			t.Errorf("no replica has the flag %s", flag)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "x.mock")
	must(t, os.WriteFile(file, []byte(head+"kil a\n"), 0o600))
	for _, test := range []struct{ name, want string }{
		{"fialover", `no script is called "fialover" (did you mean "failover"?)`},
		{file, file + `:6: there is no statement "kil" (did you mean "kill"?)`},
		{filepath.Join(dir, "none.mock"), "no such file"},
		{dir, "is a directory"},
		{os.DevNull, os.DevNull + ": it has no title (write a line: title what happens)\n"},
	} {
		if _, err := Load(test.name); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if _, err := Source("none"); err == nil {
		t.Error("Source invents a script")
	}
}
