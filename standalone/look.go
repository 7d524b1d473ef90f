package standalone

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/internal/resp"
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
	s.err = g.talk(ctx, s.addr, func(c *dialogue) error {
		v, err := c.ask("INFO")
		text = v.Text
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
	if words := resp.Login(g.opt.Access.User, g.opt.Access.Password); words != nil {
		if v, err := c.ask(words...); err != nil && !v.LoginIsNeedless() {
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

// ask sends a command and returns the reply. An error reply is an error, too.
func (c *dialogue) ask(words ...string) (resp.Value, error) {
	if err := c.say(words...); err != nil {
		return resp.Value{}, err
	}
	return c.next()
}

func (c *dialogue) say(words ...string) error {
	_, err := c.Write(resp.AppendCommand(nil, words...))
	return err
}

// next reads a reply.
func (c *dialogue) next() (resp.Value, error) {
	v, err := resp.Read(c.rd, resp.Limits{Bytes: maxInfo, Items: 32})
	if err == nil && v.Failed() {
		err = hinted(v.Text)
	}
	return v, err
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
