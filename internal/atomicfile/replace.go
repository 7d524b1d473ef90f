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
	ReadFile(name string) ([]byte, error)
	Holds(name string, data []byte) bool // whether the file can be read and has exactly that
	Stat(name string) (fs.FileInfo, error)
	RealPath(name string) (string, error)               // symbolic links followed
	Create(name string, perm fs.FileMode) (File, error) // fails if it exists; perm is subject to the umask
	CanWrite(name string) error                         // changes nothing
	Update(name string) (Updater, error)                // for a file that exists
	Rename(from, to string) error
	Remove(name string) error
	OpenDir(dir string) (Dir, error)
	Keeps(info fs.FileInfo) bool // whether this process can make a file with that owner and group
	ReadDir(dir string) ([]fs.DirEntry, error)
}

// File is a file being written.
type File interface {
	io.Writer
	LikeFile(path string, info fs.FileInfo) error // takes over mode, and owner and more where allowed
	Sync() error
	Close() error
}

// Dir is a directory whose entries can be made durable.
type Dir interface {
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

// Error returns step, path and cause.
func (e *SaveError) Error() string {
	return fmt.Sprintf("%s %s (%v)", e.Step, e.Path, Cause(e.Err))
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

// replace gives path the new content so that a crash at any instant leaves
// the whole old or the whole new file, and so that the new one is durable when
// nil is returned. renameio is not used: it leaves out the last step, without
// which a power cut can bring the old file back, and with it a vote not yet
// given; and its steps cannot be made to fail in a test.
//
// Seen is what the file was like when data was made from it, or nil: if it is
// another one by then, the error is errChanged. newPerm is the mode of a file that
// did not exist, before the umask.
func replace(fsys FileSystem, path string, data []byte, newPerm fs.FileMode, seen *Seen) error {
	d, err := newDraft(fsys, path, data, newPerm, seen)
	if err != nil {
		return err
	}
	return d.commit()
}

// draft is new content that is durable beside the file which it is to replace.
type draft struct {
	fsys      FileSystem
	path, tmp string
	dir       Dir
	seen      *Seen // what path was like when the content was made from it; nil: anything
}

func newDraft(fsys FileSystem, path string, data []byte, newPerm fs.FileMode, seen *Seen) (d *draft, err error) {
	path, err = fsys.RealPath(path)
	if err != nil {
		return nil, &SaveError{"Could not find config file", path, err}
	}
	old, err := fsys.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, &SaveError{"Could not stat config file", path, err}
	}
	perm := newPerm
	if old != nil {
		perm = 0o600 // until it has the old file's mode: it may hold passwords
	}
	// The directory is opened first: one that can be written but not read, and so
	// not be synced, is no place for a rename that a vote waits for.
	dir, err := fsys.OpenDir(filepath.Dir(path))
	if err != nil {
		return nil, &SaveError{"Could not open config file dir", filepath.Dir(path), err}
	}
	d = &draft{fsys, path, tempName(path), dir, seen}
	f, err := fsys.Create(d.tmp, perm)
	if err != nil {
		_ = dir.Close()
		return nil, &SaveError{"Could not create tmp config file", path, err}
	}
	if err := fillFile(f, path, data, old); err != nil {
		d.discard()
		return nil, err
	}
	return d, nil
}

// commit puts the draft in the place of the file, durably. The draft is gone then,
// also when that fails.
func (d *draft) commit() error {
	// As late as possible: what somebody else has put here since must not be lost.
	if d.seen != nil && !d.seen.still(d.fsys) {
		d.discard()
		return errChanged
	}
	if err := d.fsys.Rename(d.tmp, d.path); err != nil {
		d.discard()
		return &SaveError{"Could not rename tmp config file to", d.path, err}
	}
	defer d.dir.Close()
	return syncDir(d.dir, filepath.Dir(d.path))
}

// discard removes the draft.
func (d *draft) discard() {
	_ = d.fsys.Remove(d.tmp)
	_ = d.dir.Close()
}

// unsyncedError says that a file was replaced in a directory that cannot be synced.
type unsyncedError struct{ SaveError }

// syncDir makes the entries of a directory durable. File systems that have no way
// to do that say so; anything else, such as EIO, is a failure of the disk.
func syncDir(dir Dir, name string) error {
	err := dir.Sync()
	if err == nil {
		return nil
	}
	failed := SaveError{"Could not sync config file dir", name, err}
	for _, e := range []error{syscall.EINVAL, syscall.EBADF, syscall.ENOSYS, errors.ErrUnsupported} {
		if errors.Is(err, e) {
			return &unsyncedError{failed}
		}
	}
	return &failed
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
	Dir  bool // it does not exist, and the directory is the reason why it cannot
	Err  error
}

// Error returns the words of stock Sentinel, and what to do.
func (e *NotWritableError) Error() string {
	if e.Dir {
		return fmt.Sprintf("Sentinel config file %s cannot be saved: its directory is not writable: %v. "+
			"Give the user of this process write access to the directory, or set state-file to a path in one that it may write",
			e.Path, Cause(e.Err))
	}
	return fmt.Sprintf("Sentinel config file %s is not writable: %v. Change its owner or mode, or set state-file", e.Path, e.reason())
}

// reason returns the cause: of one step alone, or of both ways to write.
func (e *NotWritableError) reason() error {
	if save := (*SaveError)(nil); errors.As(e.Err, &save) {
		return save
	}
	return Cause(e.Err)
}

// Unwrap returns the cause.
func (e *NotWritableError) Unwrap() error { return e.Err }
