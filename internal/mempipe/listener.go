package mempipe

import (
	"context"
	"net"
	"sync"
)

// Addr is the address of both ends of connections that a [Listener] makes.
type Addr string

// Network returns "pipe".
func (Addr) Network() string  { return "pipe" }
func (a Addr) String() string { return string(a) }

// Listener is a [net.Listener] for connections within a process. Its methods are safe
// for concurrent use.
type Listener struct {
	addr   Addr
	queue  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Listen returns a listener.
func Listen(addr Addr) *Listener {
	return &Listener{addr: addr, queue: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial makes a connection, which is there once it is accepted.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	here, there := New(l.addr, l.addr)
	select {
	case l.queue <- there:
		return here, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Net: "pipe", Addr: l.addr, Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements [net.Listener].
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.queue:
		return nc, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: "pipe", Addr: l.addr, Err: net.ErrClosed}
	}
}

// Close implements [net.Listener].
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements [net.Listener].
func (l *Listener) Addr() net.Addr { return l.addr }
