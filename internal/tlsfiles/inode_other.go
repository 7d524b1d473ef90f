//go:build !unix

package tlsfiles

import "io/fs"

// inode returns 0: this system has no inode numbers, so changes show by size and
// time only.
func inode(fs.FileInfo) uint64 { return 0 }
