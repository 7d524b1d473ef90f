package configrewrite

import (
	"io/fs"
	"time"
)

// ReplaceFile gives a file new content, as Save does with the configuration: a
// crash at any instant leaves the whole old or the whole new file, and the new
// one is durable when nil is returned. Errors are of type [*SaveError]. NewPerm
// is the mode of a file that did not exist, before the umask; else mode and
// owner stay. It must not be called for one file by two goroutines at once.
//
// Temporary files that a crash left beside the file are removed.
func ReplaceFile(path string, data []byte, newPerm fs.FileMode) error {
	removeStrays(disk{}, path, time.Now())
	return replaceFile(disk{}, path, data, newPerm)
}

// ReadFile returns the content of a file unless it is so large that it cannot
// be what a configuration means.
func ReadFile(path string) ([]byte, error) { return disk{}.ReadFile(path) }
