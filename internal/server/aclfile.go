package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"github.com/gosentinel/sentinel/internal/acl"
	"github.com/gosentinel/sentinel/internal/atomicfile"
	"github.com/gosentinel/sentinel/internal/errtext"
)

// ACLFile is the file that aclfile names. It is safe for concurrent use.
type ACLFile struct {
	name  string // as configured, for messages
	path  string
	users *acl.List

	// busy holds a token during each load or save, so that a slow save cannot
	// overwrite what a later one saved.
	busy chan struct{}
	// These read and write the file; tests make them hang.
	read    func(path string) ([]byte, error)
	replace func(path string, text []byte, perm fs.FileMode) error
}

// NewACLFile returns the ACL file at path for the given users. Messages call it
// name. It does not access the file.
func NewACLFile(name, path string, users *acl.List) *ACLFile {
	return &ACLFile{
		name: name, path: path, users: users, busy: make(chan struct{}, 1),
		read: atomicfile.ReadFile, replace: atomicfile.WriteFile,
	}
}

// aclTimeout bounds how long a client waits for a disk that hangs.
const aclTimeout = 5 * time.Second

var errDiskHangs = errors.New("the disk has not answered for 5 seconds; look there, and try again")

// withDisk reads or writes the file, one operation at a time, and then calls then
// if that succeeded. The caller waits at most aclTimeout, so a dead network file
// system blocks neither clients nor the shutdown of the process. If the disk
// operation completes later, then is not called.
func (f *ACLFile) withDisk(disk, then func() error) error {
	patience := time.NewTimer(aclTimeout)
	defer patience.Stop()
	select {
	case f.busy <- struct{}{}:
	case <-patience.C:
		return errDiskHangs
	}
	result := make(chan error, 1)
	var decided atomic.Bool // whether then has been started or has become pointless
	go func() {
		err := disk()
		if err == nil && !decided.Swap(true) {
			err = then()
		}
		<-f.busy
		result <- err
	}()
	select {
	case err := <-result:
		return err
	case <-patience.C:
		if !decided.Swap(true) {
			return errDiskHangs
		}
		return <-result
	}
}

// aclFilePerm is the mode of a new file: others must not read hashes of
// passwords.
const aclFilePerm fs.FileMode = 0o600

// load replaces all users by those of the file, or changes nothing.
func (f *ACLFile) load() (change acl.Change, err error) {
	var text []byte
	err = f.withDisk(func() (err error) {
		if text, err = f.read(f.path); err != nil {
			err = readFailure(err)
		}
		return err
	}, func() (err error) {
		change, err = f.users.Load(f.name, text)
		return err
	})
	var bad *acl.FileError
	if err != nil && !errors.As(err, &bad) {
		err = fmt.Errorf("Error loading ACLs, opening file '%s': %w", f.name, err)
	}
	return change, err
}

// readFailure returns the cause of a system call's error, without the path that
// the message already names.
func readFailure(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return errors.New(errtext.Cause(path.Err))
	}
	return err
}

// save writes all users to the file.
func (f *ACLFile) save() error {
	return f.withDisk(
		func() error { return f.replace(f.path, f.users.Render(), aclFilePerm) },
		func() error { return nil })
}
