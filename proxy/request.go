package proxy

import (
	"bytes"
	"fmt"
)

// Limits of a request besides its size. They are those of Redis.
const (
	maxArgs   = 1 << 20
	maxString = 512 << 20
	maxInline = 64 << 10
	maxDigits = 20
)

// span is a part of a buffer.
type span struct{ from, to int }

func (s span) of(b []byte) []byte { return b[s.from:s.to] }

// request finds where a request ends that may arrive in any pieces. It looks at every
// byte once, however often next is called, and copies nothing. The zero value is ready.
type request struct {
	pos   int // what was looked at
	args  int // how many arguments it has; 0 before the first line is known
	left  int // how many are still to come
	first [2]span
}

// reset makes it ready for the next request.
func (q *request) reset() { *q = request{} }

// name returns the first argument, and sub the second or nil.
func (q *request) name(b []byte) []byte { return q.first[0].of(b) }
func (q *request) sub(b []byte) []byte {
	if q.args < 2 {
		return nil
	}
	return q.first[1].of(b)
}

// bounds are how large a request may be. Zero values: no bound but those of Redis.
type bounds struct{ bytes, args, arg int }

// Bounds of who has not logged in, as those of Redis.
const (
	strangerArgs  = 10
	strangerBytes = 16 << 10
)

// next looks on. b begins where the request does. done is the length of the whole
// request; 0 means that more has to arrive. A request without arguments has args == 0.
// It must begin with '*'.
func (q *request) next(b []byte, most bounds) (done int, err error) {
	if q.pos == 0 {
		n, pos, err := lineNumber(b, 1, maxArgs)
		switch {
		case err != nil:
			return 0, fmt.Errorf("Protocol error: invalid multibulk length")
		case pos == 0:
			return 0, nil
		case n <= 0:
			return pos, nil
		case most.args > 0 && n > most.args:
			return 0, fmt.Errorf("Protocol error: unauthenticated multibulk length")
		}
		q.pos, q.args, q.left = pos, n, n
	}
	for q.left > 0 {
		if q.pos >= len(b) {
			return 0, nil
		}
		if b[q.pos] != '$' {
			return 0, fmt.Errorf("Protocol error: expected '$', got '%s'", printable(b[q.pos]))
		}
		n, from, err := lineNumber(b, q.pos+1, 1<<40)
		switch {
		case err != nil || from > 0 && n < 0:
			return 0, fmt.Errorf("Protocol error: invalid bulk length")
		case from == 0:
			return 0, nil
		}
		switch {
		case most.arg > 0 && n > most.arg:
			return 0, fmt.Errorf("Protocol error: unauthenticated bulk length")
		case most.bytes > 0 && from+n > most.bytes:
			return 0, fmt.Errorf("Protocol error: a request has more than %d bytes, which is limits.request of the proxy", most.bytes)
		case n > maxString:
			return 0, fmt.Errorf("Protocol error: invalid bulk length")
		}
		if from+n+2 > len(b) {
			return 0, nil // the line is looked at again, the bytes of the argument never
		}
		if i := q.args - q.left; i < len(q.first) {
			q.first[i] = span{from, from + n}
		}
		q.pos = from + n + 2
		q.left--
	}
	return q.pos, nil
}

func printable(c byte) string {
	if c < ' ' || c > '~' {
		return fmt.Sprintf("\\x%02x", c)
	}
	return string(rune(c))
}

var errNumber = fmt.Errorf("not a number")

// lineNumber reads the number from b[from:] up to the end of the line. next is where
// the following line begins; 0 means that the end has not arrived.
func lineNumber(b []byte, from, most int) (n, next int, err error) {
	i, negative := from, false
	if i < len(b) && b[i] == '-' {
		negative = true
		i++
	}
	start := i
	for ; i < len(b); i++ {
		c := b[i]
		if c == '\r' {
			break
		}
		if c < '0' || c > '9' || i-start > maxDigits {
			return 0, 0, errNumber
		}
		n = n*10 + int(c-'0')
		if n > most {
			return 0, 0, errNumber
		}
	}
	if i+1 >= len(b) {
		return 0, 0, nil
	}
	// A server takes no leading zeros, and would end the connection that others share.
	if i == start || b[i+1] != '\n' || b[start] == '0' && (negative || i-start > 1) {
		return 0, 0, errNumber
	}
	if negative {
		n = -n
	}
	return n, i + 2, nil
}

// arguments returns those of a whole request that next has accepted, without copying.
func arguments(b []byte) [][]byte {
	n, pos, err := lineNumber(b, 1, maxArgs)
	if err != nil || n <= 0 {
		return nil
	}
	list := make([][]byte, 0, min(n, 64))
	for range n {
		size, from, err := lineNumber(b, pos+1, len(b))
		if err != nil {
			return list
		}
		list = append(list, b[from:from+size])
		pos = from + size + 2
	}
	return list
}

// inlineLine returns the line that b begins with, for those who type commands, and how
// many bytes it takes; 0 means that more has to arrive.
func inlineLine(b []byte) (line []byte, n int, err error) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		if len(b) > maxInline {
			return nil, 0, fmt.Errorf("Protocol error: too big inline request")
		}
		return nil, 0, nil
	}
	return bytes.TrimSuffix(b[:i], []byte("\r")), i + 1, nil
}
