package mutants

import (
	"errors"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/printer"
	"go/token"
	"go/types"
	"path"
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
	base := &base{fset: fset, std: importer.ForCompiler(fset, "source", nil).(types.ImporterFrom), bare: map[string]*ast.File{}, done: map[string]*types.Package{}, names: map[string][]string{}}
	for _, m := range Table {
		changed, err := m.Apply(root)
		if err != nil {
			t.Fatal(err)
		}
		if err := base.check(changed); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
	for _, c := range []struct {
		file, old, new string
		noticed        bool
	}{
		{"quorum/quorum.go", "return votes >= max(quorum, 1)", "return true", false}, // what is not used is a parameter
		{"quorum/quorum.go", "return votes >= max(quorum, 1)", "return nothing", true},
		{"quorum/quorum.go", "func Majority(", "func Most(", true}, // whoever calls it does not compile
	} {
		changed, err := Mutation{Edits: []Edit{{c.file, c.old, c.new}}}.Apply(root)
		if err != nil {
			t.Fatal(err)
		}
		if err := base.check(changed); (err != nil) != c.noticed {
			t.Errorf("%q instead of %q: %v", c.new, c.old, err)
		}
	}
}

const module = "github.com/gosentinel/sentinel"

// base is what all mutants have in common. A mutation that leaves the declarations as they
// are cannot break the functions of other files: those are not checked again.
type base struct {
	fset *token.FileSet
	std  types.ImporterFrom
	bare map[string]*ast.File // files without the bodies of their functions, by name
	done map[string]*types.Package

	names map[string][]string // of the files of a package that are built here
}

// check reports what is wrong with changed files, or with what uses them.
func (b *base) check(changed map[string]string) error {
	c := checker{base: b, changed: map[string]*ast.File{}, done: map[string]*types.Package{}}
	for file, text := range changed {
		f, err := parser.ParseFile(b.fset, file, text, 0)
		if err != nil {
			return err
		}
		c.changed[file] = f
		if before, err := b.file(file); err != nil {
			return err
		} else if b.text(before) != b.text(stripped(f)) {
			c.whole = true
		}
	}
	for file := range changed {
		if _, err := c.Import(module + "/" + path.Dir(file)); err != nil {
			return err
		}
	}
	if c.whole {
		if _, err := c.Import(module + "/monitor"); err != nil {
			return err
		}
	}
	return errors.Join(c.errs...)
}

// file returns a file as it is, without the bodies of its functions.
func (b *base) file(name string) (*ast.File, error) {
	if f := b.bare[name]; f != nil {
		return f, nil
	}
	f, err := parser.ParseFile(b.fset, filepath.Join(root, name), nil, 0)
	if err != nil {
		return nil, err
	}
	f = stripped(f)
	b.bare[name] = f
	return f, nil
}

func (b *base) text(f *ast.File) string {
	var s strings.Builder
	_ = printer.Fprint(&s, token.NewFileSet(), f)
	return s.String()
}

// stripped returns a copy of f without the bodies of its functions.
func stripped(f *ast.File) *ast.File {
	bare := *f
	bare.Decls = nil
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			if fn.Name.Name == "init" && fn.Recv == nil {
				continue // may not be without one
			}
			head := *fn
			head.Body, d = nil, &head
		}
		bare.Decls = append(bare.Decls, d)
	}
	return &bare
}

// checker checks the packages of this module, with the changed files in place.
type checker struct {
	*base
	changed map[string]*ast.File
	whole   bool // the declarations are others: all that use them are checked
	done    map[string]*types.Package
	errs    []error // in changed files, or in all
}

func (c *checker) Import(name string) (*types.Package, error) {
	dir, own := strings.CutPrefix(name, module+"/")
	if p := c.done[name]; p != nil {
		return p, nil
	}
	if !own {
		return c.foreign(name)
	}
	files, same, err := c.files(dir)
	if err != nil {
		return nil, err
	}
	if p := c.base.done[name]; p != nil && same && !c.touches(p) {
		return p, nil
	}
	conf := types.Config{Importer: c, Error: func(err error) {
		// What only a body uses that is not there counts as not used.
		if e := (types.Error{}); !errors.As(err, &e) || c.whole || c.changed[e.Fset.Position(e.Pos).Filename] != nil {
			c.errs = append(c.errs, err)
		}
	}}
	p, _ := conf.Check(name, c.fset, files, nil)
	c.done[name] = p
	if same && len(c.errs) == 0 && !c.touches(p) {
		c.base.done[name] = p
	}
	return p, nil
}

// foreign returns a package of another module. The importer looks for its files each time.
func (b *base) foreign(name string) (p *types.Package, err error) {
	if p = b.done[name]; p == nil {
		if p, err = b.std.ImportFrom(name, root, 0); err == nil {
			b.done[name] = p
		}
	}
	return p, err
}

// files returns the files of a package, and whether none of them is changed.
func (c *checker) files(dir string) (files []*ast.File, same bool, err error) {
	if c.names[dir] == nil {
		p, err := build.Default.ImportDir(filepath.Join(root, dir), 0)
		if err != nil {
			return nil, false, err
		}
		c.names[dir] = p.GoFiles
	}
	same = true
	for _, name := range c.names[dir] {
		file := dir + "/" + name
		f := c.changed[file]
		switch {
		case f != nil:
			same = false
		case c.whole:
			f, err = parser.ParseFile(c.fset, filepath.Join(root, file), nil, 0)
		default:
			f, err = c.file(file)
		}
		if err != nil {
			return nil, false, err
		}
		files = append(files, f)
	}
	return files, same, nil
}

// touches reports whether p uses a changed package.
func (c *checker) touches(p *types.Package) bool {
	for _, used := range p.Imports() {
		if c.isChanged(used) || strings.HasPrefix(used.Path(), module) && c.touches(used) {
			return true
		}
	}
	return false
}

func (c *checker) isChanged(p *types.Package) bool {
	for file := range c.changed {
		if module+"/"+path.Dir(file) == p.Path() {
			return true
		}
	}
	return false
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
