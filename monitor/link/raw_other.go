//go:build !unix

package link

import (
	"net"
	"syscall"
)

// Other systems have no non-blocking reads and writes on a handle, so every
// connection takes the general path.

func rawConn(net.Conn) syscall.RawConn { return nil }

func newReader(nc net.Conn, _ syscall.RawConn) reader { return newConnReader(nc) }

// writeNow takes nothing at once, which leaves everything to the writing goroutine.
func writeNow(syscall.RawConn, []byte) (int, error) { return 0, nil }
