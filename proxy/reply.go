package proxy

import (
	"bytes"
	"errors"
)

// maxDepth is how deep replies may be nested. Redis itself nests fewer than ten.
const maxDepth = 64

var errReply = errors.New("it sends what is no reply of a Redis server")

// reply finds where a reply ends that may arrive in any pieces, in RESP2 and RESP3. It
// keeps counts and no bytes. The zero value is ready.
type reply struct {
	skip  int // bytes of a string that are still to come, with its line end
	depth int
	left  [maxDepth]int // how many values are still to come at each level
}

// next looks at b, which begins where it stopped looking. It returns how many bytes it
// has taken, and whether the reply is complete. What it does not take is a part of a
// line; it wants to see that again together with the rest.
func (r *reply) next(b []byte) (n int, done bool, err error) {
	for {
		if r.skip > 0 {
			m := min(r.skip, len(b)-n)
			n += m
			if r.skip -= m; r.skip > 0 {
				return n, false, nil
			}
			if r.closed() {
				return n, true, nil
			}
			continue
		}
		rest := b[n:]
		if len(rest) == 0 {
			return n, false, nil
		}
		size, more, err := r.line(rest)
		if err != nil || size == 0 {
			return n, false, err
		}
		n += size
		if !more && r.skip == 0 && r.closed() {
			return n, true, nil
		}
	}
}

// line takes one line. more means that values of it follow.
func (r *reply) line(b []byte) (size int, more bool, err error) {
	switch b[0] {
	case '+', '-', ':', '_', '#', ',', '(':
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			if len(b) > maxInline {
				return 0, false, errReply
			}
			return 0, false, nil
		}
		return i + 1, false, nil
	case '$', '=', '!', '*', '~', '%', '>', '|':
	default:
		return 0, false, errReply
	}
	n, next, err := lineNumber(b, 1, 1<<40)
	switch {
	case err != nil:
		return 0, false, errReply
	case next == 0:
		return 0, false, nil
	}
	switch b[0] {
	case '$', '=', '!':
		if n >= 0 {
			r.skip = n + 2
		}
		return next, false, nil
	case '%':
		n *= 2
	case '|':
		n = n*2 + 1 // the attributes stand before the value that they belong to
	}
	if n <= 0 {
		return next, false, nil
	}
	if r.depth == maxDepth {
		return 0, false, errReply
	}
	r.left[r.depth] = n
	r.depth++
	return next, true, nil
}

// closed notes the end of a value and reports whether it was the last one.
func (r *reply) closed() bool {
	for r.depth > 0 {
		r.left[r.depth-1]--
		if r.left[r.depth-1] > 0 {
			return false
		}
		r.depth--
	}
	return true
}

// reset makes it ready for the next reply.
func (r *reply) reset() { r.skip, r.depth = 0, 0 }

// values splits a small aggregate whose members are strings or numbers, such as what a
// subscriber gets, without copying. Members of other kinds become nil.
func values(b []byte) (list [][]byte) {
	n, pos, err := lineNumber(b, 1, 1<<20)
	if err != nil {
		return nil
	}
	for range n {
		if pos >= len(b) {
			return list
		}
		var one reply
		size, done, err := one.next(b[pos:])
		if err != nil || !done {
			return list
		}
		list = append(list, text(b[pos:pos+size]))
		pos += size
	}
	return list
}

// text returns what a value says that is a string or a number, and nil for others.
func text(b []byte) []byte {
	switch b[0] {
	case '$', '=', '!':
		n, from, err := lineNumber(b, 1, len(b))
		if err != nil || n < 0 {
			return nil
		}
		return b[from : from+n]
	case '+', '-', ':', ',', '(':
		return bytes.TrimRight(b[1:], "\r\n")
	}
	return nil
}
