package configrewrite

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// byteOrderMark begins a file of some editors, and every file that was put
// together from theirs has it in its middle.
const byteOrderMark = "\ufeff"

// withoutMark returns a line without a byte order mark in front of it, and whether
// there is one.
func withoutMark(line string) (rest string, found bool) {
	return strings.TrimLeft(line, byteOrderMark+" \t"), strings.HasPrefix(line, byteOrderMark)
}

// Texts that are no configuration in any way, and what to do about it.
var (
	errUTF16 = errors.New("the file is in UTF-16, and a configuration must be in UTF-8")
	errCR    = errors.New("the file has no line feed: its lines end in carriage returns, so that all of it is one line")
)

// checkEncoding returns a problem of the text as a whole, or nil. Such a text would
// be one mistake in each line, or none at all: with lines of an old Mac, one that
// begins with a comment is a comment to its end.
func checkEncoding(name string, text []byte) error {
	if remedy, err := encodingError(text); err != nil {
		return loadError(name, err, remedy)
	}
	return nil
}

func encodingError(text []byte) (remedy string, err error) {
	nul := func(i int) bool { return i < len(text) && text[i] == 0 }
	body := bytes.TrimRight(text, "\r\n \t")
	switch {
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")),
		len(text) > 3 && nul(0) != nul(1) && nul(0) == nul(2) && nul(1) == nul(3):
		return "save it as UTF-8 in the editor, or run: iconv -f UTF-16 -t UTF-8", errUTF16
	case bytes.IndexByte(text, '\n') < 0 && bytes.IndexByte(body, '\r') >= 0:
		return `save it with line ends of Unix in the editor, or run: tr '\r' '\n'`, errCR
	}
	return "", nil
}

// oddCharacter is what looks like something else in an editor.
type oddCharacter struct {
	what   string
	remedy string
	unseen bool // it looks like a blank, or like nothing
}

func (o oddCharacter) String() string { return "the line holds " + o.what + ": " + o.remedy }

// odd returns the first odd character of a line, if there is one.
func odd(line string) (o oddCharacter, found bool) {
	for _, r := range line {
		if o, found = oddRune(r); found {
			return o, true
		}
	}
	if strings.HasSuffix(line, `\`) {
		return oddCharacter{what: "a backslash at its end", remedy: "a directive does not go on in the next line"}, true
	}
	return o, false
}

func oddRune(r rune) (o oddCharacter, found bool) {
	code := fmt.Sprintf("(U+%04X)", r)
	switch {
	case r == '\r':
		return oddCharacter{"a carriage return in its middle", "begin a new line there, or remove it", false}, true
	case r <= unicode.MaxASCII:
		return o, false
	case string(r) == byteOrderMark:
		return oddCharacter{"a byte order mark " + code, "remove it", true}, true
	case strings.ContainsRune("“”„‟«»‹›‘’‚‛", r):
		return oddCharacter{"a typographic quote " + string(r), `write " or '`, false}, true
	case unicode.Is(unicode.Pd, r), r == '−':
		return oddCharacter{"a typographic dash " + code, "write -", false}, true
	case unicode.IsSpace(r):
		return oddCharacter{"a blank of another kind " + code, "write a plain blank", true}, true
	case unicode.In(r, unicode.Cf, unicode.Zs, unicode.Zl, unicode.Zp):
		return oddCharacter{"an invisible character " + code, "remove it", true}, true
	}
	return o, false
}

// withOddity adds to a hint what an editor does not show of the line.
func withOddity(hint, line string) string {
	o, found := odd(line)
	switch {
	case !found:
		return hint
	case hint == "":
		return o.String()
	}
	return hint + "; " + o.String()
}

// warnOddities warns about characters that belong to a value, and that hardly
// anybody means to write there.
func (p *parser) warnOddities(at position, values []string) {
	for _, v := range values {
		first, _ := utf8.DecodeRuneInString(v)
		last, _ := utf8.DecodeLastRuneInString(v)
		for _, r := range v {
			if o, found := oddRune(r); found && (o.unseen || r == first || r == last) {
				p.warn(at, "%s: the value holds %s, which is part of it: %s", at.shown(), o.what, o.remedy)
				break
			}
		}
	}
}
