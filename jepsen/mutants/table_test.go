package mutants

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// TestTable checks that every mutation still fits the source: its text stands
// there exactly once, and it is told apart from the others.
func TestTable(t *testing.T) {
	names := map[string]bool{}
	for _, m := range Table {
		changed, err := m.Apply(root)
		if err != nil {
			t.Error(err)
			continue
		}
		if len(changed) == 0 {
			t.Errorf("%s: it changes nothing", m.Name)
		}
		if names[m.Name] || m.Name == "" || m.Why == "" || len(m.Edits) == 0 {
			t.Errorf("%q: want a name of its own, a reason and an edit", m.Name)
		}
		names[m.Name] = true
		if (m.By == ByTest) != (m.Test[0] != "" && m.Test[1] != "") {
			t.Errorf("%s: a test is named if and only if one has to notice the mutation", m.Name)
		}
	}
	if len(Table) < 20 {
		t.Errorf("%d mutations, want 20", len(Table))
	}
}

// TestMutantsCompile has the type checker look at every mutant: one that does
// not compile would prove nothing.
func TestMutantsCompile(t *testing.T) {
	fset := token.NewFileSet()
	sources := importer.ForCompiler(fset, "source", nil)
	for _, m := range Table {
		changed, err := m.Apply(root)
		if err != nil {
			t.Fatal(err)
		}
		c := checker{fset: fset, std: sources, changed: changed, done: map[string]*types.Package{}}
		if _, err := c.Import(module + "/monitor"); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
}

const module = "github.com/gosentinel/sentinel"

// checker checks the packages of this module, with the changed files in place.
type checker struct {
	fset    *token.FileSet
	std     types.Importer
	changed map[string]string
	done    map[string]*types.Package
}

func (c *checker) Import(path string) (*types.Package, error) {
	dir, own := strings.CutPrefix(path, module+"/")
	if !own {
		return c.std.Import(path)
	}
	if p := c.done[path]; p != nil {
		return p, nil
	}
	names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		var src any
		if text, ok := c.changed[dir+"/"+filepath.Base(name)]; ok {
			src = text
		}
		f, err := parser.ParseFile(c.fset, name, src, 0)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	conf := types.Config{Importer: c}
	p, err := conf.Check(path, c.fset, files, nil)
	c.done[path] = p
	return p, err
}

// TestApplyRefuses checks that a mutation which does not fit is an error.
func TestApplyRefuses(t *testing.T) {
	for _, m := range []Mutation{
		{Name: "no such file", Edits: []Edit{{"quorum/none.go", "a", "b"}}},
		{Name: "no such text", Edits: []Edit{{"quorum/quorum.go", "func Minority(", "b"}}},
		{Name: "twice", Edits: []Edit{{"quorum/quorum.go", "return", "b"}}},
	} {
		if _, err := m.Apply(root); err == nil || !strings.Contains(err.Error(), m.Name) {
			t.Errorf("%s: error %v", m.Name, err)
		}
	}
}
