package node

import (
	"time"

	"golang.org/x/sys/unix"
)

// bootAhead returns how far CLOCK_BOOTTIME, which goes on while the machine is suspended,
// is ahead of CLOCK_MONOTONIC; 0 if the kernel does not tell.
func bootAhead() time.Duration {
	var boot, mono unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono) != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil {
		return 0
	}
	return time.Duration(boot.Nano() - mono.Nano())
}
