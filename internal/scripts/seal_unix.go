//go:build unix

package scripts

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// SealDescriptors marks all open descriptors of this process but the first
// three as not to be inherited by scripts. Go marks those that it opens itself;
// this is for descriptors that the parent of this process left open. A daemon
// calls it once at its start. It is not part of [New], because a program that
// embeds a Sentinel may want to hand descriptors to programs of its own.
func SealDescriptors() error {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		return fmt.Errorf("can't list the open descriptors, so scripts may inherit some: %w", err)
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
	return nil
}
