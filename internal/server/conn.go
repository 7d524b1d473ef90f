package server

import (
	"cmp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/internal/acl"
	"github.com/gosentinel/sentinel/internal/epoll"
	"github.com/gosentinel/sentinel/internal/respguard"
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/pubsub"
)

const (
	// flushBytes is the size at which replies are written even if more commands
	// wait: a pipeline of large replies must not pile up in memory.
	flushBytes = 64 << 10
	// writeTimeout ends a connection whose client does not read its replies.
	// redis-sentinel stores them without a limit in time or size.
	writeTimeout = time.Minute
	// pooledReplyBytes keeps a large reply from staying in the pool.
	pooledReplyBytes = 1 << 20
)

// replyBuffers holds memory for replies, so that an idle client needs none.
var replyBuffers = sync.Pool{New: func() any { return new([]byte) }}

// client is one connection. Fields without another comment belong to who executes its
// commands: its goroutine, or the poller and those that it calls in, in turn.
type client struct {
	server *Server
	conn   *respguard.Conn
	polled *epoll.Conn // below conn; nil: it has a goroutine of its own
	id     uint64
	addr   string
	laddr  string
	since  time.Time

	out           reply
	backlog       *backlog // nil until a reply has to wait
	request       request
	authenticated bool
	closing       bool // the connection ends once the replies are written
	muted         bool // CLIENT REPLY OFF
	skip          int  // CLIENT REPLY SKIP: number of replies still to skip

	// writing is held for each write, and during a change of subscriptions with
	// its confirmations, so that no event can precede the confirmation of its
	// subscription.
	writing     sync.Mutex
	halfWritten bool // writing is held for the rest of out

	user   atomic.Pointer[acl.User] // the default user until it logs in
	killed atomic.Bool
	// What CLIENT LIST shows of its commands.
	lastCmd atomic.Pointer[command] // nil: none
	lastUse atomic.Int64            // nanoseconds after since

	tracking tracking // written under mu, because other clients' CLIENT LIST shows it

	mu      sync.Mutex // for the fields that other clients see in CLIENT LIST
	name    string
	libName string
	libVer  string
	resp3   bool
	noEvict bool
	paused  bool           // one of its commands waits for the end of CLIENT PAUSE
	sub     *pubsub.Client // nil until the first subscription
}

func newClient(s *Server, conn *respguard.Conn) *client {
	now := time.Now()
	s.connections.Add(1)
	c := &client{
		server: s, conn: conn, id: s.lastID.Add(1),
		addr: conn.RemoteAddr().String(), laddr: conn.LocalAddr().String(),
		since:         now,
		authenticated: s.cfg.Users.Open(),
	}
	c.user.Store(s.cfg.Users.Default())
	conn.SetAuthenticated(c.authenticated)
	return c
}

func sortClients(list []*client) {
	slices.SortFunc(list, func(a, b *client) int { return cmp.Compare(a.id, b.id) })
}

// setProtocol switches between RESP2 and RESP3.
func (c *client) setProtocol(resp3 bool) {
	c.mu.Lock()
	c.resp3 = resp3
	sub := c.sub
	c.mu.Unlock()
	c.out.resp3 = resp3
	if sub != nil {
		sub.SetRESP3(resp3)
	}
}

// flush writes the replies collected so far, or queues them behind those that wait.
// A write that fails ends the connection.
func (c *client) flush() {
	if len(c.out.buf) == 0 || c.queue(nil) {
		return
	}
	if !c.halfWritten {
		c.writing.Lock()
	}
	err := c.writeLocked(c.out.buf)
	c.halfWritten = false
	c.writing.Unlock()
	buf := c.out.buf[:0]
	c.out.buf = nil
	if cap(buf) <= pooledReplyBytes {
		replyBuffers.Put(&buf)
	}
	if err != nil {
		c.closing = true
	}
}

// writeLocked writes b; c.writing must be held.
func (c *client) writeLocked(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if err := c.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	n, err := c.conn.Write(b)
	c.server.bytesOut.Add(uint64(n))
	return err
}

// kill ends the connection from another goroutine. Closing a TLS connection may
// take a moment, so that happens in the background. The caller must know that the
// connection has not ended yet, because the server waits for the goroutine that
// kill starts.
func (c *client) kill() {
	if c.killed.Swap(true) {
		return
	}
	c.server.pause.wake()
	c.server.work.Go(func() { c.conn.Close() })
}

// end releases what the connection holds.
func (c *client) end() {
	c.mu.Lock()
	sub := c.sub
	c.mu.Unlock()
	if sub != nil {
		sub.Close()
	}
}

// subscriber returns the client's queue on the bus.
func (c *client) subscriber() *pubsub.Client {
	if c.sub != nil { // written here only
		return c.sub
	}
	sub := c.server.bus.NewClient(func() { c.server.eventsDue(c) }, c.tooSlow)
	sub.SetRESP3(c.out.resp3)
	c.mu.Lock()
	c.sub = sub
	c.mu.Unlock()
	return sub
}

// tooSlow is called by the bus when the client does not read its events fast
// enough.
func (c *client) tooSlow() {
	c.server.cut.Add(1)
	c.server.cfg.Log(monitor.LevelWarning, "Client id="+strconv.FormatUint(c.id, 10)+" addr="+c.addr+
		" closed: it does not read its Pub/Sub messages fast enough and too many are waiting.")
	c.kill()
}

// subscriptions returns the numbers of channels and patterns.
func (c *client) subscriptions() (channels, patterns int) {
	c.mu.Lock()
	sub := c.sub
	c.mu.Unlock()
	if sub == nil {
		return 0, 0
	}
	return sub.Counts()
}

// restricted reports whether the client is a RESP2 subscriber, which could not
// distinguish other replies from messages.
func (c *client) restricted() bool {
	if c.out.resp3 || c.sub == nil {
		return false
	}
	channels, patterns := c.sub.Counts()
	return channels+patterns > 0
}

// clientType returns the client's type for CLIENT LIST and CLIENT KILL.
func (c *client) clientType() string {
	if channels, patterns := c.subscriptions(); channels+patterns > 0 {
		return "pubsub"
	}
	return "normal"
}

// appendInfo appends the client's line of CLIENT LIST, without an end of line. It
// includes fields that have no meaning in a Sentinel, because parsers expect
// them.
func (c *client) appendInfo(dst []byte, now time.Time) []byte {
	channels, patterns := c.subscriptions()
	pending := 0
	c.mu.Lock()
	defer c.mu.Unlock()
	flags := ""
	if channels+patterns > 0 {
		flags += "P"
	}
	if c.paused {
		flags += "b"
	}
	flags += c.tracking.flagLetters()
	if c.noEvict {
		flags += "e"
	}
	if flags == "" {
		flags = "N"
	}
	if c.sub != nil {
		pending = c.sub.QueuedBytes()
	}
	text := func(key, value string) {
		dst = append(append(append(append(dst, ' '), key...), '='), value...)
	}
	num := func(key string, n int) { text(key, strconv.Itoa(n)) }
	dst = strconv.AppendUint(append(dst, "id="...), c.id, 10)
	text("addr", c.addr)
	text("laddr", c.laddr)
	num("fd", c.descriptor())
	text("name", c.name)
	num("age", int(now.Sub(c.since).Seconds()))
	num("idle", int((now.Sub(c.since) - time.Duration(c.lastUse.Load())).Seconds()))
	text("flags", flags)
	num("db", 0)
	num("sub", channels)
	num("psub", patterns)
	num("ssub", 0)
	num("multi", -1)
	num("watch", 0)
	num("qbuf", 0)
	num("qbuf-free", 0)
	num("argv-mem", 0)
	num("multi-mem", 0)
	num("rbs", 0)
	num("rbp", 0)
	num("obl", 0)
	num("oll", 0)
	num("omem", pending)
	num("tot-mem", pending)
	text("events", "r")
	lastCmd := "NULL"
	if cmd := c.lastCmd.Load(); cmd != nil {
		lastCmd = cmd.name
	}
	text("cmd", lastCmd)
	text("user", c.user.Load().Name())
	num("redir", int(c.tracking.redir()))
	num("resp", map[bool]int{false: 2, true: 3}[c.resp3])
	text("lib-name", c.libName)
	text("lib-ver", c.libVer)
	return dst
}

// descriptor returns the file descriptor of the connection, or -1 if it has none,
// as with TLS.
func (c *client) descriptor() int {
	if c.polled != nil {
		return c.polled.Descriptor()
	}
	fd := -1
	if sys, ok := c.conn.NetConn().(syscall.Conn); ok {
		if raw, err := sys.SyscallConn(); err == nil {
			raw.Control(func(n uintptr) { fd = int(n) })
		}
	}
	return fd
}
