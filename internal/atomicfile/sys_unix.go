//go:build unix

package atomicfile

import (
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// likeOwner gives f the owner and group of another file, as far as the process
// may, and reports whether it has that group. It does not ask for what is so
// already or cannot be had: filters of system calls, such as that of Debian's
// redis-sentinel.service, kill a process that asks.
func likeOwner(f *os.File, like fs.FileInfo) (groupKept bool) {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	have, ok := info.Sys().(*syscall.Stat_t)
	want, ok2 := like.Sys().(*syscall.Stat_t)
	if !ok || !ok2 {
		return false
	}
	if have.Uid != want.Uid && os.Geteuid() == 0 && f.Chown(int(want.Uid), int(want.Gid)) == nil {
		return true
	}
	return have.Gid == want.Gid || isMember(int(want.Gid)) && f.Chown(-1, int(want.Gid)) == nil
}

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
