//go:build !linux

package reserve

import "net"

// Addr finds a free port of an IP address. On this system another process may get it
// while nobody listens there; then listening fails and says so.
func Addr(ip string) (addr string, free func(), err error) {
	ln, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		return "", nil, err
	}
	addr = ln.Addr().String()
	return addr, func() {}, ln.Close()
}
