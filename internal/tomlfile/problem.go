package tomlfile

import (
	"fmt"
	"strings"

	"github.com/gosentinel/sentinel/internal/words"
)

// Problem is one thing wrong with a file.
type Problem struct {
	File    string
	Line    int    // from 1; 0 when it is not known
	Message string // what is wrong
	Hint    string // what to do about it; may be empty
}

// String returns the problem as one line.
func (p Problem) String() string {
	s := p.File
	if p.Line > 0 {
		s += fmt.Sprintf(":%d", p.Line)
	}
	s += ": " + p.Message
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

// Error is everything that is wrong with a file.
type Error struct{ Problems []Problem }

// maxShown bounds an error text: a file of another kind would fill a terminal.
const maxShown = 50

// Error returns a line for each problem.
func (e *Error) Error() string {
	var lines []string
	for i, p := range e.Problems {
		if i == maxShown {
			lines = append(lines, fmt.Sprintf("and %d more", len(e.Problems)-maxShown))
			break
		}
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// Known is a hint for a word that is none of those that are known: it names the one that
// was probably meant, or all of them, which are called what.
func Known(what, word string, known []string) string {
	if n := words.Nearest(word, known); n != "" {
		return fmt.Sprintf("did you mean %q?", n)
	}
	return what + " are: " + strings.Join(known, ", ")
}
