package proxy

import (
	"bytes"
	"net"
	"slices"

	"github.com/gosentinel/sentinel/internal/resp"
)

// relay is the state of a connection on which the server speaks unasked: of a
// subscriber, or of MONITOR. What it sends goes to the client as it is.
type relay struct {
	channels [3]map[string]bool // by subscription
	monitor  bool
	swallow  int       // so many confirmations the client has had already
	quiet    int       // so many replies nobody waits for
	pending  []relayed // what was asked and not answered
	bytes    int       // of it

	// With RESP3 a subscriber may do everything. What of it another connection could not be
	// told: that ends the client when the connection ends.
	tx, watching bool
	loose        bool   // nobody knows in which database it is
	heardInTx    []told // what will subscribe or unsubscribe when the transaction is executed
}

// relayed is a command that a subscriber has sent.
type relayed struct {
	cmd               *command
	raw               []byte
	confirms, replies int  // that are still to come
	safe              bool // executed twice it does no harm
}

// The kinds of subscriptions.
var subscriptions = [3]struct{ on, off string }{
	{"subscribe", "unsubscribe"}, {"psubscribe", "punsubscribe"}, {"ssubscribe", "sunsubscribe"},
}

var subscribeWords = [3]string{"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"}

func subscriptionOf(name string) int {
	switch name {
	case "PSUBSCRIBE", "PUNSUBSCRIBE":
		return 1
	case "SSUBSCRIBE", "SUNSUBSCRIBE":
		return 2
	}
	return 0
}

// queued takes down what a transaction has done to the subscriptions. A server refuses the
// commands about shard channels there.
func (r *relay) queued(s told) {
	i, args := subscriptionOf(s.name), arguments(s.raw)[1:]
	switch s.name {
	case "SUBSCRIBE", "PSUBSCRIBE":
		if r.channels[i] == nil {
			r.channels[i] = make(map[string]bool)
		}
		for _, a := range args {
			r.channels[i][string(a)] = true
		}
	case "UNSUBSCRIBE", "PUNSUBSCRIBE":
		if len(args) == 0 {
			clear(r.channels[i])
		}
		for _, a := range args {
			delete(r.channels[i], string(a))
		}
	}
}

func (r *relay) listening() bool {
	return len(r.channels[0])+len(r.channels[1])+len(r.channels[2]) > 0
}

// relay sends a command of a subscriber.
func (t *route) relay(cmd *command, raw []byte) {
	r := t.own.relay
	one := relayed{cmd: cmd, raw: bytes.Clone(raw), safe: cmd.safe || cmd.kind == subscribe || cmd.kind == unsubscribe || cmd.kind == monitor}
	args, _, _ := lineNumber(raw, 1, maxArgs)
	switch {
	case r.tx: // it is queued
		one.replies = 1
	case cmd.kind == subscribe:
		one.confirms = args - 1
	case cmd.kind == unsubscribe:
		if one.confirms = args - 1; one.confirms == 0 {
			one.confirms = max(1, len(r.channels[subscriptionOf(cmd.name)]))
		}
	default:
		one.replies = 1
	}
	if one.confirms == 0 {
		one.confirms, one.replies = 0, 1 // it is answered with an error
	}
	if len(r.pending) >= maxPipeline {
		t.owner.end("a subscriber sends commands and waits for no reply")
		return
	}
	r.pending = append(r.pending, one)
	r.bytes += len(raw)
	t.buf = append(t.buf, raw...)
	if t.up() {
		t.touch()
		return
	}
	if why := t.h.refuse(t, int64(len(raw))); why != "" {
		t.owner.end(why)
		return
	}
	t.setHeld(t.held + int64(len(raw)))
	t.dial()
}

// flushRelay sends what a subscriber has sent. What is pending is kept apart.
func (t *route) flushRelay() {
	n, err := t.wire.write(t.buf[t.base:])
	if t.base += n; t.base == len(t.buf) {
		t.buf, t.base = t.buf[:0], 0
	}
	if err != nil {
		t.lost(err)
	}
}

// relayed takes what the server has sent.
func (t *route) relayed(b []byte, done bool) {
	r := t.own.relay
	if t.mid || r.heard(t, b) {
		t.owner.message(b)
	}
	if done && t.owner != nil && r.over() {
		t.leaveRelay()
	}
}

// over reports whether the connection is one like others again.
func (r *relay) over() bool {
	return len(r.pending)+r.swallow+r.quiet == 0 && !r.listening() && !r.monitor && !r.tx && !r.watching && !r.loose
}

// leaveRelay is called when the client has no subscriptions any more.
func (t *route) leaveRelay() {
	t.own.relay = nil
	t.answered, t.sentN, t.sentEnd, t.sent = 0, 0, 0, 0
	t.owner.relaying = false
	t.owner.touch()
	t.owner.mayUnpin()
}

// heard takes down what a message or reply says, and reports whether the client is
// to get it.
func (r *relay) heard(t *route, b []byte) bool {
	if b[0] == '>' || b[0] == '*' && t.key.proto != 3 {
		if v := values(b); len(v) >= 2 {
			for i, s := range subscriptions {
				switch string(v[0]) {
				case s.on:
					return r.confirmed(i, v[1], true)
				case s.off:
					return r.confirmed(i, v[1], false)
				}
			}
			switch string(v[0]) {
			case "message", "pmessage", "smessage":
				return true
			}
		}
		if b[0] == '>' {
			return true
		}
	}
	if r.quiet > 0 {
		r.quiet--
		return false
	}
	for i := range r.pending {
		if p := &r.pending[i]; p.replies > 0 || b[0] == '-' {
			p.replies, p.confirms = 0, 0
			r.note(t, p, b)
			r.settle()
			break
		}
	}
	return true
}

// note takes down what the reply to a command has changed.
func (r *relay) note(t *route, p *relayed, b []byte) {
	ok := b[0] != '-'
	switch name := p.cmd.name; {
	case name == "MULTI" && ok:
		r.tx = true
	case name == "EXEC", name == "DISCARD":
		if name == "EXEC" && b[0] == '*' {
			for _, s := range r.heardInTx {
				r.queued(s)
			}
		}
		r.tx, r.watching, r.heardInTx = false, false, nil
	case name == "WATCH" && ok:
		r.watching = true
	case name == "UNWATCH" && ok && !r.tx:
		r.watching = false
	case name == "SELECT" && bytes.Equal(b, okReply):
		if args := arguments(p.raw); len(args) == 2 {
			t.owner.moveTo(number(args[1]))
		}
	case r.tx && (p.cmd.kind == subscribe || p.cmd.kind == unsubscribe):
		if ok {
			r.heardInTx = append(r.heardInTx, told{name, p.raw})
		}
	case r.tx && ok:
		r.loose = r.loose || name == "SELECT" || p.cmd.kind == own
	case p.cmd.kind == own && ok:
		t.owner.sticky = true
		t.own.remember(name, p.raw)
	}
}

// turning reports whether a reply is to come that says whether commands are queued.
func (r *relay) turning() bool {
	return slices.ContainsFunc(r.pending, func(p relayed) bool {
		return p.cmd.kind == multi || p.cmd.kind == exec || p.cmd.kind == discard
	})
}

// bound says what of the connection another one could not be told; "" if there is nothing.
func (r *relay) bound() string {
	begun := r.tx || r.watching
	for _, p := range r.pending {
		begun = begun || p.cmd.kind == multi || p.cmd.kind == watch
	}
	switch {
	case begun:
		return "the connection of a subscriber ended in its transaction"
	case r.loose:
		return "the connection of a subscriber ended, and its database is not known"
	case r.channels[0]["__redis__:invalidate"]:
		return "the connection ended to which invalidations of another one went (CLIENT TRACKING REDIRECT)"
	}
	return ""
}

func (r *relay) confirmed(i int, channel []byte, on bool) bool {
	switch {
	case on && r.swallow > 0:
		r.swallow--
		return false
	case on:
		if r.channels[i] == nil {
			r.channels[i] = make(map[string]bool)
		}
		r.channels[i][string(channel)] = true
	default:
		delete(r.channels[i], string(channel))
	}
	for k := range r.pending {
		if p := &r.pending[k]; p.confirms > 0 {
			p.confirms--
			break
		}
	}
	r.settle()
	return true
}

// settle forgets what has been answered.
func (r *relay) settle() {
	for len(r.pending) > 0 && r.pending[0].confirms <= 0 && r.pending[0].replies <= 0 {
		r.bytes -= len(r.pending[0].raw)
		r.pending = r.pending[1:]
	}
}

// lost is called when the connection is lost. What has been sent and is not to be executed
// twice is answered with an error. So is what stands before it: replies keep their order.
func (r *relay) lost(t *route) {
	sent := len(r.pending)
	for unsent := len(t.buf) - t.base; unsent > 0 && sent > 0; sent-- {
		unsent -= len(r.pending[sent-1].raw)
	}
	for sent > 0 && t.h.g.repeats(r.pending[sent-1].safe) && !r.pending[sent-1].cmd.once {
		sent--
	}
	var keep []relayed
	for i, p := range r.pending {
		if i >= sent || p.confirms > 0 {
			keep = append(keep, p)
		} else if t.owner != nil {
			t.h.g.p.counts.Unknown.Add(1)
			t.owner.message([]byte("-" + unknownOutcome + "\r\n"))
		}
	}
	r.pending, r.bytes = keep, 0
	for _, p := range keep {
		r.bytes += len(p.raw)
	}
}

// restore makes the subscriptions on a new connection.
func (r *relay) restore(t *route) {
	t.buf, t.base = nil, 0
	r.swallow, r.quiet = 0, len(t.own.replay)
	for _, s := range t.own.replay {
		t.forgetKeys(s)
		t.buf = append(t.buf, s.raw...)
	}
	for i, set := range r.channels {
		if len(set) == 0 {
			continue
		}
		words := [][]byte{[]byte(subscribeWords[i])}
		for channel := range set {
			words = append(words, []byte(channel))
		}
		r.swallow += len(set)
		t.buf = resp.AppendCommand(t.buf, words...)
	}
	if r.monitor {
		r.quiet++
		t.buf = resp.AppendCommand(t.buf, []byte("MONITOR"))
	}
	for _, p := range r.pending {
		t.buf = append(t.buf, p.raw...)
	}
	t.setHeld(int64(len(t.buf)))
}

// switchMaster is the channel on which a subscriber is told that the master is
// another one. What was published in between did not reach the subscriber.
const switchMaster = "+switch-master"

// announce tells a subscriber that wants to know.
func (r *relay) announce(c *client, text string) {
	if !r.channels[0][switchMaster] {
		return
	}
	b := append([]byte(nil), '*')
	if c.proto == 3 {
		b[0] = '>'
	}
	b = append(b, "3\r\n$7\r\nmessage\r\n"...)
	b = resp.AppendBulk(b, []byte(switchMaster))
	c.message(resp.AppendBulk(b, []byte(text)))
}

// switchText is what a Sentinel publishes when the master is another one.
func switchText(name, before, after string) string {
	h1, p1, _ := net.SplitHostPort(before)
	h2, p2, _ := net.SplitHostPort(after)
	return name + " " + h1 + " " + p1 + " " + h2 + " " + p2
}
