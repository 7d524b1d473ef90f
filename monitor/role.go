package monitor

import (
	"strings"
	"time"

	"github.com/gosentinel/sentinel/election"
)

// changeRole sends the role change to i: make it a replica of to, or promote it
// when to is the zero Addr. It never tells a server to follow itself, and reports
// false when nothing was sent.
func (c *Core) changeRole(now Instant, i *instance, to Addr) bool {
	cmd := SlaveOf{Host: to.Shown(c.opts.AnnounceHostnames), Port: to.Port}
	if !i.link.connected() || i.foreign {
		return false
	}
	if cmd.Host != "" {
		if ok, _ := c.mayFollow(now, i, to); !ok {
			return false
		}
	}
	i.slaveofLost, i.refusedAt = false, 0
	c.order(i, cmd)
	return true
}

func (c *Core) order(i *instance, cmd SlaveOf) {
	i.slaveofSeq = c.sendFor(i, cmd)
	i.orderSeq = i.slaveofSeq
	if cmd.Host == "" {
		i.master.orders++
	}
}

// slaveofReply handles the outcome of a role change. A server that refuses the
// transaction as a whole, for example because CLIENT is renamed or forbidden,
// gets the commands one by one: the role matters more than the rest.
func (c *Core) slaveofReply(now Instant, in SlaveOfReply) {
	l := c.replyOn(in.Conn)
	mem := c.members[in.Token.Instance]
	if l == nil || mem == nil || mem.base().link != l || mem.base().slaveofSeq != in.Token.Seq {
		return
	}
	i := mem.base()
	i.slaveofSeq = 0
	c.noteRefusal(now, mem, in.Refused)
	switch {
	case in.Already && i.kind == KindMaster && i.master.switchover.stage == demoting:
		// Two operators may hand over one master at the same time, on two sides of a
		// broken network. Who comes second must not promote, nor give the role back.
		i.refusedAt = now
		c.giveUp(now, i.master, "another Sentinel has taken the role of the master")
	case !in.Aborted:
		if in.Refused != "" {
			i.refusedAt = now
		}
	case c.tilt:
		// The reply waited while this process was stalled. Another leader may
		// have acted meanwhile, and repeating the order now could make a second
		// master. What is still wanted when TILT ends is ordered again then.
		i.slaveofLost = true
	default:
		to, ok := i.master.roleTarget(mem)
		if ok && to != (Addr{}) {
			ok, _ = c.mayFollow(now, i, to)
		}
		if !ok {
			i.refusedAt = now
			break
		}
		c.order(i, SlaveOf{Host: to.Shown(c.opts.AnnounceHostnames), Port: to.Port, Plain: true})
	}
	c.touch(i.master)
}

// noteRefusal notes how a server answered a role change; "" means that it obeys.
func (c *Core) noteRefusal(now Instant, mem member, refusal string) {
	i := mem.base()
	m := i.master
	if refusal != "" && refusal != i.slaveofError {
		c.log(LevelWarning, "Server "+c.shown(i.addr).String()+" refused a role change: "+refusal)
	}
	i.slaveofError = refusal
	if r, ok := mem.(*replica); !ok || r != m.promoted || !m.waitingForPromotion() {
		return
	}
	switch {
	case refusal == "":
		i.refusesUntil = 0
	case passing(refusal):
		m.orders--
	default:
		m.orders--
		i.refusesUntil = now.Add(2 * m.cfg.FailoverTimeout)
	}
}

// passing reports whether a refusal ends by itself: the server is loading, or a
// script keeps it busy.
func passing(refusal string) bool {
	return strings.HasPrefix(refusal, "LOADING") || strings.HasPrefix(refusal, "BUSY")
}

// While a failover waits for a server that refused a role change, it is told
// again after a pause: a short one when the refusal ends by itself, a longer one
// when a person has to end it.
const (
	retryPassing = 100 * time.Millisecond
	retryLasting = time.Second
)

// retryDue returns when a role change that was refused, or whose outcome was
// lost, may be sent again; Never while there is nothing to repeat.
func (i *instance) retryDue() Instant {
	switch {
	case i.slaveofSeq != 0:
		return Never
	case i.refusedAt != 0 && passing(i.slaveofError):
		return i.refusedAt.Add(retryPassing)
	case i.refusedAt != 0:
		return i.refusedAt.Add(retryLasting)
	case i.slaveofLost:
		return 0
	}
	return Never
}

// roleTarget returns the address that a server should follow now: the zero Addr when
// it is the replica to promote, or the master that gets its role back.
func (m *master) roleTarget(mem member) (Addr, bool) {
	r, ok := mem.(*replica)
	switch {
	case !ok && m.replacedOn != 0 && m.attempt.Published():
		return m.current(), true
	case !ok:
		return Addr{}, m.role == RoleReplica && m.attempt.Phase() == election.SelectReplica
	case r == m.promoted:
		return Addr{}, true
	case r.addr.Same(m.current()):
		return Addr{}, false
	}
	return m.current(), true
}
