package web

import (
	"container/list"
	"net"
	"sync"
)

// MaxConns is how many connections a [Server] has at most.
const MaxConns = 128

// bounded has the connections of all listeners of a server: at most MaxConns. For one
// more the oldest is closed, so that connections which hang, however many, keep no
// supervisor out.
type bounded struct {
	mu    sync.Mutex
	conns list.List // of *boundedConn, oldest first
}

// with returns a listener whose connections count here.
func (b *bounded) with(ln net.Listener) net.Listener { return &boundedListener{ln, b} }

type boundedListener struct {
	net.Listener
	of *bounded
}

func (l *boundedListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.of.add(nc), nil
}

func (b *bounded) add(nc net.Conn) net.Conn {
	c := &boundedConn{Conn: nc, of: b}
	b.mu.Lock()
	c.at = b.conns.PushBack(c)
	var oldest *boundedConn
	if b.conns.Len() > MaxConns {
		oldest = b.conns.Front().Value.(*boundedConn)
	}
	b.mu.Unlock()
	if oldest != nil {
		oldest.Close()
	}
	return c
}

type boundedConn struct {
	net.Conn
	of *bounded
	at *list.Element // guarded by of.mu; nil once it is closed
}

func (c *boundedConn) Close() error {
	c.of.mu.Lock()
	if c.at != nil {
		c.of.conns.Remove(c.at)
		c.at = nil
	}
	c.of.mu.Unlock()
	return c.Conn.Close()
}
