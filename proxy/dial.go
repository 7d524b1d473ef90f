package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/internal/resp"
)

// wanted says what a connection is for.
type wanted struct {
	key    routeKey
	name   string // CLIENT SETNAME
	lostAt time.Time
	tries  int
	known  string // clients share a connection to this server that has the same use
}

// reached is a connection to a server that has told what it is.
type reached struct {
	conn  net.Conn
	addr  string
	runID string // of a master; "" if it does not tell it
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
func (g *group) connect(ctx context.Context, want wanted, failed func(error)) (reached, error) {
	tries := want.tries
	for {
		if !g.sleep(ctx, pauseAfter(tries)) {
			return reached{}, context.Cause(ctx)
		}
		tries++
		addr := want.key.replica
		if addr == "" {
			v, err := g.verified(ctx, want.lostAt)
			if err != nil {
				return reached{}, err
			}
			addr = v.master
		}
		to, err := g.handshake(ctx, addr, want)
		if err == nil {
			return to, nil
		}
		var refused *refusedError
		if errors.As(err, &refused) || ctx.Err() != nil || want.key.replica != "" {
			return reached{}, err
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

// steppedDown reports whether a server is a replica now, and has been running since it had
// this run id.
func (g *group) steppedDown(addr, runID string) bool {
	ctx, cancel := context.WithTimeout(g.ctx, roleGrace)
	defer cancel()
	conn, err := g.dialAddr(ctx, addr)
	if err != nil {
		return false
	}
	defer hangUp(conn)
	defer context.AfterFunc(ctx, func() { hangUp(conn) })()
	replies, err := g.exchange(conn, false, []string{"ROLE"}, []string{"INFO", "server"})
	return err == nil && len(replies[0].Items) > 0 && replies[0].Items[0].Text == "slave" && runIDOf(replies[1]) == runID
}

// handshakeTimeout bounds the beginning of a connection to a server.
const handshakeTimeout = 2 * time.Second

// handshake connects and says what the server must know.
func (g *group) handshake(ctx context.Context, addr string, want wanted) (_ reached, err error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	conn, err := g.dialAddr(ctx, addr)
	if err != nil {
		return reached{}, err
	}
	defer func() {
		if err != nil {
			hangUp(conn)
		}
	}()
	stop := context.AfterFunc(ctx, func() { hangUp(conn) })
	rd := bufio.NewReader(conn)
	to := reached{conn: conn, addr: addr}
	if err := g.greet(&to, rd, want); err != nil {
		return reached{}, err
	}
	if !stop() {
		return reached{}, context.Cause(ctx)
	}
	if rd.Buffered() > 0 {
		return reached{}, errors.New("it says more than it was asked")
	}
	return to, nil
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

// greet logs in, sets protocol, database and name, checks the role, and asks a master for its
// run id. It is one exchange: a failover waits for it. A server that is known, and is busy with
// a script, does not tell its role, and only what ends the script is sent to it with success.
func (g *group) greet(to *reached, rd *bufio.Reader, want wanted) error {
	known := want.known == to.addr
	var d dialogue
	g.login(&d)
	if want.key.proto == 3 {
		d.say(refusable, "HELLO", "3")
	}
	if want.key.db != 0 {
		d.say(refusable, "SELECT", strconv.Itoa(want.key.db))
	}
	if want.name != "" {
		d.say(func(resp.Value) error { return nil }, "CLIENT", "SETNAME", want.name)
	}
	d.say(func(v resp.Value) error {
		if known && v.Kind == '-' && strings.HasPrefix(v.Text, "BUSY ") {
			return nil
		}
		return checkRole(v, want.key.replica == "")
	}, "ROLE")
	if want.key.replica == "" {
		d.say(func(v resp.Value) error { to.runID = runIDOf(v); return nil }, "INFO", "server")
	}
	return d.hold(to.conn, rd)
}

// runIDOf returns the run id in a reply to INFO; "" if there is none.
func runIDOf(info resp.Value) string {
	for line := range strings.Lines(info.Text) {
		if id, ok := strings.CutPrefix(strings.TrimSpace(line), "run_id:"); ok && info.Kind != '-' {
			return id
		}
	}
	return ""
}

// dialogue is a number of commands that are sent together, and what is to be done with
// the reply to each.
type dialogue struct {
	out   []byte
	steps []func(resp.Value) error
}

func (d *dialogue) say(then func(resp.Value) error, words ...string) {
	d.out = resp.AppendCommand(d.out, words...)
	d.steps = append(d.steps, then)
}

// hold sends the commands and reads the replies, up to the first that is an error for it.
func (d *dialogue) hold(conn net.Conn, rd *bufio.Reader) error {
	if _, err := conn.Write(d.out); err != nil {
		return err
	}
	for _, then := range d.steps {
		v, err := resp.Read(rd, limits)
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
	if words := resp.Login(a.User, a.Password); words != nil {
		d.say(func(v resp.Value) error {
			if v.Failed() && !v.LoginIsNeedless() {
				return fmt.Errorf("login: %s", v.Text)
			}
			return nil
		}, words...)
	}
}

func refusable(v resp.Value) error {
	if v.Kind == '-' {
		if strings.HasPrefix(v.Text, "LOADING ") || strings.HasPrefix(v.Text, "MASTERDOWN ") {
			return errors.New(v.Text)
		}
		return &refusedError{v.Text}
	}
	return nil
}

func checkRole(v resp.Value, master bool) error {
	if v.Kind == '-' {
		return errors.New(v.Text)
	}
	if len(v.Items) == 0 {
		return errors.New("it does not tell its role")
	}
	role := v.Items[0].Text
	switch {
	case master && role != "master":
		return fmt.Errorf("it says that it is a %s", oneLine(role))
	case !master && role == "slave" && len(v.Items) > 3 && v.Items[3].Text != "connected":
		return errors.New("it is a replica without a connection to its master")
	}
	return nil
}

// limits are those of what the proxy reads for itself. COMMAND of Redis 8 with all modules
// has less than a quarter of it.
var limits = resp.Limits{Bytes: 8 << 20, Items: 1 << 20}

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
