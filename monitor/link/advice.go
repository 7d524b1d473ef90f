package link

import (
	"bytes"
	"strings"

	"github.com/gosentinel/sentinel/monitor"
)

// peer is the other side of a connection as it appears in the log.
type peer struct {
	target monitor.Kind
	addr   monitor.HostPort
}

func (p peer) String() string {
	switch p.target {
	case monitor.KindMaster:
		return "master " + p.addr.String()
	case monitor.KindReplica:
		return "replica " + p.addr.String()
	default:
		return "Sentinel " + p.addr.String()
	}
}

// stepOf returns the step that a reply belongs to.
func stepOf(r reply) (monitor.Step, bool) {
	switch r {
	case replyAuth:
		return monitor.StepAuth, true
	case replySetName:
		return monitor.StepSetName, true
	case replySubscribe:
		return monitor.StepSubscribe, true
	case replyPing:
		return monitor.StepPing, true
	case replyInfo:
		return monitor.StepInfo, true
	case replyPublish:
		return monitor.StepPublish, true
	case replyAsk, replyGossip:
		return monitor.StepAsk, true
	}
	return 0, false
}

// steps is the number of steps.
const steps = monitor.StepAsk + 1

var stepNames = [steps]string{"", "AUTH", "CLIENT SETNAME", "SUBSCRIBE", "PING", "INFO", "PUBLISH", "SENTINEL IS-MASTER-DOWN-BY-ADDR"}

// advise checks the reply to a command for what the operator should know. Each
// refusal is told once on a connection; what is new about it is for the core to
// say.
func (c *conn) advise(r reply, v value) {
	s, ok := stepOf(r)
	if !ok {
		return
	}
	in := &c.in
	if v.kind != '-' {
		in.answered, in.greetingRefusal, in.refused[s] = true, "", ""
		return
	}
	refusal := redacted(v.text, in.secret)
	if s <= monitor.StepSubscribe && in.greetingRefusal == "" {
		in.greetingRefusal = refusal
	}
	text := stepNames[s] + " was refused: " + refusal
	cause, todo := remedyFor(refusal, c.peer.target)
	switch {
	case s == monitor.StepAuth:
		in.authRefused = true
	case cause == monitor.CauseAuth && strings.HasPrefix(refusal, "NOAUTH"):
		if in.authRefused {
			return // a consequence of the refused AUTH
		}
		s = monitor.StepAuth // one cause, however many commands meet it
	case r == replyGossip && cause != monitor.CauseUnknown:
		return // only a gosentinel knows this command
	case s > monitor.StepSubscribe && todo == "":
		in.answered = true
		return // LOADING and the like pass, and the core handles them
	case cause == monitor.CauseUnknown && s == monitor.StepAsk:
		todo = "its SENTINEL command has another name, so that it counts for nothing here: set rename-command SENTINEL for this master, or take the other name away there"
	}
	if in.refused[s] == refusal {
		return
	}
	in.refused[s] = refusal
	if todo != "" {
		text += " (" + todo + ")"
	}
	c.trouble(s, cause, text)
}

// trouble tells the core what is wrong.
func (c *conn) trouble(s monitor.Step, cause monitor.Cause, text string) {
	c.in.told = true
	c.emit(monitor.LinkTrouble{Conn: c.id, Step: s, Cause: cause, Text: text})
}

// redacted renders a refusal without the password: a server that does not know
// the command AUTH repeats its arguments.
func redacted(text []byte, secret string) string {
	text, _, _ = bytes.Cut(text, []byte(", with args"))
	if secret != "" {
		text = bytes.ReplaceAll(text, []byte(secret), []byte("******"))
	}
	return printable(text)
}

const (
	serverRules   = "+client +subscribe +publish +ping +info +multi +slaveof +config +exec +script|kill &" + monitor.HelloChannel
	sentinelRules = "+client|setname +ping +publish +sentinel|is-master-down-by-addr +sentinel|gossip +sentinel|master &" + monitor.HelloChannel
)

// remedyFor returns what a refusal means, and advice about it or "".
func remedyFor(refusal string, target monitor.Kind) (cause monitor.Cause, todo string) {
	user, pass, rules := "auth-user", "auth-pass", serverRules
	if target == monitor.KindSentinel {
		user, pass, rules = "sentinel-user", "sentinel-pass", sentinelRules
	}
	has := func(prefix string) bool { return strings.HasPrefix(refusal, prefix) }
	switch {
	case has("NOPERM"):
		return monitor.CausePermission, "allow its ACL user " + rules
	case has("NOAUTH"), has("ERR operation not permitted"):
		return monitor.CauseAuth, "it asks for a password: set " + pass + ", and " + user + " if it uses ACL users"
	case has("WRONGPASS"), has("ERR invalid password"):
		return monitor.CauseAuth, "set " + user + " and " + pass + " to what it accepts"
	case has("ERR AUTH"), has("ERR Client sent AUTH"):
		return monitor.CauseAuth, "it has no password: give it one or remove " + pass
	case has("ERR wrong number of arguments for 'auth'"):
		return monitor.CauseAuth, "it knows no ACL users: remove " + user
	case has("ERR unknown command"):
		return monitor.CauseUnknown, "if the command has another name there, set rename-command"
	case has("DENIED"):
		return monitor.CauseProtected, "it is in protected mode: give it a password, or turn protected-mode off there"
	case has("ERR max number of clients"):
		return monitor.CauseFull, "raise maxclients there"
	}
	return monitor.CauseOther, ""
}
