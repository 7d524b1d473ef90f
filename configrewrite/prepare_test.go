package configrewrite

import (
	"strings"
	"syscall"
	"testing"

	"github.com/gosentinel/sentinel/internal/atomicfile/memdisk"
	"github.com/gosentinel/sentinel/monitor"
)

// TestPrepare saves a state that was prepared, and others that were not: what is in the
// file afterwards is the same as without Prepare, and nothing is left beside it.
func TestPrepare(t *testing.T) {
	const rest = "protected-mode no\n"
	for name, c := range map[string]struct {
		between func(d *memdisk.Disk, st *monitor.State, live *Live)
		wants   string // part of the file
		steps   int    // 0: as many as it takes
	}{
		"the same":      {nil, "current-epoch 7", 2},
		"another state": {func(_ *memdisk.Disk, st *monitor.State, _ *Live) { st.CurrentEpoch = 8 }, "current-epoch 8", 0},
		"another log level": {func(_ *memdisk.Disk, _ *monitor.State, live *Live) { live.LogLevel = "debug" },
			"loglevel debug", 0},
		"an edit": {func(d *memdisk.Disk, _ *monitor.State, _ *Live) {
			d.Entries[confPath] = &memdisk.File{Data: append(d.Entries[confPath].Data, "maxclients 99\n"...)}
		}, "maxclients 99", 0},
		"a full directory": {func(d *memdisk.Disk, _ *monitor.State, _ *Live) {
			d.FailAt, d.Err = d.Steps+1, syscall.ENOSPC // of the rename; the second try works
		}, "current-epoch 7", 0},
	} {
		d := memdisk.New(map[string]string{confPath: rest + protected["s.conf"]})
		f, err := Loader{StartDir: "/etc", FS: d}.Load(confPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		var live Live
		f.Track(func() Live { return live })
		st := grown(f.State())
		if err := f.Save(st); err != nil {
			t.Fatal(err)
		}
		was := string(d.Entries[confPath].Data)
		st = grown(st)
		st.CurrentEpoch = 7
		f.Prepare(st)
		if string(d.Entries[confPath].Data) != was || len(d.Entries) != 2 {
			t.Fatalf("%s: Prepare has changed the file, or made %d beside it", name, len(d.Entries)-1)
		}
		if c.between != nil {
			c.between(d, &st, &live)
		}
		before := d.Steps
		if err := f.Save(st); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		text := d.Entries[confPath].Data
		if c.steps != 0 && d.Steps-before != c.steps || len(d.Entries) != 1 || !strings.Contains(string(text), c.wants) || !strings.Contains(string(text), rest) {
			t.Errorf("%s: %d steps, %d files beside it, and the file holds\n%s", name, d.Steps-before, len(d.Entries)-1, text)
		}
		if err := f.writer.With(live).Verify(text, st); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDiscard removes what lies ready when the process ends.
func TestDiscard(t *testing.T) {
	d := memdisk.New(map[string]string{confPath: protected["s.conf"]})
	f, err := Loader{StartDir: "/etc", FS: d}.Load(confPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.Prepare(grown(f.State()))
	if f.Discard(); len(d.Entries) != 1 {
		t.Errorf("%d files are left beside the configuration", len(d.Entries)-1)
	}
}
