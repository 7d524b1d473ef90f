package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxBytes bounds what is read as a configuration: a wrong path, such as a
// device or a data file, must end in a message and not in the memory being used up.
const maxBytes = 64 << 20

// Disk is the file system of the machine.
type Disk struct{}

// ReadFile returns the bytes of a file.
func (Disk) ReadFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errors.New("it is a directory")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err == nil && len(data) > maxBytes {
		err = fmt.Errorf("it is longer than %d MiB", maxBytes>>20)
	}
	return data, err
}

// compared is how much of a file Holds compares at once.
const compared = 64 << 10

// Holds reports whether a file can be read and holds exactly data. It needs memory for
// a part of it only.
func (Disk) Holds(name string, data []byte) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	part := make([]byte, compared)
	for {
		n, err := f.Read(part)
		if n > len(data) || !bytes.Equal(part[:n], data[:n]) {
			return false
		}
		if data = data[n:]; err != nil {
			return err == io.EOF && len(data) == 0
		}
	}
}

// Stat implements [FileSystem], as do the methods below.
func (Disk) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// RealPath follows symbolic links, so that a linked configuration is written
// where it lives instead of being turned into a copy. What does not exist yet
// is its own real path, below the real path of its directory; a link to it is followed.
func (Disk) RealPath(name string) (string, error) { return realPath(name) }

func realPath(name string) (string, error) {
	real, err := filepath.EvalSymlinks(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return real, err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(name))
	if err != nil {
		return name, err
	}
	name = filepath.Join(dir, filepath.Base(name))
	to, err := os.Readlink(name)
	if err != nil {
		return name, nil // nothing is there
	}
	if !filepath.IsAbs(to) {
		to = filepath.Join(dir, to)
	}
	if real, err = realPath(to); err != nil {
		return name, fmt.Errorf("it is a symbolic link to %s, and that cannot be written: %v; make its directory, or correct the link", to, Cause(err))
	}
	return real, nil
}

// Create makes a file that must not exist.
func (Disk) Create(name string, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

// CanWrite opens the file for writing, and closes it again.
func (Disk) CanWrite(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// Rename is [os.Rename].
func (Disk) Rename(from, to string) error { return os.Rename(from, to) }

// Remove is [os.Remove].
func (Disk) Remove(name string) error { return os.Remove(name) }

// ReadDir is [os.ReadDir].
func (Disk) ReadDir(dir string) ([]fs.DirEntry, error) { return os.ReadDir(dir) }

// OpenDir opens a directory to sync it.
func (Disk) OpenDir(dir string) (Dir, error) { return openDir(dir) }

// Update opens a file that exists, to change it in place.
func (Disk) Update(name string) (Updater, error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Keeps reports whether a file that this process makes can have an owner and group.
func (Disk) Keeps(info fs.FileInfo) bool { return canOwn(info) }

type diskFile struct{ *os.File }

// LikeFile takes over owner, group, mode, access control list and security label
// of the file to be replaced, as far as the process may: after one start as root
// the daemon's own user should still be able to write its file, and a group that
// reads it should go on doing so.
//
// Where the group cannot be kept its rights go, because they would be those of
// another group, and the file may hold passwords.
func (f diskFile) LikeFile(path string, info fs.FileInfo) error {
	groupKept, err := likeOwner(f.File, info)
	if err != nil {
		return err
	}
	dropACL(f.File) // the directory may have given one that the old file did not have
	mode, acl := info.Mode().Perm(), aclOf(path)
	if acl != nil {
		mode = mode&^0o070 | acl.ownGroup()<<3 // these bits are the mask of a list
	}
	if !groupKept {
		mode &^= 0o070
		acl = acl.withoutGroup()
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	acl.give(f.File)
	likeLabel(f.File, path)
	return nil
}
