//go:build unix

package listen

import (
	"net"
	"syscall"
)

// writeAtOnce writes what the system accepts without blocking.
func writeAtOnce(nc net.Conn, p []byte) (n int, err error) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return 0, net.ErrClosed
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		n, failed = syscall.Write(int(fd), p)
		return true // do not wait until the socket is writable
	})
	if err == nil {
		err = failed
	}
	return max(n, 0), err
}
