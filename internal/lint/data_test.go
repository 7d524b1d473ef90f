package lint

import (
	"fmt"
	"go/types"
	"strings"
	"testing"
)

// data objects to everything that keeps an input of the core from being written
// down and given to another core: functions, channels, interfaces that do
// something, and the core itself.
func (m *module) data(std types.Importer) (wrong []string, err error) {
	l := &loader{m: m, std: std, done: make(map[string]*types.Package)}
	p, err := l.check("monitor", nil)
	if err != nil {
		return nil, err
	}
	input, _ := p.Scope().Lookup("Input").(*types.TypeName)
	if input == nil {
		return nil, fmt.Errorf("there is no monitor.Input, so the test looks at nothing")
	}
	w := &dataWalk{m: m, pkg: p, seen: make(map[types.Type]bool)}
	w.visit(input.Type(), "")
	return w.wrong, nil
}

// dataWalk visits every type that can be reached from one.
type dataWalk struct {
	m     *module
	pkg   *types.Package
	seen  map[types.Type]bool
	wrong []string
}

// visit looks at a type that stands at a path, such as "Call.Op".
func (w *dataWalk) visit(t types.Type, path string) {
	if named, ok := t.(*types.Named); ok {
		if w.seen[named] {
			return
		}
		w.seen[named] = true
		if obj := named.Obj(); obj.Pkg() == w.pkg && obj.Name() == "Core" {
			w.object(path, "leads to the core")
			return
		}
		if path == "" || !strings.Contains(path, ".") {
			path = named.Obj().Name()
		}
	}
	switch u := t.Underlying().(type) {
	case *types.Signature:
		w.object(path, "is a function")
	case *types.Chan:
		w.object(path, "is a channel")
	case *types.Pointer:
		w.visit(u.Elem(), path)
	case *types.Slice:
		w.visit(u.Elem(), path)
	case *types.Array:
		w.visit(u.Elem(), path)
	case *types.Map:
		w.visit(u.Key(), path)
		w.visit(u.Elem(), path)
	case *types.Struct:
		for f := range u.Fields() {
			w.visit(f.Type(), path+"."+f.Name())
		}
	case *types.Interface:
		w.visitInterface(u, path)
	}
}

// visitInterface accepts closed sets: interfaces whose one method marks the types
// of this package that belong to it, and does nothing.
func (w *dataWalk) visitInterface(u *types.Interface, path string) {
	if u.NumMethods() != 1 || u.Method(0).Exported() || !strings.HasPrefix(u.Method(0).Name(), "is") ||
		u.Method(0).Signature().Params().Len()+u.Method(0).Signature().Results().Len() > 0 {
		w.object(path, "is an interface that is no closed set of data")
		return
	}
	scope := w.pkg.Scope()
	for _, name := range scope.Names() { // sorted
		obj, ok := scope.Lookup(name).(*types.TypeName)
		if ok && !types.IsInterface(obj.Type()) && types.Implements(obj.Type(), u) {
			w.visit(obj.Type(), name)
		}
	}
}

func (w *dataWalk) object(path, what string) {
	w.wrong = append(w.wrong, fmt.Sprintf("monitor: %s %s, so that the input cannot be written down", path, what))
}

func TestInputsThatAreNoData(t *testing.T) {
	const good = `package monitor
type Input interface{ isInput() }
type Op interface{ isOp() }
type Tick struct{}
type Call struct { From uint64; Op Op }
type ResetOp struct { Pattern string; more []entry }
type entry struct { Table *table; names map[string][]int; next *entry }
type table struct { list [3]float64 }
type Core struct { f func() }
type Other struct { f func() }
func (Tick) isInput() {}
func (Call) isInput() {}
func (ResetOp) isOp() {}
`
	for _, c := range []struct{ name, src, want string }{
		{"data", "", ""},
		{"function", "type A struct { Match func(string) bool }\nfunc (A) isOp() {}", "A.Match is a function"},
		{"named function", "type F func()\ntype A struct { Match F }\nfunc (A) isInput() {}", "A.Match is a function"},
		{"function far below", "type A struct { List []*b }\ntype b struct { m map[string]c }\ntype c struct { do [2]func() }\nfunc (A) isOp() {}",
			"A.List.m.do is a function"},
		{"channel", "type A struct { Done <-chan int }\nfunc (A) isInput() {}", "A.Done is a channel"},
		{"error", "type A struct { Err error }\nfunc (A) isOp() {}", "A.Err is an interface"},
		{"anything", "type A struct { Value any }\nfunc (A) isOp() {}", "A.Value is an interface"},
		{"behaviour", "type I interface { isI() int }\ntype A struct { V I }\nfunc (A) isOp() {}", "A.V is an interface"},
		{"core", "type A struct { c *Core }\nfunc (A) isInput() {}", "A.c leads to the core"},
	} {
		t.Run(c.name, func(t *testing.T) {
			wrong, err := parsed(t, files("monitor/a.go", good+c.src)).data(std)
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				expect(t, wrong)
			} else {
				expect(t, wrong, c.want)
			}
		})
	}
	if _, err := parsed(t, files("monitor/a.go", "package monitor\n")).data(std); err == nil {
		t.Error("a core without inputs was accepted")
	}
}
