//go:build linux || darwin

package listen

import (
	"syscall"
	"testing"
)

// The limit is raised as requested, as far as permitted, and is never lower than
// before.
func TestRaiseFileLimit(t *testing.T) {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if got := raiseFileLimit(1); got != before.Cur {
		t.Errorf("%d files, were %d", got, before.Cur)
	}
	low := before
	low.Cur = min(before.Cur, 512)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before)
	if got := raiseFileLimit(600); got != 600 {
		t.Errorf("raised to %d, want 600", got)
	}
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now); err != nil || now.Cur != 600 || now.Max != before.Max {
		t.Errorf("limit %+v, %v", now, err)
	}
	if got := raiseFileLimit(1 << 62); got < 600 {
		t.Errorf("asked for more than there can be, the limit is %d", got)
	}
}
