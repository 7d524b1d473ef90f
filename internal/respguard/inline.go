package respguard

import (
	"bytes"

	"github.com/gosentinel/sentinel/internal/words"
)

// inline collects a plain text command up to its LF. The line is kept after the
// whole commands in s.out and finally replaced by its canonical form.
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
	args, ok := words.Split(string(bytes.TrimSuffix(s.out[s.start:], []byte("\r"))))
	s.out = s.out[:s.start]
	switch {
	case !ok:
		return protocolError("unbalanced quotes in request")
	case len(args) > s.lim.MaxArgs:
		return protocolError("invalid multibulk length")
	case len(args) > 0 && isHTTP([]byte(args[0])):
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
