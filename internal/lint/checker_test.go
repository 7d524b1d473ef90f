package lint

import (
	"go/importer"
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// files returns a small module whose packages obey all rules, with files
// replaced or added: name, content, name, content, ...
func files(changes ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	set := func(name, text string) { fsys[name] = &fstest.MapFile{Data: []byte(text)} }
	set("go.mod", "module example.org/m\n\ngo 1.26\n")
	for _, dir := range pures {
		name := path.Base(dir)
		set(dir+"/doc.go", "// Package "+name+" is pure.\npackage "+name+"\n")
	}
	for i := 0; i < len(changes); i += 2 {
		set(changes[i], changes[i+1])
	}
	return fsys
}

func parsed(t *testing.T, fsys fstest.MapFS) *module {
	t.Helper()
	m, err := load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// expect compares the lines of a rule: as many, and each with the wanted part.
func expect(t *testing.T, got []string, parts ...string) {
	t.Helper()
	if !slices.EqualFunc(got, parts, strings.Contains) {
		t.Errorf("objections:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(parts, "\n"))
	}
}

// expectOne expects one line, with the part, or none if part is "".
func expectOne(t *testing.T, got []string, part string) {
	t.Helper()
	if part == "" {
		expect(t, got)
	} else {
		expect(t, got, part)
	}
}

// std is shared by all rules, because it reads the source of the standard library,
// which takes seconds.
var std = importer.ForCompiler(token.NewFileSet(), "source", nil)

// pure applies the rules of the core to one file of package monitor.
func pure(t *testing.T, src string) ([]string, error) {
	t.Helper()
	return parsed(t, files("monitor/a.go", "package monitor\n"+src)).purity(std)
}

func TestImpureSources(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"go", `func f() { go f() }`, "go runs concurrently"},
		{"select", `func f() { select {} }`, "select runs concurrently"},
		{"channel", `var c chan int`, "a channel runs concurrently"},
		{"channel as parameter", `func f(c <-chan int) {}`, "a channel runs concurrently"},
		{"range over a map", `func f(m map[int]int) { for range m {} }`, "range visits a map"},
		{"range over a named map", `type M map[int]int; func f(m M) { for range m {} }`, "range visits a map"},
		{"range over a map made in place", `func f() { for range map[int]int{1: 2} {} }`, "range visits a map"},
		{"range over a map of another package", `import "example.org/m/election"; func f() { for range election.M {} }`, "range visits a map"},
		{"range over a type parameter", `func f[M ~map[int]int](m M) { for range m {} }`, "range visits a map"},
		{"range over a constraint", `type C interface { ~map[int]int }; func f[M C](m M) { for range m {} }`, "range visits a map"},
		{"clock", `import "time"; var t = time.Now()`, "time.Now reads the clock"},
		{"clock under another name", `import x "time"; var t = x.Since(x.Time{})`, "time.Since reads the clock"},
		{"clock without a name", `import . "time"; var t = Until(Time{})`, "time.Until reads the clock"},
		{"clock as a value", `import "time"; var now = time.Now`, "time.Now reads the clock"},
		{"sleep", `import "time"; func f() { time.Sleep(1) }`, "time.Sleep waits"},
		{"After", `import "time"; var _ = time.After`, "time.After waits"},
		{"AfterFunc", `import "time"; var _ = time.AfterFunc`, "time.AfterFunc waits"},
		{"Tick", `import "time"; var _ = time.Tick`, "time.Tick waits"},
		{"NewTimer", `import "time"; var _ = time.NewTimer`, "time.NewTimer waits"},
		{"NewTicker", `import "time"; var _ = time.NewTicker`, "time.NewTicker waits"},
		{"time zone", `import "time"; var _ = time.Local`, "time.Local depends on the time zone"},
		{"chance", `import "math/rand/v2"; var n = rand.IntN(9)`, "math/rand/v2.IntN is chance without a seed"},
		{"generic chance", `import "math/rand/v2"; var n = rand.N(9)`, "math/rand/v2.N is chance without a seed"},
		{"other generator", `import "math/rand/v2"; var n = rand.NewChaCha8`, "math/rand/v2.NewChaCha8 is chance without a seed"},
		{"keys of a map", `import "maps"; var k = maps.Keys(map[int]int{})`, "maps.Keys visits a map"},
		{"coroutine", `import "iter"; func f(s iter.Seq[int]) { iter.Pull(s) }`, "iter.Pull runs concurrently"},
		{"standard output", `import "fmt"; func f() { fmt.Println() }`, "fmt.Println does input or output"},
		{"builtin output", `func f() { println() }`, "println does input or output"},
		{"platform", "\n//go:build linux\n", "//go:build: the core is the same everywhere"},
		{"link into the runtime", "//go:linkname f runtime.nanotime\nfunc f() {}", "//go:linkname: the core is the same everywhere"},
		{"of the shell", `import _ "example.org/m/pubsub"`, "may not import example.org/m/pubsub"},
		{"the root", `import _ "example.org/m"`, "may not import example.org/m"},
		{"internal", `import _ "example.org/m/internal/scripts"`, "may not import example.org/m/internal/scripts"},
		{"link", `import _ "example.org/m/monitor/link"`, "may not import example.org/m/monitor/link"},
		{"of somebody else", `import _ "github.com/redis/go-redis/v9"`, "may not import github.com/redis/go-redis/v9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := parsed(t, files("election/a.go", "package election\nvar M map[int]int\n", "monitor/a.go", "package monitor\n"+c.src))
			wrong, err := m.purity(std)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, wrong, c.want)
			if len(wrong) > 0 && !strings.HasPrefix(wrong[0], "monitor/a.go:") {
				t.Errorf("the objection does not say where: %s", wrong[0])
			}
		})
	}
}

func TestEachUseOfAChannelIsSeen(t *testing.T) {
	wrong, err := pure(t, `func f(c chan int) {
	c <- 1
	<-c
	for range c {}
}`)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, wrong, "a.go:2: a channel", "a.go:3: a channel", "a.go:4: a channel", "a.go:5: range over a channel")
}

func TestForbiddenImports(t *testing.T) {
	for _, name := range []string{
		"net", "net/http", "os", "os/exec", "os/signal", "sync", "sync/atomic", "context", "log", "log/slog", "io", "io/fs", "bufio",
		"runtime", "unsafe", "reflect", "syscall", "math/rand", "crypto/rand", "hash/maphash", "unique", "testing", "C",
	} {
		wrong, err := pure(t, `import _ "`+name+`"`)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, wrong, "monitor is pure and may not import "+name)
	}
}

func TestPureSourceIsAccepted(t *testing.T) {
	m := parsed(t, files("election/a.go", "package election\nconst X = 1\n", "monitor/a.go", `package monitor

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"example.org/m/election"
)

type Now struct{ After time.Duration }

func (Now) Sleep() {}

func f(m map[string]int, list []string, byKind [3]int, each func(func(int) bool)) int {
	r := rand.New(rand.NewPCG(1, election.X))
	now := Now{After: 3 * time.Second}
	now.Sleep()
	for range r.IntN(9) {}
	for range list {}
	for range byKind {}
	for range "text" {}
	for range each {}
	m = maps.Clone(m)
	delete(m, list[0])
	slices.Sort(list)
	return m["x"]
}

func g[S ~[]int](s S) { for range s {} }
`))
	wrong, err := m.purity(std)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, wrong)
}

// TestToolsOfTheCoreArePure: what the core imports of internal is held to the
// same rules.
func TestToolsOfTheCoreArePure(t *testing.T) {
	for _, dir := range tools {
		name := path.Base(dir)
		m := parsed(t, files(dir+"/a.go", "package "+name+"\nimport \"time\"\nvar Start = time.Now()\n",
			"monitor/a.go", "package monitor\nimport _ \"example.org/m/"+dir+"\"\n"))
		wrong, err := m.purity(std)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, wrong, dir+"/a.go:3: time.Now reads the clock")
	}
}

func TestCoreThatDoesNotCompileIsAnError(t *testing.T) {
	if _, err := pure(t, "var x = missing"); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("the error is %v", err)
	}
}

func TestMissingCoreIsAnError(t *testing.T) {
	fsys := files()
	delete(fsys, "quorum/doc.go")
	if _, err := parsed(t, fsys).purity(std); err == nil || !strings.Contains(err.Error(), "no package quorum") {
		t.Errorf("the error is %v", err)
	}
}

func TestUnreadableModules(t *testing.T) {
	noModule := files("go.mod", "go 1.26\n")
	noFile := files()
	delete(noFile, "go.mod")
	for _, fsys := range []fstest.MapFS{noModule, noFile, files("a.go", "no Go")} {
		if _, err := load(fsys); err == nil {
			t.Errorf("a broken module was accepted")
		}
	}
}

func TestDirections(t *testing.T) {
	imports := func(from, to string) []string {
		name := strings.TrimPrefix(from+"/a.go", "./")
		return parsed(t, files(name, "package a\nimport _ \""+to+"\"\n")).directions(layers)
	}
	const m = "example.org/m"
	for _, c := range []struct{ from, to string }{
		{"quorum", m + "/election"},
		{"quorum", m + "/internal/words"},
		{"election", m + "/monitor"},
		{"monitor", m + "/internal/words"},
		{"election", m + "/internal/option"},
		{"internal/option", m + "/internal/glob"},
		{"internal/glob", m + "/quorum"},
		{"monitor", m + "/pubsub"},
		{"internal/acl", m + "/pubsub"},
		{"internal/acl", m},
		{"internal/words", m + "/internal/glob"},
		{"internal/server", m + "/monitor/link"},
		{"internal/server", m},
		{"pubsub", m + "/monitor/link"},
		{"configrewrite", m + "/pubsub"},
		{"gossip", m + "/monitor/link"},
		{"monitor/link", m + "/gossip"},
		{"monitor/link", m + "/pubsub"},
		{"monitor/link", m},
		{"internal/node", m},
		{".", m + "/cmd/gosentinel"},
		{".", m + "/jepsen/sim"},
		{"cmd/gosentinel", m + "/cmd/demo"},
		{"cmd/gosentinel", m + "/jepsen/sim"},
		{"jepsen/sim", m + "/cmd/demo"},
		{"jepsen/sim", m + "/jepsen/cluster"},
	} {
		expect(t, imports(c.from, c.to), "may not import")
	}
	for _, c := range []struct{ from, to string }{
		{"monitor", m + "/quorum"},
		{"monitor", m + "/election"},
		{"monitor", m + "/internal/option"},
		{"monitor", m + "/internal/glob"},
		{"internal/acl", m + "/internal/glob"},
		{"internal/logfile", m + "/monitor"},
		{"monitor/link", m + "/monitor"},
		{"gossip", m + "/monitor"},
		{".", m + "/internal/node"},
		{"internal/node", m + "/monitor/link"},
		{"cmd/gosentinel", m + "/internal/node"},
		{"jepsen/mutants", m + "/jepsen/sim"},
		{"jepsen/sim", m + "/monitor"},
		{"quorum", "example.org/module"}, // another module whose path begins alike
		{"quorum", "os"},                 // not a matter of direction
	} {
		expect(t, imports(c.from, c.to))
	}
	expect(t, imports("elsewhere", "os"), "elsewhere: no rule says")
}

func TestDirectionsLeavesTestsAlone(t *testing.T) {
	m := parsed(t, files("quorum/a_test.go", "package quorum\nimport _ \"example.org/m/pubsub\"\n",
		"onlytests/a_test.go", "package onlytests\nimport _ \"example.org/m/pubsub\"\n"))
	expect(t, m.directions(layers))
}

// TestLayering: the list of layers is the graph, and has no circle.
func TestLayering(t *testing.T) {
	m := parsed(t, files("a/a.go", "package a\nimport _ \"example.org/m/b\"\n", "b/b.go", "package b\n"))
	expect(t, m.layering([]layer{{"b", nil}, {"a", []string{"b"}}}))
	expect(t, m.layering([]layer{{"a", []string{"b"}}, {"b", nil}}), "a imports b, which does not stand above it")
	expect(t, m.layering([]layer{{"a", nil}, {"b", []string{"a"}}}), "no file of b imports a any more")
	expect(t, m.layering([]layer{{"c", nil}}), "there is no package c")
}

// TestSolitude: what stands alone imports the standard library, and tests may do as
// they like.
func TestSolitude(t *testing.T) {
	m := parsed(t, files(
		"a/a.go", "package a\nimport _ \"net/http\"\nimport _ \"example.org/m/b\"\n",
		"a/a_test.go", "package a\nimport _ \"go.uber.org/goleak\"\n",
		"b/b.go", "package b\nimport _ \"github.com/x/y\"\nimport _ \"C\"\n"))
	expect(t, m.solitude([]string{"a", "c"}), "a stands alone and may not import example.org/m/b", "there is no package c")
	expect(t, m.solitude([]string{"a", "b"}), "b stands alone and may not import github.com/x/y", "b stands alone and may not import C")
}

func TestDocs(t *testing.T) {
	expect(t, parsed(t, files()).docs())
	expect(t, parsed(t, files(
		"a/a.go", "// Package a is explained in the wrong file.\npackage a\n",
		"b/doc.go", "// Copyright\n\npackage b\n",
		"c/doc.go", "// This package is for nothing.\npackage c\n",
		"cmd/d/doc.go", "// Gosentinel watches.\npackage main\n",
		"cmd/e/doc.go", "package main\n",
		"f/doc.go", "// Package f.\npackage f\n",
		"g/testdata/x.go", "package x\n",
		"_h/x.go", "package x\n",
		".i/x.go", "package x\n",
		"j/a_test.go", "package j\n",
	)).docs(),
		"a: there is no doc.go",
		"b/doc.go:3: the package comment is missing",
		"c/doc.go:2: the package comment must begin with: Package c",
		"cmd/e/doc.go:1: the package comment is missing",
		"f/doc.go:2: the package comment must begin with: Package f",
		"j: there is no doc.go",
	)
}

func TestLeaks(t *testing.T) {
	const starts = "package a\nfunc f() {\n\tgo f()\n}\n"
	const proves = "package a\nimport \"go.uber.org/goleak\"\nfunc TestMain(m *testing.M) { goleak.VerifyTestMain(m) }\n"
	expect(t, parsed(t, files("a/a.go", starts)).leaks(), "a/a.go:3: a starts a goroutine, but none")
	const group = "package a\nimport \"sync\"\nfunc f(w *sync.WaitGroup) {\n\tw.Go(func() {})\n}\n"
	expect(t, parsed(t, files("a/a.go", group)).leaks(), "a/a.go:4: a starts a goroutine, but none")
	expect(t, parsed(t, files("a/a.go", starts, "a/a_test.go", "package a\nfunc f() { VerifyTestMain() }\n")).leaks(), "a/a.go:3")
	expect(t, parsed(t, files("a/a.go", starts, "a/b/a_test.go", proves)).leaks(), "a/a.go:3")
	expect(t, parsed(t, files("a/a.go", starts, "a/a_test.go", proves)).leaks())
	expect(t, parsed(t, files("a/a_test.go", starts)).leaks())
}

func TestWords(t *testing.T) {
	wordsOf := func(fsys fstest.MapFS) []string {
		wrong, err := parsed(t, fsys).wordsIn()
		if err != nil {
			t.Fatal(err)
		}
		return wrong
	}
	expect(t, wordsOf(files()))
	for w, reason := range words {
		expect(t, wordsOf(files("Makefile", "all:\n\techo x"+w+"y\n")), "Makefile:2: \""+w+"\" is "+reason)
		expect(t, wordsOf(files(".ci/run", w)), ".ci/run:1: ")
		expect(t, wordsOf(files("binary", w+"\x00")))
		expect(t, wordsOf(files(".git/config", w)))
		expect(t, wordsOf(files(".git", w))) // as in a linked worktree
		expect(t, wordsOf(files("a/testdata/fuzz/FuzzX/1", w)))
	}
}
