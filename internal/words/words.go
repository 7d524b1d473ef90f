package words

import "strings"

// Split splits a line into words. It reports false when a quote is not closed, or
// when a closing quote is followed by anything but a blank. A line without words
// yields none and is not an error. NUL is an ordinary byte.
func Split(line string) (list []string, ok bool) {
	for i := 0; ; {
		for i < len(line) && IsSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return list, true
		}
		word, next, ok := nextWord(line, i)
		if !ok {
			return nil, false
		}
		list = append(list, word)
		i = next
	}
}

// IsSpace is C's isspace.
func IsSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// endsWord differs from IsSpace as in Redis: a vertical tab or form feed
// separates words only where a word could start.
func endsWord(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// nextWord reads the word that starts at i and returns the index after it.
func nextWord(line string, i int) (word string, next int, ok bool) {
	end := i
	for end < len(line) && !endsWord(line[end]) && line[end] != '"' && line[end] != '\'' {
		end++
	}
	if end == len(line) || endsWord(line[end]) {
		return line[i:end], end, true // nearly every word
	}
	var b strings.Builder
	b.WriteString(line[i:end])
	next, ok = quotedPart(&b, line, end)
	if !ok || next < len(line) && !IsSpace(line[next]) {
		return "", 0, false
	}
	return b.String(), next, true
}

// quotedPart appends what is between the quote at i and its closing quote, and
// returns the index after that.
func quotedPart(b *strings.Builder, line string, i int) (next int, closed bool) {
	quote := line[i]
	for i++; i < len(line); i++ {
		switch c := line[i]; {
		case c == quote:
			return i + 1, true
		case c != '\\' || i+1 == len(line):
			b.WriteByte(c)
		case quote == '"':
			i = unescape(b, line, i+1)
		case line[i+1] == '\'':
			i++
			b.WriteByte('\'')
		default:
			b.WriteByte(c)
		}
	}
	return i, false
}

// unescape appends the byte that an escape stands for. i is the index after the
// backslash. It returns the index of the escape's last byte.
func unescape(b *strings.Builder, line string, i int) int {
	c := line[i]
	if c == 'x' && i+2 < len(line) {
		if hi, lo := hexValue(line[i+1]), hexValue(line[i+2]); hi >= 0 && lo >= 0 {
			b.WriteByte(byte(hi<<4 | lo))
			return i + 2
		}
	}
	if at := strings.IndexByte("nrtba", c); at >= 0 {
		c = "\n\r\t\b\a"[at]
	}
	b.WriteByte(c)
	return i
}

func hexValue(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// Join is the inverse of Split. It quotes only the words that need it, for the
// sake of people who read the result and of tools that grep it.
func Join(list ...string) string {
	quoted := make([]string, len(list))
	for i, w := range list {
		quoted[i] = QuoteIfNeeded(w)
	}
	return strings.Join(quoted, " ")
}

// QuoteIfNeeded returns text that Split reads back as exactly word.
func QuoteIfNeeded(word string) string {
	for i := range len(word) {
		if c := word[i]; c <= ' ' || c == 0x7f || c == '"' || c == '\'' {
			return Quote(word)
		}
	}
	if word == "" {
		return `""`
	}
	return word
}

// Quote returns a word in double quotes. Bytes above 0x7f are not escaped: every
// reader accepts them, and names in other alphabets remain readable.
func Quote(word string) string {
	const hexDigits = "0123456789abcdef"
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(word) {
		c := word[i]
		at := strings.IndexByte("\n\r\t\a\b\"\\", c)
		switch {
		case at >= 0:
			b.WriteByte('\\')
			b.WriteByte(`nrtab"\`[at])
		case c < ' ' || c == 0x7f:
			b.WriteString(`\x`)
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
