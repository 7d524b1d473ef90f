package node

import (
	"runtime/debug"
	"strings"
	"sync"
)

// Version is the release that this source is, or will become.
const Version = "0.1.0"

// stamped is the version that the build was given: make passes
// -ldflags "-X github.com/gosentinel/sentinel/internal/node.stamped=…".
var stamped string

// module is the path under which a build names this repository.
const module = "github.com/gosentinel/sentinel"

// Build returns the version of this very program, without a "v": that of a release,
// such as 0.1.0, or of the commit between two of them, such as
// 0.1.0-dev.20260102150405+0123456789ab. What was changed and not committed adds
// ".dirty". All of these are semantic versions, and they sort by age.
var Build = sync.OnceValue(func() string {
	info, _ := debug.ReadBuildInfo()
	return build(stamped, info)
})

// build decides in that order: what the build was told; the release that `go install
// …@v1.2.3` or the go.mod of an embedding program names; the commit.
func build(stamped string, info *debug.BuildInfo) string {
	if stamped != "" {
		return stamped
	}
	if info == nil {
		return Version + "-dev"
	}
	if v := moduleVersion(info); isRelease(v) {
		return strings.TrimPrefix(v, "v")
	}
	if info.Main.Path != module {
		return Version + "-dev" // the commit is that of the embedding program
	}
	return Version + commit(info.Settings)
}

func moduleVersion(info *debug.BuildInfo) string {
	if info.Main.Path == module {
		return info.Main.Version
	}
	for _, m := range info.Deps {
		if m.Path == module && m.Replace == nil {
			return m.Version
		}
	}
	return ""
}

// isRelease tells a release from what Go makes up for a commit: "(devel)", and
// versions like v0.0.0-20260102150405-0123456789ab+dirty.
func isRelease(v string) bool {
	return strings.HasPrefix(v, "v") && !strings.ContainsAny(v, "-+")
}

// commit names the commit that was built, as an ending of the version.
func commit(settings []debug.BuildSetting) string {
	set := map[string]string{}
	for _, s := range settings {
		set[s.Key] = s.Value
	}
	ending := "-dev"
	if at := strings.NewReplacer("-", "", "T", "", ":", "", "Z", "").Replace(set["vcs.time"]); at != "" {
		ending += "." + at
	}
	if revision := set["vcs.revision"]; revision != "" {
		ending += "+" + revision[:min(12, len(revision))]
		if set["vcs.modified"] == "true" {
			ending += ".dirty"
		}
	}
	return ending
}
