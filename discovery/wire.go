package discovery

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"time"
)

// connect opens a connection and logs in. All of it is bounded by the time-out.
func (r *Resolver) connect(ctx context.Context, addr string, a Access) (net.Conn, *reader, error) {
	ctx, cancel := context.WithTimeout(ctx, r.opt.Timeout)
	defer cancel()
	conn, err := r.opt.Dial(ctx, "tcp", addr)
	if err != nil {
		return nil, nil, plain(err)
	}
	if a.TLS != nil {
		if conn, err = secure(ctx, conn, addr, a.TLS); err != nil {
			return nil, nil, err
		}
	}
	rd := newReader(conn)
	if a.Password == "" {
		return conn, rd, nil
	}
	login := command{"AUTH", a.Password}
	if a.User != "" {
		login = command{"AUTH", a.User, a.Password}
	}
	replies, err := exchange(ctx, conn, rd, login)
	if err == nil {
		if err = replies[0].err(); err != nil && needless(replies[0].text) {
			err = nil
		}
	}
	if err != nil {
		conn.Close()
		return nil, nil, fmt.Errorf("login: %w", err)
	}
	return conn, rd, nil
}

// needless reports whether a login was refused because none is needed. That is
// so while passwords are being introduced, one machine at a time.
func needless(text string) bool {
	return strings.Contains(text, "without any password configured") || strings.Contains(text, "no password is set")
}

// secure adds TLS.
func secure(ctx context.Context, conn net.Conn, addr string, cfg *tls.Config) (net.Conn, error) {
	if cfg.ServerName == "" && !cfg.InsecureSkipVerify {
		host, _, _ := net.SplitHostPort(addr)
		cfg = cfg.Clone()
		cfg.ServerName = host
	}
	tc := tls.Client(conn, cfg)
	if err := tc.HandshakeContext(ctx); err != nil {
		conn.Close()
		var header tls.RecordHeaderError
		if errors.As(err, &header) {
			return nil, errors.New("TLS: it answers without TLS")
		}
		return nil, fmt.Errorf("TLS: %w", plain(err))
	}
	return tc, nil
}

// longAgo is a deadline that makes a connection return at once.
var longAgo = time.Unix(1, 0)

// exchange sends commands and reads their replies. It ends when the context does,
// and leaves no deadline behind.
func exchange(ctx context.Context, conn net.Conn, rd *reader, commands ...command) ([]reply, error) {
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(longAgo) })
	var out []byte
	for _, c := range commands {
		out = c.appendTo(out)
	}
	var replies []reply
	_, failed := conn.Write(out)
	var err error
	for err == nil && len(replies) < len(commands) { // who has hung up may have said why
		var v reply
		if v, err = rd.read(); err == nil {
			replies = append(replies, v)
		}
	}
	switch {
	case !stop():
		return nil, plain(context.Cause(ctx))
	case err != nil:
		return nil, plain(err)
	case failed != nil:
		return nil, farewell(replies, plain(failed))
	}
	return replies, nil
}

// farewell is why a connection has ended: what the other side said at last, if that
// was an error, as when it takes no more clients. err is what the network says.
func farewell(replies []reply, err error) error {
	if n := len(replies); n > 0 && replies[n-1].err() != nil {
		return replies[n-1].err()
	}
	return err
}

// plain says in words what has no words of its own, and leaves out ports of this
// side: with them no error would be like the one before.
func plain(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = fmt.Errorf("%s: %w", op.Op, op.Err)
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("it closed the connection: %w", err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("it did not answer in time: %w", err)
	}
	return err
}

// line is a connection that stays, to be asked again and again, or to be told
// something. A goroutine reads it, so that its end is noticed at once.
type line struct {
	conn    net.Conn
	timeout time.Duration
	replies chan reply // unbuffered: what nobody wants stays in the network; closed at the end
	done    chan struct{}
	err     error // why replies has been closed
}

// open opens a line.
func (r *Resolver) open(ctx context.Context, addr string, a Access) (*line, error) {
	conn, rd, err := r.connect(ctx, addr, a)
	if err != nil {
		return nil, err
	}
	l := &line{conn: conn, timeout: r.opt.Timeout, replies: make(chan reply), done: make(chan struct{})}
	go l.pump(rd)
	return l, nil
}

func (l *line) pump(rd *reader) {
	defer close(l.replies)
	for {
		v, err := rd.read()
		if err != nil {
			l.err = plain(err)
			return
		}
		select {
		case l.replies <- v:
		case <-l.done:
			l.err = net.ErrClosed
			return
		}
	}
}

// close ends the connection and its goroutine.
func (l *line) close() {
	close(l.done)
	hangUp(l.conn)
	for range l.replies {
	}
}

// hangUp closes a connection without the farewell of TLS, which can take seconds.
func hangUp(conn net.Conn) {
	if tc, ok := conn.(*tls.Conn); ok {
		conn = tc.NetConn()
	}
	conn.Close()
}

// send writes commands.
func (l *line) send(commands ...command) error {
	var out []byte
	for _, c := range commands {
		out = c.appendTo(out)
	}
	l.conn.SetWriteDeadline(time.Now().Add(l.timeout))
	_, err := l.conn.Write(out)
	return plain(err)
}

// ask sends commands and waits for their replies.
func (l *line) ask(ctx context.Context, commands ...command) ([]reply, error) {
	failed := l.send(commands...)
	if errors.Is(failed, os.ErrDeadlineExceeded) {
		return nil, failed
	}
	timer := time.NewTimer(l.timeout)
	defer timer.Stop()
	var list []reply
	for len(list) < len(commands) {
		select {
		case v, ok := <-l.replies:
			if !ok {
				return nil, farewell(list, l.err)
			}
			list = append(list, v)
		case <-timer.C:
			return nil, plain(os.ErrDeadlineExceeded)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if failed != nil {
		return nil, farewell(list, failed)
	}
	return list, nil
}

var errUnasked = errors.New("it sends what nobody asked for")

// idle waits until it is time to ask again, or somebody wants that now. Its error
// says that the line is of no use any more.
func (l *line) idle(ctx context.Context, d time.Duration, kick <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case v, ok := <-l.replies:
		if !ok {
			return l.err
		}
		return farewell([]reply{v}, errUnasked)
	case <-timer.C:
	case <-kick:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// backoff makes pauses that grow, and differ from one process to the next.
type backoff struct{ next, first, most time.Duration }

// pause returns the next one. When what began at start has lasted, it is the first
// again.
func (b *backoff) pause(start time.Time) time.Duration {
	if time.Since(start) > 2*b.most {
		b.next = 0
	}
	d := max(b.next, b.first)
	b.next = min(2*d, b.most)
	return d/2 + rand.N(d/2+1)
}

// sleep waits; false if the context ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// kick is a wish that somebody may have several of, and gets once.
type kick chan struct{}

func (k kick) send() {
	select {
	case k <- struct{}{}:
	default:
	}
}
