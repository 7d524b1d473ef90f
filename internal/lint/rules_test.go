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

// layers says what each package may import of this module. A name that ends
// with "/..." stands for all packages below it, "." for the root package.
var layers = []struct {
	pkg       string
	mayImport []string
}{
	{"quorum", nil},
	{"election", []string{"quorum"}},
	{"monitor", slices.Concat(core[:2], tools)},
	{"internal/option", nil},
	{"internal/glob", nil},
	{"internal/numhost", nil},
	{"internal/optionlist", slices.Concat(core, []string{"internal/...", "configrewrite"})},
	{"internal/listen", slices.Concat(core, []string{"internal/...", "configrewrite"})},
	{"internal/logfile", slices.Concat(core, []string{"internal/...", "configrewrite"})},
	{"internal/server", slices.Concat(core, []string{"internal/...", "configrewrite", "pubsub", "gossip"})},
	{"internal/tlsfiles", slices.Concat(core, []string{"internal/...", "configrewrite"})},
	{"internal/...", slices.Concat(core, []string{"internal/..."})},
	{"pubsub", slices.Concat(core, []string{"internal/..."})},
	{"configrewrite", slices.Concat(core, []string{"internal/..."})},
	{"gossip", slices.Concat(core, []string{"internal/...", "gossip/session"})},
	{"gossip/session", core},
	{"monitor/link", slices.Concat(core, []string{"internal/..."})},
	{".", slices.Concat(core, shell)},
	{"cmd/demo", []string{"internal/...", "jepsen/cluster"}}, // runs real processes
	{"cmd/...", slices.Concat(core, shell, []string{"."})},
	{"jepsen/...", slices.Concat(core, shell, []string{".", "jepsen/..."})},
}

var (
	core  = []string{"quorum", "election", "monitor"}
	tools = []string{"internal/glob", "internal/numhost", "internal/option"} // of the core, and as pure
	pures = slices.Concat(tools, core, []string{"gossip/session"})           // what cannot behave differently with the same inputs
	shell = []string{"internal/...", "pubsub", "configrewrite", "gossip/...", "monitor/link"}
)

// covers reports whether a name of layers stands for the package in dir.
func covers(name, dir string) bool {
	below, tree := strings.CutSuffix(name, "...")
	return name == dir || tree && (strings.HasPrefix(dir, below) || dir+"/" == below)
}

// directions objects to imports that do not point downwards. Tests are free:
// an integration test may look at anything.
func (m *module) directions() (wrong []string) {
	for _, p := range m.pkgs {
		if len(p.files) == 0 {
			continue
		}
		i := slices.IndexFunc(layers, func(l struct {
			pkg       string
			mayImport []string
		}) bool {
			return covers(l.pkg, p.dir)
		})
		if i < 0 {
			wrong = append(wrong, fmt.Sprintf("%s: no rule says what this package may import: add one to layers", p.dir))
			continue
		}
		for _, f := range p.files {
			for _, spec := range f.Imports {
				dir, own := m.dirOf(importPath(spec))
				if own && !slices.ContainsFunc(layers[i].mayImport, func(name string) bool { return covers(name, dir) }) {
					wrong = append(wrong, m.at(spec.Pos(), "%s may not import %s, which does not lie below it", p.dir, dir))
				}
			}
		}
	}
	return wrong
}

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
		start := find(p.files, func(n ast.Node) bool { _, ok := n.(*ast.GoStmt); return ok })
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
	"/wo" + "rk/":     "a path on somebody's machine",
	"/ro" + "ot/":     "a path on somebody's machine",
	"/tmp/br" + "ief": "a path on somebody's machine",
	"/Us" + "ers/":    "a path on somebody's machine",
	"TO" + "DO":       "unfinished work",
	"FIX" + "ME":      "unfinished work",
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
