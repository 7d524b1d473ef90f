package lint

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// harmless are the packages of the standard library that the core may import.
// A list of what is forbidden would always miss something.
var harmless = []string{
	"bytes", "cmp", "container/heap", "encoding/binary", "encoding/hex", "errors", "fmt", "hash/fnv", "iter", "maps",
	"math", "math/bits", "math/rand/v2", "net/netip", "slices", "sort", "strconv", "strings", "time", "unicode", "unicode/utf8",
}

// besides are what a pure package may import besides: package event only makes values
// for loggers.
var besides = map[string][]string{"event": {"log/slog"}}

// refused are the names of harmless packages that are not harmless.
var refused = map[string]map[string]string{
	"time": {
		"Now": readsClock, "Since": readsClock, "Until": readsClock,
		"After": waits, "AfterFunc": waits, "Sleep": waits, "Tick": waits, "NewTimer": waits, "NewTicker": waits,
		"Local": readsZone, "LoadLocation": readsZone, "LoadLocationFromTZData": readsZone,
	},
	"fmt": {
		"Print": doesIO, "Printf": doesIO, "Println": doesIO, "Scan": doesIO, "Scanf": doesIO, "Scanln": doesIO,
	},
	"iter": {"Pull": concurrent, "Pull2": concurrent},
	"maps": {"All": mapOrder, "Keys": mapOrder, "Values": mapOrder, "EqualFunc": mapOrder, "DeleteFunc": mapOrder},
}

const (
	readsClock = "reads the clock; the time is an argument of the core"
	readsZone  = "depends on the time zone of the machine"
	waits      = "waits; the core says in NextDeadline when it wants to be called"
	doesIO     = "does input or output; the core returns effects"
	concurrent = "runs concurrently; the core is called by one goroutine, and calls none"
	mapOrder   = "visits a map in an order that differs from run to run"
	unseeded   = "is chance without a seed; use rand.New with rand.NewPCG"
)

// seeded are the functions of math/rand/v2 that need a seed.
var seeded = []string{"New", "NewPCG", "NewZipf"}

// purity objects to everything in the core that could make it behave
// differently with the same inputs. std finds packages outside of this module.
func (m *module) purity(std types.Importer) (wrong []string, err error) {
	l := &loader{m: m, std: std, done: make(map[string]*types.Package)}
	for _, dir := range pures {
		p := m.pkg(dir)
		if len(p.files) == 0 {
			return nil, fmt.Errorf("there is no package %s, so the test looks at nothing", dir)
		}
		bad := m.forbiddenImports(p)
		wrong = append(wrong, bad...)
		if len(bad) > 0 {
			continue // what it imports may not even be loadable here
		}
		info := &types.Info{Types: make(map[ast.Expr]types.TypeAndValue), Uses: make(map[*ast.Ident]types.Object)}
		if _, err := l.check(dir, info); err != nil {
			return nil, err
		}
		for _, f := range p.files {
			wrong = append(wrong, m.directives(f)...)
			wrong = append(wrong, m.statements(f, info)...)
		}
	}
	return wrong, nil
}

func (m *module) forbiddenImports(p *pkg) (wrong []string) {
	for _, f := range p.files {
		for _, spec := range f.Imports {
			dir, own := m.dirOf(importPath(spec))
			if own && !slices.Contains(core, dir) && !slices.Contains(tools, dir) || !own && !slices.Contains(harmless, dir) && !slices.Contains(besides[p.dir], dir) {
				wrong = append(wrong, m.at(spec.Pos(), "%s is pure and may not import %s", p.dir, importPath(spec)))
			}
		}
	}
	return wrong
}

// directives objects to comments that the compiler obeys.
func (m *module) directives(f *ast.File) (wrong []string) {
	for _, group := range f.Comments {
		for _, c := range group.List {
			for _, d := range []string{"//go:build ", "//go:linkname ", "// +build "} {
				if strings.HasPrefix(c.Text, d) {
					wrong = append(wrong, m.at(c.Pos(), "%s: the core is the same everywhere", strings.TrimSpace(d)))
				}
			}
		}
	}
	return wrong
}

func (m *module) statements(f *ast.File, info *types.Info) (wrong []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		if reason := objection(n, info); reason != "" {
			wrong = append(wrong, m.at(n.Pos(), "%s", reason))
		}
		return true
	})
	return wrong
}

// objection tells what is wrong with one node, or "".
func objection(n ast.Node, info *types.Info) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "go " + concurrent
	case *ast.SelectStmt:
		return "select " + concurrent
	case *ast.ChanType, *ast.SendStmt:
		return "a channel " + concurrent
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			return "a channel " + concurrent
		}
	case *ast.RangeStmt:
		t := info.TypeOf(n.X)
		if mayBe[*types.Map](t) {
			return "range " + mapOrder
		}
		if mayBe[*types.Chan](t) {
			return "range over a channel " + concurrent
		}
	case *ast.Ident:
		return refusal(info.Uses[n])
	}
	return ""
}

// mayBe reports whether the values of type t are of kind K. For a type
// parameter that is so if one of the types that it admits is.
func mayBe[K types.Type](t types.Type) bool {
	switch u := t.Underlying().(type) {
	case K:
		return true
	case *types.Interface:
		for e := range u.EmbeddedTypes() {
			if mayBe[K](e) {
				return true
			}
		}
	case *types.Union:
		for term := range u.Terms() {
			if mayBe[K](term.Type()) {
				return true
			}
		}
	}
	return false
}

// refusal tells what is wrong with the use of an object, or "".
func refusal(obj types.Object) string {
	if b, ok := obj.(*types.Builtin); ok {
		if b.Name() == "print" || b.Name() == "println" {
			return b.Name() + " " + doesIO
		}
		return ""
	}
	if obj == nil || obj.Pkg() == nil || obj.Parent() != obj.Pkg().Scope() {
		return "" // local, a method or a field
	}
	name := obj.Pkg().Path() + "." + obj.Name()
	if _, isFunc := obj.(*types.Func); isFunc && obj.Pkg().Path() == "math/rand/v2" && !slices.Contains(seeded, obj.Name()) {
		return name + " " + unseeded
	}
	if reason := refused[obj.Pkg().Path()][obj.Name()]; reason != "" {
		return name + " " + reason
	}
	return ""
}

// loader type-checks packages of the module, and asks std for all others.
type loader struct {
	m    *module
	std  types.Importer
	done map[string]*types.Package
}

// Import implements [types.Importer].
func (l *loader) Import(importPath string) (*types.Package, error) {
	dir, own := l.m.dirOf(importPath)
	if !own {
		return l.std.Import(importPath)
	}
	if p := l.done[dir]; p != nil {
		return p, nil
	}
	return l.check(dir, nil)
}

func (l *loader) check(dir string, info *types.Info) (*types.Package, error) {
	conf := types.Config{Importer: l}
	p, err := conf.Check(l.m.path+"/"+dir, l.m.fset, l.m.pkg(dir).files, info)
	if err != nil {
		return nil, err
	}
	l.done[dir] = p
	return p, nil
}
