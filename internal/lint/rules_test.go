package lint

import (
	"bytes"
	"fmt"
	"go/ast"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// docs objects to packages that do not say what they are for.
func (m *module) docs() (wrong []string) {
	for _, p := range m.pkgs {
		f := p.named["doc.go"]
		switch {
		case f == nil:
			wrong = append(wrong, p.dir+": there is no doc.go")
		case strings.TrimSpace(f.Doc.Text()) == "":
			wrong = append(wrong, m.at(f.Package, "the package comment is missing"))
		case f.Name.Name != "main" && !strings.HasPrefix(f.Doc.Text(), "Package "+f.Name.Name+" "):
			wrong = append(wrong, m.at(f.Package, "the package comment must begin with: Package %s", f.Name.Name))
		}
	}
	return wrong
}

// leaks objects to packages that start goroutines and do not prove in their
// tests that all of them end.
func (m *module) leaks() (wrong []string) {
	for _, p := range m.pkgs {
		start := find(p.files, startsGoroutine)
		check := find(p.tests, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "VerifyTestMain" {
				return false
			}
			x, ok := sel.X.(*ast.Ident)
			return ok && x.Name == "goleak"
		})
		if start != nil && check == nil {
			wrong = append(wrong, m.at(start.Pos(), "%s starts a goroutine, but none of its tests calls goleak.VerifyTestMain", p.dir))
		}
	}
	return wrong
}

// startsGoroutine reports whether a node is a go statement, or a call of the
// method Go of a sync.WaitGroup: of any method of that name that gets a function.
func startsGoroutine(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		return true
	case *ast.CallExpr:
		sel, ok := n.Fun.(*ast.SelectorExpr)
		return ok && sel.Sel.Name == "Go" && len(n.Args) == 1
	}
	return false
}

// find returns the first node for which is holds.
func find(files []*ast.File, is func(ast.Node) bool) (found ast.Node) {
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			if found == nil && n != nil && is(n) {
				found = n
			}
			return found == nil
		})
	}
	return found
}

// words are not to stand in any text file. They are written in two halves
// here, because this file is one of those.
var words = map[string]string{
	"/wo" + "rk/":  "a path on somebody's machine",
	"/ro" + "ot/":  "a path on somebody's machine",
	"/Us" + "ers/": "a path on somebody's machine",
	"TO" + "DO":    "unfinished work",
	"FIX" + "ME":   "unfinished work",
}

// maxText is the size of the largest file that is searched for words; the
// source has none that is larger.
const maxText = 4 << 20

// wordsIn objects to words in text files. Files of the go fuzzer are bytes that
// a machine made up.
func (m *module) wordsIn() (wrong []string, err error) {
	list := slices.Sorted(maps.Keys(words))
	err = fs.WalkDir(m.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == ".git" || strings.HasSuffix(name, "testdata/fuzz") {
				return fs.SkipDir
			}
			return nil
		}
		if d.Name() == ".git" {
			return nil // of a linked worktree: it names a directory of this machine
		}
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() > maxText {
			return err
		}
		text, err := fs.ReadFile(m.fsys, name)
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			return err
		}
		for i, line := range bytes.Split(text, []byte("\n")) {
			for _, w := range list {
				if bytes.Contains(line, []byte(w)) {
					wrong = append(wrong, fmt.Sprintf("%s:%d: %q is %s", path.Clean(name), i+1, w, words[w]))
				}
			}
		}
		return nil
	})
	return wrong, err
}
