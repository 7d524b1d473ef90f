package server

import (
	"strings"

	"github.com/gosentinel/sentinel/internal/acl"
)

// RedisVersion is the Redis version whose commands and error texts this front end
// reproduces. Client libraries infer from it which commands they may send.
const RedisVersion = "7.4.0"

func cmdPing(r *request) {
	switch {
	case r.client.restricted():
		r.array(2)
		r.bulk("pong")
		if len(r.args) > 1 {
			r.bulkBytes(r.args[1])
		} else {
			r.bulk("")
		}
	case len(r.args) > 1:
		r.bulkBytes(r.args[1])
	default:
		r.simple("PONG")
	}
}

func cmdQuit(r *request) {
	r.ok()
	r.client.closing = true
}

const badName = "Client names cannot contain spaces, newlines or special characters."

func cmdAuth(r *request) {
	user, pass := acl.DefaultUser, r.arg(len(r.args)-1)
	switch {
	case len(r.args) > 3:
		r.fail("ERR", "syntax error")
		return
	case len(r.args) == 3:
		user = r.arg(1)
	case r.server.cfg.Users.Default().NoPass():
		r.fail("ERR", "AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
		return
	}
	if r.logIn(user, pass) {
		r.ok()
	}
}

// hello is the content of a HELLO command.
type hello struct {
	resp3      bool
	auth       bool
	user, pass string
	setName    bool
	name       string
}

func cmdHello(r *request) {
	c := r.client
	h, ok := parseHello(r)
	if !ok {
		return
	}
	if h.auth && !r.logIn(h.user, h.pass) {
		return
	}
	if c.mustLogin() {
		r.fail("NOAUTH", "HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
		return
	}
	if h.setName {
		c.setName(h.name)
	}
	c.setProtocol(h.resp3)
	proto := int64(2)
	if h.resp3 {
		proto = 3
	}
	r.mapping(6)
	r.bulk("server")
	r.bulk("redis")
	r.bulk("version")
	r.bulk(RedisVersion)
	r.bulk("proto")
	r.integer(proto)
	r.bulk("id")
	r.integer(int64(c.id))
	r.bulk("mode")
	r.bulk("sentinel")
	r.bulk("modules")
	r.array(0)
}

// parseHello parses a whole HELLO command before anything of it takes effect. If
// it returns false, it has already replied.
func parseHello(r *request) (h hello, ok bool) {
	h.resp3 = r.client.out.resp3
	if len(r.args) > 1 {
		proto, isNumber := r.number(1)
		switch {
		case !isNumber:
			r.fail("ERR", "Protocol version is not an integer or out of range")
			return h, false
		case proto != 2 && proto != 3:
			r.fail("NOPROTO", "unsupported protocol version")
			return h, false
		}
		h.resp3 = proto == 3
	}
	for i := 2; i < len(r.args); i++ {
		more := len(r.args) - 1 - i
		switch {
		case r.is(i, "AUTH") && more >= 2:
			h.auth, h.user, h.pass = true, r.arg(i+1), r.arg(i+2)
			i += 2
		case r.is(i, "SETNAME") && more >= 1:
			h.setName, h.name = true, r.arg(i+1)
			if !validName(h.name) {
				r.fail("ERR", badName)
				return h, false
			}
			i++
		default:
			r.fail("ERR", "Syntax error in HELLO option '"+r.arg(i)+"'")
			return h, false
		}
	}
	return h, true
}

// validName reports whether s can be shown in a line of CLIENT LIST.
func validName(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c < '!' || c > '~' }) < 0
}

func (c *client) setName(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.name = name
}

func cmdShutdown(r *request) {
	var abort, save, noSave, other bool
	for i := 1; i < len(r.args); i++ {
		switch {
		case r.is(i, "ABORT"):
			abort = true
		case r.is(i, "SAVE"):
			save = true
		case r.is(i, "NOSAVE"):
			noSave = true
		case r.is(i, "NOW"), r.is(i, "FORCE"):
			other = true
		default:
			r.fail("ERR", "syntax error")
			return
		}
	}
	switch {
	case save && noSave, abort && (save || noSave || other):
		r.fail("ERR", "syntax error")
	case abort:
		r.fail("ERR", "No shutdown in progress.")
	case r.server.cfg.Shutdown == nil:
		r.fail("ERR", "SHUTDOWN is not allowed: this Sentinel is part of another program")
	default:
		r.client.closing = true
		r.server.cfg.Shutdown()
	}
}
