package main

import (
	"errors"
	"strings"
)

// invocation is a parsed command line.
type invocation struct {
	path      string   // configuration file, "" when none was given
	overrides []string // configuration lines that stand after the file
	help      bool
	version   bool
}

var errNeedsFile = errors.New("Sentinel needs config file on disk to save state. Exiting...")

// parseArgs understands the command line of redis-sentinel (wire.md §8.2): an
// optional file first, then "--name value..." groups, each of which becomes a
// configuration line with its values quoted. A group's values may start with
// "--" only when the option has no value yet.
func parseArgs(args []string) (invocation, error) {
	var inv invocation
	if len(args) == 1 {
		switch args[0] {
		case "-h", "--help":
			inv.help = true
			return inv, nil
		case "-v", "--version":
			inv.version = true
			return inv, nil
		}
	}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		inv.path = args[0]
		args = args[1:]
	}
	lines, err := optionLines(args)
	if err != nil {
		return inv, err
	}
	inv.overrides = lines
	if inv.path == "" {
		return inv, errNeedsFile
	}
	return inv, nil
}

func optionLines(args []string) ([]string, error) {
	var lines []string
	for k := 0; k < len(args); {
		if !strings.HasPrefix(args[k], "--") || args[k] == "--" {
			return nil, errors.New("option expected, found " + quote(args[k]) +
				": options are written --name value, and the configuration file stands before them")
		}
		name := args[k][2:]
		k++
		var values []string
		for k < len(args) && (!strings.HasPrefix(args[k], "--") || len(values) == 0 && name != "sentinel") {
			values = append(values, quote(args[k]))
			k++
		}
		if name == "sentinel" && len(values) == 0 {
			continue // just the mode switch of redis-server, which is the only mode here
		}
		lines = append(lines, strings.Join(append([]string{name}, values...), " "))
	}
	return lines, nil
}

// quote writes a word so that the configuration parser reads it back unchanged.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			const hex = "0123456789abcdef"
			b.WriteString(`\x`)
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
