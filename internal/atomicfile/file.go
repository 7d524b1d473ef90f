package atomicfile

import (
	"io/fs"
	"time"
)

// WriteFile gives a file new content: a crash at any instant leaves the whole
// old or the whole new file, and the new one is durable when nil is returned. A
// file that cannot be replaced is written in place, and is whole when [ReadFile]
// reads it. Errors are of type [*SaveError]. newPerm is the mode of a file that did
// not exist, before the umask; else mode and owner stay. It must not be called for
// one file by two goroutines at once.
//
// Temporary files that a crash left beside the file are removed. The file gets no
// comments.
func WriteFile(path string, data []byte, newPerm fs.FileMode) error {
	RemoveStrays(Disk{}, path, time.Now())
	w := Writer{FS: Disk{}, Path: path, NewPerm: newPerm, Plain: true}
	return w.Write(data, nil)
}

// ReadFile returns the content of a file. A directory, or a file of more than
// 64 MiB, is an error: such a thing cannot be what was meant.
func ReadFile(path string) ([]byte, error) {
	text, err := Disk{}.ReadFile(path)
	text, _ = Recover(text)
	return text, err
}
