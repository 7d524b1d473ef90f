package server

import (
	"bytes"
	"strconv"
	"strings"
)

// request is one command while it is executed. A client has one, which all its
// commands use: nothing may keep it.
type request struct {
	server *Server
	client *client
	cmd    *command
	args   [][]byte // all words, the command name first; valid during the call
	*reply

	promised promise // the reply, if it comes later
}

// arg returns word i as a string.
func (r *request) arg(i int) string { return string(r.args[i]) }

// is reports whether word i is the given keyword.
func (r *request) is(i int, keyword string) bool {
	return len(r.args[i]) == len(keyword) && strings.EqualFold(string(r.args[i]), keyword)
}

// wrongArity replies with the standard error about the number of words.
func (r *request) wrongArity() {
	r.fail("ERR", "wrong number of arguments for '"+r.cmd.name+"' command")
}

// number parses word i as Redis does: strictly decimal, 64 bits.
func (r *request) number(i int) (int64, bool) { return parseInteger(r.arg(i)) }

const notAnInteger = "value is not an integer or out of range"

// parseInteger accepts only the canonical spelling of a number: no blanks, no
// plus sign, no leading zeros, no "-0".
func parseInteger(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == s
}

// execute checks and executes one command and appends the reply to c.out. The
// order of the checks is that of wire.md §1.2, Order of checks per command.
func (s *Server) execute(c *client, args [][]byte) {
	cmd, known := s.commands.lookup(args)
	s.run(c, cmd, known, args)
}

// run is execute for what lookup has found.
func (s *Server) run(c *client, cmd *command, known bool, args [][]byte) {
	s.processed.Add(1)
	before := len(c.out.buf)
	r := &c.request
	*r = request{server: s, client: c, cmd: cmd, args: args, reply: &c.out}
	if cmd != nil {
		c.lastCmd.Store(cmd)
	}
	switch {
	case r.cmd == nil:
		r.fail("ERR", unknownCommand(args))
	case !known:
		r.fail("ERR", "unknown subcommand '"+clip(args[1], 128)+"'. Try "+strings.ToUpper(clip(args[0], 128))+" HELP.")
	case !r.cmd.arityOK(len(args)):
		r.wrongArity()
	case !r.cmd.flags.has(flagNoAuth) && c.mustLogin():
		r.fail("NOAUTH", "Authentication required.")
	case !r.permitted():
	case c.restricted() && !r.cmd.flags.has(flagSubscribe):
		r.fail("ERR", "Can't execute '"+r.cmd.name+"': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context")
	case !c.await(r.cmd):
		c.closing = true
		return
	default:
		before = len(c.out.buf) // await may have flushed the buffer
		r.run()
	}
	r.redeem()
	if c.tracking.caching && (cmd == nil || !strings.HasPrefix(cmd.name, "client|")) {
		c.tracking.caching = false // it applied to this command only
	}
	if len(c.out.buf) > before && c.out.buf[before] == '-' {
		s.errorsSent.Add(1)
	}
	silent := c.silenced(cmd)
	if silent {
		c.out.buf = c.out.buf[:min(before, len(c.out.buf))]
	}
	if r.promised.render != nil {
		c.postpone(r.promised, silent)
	}
	r.args, r.promised = nil, promise{}
}

// run executes a command for which all other checks have passed.
func (r *request) run() {
	if r.cmd.max > 0 && len(r.args) > r.cmd.max {
		r.wrongArity()
		return
	}
	r.cmd.run(r)
}

// silenced reports whether a command gets no reply, because CLIENT REPLY says so.
func (c *client) silenced(cmd *command) bool {
	skip := c.skip == 1
	if c.skip > 0 {
		c.skip-- // 2 is CLIENT REPLY SKIP itself, 1 the command after it
	}
	if cmd != nil && cmd.flags.has(flagPushes) {
		return false
	}
	return c.muted || skip
}

// unknownCommand returns the error text for a command that does not exist.
func unknownCommand(args [][]byte) string {
	var b strings.Builder
	b.WriteString("unknown command '" + clip(args[0], 128) + "', with args beginning with: ")
	start := b.Len()
	for _, a := range args[1:] {
		room := 128 - (b.Len() - start)
		if room <= 0 {
			break
		}
		b.WriteString("'" + clip(a, room) + "' ")
	}
	return b.String()
}

// clip returns at most n bytes of b, and nothing from the first NUL on, where
// Redis's text ends too.
func clip(b []byte, n int) string {
	b = b[:min(n, len(b))]
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}
