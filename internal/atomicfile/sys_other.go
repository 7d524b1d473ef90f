//go:build !unix

package atomicfile

import (
	"io/fs"
	"os"
)

// likeOwner does nothing: owners are not numbers here.
func likeOwner(*os.File, fs.FileInfo) (groupKept bool, err error) { return true, nil }

// canOwn reports true: owners are not numbers here.
func canOwn(fs.FileInfo) bool { return true }

// noDir is a directory that cannot be synced, because directories cannot be
// here: the file system keeps a log of renames of its own.
type noDir struct{}

func (noDir) Sync() error  { return nil }
func (noDir) Close() error { return nil }

func openDir(string) (Dir, error) { return noDir{}, nil }
