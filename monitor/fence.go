package monitor

import (
	"slices"
	"strings"
	"time"
)

// A fence is a connection of its own to one server, over which a guard holds back the
// writes of that server and takes its role from it. It is a third connection, because a
// PUBLISH waits for the end of a pause and would hold up what comes behind it. A fence
// carries nothing but CLIENT PAUSE, INFO, SLAVEOF, and what ends a pause.
//
// # For a guard
//
// A master has one fence for each address at most, which its guards share: fenceFor makes it,
// fenceAt finds it, and sweepFences forgets it. A guard drives it from [master.run]. Nothing calls it back: whatever
// arrives is noted in the fields below, and the master is judged anew. One step of a guard
// looks like this:
//
//	f := c.fenceFor(m, addr)
//	next := c.fenceTimeout(now, f)
//	if !f.open() {
//		if due := c.fenceDue(now, f, gap); now < due {
//			return due
//		}
//		c.dialFence(now, f)
//		c.fencePause(now, f, guard, length, notAfter) // part of the first write, as is INFO
//		c.fenceInfo(now, f)
//		return c.fenceTimeout(now, f)
//	}
//	switch {
//	case f.info == nil: // not answered yet
//	case ...:           // judge f.info; renew with fencePause, poll with fenceInfo
//	case ...:           // fenceDemote; from then on finishDemotion at each step
//	case ...:           // fenceRelease ends the pause, leaveFence the connection as well
//	}
//
// Where two guards want a pause of one server, the longer one holds, as the server has it, and
// the last of them ends it and closes the connection. A pause has to be told again before it
// ends. On the current master all this holds too: when
// another takes its place, the fence stays with the address, and with it what is known of its
// pause. A server that refuses a pause (before 6.2, or by its ACL) leaves that in refused, and
// the rest goes on without.
type fence struct {
	m    *master
	at   Addr
	id   ConnID // 0: closed
	up   bool
	upAt Instant

	dialedAt Instant
	slot     Instant // of the next attempt, see hurry
	seenAt   Instant // when the server was last known to be there; 0: it never was

	info     *Info // last reply on this connection; nil: none yet
	infoAt   Instant
	process  RunID  // that answered last, also on earlier connections
	infoSeq  uint64 // token of the INFO in flight; 0: none is
	infoSent Instant

	pauseSeq uint64 // token of the pause that is not answered; 0: none is
	pauseFor time.Duration
	pausedAt Instant // when it was told
	until    Instant // when the pauses that were answered are over at the latest; 0: there was none
	here     Instant // the same of those over this connection
	loose    Instant // the same of those of which it is not known who got them
	surely   Instant // when they are over at the earliest, if the server has not ended since; 0: there was none
	refused  string  // how the last pause was refused; "": it was not

	holders guardSet // that want the writes held back
	mayEnd  bool     // one that was among them may end any pause, see fenceRelease

	order   demotion
	leaving bool // it is closed when the end of the pause is answered
}

// guardSet is a set of guards.
type guardSet uint8

func (s guardSet) has(g Guard) bool         { return s&(1<<g) != 0 }
func (s guardSet) with(g Guard) guardSet    { return s | 1<<g }
func (s guardSet) without(g Guard) guardSet { return s &^ (1 << g) }

// demotion is the order over a fence to follow another server. The zero value: none was
// given on this connection.
type demotion struct {
	seq         uint64 // token of SLAVEOF; 0: it is answered, or was not sent
	at          Instant
	obeyed      bool
	already     bool   // it followed that server before
	refused     string // "": it was not
	unpause     uint64 // token of the end of the pause; 0: answered, or not sent
	mayEndPause bool
	killed      bool   // the clients were told to go
	last        uint64 // token of the last command; 0: answered, or not sent
	finished    bool
	told        bool // of what it did
}

// fenceDialTimeout bounds an attempt to connect over a fence. What lies farther away than
// this takes the ordinary way. Where nothing answers, not even a refusal, an attempt that
// is older would learn of the return of the server by the next retransmission of TCP, up to
// seconds later.
const fenceDialTimeout = 250 * time.Millisecond

// fenceAt returns the fence of m to the server at an address, or nil.
func (m *master) fenceAt(at Addr) *fence {
	for _, f := range m.fences {
		if f.at.Same(at) {
			return f
		}
	}
	return nil
}

// fenceFor returns the fence of m to the server at an address. One that is new is closed.
func (c *Core) fenceFor(m *master, at Addr) *fence {
	f := m.fenceAt(at)
	if f == nil {
		f = &fence{m: m, at: at}
		m.fences = append(m.fences, f)
	}
	return f
}

// dropFences closes all fences of a master of which all is forgotten, and forgets them, but
// for one of an isolated master, which RESET changes nothing about.
func (c *Core) dropFences(now Instant, m *master) {
	m.fences = slices.DeleteFunc(m.fences, func(f *fence) bool {
		if f.holders.has(IsolationFence) {
			return false
		}
		c.closeFence(now, f, false) // an UNPAUSE may be under way
		return true
	})
}

// open reports whether the fence has a connection, or tries to get one.
func (f *fence) open() bool { return f.id != 0 }

// paused reports whether a pause that was told over the fence may still hold.
func (f *fence) paused(now Instant) bool { return f.pauseSeq != 0 || now < f.until }

// fenceDue returns when the fence may be dialled again, gap after the last attempt. What is
// sooner than a PING period later has a budget, which all fences of the process share.
func (c *Core) fenceDue(now Instant, f *fence, gap time.Duration) Instant {
	if f.dialedAt == 0 {
		return 0
	}
	return c.fenceBudget.hurry(now, &f.slot, f.dialedAt, gap, c.tun.PingPeriod)
}

// dialFence opens the fence. Commands that are sent in the same step leave with the first
// write, behind AUTH and the name of the connection.
func (c *Core) dialFence(now Instant, f *fence) {
	c.lastConn++
	*f = fence{m: f.m, at: f.at, id: c.lastConn, dialedAt: now, slot: f.slot, seenAt: f.seenAt, until: f.until, loose: f.loose, process: f.process, holders: f.holders, mayEnd: f.mayEnd}
	c.fences[f.id] = f
	cfg := &f.m.cfg
	c.free(Dial{
		Conn: f.id, Kind: ConnFence, Target: KindReplica, Rename: cfg.Rename,
		Addr: f.server(),
		User: cfg.AuthUser, Pass: cfg.AuthPass,
		ClientName: "sentinel-" + string(c.opts.MyID[:8]) + "-fence",
	})
}

// server is the address that is dialled.
func (f *fence) server() HostPort { return HostPort{Host: f.at.DialTarget(), Port: f.at.Port} }

// fenceTimeout closes a fence that does not come up, and returns when that is; Never when
// it is up, or closed.
func (c *Core) fenceTimeout(now Instant, f *fence) Instant {
	if !f.open() || f.up {
		return Never
	}
	due := f.dialedAt.Add(fenceDialTimeout)
	if now >= due {
		f.m.noAnswer(f.at)
		c.closeFence(now, f, true)
		return Never
	}
	return due
}

// closeFence closes the connection. A pause goes on until its end. With abort, what was sent
// over it and has not arrived is given up.
func (c *Core) closeFence(now Instant, f *fence, abort bool) {
	if f.open() {
		c.free(Close{Conn: f.id, Abort: abort})
		if !abort {
			f.dialedAt, f.slot = 0, 0 // it has not failed: the next one need not wait
		}
		f.up = true // for all that is known: what was sent may have been obeyed
		c.fenceLost(now, f)
	}
}

// fenceLost notes that the connection is gone. What was not answered may still be obeyed, but
// not if it never came up.
func (c *Core) fenceLost(now Instant, f *fence) {
	delete(c.fences, f.id)
	if f.pauseSeq != 0 && f.up {
		f.until = max(f.until, now.Add(f.pauseFor))
	}
	if f.pausedAt != 0 && f.info == nil { // it is not known which process was paused
		f.loose = max(f.loose, f.here)
		if f.pauseSeq != 0 && f.up {
			f.loose = max(f.loose, now.Add(f.pauseFor))
		}
	}
	f.id, f.up, f.pauseSeq, f.infoSeq = 0, false, 0, 0
	f.surely = 0 // it may have been started anew
	f.order.seq, f.order.unpause, f.order.last = 0, 0, 0
}

// fenceSend sends a command over the fence and returns its token.
func (c *Core) fenceSend(f *fence, cmd Command, notAfter Instant) uint64 {
	c.lastSeq++
	c.free(Send{Conn: f.id, Token: Token{Seq: c.lastSeq}, Rename: f.m.cfg.Rename, Cmd: cmd, NotAfter: notAfter})
	return c.lastSeq
}

// quitFence gives up what g has sent and has not arrived, unless another guard wants the
// writes held back.
func (c *Core) quitFence(now Instant, f *fence, g Guard) {
	if f.holders = f.holders.without(g); f.holders == 0 {
		c.closeFence(now, f, true)
	}
}

// fencePause pauses the writes of the server for a guard, or prolongs the pause. Where the
// pause would leave this process after an instant, the connection is closed instead: what it
// was based on is too old then. Hellos keep away from the server meanwhile.
func (c *Core) fencePause(now Instant, f *fence, g Guard, length time.Duration, notAfter Instant) {
	f.holders = f.holders.with(g)
	f.pauseSeq = c.fenceSend(f, PauseWrites{For: length}, notAfter)
	f.pauseFor, f.pausedAt = length, now
	c.holdHellosAt(f.server(), now.Add(length))
}

// fenceInfo asks for INFO, unless that is under way.
func (c *Core) fenceInfo(now Instant, f *fence) {
	if f.infoSeq == 0 {
		f.infoSent = now
		f.infoSeq = c.fenceSend(f, InfoRequest{}, 0)
	}
}

// leaveFence ends the pause, as fenceRelease does, and closes the connection when that is
// answered and no other guard is left.
func (c *Core) leaveFence(now Instant, f *fence, g Guard, mayEnd bool) {
	c.fenceRelease(now, f, g, mayEnd)
	if f.leaving = f.order.unpause != 0; !f.leaving && f.holders == 0 {
		c.closeFence(now, f, false)
	}
}

// fenceRelease ends the pause of the server, when g was the last guard that wanted it.
// UNPAUSE ends every pause, and nobody can ask for how long one was meant to be. So it is
// sent only where the mayEnd of one of these guards says that no other can be there, or that
// the own one is too long for that; else the pause runs out.
func (c *Core) fenceRelease(now Instant, f *fence, g Guard, mayEnd bool) {
	f.holders, f.mayEnd = f.holders.without(g), f.mayEnd || mayEnd
	if f.holders == 0 && f.mayEnd && f.up && f.paused(now) && f.order.unpause == 0 && (f.refused == "" || now < f.until) {
		c.fenceUnpause(f)
	}
}

func (c *Core) fenceUnpause(f *fence) {
	f.order.unpause = c.fenceSend(f, Unpause{}, 0)
	f.surely = 0
}

// fenceDemote has the server follow the one at an address. Once it does, its pause is ended
// (see fenceRelease for mayEnd) so that paused clients are told that they have not written,
// and then they are disconnected and the role is saved. A server that follows that address
// already keeps its clients: somebody else has done all this.
func (c *Core) fenceDemote(now Instant, f *fence, to Addr, notAfter Instant, mayEnd bool) {
	f.order = demotion{at: now, mayEndPause: mayEnd || f.mayEnd || f.holders.has(IsolationFence)}
	f.order.seq = c.fenceSend(f, SlaveOf{Host: to.Shown(c.opts.AnnounceHostnames), Port: to.Port, Bare: true}, notAfter)
}

// demoting reports whether an order over this connection is under way.
func (f *fence) demoting() bool {
	o := &f.order
	return o.seq != 0 || o.obeyed && !o.finished && f.open()
}

// finishDemotion sends what follows an order that was obeyed, and returns when it goes on.
func (c *Core) finishDemotion(now Instant, f *fence) Instant {
	o := &f.order
	if !f.up || !o.obeyed || o.finished || o.unpause != 0 || o.last != 0 {
		return Never
	}
	switch {
	case o.killed:
		o.finished = true
	case f.paused(now) && o.mayEndPause && f.refused == "":
		o.mayEndPause = false
		c.fenceUnpause(f)
	case f.paused(now):
		if f.pauseSeq == 0 {
			return f.until // the clients that wait would be cut off without an answer
		}
	case o.already:
		o.finished = true
	default:
		o.killed = true
		c.fenceSend(f, KillClients{}, 0)
		c.fenceSend(f, KillClients{PubSub: true}, 0)
		o.last = c.fenceSend(f, RewriteConfig{}, 0)
	}
	return Never
}

// fenceInput takes an input that belongs to a fence, and reports whether it does.
func (c *Core) fenceInput(now Instant, in Input) bool {
	if len(c.fences) == 0 {
		return false
	}
	var f *fence
	switch in := in.(type) {
	case LinkUp:
		if f = c.fences[in.Conn]; f != nil {
			f.up, f.upAt = true, now
		}
	case LinkDown:
		if f = c.fences[in.Conn]; f != nil {
			if !f.up {
				f.m.noAnswer(f.at)
			}
			c.fenceLost(now, f)
		}
	case LinkTrouble:
		if c.fences[in.Conn] != nil {
			return true // the command connection has the same one, and tells of it
		}
	case InfoReply:
		if f = c.fences[in.Conn]; f != nil && f.infoSeq == in.Token.Seq {
			f.infoSeq = 0
			if in.Info != nil {
				f.info, f.infoAt = in.Info, now
				f.m.serves(now, f.at, in.Info)
				c.meets(f, in.Info.RunID)
			}
		}
	case SlaveOfReply:
		if f = c.fences[in.Conn]; f != nil && f.order.seq == in.Token.Seq {
			o := &f.order
			o.seq, o.obeyed, o.already, o.refused = 0, in.Refused == "", in.Already, in.Refused
		}
	case CommandDone:
		if f = c.fences[in.Conn]; f != nil {
			if c.fenceDone(now, f, in); f.leaving && f.order.unpause == 0 && f.holders == 0 {
				c.closeFence(now, f, false)
			}
		}
	}
	if f == nil {
		return false
	}
	c.touch(f.m)
	return true
}

// meets notes which process answers. A pause has ended with the process that was paused: what
// holds is what was told over this connection, or to nobody knows which process.
func (c *Core) meets(f *fence, process RunID) {
	if process == "" {
		return // a server that does not tell
	}
	if f.process != process && f.process != "" {
		f.until = max(f.here, f.loose)
		c.letHellosTo(f.server())
		if f.pauseSeq != 0 {
			c.holdHellosAt(f.server(), f.pausedAt.Add(f.pauseFor))
		}
		c.holdHellosAt(f.server(), f.until)
	}
	f.process = process
}

// meetsElsewhere does so by what the usual connection tells, when no fence is there to ask: a
// guard may have given the server up. What was asked before the last pause may be of the
// process before.
func (c *Core) meetsElsewhere(i *instance) {
	f := i.master.fenceAt(i.addr)
	if f == nil || f.open() || f.until == 0 || i.infoAsked <= max(f.dialedAt, f.pausedAt) {
		return
	}
	f.here = 0
	c.meets(f, i.info.RunID)
}

func (c *Core) fenceDone(now Instant, f *fence, in CommandDone) {
	switch in.Token.Seq {
	case 0:
	case f.pauseSeq:
		f.pauseSeq, f.refused = 0, in.Refused
		if in.Refused != "" {
			c.letHellosTo(f.server())
			c.holdHellosAt(f.server(), f.until)
		} else {
			f.here = max(f.here, now.Add(f.pauseFor))
			f.until = max(f.until, f.here)
			f.surely = max(f.surely, f.pausedAt.Add(f.pauseFor))
		}
	case f.order.unpause:
		f.order.unpause = 0
		if in.Refused == "" {
			f.until, f.here, f.loose, f.mayEnd = 0, 0, 0, false
			c.letHellosTo(f.server())
			if f.at.Same(f.m.addr) {
				f.m.lossFence.until = 0 // which that has ended as well: it is told anew
			}
		}
	case f.order.last:
		f.order.last = 0
	}
}

// cannotPause reports whether a pause was refused for good: the server is too old, or its
// ACL does not allow it.
func (f *fence) cannotPause() bool {
	return f.refused != "" && !strings.HasPrefix(f.refused, "BUSY")
}
