package survey

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/internal/resp"
)

// Error implements error.
func (p *Problem) Error() string { return p.Text }

func problem(c Cause, format string, args ...any) *Problem {
	return &Problem{c, fmt.Sprintf(format, args...)}
}

// budget is what all replies together may take.
type budget struct {
	mu   sync.Mutex
	left resp.Limits
}

// Bounds of a reply, and of all.
const (
	replyBytes, replyItems = 16 << 20, 1 << 20
	allBytes, allItems     = 128 << 20, 2 << 20
)

func (b *budget) limits() resp.Limits {
	b.mu.Lock()
	defer b.mu.Unlock()
	return resp.Limits{Bytes: min(replyBytes, b.left.Bytes), Items: min(replyItems, b.left.Items)}
}

func (b *budget) spend(v resp.Value) {
	bytes, items := size(v)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left.Bytes -= bytes
	b.left.Items -= items
}

func size(v resp.Value) (bytes, items int) {
	bytes, items = len(v.Text), 1
	for _, i := range v.Items {
		b, n := size(i)
		bytes, items = bytes+b, items+n
	}
	return bytes, items
}

// conn is a connection on which somebody is asked.
type conn struct {
	net.Conn
	rd       *bufio.Reader
	budget   *budget
	patience time.Duration // for each answer
	answered bool
}

// open connects and logs in.
func (t *taker) open(ctx context.Context, addr string, a Access) (*conn, *Problem) {
	ctx, cancel := context.WithTimeout(ctx, t.Patience)
	defer cancel()
	if p := nowhere(addr); p != nil {
		return nil, p
	}
	raw, err := t.Dial(ctx, "tcp", addr)
	if err != nil {
		return nil, dialProblem(err)
	}
	c := &conn{Conn: raw, budget: &t.budget, patience: t.Patience}
	if a.TLS != nil {
		cfg := a.TLS
		if cfg.ServerName == "" && !cfg.InsecureSkipVerify {
			cfg = cfg.Clone()
			cfg.ServerName, _, _ = net.SplitHostPort(addr)
		}
		tc := tls.Client(raw, cfg)
		if err := tc.HandshakeContext(ctx); err != nil {
			raw.Close()
			p := tlsProblem(err)
			if p.Cause == Silent && t.speaksPlain(addr) {
				p = problem(NoTLS, "it answers without TLS, and was asked with it")
			}
			return nil, p
		}
		c.Conn = tc
	}
	c.rd = bufio.NewReaderSize(c.Conn, 16<<10)
	p := c.login(a)
	if p != nil && p.Cause == Closed && a.TLS == nil && t.speaksTLS(ctx, addr) {
		p = problem(NeedsTLS, "it speaks TLS, and was asked without")
	}
	if p != nil {
		c.Close()
		return nil, p
	}
	return c, nil
}

// nowhere finds out addresses that nobody can have.
func nowhere(addr string) *Problem {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "" || port == "0" {
		return problem(Blank, "%q is no address of a port", addr)
	}
	if host == "" {
		return problem(Blank, "the address is blank")
	}
	ip, err := netip.ParseAddr(host)
	if err == nil && (ip.Unmap().IsUnspecified() || ip.IsMulticast() || ip.Unmap() == netip.AddrFrom4([4]byte{255, 255, 255, 255})) {
		return problem(Blank, "%s stands for no machine", host)
	}
	return nil
}

func dialProblem(err error) *Problem {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return problem(Unknown, "the name does not resolve: %s", dns.Err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return problem(Refused, "it refuses connections: nothing listens there")
	case isTimeout(err):
		return problem(Silent, "no connection comes about in time: a firewall, or a machine that is down")
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return problem(Silent, "no way leads there from this machine")
	}
	return problem(Unusable, "%v", err)
}

func tlsProblem(err error) *Problem {
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &header):
		return problem(NoTLS, "it answers without TLS, and was asked with it")
	case isTimeout(err):
		return problem(Silent, "it does not answer the beginning of TLS in time: most likely it speaks none")
	}
	return problem(BadTLS, "TLS: %v", err)
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// speaksTLS finds out why a connection without TLS was closed.
func (t *taker) speaksTLS(ctx context.Context, addr string) bool {
	raw, err := t.Dial(ctx, "tcp", addr)
	if err != nil {
		return false
	}
	defer raw.Close()
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	// Whose certificate it is does not matter here: nothing is said on the connection.
	err = tls.Client(raw, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx)
	var alert tls.AlertError
	return err == nil || errors.As(err, &alert)
}

// speaksPlain finds out why nobody answered the beginning of TLS: a server without it waits for the
// end of a line.
func (t *taker) speaksPlain(addr string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), t.Patience)
	defer cancel()
	raw, err := t.Dial(ctx, "tcp", addr)
	if err != nil {
		return false
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(t.Patience))
	if _, err := raw.Write(resp.AppendCommand(nil, "PING")); err != nil {
		return false
	}
	v, err := resp.Read(bufio.NewReader(raw), resp.Limits{Bytes: 1000, Items: 1})
	return err == nil && (v.Kind == '+' || v.Kind == '-')
}

// login logs in, and finds out whether a Redis server or Sentinel is there.
func (c *conn) login(a Access) *Problem {
	if words := resp.Login(a.User, a.Password); words != nil {
		v, p := c.do(words...)
		switch {
		case p != nil:
			return p
		case v.LoginIsNeedless(), !v.Failed():
		case strings.HasPrefix(v.Text, "WRONGPASS"), strings.HasPrefix(v.Text, "ERR invalid password"):
			return problem(BadAuth, "it refuses the password: %s", v.Text)
		default:
			return said(v)
		}
	}
	v, p := c.do("PING")
	if p == nil {
		p = said(v)
	}
	return p
}

// said returns what an error reply means; nil if it is none.
func said(v resp.Value) *Problem {
	if !v.Failed() {
		return nil
	}
	word, _, _ := strings.Cut(v.Text, " ")
	switch word {
	case "NOAUTH":
		return problem(NeedsAuth, "it asks for a password")
	case "NOPERM":
		return problem(Forbidden, "%s", v.Text)
	case "DENIED":
		return problem(Denied, "it is in protected mode: it has no password, and takes nobody from another machine")
	case "LOADING", "BUSY", "MISCONF", "MASTERDOWN":
		return problem(Busy, "it answers %s", v.Text)
	}
	return problem(Unusable, "it answers %s", v.Text)
}

// do asks one thing.
func (c *conn) do(words ...string) (resp.Value, *Problem) {
	list, p := c.all(words)
	if p != nil {
		return resp.Value{}, p
	}
	return list[0], nil
}

// chunk is how many questions are under way at once.
const chunk = 64

// all asks several things, and returns as many replies.
func (c *conn) all(commands ...[]string) (list []resp.Value, p *Problem) {
	for len(commands) > 0 && p == nil {
		n := min(len(commands), chunk)
		var out []byte
		for _, words := range commands[:n] {
			out = resp.AppendCommand(out, words...)
		}
		commands = commands[n:]
		c.SetDeadline(time.Now().Add(c.patience))
		_, err := c.Write(out)
		for range n {
			var v resp.Value
			if v, p = c.read(); p != nil {
				break
			}
			list = append(list, v)
		}
		if p == nil && err != nil {
			p = c.readProblem(err)
		}
	}
	return list, p
}

// read reads one reply within the patience.
func (c *conn) read() (resp.Value, *Problem) {
	c.SetReadDeadline(time.Now().Add(c.patience))
	if head, err := c.rd.Peek(1); err != nil {
		return resp.Value{}, c.readProblem(err)
	} else if !c.answered && head[0] != '+' && head[0] != '-' {
		return resp.Value{}, c.strange()
	}
	v, err := resp.Read(c.rd, c.budget.limits())
	if err != nil {
		return resp.Value{}, c.readProblem(err)
	}
	c.budget.spend(v)
	c.answered = true
	return v, nil
}

// strange says who answers something else than Redis.
func (c *conn) strange() *Problem {
	head, _ := c.rd.Peek(min(5, max(1, c.rd.Buffered())))
	switch {
	case bytes.HasPrefix(head, []byte("HTTP")):
		return problem(HTTP, "it is an HTTP server")
	case head[0] == 0x15 || head[0] == 0x16:
		return problem(NeedsTLS, "it speaks TLS, and was asked without")
	case bytes.HasPrefix(head, []byte("SSH-")):
		return problem(Stranger, "it is an SSH server")
	}
	return problem(Stranger, "it does not answer as Redis does: %q", head)
}

func (c *conn) readProblem(err error) *Problem {
	switch {
	case errors.Is(err, resp.ErrTooLarge), errors.Is(err, resp.ErrNoRedis):
		return problem(Stranger, "%v", err)
	case isTimeout(err):
		return problem(Silent, "it takes the connection, and does not answer in %v", c.patience)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
		return problem(Closed, "it closes the connection")
	}
	return problem(Unusable, "%v", err)
}

func join(host, port string) string {
	if host == "" && port == "" {
		return ""
	}
	return net.JoinHostPort(host, port)
}
