package configrewrite

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// memDisk is a file system that can break and lose power at any step. It keeps
// apart what programs see and what is durable: the content of a file is durable
// after its sync, an entry of a directory after the sync of the directory.
type memDisk struct {
	entries, durable map[string]*memFile // name to file: as seen, and on the platter

	steps  int   // operations so far that change something
	failAt int   // number of the step that fails; 0 = none
	err    error // with what
	short  bool  // a failing write writes half, and says so
	crash  bool  // the step happens, then the power goes
}

type memFile struct {
	data, synced []byte
	mode         fs.FileMode
}

// powerCut is the panic that ends a program at once.
type powerCut struct{}

func newMemDisk(files map[string]string) *memDisk {
	d := &memDisk{entries: map[string]*memFile{}, durable: map[string]*memFile{}}
	for name, text := range files {
		d.entries[name] = &memFile{data: []byte(text), synced: []byte(text), mode: 0o640}
	}
	d.durable = maps.Clone(d.entries)
	return d
}

// step counts an operation, and returns the error that it must fail with.
func (d *memDisk) step(do func()) error {
	d.steps++
	if d.steps != d.failAt {
		do()
		return nil
	}
	if d.crash {
		do()
		panic(powerCut{})
	}
	return d.err
}

// afterPowerCut returns every content that name may have after a power cut: the
// directory entry may be old or new, and of a file that was not synced any part
// may be there.
func (d *memDisk) afterPowerCut(name string) []string {
	var contents []string
	for _, dir := range []map[string]*memFile{d.durable, d.entries} {
		f, ok := dir[name]
		if !ok {
			contents = append(contents, "<none>")
			continue
		}
		contents = append(contents, string(f.synced))
		if string(f.data) != string(f.synced) {
			contents = append(contents, string(f.data), string(f.data[:len(f.data)/2]))
		}
	}
	return contents
}

func (d *memDisk) ReadFile(name string) ([]byte, error) {
	f, ok := d.entries[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOENT}
	}
	return slices.Clone(f.data), nil
}

func (d *memDisk) Stat(name string) (fs.FileInfo, error) {
	f, ok := d.entries[name]
	if !ok {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: syscall.ENOENT}
	}
	return memInfo{name, f.mode}, nil
}

func (d *memDisk) RealPath(name string) (string, error)  { return name, nil }
func (d *memDisk) ReadDir(string) ([]fs.DirEntry, error) { return nil, nil }
func (d *memDisk) Glob(string) ([]string, error)         { return nil, nil }
func (d *memDisk) CanWrite(string) error                 { return d.step(func() {}) }

func (d *memDisk) Create(name string, perm fs.FileMode) (writeFile, error) {
	f := &memFile{mode: perm}
	if err := d.step(func() { d.entries[name] = f }); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &memHandle{d, f}, nil
}

func (d *memDisk) Rename(from, to string) error {
	return d.step(func() {
		d.entries[to] = d.entries[from]
		delete(d.entries, from)
	})
}

func (d *memDisk) Remove(name string) error {
	return d.step(func() { delete(d.entries, name) })
}

func (d *memDisk) SyncDir(string) error {
	return d.step(func() { d.durable = maps.Clone(d.entries) })
}

type memHandle struct {
	d *memDisk
	f *memFile
}

func (h *memHandle) Write(p []byte) (int, error) {
	n := len(p)
	err := h.d.step(func() { h.f.data = append(h.f.data, p...) })
	if err != nil {
		n = len(p) / 2
		h.f.data = append(h.f.data, p[:n]...)
		if h.d.short {
			err = nil
		}
	}
	return n, err
}

func (h *memHandle) LikeFile(info fs.FileInfo) error {
	return h.d.step(func() { h.f.mode = info.Mode() })
}
func (h *memHandle) Sync() error  { return h.d.step(func() { h.f.synced = slices.Clone(h.f.data) }) }
func (h *memHandle) Close() error { return h.d.step(func() {}) }

type memInfo struct {
	name string
	mode fs.FileMode
}

func (i memInfo) Name() string       { return path.Base(i.name) }
func (i memInfo) Size() int64        { return 0 }
func (i memInfo) Mode() fs.FileMode  { return i.mode }
func (i memInfo) ModTime() time.Time { return time.Time{} }
func (i memInfo) IsDir() bool        { return false }
func (i memInfo) Sys() any           { return nil }

const (
	target     = "/etc/sentinel.conf"
	oldContent = "the old content\n"
	newContent = "the new content, which is longer\n"
)

func newDiskWithOld() *memDisk { return newMemDisk(map[string]string{target: oldContent}) }

// stepsOfReplace is how many steps an undisturbed replacement takes.
func stepsOfReplace(t *testing.T) int {
	t.Helper()
	d := newDiskWithOld()
	if err := replaceFile(d, target, []byte(newContent), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := d.afterPowerCut(target); got[0] != newContent || got[1] != newContent {
		t.Fatalf("success was reported, but a power cut leaves %q", got)
	}
	if len(d.entries) != 1 || d.entries[target].mode != 0o640 {
		t.Fatalf("stray files or a changed mode: %v", d.entries)
	}
	const want = 7 // create, write, mode, sync, close, rename, sync directory
	if d.steps != want {
		t.Fatalf("%d steps instead of %d: adapt the tests below", d.steps, want)
	}
	return d.steps
}

// TestPowerCut pulls the plug after each step: what is found is the whole old
// or the whole new file.
func TestPowerCut(t *testing.T) {
	for step := range stepsOfReplace(t) {
		d := newDiskWithOld()
		d.failAt, d.crash = step+1, true
		func() {
			defer func() {
				if _, cut := recover().(powerCut); !cut {
					t.Errorf("step %d: no power cut happened", step+1)
				}
			}()
			_ = replaceFile(d, target, []byte(newContent), 0o644)
		}()
		for _, content := range d.afterPowerCut(target) {
			if content != oldContent && content != newContent {
				t.Errorf("a power cut after step %d leaves %q", step+1, content)
			}
		}
	}
}

// TestFailingStep makes each step fail with each error: the caller is told the
// step, the path and the cause, the old file stays, and nothing is left behind.
func TestFailingStep(t *testing.T) {
	steps := []string{
		"Could not create tmp config file", "Failed after writing (16) bytes to tmp config file", "Could not chmod config file",
		"Could not sync tmp config file to disk", "Could not close tmp config file", "Could not rename tmp config file to",
		"Could not sync config file dir",
	}
	if n := stepsOfReplace(t); n != len(steps) {
		t.Fatalf("%d steps, %d names", n, len(steps))
	}
	for i, name := range steps {
		for _, cause := range []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS, syscall.EACCES} {
			d := newDiskWithOld()
			d.failAt, d.err = i+1, cause
			err := replaceFile(d, target, []byte(newContent), 0o644)
			checkSaveError(t, err, name, cause)
			if len(d.entries) != 1 {
				t.Errorf("%s: a temporary file is left: %v", name, slices.Collect(maps.Keys(d.entries)))
			}
			want := oldContent
			if i == len(steps)-1 {
				want = newContent // renamed, though perhaps not durable
			}
			if got := string(d.entries[target].data); got != want {
				t.Errorf("%s: the file holds %q", name, got)
			}
		}
	}
}

func checkSaveError(t *testing.T, err error, step string, cause error) {
	t.Helper()
	var save *SaveError
	if !errors.As(err, &save) || save.Step != step || !errors.Is(err, cause) {
		t.Errorf("error %v, want step %q and cause %v", err, step, cause)
		return
	}
	if text := err.Error(); !strings.Contains(text, "/etc") || !strings.Contains(text, cause.Error()) {
		t.Errorf("the text %q lacks the path or the cause", text)
	}
}

func TestShortWrite(t *testing.T) {
	d := newDiskWithOld()
	d.failAt, d.err, d.short = 2, syscall.ENOSPC, true
	err := replaceFile(d, target, []byte(newContent), 0o644)
	var save *SaveError
	if !errors.As(err, &save) || !strings.Contains(err.Error(), "short write") {
		t.Errorf("error %v", err)
	}
	if string(d.entries[target].data) != oldContent || len(d.entries) != 1 {
		t.Errorf("files after a short write: %v", d.entries)
	}
}

// TestMountedFile: the file of a container that is mounted on its own cannot be
// renamed over, and the error says what to do.
func TestMountedFile(t *testing.T) {
	d := newDiskWithOld()
	d.failAt, d.err = 6, syscall.EBUSY
	if err := replaceFile(d, target, []byte(newContent), 0o644); err == nil || !strings.Contains(err.Error(), "mount its directory, or set state-file") {
		t.Errorf("error %v", err)
	}
}

// TestRecovery: a full disk makes saves fail and loses nothing; when there is
// space again, the next save succeeds.
func TestRecovery(t *testing.T) {
	d := newMemDisk(map[string]string{target: "port 5\n"})
	f, err := Loader{StartDir: "/etc", fsys: d}.Load(target, nil)
	if err != nil {
		t.Fatal(err)
	}
	st := f.State()
	for epoch := range 5 {
		st.CurrentEpoch++
		d.steps, d.failAt, d.err = 0, 2, syscall.ENOSPC
		if err := f.Save(st); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("Save on a full disk: %v", err)
		}
		d.failAt = 0
		if err := f.Save(st); err != nil {
			t.Fatalf("Save after space returned: %v", err)
		}
		if want := fmt.Sprintf("sentinel current-epoch %d\n", epoch+1); !strings.Contains(string(d.durable[target].synced), want) {
			t.Fatalf("%q is not durable", want)
		}
	}
}

func TestCheckWritableErrors(t *testing.T) {
	steps := []struct {
		dir  bool
		text string
	}{
		{false, "Sentinel config file /etc/sentinel.conf is not writable: permission denied"}, // open
		{true, "its directory is not writable: permission denied"},                            // create
		{}, // close: the file was made, so one can be made
		{true, "its directory is not writable: permission denied"}, // remove
		{}, // none fails
	}
	for i, want := range steps {
		d := newDiskWithOld()
		d.failAt, d.err = i+1, syscall.EACCES
		err := checkWritable(d, target)
		if want.text == "" {
			if err != nil || len(d.entries) != 1 {
				t.Errorf("step %d: %v, files %v", i+1, err, d.entries)
			}
			continue
		}
		var not *NotWritableError
		if !errors.As(err, &not) || not.Dir != want.dir || !strings.Contains(err.Error(), want.text) || !errors.Is(err, syscall.EACCES) {
			t.Errorf("step %d: %v", i+1, err)
		}
	}
}
