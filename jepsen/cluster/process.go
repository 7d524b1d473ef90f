package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
)

// spawner starts child processes, all from one locked thread.
//
// The death signal of a child is tied to the thread that forked it, not to the
// process: a child started on some thread of the Go scheduler would be killed
// in the middle of a test when that thread happens to end. This thread lives
// exactly as long as the cluster.
type spawner struct {
	jobs chan spawnJob
	done chan struct{}
}

type spawnJob struct {
	cmd    *exec.Cmd
	within func(do func() error) error // nil: in the network of this process
	result chan error
}

func newSpawner() *spawner {
	s := &spawner{jobs: make(chan spawnJob), done: make(chan struct{})}
	go s.run()
	return s
}

func (s *spawner) run() {
	defer close(s.done)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for job := range s.jobs {
		if job.within == nil {
			job.result <- job.cmd.Start()
		} else {
			job.result <- job.within(job.cmd.Start)
		}
	}
}

func (s *spawner) start(cmd *exec.Cmd, within func(do func() error) error) error {
	job := spawnJob{cmd: cmd, within: within, result: make(chan error, 1)}
	s.jobs <- job
	return <-job.result
}

// stop ends the thread. Every child must have been waited for before.
func (s *spawner) stop() {
	close(s.jobs)
	<-s.done
}

// process is a program that can be started, killed and started again in the
// same directory. Its output is appended to one log file over all its lives.
type process struct {
	name    string
	dir     string
	log     string // path
	argv    []string
	cred    *syscall.Credential // nil: this process's own user
	spawner *spawner
	within  func(do func() error) error // nil: the network of this process

	mu   sync.Mutex
	life *life // the latest one; nil before the first start
}

// life is one run of a program from its start to its exit.
type life struct {
	pid  int
	done chan struct{} // closed when the program was reaped
	err  error         // valid after done
}

var errRunning = errors.New("is running already")

// start runs the program. A running program is an error.
func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.life != nil && !p.life.ended() {
		return fmt.Errorf("%s %w (pid %d)", p.name, errRunning, p.life.pid)
	}
	// The child writes to the file itself: a pipe would need a goroutine here,
	// and its loss would stop the child.
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("log of %s: %w", p.name, err)
	}
	defer out.Close()
	program, err := absolute(p.argv[0])
	if err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	cmd := exec.Command(program, p.argv[1:]...)
	cmd.Dir = p.dir
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = childAttr()
	cmd.SysProcAttr.Credential = p.cred
	if err := p.spawner.start(cmd, p.within); err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	l := &life{pid: cmd.Process.Pid, done: make(chan struct{})}
	go func() {
		l.err = cmd.Wait()
		close(l.done)
	}()
	p.life = l
	return nil
}

// absolute finds a program as a shell would. A relative path is relative to this
// process's directory, not to the child's, which is where exec would look.
func absolute(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

func (l *life) ended() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

func (p *process) current() *life {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.life
}

// signal sends sig to the program. An ended program is an error, because a
// fault that did not happen would make a test pass for nothing.
func (p *process) signal(sig syscall.Signal) error {
	l := p.current()
	if l == nil || l.ended() {
		return fmt.Errorf("sending %v to %s: it is not running", sig, p.name)
	}
	// The child is reaped by its own goroutine, and a reaped pid may be given to
	// a stranger. ended() above and the kill below are not atomic, but pids are
	// handed out in rising order and come round only after tens of thousands.
	if err := syscall.Kill(l.pid, sig); err != nil {
		return fmt.Errorf("sending %v to %s: %w", sig, p.name, err)
	}
	return nil
}

// kill ends the program and everything in its process group, and waits for it.
// A program that is not running is fine.
func (p *process) kill() {
	l := p.current()
	if l == nil || l.ended() {
		return
	}
	// An error means that the group is gone already; SIGKILL ends a stopped
	// process as well.
	_ = syscall.Kill(-l.pid, syscall.SIGKILL)
	<-l.done
}

// tail returns the last lines of the log for an error message.
func (p *process) tail(lines int) string {
	const window = 16 << 10
	f, err := os.Open(p.log)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.Size() > window {
		if _, err := f.Seek(-window, io.SeekEnd); err != nil {
			return err.Error()
		}
	}
	b, err := io.ReadAll(io.LimitReader(f, window))
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return strings.Join(all, "\n")
}
