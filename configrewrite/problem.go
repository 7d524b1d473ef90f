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

// nearest returns the candidate that a misspelt word most likely means, or "".
func nearest(word string, candidates []string) string {
	word = strings.ToLower(word)
	if len(word) > 64 {
		return ""
	}
	best, bestDist := "", 1+max(2, len(word)/3)
	if len(word) < 4 {
		bestDist = 2
	}
	for _, c := range candidates {
		if d := editDistance(word, strings.ToLower(c)); d < bestDist {
			best, bestDist = c, d
		}
	}
	if best == "" {
		return completion(word, candidates)
	}
	return best
}

// completion returns the one candidate that begins like a word which lost its
// end, or "".
func completion(word string, candidates []string) (found string) {
	for _, c := range candidates {
		switch {
		case len(word) < 3 || !strings.HasPrefix(strings.ToLower(c), word):
		case found != "":
			return ""
		default:
			found = c
		}
	}
	return found
}

// editDistance is the Levenshtein distance of two short words.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next := min(row[j]+1, row[j+1]+1, diag+cost)
			diag, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
