package server

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

	"github.com/gosentinel/sentinel/internal/respguard"
)

// poller serves plain TCP connections of one server, without a goroutine for each. It
// has an epoll instance, which the Go runtime in turn watches, so that no thread is
// blocked in it, and one goroutine.
//
// A nil poller adopts no connection.
type poller struct {
	server  *Server
	epoll   *os.File
	fd      int
	stopped chan struct{}

	// Of its goroutine.
	work   *work
	served []served

	mu    sync.Mutex
	byFD  []*polled // who has a descriptor now
	tales int32     // number of connections so far, see polled.tale
}

// newPoller returns a poller for s that is at work, or nil if the system lets us have
// none.
func newPoller(s *Server) *poller {
	w := openPoller(s)
	if w != nil {
		go w.run()
	}
	return w
}

func openPoller(s *Server) *poller {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	if unix.SetNonblock(fd, true) != nil {
		unix.Close(fd)
		return nil
	}
	return &poller{server: s, epoll: os.NewFile(uintptr(fd), "epoll"), fd: fd, stopped: make(chan struct{}), work: new(work)}
}

// close ends the poller. It must have no connection any more.
func (w *poller) close() {
	if w != nil {
		w.epoll.Close()
		<-w.stopped
	}
}

// take makes the poller the owner of a connection that nothing was read from, if it is
// plain TCP. The client's conn is then below what it was. It returns nil for others.
func (w *poller) take(conn *respguard.Conn) *polled {
	tcp, ok := conn.NetConn().(*net.TCPConn)
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
	p := &polled{poller: w, fd: fd, local: textAddr(tcp.LocalAddr().String()), remote: textAddr(tcp.RemoteAddr().String())}
	w.mu.Lock()
	for fd >= len(w.byFD) {
		w.byFD = append(w.byFD, nil)
	}
	w.tales++
	w.byFD[fd], p.tale = p, w.tales
	w.mu.Unlock()
	conn.Conn = p
	tcp.Close()
	return p
}

// served is a connection whose commands have been executed, and how.
type served struct {
	p   *polled
	how outcome
	err error
}

// run serves connections until the poller is closed. First it executes what all those
// have sent that epoll reports at once, then it writes to all of them. If it wrote to
// each in between, that one would be woken, and have sent its next command by the time
// the poller looks again: epoll would report one at a time.
func (w *poller) run() {
	defer close(w.stopped)
	raw, err := w.epoll.SyscallConn()
	if err != nil {
		return
	}
	events := make([]unix.EpollEvent, pollAtOnce)
	for {
		n := 0
		err := raw.Read(func(fd uintptr) bool {
			n = ready(int(fd), events)
			return n > 0 // otherwise the runtime waits until there is something
		})
		if err != nil {
			return
		}
		for _, ev := range events[:n] {
			w.event(ev)
		}
		w.answerAll()
	}
}

// ready returns what epoll has to report now. It does not wait, so the runtime need not
// be told, see atOnce.
func ready(epoll int, events []unix.EpollEvent) int {
	n, _, err := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
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

func (w *poller) event(ev unix.EpollEvent) {
	w.mu.Lock()
	var p *polled
	if int(ev.Fd) < len(w.byFD) {
		p = w.byFD[ev.Fd]
	}
	w.mu.Unlock()
	if p != nil && p.tale == ev.Pad && p.happened(ev.Events) {
		w.serve(p)
	}
}

// serve reads from a connection once and executes what can be executed without waiting.
func (w *poller) serve(p *polled) {
	if w.work == nil {
		w.work = works.Get().(*work)
	}
	if w.work.in == nil {
		w.work.in = make([]byte, respguard.ReadBytes)
	}
	n, err := p.tryRead(w.work.in)
	if err == syscall.EAGAIN {
		p.watch()
		return
	}
	c := p.client
	c.conn.Feed(w.work.in[:n], err)
	how, err := w.server.turn(c, w.work, false)
	if how == mustWait {
		p.unwatch()
		own := w.work
		w.work = nil
		go w.server.patiently(c, own, how, nil)
		return
	}
	c.conn.Done(&w.work.buf)
	if c.sub != nil { // an event should not overtake the reply to an earlier command
		w.answer(served{p, how, err})
		return
	}
	w.served = append(w.served, served{p, how, err})
}

// answerAll writes the replies of all connections that were served.
func (w *poller) answerAll() {
	for _, s := range w.served {
		w.answer(s)
	}
	clear(w.served)
	w.served = w.served[:0]
}

// answer writes the replies of a connection that was served.
func (w *poller) answer(s served) {
	c := s.p.client
	if w.work == nil {
		w.work = works.Get().(*work)
	}
	if !c.flushed(w.work, false) {
		s.how = mustWait
	} else if c.closing {
		s.how = ended
	}
	switch {
	case s.how == idle:
		if c.conn.Arm() != nil || s.p.watch() != nil {
			go w.server.finish(c, net.ErrClosed)
		}
	case s.how == ended && !c.hasBacklog() && (s.err == nil || s.err == io.EOF):
		w.server.finish(c, s.err)
	default:
		s.p.unwatch()
		go w.server.patiently(c, works.Get().(*work), s.how, s.err)
	}
}

// patiently goes on with a connection where the poller could not. The client is
// counted in s.work.
func (s *Server) patiently(c *client, w *work, how outcome, err error) {
	if how == mustWait {
		how, err = s.turn(c, w, true)
	}
	c.conn.Done(&w.buf)
	w.free()
	if how == ended || c.conn.Arm() != nil || c.polled.watch() != nil {
		s.finish(c, err)
	}
}

// polled is a connection of a poller. It is a net.Conn whose methods wait like those
// of any other, except for the ones that begin with try, which never do.
type polled struct {
	poller *poller
	client *client
	fd     int
	tale   int32 // tells it from others that had, or will have, its descriptor
	local  textAddr
	remote textAddr

	// use is held during each system call on fd, for reading. release holds it for
	// writing: afterwards fd may be the number of something else.
	use      sync.RWMutex
	released bool

	writing sync.Mutex // held by Write, so that only one waits
	expired atomic.Bool

	mu            sync.Mutex
	closed        bool
	watched       bool   // nobody serves it: the poller does when something arrives
	mask          uint32 // what epoll looks for; 0: it does not know fd
	in, out       chan struct{}
	readBy, until time.Time // deadlines of Read and Write
	timer         *time.Timer
}

// textAddr is the address of an end of a TCP connection.
type textAddr string

func (textAddr) Network() string  { return "tcp" }
func (a textAddr) String() string { return string(a) }

// happened notes what epoll has seen and reports whether the poller is to serve the
// connection now.
func (p *polled) happened(events uint32) (serve bool) {
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
func (p *polled) signal(c *chan struct{}) {
	if *c != nil {
		close(*c)
		*c = nil
	}
}

// setMask changes what epoll looks for. It is called with mu held. Without anything to
// look for, epoll must not know fd: it would report the end of the connection again
// and again.
func (p *polled) setMask(mask uint32) error {
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
	err := unix.EpollCtl(p.poller.fd, op, p.fd, &unix.EpollEvent{Events: mask, Fd: int32(p.fd), Pad: p.tale})
	if err == nil {
		p.mask = mask
	}
	return err
}

// watch gives the connection back to the poller: nobody serves it any more.
func (p *polled) watch() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.readBy.IsZero() && !time.Now().Before(p.readBy) {
		p.expire() // while it was served
	}
	err := p.setMask(p.mask | pollIn)
	p.watched = err == nil
	return err
}

// unwatch has epoll look for no input while a goroutine serves the connection.
func (p *polled) unwatch() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.setMask(p.mask &^ pollIn)
}

// call makes a system call on the descriptor, unless it is released.
func (p *polled) call(f func(fd int) (int, error)) (n int, err error) {
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

// tryRead reads what has arrived, or returns EAGAIN.
func (p *polled) tryRead(b []byte) (int, error) {
	n, err := p.call(func(fd int) (int, error) { return atOnce(unix.SYS_READ, fd, b) })
	switch {
	case p.expired.Load():
		return 0, os.ErrDeadlineExceeded
	case n == 0 && err == nil:
		return 0, io.EOF
	}
	return n, err
}

// tryWrite writes what there is room for. That may be less than b without an error.
func (p *polled) tryWrite(b []byte) (n int, err error) {
	for n < len(b) {
		m, err := p.call(func(fd int) (int, error) { return atOnce(unix.SYS_WRITE, fd, b[n:]) })
		if n += m; err == syscall.EAGAIN {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
	return n, nil
}

// Read implements net.Conn. It must not be called while the poller serves the
// connection.
func (p *polled) Read(b []byte) (int, error) {
	for {
		n, err := p.tryRead(b)
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
func (p *polled) Write(b []byte) (n int, err error) {
	p.writing.Lock()
	defer p.writing.Unlock()
	for {
		m, err := p.tryWrite(b[n:])
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
func (p *polled) wait(mask uint32, c *chan struct{}, by time.Time) error {
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
// The descriptor stays until then, see release.
func (p *polled) Close() error {
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
	_, err := p.call(func(fd int) (int, error) { return 0, unix.Shutdown(fd, unix.SHUT_RDWR) })
	if errors.Is(err, unix.ENOTCONN) { // the client was quicker
		err = nil
	}
	return err
}

// release gives the descriptor back. It is called when the connection is closed and
// nobody serves it any more.
func (p *polled) release() {
	p.mu.Lock()
	p.watched = false
	p.setMask(0) // a process that is being forked may still have the connection open
	p.mu.Unlock()
	w := p.poller
	w.mu.Lock()
	w.byFD[p.fd] = nil
	w.mu.Unlock()
	p.use.Lock()
	defer p.use.Unlock()
	p.released = true
	unix.Close(p.fd)
}

// CloseWrite ends what the client can read.
func (p *polled) CloseWrite() error {
	_, err := p.call(func(fd int) (int, error) { return 0, unix.Shutdown(fd, unix.SHUT_WR) })
	return err
}

// SetReadDeadline implements net.Conn. While the poller serves the connection, it ends
// it.
func (p *polled) SetReadDeadline(t time.Time) error {
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
func (p *polled) overdue() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watched && !p.readBy.IsZero() && !time.Now().Before(p.readBy) {
		p.expire()
	}
}

// expire ends the input, of which the poller learns as of anything that arrives.
func (p *polled) expire() {
	p.expired.Store(true)
	p.call(func(fd int) (int, error) { return 0, unix.Shutdown(fd, unix.SHUT_RD) })
}

// SetWriteDeadline implements net.Conn. It counts for a Write that begins later.
func (p *polled) SetWriteDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = t
	return nil
}

// SetDeadline implements net.Conn.
func (p *polled) SetDeadline(t time.Time) error {
	return errors.Join(p.SetReadDeadline(t), p.SetWriteDeadline(t))
}

// LocalAddr implements net.Conn.
func (p *polled) LocalAddr() net.Addr { return p.local }

// RemoteAddr implements net.Conn.
func (p *polled) RemoteAddr() net.Addr { return p.remote }

// descriptor returns the descriptor, for CLIENT LIST.
func (p *polled) descriptor() int { return p.fd }
