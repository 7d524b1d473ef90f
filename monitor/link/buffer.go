package link

import (
	"net"
	"sync"
)

const (
	readSize     = 16 << 10 // holds an INFO reply of a usual server
	connReadSize = 4 << 10  // of a connection that needs a buffer of its own
	keepOutput   = 16 << 10 // larger output buffers are not kept for later
)

// readBuffers are lent to connections that have bytes to read. There are as
// many as connections that have bytes to read, not as many as connections.
var readBuffers = sync.Pool{New: func() any { return new([readSize]byte) }}

// reader is how a connection's goroutine gets its bytes. What read returned is
// valid until release.
type reader interface {
	read() ([]byte, error)
	release()
}

// connReader reads from any net.Conn. It needs a buffer all the time, because
// it cannot know that bytes are there before it asks for them.
type connReader struct {
	nc  net.Conn
	buf [connReadSize]byte
}

func newConnReader(nc net.Conn) reader { return &connReader{nc: nc} }

func (r *connReader) read() ([]byte, error) {
	n, err := r.nc.Read(r.buf[:])
	if n > 0 {
		// The next call returns the error that came with the bytes.
		return r.buf[:n], nil
	}
	return nil, err
}

func (r *connReader) release() {}

// output is bytes that wait to be written.
type output struct{ b []byte }

var outputs = sync.Pool{New: func() any { return new(output) }}

func newOutput() *output { return outputs.Get().(*output) }

func (o *output) release() {
	if cap(o.b) > keepOutput {
		o.b = nil
	}
	o.b = o.b[:0]
	outputs.Put(o)
}
