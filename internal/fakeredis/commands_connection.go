package fakeredis

import (
	"crypto/subtle"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const wrongPassword = "WRONGPASS invalid username-password pair or user is disabled."

func connectionCommands() []*command {
	return []*command{
		{name: "ping", arity: -1, flags: flagPubSub | flagReplayed | flagStale, run: (*Server).cmdPing},
		{name: "echo", arity: 2, flags: flagStale, run: func(_ *Server, c *client, args [][]byte) { c.bulk(string(args[1])) }},
		{name: "hello", arity: -1, flags: flagNoAuth | flagStale | flagNoMulti, since: version60, run: (*Server).cmdHello},
		{name: "auth", arity: -2, flags: flagNoAuth | flagStale | flagNoMulti, run: (*Server).cmdAuth},
		{name: "select", arity: 2, flags: flagStale | flagReplayed, run: (*Server).cmdSelect},
		{name: "quit", arity: -1, flags: flagNoAuth | flagPubSub | flagStale | flagNow, run: (*Server).cmdQuit},
		{name: "reset", arity: 1, flags: flagNoAuth | flagPubSub | flagStale | flagNow, since: version62, run: (*Server).cmdReset},
		{name: "multi", arity: 1, flags: flagStale | flagNow | flagReplayed, run: (*Server).cmdMulti},
		{name: "exec", arity: 1, flags: flagStale | flagNow | flagReplayed, run: (*Server).cmdExec},
		{name: "discard", arity: 1, flags: flagStale | flagNow, run: (*Server).cmdDiscard},
		commandCommand(),
	}
}

func (s *Server) cmdPing(c *client, args [][]byte) {
	switch {
	case len(args) > 2:
		c.fail("ERR wrong number of arguments for 'ping' command")
	case c.proto == 2 && c.subscriptions() > 0:
		c.array(2)
		c.bulk("pong")
		c.bulk(string(slices.Concat(args[1:]...)))
	case len(args) == 2:
		c.bulk(string(args[1]))
	default:
		c.status("PONG")
	}
}

// cmdHello is HELLO [version [AUTH user password] [SETNAME name]]. Nothing is
// changed if any part is wrong.
func (s *Server) cmdHello(c *client, args [][]byte) {
	proto, name, authed := c.proto, c.name, c.authed
	if len(args) > 1 {
		n, ok := parseInt(args[1])
		switch {
		case !ok:
			c.fail("ERR Protocol version is not an integer or out of range")
			return
		case n != 2 && n != 3:
			c.fail("NOPROTO unsupported protocol version")
			return
		}
		proto = int(n)
	}
	for i := 2; i < len(args); i++ {
		switch opt, left := strings.ToUpper(string(args[i])), len(args)-i-1; {
		case opt == "AUTH" && left >= 2:
			if !s.validPassword(string(args[i+1]), string(args[i+2])) {
				c.fail(wrongPassword)
				return
			}
			authed = true
			i += 2
		case opt == "SETNAME" && left >= 1:
			if name = string(args[i+1]); !validName(name) {
				c.fail(badName)
				return
			}
			i++
		default:
			c.failf("ERR Syntax error in HELLO option '%s'", clip(args[i], 128))
			return
		}
	}
	if !authed {
		c.fail("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
		return
	}
	c.proto, c.name = proto, name
	c.setAuthenticated(true)
	s.replyHello(c)
}

func (s *Server) replyHello(c *client) {
	role := "master"
	if s.link != nil {
		role = "replica"
	}
	c.mapping(7)
	c.bulks2("server", "redis")
	c.bulks2("version", s.settings.versionText)
	c.bulk("proto")
	c.integer(int64(c.proto))
	c.bulk("id")
	c.integer(c.id)
	c.bulks2("mode", "standalone")
	c.bulks2("role", role)
	c.bulk("modules")
	c.array(0)
}

func (c *client) bulks2(key, val string) {
	c.bulk(key)
	c.bulk(val)
}

// validPassword checks credentials. The only user is "default"; if it has no
// password, any password is accepted.
func (s *Server) validPassword(user, password string) bool {
	want := s.settings.requirePass
	return user == "default" && (want == "" || subtle.ConstantTimeCompare([]byte(password), []byte(want)) == 1)
}

func (s *Server) cmdAuth(c *client, args [][]byte) {
	user, password := "default", string(args[len(args)-1])
	switch {
	case len(args) > 3:
		c.fail("ERR syntax error")
		return
	case len(args) == 3:
		user = string(args[1])
	case s.settings.requirePass == "":
		c.fail("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
		return
	}
	if !s.validPassword(user, password) {
		c.fail(wrongPassword)
		return
	}
	c.setAuthenticated(true)
	c.ok()
}

func (s *Server) cmdSelect(c *client, args [][]byte) {
	switch n, ok := parseInt(args[1]); {
	case !ok:
		c.fail("ERR value is not an integer or out of range")
	case n != 0:
		c.fail("ERR DB index is out of range")
	default:
		c.ok()
	}
}

func (s *Server) cmdQuit(c *client, _ [][]byte) {
	c.ok()
	c.closing = true
}

func (s *Server) cmdReset(c *client, _ [][]byte) {
	if c.replica.attached {
		c.fail("ERR can only reset normal client connections")
		return
	}
	c.tx = nil
	s.subs.dropClient(c)
	c.out.setLimit(normalOutputLimit)
	c.proto, c.name = 2, ""
	c.setAuthenticated(s.settings.requirePass == "")
	c.status("RESET")
}

func (s *Server) cmdMulti(c *client, _ [][]byte) {
	if c.tx != nil {
		c.fail("ERR MULTI calls can not be nested")
		return
	}
	c.tx = &transaction{}
	c.ok()
}

func (s *Server) cmdDiscard(c *client, _ [][]byte) {
	if c.tx == nil {
		c.fail("ERR DISCARD without MULTI")
		return
	}
	c.tx = nil
	c.ok()
}

// cmdExec executes the transaction. No other command runs in between, and its
// changes are propagated as one transaction too. The size of its replies is
// checked as they grow, because a few kilobytes of queued LRANGE commands could
// request more than fits into memory. The transaction itself is always executed
// to its end.
func (s *Server) cmdExec(c *client, _ [][]byte) {
	tx := c.tx
	c.tx = nil
	switch {
	case tx == nil:
		c.fail("ERR EXEC without MULTI")
	case tx.dirty:
		c.fail("EXECABORT Transaction discarded because of previous errors.")
	default:
		c.array(len(tx.queued))
		s.executing = c
		tooLong := false
		for _, q := range tx.queued {
			q.cmd.run(s, c, q.args)
			if len(c.reply) > normalOutputLimit {
				tooLong, c.reply = true, nil
			}
		}
		s.executing = nil
		if tooLong {
			s.cut(c, "the reply to its transaction is too long")
		}
	}
}

// commandCommand describes the command table as far as redis-cli and clients that
// look up key positions need it.
func commandCommand() *command {
	cmd := container("command",
		&command{name: "command|count", arity: 2, flags: flagStale, run: func(_ *Server, c *client, _ [][]byte) { c.integer(int64(len(commands))) }},
		&command{name: "command|docs", arity: -2, flags: flagStale, run: func(_ *Server, c *client, _ [][]byte) { c.mapping(0) }},
		&command{name: "command|list", arity: 2, flags: flagStale, run: func(_ *Server, c *client, _ [][]byte) { c.bulks(commandNames()) }},
		&command{name: "command|info", arity: -2, flags: flagStale, run: func(_ *Server, c *client, args [][]byte) {
			names := commandNames()
			if len(args) > 2 {
				names = names[:0]
				for _, a := range args[2:] {
					names = append(names, strings.ToLower(string(a)))
				}
			}
			c.commandInfo(names)
		}},
	)
	cmd.arity, cmd.flags = -1, flagStale
	cmd.run = func(_ *Server, c *client, _ [][]byte) { c.commandInfo(commandNames()) }
	return cmd
}

func commandNames() []string { return slices.Sorted(maps.Keys(commands)) }

func (c *client) commandInfo(names []string) {
	c.array(len(names))
	for _, name := range names {
		cmd := commands[name]
		if cmd == nil {
			c.null()
			continue
		}
		c.array(6)
		c.bulk(cmd.name)
		c.integer(int64(cmd.arity))
		c.array(1)
		key := int64(0)
		if cmd.is(flagWrite) {
			c.status("write")
		} else {
			c.status("readonly")
		}
		if keyCommands[cmd.name] {
			key = 1
		}
		last := key
		if cmd.name == "del" || cmd.name == "exists" {
			last = -1
		}
		c.integer(key)
		c.integer(last)
		c.integer(key)
	}
}

// parseInt parses a decimal integer as strictly as Redis does: no plus sign, no
// leading zeros, no spaces.
func parseInt(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == string(b)
}
