package clients

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gosentinel/sentinel/internal/mock"
)

// process is a program in another language that works with a library at any
// number of mocks.
type process struct {
	cmd     *exec.Cmd
	release string
	said    bytes.Buffer

	mu    sync.Mutex
	input io.WriteCloser
}

func startProcess(t *testing.T, path string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(path, args...)}
	p.cmd.Stderr = &p.said
	var err error
	if p.input, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = p.cmd.Wait()
		t.Fatalf("%s: %v\n%s", path, err, p.said.Bytes())
	}
	p.release = strings.TrimSpace(line)
	return p
}

func (p *process) version() string { return p.release }

func (p *process) work(ctx context.Context, a mock.Announcement) {
	text, err := json.Marshal(a)
	if err != nil {
		panic(err) // it has only texts
	}
	p.tell("%s", text)
	<-ctx.Done()
	p.tell("stop %s", a.Script)
}

func (p *process) tell(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = fmt.Fprintf(p.input, format+"\n", args...) // one that has ended fails every script
}

func (p *process) close(t *testing.T) {
	_ = p.input.Close()
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the program: %v", err)
	}
	if t.Failed() {
		t.Logf("it said:\n%.10000s", p.said.Bytes())
	}
}

// redisPy starts the program for redis-py. `make deps` installs that library for
// /usr/bin/python3.
func redisPy(t *testing.T) library {
	t.Helper()
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import redis").Run(); err != nil {
		t.Skipf("needs redis-py (make deps): %v", err)
	}
	return startProcess(t, python, filepath.Join("testdata", "redis_py.py"))
}

// npmDir is the directory in which npm has put ioredis, or empty. TestMain removes
// it.
var npmDir string

var fetched = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "gosentinel-clients-"); err != nil {
		return "", err
	}
	npmDir = dir
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "npm"))); err != nil {
		return dir, err
	}
	npm := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel", "error")
	npm.Dir = dir
	if text, err := npm.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("npm ci: %w\n%s", err, text)
	}
	return dir, nil
})

// ioredis fetches the library and starts the program for it, with options of
// ours.
func ioredis(options ...string) func(t *testing.T) library {
	return func(t *testing.T) library {
		t.Helper()
		for _, program := range []string{"node", "npm"} {
			if _, err := exec.LookPath(program); err != nil {
				t.Skipf("needs node and npm: %v", err)
			}
		}
		dir, err := fetched()
		switch {
		case err != nil && strings.Contains(err.Error(), "EINTEGRITY"):
			t.Fatal(err)
		case err != nil:
			t.Skipf("needs a network: %v", err)
		}
		return startProcess(t, "node", append([]string{filepath.Join(dir, "ioredis.mjs")}, options...)...)
	}
}
