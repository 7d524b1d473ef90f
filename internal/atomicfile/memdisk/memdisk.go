package memdisk

import (
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
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

	// Refuse returns what is wrong with an operation ("create", "mode", "rename",
	// "opendir", "syncdir", "update") each time, or nil. It may be nil itself.
	Refuse func(op string) error
}

// File is the content of a file: as programs see it, and as it was last synced.
type File struct {
	Data, Synced []byte
	Mode         fs.FileMode

	changes int64 // stands for the time of the last one
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

func (d *Disk) refuse(op string) error {
	if d.Refuse == nil {
		return nil
	}
	return d.Refuse(op)
}

// AfterPowerCut returns many a content that name may have after a power cut: the
// directory entry may be old or new, and of a file that was not synced each sector
// may be as it was or as it was written.
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
			contents = append(contents, string(f.Data))
			contents = append(contents, f.torn()...)
		}
	}
	return contents
}

// sector is how much a disk writes at once. Small and odd, it cuts everywhere.
const sector = 13

// torn returns mixtures of what was synced and what was written since. The size of
// a file follows what was written of it, so it never ends in bytes of neither.
func (f *File) torn() []string {
	var all []string
	rnd := rand.New(rand.NewPCG(uint64(len(f.Data)), uint64(len(f.Synced))))
	for range 12 {
		share := rnd.IntN(8)
		mix := slices.Clone(f.Synced)
		for at := 0; at < len(f.Data); at += sector {
			if rnd.IntN(8) < share {
				continue
			}
			part := f.Data[at:min(len(f.Data), at+sector)]
			if grow := at + len(part) - len(mix); grow > 0 {
				mix = append(mix, make([]byte, grow)...)
			}
			copy(mix[at:], part)
		}
		if len(mix) > len(f.Data) && rnd.IntN(2) == 0 {
			mix = mix[:len(f.Data)]
		}
		all = append(all, string(mix))
	}
	return all
}

// ReadFile returns what programs see.
func (d *Disk) ReadFile(name string) ([]byte, error) {
	f, ok := d.Entries[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOENT}
	}
	return slices.Clone(f.Data), nil
}

// Holds compares with what programs see.
func (d *Disk) Holds(name string, data []byte) bool {
	f, ok := d.Entries[name]
	return ok && string(f.Data) == string(data)
}

// Stat implements [atomicfile.FileSystem], and so do the other methods. There is a
// directory wherever a file is below it.
func (d *Disk) Stat(name string) (fs.FileInfo, error) {
	f, ok := d.Entries[name]
	if !ok {
		for entry := range d.Entries {
			if strings.HasPrefix(entry, strings.TrimSuffix(name, "/")+"/") {
				return info{name: name, then: File{Mode: fs.ModeDir | 0o755}}, nil
			}
		}
		return nil, &fs.PathError{Op: "stat", Path: name, Err: syscall.ENOENT}
	}
	return info{name, *f, f}, nil
}

// RealPath knows no links.
func (d *Disk) RealPath(name string) (string, error) { return name, nil }

// ReadDir finds nothing.
func (d *Disk) ReadDir(string) ([]fs.DirEntry, error) { return nil, nil }

// Glob finds nothing.
func (d *Disk) Glob(string) ([]string, error) { return nil, nil }

// CanWrite is a step.
func (d *Disk) CanWrite(string) error { return d.step(func() {}) }

// Keeps reports true.
func (d *Disk) Keeps(fs.FileInfo) bool { return true }

// Create is a step.
func (d *Disk) Create(name string, perm fs.FileMode) (atomicfile.File, error) {
	f := &File{Mode: perm}
	err := d.refuse("create")
	if err == nil {
		err = d.step(func() { d.Entries[name] = f })
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &handle{d, f}, nil
}

// Update is a step.
func (d *Disk) Update(name string) (atomicfile.Updater, error) {
	f, ok := d.Entries[name]
	err := d.refuse("update")
	switch {
	case !ok:
		err = syscall.ENOENT
	case err == nil:
		err = d.step(func() {})
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &handle{d, f}, nil
}

// Rename is a step.
func (d *Disk) Rename(from, to string) error {
	if err := d.refuse("rename"); err != nil {
		return err
	}
	return d.step(func() {
		d.Entries[to] = d.Entries[from]
		delete(d.Entries, from)
	})
}

// Remove is a step.
func (d *Disk) Remove(name string) error {
	return d.step(func() { delete(d.Entries, name) })
}

// OpenDir is a step.
func (d *Disk) OpenDir(string) (atomicfile.Dir, error) {
	if err := d.refuse("opendir"); err != nil {
		return nil, err
	}
	return dir{d}, d.step(func() {})
}

type dir struct{ d *Disk }

// Sync is a step, and makes all entries durable.
func (h dir) Sync() error {
	if err := h.d.refuse("syncdir"); err != nil {
		return err
	}
	return h.d.step(func() { h.d.Durable = maps.Clone(h.d.Entries) })
}

func (dir) Close() error { return nil }

// handle is a file being written.
type handle struct {
	d *Disk
	f *File
}

func (h *handle) Write(p []byte) (int, error) { return h.WriteAt(p, int64(len(h.f.Data))) }

func (h *handle) WriteAt(p []byte, off int64) (int, error) {
	n := len(p)
	err := h.d.step(func() { h.put(p, int(off)) })
	if err != nil {
		n = len(p) / 2
		h.put(p[:n], int(off))
		if h.d.Short {
			err = nil
		}
	}
	return n, err
}

func (h *handle) put(p []byte, off int) {
	h.f.changes++
	data := slices.Clone(h.f.Data) // Synced may share its bytes
	if grow := off + len(p) - len(data); grow > 0 {
		data = append(data, make([]byte, grow)...)
	}
	copy(data[off:], p)
	h.f.Data = data
}

func (h *handle) Truncate(size int64) error {
	return h.d.step(func() {
		h.f.changes++
		h.f.Data = slices.Clone(h.f.Data[:size])
	})
}

func (h *handle) LikeFile(_ string, info fs.FileInfo) error {
	if err := h.d.refuse("mode"); err != nil {
		return err
	}
	return h.d.step(func() { h.f.Mode = info.Mode() })
}
func (h *handle) Sync() error  { return h.d.step(func() { h.f.Synced = slices.Clone(h.f.Data) }) }
func (h *handle) Close() error { return h.d.step(func() {}) }

// info is what a file was like at some moment.
type info struct {
	name string
	then File
	f    *File
}

func (i info) Name() string       { return path.Base(i.name) }
func (i info) Size() int64        { return int64(len(i.then.Data)) }
func (i info) Mode() fs.FileMode  { return i.then.Mode }
func (i info) ModTime() time.Time { return time.Unix(i.then.changes, 0) }
func (i info) IsDir() bool        { return i.then.Mode.IsDir() }
func (i info) Sys() any           { return i.f }
