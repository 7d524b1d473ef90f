package reserve

import (
	"net/netip"
	"os"
	"syscall"
)

// Addr finds a free port of an IP address and keeps others from getting it, until
// free is called. Meanwhile it can be listened on, and refuses connections while
// nobody does.
func Addr(ip string) (addr string, free func(), err error) {
	parsed, err := netip.ParseAddr(ip)
	if err != nil {
		return "", nil, err
	}
	family, to := syscall.AF_INET6, syscall.Sockaddr(&syscall.SockaddrInet6{Addr: parsed.As16()})
	if parsed.Is4() {
		family, to = syscall.AF_INET, &syscall.SockaddrInet4{Addr: parsed.As4()}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", nil, os.NewSyscallError("socket", err)
	}
	fail := func(call string, err error) (string, func(), error) {
		_ = syscall.Close(fd) // nothing was written to it
		return "", nil, os.NewSyscallError(call, err)
	}
	// A bound socket that does not listen shares its port with others that allow
	// that, as the listeners of Go do. The system gives it to nobody by itself.
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return fail("setsockopt", err)
	}
	if err := syscall.Bind(fd, to); err != nil {
		return fail("bind", err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return fail("getsockname", err)
	}
	var port int
	switch name := name.(type) {
	case *syscall.SockaddrInet4:
		port = name.Port
	case *syscall.SockaddrInet6:
		port = name.Port
	}
	return netip.AddrPortFrom(parsed, uint16(port)).String(), func() { _ = syscall.Close(fd) }, nil
}
