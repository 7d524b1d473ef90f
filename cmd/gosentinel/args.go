package main

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/words"
)

// invocation is a parsed command line.
type invocation struct {
	path      string   // configuration file, "" when none was given
	stdin     bool     // standard input has configuration lines as well
	overrides []string // configuration lines that take precedence over the file
	check     bool     // only check the configuration
	help      bool
	version   bool
	verb      []string // a command in place of the file, such as convert, with its arguments
}

var errNeedsFile = errors.New("Sentinel needs config file on disk to save state. Exiting...")

// usageError is a mistake in the command line.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// parseArgs parses the command line of redis-sentinel (wire.md §8.2, Command
// line): an optional file first, then "--name value..." groups, each of which
// becomes a configuration line with its values quoted. A value may start with
// "--" only if it is the first of its option. A "-" in the first or last place
// stands for lines on standard input.
//
// exists says whether there is a file of a name that may also be a command.
func parseArgs(args []string, exists func(path string) bool) (invocation, error) {
	var inv invocation
	if len(args) > 0 { // as redis-sentinel does, ignore what follows these
		switch args[0] {
		case "-h", "--help":
			inv.help = true
			return inv, nil
		case "-v", "--version":
			inv.version = true
			return inv, nil
		}
	}
	if isVerb(args, exists) {
		inv.verb = args
		return inv, nil
	}
	if len(args) > 0 && args[len(args)-1] == "-" {
		inv.stdin, args = true, args[:len(args)-1]
	}
	if len(args) > 0 && args[0] == "-" {
		inv.stdin, args = true, args[1:]
	}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		inv.path, args = args[0], args[1:]
	}
	if err := inv.options(args); err != nil {
		return inv, err
	}
	if inv.path == "" {
		return inv, errNeedsFile
	}
	return inv, nil
}

// options converts what follows the file to configuration lines.
func (inv *invocation) options(args []string) error {
	for k := 0; k < len(args); {
		if inv.check && inv.path == "" && !strings.HasPrefix(args[k], "-") {
			inv.path = args[k] // as in: gosentinel --check-config sentinel.conf
			k++
			continue
		}
		if !strings.HasPrefix(args[k], "--") || args[k] == "--" {
			return &usageError{"option expected, found " + words.Quote(configrewrite.Masked(args[k])) +
				": options are written --name value, and the configuration file stands before them"}
		}
		name := args[k][2:]
		k++
		if name == "check-config" {
			inv.check = true
			continue
		}
		var values []string
		for k < len(args) && (!strings.HasPrefix(args[k], "--") || len(values) == 0 && name != "sentinel") {
			values = append(values, words.Quote(args[k]))
			k++
		}
		if name == "sentinel" && len(values) == 0 {
			continue // redis-server's switch to Sentinel mode, the only mode here
		}
		inv.overrides = append(inv.overrides, strings.Join(append([]string{name}, values...), " "))
	}
	return nil
}

// flavour is the name under which this program was started: tools that read
// version texts and pid files expect those of the program they called.
type flavour int

const (
	plain flavour = iota
	asRedis
	asValkey
)

func flavourOf(argv0 string) flavour {
	switch name := filepath.Base(argv0); {
	case strings.Contains(name, "redis-sentinel"):
		return asRedis
	case strings.Contains(name, "valkey-sentinel"):
		return asValkey
	}
	return plain
}
