package proxy

import (
	"io"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// poller waits for the plain TCP connections of a worker, whose goroutine calls it: there
// is none for each connection.
type poller struct {
	w      *worker
	fd     int
	wakeFD int
	byFD   []*socket
	tales  int32
	events []unix.EpollEvent
	in     []byte
}

const pollBytes = 64 << 10

// newPoller returns a poller, or nil if the system has none to give.
func newPoller(w *worker) *poller {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		err = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, wake, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(wake)})
		if err != nil {
			unix.Close(wake)
		}
	}
	if err != nil {
		unix.Close(fd)
		return nil
	}
	return &poller{w: w, fd: fd, wakeFD: wake, events: make([]unix.EpollEvent, 256), in: make([]byte, pollBytes)}
}

// close releases what the poller has. It is called when nothing waits or wakes any more.
func (p *poller) close() {
	unix.Close(p.wakeFD)
	unix.Close(p.fd)
}

// wake ends a wait. It may be called by any goroutine.
func (p *poller) wake() {
	one := [8]byte{1}
	_, _ = unix.Write(p.wakeFD, one[:]) // it is full: then the wait ends anyway
}

// wait waits until something has happened, and has the users of sockets do what follows.
func (p *poller) wait() {
	n, err := unix.EpollWait(p.fd, p.events, 0)
	if n == 0 && err == nil {
		n, err = unix.EpollWait(p.fd, p.events, -1)
	}
	if err != nil {
		return // EINTR
	}
	p.w.tick()
	for _, ev := range p.events[:n] {
		if int(ev.Fd) == p.wakeFD {
			var b [8]byte
			_, _ = unix.Read(p.wakeFD, b[:])
			continue
		}
		if s := p.byFD[ev.Fd]; s != nil && s.tale == ev.Pad {
			s.happened(ev.Events)
		}
	}
}

// socket is a wire over a plain TCP connection.
type socket struct {
	p     *poller
	fd    int
	tale  int32 // tells it from others that had, or will have, its descriptor
	mask  uint32
	ended bool // there is nothing more to read
	user  user
	local net.Addr
	far   net.Addr
}

// take makes a socket of a connection that nothing was read from, if it is plain TCP. It
// begins paused.
func (p *poller) take(conn net.Conn, u user) wire {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	// The runtime watches the descriptor of tcp and would be woken by all that arrives.
	fd := -1
	if raw.Control(func(n uintptr) { fd, err = unix.FcntlInt(n, unix.F_DUPFD_CLOEXEC, 0) }) != nil || err != nil {
		return nil
	}
	s := &socket{p: p, fd: fd, user: u, local: tcp.LocalAddr(), far: tcp.RemoteAddr()}
	for fd >= len(p.byFD) {
		p.byFD = append(p.byFD, nil)
	}
	p.tales++
	p.byFD[fd], s.tale = s, p.tales
	tcp.Close()
	return s
}

const (
	pollIn  = unix.EPOLLIN | unix.EPOLLRDHUP
	pollOut = unix.EPOLLOUT
	pollEnd = unix.EPOLLERR | unix.EPOLLHUP
)

// watch changes what epoll looks for. Without anything to look for, epoll must not know
// the descriptor: it would report the end of the connection again and again.
func (s *socket) watch(mask uint32) {
	if s.ended {
		mask &^= pollIn
	}
	if mask == s.mask {
		return
	}
	op := unix.EPOLL_CTL_MOD
	switch {
	case mask == 0:
		op = unix.EPOLL_CTL_DEL
	case s.mask == 0:
		op = unix.EPOLL_CTL_ADD
	}
	if unix.EpollCtl(s.p.fd, op, s.fd, &unix.EpollEvent{Events: mask, Fd: int32(s.fd), Pad: s.tale}) == nil {
		s.mask = mask
	}
}

func (s *socket) happened(events uint32) {
	if events&(pollOut|pollEnd) != 0 && s.mask&pollOut != 0 {
		s.watch(s.mask &^ pollOut)
		s.user.room()
		if s.fd < 0 {
			return
		}
	}
	if events&(pollIn|pollEnd) == 0 || s.mask&pollIn == 0 {
		return
	}
	n, err := atOnce(unix.SYS_READ, s.fd, s.p.in)
	switch {
	case n > 0:
		s.user.input(s.p.in[:n])
	case err == syscall.EAGAIN || err == syscall.EINTR:
	default:
		if err == nil {
			err = io.EOF
		}
		s.ended = true
		s.watch(s.mask)
		s.user.ended(err)
	}
}

// atOnce reads or writes. The descriptor does not block, so the runtime need not be told
// of the system call: it would take a processor away when one takes 20 µs, as a write
// does that the client is woken for, and bring threads in for nothing.
func atOnce(op uintptr, fd int, b []byte) (int, error) {
	n, _, err := syscall.RawSyscall(op, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	if err != 0 {
		return 0, err
	}
	return int(n), nil
}

func (s *socket) write(b []byte) (n int, err error) {
	for n < len(b) {
		m, err := atOnce(unix.SYS_WRITE, s.fd, b[n:])
		switch err {
		case nil:
			n += m
		case syscall.EINTR:
		case syscall.EAGAIN:
			s.watch(s.mask | pollOut)
			return n, nil
		default:
			return n, err
		}
	}
	return n, nil
}

func (s *socket) drained() bool       { return true }
func (s *socket) pause()              { s.watch(s.mask &^ pollIn) }
func (s *socket) resume()             { s.watch(s.mask | pollIn) }
func (s *socket) remote() string      { return s.far.String() }
func (s *socket) localAddr() net.Addr { return s.local }

func (s *socket) close() {
	if s.fd >= 0 {
		s.watch(0)
		s.p.byFD[s.fd] = nil
		unix.Close(s.fd)
		s.fd = -1
	}
}
