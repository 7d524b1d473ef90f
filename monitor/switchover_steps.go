package monitor

import (
	"strings"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
)

// The steps of a switchover between the election and the promotion. Each sends
// what it has to send and returns; the answers are noted as they arrive, and the
// next step looks at them. Nothing is decided in TILT, where no step runs.

// handOver goes on as far as the answers allow.
func (c *Core) handOver(now Instant, m *master) Instant {
	s, r := &m.switchover, m.promoted
	if s.stage == electing {
		if !m.link.connected() || !r.link.connected() {
			c.giveUp(now, m, "a link is down")
			return Never
		}
		c.pauseWrites(now, m)
	}
	if m.link.cmd.id != s.old || r.link.cmd.id != s.new || !m.link.connected() || !r.link.connected() {
		c.giveUp(now, m, "the connection to the master or to the replica was lost")
		return Never
	}
	due := min(s.deadline, s.pause.begun.Add(c.stepTime(s)))
	if now >= due {
		c.giveUp(now, m, s.stage.late())
		return Never
	}
	switch s.stage {
	case pausing:
		if !s.answered() {
			return due
		}
		if why := m.notPaused(); why != "" {
			c.giveUp(now, m, why)
			return Never
		}
		s.history, s.end, s.poll = m.info.ReplID, m.info.MasterOffset, poll{}
		c.enterStage(m, catchingUp)
		fallthrough
	case catchingUp:
		if s.pause.asked() && !r.data().Has(s.history, s.end) {
			return min(due, c.pollServer(now, &r.instance, &s.poll))
		}
		c.demote(m)
		return due
	case demoting:
		if !s.answered() {
			return due
		}
		if why := m.notDemoted(s.history); why != "" {
			c.giveUp(now, m, why)
			return Never
		}
		s.end, s.poll, s.proof = max(s.end, m.info.MasterOffset, m.info.Offset), poll{}, c.lastSeq
		c.enterStage(m, settling)
		fallthrough
	case settling:
		if why := m.notDemoted(s.history); why != "" {
			c.giveUp(now, m, why)
			return Never
		}
		// What the target said before is not enough: it may have been told to follow
		// another server since.
		if r.infoSeq <= s.proof || r.role != RoleReplica || !r.data().Has(s.history, s.end) {
			return min(due, c.pollServer(now, &r.instance, &s.poll))
		}
		c.promoteTarget(now, m)
	}
	return Never
}

// answered reports whether the last command to the master is answered, and the
// INFO after it.
func (s *switchover) answered() bool { return s.pause.seq == 0 && s.confirm == 0 }

// notPaused says why what answered the pause is not the master that was meant; ""
// when it is.
func (m *master) notPaused() string {
	if info := m.info; info.Role != RoleMaster || info.ReplID == "" {
		return "the master says that it is something else"
	}
	return m.handing()
}

// stepTime is how long the steps up to the promotion may take together.
func (c *Core) stepTime(s *switchover) time.Duration {
	if s.pause.length < minPause {
		return minPause * 4 / 5
	}
	return s.pause.length * 4 / 5
}

// late says what has taken too long.
func (s stage) late() string {
	switch s {
	case pausing:
		return "the master did not answer in time"
	case demoting:
		return "the master did not obey in time"
	}
	return "the replica did not apply the rest in time"
}

func (c *Core) giveUp(now Instant, m *master, why string) {
	c.endSwitchover(now, m, event.FailoverAbortReplicaTimeout{Instance: c.ref(&m.instance)}, why)
}

// pauseWrites is the first command to the master. Where it has no such pause, or
// must not be paused, the steps go on without: the role change ends the writes,
// and the target catches up after it.
func (c *Core) pauseWrites(now Instant, m *master) {
	s := &m.switchover
	s.old, s.new = m.link.cmd.id, m.promoted.link.cmd.id
	c.enterStage(m, pausing)
	s.pause.begun = now
	switch {
	case m.info.Modules:
		s.pause.refused = "modules are loaded, and some crash under a pause"
	case s.pause.length < minPause:
		s.pause.refused = "down-after-milliseconds is too small for a pause"
	default:
		s.pause.seq = c.sendOrder(&m.instance, PauseWrites{For: s.pause.length}, now.Add(c.stepTime(s)))
		c.holdHellos(&m.instance, now.Add(2*s.pause.length))
	}
	s.confirm = c.sendFor(&m.instance, InfoRequest{})
}

// demote makes the master a replica of nobody: from here on it takes no write, and
// sends no more to its replicas than it has. It keeps its data, its backlog and its
// replicas.
func (c *Core) demote(m *master) {
	s := &m.switchover
	c.enterStage(m, demoting)
	m.slaveofLost, m.refusedAt = false, 0
	m.slaveofSeq = c.sendOrder(&m.instance, SlaveOf{Host: nobody.Host, Port: nobody.Port, Bare: true}, s.deadline)
	s.confirm = c.sendFor(&m.instance, InfoRequest{})
}

// nobody is an address at which nothing can be reached, on any machine: no server
// listens at port 0. At the own address of the master another server might answer,
// and over TLS a server that connects to itself hangs for seconds: it waits for an
// answer that only it can give.
var nobody = HostPort{Host: "127.0.0.1", Port: 0}

// followsNobody reports whether a server says that it is a replica of nobody, as a
// switchover leaves it, or of itself.
func (i *instance) followsNobody() bool {
	info := i.info
	if info == nil || info.Role != RoleReplica || !info.HasMasterHost || !info.HasMasterPort || i.role != RoleReplica {
		return false
	}
	if isLoopback(info.MasterHost) && (info.MasterPort == nobody.Port || info.TCPPort != 0) {
		return info.MasterPort == nobody.Port || info.MasterPort == info.TCPPort && !otherLoopback(info.MasterHost, i.addr.IP)
	}
	return info.MasterPort == i.addr.Port && (info.MasterHost == i.addr.IP || strings.EqualFold(info.MasterHost, i.addr.Host))
}

func (c *Core) promoteTarget(now Instant, m *master) {
	s, r := &m.switchover, m.promoted
	c.enterStage(m, promoting)
	r.slaveofLost, r.refusedAt = false, 0
	r.slaveofSeq = c.sendOrder(&r.instance, SlaveOf{Bare: true}, s.deadline)
	m.orders++
	m.attempt.Advance(election.WaitPromotion, now)
	c.emit(&r.instance, event.FailoverStateWaitPromotion{Instance: c.ref(&r.instance)})
	r.infoPending = false // a reply in flight may be from before the promotion
	c.requestInfo(now, &r.instance)
}

// awaitTarget waits until the role of the target is known. There is no way back: a
// target that may have obeyed is never passed over for another. One that is not a
// master is left, with the old one, to whoever takes over.
func (c *Core) awaitTarget(now Instant, m *master) Instant {
	s, r := &m.switchover, m.promoted
	refused, same := m.orders == 0, r.link.connected() && r.link.cmd.id == s.new
	switch {
	case now < s.deadline && same && refused && passing(r.slaveofError):
		if due := r.retryDue(); now < due {
			return min(due, s.deadline)
		}
		r.refusedAt = 0
		r.slaveofSeq = c.sendOrder(&r.instance, SlaveOf{Bare: true}, s.deadline)
		m.orders++
		c.wake(&r.instance)
		return s.deadline
	case refused:
		c.giveUp(now, m, "the replica refused to be promoted: "+r.slaveofError)
		return Never
	case r.has(FlagSDown):
		c.giveUp(now, m, "the replica went down while it was promoted")
		return Never
	case now < s.deadline:
		return s.deadline
	case r.link.connected() && r.role == RoleReplica && r.infoRefresh > s.deadline:
		c.giveUp(now, m, "the replica was not promoted in time")
		return Never
	}
	if due := m.attempt.PromotionDeadline(m.cfg.FailoverTimeout); now < due {
		return due
	}
	c.giveUp(now, m, "the replica does not say whether it was promoted")
	return Never
}

// commandDone takes the answer to a command that a switchover waits for, that pauses a
// master, or that passes a pause of failovers on.
func (c *Core) commandDone(in CommandDone) {
	l := c.replyOn(in.Conn)
	mem := c.members[in.Token.Instance]
	if l == nil || mem == nil || mem.base().link != l {
		return
	}
	if p, ok := mem.(*peer); ok {
		c.pausePassed(p, in)
		c.forgetPassed(p, in)
		return
	}
	m := mem.base().master
	if mem.base() == &m.instance && m.lossFence.seq != 0 && in.Token.Seq == m.lossFence.seq {
		c.lossPaused(c.now, m, in.Refused)
		c.touch(m)
		return
	}
	if m.switchover.active() {
		c.switchoverDone(m, mem.base(), in.Token.Seq, in.Refused)
	}
}

// switchoverDone notes the answer to a command of a switchover.
func (c *Core) switchoverDone(m *master, i *instance, seq uint64, refused string) {
	s := &m.switchover
	switch seq {
	case 0:
		return
	case s.pause.seq:
		s.pause.seq, s.pause.refused = 0, refused
		c.holdHellos(i, c.now.Add(s.pause.length))
		if refused != "" {
			c.holdHellos(i, 0)
			c.degraded(i, "writes cannot be paused", refused)
		}
	case s.retired.unpause:
		s.retired.unpause = 0
		if refused != "" { // it lasts as long as it was meant to
			c.degraded(i, "writes stay paused for some time", refused)
			break
		}
		c.holdHellos(i, 0)
		c.wake(i)
	case s.retired.old.seq:
		c.roleSaved(c.now, i, &s.retired.old, refused)
	case s.retired.new.seq:
		c.roleSaved(c.now, i, &s.retired.new, refused)
	case s.retired.kill:
		if refused != "" {
			c.degraded(i, "clients cannot be disconnected, and see READONLY", refused)
		}
	}
	c.touch(m)
}

// degraded says what a switchover has to do without. A missing right is named, so
// that an operator can grant it.
func (c *Core) degraded(i *instance, what, refused string) {
	c.emit(i, event.SwitchoverDegraded{Instance: c.ref(i), Reason: what + ": " + refused})
}

// switchoverInfo notes an answer to INFO. Where that was refused, what waits for it
// gives up in time.
func (c *Core) switchoverInfo(m *master, i *instance, seq uint64) {
	s := &m.switchover
	switch {
	case !s.active():
		return
	case seq == s.poll.seq:
		s.poll.seq = 0
	case i == &m.instance && seq == s.probe.seq:
		s.probe.history, s.probe.offset = i.info.ReplID, i.info.MasterOffset
	case i == &m.instance && seq == s.confirm:
		s.confirm = 0
	}
}

// unproved says why a replica that says that it is a master is not the one that a
// switchover wants: it may have been restarted since it was told, as a master
// without data. "" when nothing speaks against it.
func (m *master) unproved(r *replica) string {
	if s := &m.switchover; s.history != "" && !r.data().Has(s.history, s.end) {
		return "the replica is a master, and does not have all that the old one has"
	}
	return ""
}

// notDemoted says what is wrong with a master that was made a replica of nobody;
// "" when nothing is. A server that answers in its place would replace its data.
func (m *master) notDemoted(history string) string {
	switch info := m.info; {
	case info.Role != RoleReplica:
		return "the master refused to become a replica of nobody: " + m.slaveofError
	case info.MasterLinkUp, info.Syncing:
		return "the master found a server to follow"
	case info.ReplID != history:
		return "the replication id of the master changed"
	case !m.followsNobody():
		return "the master follows another server"
	}
	return ""
}
