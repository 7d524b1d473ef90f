package fakeredis

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Limits of one command, from a client or in a master's stream.
const (
	maxArgs         = 1 << 16
	maxBulkBytes    = 16 << 20
	maxCommandBytes = 64 << 20
)

var errStream = errors.New("protocol error in the replication stream")

// streamReader reads the commands of a replication stream. It is stricter than a
// server's parser, because the offset of both sides counts bytes: none may be
// skipped or read twice.
type streamReader struct {
	r   *bufio.Reader
	raw []byte
	pos []int // start and end of each argument within raw
}

// next returns one command and its exact encoding. Both are valid until the next
// call.
func (s *streamReader) next() (args [][]byte, raw []byte, err error) {
	s.raw, s.pos = s.raw[:0], s.pos[:0]
	count, err := s.header('*', maxArgs)
	if err != nil {
		return nil, nil, err
	}
	if count == 0 {
		return nil, nil, fmt.Errorf("%w: empty command", errStream)
	}
	for range count {
		n, err := s.header('$', maxBulkBytes)
		if err != nil {
			return nil, nil, unexpected(err)
		}
		if len(s.raw)+n > maxCommandBytes {
			return nil, nil, fmt.Errorf("%w: command longer than %d bytes", errStream, maxCommandBytes)
		}
		start := len(s.raw)
		if err := s.body(n + 2); err != nil {
			return nil, nil, unexpected(err)
		}
		if s.raw[start+n] != '\r' || s.raw[start+n+1] != '\n' {
			return nil, nil, fmt.Errorf("%w: argument without line end", errStream)
		}
		s.pos = append(s.pos, start, start+n)
	}
	args = make([][]byte, 0, count)
	for i := 0; i < len(s.pos); i += 2 {
		args = append(args, s.raw[s.pos[i]:s.pos[i+1]])
	}
	return args, s.raw, nil
}

// header reads a line that consists of a type byte and a number.
func (s *streamReader) header(kind byte, limit int) (int, error) {
	line, err := readLine(s.r)
	if err != nil {
		return 0, err
	}
	s.raw = append(append(s.raw, line...), '\r', '\n')
	if line == "" || line[0] != kind {
		return 0, fmt.Errorf("%w: expected '%c', got %.40q", errStream, kind, line)
	}
	n, err := strconv.ParseUint(line[1:], 10, 31)
	if err != nil || int(n) > limit {
		return 0, fmt.Errorf("%w: length %.40q is no number up to %d", errStream, line[1:], limit)
	}
	return int(n), nil
}

// body appends n bytes to raw. It allocates memory as the bytes arrive, because
// an announced length alone must not cost memory.
func (s *streamReader) body(n int) error {
	const step = 64 << 10
	for n > 0 {
		k := min(n, step)
		start := len(s.raw)
		s.raw = append(s.raw, make([]byte, k)...)
		if _, err := io.ReadFull(s.r, s.raw[start:]); err != nil {
			return err
		}
		n -= k
	}
	return nil
}

// readLine reads a line that ends in CR LF and fits into the reader's buffer, and
// returns it without its end.
func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", fmt.Errorf("%w: endless line %.40q", errStream, line)
	}
	if err != nil && len(line) > 0 {
		return "", unexpected(err)
	}
	if err != nil {
		return "", err
	}
	if len(line) < 2 || line[len(line)-2] != '\r' {
		return "", fmt.Errorf("%w: line %.40q does not end in CR LF", errStream, line)
	}
	return string(line[:len(line)-2]), nil
}

// unexpected turns the end of the stream into an error that says that it came in
// the middle of a command.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
