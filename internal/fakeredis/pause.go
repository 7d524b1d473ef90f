package fakeredis

import (
	"fmt"
	"strings"
	"time"
)

// pauseState is what CLIENT PAUSE has asked for.
type pauseState struct {
	until time.Time
	all   bool // otherwise only commands that may write
	ended bool // by CLIENT UNPAUSE, in the command being executed
}

func (p *pauseState) active(now time.Time) bool { return now.Before(p.until) }

// holds reports whether the pause holds a command back.
func (p *pauseState) holds(cmd *command, tx *transaction) bool {
	const may = flagWrite | flagFeeds
	return p.active(time.Now()) && (p.all || cmd.is(may) || cmd.name == "exec" && tx != nil && tx.has(may))
}

// cmdClientPause is CLIENT PAUSE milliseconds [WRITE|ALL]. A second pause can
// lengthen and widen the first, but not shorten it. Servers before 6.2 know no
// WRITE.
func (s *Server) cmdClientPause(c *client, args [][]byte) {
	all := true
	switch {
	case len(args) > 3 && s.settings.version < version62:
		c.fail(oldSubcommand(args))
		return
	case len(args) > 4:
		c.fail("ERR unknown subcommand or wrong number of arguments for '" + clip(args[1], 128) + "'. Try CLIENT HELP.")
		return
	case len(args) == 4 && strings.EqualFold(string(args[3]), "write"):
		all = false
	case len(args) == 4 && !strings.EqualFold(string(args[3]), "all"):
		c.fail("ERR CLIENT PAUSE mode must be WRITE or ALL")
		return
	}
	const longest = 365 * 24 * 3600 * 1000
	ms, ok := parseInt(args[2])
	if !ok || ms > longest {
		c.fail("ERR timeout is not an integer or out of range")
		return
	}
	if ms < 0 {
		c.fail("ERR timeout is negative")
		return
	}
	p, now := &s.pause, time.Now()
	if !p.active(now) {
		p.until, p.all = now, false
	}
	if end := now.Add(time.Duration(ms) * time.Millisecond); end.After(p.until) {
		p.until = end
	}
	p.all = p.all || all
	s.wakeTimer()
	c.ok()
}

// cmdClientUnpause ends every pause. Who waits continues when this command, or the
// transaction that it belongs to, is done.
func (s *Server) cmdClientUnpause(c *client, _ [][]byte) {
	s.pause.ended = s.pause.active(time.Now())
	s.pause.until = time.Time{}
	c.ok()
}

// afterPause lets everything continue that a pause has held back: first what the
// master has sent, then the clients.
func (s *Server) afterPause() {
	s.pause.ended = false
	if s.link != nil {
		s.link.release()
	}
	for _, c := range s.sortedClients() {
		if c.blocked != nil && c.blocked.paused {
			s.unblock(c)
		}
	}
}

// heldStream is what a replica has read of its master's stream and may not apply,
// because a pause on the replica holds writes back, whoever sends them. It is lost
// when the replica is promoted meanwhile.
type heldStream struct {
	commands [][][]byte
	raw      [][]byte
	bytes    int
}

// hold keeps a command of the stream if the pause holds it back, or anything before
// it. Its bytes count as read and not as applied.
func (l *masterLink) hold(args [][]byte, raw []byte) (held bool, err error) {
	h := &l.held
	if len(h.commands) == 0 {
		cmd, refusal := lookup(args)
		if refusal != "" || !l.s.pause.active(time.Now()) || !l.s.pause.holds(cmd, nil) && cmd.name != "exec" {
			return false, nil
		}
	}
	if h.bytes += len(raw); h.bytes > maxReplayedBytes {
		return false, fmt.Errorf("the master sends more than %d bytes during a pause", maxReplayedBytes)
	}
	h.commands = append(h.commands, cloneArgs(args))
	h.raw = append(h.raw, append([]byte(nil), raw...))
	return true, nil
}

// release applies what was held back. If that fails, the link ends, as it does when
// the stream fails.
func (l *masterLink) release() {
	h := l.held
	l.held = heldStream{}
	for i, args := range h.commands {
		if err := l.process(args, h.raw[i]); err != nil {
			l.s.log.Warn("the link to the master ends", "master", l.address(), "err", err)
			l.interrupt()
			return
		}
	}
	if l.state == linkConnected {
		l.acknowledge()
	}
}

// read returns the offset up to which the master's stream has arrived.
func (l *masterLink) read() int64 { return l.s.repl.offset + int64(len(l.txRaw)+l.held.bytes) }
