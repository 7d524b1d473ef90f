package scripts

import (
	"errors"
	"os"
	"syscall"
)

// process is a running script.
type process interface {
	PID() int
	// Kill sends SIGKILL to this process alone. It may have ended already.
	Kill()
	// Wait waits for the process to end and reaps it.
	Wait() (status, error)
}

// status is how a process ended. Signal is 0 if it exited by itself.
type status struct{ code, signal int }

// startOS executes argv[0].
func startOS(argv []string) (process, error) {
	var p *os.Process
	err := children.begin(func() (pid int, err error) {
		p, err = os.StartProcess(argv[0], argv, &os.ProcAttr{
			Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		})
		if err != nil {
			return 0, err
		}
		return p.Pid, nil
	})
	if err != nil {
		return nil, err
	}
	return osProcess{p}, nil
}

type osProcess struct{ *os.Process }

func (p osProcess) PID() int { return p.Pid }

func (p osProcess) Kill() {
	// It fails only if the process has ended, which Wait reports.
	_ = p.Process.Kill()
}

func (p osProcess) Wait() (status, error) {
	state, err := p.Process.Wait()
	children.end(p.Pid)
	if err != nil {
		return status{}, err
	}
	ws, ok := state.Sys().(syscall.WaitStatus)
	if !ok {
		return status{code: state.ExitCode()}, nil
	}
	if ws.Signaled() {
		return status{signal: int(ws.Signal())}, nil
	}
	return status{code: ws.ExitStatus()}, nil
}

// isForkFailure reports whether no process could be created, which may work soon,
// as opposed to a path that cannot be executed, which will not.
func isForkFailure(err error) bool {
	for _, e := range []syscall.Errno{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
