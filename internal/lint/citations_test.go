package lint

import (
	"fmt"
	"go/ast"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// specs are the documents whose sections comments and documents cite, such as
// "state-machine.md §5.1".
var specs = []string{"docs/spec/state-machine.md", "docs/spec/wire.md"}

var (
	sectionHeading = regexp.MustCompile(`^#{2,3} (§[0-9]+(?:\.[0-9]+)?|Appendix [A-Z])[. ]+(\S.*)$`)
	// A citation is the name of a document, or a section of the one named last.
	citation = regexp.MustCompile(`([\w-]+\.md)\b|(§[0-9]+(?:\.[0-9]+)?|Appendix [A-Z]\b)`)
	// Behind a section and a comma its heading may follow.
	namedCitation = regexp.MustCompile(`^,\s+([A-Z].*)`)
)

// sections returns what can be cited: document name, then section, then heading.
func sections(fsys fs.FS) (map[string]map[string]string, error) {
	all := make(map[string]map[string]string)
	for _, name := range specs {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		found := make(map[string]string)
		for line := range strings.Lines(string(text)) {
			if m := sectionHeading.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
				found[m[1]] = m[2]
			}
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s has no section that could be cited", name)
		}
		all[path.Base(name)] = found
	}
	return all, nil
}

// passage is text in which a document that was named stays the one that
// sections are cited of: a comment, or a paragraph.
type passage struct {
	at   string // file:line
	text string
	own  string // document that a section belongs to while none was named

	public bool // godoc shows it, to readers who do not have the document open
}

// citations objects to cited sections that do not exist, and to sections of
// which it is not said where they stand. It also counts what it has seen.
func (m *module) citations() (wrong []string, seen int, err error) {
	known, err := sections(m.fsys)
	if err != nil {
		return nil, 0, err
	}
	passages := m.comments()
	err = m.documents(func(name, text string) {
		own := ""
		if slices.Contains(specs, name) {
			own = path.Base(name)
		}
		passages = append(passages, paragraphs(name, text, own)...)
	})
	for _, p := range passages {
		if !mayCite(p.text) || sectionHeading.MatchString(strings.TrimSpace(p.text)) {
			continue
		}
		doc := p.own
		text := strings.Join(strings.Fields(p.text), " ")
		for _, i := range citation.FindAllStringSubmatchIndex(text, -1) {
			name, section := text[max(0, i[2]):max(0, i[3])], text[max(0, i[4]):max(0, i[5])]
			switch {
			case name != "":
				doc = name // of another document, nothing is known
			case doc == "" && strings.HasPrefix(section, "§"):
				wrong = append(wrong, fmt.Sprintf("%s: %s of which document?", p.at, section))
			case known[doc] != nil:
				seen++
				heading := known[doc][section]
				behind := namedCitation.FindStringSubmatch(text[i[1]:])
				if p.public && heading != "" && behind == nil {
					wrong = append(wrong, fmt.Sprintf("%s: godoc shows %s %s: add its name, %q", p.at, doc, section, heading))
				}
				if heading == "" {
					wrong = append(wrong, fmt.Sprintf("%s: %s has no %s", p.at, doc, section))
				} else if p.own == "" && behind != nil && !strings.HasPrefix(behind[1], heading) {
					wrong = append(wrong, fmt.Sprintf("%s: %s %s is not called that, but: %s", p.at, doc, section, heading))
				}
			}
		}
	}
	return wrong, seen, err
}

// mayCite spares the regular expressions most of the text.
func mayCite(text string) bool {
	return strings.Contains(text, "§") || strings.Contains(text, ".md") || strings.Contains(text, "Appendix")
}

// comments returns the comments of all Go files.
func (m *module) comments() (list []passage) {
	for _, p := range m.pkgs {
		for _, f := range slices.Concat(p.files, p.tests) {
			public := map[*ast.CommentGroup]bool{}
			if !slices.Contains(p.tests, f) {
				public = publicComments(f)
			}
			for _, group := range f.Comments {
				list = append(list, passage{at: strings.TrimSuffix(m.at(group.Pos(), ""), ": "), text: group.Text(), public: public[group]})
			}
		}
	}
	return list
}

// publicComments returns the comments of a file that godoc shows: those of the
// package, and of what it exports.
func publicComments(f *ast.File) map[*ast.CommentGroup]bool {
	shown := map[*ast.CommentGroup]bool{f.Doc: true}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			shown[d.Doc] = d.Name.IsExported()
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					shown[spec.Doc] = spec.Name.IsExported()
					shown[d.Doc] = shown[d.Doc] || spec.Name.IsExported()
				case *ast.ValueSpec:
					exported := slices.ContainsFunc(spec.Names, (*ast.Ident).IsExported)
					shown[spec.Doc] = exported
					shown[d.Doc] = shown[d.Doc] || exported
				}
			}
		}
	}
	return shown
}

// paragraphs divides a document where a new thought begins: at empty lines, list
// items, rows of tables and headings.
func paragraphs(name, text, own string) (list []passage) {
	starts := regexp.MustCompile(`^\s*([-*|#]|[0-9]+\.\s)`)
	begin := true
	for i, line := range strings.Split(text, "\n") {
		switch {
		case strings.TrimSpace(line) == "":
			begin = true
			continue
		case begin || starts.MatchString(line):
			list = append(list, passage{at: fmt.Sprintf("%s:%d", name, i+1), own: own})
		}
		begin = false
		list[len(list)-1].text += line + "\n"
	}
	return list
}

// documents calls do for every Markdown file.
func (m *module) documents(do func(name, text string)) error {
	return fs.WalkDir(m.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (ignored(d.Name()) || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".md":
			return nil
		}
		text, err := fs.ReadFile(m.fsys, name)
		do(name, string(text))
		return err
	})
}

// cited returns a module with two small specifications.
func cited(changes ...string) fstest.MapFS {
	return files(append([]string{
		"docs/spec/state-machine.md", "# Title\n\n## §1 Data\n\n### §1.2 Instances\n\nSee §1, wire.md §3.\n\n## Appendix A. Versions\n",
		"docs/spec/wire.md", "## §3 Commands\n\nSee §3 and\nstate-machine.md §1.2, §1.\n",
	}, changes...)...)
}

func TestCitations(t *testing.T) {
	for _, c := range []struct {
		name, file, text string
		want             []string
	}{
		{"all exist", "monitor/a.go", "package monitor\n\n// f is (state-machine.md §1.2, §1; wire.md §3).\nfunc f() {}\n", nil},
		{"next line", "monitor/a.go", "package monitor\n\n// f follows state-machine.md\n// §1.2 and Appendix A.\nfunc f() {}\n", nil},
		{"no such section", "monitor/a.go", "package monitor\n\n// f is state-machine.md §1.3.\nfunc f() {}\n", []string{"monitor/a.go:3: state-machine.md has no §1.3"}},
		{"of the other document", "monitor/a.go", "package monitor\n\n// f is wire.md §1.2.\nfunc f() {}\n", []string{"wire.md has no §1.2"}},
		{"second in a list", "monitor/a.go", "package monitor\n\n// f is state-machine.md §1, §9, wire.md §3.\nfunc f() {}\n", []string{"state-machine.md has no §9"}},
		{"no appendix", "monitor/a.go", "package monitor\n\n// f is state-machine.md Appendix C.\nfunc f() {}\n", []string{"has no Appendix C"}},
		{"in a test", "monitor/a_test.go", "package monitor\n\n// f is wire.md §4.\nfunc f() {}\n", []string{"a_test.go:3: wire.md has no §4"}},
		{"in a function", "monitor/a.go", "package monitor\n\nfunc f() {\n\t// As wire.md §4 has it.\n}\n", []string{"a.go:4: wire.md has no §4"}},
		{"by name", "monitor/a.go", "package monitor\n\n// f is state-machine.md §1.2,\n// Instances; §1, Data, of wire.md nothing.\nfunc f() {}\n", nil},
		{"in public, without its name", "monitor/a.go", "package monitor\n\n// F is (state-machine.md §1.2).\nfunc F() {}\n", []string{"a.go:3: godoc shows state-machine.md §1.2: add its name, \"Instances\""}},
		{"in public, by name", "monitor/a.go", "package monitor\n\n// F is (state-machine.md §1.2, Instances).\nfunc F() {}\n", nil},
		{"of something public in a group", "monitor/a.go", "package monitor\n\nvar (\n\t// X is wire.md §3.\n\tX = 1\n\t// y is wire.md §3.\n\ty = 2\n)\n", []string{"a.go:4: godoc shows wire.md §3"}},
		{"in public, in a test", "monitor/a_test.go", "package monitor\n\n// F is wire.md §3.\nfunc F() {}\n", nil},
		{"by another name", "monitor/a.go", "package monitor\n\n// f is (state-machine.md §1.2, Records).\nfunc f() {}\n", []string{"a.go:3: state-machine.md §1.2 is not called that, but: Instances"}},
		{"of no document", "monitor/a.go", "package monitor\n\n// f is §1.2.\nfunc f() {}\n", []string{"§1.2 of which document?"}},
		{"named in another comment", "monitor/a.go", "package monitor\n\n// f is state-machine.md §1.\nfunc f() {}\n\n// g is §1.2.\nfunc g() {}\n", []string{"a.go:6: §1.2 of which document?"}},
		{"not in a comment", "monitor/a.go", "package monitor\n\nconst f = \"wire.md §4\"\n", nil},
		{"in a document", "docs/a.md", "As [wire](spec/wire.md) §3 says.\n\n- wire.md §4\n", []string{"docs/a.md:3: wire.md has no §4"}},
		{"of another document", "docs/a.md", "b.md §7\n", nil},
		{"in a specification", "docs/spec/wire.md", "## §3 Commands\n\nSee §3, §5.\n", []string{"docs/spec/wire.md:3: wire.md has no §5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wrong, _, err := parsed(t, cited(c.file, c.text)).citations()
			if err != nil {
				t.Fatal(err)
			}
			expect(t, wrong, c.want...)
		})
	}
	if _, seen, _ := parsed(t, cited()).citations(); seen != 5 {
		t.Errorf("%d citations seen, want 5", seen)
	}
	if _, _, err := parsed(t, files()).citations(); err == nil {
		t.Error("a module without specifications was accepted")
	}
	if _, _, err := parsed(t, cited("docs/spec/wire.md", "# Nothing\n")).citations(); err == nil {
		t.Error("a specification without sections was accepted")
	}
}

// TestCitedSections applies the rule to this module.
func TestCitedSections(t *testing.T) {
	m := repository(t)
	wrong, seen, err := m.citations()
	report(t, wrong, err)
	if seen < 200 {
		t.Errorf("only %d citations were found", seen)
	}
}
