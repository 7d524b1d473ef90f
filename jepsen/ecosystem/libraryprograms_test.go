package ecosystem

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// buildCounters makes those programs of testdata/libraries that have to be made: the one
// for Go, which fetches its modules, the one in C, and the directory of those for Node.js.
func buildCounters(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	libraries := filepath.Join("testdata", "libraries")
	return errors.Join(
		run(ctx, filepath.Join(libraries, "go"), "go", "build", "-o", filepath.Join(dir, "gocounter"), "."),
		run(ctx, libraries, "cc", "-Wall", "-O1", "-o", filepath.Join(dir, "hiredis"), "hiredis.c", "-lhiredis"),
		npmInstall(ctx, filepath.Join(libraries, "npm"), filepath.Join(dir, "npm")),
	)
}

func run(ctx context.Context, dir, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %q (make ecosystem installs what it needs): %w\n%s", program, args, err, text)
	}
	return nil
}
