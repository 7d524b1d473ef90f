//go:build !unix

package main

import (
	"errors"
	"os"
	"syscall"
)

// reopenSignals is empty: this system has no signal for it. The log file is
// opened anew for each batch of lines anyway.
var reopenSignals []os.Signal

var errNoStop = errors.New("a process cannot stop itself on this operating system")

func stopSelf() error { return errNoStop }

var errNoBackground = errors.New("this operating system has no processes in the background; " +
	"write daemonize no, and let a service manager start gosentinel")

func replaceStandardFile(*os.File, int) error { return errNoBackground }

func ownSession() *syscall.SysProcAttr { return nil }

func canDaemonize() error { return errNoBackground }
