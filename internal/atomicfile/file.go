package atomicfile

import (
	"io/fs"
	"time"
)

// WriteFile gives a file new content: a crash at any instant leaves the whole
// old or the whole new file, and the new one is durable when nil is returned.
// Errors are of type [*SaveError]. newPerm is the mode of a file that did not
// exist, before the umask; else mode and owner stay. It must not be called for
// one file by two goroutines at once.
//
// Temporary files that a crash left beside the file are removed.
func WriteFile(path string, data []byte, newPerm fs.FileMode) error {
	RemoveStrays(Disk{}, path, time.Now())
	return Replace(Disk{}, path, data, newPerm)
}

// ReadFile returns the content of a file. A directory, or a file of more than
// 64 MiB, is an error: such a thing cannot be what was meant.
func ReadFile(path string) ([]byte, error) { return Disk{}.ReadFile(path) }
