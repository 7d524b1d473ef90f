package scripts

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ReapOrphans reaps, until ctx ends, processes that others started and left behind.
// The kernel gives those to process 1, which is the daemon itself in many
// containers, and each would stay a zombie otherwise. In any other process it
// returns at once. The children that a [Runner] started are not touched.
func ReapOrphans(ctx context.Context) {
	if os.Getpid() != 1 {
		return
	}
	reapOrphans(ctx)
}

func reapOrphans(ctx context.Context) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGCHLD)
	defer signal.Stop(signals)
	for {
		for children.reapOne() {
		}
		select {
		case <-signals:
		case <-children.ended: // it hid those behind it
		case <-ctx.Done():
			return
		}
	}
}

// reapOne reaps one orphan that has ended. It returns false when there is none, or
// when the first that has ended is a child of ours: the code that waits for it reaps
// it soon, and then it is time to look again.
//
// The process is looked at before it is reaped, and all under the lock: waiting
// for any process would take the exit status of a script from its [Runner].
func (f *family) reapOne() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	pid := endedChild()
	if pid == 0 || f.own[pid] {
		return false
	}
	_, err := unix.Wait4(pid, nil, unix.WNOHANG, nil)
	return err == nil
}

// endedChild returns the id of a child that has ended, without reaping it, or 0.
func endedChild() int {
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		switch err {
		case nil:
			return int((*childInfo)(unsafe.Pointer(&info)).pid.value)
		case unix.EINTR:
		default:
			return 0 // there is no child at all
		}
	}
}

// childInfo is a siginfo_t as far as waitid fills it in: package unix does not name
// the process id. What follows the three numbers is aligned like a pointer.
type childInfo struct {
	_   [3]int32
	pid struct {
		_     [0]uintptr
		value int32
	}
}
