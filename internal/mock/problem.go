package mock

import (
	"fmt"
	"strings"

	"github.com/gosentinel/sentinel/internal/words"
)

// Problem is one mistake in a script.
type Problem struct {
	Line int    // from 1; 0 when it is about the whole
	Text string // what is wrong
	Hint string // what to do about it
}

// Error is returned for a script that cannot be played. It has every mistake, up
// to twenty.
type Error struct {
	File     string
	Problems []Problem
}

// Error has a line for each problem: file, line, what is wrong, and what to do.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = e.File
		if p.Line > 0 {
			lines[i] = fmt.Sprintf("%s:%d", e.File, p.Line)
		}
		lines[i] += ": " + p.Text + " (" + p.Hint + ")"
	}
	return strings.Join(lines, "\n")
}

// meant returns a hint at the word that was probably meant, or else at all that
// are possible.
func meant(word string, possible []string) string {
	best, distance := "", max(2, len(word)/3+1)
	for _, p := range possible {
		if d := words.Distance(word, p); d < distance && d < len(word) {
			best, distance = p, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	if len(possible) == 0 {
		return "none is defined above"
	}
	return "possible: " + strings.Join(possible, ", ")
}
