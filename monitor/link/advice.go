package link

import (
	"bytes"
	"strings"
	"sync"

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

// step is a command that a connection must be allowed to use.
type step uint8

const (
	stepAuth step = iota
	stepSetName
	stepSubscribe
	stepPing
	stepInfo
	stepPublish
	steps // the number of steps
)

var stepNames = [steps]string{"AUTH", "CLIENT SETNAME", "SUBSCRIBE", "PING", "INFO", "PUBLISH"}

// stepOf relies on the replies to these commands being numbered like the steps.
func stepOf(r reply) (step, bool) { return step(r), step(r) < steps }

// maxAdvised bounds what is remembered of refusals that were logged.
const maxAdvised = 1024

// advisor logs what a server refuses and what to do about it, once for each
// server and command until that works: connections are retried every second,
// and a wrong password must not flood the log.
type advisor struct {
	log func(monitor.Level, string)

	mu     sync.Mutex
	logged map[advised]string // the refusal that was logged last
}

type advised struct {
	addr monitor.HostPort
	step step
}

func newAdvisor(log func(monitor.Level, string)) advisor {
	return advisor{log: log, logged: map[advised]string{}}
}

func (a *advisor) refused(p peer, s step, refusal, todo string) {
	a.mu.Lock()
	key := advised{p.addr, s}
	known := a.logged[key] == refusal
	if !known {
		if len(a.logged) >= maxAdvised {
			clear(a.logged) // logging a line twice is better than growing without bound
		}
		a.logged[key] = refusal
	}
	a.mu.Unlock()
	if known {
		return
	}
	text := stepNames[s] + " was refused by " + p.String() + ": " + refusal
	if todo != "" {
		text += " (" + todo + ")"
	}
	a.log(monitor.LevelWarning, text)
}

func (a *advisor) works(p peer, s step) {
	a.mu.Lock()
	delete(a.logged, advised{p.addr, s})
	a.mu.Unlock()
}

// advise checks the reply to a command for what the operator should know.
func (c *conn) advise(r reply, v value) {
	s, ok := stepOf(r)
	if !ok {
		return
	}
	in := &c.in
	if v.kind != '-' {
		c.works(s)
		return
	}
	in.works[s] = false
	refusal := redacted(v.text, in.secret)
	if s <= stepSubscribe && in.greetingRefusal == "" {
		in.greetingRefusal = refusal
	}
	todo := remedyFor(refusal, c.peer.target)
	switch {
	case s == stepAuth:
		in.authRefused = true
	case strings.HasPrefix(refusal, "NOAUTH"):
		if in.authRefused {
			return // a consequence of the refused AUTH
		}
		s = stepAuth // one cause, however many commands meet it
	case s > stepSubscribe && todo == "":
		return // LOADING and the like pass, and the core handles them
	}
	c.pool.advisor.refused(c.peer, s, refusal, todo)
}

// works notes a success, so that the next refusal is logged again.
func (c *conn) works(s step) {
	in := &c.in
	in.greetingRefusal = ""
	if in.works[s] {
		return
	}
	in.works[s] = true
	c.pool.advisor.works(c.peer, s)
	if s == stepSetName && !in.authRefused {
		c.pool.advisor.works(c.peer, stepAuth) // a password is no longer asked for
	}
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
	sentinelRules = "+client|setname +ping +publish +sentinel|is-master-down-by-addr +sentinel|gossip &" + monitor.HelloChannel
)

// remedyFor returns advice about a refusal, or "".
func remedyFor(refusal string, target monitor.Kind) string {
	user, pass, rules := "auth-user", "auth-pass", serverRules
	if target == monitor.KindSentinel {
		user, pass, rules = "sentinel-user", "sentinel-pass", sentinelRules
	}
	has := func(prefix string) bool { return strings.HasPrefix(refusal, prefix) }
	switch {
	case has("NOPERM"):
		return "allow its ACL user " + rules
	case has("NOAUTH"), has("ERR operation not permitted"):
		return "it asks for a password: set " + pass + ", and " + user + " if it uses ACL users"
	case has("WRONGPASS"), has("ERR invalid password"):
		return "set " + user + " and " + pass + " to what it accepts"
	case has("ERR AUTH"), has("ERR Client sent AUTH"):
		return "it has no password: give it one or remove " + pass
	case has("ERR wrong number of arguments for 'auth'"):
		return "it knows no ACL users: remove " + user
	case has("ERR unknown command"):
		return "if the command has another name there, set rename-command"
	case has("DENIED"):
		return "it is in protected mode: give it a password, or turn protected-mode off there"
	case has("ERR max number of clients"):
		return "raise maxclients there"
	}
	return ""
}
