package logfile

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// MaxText is the longest text of a line in bytes, before escaping. The rest is
// cut off, and the line says how much that was. It is well above the 1023 bytes
// that redis-sentinel keeps, because errors about configuration files are longer
// here, and it bounds what one hostile message can add to the log.
const MaxText = 4096

// appendText appends text as it is written in a line: cut to MaxText, with
// unprintable characters escaped. A backslash is not escaped, so an ordinary text
// looks the same as in redis-sentinel's log.
func appendText(dst, text []byte) []byte {
	cut := 0
	if len(text) > MaxText {
		end := MaxText
		for end > MaxText-utf8.UTFMax && !utf8.RuneStart(text[end]) {
			end--
		}
		cut, text = len(text)-end, text[:end]
	}
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if unicode.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			dst = append(dst, text[:size]...)
		} else {
			dst = appendEscape(dst, r, text[:size])
		}
		text = text[size:]
	}
	if cut > 0 {
		dst = append(dst, "... ("...)
		dst = strconv.AppendInt(dst, int64(cut), 10)
		dst = append(dst, " bytes more)"...)
	}
	return dst
}

func appendEscape(dst []byte, r rune, raw []byte) []byte {
	const hex = "0123456789abcdef"
	switch {
	case r == '\n':
		return append(dst, `\n`...)
	case r == '\r':
		return append(dst, `\r`...)
	case r == '\t':
		return append(dst, `\t`...)
	case len(raw) == 1: // an ASCII control byte, or a byte that is not UTF-8
		return append(dst, '\\', 'x', hex[raw[0]>>4], hex[raw[0]&15])
	}
	// Among these are the characters that reverse the writing direction.
	quoted := strconv.AppendQuoteRuneToASCII(nil, r)
	return append(dst, quoted[1:len(quoted)-1]...)
}
