package traffic

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/tidwall/redcon"
)

// Access is how to get into a server.
type Access struct {
	TLS            *tls.Config // nil: no TLS
	User, Password string      // empty: no login
}

// conn is one connection that sends commands in a row and then reads their replies.
// It is not go-redis, which drops a connection at a READONLY reply: then errors of one
// connection could not be counted.
type conn struct {
	nc      net.Conn
	addr    string // as Sentinels name it
	in, out []byte
	errs    tally
}

// limit is how long a client waits for a reply. A paused write takes as long as the
// pause.
const limit = 3 * time.Second

// dial connects to the server that Sentinels know as addr.
func (s *Site) dial(ctx context.Context, addr string, a Access) (*conn, error) {
	at := addr
	if direct := s.Direct[addr]; direct != "" {
		at = direct
	}
	d := net.Dialer{Timeout: limit}
	nc, err := d.DialContext(ctx, "tcp", at)
	if err != nil {
		return nil, err
	}
	if a.TLS != nil {
		nc = tls.Client(nc, a.TLS)
	}
	c := &conn{nc: nc, addr: addr}
	if a.Password == "" {
		return c, nil
	}
	c.command("AUTH", a.User, a.Password)
	reply, err := c.roundTrip(ctx)
	if err == nil {
		err = failure(reply)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *conn) close() { _ = c.nc.Close() }

// command appends a command to what flush sends.
func (c *conn) command(words ...string) {
	c.out = redcon.AppendArray(c.out, len(words))
	for _, w := range words {
		c.out = redcon.AppendBulkString(c.out, w)
	}
}

func (c *conn) flush() error {
	_, err := c.nc.Write(c.out)
	c.out = c.out[:0]
	return err
}

// roundTrip sends one command and returns its reply. It ends with ctx.
func (c *conn) roundTrip(ctx context.Context) (redcon.RESP, error) {
	defer c.hangUp(ctx)()
	if err := c.nc.SetDeadline(time.Now().Add(limit)); err != nil {
		return redcon.RESP{}, err
	}
	if err := c.flush(); err != nil {
		return redcon.RESP{}, err
	}
	return c.reply()
}

// hangUp closes the connection when ctx ends, unless the returned function is called
// before.
func (c *conn) hangUp(ctx context.Context) (undo func() bool) {
	return context.AfterFunc(ctx, c.close)
}

// reply reads the next reply, which is valid until the one after it.
func (c *conn) reply() (redcon.RESP, error) {
	for {
		if n, r := redcon.ReadNextRESP(c.in); n > 0 {
			c.in = c.in[n:]
			return r, nil
		}
		b := make([]byte, 4096)
		n, err := c.nc.Read(b)
		if err != nil {
			return redcon.RESP{}, err
		}
		c.in = append(c.in, b[:n]...)
	}
}

// failure returns the error of a reply, also the one of a command in a transaction.
func failure(r redcon.RESP) error {
	if r.Type == redcon.Error {
		return errors.New(string(r.Data))
	}
	if r.Type == redcon.Array && bytes.Contains(r.Raw, []byte("\r\n-")) {
		return errors.New("error in a transaction")
	}
	return nil
}
