//go:build unix

package tlsfiles

import (
	"io/fs"
	"syscall"
)

// inode returns the number of a file, which a new file of the same name does
// not share.
func inode(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Ino)
	}
	return 0
}
