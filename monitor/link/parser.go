package link

import (
	"bytes"
	"fmt"
	"strconv"
)

// Bounds of one reply. The bound of a bulk string depends on the command that
// was sent, see [Limits].
const (
	maxLine     = 64 << 10 // a status or error line
	maxNumber   = 32       // a line that holds a number
	maxElements = 1024     // of one array
	maxDepth    = 4        // of arrays in arrays
)

// protocolError says why bytes are not a RESP2 reply.
type protocolError struct{ text string }

func (e *protocolError) Error() string { return "protocol error: " + e.text }

func protocolErrorf(format string, args ...any) error {
	return &protocolError{fmt.Sprintf(format, args...)}
}

// scanner finds the end of one RESP2 reply in bytes that arrive in pieces of
// any size. It remembers how far it came: a reply of n bytes costs O(n) even
// when a hostile server sends it byte by byte. The zero value is ready.
//
// It stores only positions. The bytes belong to the caller, which keeps those
// of an unfinished reply and appends to them.
type scanner struct {
	pos   int           // up to here the reply is complete and correct
	look  int           // up to here the current line has no line end
	body  int           // length of the bulk string that starts at pos, -1: none
	ready bool          // body is set
	depth int           // number of open arrays
	left  [maxDepth]int // elements that each of them still lacks
}

// scan returns the length of the reply that b starts with, or 0 while it is
// unfinished. Between calls b may only grow. A length that is announced and too
// large is refused at once, before its bytes arrive.
func (s *scanner) scan(b []byte, maxBulk int) (int, error) {
	if !s.ready {
		s.body, s.ready = -1, true
	}
	for {
		var more bool
		var err error
		if s.body >= 0 {
			more, err = s.scanBody(b)
		} else {
			more, err = s.scanLine(b, maxBulk)
		}
		switch {
		case err != nil || !more:
			return 0, err
		case s.pos > maxBulk+maxLine:
			return 0, protocolErrorf("reply longer than %d bytes", maxBulk+maxLine)
		case s.body < 0 && s.depth == 0:
			return s.pos, nil
		}
	}
}

// scanBody passes over the bulk string at pos. It returns false when that has
// not arrived yet.
func (s *scanner) scanBody(b []byte) (bool, error) {
	end := s.pos + s.body
	if len(b) < end+2 {
		return false, nil
	}
	if b[end] != '\r' || b[end+1] != '\n' {
		return false, protocolErrorf("bulk string of %d bytes is followed by %s", s.body, shown(b[end:]))
	}
	s.pos, s.body = end+2, -1
	s.finishElement()
	return true, nil
}

// scanLine passes over the type and length line at pos.
func (s *scanner) scanLine(b []byte, maxBulk int) (bool, error) {
	if s.pos == len(b) {
		return false, nil
	}
	longest := maxNumber
	switch b[s.pos] {
	case '+', '-':
		longest = maxLine
	case ':', '$', '*':
	default:
		return false, protocolErrorf("not a Redis reply: %s", shown(b[s.pos:]))
	}
	from := max(s.pos, s.look)
	end := bytes.IndexByte(b[from:], '\n')
	if end < 0 {
		s.look = len(b)
		if len(b)-s.pos > longest {
			return false, protocolErrorf("line longer than %d bytes: %s", longest, shown(b[s.pos:]))
		}
		return false, nil
	}
	end += from
	if end-s.pos > longest {
		return false, protocolErrorf("line longer than %d bytes: %s", longest, shown(b[s.pos:]))
	}
	if b[end-1] != '\r' {
		return false, protocolErrorf("line ends without CR: %s", shown(b[s.pos:end+1]))
	}
	line := b[s.pos : end-1]
	s.pos = end + 1
	return true, s.header(line, maxBulk)
}

// header reads a complete type and length line.
func (s *scanner) header(line []byte, maxBulk int) error {
	switch line[0] {
	case '+', '-':
		s.finishElement()
		return nil
	}
	n, ok := parseNumber(line[1:])
	if !ok {
		return protocolErrorf("no number in %s", shown(line))
	}
	switch {
	case line[0] == ':':
		s.finishElement()
	case n < -1:
		return protocolErrorf("negative length in %s", shown(line))
	case line[0] == '$' && n > int64(maxBulk):
		return protocolErrorf("bulk string of %d bytes, at most %d are accepted here", n, maxBulk)
	case line[0] == '$' && n >= 0:
		s.body = int(n)
	case line[0] == '*' && n > maxElements:
		return protocolErrorf("array of %d elements, at most %d are accepted", n, maxElements)
	case line[0] == '*' && n > 0:
		if s.depth == maxDepth {
			return protocolErrorf("arrays nested deeper than %d", maxDepth)
		}
		s.left[s.depth] = int(n)
		s.depth++
	default: // a null, or an empty array
		s.finishElement()
	}
	return nil
}

// finishElement counts an element of the innermost open array, and closes every
// array that it completes.
func (s *scanner) finishElement() {
	for s.depth > 0 {
		s.left[s.depth-1]--
		if s.left[s.depth-1] > 0 {
			return
		}
		s.depth--
	}
}

// value is one reply, or one element of an array. It refers to the bytes that
// it was read from.
type value struct {
	kind byte   // '+', '-', ':', '$' or '*'
	null bool   // "$-1" or "*-1"
	num  int64  // of ':'; the number of elements of '*'
	text []byte // of '+', '-' and '$'
}

// isText reports whether v is a string of either sort.
func (v value) isText() bool { return (v.kind == '$' && !v.null) || v.kind == '+' }

// decode reads the value at the front of b, which a [scanner] found complete.
// Of an array it reads the header only: its elements are the front of rest.
func decode(b []byte) (v value, rest []byte) {
	end := bytes.IndexByte(b, '\n')
	line := b[1 : end-1]
	rest = b[end+1:]
	v.kind = b[0]
	switch v.kind {
	case '+', '-':
		v.text = line
		return v, rest
	}
	v.num, _ = parseNumber(line)
	switch {
	case v.kind == ':':
	case v.num < 0:
		v.null, v.num = true, 0
	case v.kind == '$':
		v.text, v.num, rest = rest[:v.num], 0, rest[v.num+2:]
	}
	return v, rest
}

// elements reads the first elements of an array into dst, as many as both have,
// and returns them. rest is what [decode] returned beside the array. The
// content of arrays in it is passed over.
func elements(dst []value, array value, rest []byte) []value {
	dst = dst[:min(int64(len(dst)), array.num)]
	for i := range dst {
		dst[i], rest = decode(rest)
		for skip := dst[i].arrayLen(); skip > 0; skip-- {
			var v value
			v, rest = decode(rest)
			skip += v.arrayLen()
		}
	}
	return dst
}

func (v value) arrayLen() int64 {
	if v.kind == '*' {
		return v.num
	}
	return 0
}

// parseNumber reads a decimal number with an optional minus sign.
func parseNumber(b []byte) (int64, bool) {
	if len(b) == 0 || b[0] == '+' {
		return 0, false
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	return n, err == nil
}

// shown renders untrusted bytes for a log line: short, quoted, plain ASCII.
func shown(b []byte) string {
	if len(b) > 64 {
		return strconv.QuoteToASCII(string(b[:64])) + "..."
	}
	return strconv.QuoteToASCII(string(b))
}

// printable renders an error text of a server: bounded, plain ASCII, one line.
func printable(b []byte) string {
	cut := ""
	if len(b) > 200 {
		b, cut = b[:200], "..."
	}
	quoted := strconv.QuoteToASCII(string(b))
	return quoted[1:len(quoted)-1] + cut
}
