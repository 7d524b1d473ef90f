//go:build unix

package node

import (
	"syscall"
	"time"
)

// readUsage returns what this process had of its machine so far.
func readUsage() usage {
	u := usage{queued: queued()}
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) == nil {
		u.cpu, u.faults = time.Duration(r.Utime.Nano()+r.Stime.Nano()), int64(r.Majflt)
	}
	return u
}
