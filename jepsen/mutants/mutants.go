package mutants

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Mutation is one fault to put into the core.
type Mutation struct {
	Name string // in a few words
	Why  string // what would go wrong in production
	By   Catcher
	// Test is for [ByTest]: the package, relative to the root of the module, and
	// the pattern of the tests to run.
	Test  [2]string
	Edits []Edit
}

// Edit replaces a piece of text that stands exactly once in a file.
type Edit struct {
	File     string // relative to the root of the module
	Old, New string
}

// Catcher is who must notice a mutation.
type Catcher uint8

// The catchers.
const (
	BySimulator Catcher = iota // within Seeds seeds
	ByExplorer
	ByTest
)

// Seeds is within how many seeds the simulator must notice a mutation.
const Seeds = 5000

// String names the catcher.
func (c Catcher) String() string {
	return [...]string{"simulator", "explorer", "test"}[c]
}

// Apply returns the changed text of every file that m changes.
func (m Mutation) Apply(root string) (map[string]string, error) {
	changed := map[string]string{}
	for _, e := range m.Edits {
		text, seen := changed[e.File]
		if !seen {
			b, err := os.ReadFile(filepath.Join(root, e.File))
			if err != nil {
				return nil, fmt.Errorf("mutants: %q: %w", m.Name, err)
			}
			text = string(b)
		}
		if n := strings.Count(text, e.Old); n != 1 {
			return nil, fmt.Errorf("mutants: %q: the text to replace stands %d times in %s, not once; adapt the mutation to the source:\n%s",
				m.Name, n, e.File, e.Old)
		}
		changed[e.File] = strings.Replace(text, e.Old, e.New, 1)
	}
	return changed, nil
}

// Overlay writes the changed files and a description of them for the -overlay
// option of the go command into dir, and returns the name of the latter.
func (m Mutation) Overlay(root, dir string) (string, error) {
	changed, err := m.Apply(root)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for file, text := range changed {
		to := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(to, []byte(text), 0o644); err != nil {
			return "", fmt.Errorf("mutants: %w", err)
		}
		from, err := filepath.Abs(filepath.Join(root, file))
		if err != nil {
			return "", fmt.Errorf("mutants: %w", err)
		}
		replace[from] = to
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", fmt.Errorf("mutants: %w", err)
	}
	name := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(name, b, 0o644); err != nil {
		return "", fmt.Errorf("mutants: %w", err)
	}
	return name, nil
}
