package sentinel

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryEventIsNamed: each event type of the core has an alias in this
// package, with a comment that says what it means.
func TestEveryEventIsNamed(t *testing.T) {
	fset := token.NewFileSet()
	files, err := filepath.Glob("monitor/*.go")
	if err != nil {
		t.Fatal(err)
	}
	events := map[string]bool{}
	for _, name := range files {
		f, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil && fn.Name.Name == "Name" {
				if recv, ok := fn.Recv.List[0].Type.(*ast.Ident); ok && recv.IsExported() {
					events[recv.Name] = true
				}
			}
		}
	}
	if len(events) < 40 {
		t.Fatalf("only %d events were found in the core", len(events))
	}
	f, err := parser.ParseFile(fset, "events.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok && events[spec.Name.Name] {
			if text := spec.Doc.Text(); !strings.HasPrefix(text, spec.Name.Name+" is ") {
				t.Errorf("%s has no comment of its own", spec.Name.Name)
			}
			delete(events, spec.Name.Name)
		}
		return true
	})
	for name := range events {
		t.Errorf("the event %s has no name in this package", name)
	}
}
