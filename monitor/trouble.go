package monitor

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Step is a stage of a connection's life that can fail by itself. The zero value
// is [StepConnect].
type Step uint8

// The steps, in the order in which they are taken. StepConnect is everything up
// to the first reply: the name, the network, TLS, and whether the other side is a
// server at all. The others are commands; StepAsk is SENTINEL
// is-master-down-by-addr to another Sentinel.
const (
	StepConnect Step = iota
	StepAuth
	StepSetName
	StepSubscribe
	StepPing
	StepInfo
	StepPublish
	StepAsk
)

// Cause says why a step fails, as far as it can be told. The zero value is
// [CauseOther].
type Cause uint8

// The causes. A line in the log appears once for each of them, however often the
// step is tried again.
const (
	CauseOther       Cause = iota
	CauseRefused           // nothing listens there
	CauseUnreachable       // no route, or a firewall says no
	CauseSilent            // no answer in time
	CauseClosed            // closed before the first reply
	CauseName              // the host name does not resolve
	CauseSource            // not reachable from bind-source-addr, or that is no address of this machine
	CauseTLS               // one side speaks TLS and the other does not
	CauseCertificate       // a certificate is missing or not accepted, on either side
	CauseStranger          // it is no Redis server
	CauseAuth              // a password is missing or wrong
	CausePermission        // the user may not do it
	CauseProtected         // protected mode
	CauseFull              // it has no room for one more client
	CauseUnknown           // it does not know the command
)

// passing reports whether servers that are merely down or far away look like
// this: nothing is wrong with the configuration then.
func (c Cause) passing() bool {
	switch c {
	case CauseRefused, CauseUnreachable, CauseSilent, CauseClosed, CauseFull:
		return true
	}
	return false
}

// trouble is a step of a link that fails.
type trouble struct {
	kind  ConnKind
	step  Step
	cause Cause
	conn  ConnID // on which it failed last
	text  string
	since Instant
	told  bool // it is in the log
}

// maxTroubles is how many a link can have: one for each step on each of its two
// connections.
const maxTroubles = 2 * int(StepAsk+1)

// Bounds of what troubles write into the log: a server that fails in another way
// each time must not fill it.
const (
	troubleLines  = 10 // for each link within
	troublePeriod = 10 * time.Minute
)

func (c *Core) linkTrouble(now Instant, in LinkTrouble) {
	l := c.conns[in.Conn]
	if l == nil {
		return
	}
	kind := ConnCommand
	if l.pubsub.id == in.Conn {
		kind = ConnPubSub
	}
	c.note(now, l, trouble{kind: kind, step: in.Step, cause: in.Cause, conn: in.Conn, text: in.Text})
}

// note remembers a trouble until that step works, and logs it once for each
// cause.
func (c *Core) note(now Instant, l *link, t trouble) {
	t.since = now
	at, known := slices.BinarySearchFunc(l.troubles, t, func(a, b trouble) int {
		return cmp.Or(cmp.Compare(a.step, b.step), cmp.Compare(a.kind, b.kind))
	})
	switch {
	case !known:
		l.troubles = slices.Insert(l.troubles, at, t)
	case l.troubles[at].cause != t.cause:
		l.troubles[at] = t
	default:
		l.troubles[at].conn, l.troubles[at].text = t.conn, t.text
	}
	kept := &l.troubles[at]
	if kept.told {
		return
	}
	for _, o := range l.troubles {
		kept.told = kept.told || (o.told && o.step == t.step && o.cause == t.cause) // the other connection met it
	}
	if !kept.told && l.mayTell(now) {
		kept.told = true
		c.tell(l, t)
	}
}

// mayTell takes one line of what the link may write into the log.
func (l *link) mayTell(now Instant) bool {
	if l.tellingSince == 0 || now >= l.tellingSince.Add(troublePeriod) {
		l.tellingSince, l.toldLines = now, 0
	}
	l.toldLines++
	return l.toldLines <= troubleLines
}

func (c *Core) tell(l *link, t trouble) {
	level := LevelWarning
	if t.cause.passing() {
		level = LevelNotice
	}
	r := c.ref(l.owners[0])
	c.log(level, "Link to "+string(r.AppendText(nil))+": "+t.text)
}

// reached forgets that a connection of this kind did not come up: a reply is
// there.
func (l *link) reached(kind ConnKind) {
	l.troubles = slices.DeleteFunc(l.troubles, func(t trouble) bool { return t.kind == kind && t.step == StepConnect })
}

// greeted forgets the troubles of getting a connection ready that a newer
// connection of this kind did not meet: it was greeted, and it answers.
func (l *link) greeted(cn *conn, kind ConnKind) {
	l.troubles = slices.DeleteFunc(l.troubles, func(t trouble) bool {
		return t.kind == kind && t.step <= StepSubscribe && (t.step == StepConnect || t.conn != cn.id)
	})
}

// works forgets the trouble with one command.
func (l *link) works(step Step) {
	l.troubles = slices.DeleteFunc(l.troubles, func(t trouble) bool { return t.step == step })
}

// silent notes that a connection which is given up never got an answer, unless
// the reason is known already.
func (c *Core) silent(now Instant, l *link, cn *conn, kind ConnKind, text string) {
	for _, t := range l.troubles {
		if t.conn == cn.id {
			return
		}
	}
	c.note(now, l, trouble{kind: kind, step: StepConnect, cause: CauseSilent, conn: cn.id, text: text})
}

// brief is what happened, for a line about the server: where to and what to do about it is
// in the log.
func (t *trouble) brief() string {
	text, _, _ := strings.Cut(t.text, " (")
	if strings.HasPrefix(text, "dial ") { // dial tcp 10.0.0.1:6379: connect: connection refused
		_, text, _ = strings.Cut(text, ": ")
		text = strings.TrimPrefix(text, "connect: ")
	}
	return text
}

// deaf reports whether the peer refuses the question about a master, so that its
// opinion and its vote can never count.
func (p *peer) deaf() bool {
	return slices.ContainsFunc(p.link.troubles, func(t trouble) bool { return t.step == StepAsk })
}
