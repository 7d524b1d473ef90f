package clustertest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

var (
	dir   string
	flags []string
)

// Programs makes the directory of the programs, and returns what removes it when the
// tests of a package are over. The flags are the compiler's, for [Daemon].
func Programs(buildFlags ...string) goleak.Option {
	flags = buildFlags
	var err error
	if dir, err = os.MkdirTemp("", "gosentinel-bin-"); err != nil {
		panic(err)
	}
	// Daemons that run as another user have to reach the programs.
	if err := os.Chmod(dir, 0o755); err != nil {
		panic(err)
	}
	return goleak.Cleanup(func(code int) {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(code)
	})
}

// Dir returns the directory of the programs. It is there after [Programs].
func Dir() string { return dir }

var built = sync.OnceValues(func() (string, error) {
	out := filepath.Join(dir, "gosentinel")
	return out, cluster.BuildSentinel(context.Background(), out, flags...)
})

// Daemon returns the path of the daemon, which the first call compiles.
func Daemon(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Sound fails the test if a process of the cluster in a directory has logged a
// data race or a panic.
func Sound(t testing.TB, clusterDir string) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(clusterDir, "*", "*.log"))
	if err != nil {
		t.Error(err)
	}
	for _, path := range logs {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		SoundText(t, path, text)
	}
}

// SoundText is [Sound] for what one process wrote.
func SoundText(t testing.TB, name string, text []byte) {
	t.Helper()
	for _, sign := range []string{"WARNING: DATA RACE", "\npanic: ", "\nfatal error: "} {
		if i := bytes.Index(text, []byte(sign)); i >= 0 {
			t.Errorf("%s:\n%s", name, text[i:min(len(text), i+4000)])
		}
	}
}
