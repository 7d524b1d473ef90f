package node

import (
	"runtime/debug"
	"testing"
)

func TestBuild(t *testing.T) {
	vcs := []debug.BuildSetting{
		{Key: "vcs", Value: "git"},
		{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"},
		{Key: "vcs.time", Value: "2026-01-02T15:04:05Z"},
		{Key: "vcs.modified", Value: "false"},
	}
	dirty := append(vcs[:3:3], debug.BuildSetting{Key: "vcs.modified", Value: "true"})
	here := func(version string, settings []debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Path: module, Version: version}, Settings: settings}
	}
	within := func(dep debug.Module) *debug.BuildInfo {
		return &debug.BuildInfo{
			Main: debug.Module{Path: "example.com/app", Version: "v7.0.0"},
			Deps: []*debug.Module{{Path: "example.com/other", Version: "v9.0.0"}, &dep}, Settings: vcs,
		}
	}
	for _, tc := range []struct {
		name    string
		stamped string
		info    *debug.BuildInfo
		want    string
	}{
		{"the build says it", "1.2.3", here("v9.9.9", vcs), "1.2.3"},
		{"go install of a release", "", here("v1.2.3", nil), "1.2.3"},
		{"a commit", "", here("v0.0.0-20260102150405-0123456789ab", vcs), Version + "-dev.20260102150405+0123456789ab"},
		{"a commit after a release", "", here("v0.1.1-0.20260102150405-0123456789ab", vcs), Version + "-dev.20260102150405+0123456789ab"},
		{"with changes", "", here("v0.0.0-20260102150405-0123456789ab+dirty", dirty), Version + "-dev.20260102150405+0123456789ab.dirty"},
		{"a tag with changes", "", here("v1.2.3+dirty", dirty), Version + "-dev.20260102150405+0123456789ab.dirty"},
		{"a test, or -buildvcs=false", "", here("(devel)", nil), Version + "-dev"},
		{"no build information", "", nil, Version + "-dev"},
		{"in another program", "", within(debug.Module{Path: module, Version: "v1.2.3"}), "1.2.3"},
		{"in another program, from a directory", "", within(debug.Module{Path: module, Version: "v1.2.3", Replace: &debug.Module{Path: "../sentinel"}}), Version + "-dev"},
	} {
		if got := build(tc.stamped, tc.info); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}
