package memdisk

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/internal/atomicfile"
)

// Disk is a file system that can break and lose power at any step. It keeps
// apart what programs see and what is durable: the content of a file is durable
// after its sync, an entry of a directory after the sync of the directory.
//
// The fields say what goes wrong, and may be changed between two calls.
type Disk struct {
	Entries, Durable map[string]*File // name to file: as seen, and on the platter

	Steps  int   // operations so far that change something
	FailAt int   // number of the step that fails; 0 = none
	Err    error // with what
	Short  bool  // a failing write writes half, and says so
	Crash  bool  // the step happens, then the power goes
}

// File is the content of a file: as programs see it, and as it was last synced.
type File struct {
	Data, Synced []byte
	Mode         fs.FileMode
}

// PowerCut is the panic that ends a program at once.
type PowerCut struct{}

// New returns a disk on which these files are durable.
func New(files map[string]string) *Disk {
	d := &Disk{Entries: map[string]*File{}, Durable: map[string]*File{}}
	for name, text := range files {
		d.Entries[name] = &File{Data: []byte(text), Synced: []byte(text), Mode: 0o640}
	}
	d.Durable = maps.Clone(d.Entries)
	return d
}

// step counts an operation, and returns the error that it must fail with.
func (d *Disk) step(do func()) error {
	d.Steps++
	if d.Steps != d.FailAt {
		do()
		return nil
	}
	if d.Crash {
		do()
		panic(PowerCut{})
	}
	return d.Err
}

// AfterPowerCut returns every content that name may have after a power cut: the
// directory entry may be old or new, and of a file that was not synced any part
// may be there.
func (d *Disk) AfterPowerCut(name string) []string {
	var contents []string
	for _, dir := range []map[string]*File{d.Durable, d.Entries} {
		f, ok := dir[name]
		if !ok {
			contents = append(contents, "<none>")
			continue
		}
		contents = append(contents, string(f.Synced))
		if string(f.Data) != string(f.Synced) {
			contents = append(contents, string(f.Data), string(f.Data[:len(f.Data)/2]))
		}
	}
	return contents
}

// ReadFile returns what programs see.
func (d *Disk) ReadFile(name string) ([]byte, error) {
	f, ok := d.Entries[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOENT}
	}
	return slices.Clone(f.Data), nil
}

// Stat implements [atomicfile.FileSystem], and so do the other methods.
func (d *Disk) Stat(name string) (fs.FileInfo, error) {
	f, ok := d.Entries[name]
	if !ok {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: syscall.ENOENT}
	}
	return info{name, f.Mode}, nil
}

// RealPath knows no links.
func (d *Disk) RealPath(name string) (string, error) { return name, nil }

// ReadDir finds nothing.
func (d *Disk) ReadDir(string) ([]fs.DirEntry, error) { return nil, nil }

// Glob finds nothing.
func (d *Disk) Glob(string) ([]string, error) { return nil, nil }

// CanWrite is a step.
func (d *Disk) CanWrite(string) error { return d.step(func() {}) }

// Create is a step.
func (d *Disk) Create(name string, perm fs.FileMode) (atomicfile.File, error) {
	f := &File{Mode: perm}
	if err := d.step(func() { d.Entries[name] = f }); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &handle{d, f}, nil
}

// Rename is a step.
func (d *Disk) Rename(from, to string) error {
	return d.step(func() {
		d.Entries[to] = d.Entries[from]
		delete(d.Entries, from)
	})
}

// Remove is a step.
func (d *Disk) Remove(name string) error {
	return d.step(func() { delete(d.Entries, name) })
}

// SyncDir is a step, and makes all entries durable.
func (d *Disk) SyncDir(string) error {
	return d.step(func() { d.Durable = maps.Clone(d.Entries) })
}

// handle is a file being written.
type handle struct {
	d *Disk
	f *File
}

func (h *handle) Write(p []byte) (int, error) {
	n := len(p)
	err := h.d.step(func() { h.f.Data = append(h.f.Data, p...) })
	if err != nil {
		n = len(p) / 2
		h.f.Data = append(h.f.Data, p[:n]...)
		if h.d.Short {
			err = nil
		}
	}
	return n, err
}

func (h *handle) LikeFile(_ string, info fs.FileInfo) error {
	return h.d.step(func() { h.f.Mode = info.Mode() })
}
func (h *handle) Sync() error  { return h.d.step(func() { h.f.Synced = slices.Clone(h.f.Data) }) }
func (h *handle) Close() error { return h.d.step(func() {}) }

type info struct {
	name string
	mode fs.FileMode
}

func (i info) Name() string       { return path.Base(i.name) }
func (i info) Size() int64        { return 0 }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return false }
func (i info) Sys() any           { return nil }
