package atomicfile_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/gosentinel/sentinel/internal/atomicfile"
	"github.com/gosentinel/sentinel/internal/atomicfile/memdisk"
)

const (
	target     = "/etc/sentinel.conf"
	oldContent = "the old content\n"
	newContent = "the new content, which is longer\n"
)

func newDiskWithOld() *memdisk.Disk { return memdisk.New(map[string]string{target: oldContent}) }

func writerOn(d *memdisk.Disk) *atomicfile.Writer {
	return &atomicfile.Writer{FS: d, Path: target, NewPerm: 0o644}
}

// stepsOfReplace is how many steps an undisturbed replacement takes.
func stepsOfReplace(t *testing.T) int {
	t.Helper()
	d := newDiskWithOld()
	if err := writerOn(d).Write([]byte(newContent), nil); err != nil {
		t.Fatal(err)
	}
	if got := d.AfterPowerCut(target); got[0] != newContent || got[1] != newContent {
		t.Fatalf("success was reported, but a power cut leaves %q", got)
	}
	if len(d.Entries) != 1 || d.Entries[target].Mode != 0o640 {
		t.Fatalf("stray files or a changed mode: %v", d.Entries)
	}
	const want = 8 // open directory, create, write, mode, sync, close, rename, sync directory
	if d.Steps != want {
		t.Fatalf("%d steps instead of %d: adapt the tests below", d.Steps, want)
	}
	return d.Steps
}

// TestPowerCut pulls the plug after each step: what is found is the whole old
// or the whole new file.
func TestPowerCut(t *testing.T) {
	for step := range stepsOfReplace(t) {
		d := newDiskWithOld()
		d.FailAt, d.Crash = step+1, true
		func() {
			defer func() {
				if _, cut := recover().(memdisk.PowerCut); !cut {
					t.Errorf("step %d: no power cut happened", step+1)
				}
			}()
			_ = writerOn(d).Write([]byte(newContent), nil)
		}()
		for _, content := range d.AfterPowerCut(target) {
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
		"Could not open config file dir", "Could not create tmp config file", "Failed after writing (16) bytes to tmp config file", "Could not chmod config file",
		"Could not sync tmp config file to disk", "Could not close tmp config file", "Could not rename tmp config file to",
		"Could not sync config file dir",
	}
	if n := stepsOfReplace(t); n != len(steps) {
		t.Fatalf("%d steps, %d names", n, len(steps))
	}
	for i, name := range steps {
		for _, cause := range []error{syscall.ENOSPC, syscall.EIO} {
			d := newDiskWithOld()
			d.FailAt, d.Err = i+1, cause
			err := writerOn(d).Write([]byte(newContent), nil)
			checkSaveError(t, err, name, cause)
			if len(d.Entries) != 1 {
				t.Errorf("%s: a temporary file is left: %v", name, slices.Collect(maps.Keys(d.Entries)))
			}
			want := oldContent
			if i == len(steps)-1 {
				want = newContent // renamed, though perhaps not durable
			}
			if got := string(d.Entries[target].Data); got != want {
				t.Errorf("%s: the file holds %q", name, got)
			}
		}
	}
}

func checkSaveError(t *testing.T, err error, step string, cause error) {
	t.Helper()
	var save *atomicfile.SaveError
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
	d.FailAt, d.Err, d.Short = 3, syscall.ENOSPC, true
	err := writerOn(d).Write([]byte(newContent), nil)
	var save *atomicfile.SaveError
	if !errors.As(err, &save) || !strings.Contains(err.Error(), "short write") {
		t.Errorf("error %v", err)
	}
	if string(d.Entries[target].Data) != oldContent || len(d.Entries) != 1 {
		t.Errorf("files after a short write: %v", d.Entries)
	}
}
