package lint

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// module is the parsed source of a module. All rules read it, and none changes
// it; each returns what it objects to, as sorted lines.
type module struct {
	path string
	fset *token.FileSet
	fsys fs.FS
	pkgs []*pkg // sorted by dir
}

// pkg is one directory with Go files.
type pkg struct {
	dir   string               // relative to the module; "." is its root
	files []*ast.File          // without tests
	tests []*ast.File          // tests of both kinds
	named map[string]*ast.File // all files by base name
}

// load parses all Go files below fsys, whatever their build constraints: the
// rules hold on every platform.
func load(fsys fs.FS) (*module, error) {
	m := &module{fset: token.NewFileSet(), fsys: fsys}
	if err := m.readPath(); err != nil {
		return nil, err
	}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (ignored(d.Name()) || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() && name != "." && nested(fsys, name):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		return m.parse(name)
	})
	return m, err
}

// nested tells a directory that is a module of its own.
func nested(fsys fs.FS, dir string) bool {
	_, err := fs.Stat(fsys, path.Join(dir, "go.mod"))
	return err == nil
}

// ignored tells the directories that the go command does not look into.
func ignored(dir string) bool { return dir[0] == '.' || dir[0] == '_' }

func (m *module) readPath() error {
	text, err := fs.ReadFile(m.fsys, "go.mod")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "module" {
			m.path = f[1]
			return nil
		}
	}
	return errors.New("go.mod has no module line")
}

func (m *module) parse(name string) error {
	src, err := fs.ReadFile(m.fsys, name)
	if err != nil {
		return err
	}
	f, err := parser.ParseFile(m.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	p := m.pkg(path.Dir(name))
	p.named[path.Base(name)] = f
	if strings.HasSuffix(name, "_test.go") {
		p.tests = append(p.tests, f)
	} else {
		p.files = append(p.files, f)
	}
	return nil
}

// pkg returns the package in dir, and makes it if there is none.
func (m *module) pkg(dir string) *pkg {
	i, found := slices.BinarySearchFunc(m.pkgs, dir, func(p *pkg, dir string) int { return strings.Compare(p.dir, dir) })
	if !found {
		m.pkgs = slices.Insert(m.pkgs, i, &pkg{dir: dir, named: make(map[string]*ast.File)})
	}
	return m.pkgs[i]
}

// dirOf returns the directory of an import path of this module.
func (m *module) dirOf(importPath string) (dir string, own bool) {
	if importPath == m.path {
		return ".", true
	}
	return strings.CutPrefix(importPath, m.path+"/")
}

// at makes a line about a place in the source.
func (m *module) at(pos token.Pos, format string, args ...any) string {
	p := m.fset.Position(pos)
	return fmt.Sprintf("%s:%d: ", p.Filename, p.Line) + fmt.Sprintf(format, args...)
}

func importPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		panic(err) // the parser has checked it
	}
	return p
}
