package main

import (
	"fmt"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/internal/words"
)

// noLimit is what cgroup v1 says when there is none, rounded down to pages: more
// memory than any machine has.
const noLimit = 1 << 60

// heapShare is how much of a cgroup's memory the Go runtime may use. The rest is
// for what it does not count: the program itself and buffers of the kernel.
const heapShare = 0.75

// limitMemory derives the memory limit of the Go runtime from the cgroup, and says
// so. Without one, garbage is collected when the heap has doubled, and the kernel
// kills or throttles the process before that.
func limitMemory(ofCgroup func() int64) (notice string) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return "" // the operator's word
	}
	limit := ofCgroup()
	if limit <= 0 {
		return ""
	}
	goes := int64(float64(limit) * heapShare)
	debug.SetMemoryLimit(goes)
	return fmt.Sprintf("The cgroup allows %d MiB of memory, so the Go runtime is held to %d MiB (set GOMEMLIMIT for another limit)", limit>>20, goes>>20)
}

// gcPercent is how much the heap may grow before garbage is collected. A Sentinel makes
// little garbage: with 1,000 masters this takes a tenth less memory than Go's 100, and no
// more time that could be measured.
const gcPercent = 50

// collectEarlier sets that, unless the operator says otherwise.
func collectEarlier() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// ownCgroupLimit is [cgroupLimit] of this process.
func ownCgroupLimit() int64 {
	read := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			return "" // not this kind of system, or no such cgroup
		}
		return string(text)
	}
	return cgroupLimit(read("/proc/self/cgroup"), read("/proc/self/mountinfo"), read)
}

// cgroupLimit returns the smallest memory limit, in bytes, of the cgroup that this
// process is in and of those around it, or 0 if there is none. cgroups and mounts
// are the texts of /proc/self/cgroup and /proc/self/mountinfo; read returns that of
// another file, or "".
func cgroupLimit(cgroups, mounts string, read func(name string) string) int64 {
	limit := int64(0)
	for line := range strings.Lines(mounts) {
		m, ok := parseMount(line)
		if !ok {
			continue
		}
		for dir := m.dir(cgroups); ; dir = path.Dir(dir) {
			for _, file := range m.files {
				n, err := strconv.ParseInt(strings.TrimSpace(read(path.Join(dir, file))), 10, 64)
				if err == nil && n > 0 && n < noLimit && (limit == 0 || n < limit) {
					limit = n
				}
			}
			if len(dir) <= len(m.point) {
				break
			}
		}
	}
	return limit
}

// cgroupMount is a mounted hierarchy of cgroups that can limit memory.
type cgroupMount struct {
	root, point string
	controller  string   // as /proc/self/cgroup names it; "" in version 2
	files       []string // that hold limits
}

// parseMount reads a line of /proc/self/mountinfo (proc(5)).
func parseMount(line string) (cgroupMount, bool) {
	before, after, _ := strings.Cut(line, " - ")
	f, kind := strings.Fields(before), strings.Fields(after)
	if len(f) < 5 || len(kind) < 3 {
		return cgroupMount{}, false
	}
	m := cgroupMount{root: f[3], point: f[4]}
	switch {
	case kind[0] == "cgroup2":
		m.files = []string{"memory.max", "memory.high"}
	case kind[0] == "cgroup" && words.Listed(kind[2], "memory"):
		m.controller, m.files = "memory", []string{"memory.limit_in_bytes"}
	default:
		return cgroupMount{}, false
	}
	return m, true
}

// dir returns the directory of the cgroup that this process is in. What is mounted
// may be only a part of the hierarchy, as in a container.
func (m cgroupMount) dir(cgroups string) string {
	for line := range strings.Lines(cgroups) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) < 3 || !(words.Listed(f[1], m.controller)) {
			continue
		}
		below, inside := strings.CutPrefix(f[2]+"/", strings.TrimSuffix(m.root, "/")+"/")
		if inside && !strings.Contains(below, "..") {
			return path.Join(m.point, below)
		}
	}
	return m.point
}
