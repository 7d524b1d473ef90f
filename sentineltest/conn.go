package sentineltest

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/internal/mempipe"
)

// unknown is the name of a peer that is found out when its first bytes come.
const unknown = "?"

// conn is a connection on a network that may be divided, and between nodes that may
// be frozen. What arrives meanwhile is held back, the end of the stream too; what is
// sent fills the buffers below, as it does in a kernel.
type conn struct {
	net.Conn
	net     *Network
	here    string
	forget  func() // called by the first Close; nil for nothing
	closed  chan struct{}
	closing sync.Once
	read    mempipe.Deadline

	reading sync.Mutex // for what follows
	there   string
	held    []byte
	heldErr error
}

func newConn(nc net.Conn, n *Network, here, there string, forget func()) *conn {
	return &conn{Conn: nc, net: n, here: here, there: there, forget: forget, closed: make(chan struct{})}
}

func (c *conn) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if len(c.held) == 0 && c.heldErr == nil {
		n, err := c.Conn.Read(p)
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
			return n, err // of this side
		}
		if c.there == unknown {
			c.there = c.net.owner(c.RemoteAddr().String())
		}
		if stuck, _ := c.net.stuck(c.there, c.here); !stuck {
			return n, err
		}
		c.held, c.heldErr = append([]byte(nil), p[:n]...), err
	}
	if err := c.wait(); err != nil {
		return 0, err
	}
	n := copy(p, c.held)
	c.held = c.held[n:]
	if len(c.held) > 0 {
		return n, nil
	}
	return n, c.heldErr
}

// wait returns nil when what is held back may go on.
func (c *conn) wait() error {
	for {
		stuck, changed := c.net.stuck(c.there, c.here)
		late := c.read.Passed()
		switch {
		case isClosed(c.closed):
			return net.ErrClosed
		case isClosed(late):
			return os.ErrDeadlineExceeded
		case !stuck:
			return nil
		}
		select {
		case <-changed:
		case <-late:
		case <-c.closed:
		}
	}
}

func (c *conn) Close() error {
	c.closing.Do(func() {
		close(c.closed)
		c.read.Set(time.Time{})
		if c.forget != nil {
			c.forget()
		}
	})
	return c.Conn.Close()
}

func (c *conn) SetDeadline(t time.Time) error {
	c.read.Set(t)
	return c.Conn.SetDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.read.Set(t)
	return c.Conn.SetReadDeadline(t)
}

// CloseWrite and SetLinger are those of [net.TCPConn].
func (c *conn) CloseWrite() error { return c.Conn.(interface{ CloseWrite() error }).CloseWrite() }
func (c *conn) SetLinger(sec int) error {
	return c.Conn.(interface{ SetLinger(int) error }).SetLinger(sec)
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}
