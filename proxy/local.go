package proxy

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"strings"

	"github.com/gosentinel/sentinel/internal/resp"
)

var okReply = []byte("+OK\r\n")

// beforeLogin reports whether a command may be sent before AUTH.
func beforeLogin(cmd *command) bool {
	switch cmd.name {
	case "AUTH", "HELLO", "QUIT", "RESET":
		return true
	}
	return false
}

// local answers what concerns the connection between client and proxy.
func (c *client) local(cmd *command, raw []byte) bool {
	args := arguments(raw)
	switch cmd.name {
	case "AUTH":
		return c.auth(args)
	case "HELLO":
		return c.hello(cmd, args)
	case "QUIT":
		c.reply(okReply)
		c.closing = true
	case "RESET":
		if c.pending > 0 {
			c.stalled = true
			return false
		}
		c.reset()
		c.reply([]byte("+RESET\r\n"))
	case "SELECT":
		return c.selectDB(cmd, args, raw)
	case "PROXY":
		c.proxyCommand(args)
	default:
		return c.clientCommand(cmd, args, raw)
	}
	return true
}

// forward sends a command whose name is the proxy's own concern to the server after
// all, which knows the right error.
func (c *client) forward(cmd *command, raw []byte) bool {
	if c.pin != nil && (c.tx || c.watching || c.sticky) {
		return c.send(c.pin, cmd, raw)
	}
	return c.leavePin() && c.sendShared(cmd, raw)
}

func (c *client) auth(args [][]byte) bool {
	switch {
	case len(args) != 2 && len(args) != 3:
		c.error("ERR wrong number of arguments for 'auth' command")
	case c.l.cfg.Password == "":
		c.error("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
	case c.login(args[1:]):
		c.reply(okReply)
	default:
		c.error(wrongPass)
	}
	return true
}

const wrongPass = "WRONGPASS invalid username-password pair or user is disabled."

// login checks a password, or a user and a password, in time that does not tell how
// much of it is right.
func (c *client) login(words [][]byte) bool {
	user := "default"
	if len(words) == 2 {
		user = string(words[0])
	}
	wanted := c.l.cfg.User
	if wanted == "" {
		wanted = "default"
	}
	a, b := sha256.Sum256(words[len(words)-1]), sha256.Sum256([]byte(c.l.cfg.Password))
	if subtle.ConstantTimeCompare(a[:], b[:]) != 1 || user != wanted {
		c.w.p.counts.Logins.Add(1)
		return false
	}
	c.authed = true
	return true
}

// hello handles HELLO [2|3 [AUTH user password] [SETNAME name]].
func (c *client) hello(cmd *command, args [][]byte) bool {
	if c.pending > 0 {
		c.stalled = true
		return false
	}
	if c.tx {
		return c.send(c.pin, cmd, resp.AppendCommand(nil, args...))
	}
	proto, name := c.proto, c.name
	if len(args) > 1 {
		switch v := number(args[1]); v {
		case 2, 3:
			proto = uint8(v)
		case -1:
			c.error("ERR Protocol version is not an integer or out of range")
			return true
		default:
			c.error("NOPROTO unsupported protocol version")
			return true
		}
	}
	for i := 2; i < len(args); i++ {
		switch left := len(args) - 1 - i; {
		case bytes.EqualFold(args[i], []byte("AUTH")) && left >= 2:
			if c.l.cfg.Password != "" && !c.login(args[i+1:i+3]) {
				c.error(wrongPass)
				return true
			}
			i += 2
		case bytes.EqualFold(args[i], []byte("SETNAME")) && left >= 1:
			if name = string(args[i+1]); !fitName(args[i+1]) {
				c.error(unfitName)
				return true
			}
			i++
		default:
			c.error("ERR Syntax error in HELLO option '" + string(args[i]) + "'")
			return true
		}
	}
	if !c.authed {
		c.error("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
		return true
	}
	return c.sayHello(cmd, proto, name)
}

// sayHello has a server of that protocol answer, as it knows its version.
func (c *client) sayHello(cmd *command, proto uint8, name string) bool {
	before := c.proto
	c.name = name
	if proto != before {
		c.proto, c.shared = proto, nil
	}
	words := [][]byte{[]byte("HELLO"), {'0' + proto}}
	var ok bool
	if c.pin != nil {
		c.pin.key.proto = proto
		ok = c.send(c.pin, cmd, resp.AppendCommand(nil, words...))
	} else {
		ok = c.send(c.masterRoute(), cmd, resp.AppendCommand(nil, words...))
	}
	if ok && c.tail != nil {
		c.tail.arg = int(before)
		c.tail.safe = true
		c.stalled = true // what follows depends on it
	}
	return ok
}

// selectDB has the connection of another database say whether there is one.
func (c *client) selectDB(cmd *command, args [][]byte, raw []byte) bool {
	db := -1
	if len(args) == 2 {
		db = number(args[1])
	}
	switch {
	case db < 0:
		return c.forward(cmd, raw)
	case c.tx:
		sent := c.send(c.pin, cmd, raw)
		if sent && c.tail != nil {
			c.tail.arg = db
		}
		return sent
	case c.pending > 0:
		c.stalled = true
		return false
	}
	t := c.pin
	if t == nil || !c.watching && !c.sticky {
		if !c.leavePin() {
			return false
		}
		t = c.h.route(routeKey{proto: c.proto, db: db})
	}
	if !c.send(t, cmd, raw) {
		return false
	}
	if c.tail != nil {
		c.tail.arg, c.tail.safe = db, true
		c.stalled = true
	}
	return true
}

// reset is the command RESET: the connection is as it was at the start.
func (c *client) reset() {
	if c.pin != nil {
		c.pin.own.moved = true
		c.unpin()
	}
	c.proto, c.db, c.shared, c.name, c.replies = 2, 0, nil, "", repliesOn
	c.tx, c.watching, c.sticky, c.relaying = false, false, false, false
	c.authed = c.l.cfg.Password == ""
}

const unfitName = "ERR Client names cannot contain spaces, newlines or special characters."

func fitName(name []byte) bool {
	return !bytes.ContainsFunc(name, func(r rune) bool { return r < '!' || r > '~' })
}

// clientCommand answers the subcommands of CLIENT that are about this connection and
// have no effect elsewhere.
func (c *client) clientCommand(cmd *command, args [][]byte, raw []byte) bool {
	if c.tx {
		return c.send(c.pin, cmd, raw)
	}
	switch {
	case cmd.name == "CLIENT|SETNAME" && len(args) == 3:
		if !fitName(args[2]) {
			c.error(unfitName)
			return true
		}
		c.name = string(args[2])
		if c.pin != nil && (c.watching || c.sticky) {
			return c.send(c.pin, cmd, raw)
		}
		c.reply(okReply)
	case cmd.name == "CLIENT|GETNAME" && len(args) == 2:
		switch {
		case c.name != "":
			c.reply(resp.AppendBulk(nil, []byte(c.name)))
		case c.proto == 3:
			c.reply(null3)
		default:
			c.reply([]byte("$-1\r\n"))
		}
	case cmd.name == "CLIENT|SETINFO" && len(args) == 4:
		c.reply(okReply)
	case cmd.name == "CLIENT|REPLY" && len(args) == 3:
		c.setReplies(strings.ToUpper(string(args[2])))
	default:
		return c.forward(cmd, raw)
	}
	return true
}

func (c *client) setReplies(mode string) {
	switch mode {
	case "ON":
		c.replies = repliesOn
		c.reply(okReply)
	case "OFF":
		c.replies = repliesOff
	case "SKIP":
		if c.replies == repliesOn {
			c.replies = repliesSkipNext
		}
	default:
		c.error("ERR syntax error")
	}
}
