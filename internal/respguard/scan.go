package respguard

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// scanner converts the bytes of a client to canonical commands. It remembers its
// position within a command, so each byte is looked at once however the stream is
// split.
type scanner struct {
	lim *Limits
	// reserve asks for room for a command of size bytes.
	reserve func(size int) bool

	state   scanState
	head    [headBytes]byte // the start of the header line, without its marker
	headLen int             // its whole length, including what did not fit
	args    int             // arguments still to come, this one included
	first   bool            // this argument is the command name
	name    int             // where in out the command name begins
	left    int             // bytes still missing in this argument

	start int    // where in out the current command begins
	out   []byte // canonical bytes; up to start they are whole commands
}

type scanState uint8

// The states. Each ...End state directly follows its header state; scanner.header
// relies on that.
const (
	atCommand   scanState = iota // nothing of a command was seen yet
	inInline                     // inside an inline command
	inCount                      // inside "*N"
	inCountEnd                   // at the byte after its CR
	atArg                        // at the "$" of an argument
	inLength                     // inside "$N"
	inLengthEnd                  // at the byte after its CR
	inArg                        // inside the bytes of an argument
	inArgEnd                     // at the first of the two bytes after it
	inArgEnd2                    // at the second
)

// headBytes has room for every valid number, which is a sign and 19 digits. A
// longer header is invalid, so only its length matters.
const headBytes = 24

// partial reports whether a command has begun and is not complete.
func (s *scanner) partial() bool { return s.state != atCommand }

// scan consumes bytes of p and appends their canonical form to s.out. With one
// set, it stops after a complete command, because other limits may apply to the
// next one: the limits for unauthenticated clients end when AUTH was executed,
// not when it was read. It returns the number of bytes consumed.
func (s *scanner) scan(p []byte, auth, one bool) (int, *Violation) {
	n := 0
	for n < len(p) {
		used, v := s.step(p[n:], auth)
		n += used
		if v != nil {
			return n, v
		}
		if one && s.state == atCommand && s.start > 0 {
			break
		}
	}
	return n, nil
}

// step consumes at least one byte of the non-empty p.
func (s *scanner) step(p []byte, auth bool) (int, *Violation) {
	switch s.state {
	case atCommand:
		s.headLen = 0
		if p[0] == '*' {
			s.state = inCount
			return 1, nil
		}
		s.state = inInline
		return 0, nil // the byte belongs to the line, so p is not empty for inline
	case inInline:
		return s.inline(p)
	case inCount, inLength:
		return s.header(p)
	case inCountEnd:
		return 1, s.count(auth)
	case atArg:
		if p[0] != '$' {
			return 1, protocolError("expected '$', got '%s'", oneLine(p[:1]))
		}
		s.headLen, s.state = 0, inLength
		if n, v := s.wholeHeader(p[1:], auth); n > 0 {
			return 1 + n, v
		}
		return 1, nil
	case inLengthEnd:
		return 1, s.length(auth)
	case inArg:
		n := min(len(p), s.left)
		s.out = append(s.out, p[:n]...)
		if s.left -= n; s.left > 0 {
			return n, nil
		}
		if len(p)-n >= 2 {
			return n + 2, s.argDone()
		}
		s.state = inArgEnd
		return n, nil
	case inArgEnd:
		// Redis skips two bytes here, whatever they are.
		s.state = inArgEnd2
		return 1, nil
	default: // inArgEnd2
		return 1, s.argDone()
	}
}

// header collects the bytes up to the CR that ends a header line.
func (s *scanner) header(p []byte) (int, *Violation) {
	n := bytes.IndexByte(p, '\r')
	found := n >= 0
	if !found {
		n = len(p)
	}
	if s.headLen < headBytes {
		copy(s.head[s.headLen:], p[:n])
	}
	s.headLen += n
	switch {
	case s.headLen > s.lim.MaxInlineBytes && s.state == inCount:
		return n, protocolError("too big mbulk count string")
	case s.headLen > s.lim.MaxInlineBytes:
		return n, protocolError("too big bulk count string")
	case !found:
		return n, nil
	}
	s.state++ // to inCountEnd or inLengthEnd
	return n + 1, nil
}

// wholeHeader is the fast path for a "$N" line that arrived in one piece. It
// returns 0 if the line is longer than usual or incomplete.
func (s *scanner) wholeHeader(p []byte, auth bool) (int, *Violation) {
	for i := 1; i < min(5, len(p)-1); i++ {
		if p[i] == '\r' {
			s.headLen = copy(s.head[:], p[:i])
			return i + 2, s.length(auth)
		}
	}
	return 0, nil
}

// number returns the value of the header line. It is as strict as Redis: no plus
// sign, no leading zero, no blanks, and it must fit into 64 bits.
func (s *scanner) number() (int64, bool) {
	if s.headLen == 0 || s.headLen > headBytes {
		return 0, false
	}
	text := s.head[:s.headLen]
	if n, ok := shortNumber(text); ok {
		return n, true
	}
	digits := bytes.TrimPrefix(text, []byte("-"))
	if len(digits) == 0 || digits[0] < '1' || digits[0] > '9' {
		return 0, false // shortNumber has handled "0"
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	return n, err == nil
}

// shortNumber parses up to four digits, which nearly every header has.
func shortNumber(text []byte) (n int64, ok bool) {
	if len(text) > 4 || (text[0] == '0' && len(text) > 1) {
		return 0, false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// count handles a complete "*N".
func (s *scanner) count(auth bool) *Violation {
	n, ok := s.number()
	switch {
	case !ok || n > math.MaxInt32:
		return protocolError("invalid multibulk length")
	case n > unauthMaxArgs && !auth:
		return protocolError("unauthenticated multibulk length")
	case n > int64(s.lim.MaxArgs): // Redis accepts these and allocates memory
		return protocolError("invalid multibulk length")
	case n <= 0:
		// An empty command is ignored. redcon would call it an error.
		s.state = atCommand
		return nil
	}
	s.args, s.first = int(n), true
	s.out = appendHeader(s.out, '*', n)
	s.state = atArg
	return nil
}

// length handles a complete "$N".
func (s *scanner) length(auth bool) *Violation {
	n, ok := s.number()
	switch {
	case !ok || n < 0 || n > stockMaxBulkBytes:
		return protocolError("invalid bulk length")
	case n > unauthMaxBulkBytes && !auth:
		return protocolError("unauthenticated bulk length")
	case n > int64(s.lim.MaxBulkBytes):
		return protocolError("invalid bulk length")
	}
	s.out = appendHeader(s.out, '$', n)
	if s.first {
		s.name = len(s.out)
	}
	if v := s.room(len(s.out) - s.start + int(n)); v != nil {
		return v
	}
	if s.left = int(n); s.left > 0 {
		s.state = inArg
	} else {
		s.state = inArgEnd
	}
	return nil
}

// argDone handles the end of an argument.
func (s *scanner) argDone() *Violation {
	s.out = append(s.out, '\r', '\n')
	if s.first {
		if isHTTP(s.out[s.name : len(s.out)-2]) {
			return errHTTP
		}
		s.first = false
	}
	if s.args--; s.args > 0 {
		s.state = atArg
		return nil
	}
	s.commandDone()
	return nil
}

func (s *scanner) commandDone() {
	s.start, s.state = len(s.out), atCommand
}

// room checks the size of the command that is being built.
func (s *scanner) room(size int) *Violation {
	if size > s.lim.MaxCommandBytes {
		return protocolError("command larger than %d bytes", s.lim.MaxCommandBytes)
	}
	if size > s.lim.LargeBytes && !s.reserve(size) {
		return errTotal
	}
	return nil
}

// isHTTP reports whether a command name shows that a browser was tricked into
// connecting to this port (wire.md §1.1, Parsing and limits). Any reply would
// help the attacker.
func isHTTP(name []byte) bool {
	return bytes.EqualFold(name, []byte("POST")) || bytes.EqualFold(name, []byte("Host:"))
}

func appendHeader(dst []byte, mark byte, n int64) []byte {
	dst = append(dst, mark)
	dst = strconv.AppendInt(dst, n, 10)
	return append(dst, '\r', '\n')
}

// oneLine makes a client's bytes safe inside an error line: a CR or LF in them
// would end the line early and let the client see a reply of its own making.
func oneLine(b []byte) string {
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(string(b))
}
