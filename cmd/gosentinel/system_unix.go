//go:build unix

package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// reopenSignals are the signals that reopen the log and do nothing else.
var reopenSignals = []os.Signal{syscall.SIGUSR1}

// stopSelf stops this process, which is how upstart learns that it is ready.
func stopSelf() error { return syscall.Kill(os.Getpid(), syscall.SIGSTOP) }

// replaceStandardFile makes f the standard input, output or error.
func replaceStandardFile(f *os.File, fd int) error { return unix.Dup2(int(f.Fd()), fd) }

// ownSession makes a new process the leader of a session without a terminal.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// canDaemonize returns nil: on this system a process can run in the background.
func canDaemonize() error { return nil }
