package conformance

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// value is one RESP value. kind is the byte that it begins with on the wire;
// 'N' stands for a null and 'A' for the null array of RESP2.
type value struct {
	kind  byte
	text  string  // of + - $ = :
	items []value // of * ~ > and, keys and values in turn, %
}

// String returns the value on one line.
func (v value) String() string {
	switch v.kind {
	case '+', '-', ':', ',':
		return string(v.kind) + v.text
	case '$':
		return strconv.Quote(v.text)
	case '=':
		return "=" + strconv.Quote(v.text)
	case 'N':
		return "null"
	case 'A':
		return "null-array"
	}
	var b strings.Builder
	b.WriteString(map[byte]string{'*': "[", '~': "set[", '>': "push[", '%': "map["}[v.kind])
	for i, item := range v.items {
		switch {
		case i > 0 && v.kind == '%' && i%2 == 1:
			b.WriteString(": ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(item.String())
	}
	return b.String() + "]"
}

// conn is a connection that sees every byte.
type conn struct {
	nc     net.Conn
	rd     *bufio.Reader
	marks  int
	closed bool
}

// patience bounds the wait for one reply. It is an emergency brake.
const patience = 20 * time.Second

func dial(addr string) (*conn, error) {
	nc, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	return &conn{nc: nc, rd: bufio.NewReader(nc)}, nil
}

// send writes bytes. A connection that the other side has closed is no error
// here: the end shows when the reply is read.
func (c *conn) send(b []byte) error {
	if err := c.nc.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := c.nc.Write(b)
	if isClosed(err) {
		return nil
	}
	return err
}

func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// exchange sends commands and returns everything that comes back: up to the
// answer to a command that does not exist, which is given in every state of a
// connection, or to the end of the connection.
func (c *conn) exchange(commands []byte) ([]value, error) {
	c.marks++
	mark := "mark-" + strconv.Itoa(c.marks)
	if err := c.send(append(bytes.Clone(commands), mark+"\r\n"...)); err != nil {
		return nil, err
	}
	var got []value
	for {
		v, err := c.read()
		switch {
		case isClosed(err):
			c.closed = true
			return append(got, value{kind: '+', text: "(closed)"}), nil
		case err != nil:
			return got, err
		case v.kind == '-' && strings.HasPrefix(v.text, "ERR unknown command '"+mark+"'"):
			return got, nil
		}
		got = append(got, v)
	}
}

func (c *conn) read() (value, error) {
	line, err := c.rd.ReadString('\n')
	if err != nil {
		return value{}, err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" {
		return value{}, errors.New("an empty line instead of a RESP value")
	}
	v := value{kind: line[0], text: line[1:]}
	switch v.kind {
	case '+', '-', ':', ',':
		return v, nil
	case '_':
		return value{kind: 'N'}, nil
	}
	n, err := strconv.Atoi(v.text)
	if err != nil {
		return v, fmt.Errorf("%q: %w", line, err)
	}
	switch v.kind {
	case '$', '=':
		return c.readBulk(v, n)
	case '*', '~', '>', '%':
		return c.readItems(v, n)
	}
	return v, fmt.Errorf("%q is no RESP value", line)
}

func (c *conn) readBulk(v value, n int) (value, error) {
	if n < 0 {
		return value{kind: 'N'}, nil
	}
	body := make([]byte, n+2)
	if _, err := io.ReadFull(c.rd, body); err != nil {
		return v, err
	}
	v.text = string(body[:n])
	return v, nil
}

func (c *conn) readItems(v value, n int) (value, error) {
	if n < 0 {
		return value{kind: 'A'}, nil
	}
	v.text = ""
	if v.kind == '%' {
		n *= 2
	}
	for range n {
		item, err := c.read()
		if err != nil {
			return v, err
		}
		v.items = append(v.items, item)
	}
	return v, nil
}

// words splits an inline command by the rules of inline commands.
func words(line string) []string {
	var list []string
	for i := 0; i < len(line); {
		if line[i] == ' ' {
			i++
			continue
		}
		var word strings.Builder
		quote := byte(0)
		for ; i < len(line) && (quote != 0 || line[i] != ' '); i++ {
			switch c := line[i]; {
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
			case c == quote:
				quote = 0
			case c == '\\' && quote == '"' && i+1 < len(line):
				i++
				i += escape(&word, line[i:])
			case c == '\\' && quote == '\'' && i+1 < len(line) && line[i+1] == '\'':
				i++
				word.WriteByte('\'')
			default:
				word.WriteByte(c)
			}
		}
		list = append(list, word.String())
	}
	return list
}

// escape writes what an escape stands for and returns how many bytes of s it
// takes beyond the first.
func escape(to *strings.Builder, s string) int {
	if n, err := strconv.ParseUint(s[min(1, len(s)):min(3, len(s))], 16, 8); s[0] == 'x' && len(s) > 2 && err == nil {
		to.WriteByte(byte(n))
		return 2
	}
	if i := strings.IndexByte("nrtba", s[0]); i >= 0 {
		to.WriteByte("\n\r\t\b\a"[i])
	} else {
		to.WriteByte(s[0])
	}
	return 0
}

// multibulk encodes a command as clients send it.
func multibulk(args []string) []byte {
	b := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, a := range args {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b
}
