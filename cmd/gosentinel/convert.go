package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/gosentinel/sentinel/configrewrite"
)

const convertUsage = `Usage: gosentinel convert FILE [NEW-FILE]

Prints the same configuration, state included, in the other of the two formats: as
sentinel.toml what is a sentinel.conf, and the other way round. NEW-FILE must not
exist yet; its name must end in .toml exactly if that of FILE does not.

`

// convert writes a configuration in the other format, to standard output or to a
// new file. It never overwrites an existing file, which may be in use.
func (p *program) convert(args []string) int {
	if len(args) < 1 || len(args) > 2 || strings.HasPrefix(args[0], "-") {
		return p.badUsage(&usageError{"convert takes a file to read and at most one to write"})
	}
	if len(args) > 1 && args[1] != "-" && configrewrite.FormatOf(args[0]) == configrewrite.FormatOf(args[1]) {
		fmt.Fprintf(p.stderr, "gosentinel: convert writes the other format: exactly one of %s and %s must have a name that ends in .toml\n",
			args[0], args[1])
		return 1
	}
	text, warnings, err := configrewrite.Convert(args[0])
	if err != nil {
		fmt.Fprintf(p.stderr, "gosentinel: %s cannot be converted:\n%v\n", args[0], err)
		return 1
	}
	for _, w := range warnings {
		fmt.Fprintf(p.stderr, "gosentinel: %s\n", w)
	}
	if len(args) == 1 || args[1] == "-" {
		_, err = p.stdout.Write(text)
	} else {
		err = writeNew(args[1], text)
	}
	if err != nil {
		fmt.Fprintf(p.stderr, "gosentinel: %v\n", err)
		return 1
	}
	return 0
}

// writeNew creates a file that only its owner can read, since it may hold
// passwords.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(path) // half a configuration is worse than none
	}
	return err
}
