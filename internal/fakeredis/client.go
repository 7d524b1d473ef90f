package fakeredis

import (
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/tidwall/redcon"
)

// Limits on what one connection can make the server hold.
const (
	normalOutputLimit  = 64 << 20 // bytes of replies not read yet
	pubsubOutputLimit  = 8 << 20  // a subscriber that is so far behind will not catch up
	replicaOutputLimit = 64 << 20 // a replica that is so far behind is cheaper to synchronise anew
	maxSubscriptions   = 10_000   // channels and patterns
	maxQueuedCommands  = 16_384   // in MULTI, or sent while blocked
	maxQueuedBytes     = 16 << 20 // the same, in bytes
)

// clientKind is the class that CLIENT KILL TYPE and CLIENT LIST TYPE select by.
type clientKind string

const (
	kindNormal  clientKind = "normal"
	kindPubSub  clientKind = "pubsub"
	kindReplica clientKind = "replica"
	kindMaster  clientKind = "master"
)

// client is one connection. All fields are guarded by Server.mu.
type client struct {
	id        int64
	conn      net.Conn
	out       *outbox // nil for the client that replays a master's stream, whose replies are discarded
	addr      string
	localAddr string
	name      string
	lib, ver  string
	proto     int
	authed    bool
	created   time.Time
	active    time.Time
	hooked    atomic.Int32 // of type hooked
	lastCmd   string

	reply   []byte // the reply so far to the command being executed
	closing bool   // close once the reply is written
	gone    bool   // disconnected or closed; its commands are ignored

	tx       *transaction
	channels map[string]struct{}
	patterns map[string]struct{}

	// A blocked client's commands wait in pending.
	blocked      *blockedState
	pending      [][][]byte
	pendingBytes int

	writeOffset int64 // replication offset after the last write of this client: WAIT waits for it
	replica     replicaPeer
}

func (c *client) kind() clientKind {
	switch {
	case c.out == nil:
		return kindMaster
	case c.replica.attached:
		return kindReplica
	case c.subscriptions() > 0:
		return kindPubSub
	default:
		return kindNormal
	}
}

func (c *client) subscriptions() int { return len(c.channels) + len(c.patterns) }

// The reply methods use the protocol version that the client chose with HELLO.

func (c *client) ok()                      { c.reply = redcon.AppendOK(c.reply) }
func (c *client) status(s string)          { c.reply = redcon.AppendString(c.reply, s) }
func (c *client) integer(n int64)          { c.reply = redcon.AppendInt(c.reply, n) }
func (c *client) bulk(s string)            { c.reply = redcon.AppendBulkString(c.reply, s) }
func (c *client) array(n int)              { c.reply = redcon.AppendArray(c.reply, n) }
func (c *client) fail(text string)         { c.reply = redcon.AppendError(c.reply, text) }
func (c *client) failf(f string, a ...any) { c.fail(fmt.Sprintf(f, a...)) }

// null replies that there is no value.
func (c *client) null() {
	if c.proto == 3 {
		c.reply = append(c.reply, "_\r\n"...)
		return
	}
	c.reply = redcon.AppendNull(c.reply)
}

// mapping starts a map of n pairs.
func (c *client) mapping(n int) {
	if c.proto == 3 {
		c.reply = appendHeader(c.reply, '%', n)
		return
	}
	c.array(2 * n)
}

// text replies with text for people to read.
func (c *client) text(s string) {
	if c.proto == 3 {
		c.reply = appendHeader(c.reply, '=', len(s)+4)
		c.reply = append(c.reply, "txt:"...)
		c.reply = append(c.reply, s...)
		c.reply = append(c.reply, "\r\n"...)
		return
	}
	c.bulk(s)
}

func (c *client) bulks(list []string) {
	c.array(len(list))
	for _, s := range list {
		c.bulk(s)
	}
}

// appendPush starts a Pub/Sub frame of n elements for this client.
func (c *client) appendPush(dst []byte, n int) []byte {
	if c.proto == 3 {
		return appendHeader(dst, '>', n)
	}
	return redcon.AppendArray(dst, n)
}

func appendHeader(dst []byte, kind byte, n int) []byte {
	dst = append(dst, kind)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, '\r', '\n')
}

// appendCommand encodes a command for the replication stream.
func appendCommand(dst []byte, args ...string) []byte {
	dst = redcon.AppendArray(dst, len(args))
	for _, a := range args {
		dst = redcon.AppendBulkString(dst, a)
	}
	return dst
}

// size returns roughly how much memory a stored command takes, in bytes.
func size(args [][]byte) int {
	n := 0
	for _, a := range args {
		n += len(a) + 24 // the slice header
	}
	return n
}

// describe returns the client's line for CLIENT LIST.
func (c *client) describe(now time.Time) string {
	flags := map[clientKind]string{kindNormal: "N", kindPubSub: "P", kindReplica: "S", kindMaster: "M"}[c.kind()]
	multi := -1
	if c.tx != nil {
		multi = len(c.tx.queued)
		flags += "x"
	}
	if c.blocked != nil {
		flags += "b"
	}
	waiting := 0
	if c.out != nil {
		waiting = c.out.waiting()
	}
	return fmt.Sprintf("id=%d addr=%s laddr=%s name=%s age=%d idle=%d flags=%s db=0 sub=%d psub=%d multi=%d omem=%d cmd=%s user=default resp=%d lib-name=%s lib-ver=%s",
		c.id, c.addr, c.localAddr, c.name, int(now.Sub(c.created).Seconds()), int(now.Sub(c.active).Seconds()), flags,
		len(c.channels), len(c.patterns), multi, waiting, c.lastCmd, c.proto, c.lib, c.ver)
}
