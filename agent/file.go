package agent

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/internal/atomicfile"
)

// FileSettings are those of all targets that are files.
type FileSettings struct {
	File string `toml:"file"`
	// Mode is that of a file that did not exist, such as "0640". Empty means 0644.
	Mode string `toml:"mode"`
	// Validate is run before the file is replaced; {file} in it is a file beside it with
	// the new content. If its status is not 0, the old file stays.
	Validate Command `toml:"validate"`
	// Command is run after the file has been replaced.
	Command Command `toml:"command"`
	// Timeout bounds each of the two. 0 means 30 s.
	Timeout time.Duration `toml:"timeout"`

	mode fs.FileMode
}

func (f *FileSettings) check(wrong problems, dir string) {
	absolute(dir, &f.File)
	f.mode = 0o644
	if f.Mode != "" {
		m, err := strconv.ParseUint(f.Mode, 8, 32)
		if err != nil || m > 0o777 {
			wrong("mode", `write it like "0640"`, "mode %q is no file mode", f.Mode)
		}
		f.mode = fs.FileMode(m)
	}
}

// needFile objects to a target without a file.
func (f *FileSettings) needFile(wrong problems) {
	if f.File == "" {
		wrong("file", `add file = "…"`, "the target does not say which file to write")
	}
}

// renderer makes the content that a file should have from the content that it has.
// If the file does not exist, current is nil. notes are for the log when the content
// is put in place.
type renderer func(current []byte, s Snapshot) (wanted []byte, notes []string, err error)

// fileWorker keeps a file in line.
type fileWorker struct {
	FileSettings
	render renderer
	words  fileWords
	log    *slog.Logger

	last   []byte // that was read
	writer *atomicfile.Writer
}

// fileWords are what the log says.
type fileWords struct{ saving, ran string }

// maxFile bounds a file that is changed.
const maxFile = 16 << 20

func (w *fileWorker) plan(_ context.Context, s Snapshot) (*plan, error) {
	if info, err := os.Stat(w.File); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil, failedf(causeRead, "%s is no regular file", w.File) // opening a pipe would wait for ever
	}
	current, seen, _, err := atomicfile.ReadAgain(atomicfile.Disk{}, w.File, w.last)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case missing:
		current = nil
	case err != nil:
		return nil, failed(causeRead, err)
	case len(current) > maxFile:
		return nil, failedf(causeRead, "%s is larger than %d MiB", w.File, maxFile>>20)
	case current == nil:
		current = []byte{}
	}
	w.last = current
	wanted, notes, err := w.render(current, s)
	var wait *waiting
	switch {
	case errors.As(err, &wait):
		return nil, err
	case err != nil:
		return nil, failed(causeRender, err)
	}
	same := !missing && bytes.Equal(current, wanted)
	switch {
	case !same:
		return &plan{unified(w.File, current, wanted), func(ctx context.Context) error { return w.put(ctx, current, wanted, seen, notes) }}, nil
	case w.due():
		return &plan{"+ run " + w.Command.String() + " for the change before", w.follow}, nil
	}
	return nil, nil
}

// put gives the file its new content and runs what has to be run.
func (w *fileWorker) put(ctx context.Context, current, wanted []byte, seen *atomicfile.Seen, notes []string) error {
	if err := w.validate(ctx, wanted); err != nil {
		return err
	}
	for _, n := range notes {
		w.log.Info(n, "file", w.File)
	}
	w.log.Info(w.words.saving, "file", w.File)
	if err := w.mark(); err != nil {
		return failed(causeWrite, err)
	}
	if w.writer == nil {
		atomicfile.RemoveStrays(atomicfile.Disk{}, w.File, time.Now())
		w.writer = &atomicfile.Writer{
			FS: atomicfile.Disk{}, Path: w.File, NewPerm: w.mode, Plain: true,
			Warn: func(text string) { w.log.Warn(text, "file", w.File) },
		}
	}
	if err := w.writer.Write(wanted, seen); err != nil {
		return failed(causeWrite, err)
	}
	w.log.Info("config updated with new content", "file", w.File)
	w.log.Debug(unified(w.File, current, wanted))
	return w.follow(ctx)
}

// beside returns the name of a file beside the one of the target. It begins with a
// dot, which keeps it out of most patterns, and keeps the extension, by which some
// programs tell what they read.
func (w *fileWorker) beside(what string) string {
	dir, name := filepath.Split(w.File)
	ext := filepath.Ext(name)
	return filepath.Join(dir, "."+strings.TrimSuffix(name, ext)+"."+what+ext)
}

// validate has the new content checked before it gets the name of the file.
func (w *fileWorker) validate(ctx context.Context, wanted []byte) error {
	if !w.Validate.set() {
		return nil
	}
	path := w.beside("gosentinel-check")
	defer os.Remove(path)
	mode := w.mode
	if info, err := os.Stat(w.File); err == nil {
		mode = info.Mode().Perm()
	}
	if err := writeNew(path, wanted, mode); err != nil {
		return failed(causeWrite, err)
	}
	_, err := w.Validate.run(ctx, path, nil, w.Timeout)
	if err != nil {
		return failedf(causeValidate, "the old file stays: %w", err)
	}
	return nil
}

// writeNew makes a file in the place of what may be there, and does not follow a link that
// somebody has put there.
func writeNew(path string, content []byte, mode fs.FileMode) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

// The mark says that the command is due: the file was or is about to be replaced, and
// the command has not succeeded since. It outlives a crash of this process. A crash of
// the machine needs no mark, as all programs begin anew then.

func (w *fileWorker) mark() error {
	if !w.Command.set() {
		return nil
	}
	return writeNew(w.beside("gosentinel-due"), nil, 0o600)
}

func (w *fileWorker) due() bool {
	if !w.Command.set() {
		return false
	}
	_, err := os.Stat(w.beside("gosentinel-due"))
	return err == nil
}

// follow runs the command and removes the mark.
func (w *fileWorker) follow(ctx context.Context) error {
	if !w.Command.set() {
		return nil
	}
	output, err := w.Command.run(ctx, w.File, nil, w.Timeout)
	if err != nil {
		return failed(causeCommand, err)
	}
	w.log.Info(w.words.ran+output, "file", w.File)
	return failed(causeWrite, os.Remove(w.beside("gosentinel-due")))
}
