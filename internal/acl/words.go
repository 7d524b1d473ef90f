package acl

import (
	"strings"

	"github.com/gosentinel/sentinel/internal/words"
)

// unwritable reports whether s has a byte that separates words or ends strings in
// a file, so that s could not be read back.
func unwritable(s string) bool {
	for i := range len(s) {
		if words.IsSpace(s[i]) || s[i] == 0 {
			return true
		}
	}
	return false
}

// mergeSelectors joins the words of a selector, such as "(+ping" "&news)", into
// one. If a parenthesis stays open, ok is false and open is the word with it.
func mergeSelectors(list []string) (merged []string, open string, ok bool) {
	for i := 0; i < len(list); i++ {
		if !strings.HasPrefix(list[i], "(") || strings.HasSuffix(list[i], ")") {
			merged = append(merged, list[i])
			continue
		}
		first := i
		for i++; i < len(list) && !strings.HasSuffix(list[i], ")"); i++ {
		}
		if i == len(list) {
			return nil, list[first], false
		}
		merged = append(merged, strings.Join(list[first:i+1], " "))
	}
	return merged, "", true
}

// selectorWord writes a rule inside a selector so that words.Split reads it back
// unchanged. It also keeps mergeSelectors, which sees a file's words one by one,
// from taking a parenthesis at the rule's end for that of the selector.
func selectorWord(rule string) string {
	if !strings.ContainsAny(rule, `"'`) && !strings.HasSuffix(rule, ")") {
		return rule
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(rule) + `"`
}
