package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// Updater is a file that is changed in place.
type Updater interface {
	WriteAt(p []byte, off int64) (int, error)
	Truncate(size int64) error
	Sync() error
	Close() error
}

// overwrite gives a file that exists new content without replacing it, for files
// that cannot be replaced: those that are mounted on their own, and those in a
// directory that is read-only. A crash at any instant leaves a file of which
// [Recover] makes the whole old or the whole new content. The new one is durable
// when nil is returned.
//
// What is weaker than with replace: other programs may see a half-written file,
// and one that takes over such a file after a crash does not recover it.
//
// Plain means that the file can hold no comments, and so no seal. Again means that
// the last write has failed.
func overwrite(fsys FileSystem, path string, data []byte, plain, again bool) error {
	path, err := fsys.RealPath(path)
	if err != nil {
		return &SaveError{"Could not find config file", path, err}
	}
	old, err := fsys.ReadFile(path)
	if err != nil {
		return &SaveError{"Could not read config file", path, err}
	}
	f, err := fsys.Update(path)
	if err != nil {
		return &SaveError{"Could not open config file for writing", path, err}
	}
	if !plain {
		data = sealed(data)
		old, err = seal(f, path, old, again)
	}
	if err == nil {
		err = rewrite(f, path, old, data)
	}
	if closed := f.Close(); err == nil && closed != nil {
		err = &SaveError{"Could not close config file", path, closed}
	}
	return err
}

// seal marks the end of the present content, so that it can be told from what a
// write leaves behind it that is interrupted. It does nothing for content that is
// marked, unless a write has failed and may have lost the mark.
func seal(f Updater, path string, old []byte, again bool) ([]byte, error) {
	if _, _, ok := findCopy(old); ok {
		return old, nil
	}
	content, behind, ok := cutSealed(old)
	if ok && !again {
		return old, nil
	}
	if !ok {
		if content, ok = partlySealed(old); !ok {
			content = old
		}
	}
	marked := sealed(content)
	marked = append(marked, behind...)
	_, err := f.WriteAt(marked[len(content):], int64(len(content)))
	if err == nil {
		err = f.Truncate(int64(len(marked)))
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		_ = f.Truncate(int64(len(old)))
		return nil, &SaveError{"Could not write to the end of config file", path, err}
	}
	return marked, nil
}

func rewrite(f Updater, path string, old, data []byte) error {
	if text, _, ok := findCopy(old); ok {
		if err := finish(f, path, old, text); err != nil {
			return err
		}
		old = text
	}
	begin := max(len(old), len(data)) + len(copyGap)
	tail := bytes.Repeat([]byte("\n"), begin-len(old))
	tail = appendCopy(tail, data, begin)
	n, err := f.WriteAt(tail, int64(len(old)))
	if err == nil {
		err = f.Truncate(int64(len(old) + len(tail)))
	}
	if err != nil {
		_ = f.Truncate(int64(len(old))) // what stands above is untouched
		return &SaveError{fmt.Sprintf("Failed after writing (%d) bytes of a copy to the end of config file", n), path, err}
	}
	if err := f.Sync(); err != nil {
		return &SaveError{"Could not sync the copy in config file", path, err}
	}
	if err := put(f, path, data, begin); err != nil {
		return err
	}
	// Not synced: if it comes to nothing the copy says what the rest says.
	if err := f.Truncate(int64(len(data))); err != nil {
		return &SaveError{"Could not truncate config file", path, err}
	}
	return nil
}

// finish carries out a write that was interrupted or failed: the copy may be all
// that is whole. It is written again before anything else, for a sync that failed
// may have lost it, and the next sync would not tell.
func finish(f Updater, path string, old, text []byte) error {
	begin := bytes.LastIndex(old, []byte(copyGap+copyHead)) + len(copyGap)
	gap := begin - len(copyGap)
	_, err := f.WriteAt(old[gap:], int64(gap))
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return &SaveError{"Could not write the copy in config file again", path, err}
	}
	return put(f, path, text, begin)
}

// put makes text durable at the start of a file whose copy of it begins at an
// offset, with nothing but empty lines between.
func put(f Updater, path string, text []byte, begin int) error {
	front := append(bytes.Clone(text), bytes.Repeat([]byte("\n"), begin-len(text))...)
	if n, err := f.WriteAt(front, 0); err != nil {
		return &SaveError{fmt.Sprintf("Failed after writing (%d) bytes to config file in place", n), path, err}
	}
	if err := f.Sync(); err != nil {
		return &SaveError{"Could not sync config file to disk", path, err}
	}
	return nil
}

// refused reports whether an error means that a file cannot be replaced here at
// all, so that it has to be written in place.
func refused(err error) bool {
	for _, e := range []error{
		fs.ErrPermission, syscall.EROFS, syscall.EBUSY, syscall.EXDEV, syscall.EINVAL, syscall.ENOSYS, errors.ErrUnsupported,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
