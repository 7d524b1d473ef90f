package proxy

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// wire is a connection as a worker sees it: nothing waits. Its methods are called by the
// worker only.
type wire interface {
	// write hands over as much of b as is taken at once. If that is not all, user.room
	// is called when there is more room.
	write(b []byte) (n int, err error)
	// drained reports whether everything has been passed on. If not, user.room is
	// called when it has.
	drained() bool
	// pause stops what calls user.input, and resume continues it.
	pause()
	resume()
	// close ends the connection. The user is not called any more.
	close()

	remote() string
	localAddr() net.Addr
}

// user is who has a wire. A worker calls it.
type user interface {
	// input gets what has arrived. b is valid during the call.
	input(b []byte)
	// ended tells the end of the input; io.EOF if the other side has closed it. What is
	// written may still arrive there.
	ended(err error)
	room()
}

// pump is a wire over any net.Conn, by two goroutines. It serves TLS, and networks that
// are no sockets.
type pump struct {
	w       *worker
	conn    net.Conn
	user    user
	goOn    chan struct{} // let the reader read again
	out     chan []byte
	quit    chan struct{}
	idle    bool   // the writer has nothing to write
	spare   []byte // what it has written
	wanting bool   // user.room is to be called
	paused  bool
	waiting bool // the reader waits for goOn
	failed  error
	gone    bool
}

const pumpBytes = 32 << 10

// newPump starts to read once the worker calls resume; it is created paused.
func newPump(w *worker, conn net.Conn, u user) *pump {
	p := &pump{w: w, conn: conn, user: u, goOn: make(chan struct{}, 1), out: make(chan []byte, 1), quit: make(chan struct{}), idle: true, paused: true, waiting: true}
	w.tasks.Go(p.read)
	w.tasks.Go(p.send)
	return p
}

// greetTimeout is how long a client may take for the beginning of TLS.
const greetTimeout = 10 * time.Second

// handshakeError tells that there was no TLS.
type handshakeError struct{ error }

// handshake begins TLS, if it has not begun.
func handshake(conn net.Conn) error {
	tc, ok := conn.(*tls.Conn)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), greetTimeout)
	defer cancel()
	if err := tc.HandshakeContext(ctx); err != nil {
		return handshakeError{err}
	}
	return nil
}

func (p *pump) read() {
	if err := handshake(p.conn); err != nil {
		p.w.post(func() { p.arrived(nil, err) })
		return
	}
	b := make([]byte, pumpBytes)
	for {
		select {
		case <-p.goOn:
		case <-p.quit:
			return
		}
		n, err := p.conn.Read(b)
		if !p.w.post(func() { p.arrived(b[:n], err) }) || err != nil {
			return
		}
	}
}

// arrived is what the worker does with what the reader has read.
func (p *pump) arrived(b []byte, err error) {
	p.waiting = true
	if !p.gone && len(b) > 0 {
		p.user.input(b)
	}
	switch {
	case p.gone:
	case err != nil:
		p.user.ended(err)
	case !p.paused:
		p.next()
	}
}

func (p *pump) next() {
	if p.waiting {
		p.waiting = false
		p.goOn <- struct{}{}
	}
}

func (p *pump) send() {
	for {
		select {
		case b := <-p.out:
			_, err := p.conn.Write(b)
			if !p.w.post(func() { p.sent(b, err) }) || err != nil {
				return
			}
		case <-p.quit:
			return
		}
	}
}

func (p *pump) sent(b []byte, err error) {
	p.idle, p.spare = true, b[:0]
	if cap(b) > 4*pumpBytes {
		p.spare = nil
	}
	if p.gone {
		return
	}
	if err != nil {
		p.failed = err
	}
	if p.wanting {
		p.wanting = false
		p.user.room()
	}
}

func (p *pump) write(b []byte) (int, error) {
	switch {
	case p.failed != nil:
		return 0, p.failed
	case len(b) == 0:
		return 0, nil
	case !p.idle:
		p.wanting = true
		return 0, nil
	}
	p.idle = false
	p.out <- append(p.spare, b...)
	p.spare = nil
	return len(b), nil
}

func (p *pump) drained() bool {
	p.wanting = p.wanting || !p.idle
	return p.idle || p.failed != nil
}

func (p *pump) pause() { p.paused = true }

func (p *pump) resume() {
	if p.paused {
		p.paused = false
		p.next()
	}
}

func (p *pump) close() {
	if !p.gone {
		p.gone = true
		close(p.quit)
		hangUp(p.conn)
	}
}

func (p *pump) remote() string      { return p.conn.RemoteAddr().String() }
func (p *pump) localAddr() net.Addr { return p.conn.LocalAddr() }

// hangUp closes a connection without waiting for it: TLS would tell the other side.
func hangUp(conn net.Conn) {
	if tc, ok := conn.(*tls.Conn); ok {
		conn = tc.NetConn()
	}
	conn.Close()
}
