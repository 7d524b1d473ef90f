//go:build unix

package scripts

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// SealDescriptors keeps scripts from inheriting any open descriptor except the
// first three. Go already marks those that it opens itself; this is for
// descriptors that the parent process left open. A daemon calls it once at its
// start. [New] does not call it, because a program that embeds a Sentinel may
// want to pass descriptors to programs of its own.
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
