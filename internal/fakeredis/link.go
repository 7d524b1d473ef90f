package fakeredis

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/redcon"
)

const (
	dialTimeout = 5 * time.Second
	// redialPeriod is shorter than Redis's second, so that demos and tests wait
	// less.
	redialPeriod = 250 * time.Millisecond
	// maxSnapshotBytes bounds what a master can make this server load.
	maxSnapshotBytes = 1 << 30
	// maxReplayedBytes bounds a transaction in the stream, which is only applied
	// once complete.
	maxReplayedBytes = 2 * maxCommandBytes
)

// linkState is the state of the link to the master, named as ROLE shows it.
type linkState string

const (
	linkConnect    linkState = "connect"    // waiting for the next attempt
	linkConnecting linkState = "connecting" // dialling
	linkHandshake  linkState = "handshake"
	linkSync       linkState = "sync" // receiving a full copy
	linkConnected  linkState = "connected"
)

// errSuperseded ends a session whose link is no longer the server's link, because
// the server was promoted, follows another master, or is ending.
var errSuperseded = errors.New("the link is no longer wanted")

// masterLink is the replica's side of replication: one goroutine that connects,
// synchronises and applies the stream, and reconnects when the connection is
// lost, until it is stopped.
type masterLink struct {
	s      *Server
	host   string
	port   int
	ctx    context.Context
	cancel context.CancelFunc

	// Guarded by Server.mu.
	state      linkState
	client     *client // executes the stream; nil unless connected
	conn       net.Conn
	out        *outbox // acknowledgements; nil unless connected
	downSince  time.Time
	lastIO     time.Time
	lastLogged string // the last reason logged, so that a dead master is logged once and not four times a second

	// A transaction of the stream that is not complete yet.
	inTx  bool
	tx    [][][]byte
	txRaw []byte
	held  heldStream
}

func newMasterLink(s *Server, host string, port int) *masterLink {
	l := &masterLink{s: s, host: host, port: port, state: linkConnect}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

func (l *masterLink) address() string { return net.JoinHostPort(l.host, strconv.Itoa(l.port)) }

// stop ends the link without waiting for it. Nothing more is applied, because the
// link's goroutine checks before each step that it is still the server's link.
func (l *masterLink) stop() { l.cancel() }

// interrupt closes the current connection; the link then reconnects.
func (l *masterLink) interrupt() {
	if l.conn != nil {
		_ = l.conn.Close()
	}
}

// enter takes the server's lock if this is still the server's link.
func (l *masterLink) enter() bool {
	if !l.s.enter() {
		return false
	}
	if l.s.link != l {
		l.s.mu.Unlock()
		return false
	}
	return true
}

func (l *masterLink) run() {
	defer l.cancel()
	for {
		err := l.session()
		if l.ctx.Err() != nil || !l.lost(err) {
			return
		}
		select {
		case <-l.ctx.Done():
			return
		case <-time.After(l.s.redial):
		}
	}
}

// lost records the end of a session, and reports whether to start another one.
func (l *masterLink) lost(err error) bool {
	if !l.enter() {
		return false
	}
	defer l.s.mu.Unlock()
	if l.state == linkConnected {
		l.downSince = time.Now()
		l.lastLogged = ""
	}
	l.state, l.client, l.conn, l.out = linkConnect, nil, nil, nil
	l.inTx, l.tx, l.txRaw, l.held = false, nil, nil, heldStream{}
	if text := err.Error(); text != l.lastLogged {
		l.lastLogged = text
		l.s.log.Warn("no link to the master; trying again", "master", l.address(), "err", err)
	}
	return true
}

// setState moves to the next state and returns how long to wait for the master's
// next bytes.
func (l *masterLink) setState(state linkState) (time.Duration, error) {
	if !l.enter() {
		return 0, errSuperseded
	}
	defer l.s.mu.Unlock()
	l.state = state
	return time.Duration(l.s.settings.replTimeout) * time.Second, nil
}

// session handles one connection to the master. It always returns an error, the
// reason why it ended.
func (l *masterLink) session() error {
	if _, err := l.setState(linkConnecting); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(l.ctx, dialTimeout)
	raw, err := l.s.dial(ctx, "tcp", l.address())
	cancel()
	if err != nil {
		return err
	}
	conn := l.s.sockets.adopt(raw)
	defer conn.Close()
	defer noteLink(conn)()
	defer context.AfterFunc(l.ctx, func() { _ = conn.Close() })()

	timeout, err := l.setState(linkHandshake)
	if err != nil {
		return err
	}
	_ = conn.SetDeadline(time.Now().Add(timeout)) // fails only on a closed connection, on which the next call fails too
	r := bufio.NewReader(conn)
	answer, err := l.handshake(conn, r)
	if err != nil {
		return err
	}
	if err := l.synchronise(conn, r, answer); err != nil {
		return err
	}
	_ = conn.SetDeadline(time.Time{})
	return l.stream(conn, r)
}

// handshake introduces this replica and returns the master's reply to PSYNC.
func (l *masterLink) handshake(conn net.Conn, r *bufio.Reader) (string, error) {
	if !l.enter() {
		return "", errSuperseded
	}
	st, repl := l.s.settings, &l.s.repl
	psync := []string{"PSYNC", repl.id, strconv.FormatInt(repl.offset+1, 10)}
	l.s.mu.Unlock()

	// A master that requires a password replies -NOAUTH to PING; any other error
	// ends the handshake.
	if answer, err := l.ask(conn, r, "PING"); err != nil {
		return "", err
	} else if !strings.HasPrefix(answer, "+") && !strings.HasPrefix(answer, "-NOAUTH") {
		return "", fmt.Errorf("the master answers %.80q to PING", answer)
	}
	if st.masterAuth != "" {
		auth := []string{"AUTH", st.masterUser, st.masterAuth}
		if st.masterUser == "" {
			auth = []string{"AUTH", st.masterAuth}
		}
		if answer, err := l.ask(conn, r, auth...); err != nil {
			return "", err
		} else if answer != "+OK" {
			return "", fmt.Errorf("the master refuses masterauth: %.80q", answer)
		}
	}
	port := l.s.port
	if st.announcePort != 0 {
		port = st.announcePort
	}
	conf := []string{"REPLCONF", "listening-port", strconv.Itoa(port), "capa", "psync2"}
	if st.announceIP != "" {
		conf = append(conf, "ip-address", st.announceIP)
	}
	if answer, err := l.ask(conn, r, conf...); err != nil {
		return "", err
	} else if strings.HasPrefix(answer, "-NOAUTH") {
		return "", errors.New("the master requires a password: set masterauth")
	} else if answer != "+OK" {
		return "", fmt.Errorf("the master answers %.80q to REPLCONF", answer)
	}
	return l.ask(conn, r, psync...)
}

// ask sends a command and reads its one-line reply. Empty lines are keepalives of
// a master that is still preparing.
func (l *masterLink) ask(conn net.Conn, r *bufio.Reader, words ...string) (string, error) {
	l.s.gate.wait()
	if _, err := conn.Write(appendCommand(nil, words...)); err != nil {
		return "", err
	}
	return l.line(r)
}

func (l *masterLink) line(r *bufio.Reader) (string, error) {
	for {
		b, err := r.Peek(1)
		if err != nil {
			return "", err
		}
		if b[0] != '\n' {
			return readLine(r)
		}
		_, _ = r.Discard(1) // cannot fail after Peek
	}
}

// synchronise handles the reply to PSYNC. Afterwards the data and offset are
// those at which the stream begins.
func (l *masterLink) synchronise(conn net.Conn, r *bufio.Reader, answer string) error {
	words := strings.Fields(answer)
	switch {
	case len(words) > 0 && words[0] == "+CONTINUE" && len(words) <= 2:
		id := ""
		if len(words) == 2 {
			id = words[1]
		}
		return l.continued(conn, id)
	case len(words) == 3 && words[0] == "+FULLRESYNC":
		offset, ok := parseInt([]byte(words[2]))
		if !ok || offset < 0 || offset > 1<<60 || len(words[1]) != len(noID) {
			return fmt.Errorf("the master announces an impossible position: %.120q", answer)
		}
		if _, err := l.setState(linkSync); err != nil {
			return err
		}
		db, err := l.receiveSnapshot(r)
		if err != nil {
			return err
		}
		return l.replaced(conn, db, words[1], offset)
	default:
		return fmt.Errorf("the master refuses to synchronise: %.120q", answer)
	}
}

func (l *masterLink) receiveSnapshot(r *bufio.Reader) (*keyspace, error) {
	header, err := l.line(r)
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(header, "$"), 10, 40)
	if err != nil || header[0] != '$' || n > maxSnapshotBytes {
		return nil, fmt.Errorf("%w: header %.60q is no length up to %d", errSnapshot, header, maxSnapshotBytes)
	}
	var b bytes.Buffer // grows with what arrives, not with the announced length
	if _, err := io.CopyN(&b, r, int64(n)); err != nil {
		return nil, err
	}
	return parseSnapshot(b.Bytes())
}

// continued resumes the stream where it stopped. The id differs if the master was
// promoted in the meantime. This server's own replicas must learn the new id, so
// they are disconnected to ask again.
func (l *masterLink) continued(conn net.Conn, id string) error {
	if !l.enter() {
		return errSuperseded
	}
	defer l.s.mu.Unlock()
	if id != "" && id != l.s.repl.id {
		if len(id) != len(noID) {
			return fmt.Errorf("the master announces an impossible replication id: %.80q", id)
		}
		l.s.repl.branch(id)
		l.s.disconnectReplicas()
	}
	l.connected(conn)
	l.s.log.Info("continuing after the master's stream was lost", "master", l.address(), "offset", l.s.repl.offset)
	return nil
}

// replaced installs a full copy. This server's own replicas now have a different
// history and need a full copy too.
func (l *masterLink) replaced(conn net.Conn, db *keyspace, id string, offset int64) error {
	if !l.enter() {
		return errSuperseded
	}
	defer l.s.mu.Unlock()
	l.s.db = db
	l.s.repl.replace(id, offset)
	l.s.disconnectReplicas()
	l.connected(conn)
	l.s.log.Info("synchronised with the master", "master", l.address(), "keys", len(db.keys), "offset", offset)
	return nil
}

// connected prepares the link for the stream and immediately acknowledges the
// current offset.
func (l *masterLink) connected(conn net.Conn) {
	s, now := l.s, time.Now()
	l.state, l.lastIO, l.lastLogged, l.conn = linkConnected, now, "", conn
	l.out = newOutbox(conn, &s.gate, 64<<10)
	s.writers.Go(l.out.run)
	s.nextID++
	l.client = &client{
		id: s.nextID, conn: conn, proto: 2, authed: true, created: now, active: now, lastCmd: "NULL",
		addr: conn.RemoteAddr().String(), localAddr: conn.LocalAddr().String(),
	}
	l.acknowledge()
}

// acknowledge sends the current offset to the master.
func (l *masterLink) acknowledge() {
	if l.state != linkConnected || l.inTx {
		return
	}
	if !l.out.put(appendCommand(nil, "REPLCONF", "ACK", strconv.FormatInt(l.s.repl.offset, 10))) {
		l.interrupt() // the master no longer reads
	}
}

// stream applies what the master sends until the connection ends.
func (l *masterLink) stream(conn net.Conn, r *bufio.Reader) error {
	l.s.mu.Lock()
	out := l.out
	l.s.mu.Unlock()
	if out != nil {
		defer out.kill()
	}
	in := streamReader{r: r}
	for {
		timeout, err := l.setState(linkConnected)
		if err != nil {
			return err
		}
		_ = conn.SetReadDeadline(time.Now().Add(timeout))
		args, raw, err := in.next()
		if err != nil {
			return err
		}
		if err := l.receive(args, raw); err != nil {
			return err
		}
	}
}

// receive takes one command of the stream.
func (l *masterLink) receive(args [][]byte, raw []byte) error {
	if !l.enter() {
		return errSuperseded
	}
	defer l.s.mu.Unlock()
	l.lastIO = time.Now()
	if held, err := l.hold(args, raw); held || err != nil {
		return err
	}
	return l.process(args, raw)
}

// process handles one command of the stream. A transaction is applied, counted
// and forwarded as a whole at its EXEC. If the link breaks before that, the
// replica asks for it again from its MULTI.
func (l *masterLink) process(args [][]byte, raw []byte) error {
	switch name := strings.ToLower(string(args[0])); {
	case name == "multi":
		l.inTx, l.tx, l.txRaw = true, nil, append([]byte(nil), raw...)
	case l.inTx && name == "exec":
		commands, whole := l.tx, append(l.txRaw, raw...)
		l.inTx, l.tx, l.txRaw = false, nil, nil
		for _, args := range commands {
			if err := l.apply(args); err != nil {
				return err
			}
		}
		l.s.feed(whole)
	case l.inTx:
		if len(l.txRaw)+len(raw) > maxReplayedBytes {
			return fmt.Errorf("the master sends a transaction of more than %d bytes", maxReplayedBytes)
		}
		l.tx = append(l.tx, cloneArgs(args))
		l.txRaw = append(l.txRaw, raw...)
	case name == "replconf":
		if len(args) > 1 && strings.EqualFold(string(args[1]), "getack") {
			l.acknowledge()
		}
		l.s.feed(raw)
	default:
		if err := l.apply(args); err != nil {
			return err
		}
		l.s.feed(raw)
	}
	return nil
}

// apply executes a command of the stream. A failure means that the data are no
// longer the same as the master's, which must not go unnoticed: the link ends,
// with the reason in the log, and restarts with a full copy. Continuing would
// leave the data different for good, or apply the first half of a transaction
// twice.
func (l *masterLink) apply(args [][]byte) error {
	cmd, refusal := lookup(args)
	if refusal == "" && !cmd.is(flagReplayed) {
		refusal = "a mini-Redis cannot replicate this command"
	}
	if refusal == "" {
		l.client.lastCmd = cmd.name
		cmd.run(l.s, l.client, args)
		if reply := l.client.reply; len(reply) > 0 && reply[0] == redcon.Error {
			refusal = strings.TrimSpace(string(reply[1:]))
		}
		l.client.reply = l.client.reply[:0]
	}
	if refusal != "" {
		l.s.repl.replace(newID(l.s.ids), l.s.repl.offset)
		l.s.disconnectReplicas()
		return fmt.Errorf("cannot apply %.64q of the master's stream: %s", args[0], refusal)
	}
	return nil
}

func cloneArgs(args [][]byte) [][]byte {
	out := make([][]byte, len(args))
	for i, a := range args {
		out[i] = append([]byte(nil), a...)
	}
	return out
}
