package respguard

import (
	"bytes"
	"io"
	"net"
	"time"
)

// script is a connection that yields prepared chunks, then EOF, and records
// what is written to it.
type script struct {
	chunks [][]byte
	wrote  bytes.Buffer
	closed bool
}

func (s *script) Read(p []byte) (int, error) {
	for len(s.chunks) > 0 && len(s.chunks[0]) == 0 {
		s.chunks = s.chunks[1:]
	}
	if len(s.chunks) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.chunks[0])
	s.chunks[0] = s.chunks[0][n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error)      { return s.wrote.Write(p) }
func (s *script) Close() error                     { s.closed = true; return nil }
func (s *script) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *script) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// cut splits in at every multiple of n; 0 does not split it.
func cut(in []byte, n int) [][]byte {
	if n <= 0 {
		return [][]byte{in}
	}
	var out [][]byte
	for len(in) > n {
		out = append(out, in[:n])
		in = in[n:]
	}
	return append(out, in)
}
