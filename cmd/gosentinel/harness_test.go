package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, clustertest.Programs("-race")) }

// testPorts are the ports that the tests of this package use.
var testPorts = cluster.PortRange{First: 27000, Last: 27099}

// freePort reserves a port until the end of a test.
func freePort(t *testing.T) int {
	t.Helper()
	// Nothing is started through this cluster.
	c, err := cluster.New(cluster.Config{Ports: testPorts, Server: []string{"none"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	port, err := c.Port()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// buffer is a buffer that a process writes to while a test reads it.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// process is a daemon started by a test.
type process struct {
	*exec.Cmd
	t              *testing.T
	port           int
	dir, conf      string
	stdout, stderr buffer
	done           chan struct{} // closed when the process has ended
}

// newProcess prepares a daemon with a configuration of its own, to which lines
// are appended.
func newProcess(t *testing.T, lines ...string) *process {
	t.Helper()
	p := &process{t: t, port: freePort(t), dir: t.TempDir(), done: make(chan struct{})}
	lines = append([]string{fmt.Sprintf("port %d", p.port), "bind 127.0.0.1", "sentinel monitor m 127.0.0.1 1 2"}, lines...)
	p.conf = writeFile(t, p.dir, "s.conf", strings.Join(lines, "\n")+"\n")
	p.Cmd = exec.Command(clustertest.Daemon(t), "s.conf")
	p.Dir = p.dir
	// A child in the background may outlive this process, but only briefly.
	p.Env = append(os.Environ(), "NOTIFY_SOCKET=", "UPSTART_JOB=")
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	p.WaitDelay = 20 * time.Second
	return p
}

func (p *process) start() *process {
	p.t.Helper()
	if err := p.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		p.Wait() // the status is read from ProcessState
		close(p.done)
	}()
	p.t.Cleanup(func() {
		p.Process.Kill()
		<-p.done
		if p.t.Failed() {
			p.t.Logf("stdout:\n%s\nstderr:\n%s", p.stdout.String(), p.stderr.String())
		}
		if log := p.stderr.String(); strings.Contains(log, "DATA RACE") {
			p.t.Errorf("data race:\n%s", log)
		}
	})
	return p
}

// status waits for the process to end and returns its exit status.
func (p *process) status() int {
	p.t.Helper()
	select {
	case <-p.done:
		return p.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatal("the process does not end")
		return 0
	}
}

// patience is a limit far above anything that a healthy run needs.
const patience = 30 * time.Second

// await waits for a condition.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("waited in vain for " + what)
		}
	}
}

// serving waits until the daemon answers PING.
func (p *process) serving() *process {
	p.t.Helper()
	await(p.t, "an answer to PING", func() bool {
		select {
		case <-p.done:
			p.t.Fatalf("the process ended with status %d", p.ProcessState.ExitCode())
		default:
		}
		return ping(p.port)
	})
	return p
}

// ping reports whether something at a port of this machine answers PING.
func ping(port int) bool {
	client := dial(port)
	defer client.Close()
	return client.Ping(context.Background()).Err() == nil
}

func dial(port int) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: fmt.Sprintf("127.0.0.1:%d", port), Protocol: 2, DisableIdentity: true, MaxRetries: -1,
		DialTimeout: time.Second, ReadTimeout: 5 * time.Second,
	})
}

// info returns a section of INFO.
func (p *process) info(section string) string {
	p.t.Helper()
	client := dial(p.port)
	defer client.Close()
	text, err := client.Info(context.Background(), section).Result()
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// logged waits until the log, in a file or on standard output, contains a text.
func (p *process) logged(file, text string) {
	p.t.Helper()
	await(p.t, "the log to say "+text, func() bool {
		log := p.stdout.String()
		if file != "" {
			b, _ := os.ReadFile(filepath.Join(p.dir, file))
			log = string(b)
		}
		return strings.Contains(log, text)
	})
}

func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
}

// asNobody drops root's privileges, because file limits and permissions do not
// apply to root.
func (p *process) asNobody() {
	if os.Getuid() != 0 {
		return
	}
	const nobody = 65534
	p.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	for dir := p.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			p.t.Fatal(err)
		}
	}
	for _, path := range []string{p.dir, p.conf} {
		if err := os.Chown(path, nobody, nobody); err != nil {
			p.t.Fatal(err)
		}
	}
}

// readPid waits for a daemon's pid file and returns the pid in it.
func readPid(t *testing.T, path string) int {
	t.Helper()
	pid := 0
	await(t, "the pid file", func() bool {
		text, err := os.ReadFile(path)
		if err != nil || !strings.HasSuffix(string(text), "\n") {
			return false
		}
		_, err = fmt.Sscanf(string(text), "%d\n", &pid)
		return err == nil
	})
	return pid
}

// blockedPipe returns the writing end of a pipe that takes no more bytes.
func blockedPipe(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	if err := w.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := w.Write(make([]byte, 4096)); err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
			return w
		}
	}
}
