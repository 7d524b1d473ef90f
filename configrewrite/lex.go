package configrewrite

import (
	"errors"
	"strings"
)

var (
	errUnbalanced = errors.New("Unbalanced quotes in configuration line")
	errNUL        = errors.New("the line holds NUL bytes: the file is damaged, as after a crash while something wrote it")
)

const hexDigits = "0123456789abcdef"

// splitArgs cuts a trimmed line into words by the rules of wire.md §8.3: a
// quoted part may start inside a word, and what follows its closing quote must
// be white space.
func splitArgs(line string) ([]string, error) {
	if strings.IndexByte(line, 0) >= 0 {
		return nil, errNUL
	}
	var args []string
	for i := 0; ; {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return args, nil
		}
		word, next, err := nextWord(line, i)
		if err != nil {
			return nil, err
		}
		args = append(args, word)
		i = next
	}
}

// nextWord reads the word that starts at i and returns the index after it.
func nextWord(line string, i int) (string, int, error) {
	end := i
	for end < len(line) && !endsWord(line[end]) && line[end] != '"' && line[end] != '\'' {
		end++
	}
	if end == len(line) || endsWord(line[end]) {
		return line[i:end], end, nil // nearly every word
	}
	var b strings.Builder
	for i < len(line) && !endsWord(line[i]) {
		if line[i] != '"' && line[i] != '\'' {
			b.WriteByte(line[i])
			i++
			continue
		}
		next, ok := quotedPart(&b, line, i)
		if !ok || next < len(line) && !isSpace(line[next]) {
			return "", 0, errUnbalanced
		}
		i = next
	}
	return b.String(), i, nil
}

// quotedPart appends what stands between the quote at i and its closing quote,
// and returns the index after that.
func quotedPart(b *strings.Builder, line string, i int) (int, bool) {
	quote := line[i]
	for i++; i < len(line); i++ {
		switch c := line[i]; {
		case c == quote:
			return i + 1, true
		case c != '\\' || i+1 == len(line):
			b.WriteByte(c)
		case quote == '\'':
			if line[i+1] == '\'' {
				i++
			}
			b.WriteByte(line[i])
		default:
			i = unescape(b, line, i+1)
		}
	}
	return i, false
}

// unescape appends what the escape whose letter stands at i means, and returns
// the index of its last byte.
func unescape(b *strings.Builder, line string, i int) int {
	switch c := line[i]; c {
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'b':
		b.WriteByte('\b')
	case 'a':
		b.WriteByte('\a')
	case 'x':
		if i+2 < len(line) {
			hi, lo := hexValue(line[i+1]), hexValue(line[i+2])
			if hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				return i + 2
			}
		}
		b.WriteByte(c)
	default:
		b.WriteByte(c)
	}
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

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// endsWord differs from isSpace as it does in the originals: a vertical tab or
// form feed separates words only where a word could start.
func endsWord(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t'
}

// quoteIfNeeded returns a text that splitArgs reads back as exactly word. It
// quotes only what needs it, because people read and tools grep these files.
func quoteIfNeeded(word string) string {
	for i := range len(word) {
		if c := word[i]; c <= ' ' || c == 0x7f || c == '"' || c == '\'' {
			return quote(word)
		}
	}
	if word == "" {
		return `""`
	}
	return word
}

// quote is the always quoting form. Bytes above 0x7f stay as they are: every
// version reads them, and names in other alphabets remain readable.
func quote(word string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(word) {
		switch c := word[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\a':
			b.WriteString(`\a`)
		case c == '\b':
			b.WriteString(`\b`)
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

// joinArgs is the inverse of splitArgs.
func joinArgs(args ...string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = quoteIfNeeded(a)
	}
	return strings.Join(quoted, " ")
}
