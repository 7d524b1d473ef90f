package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// daemonPackage is the import path of the daemon's main package.
const daemonPackage = "github.com/gosentinel/sentinel/cmd/gosentinel"

// BuildSentinel compiles the daemon to the file out. It has to be called from
// within the module. flags are passed to `go build`, for example -race.
func BuildSentinel(ctx context.Context, out string, flags ...string) error {
	args := concat([]string{"build"}, flags, []string{"-o", out, daemonPackage})
	text, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build %s: %w\n%s", daemonPackage, err, text)
	}
	return nil
}

// FindSentinel returns the path of the daemon's binary: the one beside the
// running program (where `make build` puts it), else one freshly built into
// dir.
func FindSentinel(ctx context.Context, dir string) (string, error) {
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "gosentinel")
		if st, err := os.Stat(beside); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return beside, nil
		}
	}
	out, err := filepath.Abs(filepath.Join(dir, "gosentinel"))
	if err != nil {
		return "", err
	}
	if err := BuildSentinel(ctx, out); err != nil {
		return "", errors.Join(errors.New("there is no gosentinel beside this program; run `make build`, or name one with -sentinel"), err)
	}
	return out, nil
}

// FindStockSentinel returns the path of the original Sentinel. Debian has
// redis-sentinel in a package of its own, but it is the same program as
// redis-server.
func FindStockSentinel() (string, error) {
	for _, name := range []string{"redis-sentinel", "redis-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNoRedisServer
}
