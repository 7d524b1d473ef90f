package ecosystem

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"go.uber.org/goleak"

	// The daemon is built by the go command, of which `go test` knows nothing. With
	// this it sees that a result in its cache is out of date.
	_ "github.com/gosentinel/sentinel"
)

var (
	long  = flag.Bool("long", false, "run also the tests of client libraries (needs node and npm), mixed sets and stock Sentinels")
	write = flag.Bool("write", false, "in a long run, write the table of client libraries of docs/clients.md anew")
)

const (
	// insideEnv tells the second life of this program that it is one, and where:
	// "sandbox".
	insideEnv = "GOSENTINEL_SEEDS_INSIDE"
	// dirEnv is the directory that the first life has prepared.
	dirEnv = "GOSENTINEL_SEEDS_DIR"
	// statusNoSandbox is what the second life ends with when it cannot furnish its
	// sandbox. It is none that the testing package uses.
	statusNoSandbox = 86
)

// sandboxed reports whether the whole network and all process ids are ours.
func sandboxed() bool { return os.Getenv(insideEnv) != "" }

// workDir holds what was prepared: the daemon, and in a long run node_modules.
var workDir string

func TestMain(m *testing.M) {
	flag.Parse()
	if sandboxed() {
		workDir = os.Getenv(dirEnv)
		if err := furnish(workDir); err != nil {
			fmt.Fprintln(os.Stderr, "ecosystem:", err)
			os.Exit(statusNoSandbox)
		}
		runTests(m, func() error { return nil })
		return
	}
	// Preparing takes a while. A signal ends what it has started, too.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	var err error
	if workDir, err = prepare(ctx); err != nil {
		exit(2, err)
	}
	tidy := func() error { return os.RemoveAll(workDir) }
	status, err := enter(ctx, workDir)
	stop()
	if !errors.Is(err, errNoSandbox) {
		exit(status, errors.Join(err, tidy()))
	}
	if *long {
		exit(2, errors.Join(fmt.Errorf("the long run needs a sandbox: %w", err), tidy()))
	}
	fmt.Fprintln(os.Stderr, "ecosystem: going on without a sandbox:", err)
	runTests(m, tidy)
}

func exit(status int, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "ecosystem:", err)
		status = max(status, 1)
	}
	os.Exit(status)
}

// runTests runs the tests, prints what they measured, tidies up and exits.
func runTests(m *testing.M, tidy func() error) {
	if !*long {
		// Their programs come over the network, so they are no part of a short run.
		if err := flag.Set("test.skip", "^TestNodeClients$"); err != nil {
			exit(2, err)
		}
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		seen.print()
		exit(status, tidy())
	}))
}

// prepare makes a directory with everything that needs the network or the
// compiler, both of which the sandbox need not have.
func prepare(ctx context.Context) (dir string, err error) {
	if dir, err = os.MkdirTemp("", "gosentinel-ecosystem-"); err != nil {
		return "", err
	}
	if err := cluster.BuildSentinel(ctx, daemon(dir), "-race"); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	if *long {
		err := errors.Join(
			cluster.BuildSentinel(ctx, plainDaemon(dir)),
			installClients(ctx, filepath.Join(dir, "npm")),
			buildCounters(ctx, filepath.Join(dir, "libraries")))
		if err != nil {
			return "", errors.Join(err, os.RemoveAll(dir))
		}
	}
	return dir, nil
}

// daemon is the one that detects data races.
func daemon(dir string) string { return filepath.Join(dir, "gosentinel") }

// plainDaemon is for tests of others, which give a Sentinel one second for its
// start.
func plainDaemon(dir string) string { return filepath.Join(dir, "gosentinel-plain") }

// installClients lets npm fetch what testdata/npm names.
func installClients(ctx context.Context, dir string) error {
	return npmInstall(ctx, filepath.Join("testdata", "npm"), dir)
}

// npmInstall copies a directory and lets npm fetch what it names. `npm ci` installs what
// the lock file says, and nothing whose hash is another. No script of a package
// is run.
func npmInstall(ctx context.Context, from, dir string) error {
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel", "error")
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("fetching the clients for Node.js (needs node 20 or later, npm and a network): npm ci: %w\n%s", err, text)
	}
	return nil
}

// table collects what tests saw, for the reader.
type table struct {
	mu   sync.Mutex
	rows [][4]string
}

var seen table

// row notes that something was expected, or is what others showed, and what was
// seen.
func (t *table) row(test, what, expected, got string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, [4]string{test, what, expected, got})
}

func (t *table) print() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.rows) == 0 {
		return
	}
	// Tests run at the same time; each has its own block.
	slices.SortStableFunc(t.rows, func(a, b [4]string) int { return cmp.Compare(a[0], b[0]) })
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\ntest\twhat\tto compare with\tseen")
	for i, r := range t.rows {
		if i > 0 && t.rows[i-1][0] == r[0] {
			r[0] = ""
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r[0], r[1], r[2], r[3])
	}
	fmt.Fprintln(w)
	if err := w.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
