package words

import (
	"fmt"
	"strings"
)

// Count returns a number with its noun: "1 master", "2 masters".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Listed reports whether a list with commas, such as flags in a reply, has a word.
func Listed(list, word string) bool {
	for w := range strings.SplitSeq(list, ",") {
		if w == word {
			return true
		}
	}
	return false
}
