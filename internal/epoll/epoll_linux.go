package epoll

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Again is what TryRead returns when nothing has arrived.
const Again = syscall.EAGAIN

// Set is a number of connections and an epoll instance, which the Go runtime in turn
// watches, so that no thread is blocked in it. A nil Set takes no connection.
type Set struct {
	epoll   *os.File
	fd      int
	stopped chan struct{}
	events  []unix.EpollEvent

	mu    sync.Mutex
	byFD  []*Conn // who has a descriptor now
	tales int32   // number of connections so far, see Conn.tale
}

// Open returns an empty Set, or nil if the system lets us have none.
func Open() *Set {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	if unix.SetNonblock(fd, true) != nil {
		unix.Close(fd)
		return nil
	}
	return &Set{
		epoll: os.NewFile(uintptr(fd), "epoll"), fd: fd, stopped: make(chan struct{}), events: make([]unix.EpollEvent, AtOnce),
	}
}

// Close ends Run, which must have been called, and returns when it has returned. The Set
// must have no connection any more.
func (w *Set) Close() {
	if w != nil {
		w.epoll.Close()
		<-w.stopped
	}
}

// Take makes the Set the owner of a connection that nothing was read from, if it is
// plain TCP. nc is closed then, and of no use any more. It returns nil for others.
func (w *Set) Take(nc net.Conn) *Conn {
	tcp, ok := nc.(*net.TCPConn)
	if w == nil || !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	// The runtime watches the descriptor of tcp. It would be woken for nothing by all
	// that arrives, so tcp is closed and a copy of the descriptor is used.
	fd := -1
	if raw.Control(func(n uintptr) { fd, err = unix.FcntlInt(n, unix.F_DUPFD_CLOEXEC, 0) }) != nil || err != nil {
		return nil
	}
	p := &Conn{set: w, fd: fd, local: textAddr(tcp.LocalAddr().String()), remote: textAddr(tcp.RemoteAddr().String())}
	w.mu.Lock()
	for fd >= len(w.byFD) {
		w.byFD = append(w.byFD, nil)
	}
	w.tales++
	w.byFD[fd], p.tale = p, w.tales
	w.mu.Unlock()
	tcp.Close()
	return p
}

// Run waits until the Set is closed. It calls ready for each connection that has
// something to read, or has ended, and is watched; that is then served by ready, or by
// whom it calls, until Watch is called for it again. done is called after the calls of
// ready for what epoll has reported at once.
func (w *Set) Run(ready func(*Conn), done func()) {
	defer close(w.stopped)
	raw, err := w.epoll.SyscallConn()
	if err != nil {
		return
	}
	for {
		n := 0
		err := raw.Read(func(uintptr) bool {
			n = w.look()
			return n > 0 // otherwise the runtime waits until there is something
		})
		if err != nil {
			return
		}
		w.serve(n, ready)
		done()
	}
}

// Poll calls ready for what is there now, and returns how much that was. It must not be
// called beside Run.
func (w *Set) Poll(ready func(*Conn)) int {
	n := w.look()
	w.serve(n, ready)
	return n
}

func (w *Set) serve(n int, ready func(*Conn)) {
	for _, ev := range w.events[:n] {
		w.mu.Lock()
		var p *Conn
		if int(ev.Fd) < len(w.byFD) {
			p = w.byFD[ev.Fd]
		}
		w.mu.Unlock()
		if p != nil && p.tale == ev.Pad && p.happened(ev.Events) {
			ready(p)
		}
	}
}

// look asks epoll what it has to report now. It does not wait, so the runtime need not
// be told, see direct.
func (w *Set) look() int {
	n, _, err := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(w.fd), uintptr(unsafe.Pointer(unsafe.SliceData(w.events))), uintptr(len(w.events)), 0, 0, 0)
	if err != 0 {
		return 0
	}
	return int(n)
}

// What epoll tells when there is something to read, or to write. The end of a
// connection is both.
const (
	pollEnd = unix.EPOLLERR | unix.EPOLLHUP
	pollIn  = unix.EPOLLIN | unix.EPOLLRDHUP
	pollOut = unix.EPOLLOUT
)

// Conn is a connection of a [Set]. It is a net.Conn whose methods wait like those of any
// other, except for the ones that begin with Try, which never do.
type Conn struct {
	// Owner is for who took the connection, and to be set before the first Watch.
	Owner any

	set    *Set
	fd     int
	tale   int32 // tells it from others that had, or will have, its descriptor
	local  textAddr
	remote textAddr

	// use is held during each system call on fd, for reading. Release holds it for
	// writing: afterwards fd may be the number of something else.
	use      sync.RWMutex
	released bool

	writing sync.Mutex // held by Write, so that only one waits
	expired atomic.Bool
	aborted atomic.Bool // nothing is written any more

	mu            sync.Mutex
	closed        bool
	watched       bool   // nobody serves it: the Set does when something arrives
	mask          uint32 // what epoll looks for; 0: it does not know fd
	in, out       chan struct{}
	readBy, until time.Time // deadlines of Read and Write
	timer         *time.Timer
}

// textAddr is the address of an end of a TCP connection.
type textAddr string

func (textAddr) Network() string  { return "tcp" }
func (a textAddr) String() string { return string(a) }

// happened notes what epoll has seen and reports whether the Set is to serve the
// connection now.
func (p *Conn) happened(events uint32) (serve bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if events&(pollOut|pollEnd) != 0 {
		p.signal(&p.out)
		p.setMask(p.mask &^ pollOut)
	}
	if events&(pollIn|pollEnd) == 0 {
		return false
	}
	if p.watched {
		p.watched = false
		return true
	}
	p.signal(&p.in)
	p.setMask(p.mask &^ pollIn)
	return false
}

// signal wakes who waits.
func (p *Conn) signal(c *chan struct{}) {
	if *c != nil {
		close(*c)
		*c = nil
	}
}

// setMask changes what epoll looks for. It is called with mu held. Without anything to
// look for, epoll must not know fd: it would report the end of the connection again
// and again.
func (p *Conn) setMask(mask uint32) error {
	p.use.RLock()
	defer p.use.RUnlock()
	if mask == p.mask || p.released {
		return nil
	}
	op := unix.EPOLL_CTL_MOD
	switch {
	case mask == 0:
		op = unix.EPOLL_CTL_DEL
	case p.mask == 0:
		op = unix.EPOLL_CTL_ADD
	}
	err := unix.EpollCtl(p.set.fd, op, p.fd, &unix.EpollEvent{Events: mask, Fd: int32(p.fd), Pad: p.tale})
	if err == nil {
		p.mask = mask
	}
	return err
}

// Watch has the Set serve the connection when something arrives. Nobody else may serve it
// from then on.
func (p *Conn) Watch() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.readBy.IsZero() && !time.Now().Before(p.readBy) {
		p.expire() // while it was served
	}
	err := p.setMask(p.mask | pollIn)
	p.watched = err == nil
	return err
}

// Unwatch has epoll look for no input while somebody else serves the connection for long.
func (p *Conn) Unwatch() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.setMask(p.mask &^ pollIn)
}

// call makes a system call on the descriptor, unless it is released.
func (p *Conn) call(f func(fd int) (int, error)) (n int, err error) {
	p.use.RLock()
	defer p.use.RUnlock()
	if p.released {
		return 0, net.ErrClosed
	}
	for {
		if n, err = f(p.fd); err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

// direct reads or writes. The descriptor does not block, so the runtime need not be told
// of the system call: it would take a processor away when one takes 20 µs, as a write
// does that the client is woken for, and bring threads in for nothing.
func direct(op uintptr, fd int, b []byte) (int, error) {
	n, _, err := syscall.RawSyscall(op, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	if err != 0 {
		return 0, err
	}
	return int(n), nil
}

// TryRead reads what has arrived, or returns [Again].
func (p *Conn) TryRead(b []byte) (int, error) {
	n, err := p.call(func(fd int) (int, error) { return direct(unix.SYS_READ, fd, b) })
	switch {
	case p.expired.Load():
		return 0, os.ErrDeadlineExceeded
	case n == 0 && err == nil:
		return 0, io.EOF
	}
	return n, err
}

// TryWrite writes what there is room for. That may be less than b without an error.
func (p *Conn) TryWrite(b []byte) (n int, err error) {
	for n < len(b) {
		if p.aborted.Load() {
			return n, net.ErrClosed
		}
		m, err := p.call(func(fd int) (int, error) { return direct(unix.SYS_WRITE, fd, b[n:]) })
		if n += m; err == syscall.EAGAIN {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
	return n, nil
}

// Read implements net.Conn. It must not be called while the Set serves the
// connection.
func (p *Conn) Read(b []byte) (int, error) {
	for {
		n, err := p.TryRead(b)
		if err != syscall.EAGAIN {
			return n, err
		}
		p.mu.Lock()
		by := p.readBy
		p.mu.Unlock()
		if err := p.wait(pollIn, &p.in, by); err != nil {
			return 0, err
		}
	}
}

// Write implements net.Conn.
func (p *Conn) Write(b []byte) (n int, err error) {
	p.writing.Lock()
	defer p.writing.Unlock()
	for {
		m, err := p.TryWrite(b[n:])
		if n += m; err != nil || n == len(b) {
			return n, err
		}
		p.mu.Lock()
		by := p.until
		p.mu.Unlock()
		if err := p.wait(pollOut, &p.out, by); err != nil {
			return n, err
		}
	}
}

// wait waits until epoll has seen what is asked for, or the deadline is over.
func (p *Conn) wait(mask uint32, c *chan struct{}, by time.Time) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return net.ErrClosed
	}
	ready := make(chan struct{})
	*c = ready
	err := p.setMask(p.mask | mask)
	p.mu.Unlock()
	if err != nil {
		return err
	}
	var over <-chan time.Time
	if !by.IsZero() {
		t := time.NewTimer(time.Until(by))
		defer t.Stop()
		over = t.C
	}
	select {
	case <-ready:
		return nil
	case <-over:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.signal(c)
		p.setMask(p.mask &^ mask)
		return os.ErrDeadlineExceeded
	}
}

// Close implements net.Conn. It ends the connection, and who serves it notices that.
// The descriptor stays until then, see [Conn.Release].
func (p *Conn) Close() error { return p.end(unix.SHUT_RDWR) }

func (p *Conn) end(how int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	p.signal(&p.in)
	p.signal(&p.out)
	if p.timer != nil {
		p.timer.Stop()
	}
	_, err := p.call(func(fd int) (int, error) { return 0, unix.Shutdown(fd, how) })
	if errors.Is(err, unix.ENOTCONN) { // the client was quicker
		err = nil
	}
	return err
}

// Abort is Close, but what the other side has not got yet is given up by Release, and
// nothing more is written.
func (p *Conn) Abort() {
	p.aborted.Store(true)
	_, _ = p.call(func(fd int) (int, error) { // fails only on a socket that has ended already
		return 0, unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	})
	p.end(unix.SHUT_RD)
}

// Release gives the descriptor back. It is called when the connection is closed and
// nobody serves it any more.
func (p *Conn) Release() {
	p.mu.Lock()
	p.watched = false
	p.setMask(0) // a process that is being forked may still have the connection open
	p.mu.Unlock()
	w := p.set
	w.mu.Lock()
	w.byFD[p.fd] = nil
	w.mu.Unlock()
	p.use.Lock()
	defer p.use.Unlock()
	p.released = true
	unix.Close(p.fd)
}

// CloseWrite ends what the client can read.
func (p *Conn) CloseWrite() error {
	_, err := p.call(func(fd int) (int, error) { return 0, unix.Shutdown(fd, unix.SHUT_WR) })
	return err
}

// SetReadDeadline implements net.Conn. While the Set serves the connection, it ends
// it.
func (p *Conn) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.readBy = t
	switch {
	case p.closed:
		return net.ErrClosed
	case t.IsZero() && p.timer != nil:
		p.timer.Stop()
	case t.IsZero():
	case p.timer == nil:
		p.timer = time.AfterFunc(time.Until(t), p.overdue)
	default:
		p.timer.Reset(time.Until(t))
	}
	return nil
}

// overdue is called when nothing has arrived in time.
func (p *Conn) overdue() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watched && !p.readBy.IsZero() && !time.Now().Before(p.readBy) {
		p.expire()
	}
}

// expire ends the input, of which the Set learns as of anything that arrives.
func (p *Conn) expire() {
	p.expired.Store(true)
	p.call(func(fd int) (int, error) { return 0, unix.Shutdown(fd, unix.SHUT_RD) })
}

// SetWriteDeadline implements net.Conn. It counts for a Write that begins later.
func (p *Conn) SetWriteDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = t
	return nil
}

// SetDeadline implements net.Conn.
func (p *Conn) SetDeadline(t time.Time) error {
	return errors.Join(p.SetReadDeadline(t), p.SetWriteDeadline(t))
}

// LocalAddr implements net.Conn.
func (p *Conn) LocalAddr() net.Addr { return p.local }

// RemoteAddr implements net.Conn.
func (p *Conn) RemoteAddr() net.Addr { return p.remote }

// Descriptor returns the file descriptor.
func (p *Conn) Descriptor() int { return p.fd }
