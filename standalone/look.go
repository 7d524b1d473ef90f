package standalone

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/monitor"
)

// seen is what a server says about itself.
type seen struct {
	name string // as the list has it
	addr string // "ip:port"; "" when the name could not be looked up
	info *monitor.Info
	err  error // why there is no info

	follows string // "ip:port" that a replica follows
}

func (s *seen) master() bool  { return s.info != nil && s.info.Role == monitor.RoleMaster }
func (s *seen) replica() bool { return s.info != nil && s.info.Role == monitor.RoleReplica }

// data is what it has; see election.Data.
func (s *seen) data() election.Data {
	d := election.Data{ReplID: s.info.ReplID, ReplID2: s.info.ReplID2, Second: s.info.SecondOffset, Offset: s.info.MasterOffset, Syncing: s.info.Syncing}
	if s.replica() {
		d.Offset = s.info.Offset
	}
	return d
}

// has reports whether a server has all that another one has.
func (s *seen) has(o *seen) bool {
	if !o.info.Keys {
		return true
	}
	mine, its := s.data(), o.data()
	if mine.Has(its.ReplID, its.Offset) {
		return true
	}
	// A master that has been restarted begins a new history where the old one ended.
	return its.ReplID2 != "" && its.Offset < its.Second && mine.Has(its.ReplID2, its.Offset)
}

// String says what it is, for operators.
func (s *seen) String() string {
	switch {
	case s.err != nil:
		return fmt.Sprintf("%s: %v", s.name, s.err)
	case s.master() && s.info.Keys:
		return s.name + " is a master with data"
	case s.master():
		return s.name + " is a master without data"
	}
	return s.name + " is a replica of " + s.follows
}

// Bounds of one look at a server.
const (
	lookTimeout = 2 * time.Second
	maxInfo     = 1 << 20
)

// lookAll asks servers what they are, all at once.
func (g *Group) lookAll(ctx context.Context, names []string) []*seen {
	list := make([]*seen, len(names))
	var tasks sync.WaitGroup
	for i, name := range names {
		tasks.Go(func() { list[i] = g.look(ctx, name) })
	}
	tasks.Wait()
	return list
}

// look asks a server what it is.
func (g *Group) look(ctx context.Context, name string) *seen {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	s := &seen{name: name}
	if s.addr, s.err = g.lookUp(ctx, name); s.err != nil {
		return s
	}
	var text string
	s.err = g.talk(ctx, s.addr, func(c *dialogue) (err error) {
		text, err = c.ask("INFO")
		return err
	})
	if s.err != nil {
		return s
	}
	if mode := infoLine(text, "redis_mode"); mode != "" && mode != "standalone" {
		s.err = fmt.Errorf("it runs in %s mode, and is no server of a group: name the servers themselves", mode)
		return s
	}
	info := monitor.ParseInfo([]byte(text))
	switch {
	case info.Role != monitor.RoleMaster && info.Role != monitor.RoleReplica:
		s.err = errors.New("it does not tell its role")
	case info.Loading:
		s.err = errLoading
	default:
		s.info = info
	}
	if s.replica() {
		s.follows = net.JoinHostPort(info.MasterHost, strconv.Itoa(info.MasterPort))
		if addr, err := g.lookUp(ctx, s.follows); err == nil {
			s.follows = addr
		}
	}
	return s
}

var errLoading = errors.New("it is loading its data")

func infoLine(text, key string) string {
	for line := range strings.Lines(text) {
		if value, is := strings.CutPrefix(line, key+":"); is {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// lookUp returns the numeric form of an address.
func (g *Group) lookUp(ctx context.Context, name string) (string, error) {
	host, port, err := net.SplitHostPort(name)
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return "", err
	}
	if a, literal := monitor.IPAddr(host, n); literal {
		return net.JoinHostPort(a.IP, port), nil
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return "", err
	}
	best := ips[0].Unmap()
	for _, ip := range ips {
		if ip = ip.Unmap(); ip.Is4() { // as most servers listen
			best = ip
			break
		}
	}
	return net.JoinHostPort(best.String(), port), nil
}

// dialogue is a connection to a server.
type dialogue struct {
	net.Conn
	rd *bufio.Reader
}

// talk connects to a server, logs in, and hangs up after f.
func (g *Group) talk(ctx context.Context, addr string, f func(*dialogue) error) error {
	conn, err := g.dialServer(ctx, addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	c := &dialogue{conn, bufio.NewReader(conn)}
	if a := g.opt.Access; a.Password != "" {
		words := []string{"AUTH", a.User, a.Password}
		if a.User == "" {
			words = []string{"AUTH", a.Password}
		}
		// A server without a password is not refused because one is configured.
		if _, err := c.ask(words...); err != nil && !strings.Contains(err.Error(), "without any password") && !strings.Contains(err.Error(), "no password is set") {
			return fmt.Errorf("the password is refused: %w", err)
		}
	}
	err = f(c)
	if ctx.Err() != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	return err
}

// dialServer connects to a server, with TLS if it has that.
func (g *Group) dialServer(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := g.opt.Dial(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return g.secure(ctx, conn, addr)
}

// secure adds TLS to a connection to a server or another Sentinel, if they have that.
func (g *Group) secure(ctx context.Context, conn net.Conn, addr string) (net.Conn, error) {
	if g.opt.Access.TLS == nil {
		return conn, nil
	}
	cfg := g.opt.Access.TLS.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = net.SplitHostPort(addr)
	}
	secure := tls.Client(conn, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return secure, nil
}

// ask sends a command and returns a reply of one value.
func (c *dialogue) ask(words ...string) (string, error) {
	if err := c.say(words...); err != nil {
		return "", err
	}
	return c.value()
}

func (c *dialogue) say(words ...string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	_, err := io.WriteString(c.Conn, b.String())
	return err
}

var errNoRedis = errors.New("it does not answer as a Redis server")

// value reads a value that is no list. Only what has arrived is stored.
func (c *dialogue) value() (string, error) {
	line, err := c.rd.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, bufio.ErrBufferFull) {
			err = errNoRedis
		}
		return "", err
	}
	text := strings.TrimRight(string(line), "\r\n")
	if text == "" {
		return "", errNoRedis
	}
	switch rest := text[1:]; text[0] {
	case '+', ':':
		return rest, nil
	case '-':
		return "", hinted(rest)
	case '$':
		n, err := strconv.Atoi(rest)
		if err != nil || n < 0 || n > maxInfo {
			return "", errNoRedis
		}
		var b strings.Builder
		if _, err := io.CopyN(&b, c.rd, int64(n)+2); err != nil {
			return "", err
		}
		return b.String()[:n], nil
	}
	return "", errNoRedis
}

// refusal is an error that a server has answered.
type refusal string

func (r refusal) Error() string { return string(r) }

// hinted returns an error of a server, with what to do about it.
func hinted(text string) error {
	text = text[:min(len(text), 200)]
	switch code, _, _ := strings.Cut(text, " "); code {
	case "NOAUTH":
		text += ": set password below [[group]]"
	case "NOPERM":
		text += ": its user needs what a Sentinel needs"
	case "LOADING":
		return errLoading
	}
	return refusal(text)
}

// list reads a list of values.
func (c *dialogue) list() (values []string, err error) {
	line, err := c.rd.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	if line[0] == '-' {
		return nil, hinted(strings.TrimRight(string(line[1:]), "\r\n"))
	}
	n, err := strconv.Atoi(strings.TrimRight(strings.TrimPrefix(string(line), "*"), "\r\n"))
	if err != nil || line[0] != '*' || n > 16 {
		return nil, errNoRedis
	}
	for range n {
		v, err := c.value()
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}
