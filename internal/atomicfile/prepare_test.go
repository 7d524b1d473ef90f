package atomicfile_test

import (
	"syscall"
	"testing"

	"github.com/gosentinel/sentinel/internal/atomicfile"
	"github.com/gosentinel/sentinel/internal/atomicfile/memdisk"
)

// stepsOfCommit are rename and sync of the directory.
const stepsOfCommit = 2

func content(d *memdisk.Disk) string { return string(d.Entries[target].Data) }

func TestPrepare(t *testing.T) {
	d := newDiskWithOld()
	w := writerOn(d)
	_, seen, _, _ := atomicfile.Read(d, target)
	if !w.Prepare([]byte(newContent), seen) || content(d) != oldContent || len(d.Entries) != 2 {
		t.Fatalf("after Prepare the file holds %q, beside %d others", content(d), len(d.Entries)-1)
	}
	before := d.Steps
	if err := w.Commit(); err != nil || d.Steps != before+stepsOfCommit {
		t.Fatalf("error %v, %d steps", err, d.Steps-before)
	}
	if got := d.AfterPowerCut(target); got[0] != newContent || got[1] != newContent || len(d.Entries) != 1 {
		t.Errorf("a power cut leaves %q, beside %d others", got, len(d.Entries)-1)
	}
}

// TestPreparedInVain has a file ready that is not wanted any more: nothing is left of
// it, and the content is what was there or what is written instead.
func TestPreparedInVain(t *testing.T) {
	for name, c := range map[string]struct {
		then func(t *testing.T, d *memdisk.Disk, w *atomicfile.Writer)
		want string
	}{
		"discarded": {func(_ *testing.T, _ *memdisk.Disk, w *atomicfile.Writer) { w.Discard() }, oldContent},
		"another one is written": {func(t *testing.T, _ *memdisk.Disk, w *atomicfile.Writer) {
			if err := w.Write([]byte("other\n"), nil); err != nil {
				t.Error(err)
			}
		}, "other\n"},
		"changed by others": {func(t *testing.T, d *memdisk.Disk, w *atomicfile.Writer) {
			d.Entries[target] = &memdisk.File{Data: []byte("the operator's\n")}
			if err := w.Commit(); !atomicfile.Changed(err) {
				t.Errorf("error %v", err)
			}
		}, "the operator's\n"},
		"cannot be renamed": {func(t *testing.T, d *memdisk.Disk, w *atomicfile.Writer) {
			d.FailAt, d.Err = d.Steps+1, syscall.EIO
			checkSaveError(t, w.Commit(), "Could not rename tmp config file to", syscall.EIO)
		}, oldContent},
	} {
		d := newDiskWithOld()
		w := writerOn(d)
		_, seen, _, _ := atomicfile.Read(d, target)
		if !w.Prepare([]byte(newContent), seen) {
			t.Fatal("nothing was prepared")
		}
		c.then(t, d, w)
		if content(d) != c.want || len(d.Entries) != 1 {
			t.Errorf("%s: the file holds %q, beside %d others", name, content(d), len(d.Entries)-1)
		}
	}
}

// TestNothingIsPrepared: where a step fails, and where files are written in place.
func TestNothingIsPrepared(t *testing.T) {
	for step := range stepsOfReplace(t) - stepsOfCommit {
		d := newDiskWithOld()
		d.FailAt, d.Err = step+1, syscall.ENOSPC
		if w := writerOn(d); w.Prepare([]byte(newContent), nil) || len(d.Entries) != 1 || content(d) != oldContent {
			t.Errorf("step %d: %d files, content %q", step+1, len(d.Entries), content(d))
		}
	}
	d := mounted(oldContent)
	if inPlace(t, d, false).Prepare([]byte(newContent), nil) {
		t.Error("a write in place was prepared")
	}
}

// TestPowerCutAroundCommit pulls the plug after each step of both parts.
func TestPowerCutAroundCommit(t *testing.T) {
	for step := range stepsOfReplace(t) {
		d := newDiskWithOld()
		d.FailAt, d.Crash = step+1, true
		w := writerOn(d)
		if !losesPower(func() {
			if w.Prepare([]byte(newContent), nil) {
				_ = w.Commit()
			}
		}) {
			t.Errorf("step %d: no power cut happened", step+1)
		}
		for _, left := range d.AfterPowerCut(target) {
			if left != oldContent && left != newContent {
				t.Errorf("a power cut after step %d leaves %q", step+1, left)
			}
		}
	}
}
