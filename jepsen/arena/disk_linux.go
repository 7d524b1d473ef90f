package arena

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// diskSize is large enough for the state of a Sentinel many times over.
const diskSize = "4m"

// addDisk makes a small disk of the directory of a Sentinel, which can be filled up and
// held up without harm to anybody else. The mount is seen by the processes of this run only.
func (a *Arena) addDisk(name string) error {
	if a.cfg.Network == nil {
		return nil
	}
	dir := filepath.Join(a.cfg.Dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("jepsen", dir, "tmpfs", 0, "size="+diskSize); err != nil {
		return fmt.Errorf("a small disk at %s: %w", dir, err)
	}
	a.disks = append(a.disks, dir)
	return nil
}

// HasDisks tells whether Sentinels keep their state on disks of their own.
func (a *Arena) HasDisks() bool { return len(a.disks) > 0 }

// keepDisks takes the disks away and leaves the files that were on them.
func (a *Arena) keepDisks() error {
	var errs []error
	for _, dir := range a.disks {
		files, err := filesIn(dir)
		errs = append(errs, err, unix.Unmount(dir, unix.MNT_DETACH))
		for name, text := range files {
			errs = append(errs, os.WriteFile(filepath.Join(dir, name), text, 0o644))
		}
	}
	a.disks = nil
	return errors.Join(errs...)
}

func filesIn(dir string) (map[string][]byte, error) {
	list, err := os.ReadDir(dir)
	files := map[string][]byte{}
	for _, f := range list {
		if !f.Type().IsRegular() {
			continue
		}
		text, readErr := os.ReadFile(filepath.Join(dir, f.Name()))
		if readErr != nil {
			err = errors.Join(err, readErr)
			continue
		}
		files[f.Name()] = text
	}
	return files, err
}
