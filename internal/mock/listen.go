package mock

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
)

// listen opens the socket of a node.
func (n *node) listen() (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(context.Background(), "tcp", n.addr())
	if err != nil || n.m.opt.TLS == nil {
		return ln, err
	}
	return encrypted{ln, n.m.opt.TLS}, nil
}

// dialer returns how a replica connects to its master; nil for the usual way. Who the
// master is needs no proof: both are in this process.
func (m *Mock) dialer() func(ctx context.Context, network, addr string) (net.Conn, error) {
	if m.opt.TLS == nil {
		return nil
	}
	return (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, Certificates: m.opt.TLS.Certificates}}).DialContext
}

// encrypted accepts connections with TLS. Their handshakes are made when they are read.
type encrypted struct {
	net.Listener
	cfg *tls.Config
}

func (l encrypted) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &encryptedConn{Conn: tls.Server(c, l.cfg)}, nil
}

// encryptedConn can be reset, as connections without TLS can.
type encryptedConn struct {
	*tls.Conn
	reset atomic.Bool
}

// SetLinger is that of [net.TCPConn]. With 0, Close says no farewell, which could take
// seconds.
func (c *encryptedConn) SetLinger(sec int) error {
	c.reset.Store(sec == 0)
	return c.NetConn().(*net.TCPConn).SetLinger(sec)
}

func (c *encryptedConn) Close() error {
	if c.reset.Load() {
		return c.NetConn().Close()
	}
	return c.Conn.Close()
}
