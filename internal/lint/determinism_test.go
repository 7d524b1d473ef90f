package lint

import (
	"fmt"
	"go/ast"
	"go/types"
	"path"
	"slices"
	"testing"
)

// replayed are packages that are not pure, as they import parts of the shell,
// but whose runs must repeat: the same rules hold for their statements.
var replayed = []string{"jepsen/sim"}

// unrepeatable are packages that such a package has no use for.
var unrepeatable = []string{"context", "crypto/rand", "hash/maphash", "math/rand", "net", "os", "runtime", "sync", "sync/atomic", "unsafe"}

// determinism objects to what could make two runs of a replayed package differ.
func (m *module) determinism(std types.Importer) (wrong []string, err error) {
	for _, dir := range replayed {
		p := m.pkg(dir)
		if len(p.files) == 0 {
			return nil, fmt.Errorf("there is no package %s, so the test looks at nothing", dir)
		}
		info := &types.Info{Types: make(map[ast.Expr]types.TypeAndValue), Uses: make(map[*ast.Ident]types.Object)}
		// What is imported of the shell is not loaded. Its uses do not type-check
		// then, but everything else does.
		conf := types.Config{Importer: sketchy{&loader{m: m, std: std, done: make(map[string]*types.Package)}}, Error: func(error) {}}
		_, _ = conf.Check(m.path+"/"+dir, m.fset, p.files, info)
		for _, f := range p.files {
			for _, spec := range f.Imports {
				if slices.Contains(unrepeatable, importPath(spec)) {
					wrong = append(wrong, m.at(spec.Pos(), "%s is replayed and may not import %s", dir, importPath(spec)))
				}
			}
			wrong = append(wrong, m.directives(f)...)
			ast.Inspect(f, func(n ast.Node) bool {
				if r, ok := n.(*ast.RangeStmt); ok && info.TypeOf(r.X) == nil {
					return true // of a type that was not loaded
				}
				if reason := objection(n, info); reason != "" {
					wrong = append(wrong, m.at(n.Pos(), "%s", reason))
				}
				return true
			})
		}
	}
	return wrong, nil
}

// sketchy imports the core and harmless packages, and empty ones for all others.
type sketchy struct{ *loader }

func (s sketchy) Import(importPath string) (*types.Package, error) {
	dir, own := s.m.dirOf(importPath)
	if own && (slices.Contains(core, dir) || slices.Contains(tools, dir)) || !own && slices.Contains(harmless, dir) {
		return s.loader.Import(importPath)
	}
	p := types.NewPackage(importPath, path.Base(importPath))
	p.MarkComplete()
	return p, nil
}

func TestReplayedPackages(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{`func f(m map[int]int) { for range m {} }`, "range visits a map"},
		{`func f() { go f() }`, "go runs concurrently"},
		{`import "time"; var t = time.Now()`, "time.Now reads the clock"},
		{`import "math/rand/v2"; var n = rand.IntN(9)`, "chance without a seed"},
		{`import "os"; var a = os.Args`, "may not import os"},
		{`import "example.org/m/pubsub"; func f(m map[int]int) { pubsub.F(); for range m {} }`, "range visits a map"},
		{`import "example.org/m/pubsub"; func f() { for range pubsub.M() {} }`, ""},
		{`import "reflect"; var v = reflect.ValueOf(1)`, ""},
	} {
		wrong, err := parsed(t, files("jepsen/sim/a.go", "package sim\n"+c.src)).determinism(std)
		if err != nil {
			t.Fatal(err)
		}
		expectOne(t, wrong, c.want)
	}
}

// TestRunsCanRepeat applies the rule to the simulator.
func TestRunsCanRepeat(t *testing.T) {
	m := repository(t)
	wrong, err := m.determinism(std)
	report(t, wrong, err)
}
