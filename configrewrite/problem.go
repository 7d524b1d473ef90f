package configrewrite

import (
	"fmt"
	"strings"
)

// Problem is one thing wrong with a configuration.
type Problem struct {
	File    string // "command line" for an override
	Line    int    // from 1; 0 when the position is not known
	Text    string // the line, with passwords masked
	Message string // what is wrong
	Hint    string // what to do about it; may be empty
}

// String returns the problem as one line of text, or two when there is a hint.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	b.WriteString(p.Message)
	if p.Text != "" {
		fmt.Fprintf(&b, "\n    >>> %s", printable(p.Text))
	}
	if p.Hint != "" {
		fmt.Fprintf(&b, "\n    hint: %s", p.Hint)
	}
	return b.String()
}

// Error is every problem of a configuration at once, so that an operator need
// not start the daemon again for each.
type Error struct{ Problems []Problem }

// maxShown bounds an error text: a file of another kind would fill a terminal.
const maxShown = 100

// Error returns one paragraph for each problem, in the order of the file.
func (e *Error) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i == maxShown {
			fmt.Fprintf(&b, "\nand %d more", len(e.Problems)-maxShown)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.String())
	}
	return b.String()
}

// printable makes a line of a damaged file safe for a terminal and a log.
func printable(s string) string {
	const limit = 200
	cut := ""
	if len(s) > limit {
		s, cut = s[:limit], "…"
	}
	return printableAll(s) + cut
}

// printableAll is printable for a text that is mostly our own.
func printableAll(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\ufffd' {
			return '?'
		}
		return r
	}, s)
}

func containsFold(words []string, w string) bool {
	for _, x := range words {
		if strings.EqualFold(x, w) {
			return true
		}
	}
	return false
}
