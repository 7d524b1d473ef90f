package configrewrite

import (
	"errors"
	"strings"

	"github.com/gosentinel/sentinel/internal/words"
)

var (
	errUnbalanced = errors.New("Unbalanced quotes in configuration line")
	errNUL        = errors.New("the line holds NUL bytes: the file is damaged, as after a crash while something wrote it")
)

// splitArgs cuts a trimmed line into words (wire.md §8.3).
func splitArgs(line string) ([]string, error) {
	if strings.IndexByte(line, 0) >= 0 {
		return nil, errNUL
	}
	args, ok := words.Split(line)
	if !ok {
		return nil, errUnbalanced
	}
	return args, nil
}

// joinArgs is the inverse of splitArgs.
func joinArgs(args ...string) string { return words.Join(args...) }

// quoteIfNeeded and quote return a text that splitArgs reads back as word.
func quoteIfNeeded(word string) string { return words.QuoteIfNeeded(word) }
func quote(word string) string         { return words.Quote(word) }
