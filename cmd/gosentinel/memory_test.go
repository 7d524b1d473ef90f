package main

import (
	"math"
	"runtime/debug"
	"testing"
)

// TestMemoryLimitOfOperator: GOMEMLIMIT in the environment wins over the cgroup.
func TestMemoryLimitOfOperator(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64))
	const all = 1 << 30
	limit := func() int64 { return all }
	t.Setenv("GOMEMLIMIT", "100MiB")
	if notice := limitMemory(limit); notice != "" || debug.SetMemoryLimit(-1) != math.MaxInt64 {
		t.Errorf("the limit is %d, %q", debug.SetMemoryLimit(-1), notice)
	}
	t.Setenv("GOMEMLIMIT", "")
	if notice := limitMemory(limit); notice == "" || debug.SetMemoryLimit(-1) != all*3/4 {
		t.Errorf("the limit is %d, %q", debug.SetMemoryLimit(-1), notice)
	}
}

// TestCollectEarlier: GOGC in the environment wins.
func TestCollectEarlier(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(200))
	t.Setenv("GOGC", "200")
	if collectEarlier(); debug.SetGCPercent(200) != 200 {
		t.Error("the word of the operator does not count")
	}
	t.Setenv("GOGC", "")
	if collectEarlier(); debug.SetGCPercent(200) != gcPercent {
		t.Error("nothing was set")
	}
}

// TestMemoryLimitOfCgroup: the limit is found in both versions, wherever the cgroup
// is mounted, and the smallest one counts.
func TestMemoryLimitOfCgroup(t *testing.T) {
	const (
		v1     = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
		v1Part = "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,cpu,memory\n"
		v2     = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
		other  = "36 31 0:33 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n22 1 0:20 / /proc rw - proc proc rw\nbroken\n"
		none   = "9223372036854771712\n"
	)
	for _, c := range []struct {
		name, cgroups, mounts string
		files                 map[string]string
		want                  int64
	}{
		{"no cgroups", "", other, nil, 0},
		{"v1", "4:memory:/a/b\n", v1 + other, map[string]string{"/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "33554432\n"}, 32 << 20},
		{"v1, several controllers", "1:cpu:/x\n4:cpu,memory:/a\n", v1, map[string]string{"/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "100\n"}, 100},
		{"v1, none", "4:memory:/a\n", v1, map[string]string{"/sys/fs/cgroup/memory/a/memory.limit_in_bytes": none, "/sys/fs/cgroup/memory/memory.limit_in_bytes": none}, 0},
		{"v1, of the one around", "4:memory:/a/b/c\n", v1, map[string]string{"/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "7", "/sys/fs/cgroup/memory/a/b/c/memory.limit_in_bytes": "9"}, 7},
		{"v1, in a container", "4:cpu,memory:/docker/abc\n", v1Part, map[string]string{"/sys/fs/cgroup/memory/memory.limit_in_bytes": "5"}, 5},
		{"v1, below a container", "4:cpu,memory:/docker/abc/x\n", v1Part, map[string]string{"/sys/fs/cgroup/memory/x/memory.limit_in_bytes": "5"}, 5},
		{"v1, a cgroup of elsewhere", "4:cpu,memory:/docker/abcdef\n", v1Part, map[string]string{"/sys/fs/cgroup/memory/memory.limit_in_bytes": "5"}, 5},
		{"v2", "0::/system.slice/a.service\n", v2, map[string]string{"/sys/fs/cgroup/system.slice/a.service/memory.max": "64\n"}, 64},
		{"v2, none", "0::/a\n", v2, map[string]string{"/sys/fs/cgroup/a/memory.max": "max\n", "/sys/fs/cgroup/a/memory.high": "max\n"}, 0},
		{"v2, high", "0::/a\n", v2, map[string]string{"/sys/fs/cgroup/a/memory.max": "64\n", "/sys/fs/cgroup/a/memory.high": "48\n"}, 48},
		{"v2, of the slice", "0::/s/a\n", v2, map[string]string{"/sys/fs/cgroup/s/memory.max": "50\n", "/sys/fs/cgroup/s/a/memory.max": "max\n"}, 50},
		{"v2, namespace", "0::/\n", v2, map[string]string{"/sys/fs/cgroup/memory.max": "12\n"}, 12},
		{"v2, outside of the namespace", "0::/../x\n", v2, map[string]string{"/sys/fs/cgroup/memory.max": "12\n", "/sys/fs/memory.max": "1"}, 12},
		{"both", "4:memory:/a\n0::/\n", v1 + v2, map[string]string{"/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "8"}, 8},
		{"nonsense", "4:memory\n\n::\n", v1, map[string]string{"/sys/fs/cgroup/memory/memory.limit_in_bytes": "x"}, 0},
	} {
		read := func(name string) string { return c.files[name] }
		if got := cgroupLimit(c.cgroups, c.mounts, read); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
