package netns

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// insideEnv tells this program that it runs in namespaces of its own.
const insideEnv = "JEPSEN_NETNS"

// Enter runs this program again, with the same arguments, in a network and a mount
// namespace of its own, passes signals on to it, and returns its exit status. There,
// inside is true and Enter has returned at once. Nothing is started when ctx is done. The
// error is [ErrNotAllowed] where there can be no such namespaces.
func Enter(ctx context.Context) (inside bool, status int, err error) {
	if os.Getenv(insideEnv) != "" {
		return true, 0, ip("", "link set lo up") // programs take loopback for granted
	}
	for _, program := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(program); err != nil {
			return false, 0, fmt.Errorf("%w: %s is not installed (sh jepsen/install.sh ip nft)", ErrNotAllowed, program)
		}
	}
	if ctx.Err() != nil {
		return false, 0, context.Cause(ctx)
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	// The child dies with the thread that starts it, so that must not end before.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		// A user who is not root may still be root in a user namespace.
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return false, 0, fmt.Errorf("%w: %w", ErrNotAllowed, err)
	}
	status, err = attend(cmd, signals)
	return false, status, err
}

// attend passes signals on until the child has ended. Who interrupts a terminal sends
// them to both; a second one would end the child before it has summed up.
func attend(cmd *exec.Cmd, signals <-chan os.Signal) (status int, err error) {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			if foreground() {
				continue
			}
			_ = cmd.Process.Signal(sig) // it may have ended
		case err := <-ended:
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				return 0, err
			}
			if code := cmd.ProcessState.ExitCode(); code >= 0 {
				return code, nil
			}
			return 1, fmt.Errorf("in namespaces of its own: %w", err)
		}
	}
}

// foreground tells whether a terminal sends its signals to this process group.
func foreground() bool {
	group, err := unix.IoctlGetInt(int(os.Stdin.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
