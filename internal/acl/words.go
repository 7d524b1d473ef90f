package acl

import "strings"

// isSpace is C's isspace.
func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// endsWord differs from isSpace as it does in stock Redis: vertical tab and form
// feed separate words only where a word could start.
func endsWord(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// unwritable reports whether s has a byte that no file could give back, since
// it separates words or ends strings there.
func unwritable(s string) bool {
	for i := range len(s) {
		if isSpace(s[i]) || s[i] == 0 {
			return true
		}
	}
	return false
}

// mergeSelectors joins the words of a selector, "(+ping" "&news)", into one. A
// parenthesis that stays open is an error that open names.
func mergeSelectors(words []string) (merged []string, open string, ok bool) {
	for i := 0; i < len(words); i++ {
		if !strings.HasPrefix(words[i], "(") || strings.HasSuffix(words[i], ")") {
			merged = append(merged, words[i])
			continue
		}
		first := i
		for i++; i < len(words) && !strings.HasSuffix(words[i], ")"); i++ {
		}
		if i == len(words) {
			return nil, words[first], false
		}
		merged = append(merged, strings.Join(words[first:i+1], " "))
	}
	return merged, "", true
}

// splitSelector cuts the inside of a selector into rules. Like the lines of a
// configuration file (wire.md §8.3) it may quote: "..." knows backslash escapes,
// '...' knows \' only. It reports false for quotes that do not match.
func splitSelector(s string) (rules []string, ok bool) {
	for i := 0; ; {
		for i < len(s) && isSpace(s[i]) {
			i++
		}
		if i == len(s) {
			return rules, true
		}
		var rule strings.Builder
		for i < len(s) && !endsWord(s[i]) {
			if s[i] != '"' && s[i] != '\'' {
				rule.WriteByte(s[i])
				i++
				continue
			}
			if i = unquote(&rule, s, i); i < 0 || i < len(s) && !isSpace(s[i]) {
				return nil, false
			}
		}
		rules = append(rules, rule.String())
	}
}

// unquote appends what the quoted text at i stands for and returns the index
// behind it, or -1 when the quote is not closed.
func unquote(to *strings.Builder, s string, i int) int {
	quote := s[i]
	for i++; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return i + 1
		case s[i] != '\\' || i+1 == len(s) || quote == '\'' && s[i+1] != '\'':
			to.WriteByte(s[i])
		case quote == '"' && s[i+1] == 'x' && i+3 < len(s) && hexDigit(s[i+2]) >= 0 && hexDigit(s[i+3]) >= 0:
			to.WriteByte(byte(hexDigit(s[i+2])<<4 | hexDigit(s[i+3])))
			i += 3
		default:
			i++
			if at := strings.IndexByte("nrtba", s[i]); quote == '"' && at >= 0 {
				to.WriteByte("\n\r\t\b\a"[at])
			} else {
				to.WriteByte(s[i])
			}
		}
	}
	return -1
}

func hexDigit(c byte) int {
	i := strings.IndexByte("0123456789abcdefABCDEF", c)
	if i > 15 {
		i -= 6
	}
	return i
}

// selectorWord writes a rule such that splitSelector reads it back when it
// stands in a selector, and such that mergeSelectors, which sees the words of a
// file one by one, does not take a parenthesis at its end for that of the
// selector.
func selectorWord(rule string) string {
	if !strings.ContainsAny(rule, `"'`) && !strings.HasSuffix(rule, ")") {
		return rule
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(rule) + `"`
}
