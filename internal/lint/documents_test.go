package lint

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const architecture = "docs/architecture.md"

// packageRow is a row of the list of packages in architecture.
var packageRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| *(.*?) *\\|$")

// packageList objects to packages that architecture does not name, names
// without a sentence, and names of packages that do not exist.
func (m *module) packageList() (wrong []string, err error) {
	text, err := fs.ReadFile(m.fsys, architecture)
	if err != nil {
		return nil, err
	}
	_, list, found := strings.Cut(string(text), "\n## Packages\n")
	if !found {
		return nil, fmt.Errorf("%s has no section Packages", architecture)
	}
	list, _, _ = strings.Cut(list, "\n## ")
	listed := make(map[string]bool)
	for _, row := range packageRow.FindAllStringSubmatch(list, -1) {
		dir := row[1]
		listed[dir] = true
		if !slices.ContainsFunc(m.pkgs, func(p *pkg) bool { return p.dir == dir }) {
			wrong = append(wrong, fmt.Sprintf("%s names %s, which is no package", architecture, dir))
		} else if !strings.Contains(row[2], " ") {
			wrong = append(wrong, fmt.Sprintf("%s does not say what %s is for", architecture, dir))
		}
	}
	for _, p := range m.pkgs {
		if !listed[p.dir] {
			wrong = append(wrong, fmt.Sprintf("%s does not name package %s", architecture, p.dir))
		}
	}
	return wrong, nil
}

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	fenced   = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	heading  = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	noAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	goFile   = regexp.MustCompile("`([\\w./-]*\\w\\.go)`")
)

// anchors returns what a link can point to in a document: each heading in small
// letters, with hyphens for spaces, and without other signs.
func anchors(text string) (list []string) {
	for _, h := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		list = append(list, strings.ReplaceAll(noAnchor.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-"))
	}
	return list
}

// links objects to relative links of documents that lead nowhere, and to source
// files that they name in code style and with their directory, seen from here or
// from the root, that do not exist.
func (m *module) links() (wrong []string, seen int, err error) {
	err = m.documents(func(name, text string) {
		lines := func(re *regexp.Regexp, check func(at, what string)) {
			for _, i := range re.FindAllStringSubmatchIndex(text, -1) {
				check(fmt.Sprintf("%s:%d", name, 1+strings.Count(text[:i[0]], "\n")), text[i[2]:i[3]])
			}
		}
		lines(link, func(at, to string) {
			if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
				return
			}
			seen++
			if reason := m.resolve(name, text, to); reason != "" {
				wrong = append(wrong, fmt.Sprintf("%s: link to %s: %s", at, to, reason))
			}
		})
		lines(goFile, func(at, file string) {
			if !strings.Contains(file, "/") {
				return // a name that says enough where it stands
			}
			seen++
			_, here := fs.Stat(m.fsys, path.Join(path.Dir(name), file))
			if _, err := fs.Stat(m.fsys, file); err != nil && here != nil {
				wrong = append(wrong, fmt.Sprintf("%s: there is no file %s", at, file))
			}
		})
	})
	return wrong, seen, err
}

// resolve says what is wrong with a link of a document, or "".
func (m *module) resolve(name, text, to string) string {
	file, anchor, _ := strings.Cut(to, "#")
	if file != "" {
		file = path.Join(path.Dir(name), file)
		info, err := fs.Stat(m.fsys, file)
		if err != nil {
			return "there is no such file"
		}
		if anchor == "" || info.IsDir() {
			return ""
		}
		b, err := fs.ReadFile(m.fsys, file)
		if err != nil {
			return err.Error()
		}
		text = string(b)
	}
	if !slices.Contains(anchors(text), anchor) {
		return "there is no such heading"
	}
	return ""
}

var (
	// In code style, or at the beginning of a line of code.
	makeCommand = regexp.MustCompile("(?m)(?:`|^ +|^)make ([a-z][a-z-]*)\\b")
	goCommand   = regexp.MustCompile("\\bgo (?:run|test|build|vet) [^`\n]*")
	goPath      = regexp.MustCompile(`\./[\w./-]*`)
	makeTarget  = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
)

// commands objects to targets of make and paths of the go command that documents
// show and that do not exist.
func (m *module) commands() (wrong []string, seen int, err error) {
	makefile, err := fs.ReadFile(m.fsys, "Makefile")
	if err != nil {
		return nil, 0, err
	}
	targets := make(map[string]bool)
	for _, t := range makeTarget.FindAllStringSubmatch(string(makefile), -1) {
		targets[t[1]] = true
	}
	err = m.documents(func(name, text string) {
		at := func(i int) string { return fmt.Sprintf("%s:%d", name, 1+strings.Count(text[:i], "\n")) }
		for _, i := range makeCommand.FindAllStringSubmatchIndex(text, -1) {
			if text[i[0]] != '`' && !inCode(text, i[0]) {
				continue // prose
			}
			seen++
			if target := text[i[2]:i[3]]; !targets[target] {
				wrong = append(wrong, fmt.Sprintf("%s: make has no target %s", at(i[0]), target))
			}
		}
		for _, i := range goCommand.FindAllStringIndex(text, -1) {
			for _, dir := range goPath.FindAllString(text[i[0]:i[1]], -1) {
				seen++
				if info, err := fs.Stat(m.fsys, path.Clean(strings.TrimSuffix(dir, "..."))); err != nil || !info.IsDir() {
					wrong = append(wrong, fmt.Sprintf("%s: there is no package %s", at(i[0]), dir))
				}
			}
		}
	})
	return wrong, seen, err
}

// inCode reports whether place i of a document lies in a block of code.
func inCode(text string, i int) bool {
	for _, block := range fenced.FindAllStringIndex(text, -1) {
		if block[0] <= i && i < block[1] {
			return true
		}
	}
	line, _, _ := strings.Cut(text[i:], "\n")
	return strings.HasPrefix(strings.TrimPrefix(line, "\n"), "    ")
}

func TestShownCommands(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"Run `make test`, or `go test -race ./monitor ./quorum/...`.\n\n```\nmake all-of-it\n```\n\nmake nonsense of it\n", ""},
		{"Run `make nonsense`.", "README.md:1: make has no target nonsense"},
		{"Run\n\n```\nmake nonsense\n```\n", "README.md:4: make has no target nonsense"},
		{"Run\n\n    make nonsense    # here\n", "make has no target nonsense"},
		{"Run\n\n    go run ./cmd/gone -h\n", "README.md:3: there is no package ./cmd/gone"},
		{"`go test ./monitor ./gone/...`", "README.md:1: there is no package ./gone/..."},
	} {
		m := parsed(t, files("README.md", c.text, "Makefile", "test: x\n\techo\nall-of-it:\n"))
		wrong, _, err := m.commands()
		if err != nil {
			t.Fatal(err)
		}
		expectOne(t, wrong, c.want)
	}
	if _, _, err := parsed(t, files()).commands(); err == nil {
		t.Error("a module without a Makefile was accepted")
	}
}

func TestPackageList(t *testing.T) {
	const head = "# A\n\n`ignored`\n\n## Packages\n\n| package | |\n|---|---|\n"
	const tail = "\n## Next\n\n| `x` | not a package |\n"
	all := ""
	for _, dir := range pures {
		all += "| `" + dir + "` | is pure |\n"
	}
	list := func(text string, changes ...string) []string {
		wrong, err := parsed(t, files(append([]string{architecture, text}, changes...)...)).packageList()
		if err != nil {
			t.Fatal(err)
		}
		return wrong
	}
	expect(t, list(head+all+tail))
	expect(t, list(head+all+tail, "a.go", "package m\n", "b/a_test.go", "package b\n"), "does not name package .", "does not name package b")
	expect(t, list(head+all+"| `.` | the root |\n| `b` | tests only |\n"+tail, "a.go", "package m\n", "b/a_test.go", "package b\n"))
	expect(t, list(head+strings.Replace(all, "is pure", "", 1)+tail), "does not say what "+pures[0]+" is for")
	expect(t, list(head+all+"| `gone` | was here |\n"+tail), "names gone, which is no package")
	for _, text := range []string{"", "# A\n"} {
		if _, err := parsed(t, files(architecture, text)).packageList(); err == nil {
			t.Error("a document without a list was accepted")
		}
	}
	if _, err := parsed(t, files()).packageList(); err == nil {
		t.Error("a module without the document was accepted")
	}
}

func TestLinks(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"[a](b.md) [b](../README.md#how-it-is-built) [c](#own-heading) [d](../monitor) [e](https://example.org/x)\n\n# Own heading\n", ""},
		{"one\n[a](c.md)\n", "docs/a.md:2: link to c.md: there is no such file"},
		{"[a](../../b.md)", "link to ../../b.md: there is no such file"},
		{"[a](b.md#nothing)", "there is no such heading"},
		{"[a](#nothing)\n\n```\n# nothing\n```\n", "there is no such heading"},
		{"![a](img/x.svg)", "link to img/x.svg: there is no such file"},
		{"`quorum/doc.go` and `doc.go`", ""},
		{"`quorum/gone.go`", "docs/a.md:1: there is no file quorum/gone.go"},
	} {
		m := parsed(t, files("docs/a.md", c.text, "docs/b.md", "# B\n", "README.md", "## How it is *built*\n"))
		wrong, _, err := m.links()
		if err != nil {
			t.Fatal(err)
		}
		expectOne(t, wrong, c.want)
	}
}

// TestDocuments applies the rules to this module.
func TestDocuments(t *testing.T) {
	m := repository(t)
	t.Run("packages are listed", func(t *testing.T) {
		wrong, err := m.packageList()
		report(t, wrong, err)
	})
	t.Run("commands exist", func(t *testing.T) {
		wrong, seen, err := m.commands()
		report(t, wrong, err)
		if seen < 30 {
			t.Errorf("only %d commands were found", seen)
		}
	})
	t.Run("links lead somewhere", func(t *testing.T) {
		wrong, seen, err := m.links()
		report(t, wrong, err)
		if seen < 50 {
			t.Errorf("only %d links were found", seen)
		}
	})
}
