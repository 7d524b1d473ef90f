package acl

import (
	"strings"

	"github.com/gosentinel/sentinel/internal/words"
)

// unwritable reports whether s has a byte that no file could give back, since
// it separates words or ends strings there.
func unwritable(s string) bool {
	for i := range len(s) {
		if words.IsSpace(s[i]) || s[i] == 0 {
			return true
		}
	}
	return false
}

// mergeSelectors joins the words of a selector, "(+ping" "&news)", into one. A
// parenthesis that stays open is an error that open names.
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

// selectorWord writes a rule such that words.Split reads it back when it
// stands in a selector, and such that mergeSelectors, which sees the words of a
// file one by one, does not take a parenthesis at its end for that of the
// selector.
func selectorWord(rule string) string {
	if !strings.ContainsAny(rule, `"'`) && !strings.HasSuffix(rule, ")") {
		return rule
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(rule) + `"`
}
