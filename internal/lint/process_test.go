package lint

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// ofProcess are functions that change what a process has only one of.
var ofProcess = map[string][]string{
	"os":            {"Exit", "Chdir", "Setenv", "Unsetenv", "Clearenv"},
	"os/signal":     {"Notify", "NotifyContext", "Ignore", "Reset"},
	"syscall":       {"Setrlimit", "Chdir", "Umask", "Kill", "Exec"},
	"runtime":       {"GOMAXPROCS"},
	"runtime/debug": {"SetGCPercent", "SetMemoryLimit", "SetMaxThreads", "SetCrashOutput"},
	"log/slog":      {"SetDefault", "SetLogLoggerLevel"},
	"log":           {"SetOutput", "SetFlags", "SetPrefix", "Fatal", "Fatalf", "Fatalln"},
}

// forDaemons are the files of the library whose functions only the daemon calls.
var forDaemons = []string{
	"internal/listen/fdlimit_unix.go",   // FitFiles
	"internal/scripts/orphans_linux.go", // ReapOrphans
}

// processes objects to what the library does to the process that embeds it. Any number
// of Sentinels may run beside whatever else is there.
func (m *module) processes(list []layer, exempt []string) (wrong []string) {
	reached := map[string]bool{".": true}
	for _, l := range slices.Backward(list) { // who imports stands below
		if reached[l.pkg] {
			for _, dir := range l.imports {
				reached[dir] = true
			}
		}
	}
	for _, p := range m.pkgs {
		if !reached[p.dir] {
			continue
		}
		for _, f := range p.files {
			name := m.fset.Position(f.Package).Filename
			if slices.Contains(exempt, name) {
				continue
			}
			names := map[string]string{} // local names of packages
			for _, spec := range f.Imports {
				path := importPath(spec)
				names[path[strings.LastIndex(path, "/")+1:]] = path
				if spec.Name != nil {
					names[spec.Name.Name] = path
				}
			}
			ast.Inspect(f, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(ofProcess[names[x.Name]], sel.Sel.Name) {
					wrong = append(wrong, m.at(sel.Pos(), "%s.%s changes the process, which is for cmd to do", x.Name, sel.Sel.Name))
				}
				return true
			})
		}
	}
	return wrong
}

func TestProcesses(t *testing.T) {
	list := []layer{{"a", nil}, {"b", nil}, {".", []string{"a"}}, {"cmd/d", []string{".", "b"}}}
	const exits = "import \"os\"\nfunc F() { os.Exit(1) }\n"
	m := parsed(t, files("a/a.go", "package a\n"+exits, "a/b.go", "package a\nimport alias \"log\"\nvar f = alias.Fatal\n",
		"b/b.go", "package b\n"+exits, "cmd/d/d.go", "package main\n"+exits, "r.go", "package r\nimport \"os\"\nvar g = os.Getenv\n"))
	expect(t, m.processes(list, nil), "a/a.go:3: os.Exit changes the process", "a/b.go:3: alias.Fatal changes the process")
	expect(t, m.processes(list, []string{"a/a.go", "a/b.go"}))
}
