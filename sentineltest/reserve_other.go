//go:build !linux

package sentineltest

import "net"

// reserve finds a free port on 127.0.0.1. Here another process may get it while the
// server is down; its restart then fails and says so.
func reserve() (addr string, free func(), err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	addr = ln.Addr().String()
	return addr, func() {}, ln.Close()
}
