package mock

import (
	"embed"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

//go:embed scripts/*.mock
var collection embed.FS

const suffix = ".mock"

// Names returns the names of the scripts in the collection, in the order of their
// letters.
func Names() (names []string) {
	entries, err := collection.ReadDir("scripts")
	if err != nil {
		panic(err) // the directory is a part of the program
	}
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), suffix))
	}
	return names
}

// Source returns the text of a script of the collection.
func Source(name string) ([]byte, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("no script is called %q (%s)", name, meant(name, Names()))
	}
	return collection.ReadFile("scripts/" + name + suffix)
}

// Load reads a script: one of the collection by its name, or else a file.
func Load(name string) (*Script, error) {
	if slices.Contains(Names(), name) {
		text, err := Source(name)
		if err != nil {
			return nil, err
		}
		return Parse(name, text)
	}
	f, err := os.Open(name)
	if os.IsNotExist(err) && !strings.ContainsAny(name, `/\.`) {
		_, err = Source(name)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxScriptBytes+1)) // /dev/zero has no end
	if err != nil {
		return nil, err
	}
	return Parse(name, text)
}
