package lint

import (
	"errors"
	"go/ast"
	"go/types"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// forSimulators reports whether a file holds what only simulators and tests call.
func forSimulators(name string) bool { return strings.HasPrefix(path.Base(name), "sim_") }

// simulatorsOnly objects to uses of exported names that a file sim_*.go declares,
// except in jepsen/, in tests and in such files themselves. A daemon that called
// one could look right in every simulation and differ from it.
func (m *module) simulatorsOnly(std types.Importer) (wrong []string, err error) {
	info := &types.Info{Uses: make(map[*ast.Ident]types.Object)}
	l := &tolerantLoader{m: m, std: std, info: info, done: make(map[string]*types.Package)}
	declared := 0
	for _, p := range m.pkgs {
		for name := range p.named { // any order: they are only counted
			if forSimulators(name) && !strings.HasSuffix(name, "_test.go") {
				declared++
			}
		}
		if strings.HasPrefix(p.dir, "jepsen/") || len(p.files) == 0 {
			continue
		}
		l.load(p.dir)
		for _, f := range p.files {
			wrong = append(wrong, m.simulatorUses(f, info)...)
		}
	}
	if declared == 0 {
		return nil, errors.New("there is no file sim_*.go, so the test looks at nothing")
	}
	return wrong, nil
}

func (m *module) simulatorUses(f *ast.File, info *types.Info) (wrong []string) {
	if forSimulators(m.fset.Position(f.Package).Filename) {
		return nil
	}
	ast.Inspect(f, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		obj := info.Uses[id]
		if obj == nil || obj.Pkg() == nil || !obj.Exported() {
			return true
		}
		if _, own := m.dirOf(obj.Pkg().Path()); !own {
			return true
		}
		if at := m.fset.Position(obj.Pos()).Filename; forSimulators(at) {
			wrong = append(wrong, m.at(id.Pos(), "%s is for simulators only: it is declared in %s", id.Name, at))
		}
		return true
	})
	return wrong
}

// tolerantLoader type-checks the packages of the module and records their uses. It does
// not load what else they import, except harmless packages: uses of the rest do
// not type-check then, but everything else does.
type tolerantLoader struct {
	m    *module
	std  types.Importer
	info *types.Info
	done map[string]*types.Package
}

// Import implements [types.Importer].
func (l *tolerantLoader) Import(importPath string) (*types.Package, error) {
	if dir, own := l.m.dirOf(importPath); own {
		return l.load(dir), nil
	}
	if slices.Contains(harmless, importPath) {
		return l.std.Import(importPath)
	}
	p := types.NewPackage(importPath, path.Base(importPath))
	p.MarkComplete()
	return p, nil
}

func (l *tolerantLoader) load(dir string) *types.Package {
	if p := l.done[dir]; p != nil {
		return p
	}
	conf := types.Config{Importer: l, Error: func(error) {}}
	p, _ := conf.Check(l.m.path+"/"+dir, l.m.fset, l.m.pkg(dir).files, l.info)
	l.done[dir] = p
	return p
}

func TestSimulatorsOnly(t *testing.T) {
	const probe = `package monitor

type Probe struct{}

func (c *Core) Probe() Probe { return Probe{} }
func (c *Core) helper()      {}
func Audit()                 {}
`
	rule := func(fsys fstest.MapFS) ([]string, error) { return parsed(t, fsys).simulatorsOnly(std) }
	with := func(name, text string) []string {
		wrong, err := rule(files("monitor/core.go", "package monitor\ntype Core struct{}", "monitor/sim_probe.go", probe, name, text))
		if err != nil {
			t.Fatal(err)
		}
		return wrong
	}
	const imports = "import (\n\t\"net\"\n\t\"example.org/m/monitor\"\n)\n"
	for _, c := range []struct{ name, text, want string }{
		{"a.go", "package m\n" + imports + "func f(c *monitor.Core) { c.Probe() }", "a.go:6: Probe is for simulators only: it is declared in monitor/sim_probe.go"},
		{"a.go", "package m\n" + imports + "type s struct { l net.Listener; c *monitor.Core }\nfunc (x *s) f() { x.c.Probe() }", "a.go:7: Probe is"},
		{"gossip/a.go", "package gossip\n" + imports + "var f = (*monitor.Core).Probe", "gossip/a.go:6: "},
		{"cmd/x/main.go", "package main\n" + imports + "func main() { monitor.Audit() }", "cmd/x/main.go:6: Audit is"},
		{"monitor/a.go", "package monitor\nfunc f() { Audit() }", "monitor/a.go:2: Audit is"},
		{"monitor/a.go", "package monitor\nvar p Probe", "monitor/a.go:2: Probe is"},
	} {
		expect(t, with(c.name, c.text), c.want)
	}
	for _, c := range []struct{ name, text string }{
		{"jepsen/sim/a.go", "package sim\n" + imports + "func f(c *monitor.Core) { c.Probe() }"},
		{"a_test.go", "package m\n" + imports + "func f(c *monitor.Core) { c.Probe() }"},
		{"monitor/a_test.go", "package monitor\nfunc f() { Audit() }"},
		{"monitor/sim_b.go", "package monitor\nfunc f() { Audit() }"},
		{"monitor/a.go", "package monitor\ntype other struct{}\nfunc (other) Probe() {}\nfunc f() { other{}.Probe() }"},
		{"a.go", "package m\nimport \"slices\"\nvar Audit = slices.Clone[[]int]"},
	} {
		expect(t, with(c.name, c.text))
	}
	if _, err := rule(files("monitor/a.go", "package monitor")); err == nil || !strings.Contains(err.Error(), "looks at nothing") {
		t.Errorf("without any file for simulators the error is %v", err)
	}
}
