package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Writer writes one file again and again: by a rename where that is possible, in
// place where it is not. What is possible it finds out by doing it. It is not safe
// for concurrent use.
type Writer struct {
	FS      FileSystem  // where the file is
	Path    string      // of the file
	NewPerm fs.FileMode // of a file that did not exist, before the umask
	Plain   bool        // the file can hold no comments
	Warn    func(text string)

	draft *draft // that Prepare has made; nil: none

	inPlace  bool
	failed   bool // the last write in place
	unsynced bool // said already
}

// Seen is what a file was like when it was read.
type Seen struct {
	path string
	info fs.FileInfo // nil: it did not exist
}

// errChanged says that a file was changed by others between reading and writing.
var errChanged = errors.New("the file was changed by another program at the same moment")

// Changed reports whether a write did not happen because somebody else has
// changed the file since it was read.
func Changed(err error) bool { return errors.Is(err, errChanged) }

// Read returns the content of a file, with [Recover] applied, and what the file is
// like. Interrupted is that of Recover.
func Read(fsys FileSystem, path string) (content []byte, seen *Seen, interrupted bool, err error) {
	if seen, err = look(fsys, path); err != nil {
		return nil, seen, false, err
	}
	file, err := fsys.ReadFile(path)
	if err != nil {
		return nil, seen, false, err
	}
	content, interrupted = Recover(file)
	return content, seen, interrupted, nil
}

// ReadAgain is Read of a file that most likely holds what was written last, which it
// returns then. Its time stamps are not trusted: a clock may be set back.
func ReadAgain(fsys FileSystem, path string, last []byte) (content []byte, seen *Seen, interrupted bool, err error) {
	seen, err = look(fsys, path)
	if err == nil && seen.info != nil && seen.info.Size() == int64(len(last)) && fsys.Holds(path, last) {
		return last, seen, false, nil
	}
	return Read(fsys, path)
}

func look(fsys FileSystem, path string) (*Seen, error) {
	info, err := fsys.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return &Seen{path, info}, nil
}

// still reports whether the file has not been changed or replaced since.
func (s *Seen) still(fsys FileSystem) bool {
	now, err := look(fsys, s.path)
	if err != nil || s.info == nil || now.info == nil {
		return err == nil && s.info == nil && now.info == nil
	}
	return (os.SameFile(s.info, now.info) || s.info.Sys() == now.info.Sys()) &&
		s.info.Size() == now.info.Size() && s.info.ModTime().Equal(now.info.ModTime())
}

// Write makes data the content of the file, durably. Seen is what the file was
// like when data was made from it; if somebody has changed it since then, the
// error is one that [Changed] tells. Nil: whatever it is like.
func (w *Writer) Write(data []byte, seen *Seen) error {
	w.Discard()
	if !w.inPlace || seen != nil && seen.info == nil {
		err := w.replace(data, seen)
		if !refused(err) {
			return err
		}
		if second := w.overwrite(data, seen); second != nil {
			return bothFailed(err, second)
		}
		w.goInPlace(err)
		return nil
	}
	return w.overwrite(data, seen)
}

// Prepare makes ready what Write would do, so that [Writer.Commit] has little left to
// do: the content is durable beside the file. It reports whether it did. Where the
// file is written in place nothing can be prepared, and what fails is for Write to
// tell.
func (w *Writer) Prepare(data []byte, seen *Seen) bool {
	w.Discard()
	if w.inPlace {
		return false
	}
	d, err := newDraft(w.FS, w.Path, data, w.NewPerm, seen)
	if err != nil {
		return false
	}
	w.draft = d
	return true
}

// Commit does the rest of what Prepare began. Its errors are those of Write, and
// nothing is prepared any more then.
func (w *Writer) Commit() error {
	d := w.draft
	w.draft = nil
	return w.told(d.commit())
}

// Discard removes what Prepare has made, if there is any.
func (w *Writer) Discard() {
	if w.draft != nil {
		w.draft.discard()
		w.draft = nil
	}
}

func (w *Writer) replace(data []byte, seen *Seen) error {
	return w.told(replace(w.FS, w.Path, data, w.NewPerm, seen))
}

// told says once that a rename cannot be made durable, which is no failure.
func (w *Writer) told(err error) error {
	if unsynced := (*unsyncedError)(nil); errors.As(err, &unsynced) {
		if !w.unsynced {
			w.unsynced = true
			w.warn(fmt.Sprintf("%v: the file system cannot make a rename durable, so after a power cut the file may be the one before the last saves, "+
				"without the votes in them. Put it on another file system, or set state-file", &unsynced.SaveError))
		}
		return nil
	}
	return err
}

func (w *Writer) overwrite(data []byte, seen *Seen) error {
	if seen != nil && !seen.still(w.FS) {
		return errChanged
	}
	err := overwrite(w.FS, w.Path, data, w.Plain, w.failed)
	w.failed = err != nil
	return err
}

// bothFailed returns the second error with the first as its reason. If there is no
// file that could be written in place, the first one is all.
func bothFailed(replaced, overwritten error) error {
	save := (*SaveError)(nil)
	if errors.Is(overwritten, fs.ErrNotExist) || !errors.As(overwritten, &save) {
		if Changed(overwritten) {
			return overwritten
		}
		return replaced
	}
	return &SaveError{fmt.Sprintf("%v, and writing in place failed: %s", replaced, save.Step), save.Path, save.Err}
}

// goInPlace says once what is weaker from now on.
func (w *Writer) goInPlace(reason error) {
	w.inPlace = true
	w.warn(fmt.Sprintf("%v: the file cannot be replaced, so it is written in place until the next start. Its content is written to its end first, "+
		"and is recovered from there if a write is interrupted; but other programs may see it half written. "+
		"To have it replaced, mount its directory or make that writable, or set state-file", reason))
}

func (w *Writer) warn(text string) {
	if w.Warn != nil {
		w.Warn(text)
	}
}

// Check finds out whether Write can work and how, by doing it: the file is replaced
// by one that is the same. Where that cannot be, it must be possible to write in
// place; else the error is a [*NotWritableError]. A file of another owner, who
// could not be kept, is not replaced only to find out.
func (w *Writer) Check() error {
	real, err := w.FS.RealPath(w.Path)
	if err != nil {
		return &NotWritableError{Path: w.Path, Err: err}
	}
	seen, err := look(w.FS, real)
	if err != nil {
		return &NotWritableError{Path: w.Path, Err: err}
	}
	if seen.info == nil {
		return w.tryCreate(real)
	}
	if err := w.FS.CanWrite(real); err != nil {
		return &NotWritableError{Path: w.Path, Err: err}
	}
	if !w.FS.Keeps(seen.info) {
		if err := w.tryCreate(real); refused(err) {
			return w.tryUpdate(real, err)
		}
		return nil
	}
	text, err := w.FS.ReadFile(real)
	if err != nil {
		return &NotWritableError{Path: w.Path, Err: err}
	}
	// A full disk is no reason not to start: it may have room later.
	if err := w.replace(text, seen); refused(err) {
		return w.tryUpdate(real, err)
	}
	return nil
}

// tryCreate makes a file beside the one that is to be written, and removes it.
func (w *Writer) tryCreate(path string) error {
	tmp := tempName(path)
	f, err := w.FS.Create(tmp, 0o600)
	if err == nil {
		_ = f.Close()
		err = w.FS.Remove(tmp)
	}
	if err != nil {
		return &NotWritableError{Path: w.Path, Dir: true, Err: err}
	}
	return nil
}

// tryUpdate opens and syncs the file as a write in place does. It changes nothing,
// since another process may be writing it in place at this moment.
func (w *Writer) tryUpdate(path string, reason error) error {
	f, err := w.FS.Update(path)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		return &NotWritableError{Path: w.Path, Err: bothFailed(reason, &SaveError{"Could not open config file for writing", path, err})}
	}
	w.goInPlace(reason)
	return nil
}
