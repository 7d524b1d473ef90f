//go:build unix

package atomicfile

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// likeOwner gives f the owner and group of another file, as far as the process
// may, and reports whether it has that group. It does not ask for what is so
// already or cannot be had: filters of system calls, such as that of Debian's
// redis-sentinel.service, kill a process that asks. Behind a filter it does not ask
// for what could be had either, and the error says that the file is not to be
// replaced: written in place, it stays whose it is.
func likeOwner(f *os.File, like fs.FileInfo) (groupKept bool, err error) {
	info, err := f.Stat()
	if err != nil {
		return false, nil
	}
	have, ok := info.Sys().(*syscall.Stat_t)
	want, ok2 := like.Sys().(*syscall.Stat_t)
	if !ok || !ok2 {
		return false, nil
	}
	ask := func(uid int) (bool, error) {
		if callsFiltered() {
			return false, &os.PathError{Op: "chown", Path: f.Name(), Err: errFiltered}
		}
		return f.Chown(uid, int(want.Gid)) == nil, nil
	}
	if have.Uid != want.Uid && os.Geteuid() == 0 {
		if kept, err := ask(int(want.Uid)); kept || err != nil {
			return kept, err
		}
	}
	if have.Gid == want.Gid || !isMember(int(want.Gid)) {
		return have.Gid == want.Gid, nil
	}
	return ask(-1)
}

// errFiltered is [fs.ErrPermission]: the system call might be forbidden, and trying
// it would be fatal.
var errFiltered = fmt.Errorf("its owner or group would change, and system calls are filtered: %w", fs.ErrPermission)

// isMember reports whether this process may give its files to a group.
func isMember(gid int) bool {
	if os.Geteuid() == 0 || os.Getegid() == gid {
		return true
	}
	groups, err := os.Getgroups()
	return err == nil && slices.Contains(groups, gid)
}

// canOwn reports whether this process may give its files owner and group of
// another one.
func canOwn(like fs.FileInfo) bool {
	st, ok := like.Sys().(*syscall.Stat_t)
	return ok && (os.Geteuid() == 0 || os.Geteuid() == int(st.Uid)) && isMember(int(st.Gid))
}

func openDir(dir string) (Dir, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	return f, nil
}
