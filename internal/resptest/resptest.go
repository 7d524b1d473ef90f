package resptest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Conn is a client that shows replies as bytes.
type Conn struct {
	net.Conn
	t  testing.TB
	rd *bufio.Reader
	n  int
}

// Dial connects to a server. The connection is closed at the end of the test. All
// its reads must be done within 30 seconds of Dial.
func Dial(t testing.TB, network, addr string) *Conn {
	t.Helper()
	nc, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(30 * time.Second))
	return New(t, nc)
}

// New makes a client from an existing connection.
func New(t testing.TB, nc net.Conn) *Conn {
	return &Conn{Conn: nc, t: t, rd: bufio.NewReader(nc)}
}

// Send writes text unchanged.
func (c *Conn) Send(text string) {
	c.t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

// Value reads one RESP value and returns its bytes, with CRLF shown as LF.
func (c *Conn) Value() (string, error) {
	line, err := c.rd.ReadString('\n')
	if err != nil {
		return line, err
	}
	text := strings.TrimSuffix(line, "\r\n") + "\n"
	n, _ := strconv.Atoi(strings.TrimSpace(line[1:]))
	switch line[0] {
	case '$', '=':
		if n < 0 {
			return text, nil
		}
		body := make([]byte, n+2)
		if _, err := io.ReadFull(c.rd, body); err != nil {
			return text, err
		}
		return text + strings.ReplaceAll(string(body), "\r\n", "\n"), nil
	case '%':
		n *= 2
	case '*', '>', '~':
	default:
		return text, nil
	}
	for range n {
		part, err := c.Value()
		text += part
		if err != nil {
			return text, err
		}
	}
	return text, nil
}

// Do sends a command and returns everything that is received for it: up to the
// reply to an unknown command that it sends afterwards, which is answered in
// every state of a connection, or up to the end of the connection.
func (c *Conn) Do(cmd string) string {
	c.t.Helper()
	c.n++
	mark := fmt.Sprintf("-ERR unknown command 'mark-%d', with args beginning with: \n", c.n)
	if _, err := c.Write([]byte(cmd + "\r\nmark-" + strconv.Itoa(c.n) + "\r\n")); err != nil {
		return "(closed)\n"
	}
	var got strings.Builder
	for {
		v, err := c.Value()
		if err == nil && v == mark {
			return got.String()
		}
		got.WriteString(v)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.t.Errorf("%q: no answer", cmd)
		}
		if err != nil {
			got.WriteString("(closed)\n")
			return got.String()
		}
	}
}

// Eventually waits up to 20 seconds for a condition that another goroutine or
// process will fulfil.
func Eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// Closed reports whether err means that the server ended the connection.
func Closed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
}
