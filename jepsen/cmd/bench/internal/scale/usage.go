package scale

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// usage is what a process has used since its start.
type usage struct {
	CPU      time.Duration // of all threads that live
	Switches int           // how often they were taken from a processor, or gave it up
	RSS      float64       // MiB, now
}

// usageOf reads /proc. The times there are exact to the nanosecond, other than those of
// getrusage.
func usageOf(pid int) (u usage, err error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	tasks, err := os.ReadDir(filepath.Join(dir, "task"))
	if err != nil {
		return u, err
	}
	for _, t := range tasks {
		text, err := os.ReadFile(filepath.Join(dir, "task", t.Name(), "schedstat"))
		if err != nil {
			continue // the thread has ended
		}
		var ns, waited int64
		var slices int
		if _, err := fmt.Sscan(string(text), &ns, &waited, &slices); err != nil {
			return u, fmt.Errorf("schedstat of %d: %w", pid, err)
		}
		u.CPU += time.Duration(ns)
		u.Switches += slices
	}
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return u, err
	}
	for line := range bytes.Lines(status) {
		if rest, ok := strings.CutPrefix(string(line), "VmRSS:"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				return u, err
			}
			u.RSS = float64(kib) / 1024
		}
	}
	return u, nil
}

// since returns what was used since an earlier moment; memory is that of now.
func (u usage) since(before usage) usage {
	return usage{u.CPU - before.CPU, u.Switches - before.Switches, u.RSS}
}
