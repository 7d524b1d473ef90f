package sentineltest

import (
	"net/netip"
	"os"
	"syscall"
)

// reserve finds a free port on 127.0.0.1 and keeps others from getting it, until
// free is called. Meanwhile it can be listened on, and refuses connections while
// nobody does. A server that is down can so come back at its address.
func reserve() (addr string, free func(), err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
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
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return fail("bind", err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return fail("getsockname", err)
	}
	in := name.(*syscall.SockaddrInet4)
	addr = netip.AddrPortFrom(netip.AddrFrom4(in.Addr), uint16(in.Port)).String()
	return addr, func() { _ = syscall.Close(fd) }, nil
}
