//go:build unix

package server

import (
	"syscall"
	"time"
)

// cpuTime returns the processor time that this process has used, or zeros if it
// is unknown.
func cpuTime() (system, user time.Duration) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0, 0
	}
	return time.Duration(u.Stime.Nano()), time.Duration(u.Utime.Nano())
}
