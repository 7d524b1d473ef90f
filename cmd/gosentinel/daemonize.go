package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// A Go process cannot fork, because only the forking thread would survive. So
// daemonize starts this program a second time, in a session of its own. An
// environment variable names the descriptor on which the starter waits.
//
//	starter                               background
//	checks the configuration
//	starts background ──────────────────► loads the configuration, opens ports,
//	waits                                 with the starter's standard error
//	   ◄─ a byte: exit 0 ──────────────── ready: detaches from the terminal
//	   ◄─ its end: exit with its status ─ failed, and has printed why
const backgroundEnv = "GOSENTINEL_READY_FD"

// background is the second process's side of daemonize. Nil means a process in
// the foreground.
type background struct{ starter *os.File }

// takeBackground returns non-nil in a process that daemonize has started. It
// removes the variable, so that scripts do not inherit it.
func takeBackground() *background {
	fd, err := strconv.Atoi(os.Getenv(backgroundEnv))
	os.Unsetenv(backgroundEnv)
	if err != nil || fd < 3 {
		return nil
	}
	return &background{os.NewFile(uintptr(fd), "starter")}
}

// done detaches from the terminal and lets the starter exit. After that, what
// this process prints goes nowhere.
func (b *background) done() error {
	if b == nil {
		return nil
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err == nil {
		for fd := range 3 {
			err = errors.Join(err, replaceStandardFile(null, fd))
		}
		null.Close()
	}
	_, _ = b.starter.Write([]byte{1}) // an error: the starter has been killed
	b.starter.Close()
	return err
}

// daemonize starts the second process and returns this one's exit status once
// that one serves or has failed. stdin is what was read from standard input.
func (p *program) daemonize(stdin string) int {
	if err := canDaemonize(); err != nil {
		return p.cannotDaemonize(err)
	}
	self, err := executable(p.argv[0])
	if err != nil {
		return p.cannotDaemonize(err)
	}
	wait, ready, err := os.Pipe()
	if err != nil {
		return p.cannotDaemonize(err)
	}
	defer wait.Close()
	cmd := &exec.Cmd{
		Path: self, Args: p.argv, Stderr: p.stderr,
		Env:         append(os.Environ(), backgroundEnv+"=3"),
		ExtraFiles:  []*os.File{ready},
		SysProcAttr: ownSession(),
	}
	if stdin != "" {
		cmd.Stdin = strings.NewReader(stdin)
	}
	err = cmd.Start()
	ready.Close()
	if err != nil {
		return p.cannotDaemonize(err)
	}
	if n, _ := io.ReadFull(wait, make([]byte, 1)); n == 1 {
		return 0
	}
	var exit *exec.ExitError
	err = cmd.Wait()
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		return exit.ExitCode()
	}
	return p.cannotDaemonize(fmt.Errorf("the process in the background ended too early: %v", err))
}

// executable returns the path by which this program was started, if argv0 leads
// to it, and otherwise the path of the executable itself. The two differ when a
// symbolic link was used: the kernel names a process after the path it was
// started by, and pgrep and killall must find a process started as redis-sentinel
// by that name.
func executable(argv0 string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	called, err := exec.LookPath(argv0)
	if err != nil {
		return self, nil
	}
	a, err := os.Stat(self)
	if err != nil {
		return self, nil
	}
	if b, err := os.Stat(called); err == nil && os.SameFile(a, b) {
		return called, nil
	}
	return self, nil
}

func (p *program) cannotDaemonize(err error) int {
	fmt.Fprintf(p.stderr, "gosentinel: daemonize: %v\n", err)
	return 1
}
