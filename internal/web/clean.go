package web

import (
	"strings"
	"unicode"
)

// Clean replaces what is no visible text: terminal escapes and other control characters,
// and marks that turn the direction of a text. Names and texts of others may have them.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
