package atomicfile

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// FileSystem is what this package asks of a file system. It is an interface so
// that tests can make every single step fail, and pull the plug between any two.
type FileSystem interface {
	Stat(name string) (fs.FileInfo, error)
	RealPath(name string) (string, error)               // symbolic links followed
	Create(name string, perm fs.FileMode) (File, error) // fails if it exists; perm is subject to the umask
	CanWrite(name string) error                         // changes nothing
	Rename(from, to string) error
	Remove(name string) error
	SyncDir(dir string) error
	ReadDir(dir string) ([]fs.DirEntry, error)
}

// File is a file being written.
type File interface {
	io.Writer
	LikeFile(path string, info fs.FileInfo) error // takes over mode, and owner and more where allowed
	Sync() error
	Close() error
}

// SaveError says which step of writing a file failed, and why. The file then
// still has its old content, except after a failed "sync directory", when
// either content may be found after a power cut.
type SaveError struct {
	Step string // in the words of stock Sentinel's log
	Path string
	Err  error
}

// Error returns step, path and cause, and a hint where the cause is a known trap.
func (e *SaveError) Error() string {
	text := fmt.Sprintf("%s %s (%v)", e.Step, e.Path, Cause(e.Err))
	if errors.Is(e.Err, syscall.EBUSY) || errors.Is(e.Err, syscall.EXDEV) {
		text += ": a file that is mounted on its own cannot be replaced; mount its directory, or set state-file"
	}
	return text
}

// Unwrap returns the cause.
func (e *SaveError) Unwrap() error { return e.Err }

// Cause strips what the error of a system call repeats: operation and path.
func Cause(err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return pe.Err
	}
	if le := (*os.LinkError)(nil); errors.As(err, &le) {
		return le.Err
	}
	return err
}

// Replace gives path the new content so that a crash at any instant leaves
// the whole old or the whole new file, and so that the new one is durable when
// nil is returned. renameio is not used: it leaves out the last step, without
// which a power cut can bring the old file back, and with it a vote not yet
// given; and its steps cannot be made to fail in a test.
//
// newPerm is the mode of a file that did not exist, before the umask.
func Replace(fsys FileSystem, path string, data []byte, newPerm fs.FileMode) (err error) {
	path, err = fsys.RealPath(path)
	if err != nil {
		return &SaveError{"Could not find config file", path, err}
	}
	old, err := fsys.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &SaveError{"Could not stat config file", path, err}
	}
	perm := newPerm
	if old != nil {
		perm = 0o600 // until it has the old file's mode: it may hold passwords
	}
	tmp := tempName(path)
	f, err := fsys.Create(tmp, perm)
	if err != nil {
		return &SaveError{"Could not create tmp config file", path, err}
	}
	if err := fillFile(f, path, data, old); err != nil {
		_ = fsys.Remove(tmp)
		return err
	}
	if err := fsys.Rename(tmp, path); err != nil {
		_ = fsys.Remove(tmp)
		return &SaveError{"Could not rename tmp config file to", path, err}
	}
	if err := fsys.SyncDir(filepath.Dir(path)); err != nil {
		return &SaveError{"Could not sync config file dir", filepath.Dir(path), err}
	}
	return nil
}

// fillFile writes, syncs and closes a temporary file. A file whose sync failed
// is never synced again: the kernel may have dropped the pages and would report
// success. The next attempt starts with a new file.
func fillFile(f File, name string, data []byte, like fs.FileInfo) error {
	fail := func(step string, err error) error {
		_ = f.Close()
		return &SaveError{step, name, err}
	}
	n, err := f.Write(data)
	if err == nil && n < len(data) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return fail(fmt.Sprintf("Failed after writing (%d) bytes to tmp config file", n), err)
	}
	if like != nil {
		if err := f.LikeFile(name, like); err != nil {
			return fail("Could not chmod config file", err)
		}
	}
	if err := f.Sync(); err != nil {
		return fail("Could not sync tmp config file to disk", err)
	}
	if err := f.Close(); err != nil {
		return &SaveError{"Could not close tmp config file", name, err}
	}
	return nil
}

// tempName returns a new name beside path; a rename is atomic only within one
// file system. The name is our own pattern, so that strays can be recognised.
func tempName(path string) string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return path + ".gosentinel-" + hex.EncodeToString(b[:]) + ".tmp"
}

// strayAge is how old a temporary file must be to count as left by a crash. A
// save takes far less, and another process may just be saving.
const strayAge = time.Minute

// RemoveStrays removes temporary files that a crash left beside path.
func RemoveStrays(fsys FileSystem, path string, now time.Time) {
	real, err := fsys.RealPath(path)
	if err != nil {
		return
	}
	dir := filepath.Dir(real)
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return
	}
	pattern := regexp.MustCompile("^" + regexp.QuoteMeta(filepath.Base(real)) + `\.gosentinel-[0-9a-f]{16}\.tmp$`)
	for _, e := range entries {
		if !pattern.MatchString(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > strayAge {
			_ = fsys.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// NotWritableError says that state could not be saved, found out at the start.
type NotWritableError struct {
	Path string
	Dir  bool // the directory is the reason; stock Sentinel starts nevertheless
	Err  error
}

// Error returns the words of stock Sentinel, and what to do.
func (e *NotWritableError) Error() string {
	if e.Dir {
		return fmt.Sprintf("Sentinel config file %s cannot be saved: its directory is not writable: %v. "+
			"Give the user of this process write access to the directory, or set state-file to a path in one that it may write",
			e.Path, Cause(e.Err))
	}
	return fmt.Sprintf("Sentinel config file %s is not writable: %v. Change its owner or mode, or set state-file", e.Path, Cause(e.Err))
}

// Unwrap returns the cause.
func (e *NotWritableError) Unwrap() error { return e.Err }

// CheckWritable finds out whether Replace can work, by making a file.
func CheckWritable(fsys FileSystem, path string) error {
	real, err := fsys.RealPath(path)
	if err != nil {
		return &NotWritableError{Path: path, Err: err}
	}
	if _, err := fsys.Stat(real); err == nil {
		if err := fsys.CanWrite(real); err != nil {
			return &NotWritableError{Path: path, Err: err}
		}
	}
	tmp := tempName(real)
	f, err := fsys.Create(tmp, 0o600)
	if err != nil {
		return &NotWritableError{Path: path, Dir: true, Err: err}
	}
	_ = f.Close()
	if err := fsys.Remove(tmp); err != nil {
		return &NotWritableError{Path: path, Dir: true, Err: err}
	}
	return nil
}
