package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
)

// needsMounts skips a test that needs mounts of its own.
func needsMounts(t *testing.T) {
	t.Helper()
	needsRoot(t, "mounts of its own")
	if text, err := exec.Command("unshare", "-m", "true").CombinedOutput(); err != nil {
		t.Skipf("needs unshare -m: %v %s", err, text)
	}
}

// TestNoExecPaths: what lies where nothing may be executed cannot be executed
// through a link from where it may.
func TestNoExecPaths(t *testing.T) {
	needsMounts(t)
	dir := t.TempDir()
	allowed := filepath.Join(dir, "allowed")
	program := filepath.Join(dir, "gosentinel")
	if err := os.Mkdir(allowed, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{program, filepath.Join(allowed, "copy")} {
		if err := copyFile(clustertest.Daemon(t), to, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(program, filepath.Join(allowed, "link")); err != nil {
		t.Fatal(err)
	}
	// NoExecPaths=dir, ExecPaths=dir/allowed
	const enter = `mount --bind "$0" "$0" && mount --bind "$0/allowed" "$0/allowed" && mount -o remount,bind,noexec "$0" && exec "$0/allowed/$1" --version`
	run := func(name string) (string, error) {
		text, err := exec.Command("unshare", "-m", "sh", "-c", enter, dir, name).CombinedOutput()
		return string(text), err
	}
	if text, err := run("copy"); err != nil || !strings.Contains(text, "gosentinel v=") {
		t.Errorf("the copy: %v %s", err, text)
	}
	if text, err := run("link"); err == nil || !strings.Contains(text, "Permission denied") {
		t.Errorf("the link: %v %s", err, text)
	}
}
