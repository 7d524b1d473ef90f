package filelock

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// suffix makes the name of the lock from that of the file. Whoever replaces the file
// itself would lose a lock on it.
const suffix = ".lock"

// HeldError says that somebody else has locked the file.
type HeldError struct {
	Path string // of the file
	PID  int    // of the process that has locked it; 0 if that is not known
}

// Error says who has locked the file.
func (e *HeldError) Error() string {
	by := "somebody else"
	switch e.PID {
	case 0:
	case os.Getpid():
		by = "this process itself"
	default:
		by = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("%s is in use by %s", e.Path, by)
}

// Lock is a file that is locked.
type Lock struct {
	file *os.File
	own  bool // file is there for the lock alone
}

// Take locks the file at path, which need not exist. It does not wait: the error is a
// [*HeldError] if somebody else has locked it, and another one where it cannot be locked.
// Symbolic links lead to the same lock as the file.
func Take(path string) (*Lock, error) {
	for {
		l, err := open(resolved(path))
		if err != nil {
			return nil, err
		}
		taken, err := tryLock(l.file)
		switch {
		case err != nil:
			l.file.Close()
			return nil, &os.PathError{Op: "lock", Path: l.file.Name(), Err: err}
		case !taken:
			defer l.file.Close()
			return nil, &HeldError{Path: path, PID: l.readPID()}
		case !l.inPlace(): // its owner has removed it since it was opened
			l.file.Close()
			continue
		}
		l.writePID()
		return l, nil
	}
}

// Release gives the lock back. It may be called of nil.
func (l *Lock) Release() {
	if l == nil {
		return
	}
	if l.own {
		// Before it is closed: nobody else can have locked what is removed. Where an open
		// file cannot be removed it stays, as it does after a crash.
		_ = os.Remove(l.file.Name())
	}
	l.file.Close()
}

// resolved returns where the links at path lead. The file itself may not exist yet.
func resolved(path string) string {
	if at, err := filepath.EvalSymlinks(path); err == nil {
		return at
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
	}
	return path
}

// open opens what is locked in place of the file at path.
func open(path string) (*Lock, error) {
	f, err := os.OpenFile(path+suffix, os.O_RDWR|os.O_CREATE|noFollow, 0o600)
	if err == nil {
		return &Lock{f, true}, nil
	}
	if os.IsPermission(err) { // one that another user's process left behind can be read
		if f, err := os.OpenFile(path+suffix, os.O_RDONLY|noFollow, 0); err == nil {
			return &Lock{f, true}, nil
		}
	}
	// Where no file can be created, none is replaced: the file itself stays what it is.
	if f, err := os.OpenFile(path, os.O_RDONLY, 0); err == nil {
		return &Lock{f, false}, nil
	}
	return nil, err
}

// inPlace reports whether what is locked is still what others would find.
func (l *Lock) inPlace() bool {
	opened, err := l.file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(l.file.Name())
	return err == nil && os.SameFile(opened, there)
}

// writePID leaves the number of this process to whoever finds the lock held. It is
// information, so an error is none.
func (l *Lock) writePID() {
	if l.own && l.file.Truncate(0) == nil {
		_, _ = l.file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
}

func (l *Lock) readPID() int {
	if !l.own {
		return 0
	}
	b := make([]byte, 20)
	n, _ := l.file.ReadAt(b, 0)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	return pid
}
