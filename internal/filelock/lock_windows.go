package filelock

import (
	"os"

	"golang.org/x/sys/windows"
)

const noFollow = 0

// tryLock locks f until it is closed, and reports whether nobody else had locked it. The
// bytes that it locks are beyond the text, which others may thus read.
func tryLock(f *os.File) (bool, error) {
	at := &windows.Overlapped{Offset: 1 << 20}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	if err == windows.ERROR_LOCK_VIOLATION {
		return false, nil
	}
	return err == nil, err
}
