package configrewrite

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gosentinel/sentinel/internal/atomicfile/memdisk"
	"github.com/gosentinel/sentinel/monitor"
)

var partsChecked int

// In all tests of this package what was rendered of the changed masters is compared with
// the whole, and that is read back.
func init() {
	partCheck = func(d *Document, r rendered, st monitor.State) {
		partsChecked++
		if want := d.Render(r.current, st); !bytes.Equal(r.text, want) {
			panic(fmt.Sprintf("rendered in part:\n%s\nand as a whole:\n%s", r.text, want))
		}
		if err := d.Verify(r.text, st); err != nil {
			panic(fmt.Sprintf("%v:\n%s", err, r.text))
		}
	}
}

// places are the arrangements of files that a state is saved in.
var places = map[string]map[string]string{
	"/etc/sentinel.conf": {"/etc/sentinel.conf": "port 5000\n  sentinel current-epoch 0\nsentinel down-after-milliseconds m1 77\nsentinel monitor m1 10.0.0.1 1 1\n# mine\n"},
	"/etc/sentinel.toml": {"/etc/sentinel.toml": "# mine\n[server]\nport = 5000\n[[master]]\nname = \"m1\"\nhost = \"10.0.0.1\"\nport = 1\nquorum = 1\n"},
	"/var/state":         {"/etc/sentinel.conf": "port 5000\nstate-file /var/state\nsentinel monitor m1 10.0.0.1 1 1\n", "/var/.d": ""},
}

func openPlace(t testing.TB, d *memdisk.Disk) *File {
	t.Helper()
	path := "/etc/sentinel.conf"
	if d.Entries[path] == nil {
		path = "/etc/sentinel.toml"
	}
	f, err := Loader{StartDir: "/etc", FS: d}.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// nextState returns what st may be at the next save: mostly some masters have changed.
func nextState(r *rand.Rand, st monitor.State, format Format) monitor.State {
	st.Masters = append([]*monitor.MasterState(nil), st.Masters...)
	for i, m := range st.Masters {
		c := *m
		switch r.IntN(6) {
		case 0:
			st.Masters[i] = randomMaster(r, m.Name, &st, format)
		case 1:
			c.LeaderEpoch, c.VoteUnknown = c.LeaderEpoch+1, r.IntN(4) == 0
			st.Masters[i] = &c
		case 2:
			c.Replicas, c.Sentinels = c.Replicas[:len(c.Replicas)/2], nil
			st.Masters[i] = &c
		}
	}
	switch n := len(st.Masters); r.IntN(12) {
	case 0:
		st.CurrentEpoch++
	case 1:
		st.Options.AnnouncePort = r.IntN(3)
	case 2:
		st.Masters = append(st.Masters, randomMaster(r, fmt.Sprintf("new %d", r.IntN(1000)), &st, format))
	case 3:
		if n > 1 {
			st.Masters = append(st.Masters[:n-2:n-2], st.Masters[n-1])
		}
	case 4:
		if n > 1 {
			st.Masters[0], st.Masters[1] = st.Masters[1], st.Masters[0]
		}
	}
	return st
}

// TestPartIsTheWhole saves states one after the other, with edits, failures and
// predictions in between.
func TestPartIsTheWhole(t *testing.T) {
	before := partsChecked
	for place, files := range places {
		for seed := range uint64(60) {
			r := rand.New(rand.NewPCG(seed, 14))
			d := memdisk.New(files)
			f := openPlace(t, d)
			format := f.writer.source.Format
			st := randomState(r, format)
			if st.Options.MyID == "" {
				st.Options.MyID = idA
			}
			for range 12 {
				was := d.Entries[place]
				switch r.IntN(8) {
				case 0:
					d.FailAt, d.Err, d.Short = d.Steps+1+r.IntN(6), syscall.ENOSPC, r.IntN(2) == 0
				case 1:
					f.Prepare(nextState(r, st, format))
				case 2:
					f.Prepare(st)
				case 3:
					if was != nil {
						d.Entries[place] = &memdisk.File{Data: append([]byte("# edited\n"), was.Data...), Mode: was.Mode}
					}
				}
				err := f.Save(st)
				if failed := d.FailAt != 0; err != nil && !failed {
					t.Fatalf("%s, seed %d: %v", place, seed, err)
				}
				d.FailAt = 0
				if now := d.Entries[place]; err == nil {
					if err := f.writer.Verify(now.Data, st); err != nil && len(f.left) == 0 {
						t.Fatalf("%s, seed %d: %v\n%s", place, seed, err, now.Data)
					}
				}
				st = nextState(r, st, format)
			}
		}
	}
	if n := partsChecked - before; n < 500 {
		t.Errorf("only %d saves were of what had changed", n)
	}
}

// TestPartAndPowerCuts cuts the power at each step of a save of what has changed, and
// lets each step fail: the file is the whole old or the whole new one, and the next
// save is right.
func TestPartAndPowerCuts(t *testing.T) {
	for place, files := range places {
		for step := 1; ; step++ {
			for _, crash := range []bool{false, true} {
				d := memdisk.New(files)
				f := openPlace(t, d)
				st := grown(f.State())
				for range 2 {
					if err := f.Save(st); err != nil {
						t.Fatal(err)
					}
					st = grown(st)
				}
				old, before := string(d.Entries[place].Data), partsChecked
				d.FailAt, d.Err, d.Crash, d.Short = d.Steps+step, syscall.EIO, crash, true
				cut := false
				err := func() error {
					defer func() { _, cut = recover().(memdisk.PowerCut) }()
					return f.Save(st)
				}()
				if d.Steps < d.FailAt {
					break
				}
				if partsChecked == before {
					t.Fatalf("%s: the save was not one of what had changed", place)
				}
				after := nextWhole(t, f, st, old)
				for _, text := range d.AfterPowerCut(place) {
					if (cut || err != nil) && text != old && text != after {
						t.Fatalf("%s: after step %d the file may be\n%s", place, step, text)
					}
				}
				if d.FailAt = 0; !cut {
					if err := f.Save(st); err != nil || string(d.Durable[place].Synced) != after {
						t.Fatalf("%s: after a failure of step %d: %v\n%q\nwant\n%q", place, step, err, d.Durable[place].Synced, after)
					}
				}
			}
			if step > 30 {
				t.Fatal("no end")
			}
			if stepsOf(t, files, place) < step {
				break
			}
		}
	}
}

func nextWhole(t *testing.T, f *File, st monitor.State, old string) string {
	t.Helper()
	return string(f.writer.knowing(f.known).Render([]byte(old), st))
}

// stepsOf counts the steps of a save.
func stepsOf(t *testing.T, files map[string]string, place string) int {
	d := memdisk.New(files)
	f := openPlace(t, d)
	st := grown(f.State())
	if err := f.Save(st); err != nil {
		t.Fatal(err)
	}
	before := d.Steps
	if err := f.Save(grown(st)); err != nil {
		t.Fatal(err)
	}
	return d.Steps - before
}

// TestPartAndOthers: whatever somebody else does to the file between two saves, the
// next save keeps the edit and holds the whole state.
func TestPartAndOthers(t *testing.T) {
	const mine = "# what I know: a"
	for name, c := range map[string]struct {
		do   func(t *testing.T, path string, text string)
		want string
	}{
		"nothing": {func(*testing.T, string, string) {}, mine},
		"an edit": {func(t *testing.T, path, text string) { writeText(t, path, text+"# more\n") }, "# more\n"},
		"an edit of the same length that shows in no time": {func(t *testing.T, path, text string) {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if _, err := file.WriteAt([]byte("b"), int64(strings.Index(text, mine)+len(mine)-1)); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
		}, "# what I know: b"},
		"another file": {func(t *testing.T, path, text string) {
			writeText(t, path+".new", text+"# another\n")
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}, "# another\n"},
		"an older file": {func(t *testing.T, path, text string) {
			writeText(t, path, strings.ReplaceAll(text, "current-epoch 3", "current-epoch 1"))
		}, "current-epoch 6"},
		"no file": {func(t *testing.T, path, text string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}, mine},
	} {
		path := filepath.Join(t.TempDir(), "sentinel.conf")
		writeText(t, path, mine+"\nsentinel monitor m 10.0.0.1 6379 2\nsentinel monitor n 10.0.0.2 6379 2\n")
		f := mustLoad(t, path)
		st := grown(f.State())
		if err := f.Save(st); err != nil {
			t.Fatal(err)
		}
		c.do(t, path, readText(t, path))
		for range 3 {
			st = grown(st)
			if err := f.Save(st); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		text := readText(t, path)
		if err := f.writer.Verify([]byte(text), st); err != nil || !strings.Contains(strings.ReplaceAll(text, "current-epoch 12", "current-epoch 6"), c.want) {
			t.Errorf("after %s: %v\n%s", name, err, text)
		}
	}
}

// TestPartAndLostPermission: a save that is refused fails, and the next one that is
// not holds everything.
func TestPartAndLostPermission(t *testing.T) {
	for place, files := range places {
		d := memdisk.New(files)
		f := openPlace(t, d)
		st := grown(f.State())
		for _, refused := range []string{"", "", "create", "rename", "opendir", "", "syncdir", ""} {
			d.Refuse = func(op string) error {
				if op == refused || refused != "" && op == "update" {
					return syscall.EIO
				}
				return nil
			}
			st = grown(st)
			if err := f.Save(st); (err != nil) != (refused != "") {
				t.Fatalf("%s: refused %q: %v", place, refused, err)
			}
			if refused == "" {
				if err := f.writer.Verify(d.Entries[place].Data, st); err != nil {
					t.Fatalf("%s: %v", place, err)
				}
			}
		}
	}
}

func BenchmarkSave(b *testing.B) {
	check := partCheck
	partCheck = nil
	defer func() { partCheck = check }()
	for _, name := range []string{"sentinel.conf", "sentinel.toml"} {
		for _, n := range []int{1000, 10000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				path := filepath.Join(b.TempDir(), name)
				writeText(b, path, "# mine\n")
				f := mustLoad(b, path)
				st := manyMasters(n)
				for range 2 {
					if err := f.Save(st); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportAllocs()
				for b.Loop() {
					m := *st.Masters[7]
					m.LeaderEpoch++
					st.CurrentEpoch = m.LeaderEpoch
					st.Masters = append([]*monitor.MasterState(nil), st.Masters...)
					st.Masters[7] = &m
					if err := f.Save(st); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
