package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// wanted says what a connection is for.
type wanted struct {
	key    routeKey
	name   string // CLIENT SETNAME
	lostAt time.Time
	tries  int
}

// refusedError is a server's refusal of what a client has asked for: another database,
// another protocol.
type refusedError struct{ text string }

func (e *refusedError) Error() string { return e.text }

// How long to wait before the next attempt: it doubles.
const (
	firstPause = 5 * time.Millisecond
	mostPause  = 500 * time.Millisecond
)

func pauseAfter(tries int) time.Duration {
	if tries == 0 {
		return 0
	}
	return min(mostPause, firstPause<<min(tries-1, 10))
}

// connect returns a connection to the master, or to a replica, that has said on this very
// connection that it is one. It tries until the context ends or the server refuses what
// the client wants.
func (g *group) connect(ctx context.Context, want wanted, failed func(error)) (net.Conn, string, error) {
	tries := want.tries
	for {
		if !g.sleep(ctx, pauseAfter(tries)) {
			return nil, "", context.Cause(ctx)
		}
		tries++
		addr := want.key.replica
		if addr == "" {
			v, err := g.verified(ctx, want.lostAt)
			if err != nil {
				return nil, "", err
			}
			addr = v.master
		}
		conn, err := g.handshake(ctx, addr, want)
		if err == nil {
			return conn, addr, nil
		}
		var refused *refusedError
		if errors.As(err, &refused) || ctx.Err() != nil || want.key.replica != "" {
			return nil, "", err
		}
		failed(fmt.Errorf("%s: %w", addr, err))
		g.p.logOnce(g.cfg.Name+addr, "cannot use a server", "master", g.cfg.Name, "addr", addr, "err", err)
		want.lostAt = time.Now()
		g.ask()
	}
}

// sleep waits, or until there is another master. It reports false when the context ended.
func (g *group) sleep(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-g.changes():
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// alive reports whether a server answers at all.
func (g *group) alive(addr string) bool {
	ctx, cancel := context.WithTimeout(g.ctx, pausedGrace)
	defer cancel()
	conn, err := g.dialAddr(ctx, addr)
	if err != nil {
		return false
	}
	defer hangUp(conn)
	defer context.AfterFunc(ctx, func() { hangUp(conn) })()
	_, err = g.exchange(conn, false, []string{"ROLE"})
	return err == nil
}

// handshakeTimeout bounds the beginning of a connection to a server.
const handshakeTimeout = 2 * time.Second

// handshake connects and says what the server must know.
func (g *group) handshake(ctx context.Context, addr string, want wanted) (_ net.Conn, err error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	conn, err := g.dialAddr(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			hangUp(conn)
		}
	}()
	stop := context.AfterFunc(ctx, func() { hangUp(conn) })
	rd := bufio.NewReader(conn)
	if err := g.greet(conn, rd, want); err != nil {
		return nil, err
	}
	if !stop() {
		return nil, context.Cause(ctx)
	}
	if rd.Buffered() > 0 {
		return nil, errors.New("it says more than it was asked")
	}
	return conn, nil
}

// dialAddr opens a connection, with TLS if that is configured.
func (g *group) dialAddr(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := g.cfg.dial(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	cfg := g.access.Load().TLS
	if cfg == nil {
		return conn, nil
	}
	if cfg.ServerName == "" && !cfg.InsecureSkipVerify {
		cfg = cfg.Clone()
		cfg.ServerName, _, _ = net.SplitHostPort(addr)
	}
	tc := tls.Client(conn, cfg)
	if err := tc.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return tc, nil
}

// greet logs in, sets protocol, database and name, and checks the role. It is one
// exchange: a failover waits for it.
func (g *group) greet(conn net.Conn, rd *bufio.Reader, want wanted) error {
	var d dialogue
	g.login(&d)
	if want.key.proto == 3 {
		d.say(refusable, "HELLO", "3")
	}
	if want.key.db != 0 {
		d.say(refusable, "SELECT", strconv.Itoa(want.key.db))
	}
	if want.name != "" {
		d.say(func(value) error { return nil }, "CLIENT", "SETNAME", want.name)
	}
	d.say(func(v value) error { return checkRole(v, want.key.replica == "") }, "ROLE")
	return d.hold(conn, rd)
}

// dialogue is a number of commands that are sent together, and what is to be done with
// the reply to each.
type dialogue struct {
	out   []byte
	steps []func(value) error
}

func (d *dialogue) say(then func(value) error, words ...string) {
	list := make([][]byte, len(words))
	for i, w := range words {
		list[i] = []byte(w)
	}
	d.out = appendCommand(d.out, list...)
	d.steps = append(d.steps, then)
}

// hold sends the commands and reads the replies, up to the first that is an error for it.
func (d *dialogue) hold(conn net.Conn, rd *bufio.Reader) error {
	if _, err := conn.Write(d.out); err != nil {
		return err
	}
	for _, then := range d.steps {
		v, err := readValue(rd)
		if err != nil {
			return err
		}
		if err := then(v); err != nil {
			return err
		}
	}
	return nil
}

func (g *group) login(d *dialogue) {
	a := g.access.Load()
	check := func(v value) error {
		needless := strings.Contains(v.text, "without any password configured") || strings.Contains(v.text, "no password is set")
		if v.kind == '-' && !needless {
			return fmt.Errorf("login: %s", v.text)
		}
		return nil
	}
	switch {
	case a.Password == "":
	case a.User == "":
		d.say(check, "AUTH", a.Password)
	default:
		d.say(check, "AUTH", a.User, a.Password)
	}
}

func refusable(v value) error {
	if v.kind == '-' {
		if strings.HasPrefix(v.text, "LOADING ") || strings.HasPrefix(v.text, "MASTERDOWN ") {
			return errors.New(v.text)
		}
		return &refusedError{v.text}
	}
	return nil
}

func checkRole(v value, master bool) error {
	if v.kind == '-' {
		return errors.New(v.text)
	}
	if len(v.items) == 0 {
		return errors.New("it does not tell its role")
	}
	role := v.items[0].text
	switch {
	case master && role != "master":
		return fmt.Errorf("it says that it is a %s", oneLine(role))
	case !master && role == "slave" && len(v.items) > 3 && v.items[3].text != "connected":
		return errors.New("it is a replica without a connection to its master")
	}
	return nil
}

// value is a reply that the proxy reads for itself.
type value struct {
	kind  byte
	text  string
	items []value
}

// words returns the texts of its members.
func (v value) words() (list []string) {
	for _, i := range v.items {
		list = append(list, i.text)
	}
	return list
}

// Limits of what the proxy reads for itself. COMMAND of Redis 8 with all modules has
// less than a quarter of it.
const (
	maxValueBytes = 8 << 20
	maxValueItems = 1 << 20
)

// readValue reads a reply. It stores only what has arrived.
func readValue(rd *bufio.Reader) (value, error) {
	budget := valueBudget{maxValueBytes, maxValueItems}
	return budget.read(rd, 0)
}

type valueBudget struct{ bytes, items int }

var errTooMuch = errors.New("its reply is too large")

func (l *valueBudget) read(rd *bufio.Reader, depth int) (value, error) {
	if l.items--; l.items < 0 || depth > 16 {
		return value{}, errTooMuch
	}
	line, err := rd.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, bufio.ErrBufferFull) {
			err = errTooMuch
		}
		return value{}, err
	}
	if l.bytes -= len(line); l.bytes < 0 {
		return value{}, errTooMuch
	}
	line = bytes.TrimRight(line, "\r\n")
	if len(line) == 0 {
		return value{}, errReply
	}
	v := value{kind: line[0], text: string(line[1:])}
	switch v.kind {
	case '+', '-', ':', '_', '#', ',', '(':
		return v, nil
	case '$', '=', '!':
		return l.bulk(rd, v)
	case '*', '~', '>', '%':
	default:
		return value{}, errReply
	}
	n, err := strconv.Atoi(v.text)
	if err != nil {
		return value{}, errReply
	}
	if v.text = ""; v.kind == '%' {
		n *= 2
	}
	if n > l.items {
		return value{}, errTooMuch
	}
	for range n {
		item, err := l.read(rd, depth+1)
		if err != nil {
			return value{}, err
		}
		v.items = append(v.items, item)
	}
	v.kind = '*'
	return v, nil
}

func (l *valueBudget) bulk(rd *bufio.Reader, v value) (value, error) {
	n, err := strconv.Atoi(v.text)
	if err != nil || n < -1 {
		return value{}, errReply
	}
	if v.text = ""; n < 0 {
		return v, nil
	}
	if l.bytes -= n; l.bytes < 0 {
		return value{}, errTooMuch
	}
	b := make([]byte, n+2)
	if _, err := io.ReadFull(rd, b); err != nil {
		return value{}, err
	}
	v.text = string(b[:n])
	return v, nil
}

// oneLine makes a text fit for an error reply.
func oneLine(s string) string {
	if len(s) > 256 {
		s = s[:256] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
}
