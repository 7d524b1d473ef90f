package link

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/internal/valid"
	"github.com/gosentinel/sentinel/monitor"
)

// keepReady is the capacity up to which a connection keeps its list of inputs.
const keepReady = 8

// inbound is the receiving side of a connection: what has arrived and is not
// delivered yet.
type inbound struct {
	scan  scanner
	rest  []byte          // the beginning of an unfinished reply
	ready []monitor.Input // decoded and not delivered yet, in order

	tx       roleChange    // the role change whose replies are arriving
	pong     monitor.Input // the last Pong, reused while it stays the same
	activity monitor.Input // PubSubActivity of this connection

	secret          string        // password, to keep it out of what is logged
	authRefused     bool          // AUTH was sent and refused
	greetingRefusal string        // first refusal in the greeting; "" once a command succeeded
	refused         [steps]string // refusals that were told
	answered        bool          // a command was accepted
	told            bool          // the core knows of a trouble
	said            []byte        // the beginning of what is no reply of a server
}

// feed decodes bytes as they arrive. What they complete is appended to ready;
// that stays valid when an error follows.
func (c *conn) feed(b []byte) error {
	in := &c.in
	if len(in.rest) > 0 {
		in.rest = append(in.rest, b...)
		b = in.rest
	}
	for len(b) > 0 {
		e, err := c.nextExpected(b)
		if err != nil {
			return err
		}
		n, err := in.scan.scan(b, c.maxBulk(e.reply))
		if err != nil {
			in.said = bytes.Clone(b[:min(len(b), maxSaid)])
			return err
		}
		if n == 0 {
			break
		}
		in.scan = scanner{}
		if err := c.take(e, b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	in.keep(b)
	return nil
}

// keep stores the beginning of an unfinished reply. An idle connection keeps
// nothing, and none keeps the large buffer of an INFO reply for a short rest.
func (in *inbound) keep(b []byte) {
	switch {
	case len(b) == 0:
		in.rest = nil
	case cap(in.rest) > readSize && len(b) < cap(in.rest)/4:
		in.rest = bytes.Clone(b)
	default:
		in.rest = append(in.rest[:0], b...)
	}
}

// replyMessage is a message on a Pub/Sub connection, which no command asked
// for.
const replyMessage = replyPlainEnd + 1

// nextExpected returns what the reply that b starts with answers. An unexpected
// reply would be taken for that to the next command, and all that follow would
// be misattributed, so it ends the connection.
func (c *conn) nextExpected(b []byte) (expected, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.expect.n > 0:
		return *c.expect.at(0), nil
	case c.kind == monitor.ConnPubSub && b[0] == '*':
		return expected{reply: replyMessage}, nil
	}
	return expected{}, protocolErrorf("nothing was asked, but the server said %s", shown(b))
}

func (c *conn) maxBulk(r reply) int {
	if r == replyInfo {
		return c.limits.InfoBytes
	}
	return c.limits.BulkBytes
}

func (c *conn) popExpected() {
	c.mu.Lock()
	c.expect.pop()
	c.mu.Unlock()
}

// take turns one complete reply into inputs.
func (c *conn) take(e expected, frame []byte) error {
	v, rest := decode(frame)
	if e.reply == replyMessage {
		return c.takeMessage(v, rest)
	}
	c.popExpected()
	c.advise(e.reply, v)
	switch e.reply {
	case replySubscribe:
		if v.kind != '*' {
			// Without the subscription the connection is of no use. Ended, it is
			// made anew until the server allows it, and shown as missing.
			return errNoSubscription
		}
		return c.takeMessage(v, rest)
	case replyPing:
		c.takePong(classify(v))
	case replyInfo:
		info := monitor.InfoReply{Conn: c.id, Token: e.token}
		if v.kind == '$' && !v.null {
			info.Info = monitor.ParseInfo(v.text)
		}
		c.emit(info)
	case replyPublish:
		c.emit(monitor.PublishReply{Conn: c.id, Token: e.token, OK: v.kind != '-'})
	case replyAsk:
		c.emit(askReply(c.id, e.token, v, rest))
	case replyGossip:
		c.emit(gossipReply(c.id, e.token, v, rest))
	case replyConfig:
		c.emit(configReply(c.id, e.token, v, rest))
	case replyDone:
		c.emit(monitor.CommandDone{Conn: c.id, Token: e.token, Refused: refusal(v)})
	case replyBareSlaveOf:
		already := v.kind == '+' && bytes.HasPrefix(v.text, []byte("OK Already connected"))
		c.emit(monitor.SlaveOfReply{Conn: c.id, Token: e.token, Already: already, Refused: refusal(v)})
	default:
		return c.takeRoleChange(e, v, rest)
	}
	return nil
}

var errNoSubscription = errors.New("no subscription")

func (c *conn) emit(in monitor.Input) { c.in.ready = append(c.in.ready, in) }

// takePong does not allocate: PONG is by far the most frequent reply.
func (c *conn) takePong(r monitor.PingReply) {
	pong, ok := c.in.pong.(monitor.Pong)
	if !ok || pong.Reply != r {
		c.in.pong = monitor.Pong{Conn: c.id, Reply: r}
	}
	c.emit(c.in.pong)
}

// refusal returns the text of an error, or "".
func refusal(v value) string {
	if v.kind != '-' {
		return ""
	}
	return printable(v.text)
}

// classify sorts replies to PING by how they begin (state-machine.md §1.7, PING
// reply).
func classify(v value) monitor.PingReply {
	if v.kind != '+' && v.kind != '-' {
		return monitor.PingOther
	}
	switch {
	case bytes.HasPrefix(v.text, []byte("PONG")):
		return monitor.PingPong
	case bytes.HasPrefix(v.text, []byte("LOADING")):
		return monitor.PingLoading
	case bytes.HasPrefix(v.text, []byte("MASTERDOWN")):
		return monitor.PingMasterDown
	case bytes.HasPrefix(v.text, []byte("BUSY")):
		return monitor.PingBusy
	}
	return monitor.PingOther
}

// askReply reads integer, string, integer: whether the master is down, the
// candidate that has the vote, and its epoch. Stock Sentinels turn a negative
// epoch into a huge one, which would end all elections; here it counts as no
// answer. A gosentinel that was asked with a lease adds its down-after, and one that was
// asked for its replicas host and port of each. One that was asked for a promise adds
// "promise", for how long it gives one, and its configuration epoch.
func askReply(id monitor.ConnID, token monitor.Token, array value, rest []byte) monitor.AskReply {
	r := monitor.AskReply{Conn: id, Token: token}
	if array.kind != '*' || array.num < 3 || array.num > 6 && array.num%2 == 0 {
		return r
	}
	var buf [3 + 2*monitor.MaxToldReplicas]value
	v := elements(buf[:], array, rest)
	if v[0].kind != ':' || !v[1].isText() || v[2].kind != ':' || v[2].num < 0 {
		return r
	}
	if leader := string(v[1].text); leader != "*" {
		if !monitor.RunID(leader).Valid() || printable(v[1].text) != leader {
			return r
		}
		r.Leader = monitor.RunID(leader)
	}
	if len(v) == 4 && v[3].kind == ':' && v[3].num > 0 && v[3].num <= maxDownAfter {
		r.DownAfter = time.Duration(v[3].num) * time.Millisecond
	}
	if len(v) == 6 {
		var ok bool
		if r.Promise, ok = promise(v[3:]); !ok {
			return r
		}
	} else if len(v) > 4 {
		if r.Replicas = addresses(v[3:]); r.Replicas == nil {
			return r
		}
	}
	r.OK, r.Down, r.Epoch = true, v[0].num == 1, monitor.Epoch(v[2].num)
	return r
}

// promise reads the word, the time in milliseconds and the epoch.
func promise(v []value) (p monitor.Promise, ok bool) {
	if !v[0].isText() || string(v[0].text) != "promise" || v[1].kind != ':' || v[2].kind != ':' || v[2].num < 0 ||
		v[1].num < 0 || v[1].num > monitor.MaxPromise.Milliseconds() {
		return p, false
	}
	return monitor.Promise{Known: true, For: time.Duration(v[1].num) * time.Millisecond, ConfigEpoch: monitor.Epoch(v[2].num)}, true
}

// addresses reads hosts and ports that take turns; nil when something else is among them.
func addresses(v []value) (list []monitor.HostPort) {
	for ; len(v) > 1; v = v[2:] {
		host, port := string(v[0].text), v[1].num
		if !v[0].isText() || printable(v[0].text) != host || v[1].kind != ':' || port < 1 || port > 65535 {
			return nil
		}
		list = append(list, monitor.HostPort{Host: host, Port: int(port)})
	}
	return list
}

// maxDownAfter bounds what a peer may tell, in milliseconds: a year.
const maxDownAfter = 365 * 24 * 3600 * 1000

// gossipReply reads names and values. A gosentinel answers with its endpoint, a
// stock Sentinel that there is no such subcommand. Unknown names are those of
// later versions. An invalid endpoint is ignored: its values go to logs and to
// the network.
func gossipReply(id monitor.ConnID, token monitor.Token, array value, rest []byte) monitor.GossipReply {
	r := monitor.GossipReply{Conn: id, Token: token}
	if array.kind == '-' && !bytes.HasPrefix(array.text, []byte("ERR ")) {
		r.Denied = true // NOAUTH, NOPERM and the like
		return r
	}
	if array.kind != '*' {
		return r // it has no elements to read
	}
	var buf [32]value
	v := elements(buf[:], array, rest)
	if len(v) == 0 || len(v)%2 != 0 {
		return r
	}
	e, ok := monitor.GossipEndpoint{}, true
	for i := 0; i < len(v); i += 2 {
		if !v[i].isText() || !v[i+1].isText() {
			return r
		}
		text := string(v[i+1].text)
		ok = ok && len(text) <= maxGossipText && printable(v[i+1].text) == text
		switch string(v[i].text) {
		case "version":
			r.Known, e.Version = true, text
		case "run-id":
			e.ID, ok = monitor.RunID(text), ok && monitor.RunID(text).Valid()
		case "boot":
			e.Boot = text
		case "ip":
			addr, literal := monitor.IPAddr(text, 0)
			e.Addr.Host, ok = addr.Host, ok && (literal && valid.Announced(text) == nil || text == "")
		case "port":
			port, number := parseNumber(v[i+1].text)
			e.Addr.Port, ok = int(port), ok && number && port >= 0 && port <= 65535
		case "key-id":
			e.KeyID = text
		}
	}
	if r.Known && ok {
		r.Endpoint = e
	}
	return r
}

// configReply reads names and values, of which only the config epoch matters here. An error
// says that the peer does not know the master, or that this user may not ask.
func configReply(id monitor.ConnID, token monitor.Token, array value, rest []byte) monitor.ConfigReply {
	r := monitor.ConfigReply{Conn: id, Token: token}
	if array.kind != '*' {
		return r
	}
	var buf [64]value
	v := elements(buf[:], array, rest)
	for ; len(v) > 1; v = v[2:] {
		if string(v[0].text) != "config-epoch" || !v[1].isText() {
			continue
		}
		if n, err := strconv.ParseUint(string(v[1].text), 10, 64); err == nil {
			r.OK, r.Epoch = true, monitor.Epoch(n)
		}
		break
	}
	return r
}

// maxGossipText is the longest value in the description of an endpoint.
const maxGossipText = 128

// takeMessage handles a frame on a Pub/Sub connection: a hello, or anything
// else that proves that the subscription lives.
func (c *conn) takeMessage(array value, rest []byte) error {
	var buf [3]value
	v := elements(buf[:], array, rest)
	if len(v) == 0 || !v[0].isText() {
		return protocolErrorf("no Pub/Sub message but an array of %d elements", array.num)
	}
	if array.num == 3 && string(v[0].text) == "message" && string(v[1].text) == monitor.HelloChannel && v[2].isText() {
		hello, err := monitor.ParseHello(v[2].text)
		if err == nil {
			c.emit(monitor.HelloReceived{Conn: c.id, Hello: hello})
		} else {
			c.emit(monitor.PubSubActivity{Conn: c.id, BadHello: err.Error()})
		}
		return nil
	}
	if c.in.activity == nil {
		c.in.activity = monitor.PubSubActivity{Conn: c.id}
	}
	c.emit(c.in.activity)
	return nil
}

// takeRoleChange handles one of the replies to a SlaveOf.
func (c *conn) takeRoleChange(e expected, v value, rest []byte) error {
	tx := &c.in.tx
	out := monitor.SlaveOfReply{Conn: c.id, Token: e.token}
	switch e.reply {
	case replyMulti:
		tx.open = v.kind != '-'
		tx.refuse(v)
		return nil
	case replyQueuedSlaveOf:
		// A server that refuses MULTI executes what follows at once. Reporting
		// that as aborted would change the role a second time.
		tx.changed = !tx.open && v.kind != '-'
		tx.deny(v)
		return nil
	case replyPlainSlaveOf:
		tx.changed = v.kind != '-'
		tx.deny(v)
		return nil
	case replyQueued:
		tx.refuse(v)
		return nil
	case replyPlainEnd:
		out.Refused = tx.refusal
	case replyExec:
		out.Refused, out.Aborted = tx.executed(v, rest)
	default: // replyIgnored
		return nil
	}
	if tx.changed {
		out.Refused, out.Aborted = "", false
	} else if tx.denied != "" {
		out.Refused, out.Aborted = tx.denied, false
	}
	c.emit(out)
	stuck := e.reply == replyExec && tx.open && v.kind == '-' && !bytes.HasPrefix(v.text, []byte("EXECABORT"))
	*tx = roleChange{}
	if stuck {
		// Every later command would be queued, and PING never answered.
		return fmt.Errorf("a transaction was left open, because EXEC was refused: %s", redacted(v.text, c.in.secret))
	}
	return nil
}

// roleChange gathers the replies to one SlaveOf.
type roleChange struct {
	open    bool   // MULTI was accepted
	changed bool   // SLAVEOF was executed on its own and accepted
	denied  string // how SLAVEOF itself was refused
	refusal string // the first error
}

// deny takes a reply to SLAVEOF itself. Where that is refused the other commands
// do not matter, and sending them alone would only disconnect the clients.
func (t *roleChange) deny(v value) {
	if v.kind == '-' {
		t.denied = printable(v.text)
	}
	t.refuse(v)
}

func (t *roleChange) refuse(v value) {
	if v.kind == '-' && t.refusal == "" {
		t.refusal = printable(v.text)
	}
}

// executed judges the reply to EXEC, whose first element answers SLAVEOF.
func (t *roleChange) executed(v value, rest []byte) (refused string, aborted bool) {
	if v.kind == '*' && v.num > 0 {
		var buf [1]value
		t.refusal = ""
		t.refuse(elements(buf[:], v, rest)[0])
		return t.refusal, false
	}
	t.refuse(v)
	if t.refusal == "" {
		t.refusal = "EXEC executed nothing"
	}
	return t.refusal, true
}
