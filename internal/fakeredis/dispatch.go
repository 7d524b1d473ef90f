package fakeredis

import (
	"strings"
	"time"

	"github.com/tidwall/redcon"
)

// flags say how a command is treated before its execution.
type flags int

const (
	flagWrite    flags = 1 << iota // changes data: not on a replica, waits during CLIENT PAUSE WRITE
	flagGrows                      // may need memory
	flagFeeds                      // not a write, but propagated in the replication stream
	flagNoAuth                     // allowed before AUTH
	flagPubSub                     // allowed to a RESP2 subscriber
	flagStale                      // allowed on a replica that has lost its master and must not serve stale data
	flagNoMulti                    // not allowed in a transaction
	flagNow                        // executed, not queued, in a transaction
	flagReplayed                   // accepted from a master's replication stream
)

// command is an entry of the command table, or of a container command's table of
// subcommands.
type command struct {
	name  string // "client|kill" for a subcommand
	arity int    // number of words; negative: at least that many
	flags flags
	since version // that brought it, where older ones are imitated
	run   func(s *Server, c *client, args [][]byte)
	subs  map[string]*command
}

func (cmd *command) is(f flags) bool { return cmd.flags&f != 0 }

// commands is the command table. It is filled by init, because the COMMAND
// command reads the table that contains it.
var commands map[string]*command

func init() {
	commands = make(map[string]*command)
	for _, group := range [][]*command{connectionCommands(), clientCommands(), dataCommands(), pubsubCommands(), serverCommands(), replicationCommands()} {
		for _, cmd := range group {
			commands[cmd.name] = cmd
		}
	}
}

// container makes a command that consists of subcommands.
func container(name string, subs ...*command) *command {
	cmd := &command{name: name, arity: -2, subs: make(map[string]*command, len(subs))}
	for _, sub := range subs {
		cmd.subs[strings.TrimPrefix(sub.name, name+"|")] = sub
	}
	return cmd
}

// transaction holds what a client has sent since MULTI.
type transaction struct {
	queued []queuedCommand
	bytes  int
	dirty  bool // a command was refused: EXEC must not execute the others
}

type queuedCommand struct {
	cmd  *command
	args [][]byte
}

// has reports whether any command of the transaction has one of the flags.
func (t *transaction) has(f flags) bool {
	for _, q := range t.queued {
		if q.cmd.is(f) {
			return true
		}
	}
	return false
}

// blockedState says why a client's commands are currently not executed.
type blockedState struct {
	paused   bool      // CLIENT PAUSE; otherwise WAIT
	deadline time.Time // zero: none
	target   int64     // WAIT: the offset that must be acknowledged
	replicas int       // WAIT: by how many replicas
}

// handle executes one command of a connection. redcon calls it on the
// connection's goroutine.
func (s *Server) handle(rc redcon.Conn, cmd redcon.Command) {
	if len(cmd.Args) == 0 {
		return
	}
	c := rc.Context().(*client)
	t := s.before(c, cmd.Args)
	if !s.enter() {
		return
	}
	defer s.mu.Unlock()
	switch {
	case c.gone || c.closing:
	case c.blocked != nil:
		s.postpone(c, cmd.Args)
	default:
		s.execute(c, cmd.Args, t)
	}
}

// execute runs one command of a client and sends the reply.
func (s *Server) execute(c *client, args [][]byte, t Treatment) {
	c.active = time.Now()
	s.stats.commands++
	s.treat(c, args, t)
	s.flushReply(c)
	if s.pause.ended {
		s.afterPause()
	}
}

func (s *Server) flushReply(c *client) {
	const keep = 64 << 10
	reply := c.reply
	if c.reply = c.reply[:0]; cap(c.reply) > keep {
		c.reply = nil
	}
	if c.gone {
		return
	}
	if !c.replica.attached { // a reply would be taken for a part of the stream
		s.send(c, reply)
	}
	if c.closing {
		c.out.finish()
	}
}

// dispatch makes the checks, in the same order as Redis, and then queues,
// postpones or calls the command.
func (s *Server) dispatch(c *client, args [][]byte) {
	cmd, refusal := lookup(args)
	if refusal == "" {
		refusal = s.tooNew(cmd, args)
	}
	if refusal == "" {
		c.lastCmd = cmd.name
		refusal = s.refuse(c, cmd)
	}
	if refusal != "" {
		s.refused(c, cmd, refusal)
		return
	}
	if !c.replica.attached && s.pause.holds(cmd, c.tx) { // a replica must be able to acknowledge: who pauses writes waits for that
		c.blocked = &blockedState{paused: true}
		s.postpone(c, args)
		return
	}
	if c.tx != nil && !cmd.is(flagNow) {
		s.enqueue(c, cmd, args)
		return
	}
	s.call(c, cmd, args)
}

// call executes a command, or transaction, and propagates its changes.
func (s *Server) call(c *client, cmd *command, args [][]byte) {
	cmd.run(s, c, args)
	if s.propagateOutgoing() {
		c.writeOffset = s.repl.offset
	}
}

// lookup finds the command and checks its number of words.
func lookup(args [][]byte) (cmd *command, refusal string) {
	name := strings.ToLower(string(args[0][:min(len(args[0]), 64)]))
	cmd = commands[name]
	if cmd == nil || len(args[0]) > 64 {
		return nil, unknownCommand(args)
	}
	if cmd.subs != nil && len(args) >= 2 {
		sub := cmd.subs[strings.ToLower(string(args[1][:min(len(args[1]), 64)]))]
		if sub == nil {
			return nil, "ERR unknown subcommand '" + clip(args[1], 128) + "'. Try COMMAND LIST."
		}
		cmd = sub
	}
	if cmd.arity > 0 && len(args) != cmd.arity || len(args) < -cmd.arity {
		return cmd, "ERR wrong number of arguments for '" + cmd.name + "' command"
	}
	return cmd, ""
}

func unknownCommand(args [][]byte) string {
	var b strings.Builder
	b.WriteString("ERR unknown command '" + clip(args[0], 128) + "', with args beginning with: ")
	room := 128
	for _, a := range args[1:] {
		if room <= 0 {
			break
		}
		text := clip(a, room)
		room -= len(text)
		b.WriteString("'" + text + "' ")
	}
	return b.String()
}

// clip returns at most n bytes of an argument in a form that is safe in an error
// line.
func clip(arg []byte, n int) string {
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(string(arg[:min(len(arg), n)]))
}

// refuse returns the error of the first failed check, or "".
func (s *Server) refuse(c *client, cmd *command) string {
	writes := cmd.is(flagWrite) || cmd.name == "exec" && c.tx != nil && c.tx.has(flagWrite)
	grows := cmd.is(flagGrows) || cmd.name == "exec" && c.tx != nil && c.tx.has(flagGrows)
	switch {
	case !c.authed && !cmd.is(flagNoAuth):
		return "NOAUTH Authentication required."
	case s.denied(cmd) != "":
		return s.denied(cmd)
	case c.tx != nil && cmd.is(flagNoMulti):
		return "ERR Command not allowed inside a transaction"
	case grows && s.link == nil && s.db.used >= int64(s.settings.maxMemory):
		return "OOM command not allowed when used memory > 'maxmemory'."
	case writes && s.link == nil && !s.enoughReplicas(time.Now()):
		return "NOREPLICAS Not enough good replicas to write."
	case writes && s.link != nil && s.settings.readOnly:
		return "READONLY You can't write against a read only replica."
	case c.proto == 2 && c.subscriptions() > 0 && !cmd.is(flagPubSub):
		return "ERR Can't execute '" + cmd.name + "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
	case s.link != nil && s.link.state != linkConnected && !s.settings.serveStale && !cmd.is(flagStale):
		return "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
	}
	return ""
}

// refused replies with an error found before the execution. It also marks the
// transaction, so that EXEC will not execute the rest.
func (s *Server) refused(c *client, cmd *command, text string) {
	if c.tx != nil && cmd != nil && cmd.name == "exec" {
		c.tx = nil
		c.fail("EXECABORT Transaction discarded because of: " + text)
		return
	}
	if c.tx != nil {
		c.tx.dirty = true
	}
	c.fail(text)
}

func (s *Server) enqueue(c *client, cmd *command, args [][]byte) {
	n := size(args)
	if len(c.tx.queued) >= maxQueuedCommands || c.tx.bytes+n > maxQueuedBytes {
		s.refused(c, cmd, "ERR transaction too large: send it in smaller ones")
		return
	}
	c.tx.queued = append(c.tx.queued, queuedCommand{cmd, args})
	c.tx.bytes += n
	c.status("QUEUED")
}

// postpone stores a command of a blocked client for later.
func (s *Server) postpone(c *client, args [][]byte) {
	c.pendingBytes += size(args)
	if len(c.pending) >= maxQueuedCommands || c.pendingBytes > maxQueuedBytes {
		s.cut(c, "it sends too much while it is blocked")
		return
	}
	c.pending = append(c.pending, args)
}

// unblock lets a client continue with the commands that it sent in the meantime.
func (s *Server) unblock(c *client) {
	c.blocked = nil
	for !c.gone && !c.closing && c.blocked == nil && len(c.pending) > 0 {
		args := c.pending[0]
		c.pending = c.pending[1:]
		c.pendingBytes -= size(args)
		s.execute(c, args, Treatment{})
	}
	if len(c.pending) == 0 {
		c.pending = nil
	}
}

// timers does everything that is due at now and returns the time of the next
// deadline.
func (s *Server) timers(now time.Time) time.Time {
	if !s.nextCron.After(now) {
		s.nextCron = now.Add(cronPeriod)
		s.replicationCron(now)
	}
	next := s.nextCron
	if at := s.copies(now); !at.IsZero() {
		next = earlier(next, at)
	}
	if s.pause.active(now) {
		next = earlier(next, s.pause.until)
	} else {
		s.afterPause()
	}
	for _, c := range s.sortedClients() {
		switch b := c.blocked; {
		case b == nil:
		case !b.paused && !b.deadline.IsZero() && !b.deadline.After(now):
			s.finishWait(c)
		}
		// A client that was just unblocked may be blocked again.
		if b := c.blocked; b != nil && !b.deadline.IsZero() {
			next = earlier(next, b.deadline)
		}
	}
	return next
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
