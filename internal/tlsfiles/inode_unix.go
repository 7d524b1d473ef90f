//go:build unix

package tlsfiles

import (
	"io/fs"
	"syscall"
)

// inode returns the inode number of a file, which changes when another file takes
// its name.
func inode(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Ino)
	}
	return 0
}
