package proxies

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// loader is one thread that keeps all connections of a mix busy, as redis-benchmark is.
type loader struct {
	mix
	*generator
	epoll  int
	conns  []*loadConn
	idle   []*loadConn
	events []unix.EpollEvent
	in     []byte
	begun  time.Time
	sent   int
	until  time.Time
	outcome
}

type loadConn struct {
	fd    int
	out   []byte
	left  int // replies that are still to come
	since time.Time
	replies
}

// run loads a server for so long.
func (m mix) run(ctx context.Context, addr string, span time.Duration) (outcome, error) {
	l := &loader{mix: m, generator: newGenerator(), events: make([]unix.EpollEvent, m.conns), in: make([]byte, 64<<10)}
	defer l.close()
	if err := l.connect(addr); err != nil {
		return outcome{}, err
	}
	l.begun = time.Now()
	l.until = l.begun.Add(span)
	for ctx.Err() == nil {
		now := time.Now()
		if now.After(l.until) && len(l.idle) == len(l.conns) {
			break
		}
		if now.After(l.until.Add(10 * time.Second)) {
			return outcome{}, errors.New("replies are missing")
		}
		if err := l.sendDue(now); err != nil {
			return outcome{}, err
		}
		if err := l.wait(l.pause(now)); err != nil {
			return outcome{}, err
		}
	}
	l.took = time.Since(l.begun)
	return l.outcome, context.Cause(ctx)
}

func (l *loader) connect(addr string) (err error) {
	at, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return err
	}
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	for range l.mix.conns {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		c := &loadConn{fd: fd}
		l.conns = append(l.conns, c)
		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: at.Port, Addr: [4]byte(at.IP.To4())}); err != nil {
			return fmt.Errorf("%s: %w", addr, err)
		}
		err = errors.Join(unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
			unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(len(l.conns) - 1)}))
		if err != nil {
			return err
		}
		l.idle = append(l.idle, c)
	}
	return nil
}

func (l *loader) close() {
	for _, c := range l.conns {
		_ = unix.Close(c.fd)
	}
	_ = unix.Close(l.epoll)
}

// due is when the next request is.
func (l *loader) due() time.Time {
	return l.begun.Add(time.Duration(float64(l.sent) / l.rate * float64(time.Second)))
}

// sendDue sends what is due, as far as connections are free.
func (l *loader) sendDue(now time.Time) error {
	for len(l.idle) > 0 && now.Before(l.until) {
		since := now
		if l.rate > 0 {
			if since = l.due(); since.After(now) {
				return nil
			}
		}
		c := l.idle[0]
		l.idle = l.idle[1:]
		c.since, c.left, c.out = since, l.pipeline, c.out[:0]
		for range l.pipeline {
			c.out = l.next(c.out)
		}
		l.sent += l.pipeline
		// The socket blocks: what is in flight fits into its buffer.
		if _, err := unix.Write(c.fd, c.out); err != nil {
			return err
		}
	}
	return nil
}

// pause is how long to wait for replies before something is due; negative is for ever.
func (l *loader) pause(now time.Time) time.Duration {
	if l.rate > 0 && len(l.idle) > 0 && now.Before(l.until) {
		return max(0, l.due().Sub(now))
	}
	return 100 * time.Millisecond
}

// wait takes the replies that arrive. epoll itself counts in milliseconds.
func (l *loader) wait(pause time.Duration) error {
	ts := unix.NsecToTimespec(int64(pause))
	n, err := unix.Ppoll([]unix.PollFd{{Fd: int32(l.epoll), Events: unix.POLLIN}}, &ts, nil)
	if n > 0 {
		n, err = unix.EpollWait(l.epoll, l.events, 0)
	}
	if err != nil && !errors.Is(err, unix.EINTR) {
		return err
	}
	for _, ev := range l.events[:max(0, n)] {
		if err := l.read(l.conns[ev.Fd]); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) read(c *loadConn) error {
	size, err := unix.Read(c.fd, l.in)
	switch {
	case err != nil:
		return err
	case size == 0:
		return errors.New("the connection was closed")
	}
	before := c.replies.errors
	n, err := c.count(l.in[:size])
	if err != nil || n > c.left {
		return errors.Join(err, fmt.Errorf("%d replies to %d requests", n, c.left))
	}
	l.errors += c.replies.errors - before
	l.done += n
	if c.left -= n; c.left == 0 && n > 0 {
		l.waits = append(l.waits, time.Since(c.since))
		l.idle = append(l.idle, c)
	}
	return nil
}
