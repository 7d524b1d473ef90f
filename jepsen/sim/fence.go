package sim

import (
	"slices"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// fenceDial is how often a former master that is gone is dialled here: it is the bulk of what
// happens in a run.
const fenceDial = 50 * time.Millisecond

// configMsg is the answer to the question for a config epoch, with when it was true.
type configMsg struct {
	reply  monitor.ConfigReply
	by     monitor.RunID
	master string
	at     Instant
}

// configKey names the word of a peer about a master.
type configKey struct {
	by     monitor.RunID
	master string
}

type configWord struct {
	epoch monitor.Epoch
	at    Instant
}

// confirmed notes the word of a peer, when the core hears it.
func (h *watch) confirmed(in monitor.ConfigReply) {
	m := h.words[in.Token.Seq]
	delete(h.words, in.Token.Seq)
	// Two that share an id may answer in either order.
	if key := (configKey{m.by, m.master}); m.reply.OK && m.at >= h.configs[key].at {
		h.configs[key] = configWord{m.reply.Epoch, m.at}
	}
}

// fenceOn is what a Sentinel does over one connection of a fence.
type fenceOn struct {
	pause time.Duration // that was told before the connection was up
	heard bool          // the server has said something there
	role  monitor.Role  // that it said last there

	heardAt Instant // when it did

	obeyed bool // it follows the server that it was told to follow there

	pauseSeq   uint64  // token of the last pause
	heldBefore Instant // until when the server was paused without that
	leftBefore leftPause
}

// returned is a process that was heard to take writes over a fence.
type returned struct {
	id    monitor.RunID
	since Instant // when it was heard to do so first; 0: it was not
}

// fenceUp notes that what was told before has arrived, or is about to.
func (h *watch) fenceUp(c *conn) {
	if c.fence.pause != 0 {
		h.pausedFor(c, c.fence.pause)
	}
}

// pausedFor notes a pause that has arrived, or is about to. The longest holds.
func (h *watch) pausedFor(c *conn, length time.Duration) {
	until := max(h.holds[c.addr], c.w.now.Add(length))
	c.fence.heldBefore, c.fence.leftBefore = h.holds[c.addr], h.left[c.addr]
	left := leftPause{until: max(until, h.left[c.addr].until)}
	if s, ok := c.server.(*server); ok {
		left.process = s.runID
	}
	h.holds[c.addr], h.left[c.addr] = until, left
}

// notPaused notes that a pause was refused. An earlier one may hold.
func (h *watch) notPaused(c *conn, r monitor.CommandDone) {
	if c.kind == fenceConn && r.Refused != "" && r.Token.Seq == c.fence.pauseSeq {
		h.holds[c.addr], h.left[c.addr] = c.fence.heldBefore, c.fence.leftBefore
	}
}

// leftPause is a pause that this process of a Sentinel, or one before it, has told and not
// ended.
type leftPause struct {
	process monitor.RunID // of the server; "": not known
	until   Instant
}

// mayHold reports whether a server may still be paused for all that its Sentinel knows, as
// nobody can ask for that.
func (h *watch) mayHold(s *server) bool {
	r := h.left[s.addr]
	return s.w.now < r.until && (r.process == "" || r.process == s.runID)
}

// recallsFences notes which masters may be paused by what this process is started from.
func (h *watch) recallsFences(n *node, s *monitor.State) {
	for _, m := range s.Masters {
		if m.Fenced != 0 {
			h.left[hostPort(m.Addr)] = leftPause{m.RunID, n.w.now.Add(max(time.Minute, 10*n.promiseLength(m.Name)))}
		}
	}
}

// fenceHeard notes what a server says over a fence. The master takes writes by right.
func (h *watch) fenceHeard(now Instant, c *conn, info *monitor.Info) {
	c.fence.heard, c.fence.heardAt, c.fence.role = true, now, info.Role
	if slices.ContainsFunc(h.probes, func(p monitor.MasterProbe) bool { return hostPort(p.Current) == c.addr }) {
		return
	}
	if last := h.returned[c.addr]; info.Role == monitor.RoleMaster && !info.Loading && (last.since == 0 || last.id != info.RunID) {
		h.returned[c.addr] = returned{info.RunID, now}
	}
}

// fenceEnds notes that a connection of a fence is lost, or given up: a server that has said
// nothing there was away, and may return.
func (h *watch) fenceEnds(c *conn) {
	if c.kind == fenceConn && !c.fence.heard {
		delete(h.returned, c.addr)
	}
}

// unheld notes that the own fence has ended its pause at a server.
func (h *watch) unheld(r monitor.CommandDone) {
	if at, ends := h.unholds[r.Token.Seq]; ends && r.Refused == "" {
		delete(h.holds, at)
		delete(h.left, at)
	}
	delete(h.unholds, r.Token.Seq)
}

// fences checks what leaves over a fence (Fence).
func (k *checker) fences(n *node, c *conn, s monitor.Send) {
	k.looked[Fence]++
	isolated := k.isolates(n, c, s)
	if _, ends := s.Cmd.(monitor.Unpause); ends {
		n.seen.unholds[s.Token.Seq] = c.addr
		return // also of a group that was removed just now
	}
	name, rightful := k.fencedGroup(n, s.Conn, c.addr)
	v, ok := n.core.Master(k.w.now, name)
	if !ok {
		k.fail(n.name, Fence, "%T was sent to %s, which was the master of no group", s.Cmd, c.addr)
		return
	}
	switch cmd := s.Cmd.(type) {
	case monitor.PauseWrites:
		if !isolated {
			k.holdsBack(n, c, &v, rightful, cmd)
		}
		c.fence.pauseSeq = s.Token.Seq
		if c.server == nil {
			c.fence.pause = cmd.For
		} else {
			n.seen.pausedFor(c, cmd.For)
		}
	case monitor.SlaveOf:
		to := monitor.HostPort{Host: cmd.Host, Port: cmd.Port}
		switch {
		case to != v.Addr || rightful || n.seen.roles[to] != monitor.RoleMaster:
			k.fail(n.name, Fence, "%s was told to follow %s, and the master is %s", c.addr, to, v.Addr)
		case itself(k.w, to, c.addr):
			k.fail(n.name, Itself, "%s was told to follow %s", c.addr, to)
		case !k.isConfirmed(n, &v):
			k.fail(n.name, Fence, "%s was told to follow %s by one that may have been cut off", c.addr, to)
		}
		n.seen.fenced[c.addr] = k.w.now
	case monitor.PublishHello, monitor.Ping:
		k.fail(n.name, Fence, "%T was sent to %s over a fence", cmd, c.addr)
	}
}

// holdsBack checks a pause: of a former master, or of the master after a cold start.
func (k *checker) holdsBack(n *node, c *conn, v *monitor.MasterView, rightful bool, cmd monitor.PauseWrites) {
	if tilt, _ := n.core.Tilt(k.w.now); tilt {
		k.fail(n.name, Fence, "%s was paused in TILT", c.addr)
	}
	longest, cold := 500*time.Millisecond, min(time.Second, v.DownAfter/2)
	switch {
	case n.seen.master(v.Name).movedAt == k.w.now: // it was paused before this step made it the master, or a former one
		if cmd.For > max(longest, cold) {
			k.fail(n.name, Fence, "%s was paused for %v", c.addr, cmd.For)
		}
	case rightful:
		if cmd.For > cold {
			k.fail(n.name, Fence, "the master %s was paused for %v", c.addr, cmd.For)
		}
	case cmd.For > longest:
		k.fail(n.name, Fence, "%s was paused for %v", c.addr, cmd.For)
	case k.heldTooLong(n, c.addr):
		k.fail(n.name, Fence, "%s was paused %v after it returned", c.addr, k.w.now.Sub(n.seen.returned[c.addr].since))
	case !k.isConfirmed(n, v):
		k.fail(n.name, Fence, "%s was paused by one that may have been cut off", c.addr)
	}
}

// heldTooLong reports whether a former master has taken writes for so long that it is not paused
// any more. A Sentinel that takes it for down meanwhile may wait there for the end of another
// one's pause.
func (k *checker) heldTooLong(n *node, at monitor.HostPort) bool {
	r := n.seen.returned[at]
	return r.since != 0 && k.w.now > r.since.Add(11*time.Second)
}

// fencedGroup returns the group for which a server is fenced: it was the master of that, or is
// a master. A Sentinel may know of that from others.
func (k *checker) fencedGroup(n *node, on monitor.ConnID, at monitor.HostPort) (name string, rightful bool) {
	for _, p := range n.seen.probes {
		if v, ok := n.core.Master(k.w.now, p.Name); ok && v.Addr == at {
			return p.Name, true
		}
		// An address that has passed from one group to another may have been that of both
		// masters. The Sentinel may have closed the connection since.
		was := k.former[formerMaster{p.Name, at}]
		if m := n.seen.master(p.Name); m.movedFrom == at && max(m.movedAt, m.switchedAt) == k.w.now {
			was = true // what this turn has sent before may be about it as the master
		}
		if of := n.core.FencedFor(on); was && (of == "" || of == p.Name) {
			name = p.Name
		}
	}
	return name, false
}

// isConfirmed reports whether a majority said within down-after what this Sentinel believes,
// or believed when the turn began in which it acts. Of two that share an id, either may have
// said it.
func (k *checker) isConfirmed(n *node, v *monitor.MasterView) bool {
	peers, _ := n.core.Sentinels(k.w.now, v.Name)
	voters := 1 + len(peers) + v.Unreachable
	if k.confirms(n, v, peers, v.ConfigEpoch, voters) || k.tainted != "" {
		return true
	}
	m := n.seen.master(v.Name)
	return m.turnedAt == k.w.now && k.confirms(n, v, peers, m.epochWas, m.votersWas)
}

func (k *checker) confirms(n *node, v *monitor.MasterView, peers []monitor.SentinelView, epoch monitor.Epoch, voters int) bool {
	votes := 1
	for _, p := range peers {
		word := n.seen.configs[configKey{p.RunID, v.Name}]
		if word.epoch == epoch && word.at != 0 && k.w.now.Sub(word.at) <= v.DownAfter {
			votes++
		}
	}
	return votes > voters/2
}

// formerMaster is a server that some Sentinel has replaced.
type formerMaster struct {
	master string
	at     monitor.HostPort
}

// holdsOne checks that no server is promoted that may be paused by the own fence.
func (k *checker) holdsOne(n *node, at monitor.HostPort) {
	until, ok := n.seen.holds[at]
	if s, server := k.w.net.listeners[at].(*server); server && n.seen.left[at].process != "" && n.seen.left[at].process != s.runID {
		return // another process was paused
	}
	if ok && k.w.now < until {
		k.fail(n.name, Fence, "%s is promoted while it is paused until %v", at, until.Sub(origin))
	}
}

// turn notes a change of the configuration. A turn may have several: what is done in it may be
// because of what was believed when it began.
func (m *masterWatch) turn(now Instant, was, is *monitor.MasterProbe) {
	if (was.ConfigEpoch != is.ConfigEpoch || was.Voters != is.Voters) && m.turnedAt != now {
		m.turnedAt, m.epochWas, m.votersWas = now, was.ConfigEpoch, was.Voters
	}
	if was.Current != is.Current {
		if m.movedAt != now {
			m.movedFrom = hostPort(was.Current)
		}
		m.movedAt = now
	}
	if was.Promoted != is.Promoted {
		m.switchedAt = now
	}
}
