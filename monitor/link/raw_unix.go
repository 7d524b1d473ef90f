//go:build unix

package link

import (
	"io"
	"net"
	"sync"
	"syscall"
)

// rawConn returns the system's handle of a plain TCP or Unix connection, and
// nil for every other connection. Only these two types qualify: a wrapper with
// state between the bytes and the socket, such as TLS, must not be bypassed.
func rawConn(nc net.Conn) syscall.RawConn {
	var sc syscall.Conn
	switch nc := nc.(type) {
	case *net.TCPConn:
		sc = nc
	case *net.UnixConn:
		sc = nc
	default:
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// rawReader reads from a connection with a buffer that it borrows only once
// bytes are there. One is made for each connection, so that neither waiting nor
// reading allocates.
type rawReader struct {
	raw syscall.RawConn
	buf *[readSize]byte
	n   int
	err error
	try func(fd uintptr) bool
}

// newReader returns the reader for nc, whose handle is raw or nil.
func newReader(nc net.Conn, raw syscall.RawConn) reader {
	if raw == nil {
		return newConnReader(nc)
	}
	r := &rawReader{raw: raw}
	r.try = r.tryRead
	return r
}

func (r *rawReader) read() ([]byte, error) {
	if err := r.raw.Read(r.try); err != nil {
		return nil, err
	}
	switch {
	case r.err != nil:
		r.release()
		return nil, r.err
	case r.n == 0:
		r.release()
		return nil, io.EOF
	}
	return r.buf[:r.n], nil
}

func (r *rawReader) release() {
	readBuffers.Put(r.buf)
	r.buf = nil
}

// tryRead is called whenever the connection may be readable. While it is not,
// it returns false and holds no buffer.
func (r *rawReader) tryRead(fd uintptr) bool {
	r.buf = readBuffers.Get().(*[readSize]byte)
	r.n, r.err = retry(func() (int, error) { return syscall.Read(int(fd), r.buf[:]) })
	if r.err == syscall.EAGAIN {
		r.release()
		return false
	}
	return true
}

// rawWriter writes without waiting.
type rawWriter struct {
	b   []byte
	n   int
	err error
	try func(fd uintptr) bool
}

var rawWriters = sync.Pool{New: func() any {
	w := &rawWriter{}
	w.try = w.tryWrite
	return w
}}

// writeNow writes what the system takes at once, which may be nothing.
func writeNow(raw syscall.RawConn, b []byte) (int, error) {
	w := rawWriters.Get().(*rawWriter)
	defer rawWriters.Put(w)
	w.b, w.n, w.err = b, 0, nil
	err := raw.Write(w.try)
	w.b = nil
	if err == nil {
		err = w.err
	}
	return w.n, err
}

// tryWrite always returns true, which is what keeps RawConn.Write from waiting
// until the connection becomes writable.
func (w *rawWriter) tryWrite(fd uintptr) bool {
	for w.n < len(w.b) {
		n, err := retry(func() (int, error) { return syscall.Write(int(fd), w.b[w.n:]) })
		if err == syscall.EAGAIN {
			return true
		}
		if err != nil {
			w.err = err
			return true
		}
		w.n += n
	}
	return true
}

// retry repeats a system call that a signal interrupted.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != syscall.EINTR {
			return n, err
		}
	}
}
