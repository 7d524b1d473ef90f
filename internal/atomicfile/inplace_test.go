package atomicfile_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/gosentinel/sentinel/internal/atomicfile"
	"github.com/gosentinel/sentinel/internal/atomicfile/memdisk"
)

// always returns what refuses one operation each time.
func always(op string, err error) func(string) error {
	return func(asked string) error {
		if asked == op {
			return err
		}
		return nil
	}
}

// mounted is a disk whose file cannot be replaced, as one that is mounted on its
// own.
func mounted(content string) *memdisk.Disk {
	d := memdisk.New(map[string]string{target: content})
	d.Refuse = always("rename", syscall.EBUSY)
	return d
}

func recovered(file string) string {
	content, _ := atomicfile.Recover([]byte(file))
	return string(content)
}

// inPlace returns a writer that has found out that it must write in place.
func inPlace(t *testing.T, d *memdisk.Disk, plain bool) *atomicfile.Writer {
	t.Helper()
	w := writerOn(d)
	w.Plain = plain
	if err := w.Check(); err != nil {
		t.Fatal(err)
	}
	d.Steps = 0
	return w
}

// versions are contents of different lengths that follow each other.
var versions = []string{
	oldContent,
	strings.Repeat("sentinel known-replica mymaster 10.0.0.1 6379\n", 9) + "sentinel current-epoch 1\n",
	"sentinel current-epoch 2\n",
	strings.Repeat("a line\n", 5) + "without an end",
}

// TestPowerCutInPlace pulls the plug after each step of a write in place, first
// into a file as an operator wrote it and then into one that was written in place
// before. What is recovered is the whole old or the whole new content, and the new
// one once the write has returned. The next start writes, and loses power as well.
func TestPowerCutInPlace(t *testing.T) {
	for _, plain := range []bool{false, true} {
		for i := range versions {
			d := mounted(versions[0])
			w := inPlace(t, d, plain)
			for _, v := range versions[1 : i+1] {
				if err := w.Write([]byte(v), nil); err != nil {
					t.Fatal(err)
				}
			}
			before := string(d.Entries[target].Data)
			next := versions[(i+1)%len(versions)]
			for _, file := range cuts(t, before, next, plain, recovered(before), next) {
				if second := versions[(i+2)%len(versions)]; !noticed(recovered(file)) {
					cuts(t, file, second, plain, recovered(file), second)
				}
			}
		}
	}
}

// cuts writes next into a file, with a power cut after each step in turn, and
// demands that only the given contents are recovered. It returns some of the files
// that are found then.
func cuts(t *testing.T, file, next string, plain bool, allowed ...string) (found []string) {
	t.Helper()
	for step := 1; ; step++ {
		d := mounted(file)
		w := inPlace(t, d, plain)
		d.FailAt, d.Crash = step, true
		done := !losesPower(func() {
			if err := w.Write([]byte(next), nil); err != nil {
				t.Fatal(err)
			}
		})
		if done {
			allowed = []string{next}
		}
		for i, after := range d.AfterPowerCut(target) {
			if got := recovered(after); !among(got, allowed) && !(plain && !done && noticed(got)) {
				t.Fatalf("a power cut after step %d leaves\n%.2000q\nof which is recovered\n%.500q", step, after, recovered(after))
			}
			if i%9 == 2 {
				found = append(found, after)
			}
		}
		if done {
			return found
		}
	}
}

// noticed reports whether a reader refuses what is left: without a seal, which not
// every file can hold, the remains of a copy cannot always be told apart.
func noticed(content string) bool {
	for line := range strings.Lines(content) {
		if strings.Contains(line, "\x00") || strings.TrimSpace(line) != "" && !strings.Contains(line, " ") {
			return true
		}
	}
	return false
}

// among reports whether content is one of those allowed, but for empty lines and
// the beginning of a comment at the end.
func among(content string, allowed []string) bool {
	for _, a := range allowed {
		if strings.TrimRight(content, "\n# ") == strings.TrimRight(a, "\n") {
			return true
		}
	}
	return false
}

func losesPower(do func()) (lost bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, lost = r.(memdisk.PowerCut); !lost {
				panic(r)
			}
		}
	}()
	do()
	return false
}

// TestFailingStepInPlace makes each step of a write in place fail and then, after
// another attempt, the power. Nothing but the contents that were written is ever
// recovered: a write that failed may have left the only whole content in its copy.
func TestFailingStepInPlace(t *testing.T) {
	first, second := versions[1], versions[2]
	for step := 1; ; step++ {
		d := mounted(oldContent)
		w := inPlaceUnchecked(d)
		d.FailAt, d.Err = step, syscall.EIO
		err := w.Write([]byte(first), nil)
		if err == nil {
			if step < 7 {
				t.Fatalf("only %d steps", step)
			}
			return
		}
		var save *atomicfile.SaveError
		if !errors.As(err, &save) || !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), target) {
			t.Errorf("step %d: %v", step, err)
		}
		for again := 1; ; again++ {
			d2 := mounted("")
			*d2.Entries[target] = *d.Entries[target]
			w2 := *w
			w2.FS = d2
			d2.FailAt, d2.Crash = again, true
			done := !losesPower(func() {
				if err := w2.Write([]byte(second), nil); err != nil {
					t.Fatal(err)
				}
			})
			allowed := []string{oldContent, first, second}
			if done {
				allowed = []string{second}
			}
			for _, after := range d2.AfterPowerCut(target) {
				if !among(recovered(after), allowed) {
					t.Fatalf("after a failure of step %d and a power cut at step %d of the next write is recovered\n%q\nof\n%q", step, again, recovered(after), after)
				}
			}
			if done {
				break
			}
		}
	}
}

// inPlaceUnchecked returns a writer that cannot make files at all.
func inPlaceUnchecked(d *memdisk.Disk) *atomicfile.Writer {
	d.Refuse = always("opendir", syscall.EACCES)
	return writerOn(d)
}

// TestRecover: what people and other programs do to a file that was written in
// place is kept.
func TestRecover(t *testing.T) {
	d := mounted(oldContent)
	w := inPlace(t, d, false)
	if err := w.Write([]byte("port 5\nrequirepass x\n"), nil); err != nil {
		t.Fatal(err)
	}
	file := string(d.Entries[target].Data)
	if !strings.HasPrefix(file, "port 5\nrequirepass x\n# gosentinel wrote this file in place: 21 bytes above") {
		t.Fatalf("the file is %q", file)
	}
	bare, seal := file[:21], file[21:]
	holes := strings.Repeat("\x00", len(seal))
	for name, c := range map[string]struct {
		file, want  string
		interrupted bool
	}{
		"a seal begun":        {bare + seal[:9] + holes[9:], bare, true},
		"its last byte alone": {bare + holes[1:] + "\n", bare, true},
		"nothing of a seal":   {bare + holes, bare, true},
		"other zeros":         {bare + holes[1:], bare + holes[1:], false},
		"never written":       {"port 5\n", "port 5\n", false},
		"empty":               {"", "", false},
		"as written":          {file, "port 5\nrequirepass x\n", false},
		"edited":              {strings.Replace(file, "port 5", "port 66", 1), "port 66\nrequirepass x\n", false},
		"appended to":         {file + "maxclients 100\n", "port 5\nrequirepass x\nmaxclients 100\n", false},
		"cut":                 {file[:10], "port 5\nreq", false},
		"a copy begun":        {file + "\n\n#>gosentinel-wri\x00\x00\x00\x00AAAAAA\n#>AAAA", "port 5\nrequirepass x\n", true},
		"a copy begun, added": {file + "\n\n#>gosentinel-wri\x00\x00\x00\x00AAAAAA\n#>AAAA\nmaxclients 5\n", "port 5\nrequirepass x\nmaxclients 5\n", true},
	} {
		got, interrupted := atomicfile.Recover([]byte(c.file))
		if string(got) != c.want || interrupted != c.interrupted {
			t.Errorf("%s: %q, interrupted %v", name, got, interrupted)
		}
	}
}

// TestCopyOfAnEditedFile: a whole copy wins over a torn file, and not over one in
// which somebody has since changed a line and so moved the copy.
func TestCopyOfAnEditedFile(t *testing.T) {
	d := mounted(oldContent)
	w := inPlace(t, d, false)
	d.FailAt, d.Crash = 8, true // the new content is written; the copy not yet cut off
	if !losesPower(func() { _ = w.Write([]byte("port 5\n"), nil) }) {
		t.Fatal("no power cut")
	}
	file := string(d.Entries[target].Data)
	if !strings.Contains(file, "#>end:") {
		t.Fatalf("no copy in %q", file)
	}
	torn := strings.Replace(file, "port 5", "port\x00\x00", 1)
	if got, interrupted := atomicfile.Recover([]byte(torn)); string(got) != "port 5\n" || !interrupted {
		t.Errorf("%q, %v", got, interrupted)
	}
	edited := strings.Replace(file, "port 5\n", "port 26380\n", 1)
	if got, _ := atomicfile.Recover([]byte(edited)); strings.TrimSpace(string(got)) != "port 26380" {
		t.Errorf("the edited file becomes %q", got)
	}
}

// TestFallsInPlace: each way in which a file refuses to be replaced ends in a write
// in place, at the start and while running, and in one warning.
func TestFallsInPlace(t *testing.T) {
	for _, c := range []struct {
		op  string
		err error
	}{
		{"rename", syscall.EBUSY}, {"rename", syscall.EXDEV}, {"rename", syscall.EPERM}, {"rename", syscall.EACCES},
		{"create", syscall.EACCES}, {"create", syscall.EROFS}, {"opendir", syscall.EACCES},
		{"mode", syscall.EPERM}, {"mode", syscall.EOPNOTSUPP}, {"mode", syscall.ENOSYS},
	} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %v late=%v", c.op, c.err, late), func(t *testing.T) {
				d := newDiskWithOld()
				var warnings []string
				w := writerOn(d)
				w.Warn = func(text string) { warnings = append(warnings, text) }
				if !late {
					d.Refuse = always(c.op, c.err)
				}
				if err := w.Check(); err != nil {
					t.Fatal(err)
				}
				if late {
					d.Refuse = always(c.op, c.err)
				}
				for _, v := range versions {
					if err := w.Write([]byte(v), nil); err != nil {
						t.Fatal(err)
					}
					for _, after := range d.AfterPowerCut(target) {
						if !among(recovered(after), []string{v}) {
							t.Errorf("a power cut leaves %q", after)
						}
					}
				}
				if len(d.Entries) != 1 {
					t.Errorf("left behind: %v", d.Entries)
				}
				if len(warnings) != 1 || !strings.Contains(warnings[0], "in place") || !strings.Contains(warnings[0], c.err.Error()) {
					t.Errorf("warnings %q", warnings)
				}
			})
		}
	}
}

// TestDirectoryThatCannotBeSynced: a file system without a sync of directories is
// warned about once; a disk that fails is an error.
func TestDirectoryThatCannotBeSynced(t *testing.T) {
	for _, err := range []error{syscall.EINVAL, syscall.EBADF, syscall.ENOTSUP, syscall.EOPNOTSUPP, syscall.ENOSYS} {
		d := newDiskWithOld()
		d.Refuse = always("syncdir", err)
		warnings := 0
		w := writerOn(d)
		w.Warn = func(string) { warnings++ }
		if err := errors.Join(w.Check(), w.Write([]byte(newContent), nil), w.Write([]byte(oldContent), nil)); err != nil {
			t.Error(err)
		}
		if warnings != 1 {
			t.Errorf("%v: %d warnings", err, warnings)
		}
	}
	d := newDiskWithOld()
	d.Refuse = always("syncdir", syscall.EIO)
	if err := writerOn(d).Write([]byte(newContent), nil); !errors.Is(err, syscall.EIO) {
		t.Errorf("EIO became %v", err)
	}
}

// TestCheck: the start is refused only where neither way works.
func TestCheck(t *testing.T) {
	neither := func(op string) error {
		switch op {
		case "rename":
			return syscall.EBUSY
		case "update":
			return syscall.EROFS
		}
		return nil
	}
	d := newDiskWithOld()
	d.Refuse = neither
	err := writerOn(d).Check()
	var not *atomicfile.NotWritableError
	if !errors.As(err, &not) || not.Dir || !strings.Contains(err.Error(), "device or resource busy") || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("neither way: %v", err)
	}
	if err := writerOn(d).Write([]byte(newContent), nil); !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "rename") {
		t.Errorf("neither way while running: %v", err)
	}
	none := memdisk.New(nil)
	none.Refuse = always("create", syscall.EACCES)
	if err := writerOn(none).Check(); !errors.As(err, &not) || !not.Dir || !strings.Contains(err.Error(), "its directory is not writable: permission denied") {
		t.Errorf("a file that cannot come into being: %v", err)
	}
	d = newDiskWithOld()
	if err := writerOn(d).Check(); err != nil || len(d.Entries) != 1 || string(d.Entries[target].Data) != oldContent || d.Entries[target].Mode != 0o640 {
		t.Errorf("the check changed something: %v %v", err, d.Entries)
	}
}

// TestChangedMeanwhile: what somebody else has put in the place of the file since
// it was read is not overwritten, either way.
func TestChangedMeanwhile(t *testing.T) {
	for _, d := range []*memdisk.Disk{newDiskWithOld(), mounted(oldContent)} {
		w := writerOn(d)
		_, seen, _, err := atomicfile.Read(d, target)
		if err != nil {
			t.Fatal(err)
		}
		d.Entries[target] = &memdisk.File{Data: []byte("the operator's\n")}
		if err := w.Write([]byte(newContent), seen); !atomicfile.Changed(err) {
			t.Errorf("error %v", err)
		}
		if got := string(d.Entries[target].Data); got != "the operator's\n" || len(d.Entries) != 1 {
			t.Errorf("the file holds %q", got)
		}
	}
}
