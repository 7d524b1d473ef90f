package fakeredis

import (
	"net"
	"strings"
	"sync"

	"github.com/tidwall/redcon"
)

// Hook watches what clients send, and may change what they get. Its methods are
// called for clients only: neither for the links of servers in this process nor
// for Do.
// They may be called at the same time for several clients, and must not call
// methods of the server.
type Hook interface {
	// Before is called when a command has arrived, before anything is locked, so
	// it may wait; no other client is delayed. client is a number that no other
	// connection of this server has.
	Before(client int64, args [][]byte) Treatment
	// After is called when the command has been executed, or refused. It must not
	// block.
	After(client int64, o Outcome)
	// Closed is called when a connection has ended on which something was sent. It
	// must not block.
	Closed(client int64)
}

// Treatment says what to do with a command. The zero value is: execute it.
type Treatment struct {
	Skip  bool   // do not execute the command, and send Reply
	Reply []byte // encoded; empty means that there is no reply at all
	Half  bool   // send only the first half of the reply, and close the connection
	Close bool   // close the connection after the reply
}

// Outcome is what became of a command.
type Outcome struct {
	Args [][]byte
	// Name is the command as the table has it, such as "client|kill"; empty when
	// there is no such command.
	Name  string
	Write bool   // it changes data when it succeeds
	Data  bool   // it reads or changes data, as GET and SET do
	Error string // the error without "-", or empty
}

// Do executes a command in the process, as a client without restrictions would,
// and returns the reply in the encoding of RESP2. It is not for commands that
// subscribe, wait or begin a transaction. After the end of the server it returns
// an error reply.
func (s *Server) Do(words ...string) []byte {
	args := make([][]byte, len(words))
	for i, w := range words {
		args[i] = []byte(w)
	}
	if len(args) == 0 || !s.enter() {
		return []byte("-ERR the server has ended\r\n")
	}
	defer s.mu.Unlock()
	c := &client{proto: 2, authed: true}
	cmd, refusal := lookup(args)
	if refusal == "" {
		refusal = s.refuse(c, cmd)
	}
	if refusal != "" {
		return redcon.AppendError(nil, refusal)
	}
	s.call(c, cmd, args)
	if s.pause.ended {
		s.afterPause()
	}
	return c.reply
}

// links are the connections by which servers of this process follow others.
var links sync.Map

// linkKey names a connection by both of its ends: connections to different
// addresses may come from the same port.
type linkKey struct{ replica, master string }

// noteLink registers such a connection, before anything is sent on it. The result
// takes it out again.
func noteLink(conn net.Conn) func() {
	key := linkKey{conn.LocalAddr().String(), conn.RemoteAddr().String()}
	links.Store(key, nil)
	return func() { links.Delete(key) }
}

// hooked says whether the hook is to see a connection.
type hooked int32

const (
	unknown hooked = iota // nothing has been sent on it
	visible
	aLink
)

// before asks the hook what to do with a command.
func (s *Server) before(c *client, args [][]byte) Treatment {
	if s.hook == nil {
		return Treatment{}
	}
	if hooked(c.hooked.Load()) == unknown {
		kind := visible
		if _, ours := links.Load(linkKey{c.addr, c.localAddr}); ours {
			kind = aLink
		}
		c.hooked.Store(int32(kind))
	}
	if hooked(c.hooked.Load()) == aLink {
		return Treatment{}
	}
	return s.hook.Before(c.id, args)
}

// treat executes a command as the hook wants it, and tells it the outcome.
func (s *Server) treat(c *client, args [][]byte, t Treatment) {
	queues := c.tx != nil && len(args[0]) > 0 && !strings.EqualFold(string(args[0]), "exec")
	writes := c.tx != nil && c.tx.has(flagWrite) // what EXEC will do
	if t.Skip {
		c.reply = append(c.reply, t.Reply...)
	} else {
		s.dispatch(c, args)
	}
	if hooked(c.hooked.Load()) != visible || c.blocked != nil {
		return
	}
	o := Outcome{Args: args}
	if cmd, _ := lookup(args); cmd != nil {
		o.Name, o.Write, o.Data = cmd.name, cmd.is(flagWrite) || writes, dataNames[cmd.name] || writes
	}
	if len(c.reply) > 0 && c.reply[0] == '-' {
		o.Error, _, _ = strings.Cut(string(c.reply[1:]), "\r\n")
	}
	if !queues { // what is queued has no outcome yet
		s.hook.After(c.id, o)
	}
	if t.Half {
		c.reply = c.reply[:len(c.reply)/2]
	}
	c.closing = c.closing || t.Half || t.Close
}

// dataNames are the commands that read or change data.
var dataNames = map[string]bool{}

func init() {
	for _, cmd := range dataCommands() {
		dataNames[cmd.name] = true
	}
}
