package lint

import (
	"fmt"
	"slices"
	"strings"
)

// layer is a package, by its directory, with every package of this module that
// it imports.
type layer struct {
	pkg     string
	imports []string
}

// layers is the import graph of this module, from the bottom to the top: a
// package imports only what stands above it in this list. A new arrow is added
// here on purpose or not at all.
var layers = []layer{
	// Helpers without knowledge of Sentinels.
	{"internal/epoll", nil},
	{"internal/errtext", nil},
	{"internal/filelock", nil},
	{"internal/glob", nil},
	{"internal/ordered", nil},
	{"internal/lint", nil},
	{"internal/mempipe", nil},
	{"internal/race", nil},
	{"internal/numhost", nil},
	{"internal/option", nil},
	{"internal/resp", nil},
	{"internal/words", nil},
	{"internal/valid", []string{"internal/numhost"}},
	{"internal/atomicfile", nil},
	{"internal/atomicfile/memdisk", []string{"internal/atomicfile"}},
	{"internal/acl", []string{"internal/glob", "internal/ordered", "internal/words"}},
	{"internal/respguard", []string{"internal/words"}},
	{"internal/reserve", nil},
	{"internal/web", nil},
	{"internal/resptest", nil},
	{"internal/testcert", nil},
	{"internal/tomlfile", []string{"internal/words"}},
	{"discovery", nil},
	{"agent", []string{"discovery", "internal/atomicfile", "internal/tomlfile"}},
	{"internal/fakeredis", []string{"internal/atomicfile", "internal/glob", "internal/respguard", "internal/words"}},

	{"internal/mock", []string{"internal/fakeredis", "internal/glob", "internal/reserve", "internal/respguard", "internal/words"}},

	// The core.
	{"quorum", nil},
	{"election", []string{"internal/valid"}},
	{"event", []string{"election"}},
	{"monitor", []string{"quorum", "election", "event", "internal/glob", "internal/numhost", "internal/option", "internal/valid"}},

	// The shells around it.
	{"monitor/link", []string{"internal/epoll", "internal/valid", "monitor"}},
	{"pubsub", []string{"event", "internal/glob", "internal/ordered", "monitor"}},
	{"gossip/session", []string{"internal/valid", "monitor"}},
	{"gossip", []string{"gossip/session", "monitor"}},
	{"configrewrite", []string{"internal/atomicfile", "internal/numhost", "internal/option", "internal/valid", "internal/words", "monitor"}},
	{"internal/scripts", []string{"event", "internal/option", "monitor"}},
	{"internal/recorder", []string{"monitor"}},
	{"journal", nil},
	{"internal/reporter", []string{"event", "journal", "monitor"}},
	{"internal/archive", []string{"internal/atomicfile", "journal", "monitor"}},
	{"internal/logfile", []string{"event", "configrewrite", "internal/errtext", "monitor"}},
	{"internal/tlsfiles", []string{"configrewrite", "internal/errtext", "monitor"}},
	{"internal/listen", []string{"configrewrite", "internal/errtext", "internal/numhost", "monitor"}},
	{"internal/server", []string{
		"configrewrite", "election", "gossip", "internal/acl", "internal/atomicfile", "internal/epoll", "internal/errtext", "internal/glob", "journal",
		"internal/numhost", "internal/option", "internal/respguard", "internal/scripts", "internal/valid", "internal/words", "monitor", "pubsub",
	}},
	{"internal/lookout", []string{"configrewrite", "gossip", "journal", "monitor"}},
	{"internal/console", []string{"configrewrite", "event", "internal/lookout", "internal/web", "journal", "monitor", "quorum"}},
	{"internal/testbed", []string{"internal/server", "monitor"}},
	{"internal/optionlist", []string{"configrewrite", "internal/option", "internal/scripts", "monitor"}},

	// The running Sentinel, the library and the daemon.
	{"internal/node", []string{
		"configrewrite", "event", "gossip", "gossip/session", "internal/acl", "internal/archive", "internal/errtext", "internal/filelock", "internal/listen", "internal/logfile", "internal/lookout",
		"internal/mempipe", "internal/numhost", "internal/recorder", "internal/reporter", "internal/scripts", "internal/server", "internal/testbed", "internal/tlsfiles", "internal/valid", "journal", "monitor", "monitor/link", "pubsub",
	}},
	{".", []string{
		"configrewrite", "event", "internal/listen", "internal/logfile", "internal/lookout", "internal/node", "internal/option", "internal/recorder",
		"internal/valid", "journal", "monitor", "quorum",
	}},
	{"httpconsole", []string{".", "internal/console"}},
	{"standalone", []string{".", "discovery", "election", "internal/resp", "monitor"}},
	{"sentineltest", []string{"event", ".", "internal/fakeredis", "internal/mempipe", "internal/mock", "internal/reserve", "internal/server", "internal/testbed", "internal/testcert", "internal/valid", "monitor"}},
	{"proxy", []string{"discovery", "internal/resp", "internal/tomlfile", "internal/web", "internal/words"}},
	{"internal/survey", []string{"internal/resp", "internal/words", "monitor"}},
	{"internal/doctor", []string{"configrewrite", "internal/errtext", "internal/survey", "internal/words"}},
	{"internal/overview", []string{"internal/doctor", "internal/survey", "internal/words"}},
	{"cmd/gosentinel", []string{
		"agent", "configrewrite", "internal/console", "internal/doctor", "internal/errtext", "internal/listen", "internal/logfile", "internal/mock", "internal/node", "internal/overview", "internal/recorder", "internal/scripts", "internal/survey", "internal/tlsfiles",
		"internal/words", "journal", "monitor", "proxy", "standalone",
	}},

	// Examples.
	{"examples/controlplane", []string{"."}},

	// Proofs and measurements.
	{"jepsen/cluster", nil},
	{"jepsen/cluster/clustertest", []string{"jepsen/cluster"}},
	{"jepsen/netns", nil},
	{"jepsen/schedule", nil},
	{"jepsen/history", nil},
	{"jepsen/arena", []string{"jepsen/cluster", "jepsen/history", "jepsen/netns", "jepsen/schedule"}},
	{"jepsen/nemesis", []string{"jepsen/arena", "jepsen/cluster", "jepsen/history", "jepsen/netns", "jepsen/schedule"}},
	{"jepsen/workload", []string{"discovery", "jepsen/arena", "jepsen/cluster", "jepsen/history"}},
	{"jepsen/check", []string{"jepsen/history", "jepsen/schedule"}},
	{"jepsen/svg", nil},
	{"jepsen/report", []string{"jepsen/check", "jepsen/history", "jepsen/schedule", "jepsen/svg"}},
	{"jepsen/trial", []string{
		"jepsen/arena", "jepsen/check", "jepsen/cluster", "jepsen/history", "jepsen/nemesis", "jepsen/netns", "jepsen/report", "jepsen/schedule", "jepsen/workload", "journal",
	}},
	{"jepsen/clients", nil},
	{"jepsen/conformance", nil},
	{"jepsen/ecosystem", nil},
	{"jepsen/host", nil},
	{"jepsen/install", nil},
	{"deploy/pack", nil},
	{"jepsen/integration", nil},
	{"jepsen/mixed", []string{"jepsen/cluster"}},
	{"jepsen/sim", []string{"event", "configrewrite", "election", "internal/atomicfile", "internal/atomicfile/memdisk", "internal/reporter", "journal", "monitor"}},
	{"jepsen/sim/compare", []string{"jepsen/sim", "jepsen/svg"}},
	{"jepsen/sim/explore", []string{"event", "election", "monitor"}},
	{"jepsen/sim/speed", []string{"jepsen/sim"}},
	{"jepsen/sim/sweep", []string{"jepsen/sim"}},
	{"jepsen/mutants", []string{"jepsen/sim", "jepsen/sim/explore"}},
	{"jepsen/flawed", []string{"jepsen/check", "jepsen/cluster", "jepsen/mutants", "jepsen/schedule"}},
	{"jepsen/cmd/internal/cli", nil},
	{"jepsen/cmd/bench/internal/trial", []string{"jepsen/cluster"}},
	{"jepsen/cmd/bench/internal/agreement", []string{"jepsen/cluster", "jepsen/cmd/bench/internal/trial"}},
	{"jepsen/cmd/bench/internal/failover", []string{"jepsen/cluster", "jepsen/cmd/bench/internal/trial"}},
	{"jepsen/cmd/bench/internal/durable", []string{"configrewrite", "monitor"}},
	{"jepsen/cmd/bench/internal/relay", nil},
	{"jepsen/cmd/bench/internal/traffic", []string{"jepsen/cluster"}},
	{"jepsen/cmd/bench/internal/planned", []string{
		"jepsen/cluster", "jepsen/cmd/bench/internal/relay", "jepsen/cmd/bench/internal/traffic", "jepsen/cmd/bench/internal/trial",
	}},
	{"jepsen/cmd/bench/internal/promote", []string{"jepsen/cluster", "jepsen/cmd/bench/internal/traffic", "jepsen/cmd/bench/internal/trial"}},
	{"jepsen/cmd/bench/internal/proxies", []string{"jepsen/cluster", "jepsen/cmd/bench/internal/trial"}},
	{"jepsen/cmd/bench/internal/returns", []string{"jepsen/cluster", "jepsen/cmd/bench/internal/traffic", "jepsen/cmd/bench/internal/trial"}},
	{"jepsen/cmd/bench/internal/fleet", []string{"jepsen/cluster"}},
	{"jepsen/cmd/bench/internal/scale", []string{
		"jepsen/cluster", "jepsen/cmd/bench/internal/agreement", "jepsen/cmd/bench/internal/failover", "jepsen/cmd/bench/internal/fleet",
		"jepsen/cmd/bench/internal/planned", "jepsen/cmd/bench/internal/trial", "jepsen/svg",
	}},
	{"jepsen/cmd/bench", []string{
		"internal/fakeredis", "jepsen/cluster", "jepsen/cmd/bench/internal/agreement", "jepsen/cmd/bench/internal/failover", "jepsen/cmd/bench/internal/fleet",
		"jepsen/cmd/bench/internal/planned", "jepsen/cmd/bench/internal/promote", "jepsen/cmd/bench/internal/proxies", "jepsen/cmd/bench/internal/returns", "jepsen/cmd/bench/internal/scale", "jepsen/cmd/bench/internal/trial", "jepsen/cmd/internal/cli", "jepsen/mixed",
	}},
	{"jepsen/cmd/sim", []string{
		"internal/recorder", "jepsen/cmd/internal/cli", "jepsen/mutants", "jepsen/sim", "jepsen/sim/compare", "jepsen/sim/explore",
		"jepsen/sim/speed", "jepsen/sim/sweep", "monitor",
	}},
	{"jepsen/cmd/jepsen", []string{
		"jepsen/arena", "jepsen/check", "jepsen/cluster", "jepsen/cmd/internal/cli", "jepsen/flawed", "jepsen/netns", "jepsen/schedule", "jepsen/trial",
	}},
	{"examples/client", []string{"discovery"}},
	{"cmd/demo", []string{"internal/fakeredis", "jepsen/cluster"}}, // runs real processes
}

var (
	core  = []string{"quorum", "election", "event", "monitor"}
	tools = []string{"internal/glob", "internal/numhost", "internal/option", "internal/valid"} // as pure as the core, which may need them
	pures = slices.Concat(tools, core, []string{"gossip/session"})                             // what cannot behave differently with the same inputs
)

// alone are the packages that others build on without taking the rest of this
// module, or of anybody's, along: they import the standard library only.
var alone = []string{"discovery"}

// solitude objects to imports of packages that stand alone, unless those do too.
func (m *module) solitude(list []string) (wrong []string) {
	for _, dir := range list {
		p := m.pkg(dir)
		if len(p.files) == 0 {
			wrong = append(wrong, fmt.Sprintf("alone: there is no package %s", dir))
		}
		for _, f := range p.files {
			for _, spec := range f.Imports {
				name := importPath(spec)
				own, is := m.dirOf(name)
				first, _, _ := strings.Cut(name, "/")
				if is && !slices.Contains(list, own) || !is && strings.Contains(first, ".") || name == "C" {
					wrong = append(wrong, m.at(spec.Pos(), "%s stands alone and may not import %s", dir, name))
				}
			}
		}
	}
	return wrong
}

// directions objects to imports that the list of layers does not have. Tests are
// free: an integration test may look at anything.
func (m *module) directions(list []layer) (wrong []string) {
	for _, p := range m.pkgs {
		if len(p.files) == 0 {
			continue
		}
		i := slices.IndexFunc(list, func(l layer) bool { return l.pkg == p.dir })
		if i < 0 {
			wrong = append(wrong, fmt.Sprintf("%s: no rule says what this package may import: add it to layers", p.dir))
			continue
		}
		for _, f := range p.files {
			for _, spec := range f.Imports {
				dir, own := m.dirOf(importPath(spec))
				if own && !slices.Contains(list[i].imports, dir) {
					wrong = append(wrong, m.at(spec.Pos(), "%s may not import %s: layers has no such arrow", p.dir, dir))
				}
			}
		}
	}
	return wrong
}

// layering objects to a list of layers that is not the graph of the module: to an
// arrow that does not point to something above it, which rules out circles, to
// one that no file needs, and to a package that does not exist.
func (m *module) layering(list []layer) (wrong []string) {
	for i, l := range list {
		above := list[:i]
		for _, dir := range l.imports {
			if !slices.ContainsFunc(above, func(o layer) bool { return o.pkg == dir }) {
				wrong = append(wrong, fmt.Sprintf("layers: %s imports %s, which does not stand above it", l.pkg, dir))
			}
			if !m.imports(l.pkg, dir) {
				wrong = append(wrong, fmt.Sprintf("layers: no file of %s imports %s any more", l.pkg, dir))
			}
		}
		if len(m.pkg(l.pkg).files) == 0 {
			wrong = append(wrong, fmt.Sprintf("layers: there is no package %s", l.pkg))
		}
	}
	return wrong
}

// imports reports whether a file of package from, tests apart, imports package to.
func (m *module) imports(from, to string) bool {
	for _, f := range m.pkg(from).files {
		for _, spec := range f.Imports {
			if dir, own := m.dirOf(importPath(spec)); own && dir == to {
				return true
			}
		}
	}
	return false
}
