//go:build !unix

package atomicfile

import (
	"io/fs"
	"os"
)

// likeOwner does nothing: owners are not numbers here.
func likeOwner(*os.File, fs.FileInfo) (groupKept bool) { return true }

// syncDir does nothing: directories cannot be synced here, and the file system
// keeps a log of renames of its own.
func syncDir(string) error { return nil }
