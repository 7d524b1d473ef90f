package configrewrite

import (
	"path/filepath"

	"github.com/gosentinel/sentinel/internal/atomicfile"
)

// FileSystem is what this package asks of a file system. Tests and the simulator
// have one that breaks.
type FileSystem interface {
	atomicfile.FileSystem
	Glob(pattern string) ([]string, error)
}

// disk is the file system of the machine.
type disk struct{ atomicfile.Disk }

func (disk) Glob(pattern string) ([]string, error) { return filepath.Glob(pattern) }

// Errors of files that cannot be written.
type (
	// SaveError says which step of a [File.Save] failed, and why.
	SaveError = atomicfile.SaveError
	// NotWritableError says that state could not be saved, found out at the start.
	NotWritableError = atomicfile.NotWritableError
)
