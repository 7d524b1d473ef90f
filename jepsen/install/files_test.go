package install

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/configrewrite"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// unit returns the values of each setting in the unit, in their order.
func unit(t *testing.T) map[string][]string {
	t.Helper()
	set := map[string][]string{}
	for line := range strings.Lines(read(t, "deploy/systemd/gosentinel.service")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			set[name] = append(set[name], value)
		}
	}
	return set
}

// TestUnitFilterIsTried: the filter of system calls and families is the one under which
// jepsen/host runs daemons, where it kills instead of refusing.
func TestUnitFilterIsTried(t *testing.T) {
	set := unit(t)
	for name, want := range map[string][]string{
		"SystemCallFilter":        {"@system-service", "~@privileged @resources"},
		"RestrictAddressFamilies": {"AF_INET AF_INET6 AF_UNIX"},
		"SystemCallErrorNumber":   {"EPERM"},
		"NoNewPrivileges":         {"true"},
		"Type":                    {"notify"},
	} {
		if !slices.Equal(set[name], want) {
			t.Errorf("%s: %q, want %q", name, set[name], want)
		}
	}
}

// TestUnitMatchesItsFiles: the unit starts what the package installs, where the
// configuration keeps its state.
func TestUnitMatchesItsFiles(t *testing.T) {
	set := unit(t)
	if want := "/usr/bin/gosentinel /etc/gosentinel/sentinel.conf --supervised systemd --daemonize no"; set["ExecStart"][0] != want {
		t.Errorf("ExecStart=%s", set["ExecStart"])
	}
	nfpm := read(t, "deploy/debian/nfpm.yaml")
	for _, path := range []string{"/usr/bin/gosentinel,", "/etc/gosentinel/sentinel.conf, type: config,", "/usr/lib/systemd/system/gosentinel.service,"} {
		if !strings.Contains(nfpm, "dst: "+path) {
			t.Errorf("the package has no %s", path)
		}
	}
	for _, conf := range []string{"deploy/debian/sentinel.conf", "deploy/image/sentinel.conf"} {
		if text := read(t, conf); !strings.Contains(text, "\nstate-file /var/lib/"+set["StateDirectory"][0]+"/") {
			t.Errorf("%s keeps its state elsewhere", conf)
		}
	}
}

// TestConfigurations: the files that are installed are sound, as they are and with
// every option that they suggest.
func TestConfigurations(t *testing.T) {
	suggested := regexp.MustCompile(`(?m)^#(sentinel |bind |requirepass |http-port )`)
	for _, path := range []string{"deploy/debian/sentinel.conf", "deploy/image/sentinel.conf"} {
		text := strings.ReplaceAll(read(t, path), "/var/lib/gosentinel", t.TempDir())
		for name, text := range map[string]string{"as it is": text, "with all": suggested.ReplaceAllString(text, "$1")} {
			file := filepath.Join(t.TempDir(), "sentinel.conf")
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			f, err := configrewrite.Load(file, nil)
			if err != nil {
				t.Errorf("%s %s: %v", path, name, err)
				continue
			}
			if n := len(f.State().Masters); n > 0 != strings.Contains(text, "\nsentinel monitor ") {
				t.Errorf("%s %s has %d masters", path, name, n)
			}
		}
	}
}

// TestShell: the shell agrees that all scripts are scripts.
func TestShell(t *testing.T) {
	for _, path := range []string{"deploy/version.sh", "deploy/dist.sh", "deploy/debian/stage.sh", "deploy/debian/postinst", "deploy/debian/prerm", "deploy/debian/postrm"} {
		if out, err := exec.Command("sh", "-n", filepath.Join(root, path)).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", path, err, out)
		}
	}
}

// TestWorkflows: what workflows run are targets that exist.
func TestWorkflows(t *testing.T) {
	targets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+):`).FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets[m[1]] = true
	}
	files, err := filepath.Glob(filepath.Join(root, ".github/workflows/*.yml"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var named []string
		for _, m := range regexp.MustCompile(`(?m)\bmake ((?:[a-z-]+ ?)+)$`).FindAllStringSubmatch(string(text), -1) {
			named = append(named, strings.Fields(m[1])...)
		}
		if m := regexp.MustCompile(`(?m)^ +target: \[(.*)\]$`).FindStringSubmatch(string(text)); m != nil {
			named = append(named, strings.Split(m[1], ", ")...)
		}
		if len(named) == 0 {
			t.Errorf("%s makes nothing", filepath.Base(file))
		}
		for _, target := range named {
			if !targets[target] {
				t.Errorf("%s: there is no target %q", filepath.Base(file), target)
			}
		}
	}
}
