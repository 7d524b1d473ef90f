package host

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
)

// enters are what this program does when it is started as "host.test enter NAME
// COMMAND…": it changes the process that it is, and then becomes the command. A
// test puts a daemon into surroundings that only the process itself can make.
var enters = map[string]func() error{
	"unit": enterUnit,
}

func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == "enter" {
		enter(os.Args[2], os.Args[3:])
	}
	goleak.VerifyTestMain(m, clustertest.Programs())
}

// enter becomes the command, or exits.
func enter(name string, command []string) {
	err := enters[name]()
	if err == nil {
		err = syscall.Exec(command[0], command, os.Environ())
	}
	fmt.Fprintf(os.Stderr, "enter %s: %v\n", name, err)
	os.Exit(125)
}

// copied is this program at a place that other users can reach.
var copied = sync.OnceValues(func() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	out := filepath.Join(clustertest.Dir(), "enter")
	return out, copyFile(self, out, 0o755)
})

func copyFile(from, to string, mode os.FileMode) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(dst, src); err != nil {
		_ = dst.Close()
		return err
	}
	return dst.Close()
}

// entering returns a command that runs another one in surroundings of enters.
func entering(t *testing.T, name string, command ...string) []string {
	t.Helper()
	self, err := copied()
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{self, "enter", name}, command...)
}

// needsRoot skips a test that must prepare what only root can.
func needsRoot(t *testing.T, what string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skipf("needs root: %s", what)
	}
}

// env is what most tests start from.
type env struct {
	*testing.T
	ctx context.Context
	c   *cluster.Cluster
}

// newEnv makes an empty cluster that ends with the test.
func newEnv(t *testing.T, cfg cluster.Config) *env {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	if cfg.Sentinel == nil {
		cfg.Sentinel = []string{clustertest.Daemon(t)}
	}
	c, err := cluster.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	e := &env{T: t, ctx: ctx, c: c}
	t.Cleanup(e.close)
	return e
}

func (e *env) close() {
	clustertest.Sound(e.T, e.c.Dir())
	if e.Failed() {
		e.Log(e.c.Logs(40))
	}
	if err := e.c.Close(); err != nil {
		e.Errorf("Close: %v", err)
	}
}

// must ends the test on an error.
func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// usual is the set-up of most tests.
var usual = cluster.Topology{Replicas: 1, Sentinels: 3, Quorum: 2, DownAfter: time.Second, FailoverTimeout: 5 * time.Second}

// start starts a topology.
func (e *env) start(top cluster.Topology) *cluster.Group {
	e.Helper()
	g, err := e.c.Start(e.ctx, top)
	e.must(err)
	return g
}

// conf returns the text of a Sentinel's file.
func (e *env) conf(s *cluster.Sentinel) string {
	e.Helper()
	text, err := os.ReadFile(s.Conf())
	e.must(err)
	return string(text)
}

// logHas waits for a line in the log of a Sentinel.
func (e *env) logHas(s *cluster.Sentinel, text string) {
	e.Helper()
	e.must(cluster.WaitFor(e.ctx, fmt.Sprintf("%q in the log of %s", text, s.Name()), func(context.Context) (string, bool) {
		log, err := s.Log()
		return fmt.Sprint(err), strings.Contains(log, text)
	}))
}

// allRun demands that no daemon has died, and that none was in trouble.
func (e *env) allRun(g *cluster.Group) {
	e.Helper()
	for _, s := range g.Sentinels {
		if !s.Running() {
			e.Errorf("%s has ended", s.Name())
		}
		log, err := s.Log()
		e.must(err)
		for _, sign := range []string{"persist-error", "not able to save"} {
			if i := bytes.Index([]byte(log), []byte(sign)); i >= 0 {
				e.Errorf("%s: %s", s.Name(), log[i:min(len(log), i+500)])
			}
		}
	}
}
