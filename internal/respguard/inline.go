package respguard

import "bytes"

// inline collects a plain text command up to its LF. The line is kept behind
// the whole commands in s.out and replaced by its canonical form at the end.
func (s *scanner) inline(p []byte) (int, *Violation) {
	n := bytes.IndexByte(p, '\n')
	found := n >= 0
	if !found {
		n = len(p)
	}
	s.out = append(s.out, p[:n]...)
	if len(s.out)-s.start > s.lim.MaxInlineBytes {
		return n, protocolError("too big inline request")
	}
	if v := s.room(len(s.out) - s.start); v != nil {
		return n, v
	}
	if !found {
		return n, nil
	}
	return n + 1, s.inlineDone()
}

func (s *scanner) inlineDone() *Violation {
	line := bytes.Clone(s.out[s.start:])
	s.out = s.out[:s.start]
	line = bytes.TrimSuffix(line, []byte("\r"))
	args, ok := splitInline(line)
	switch {
	case !ok:
		return protocolError("unbalanced quotes in request")
	case len(args) > s.lim.MaxArgs:
		return protocolError("invalid multibulk length")
	case len(args) > 0 && isHTTP(args[0]):
		return errHTTP
	case len(args) > 0:
		s.out = appendHeader(s.out, '*', int64(len(args)))
		for _, a := range args {
			s.out = appendHeader(s.out, '$', int64(len(a)))
			s.out = append(append(s.out, a...), '\r', '\n')
		}
	}
	if v := s.room(len(s.out) - s.start); v != nil {
		return v
	}
	s.commandDone()
	return nil
}

// splitInline splits a line as stock Redis does (wire.md §8.3): "..." knows
// \xHH \n \r \t \b \a and takes any other escaped byte as it is, '...' knows \'
// only, and a closing quote must be followed by a blank. It reports false for a
// quote that is not closed or not followed by a blank.
func splitInline(line []byte) ([][]byte, bool) {
	var args [][]byte
	for i := 0; ; {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return args, true
		}
		arg := []byte{}
		for i < len(line) && !endsWord(line[i]) {
			if line[i] != '"' && line[i] != '\'' {
				arg = append(arg, line[i])
				i++
				continue
			}
			var n int
			if arg, n = quoted(arg, line[i:]); n == 0 {
				return nil, false
			}
			i += n
			if i < len(line) && !isSpace(line[i]) {
				return nil, false
			}
			break // a closing quote ends the word
		}
		args = append(args, arg)
	}
}

// quoted appends what the quoted text at the start of s stands for to dst. It
// returns the number of bytes used, 0 when the quote is not closed.
func quoted(dst, s []byte) ([]byte, int) {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return dst, i + 1
		case s[i] != '\\' || i+1 == len(s):
			dst = append(dst, s[i])
		case quote == '\'':
			if s[i+1] == '\'' {
				i++
			}
			dst = append(dst, s[i])
		case s[i+1] == 'x' && i+3 < len(s) && isHex(s[i+2]) && isHex(s[i+3]):
			dst = append(dst, unhex(s[i+2])<<4|unhex(s[i+3]))
			i += 3
		default:
			i++
			dst = append(dst, unescape(s[i]))
		}
	}
	return dst, 0
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	default:
		return c
	}
}

// isSpace and endsWord differ for VT and FF just as they do in stock Redis.
func isSpace(c byte) bool { return c == ' ' || (c >= '\t' && c <= '\r') }

func endsWord(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func isHex(c byte) bool {
	return (c >= '0' && c <= '9') || (c|0x20 >= 'a' && c|0x20 <= 'f')
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
