//go:build unix

package speed

import (
	"syscall"
	"time"
)

// cpuTime is the processor time that this process has used. Where other
// processes compete for the processor, it says more than the clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
