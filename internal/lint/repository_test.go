package lint

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// root returns the directory of this module.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("there is no go.mod above the working directory")
		}
		dir = parent
	}
}

// repository returns this module. It is parsed once for all rules, since none of
// them changes it.
func repository(t *testing.T) *module {
	t.Helper()
	m, err := loaded(root(t))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var loaded = func() func(dir string) (*module, error) {
	var once sync.Once
	var m *module
	var err error
	return func(dir string) (*module, error) {
		once.Do(func() { m, err = load(os.DirFS(dir)) })
		return m, err
	}
}()

func report(t *testing.T, wrong []string, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		t.Error(w)
	}
}

func TestRepository(t *testing.T) {
	m := repository(t)
	t.Run("the core is pure", func(t *testing.T) {
		wrong, err := m.purity(std)
		report(t, wrong, err)
	})
	t.Run("inputs are data", func(t *testing.T) {
		wrong, err := m.data(std)
		report(t, wrong, err)
	})
	t.Run("some packages stand alone", func(t *testing.T) { report(t, m.solitude(alone), nil) })
	t.Run("imports point downwards", func(t *testing.T) { report(t, append(m.directions(layers), m.layering(layers)...), nil) })
	t.Run("the process belongs to cmd", func(t *testing.T) { report(t, m.processes(layers, forDaemons), nil) })
	t.Run("simulators look in alone", func(t *testing.T) {
		wrong, err := m.simulatorsOnly(std)
		report(t, wrong, err)
	})
	t.Run("packages are explained", func(t *testing.T) { report(t, m.docs(), nil) })
	t.Run("goroutines are counted", func(t *testing.T) { report(t, m.leaks(), nil) })
	t.Run("no stray words", func(t *testing.T) {
		wrong, err := m.wordsIn()
		report(t, wrong, err)
	})
}
