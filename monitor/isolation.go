package monitor

import (
	"slices"
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
)

// The isolation fence pauses the writes of a master that others may be replacing: where
// this Sentinel reaches the master and has no valid promises (promise.go) of a majority.
// What clients on this side of a broken network write would be lost (state-machine.md
// §6.16, Isolation fence).

// isolation is the fence of one master. The zero value: nothing is known, and nothing is
// fenced.
type isolation struct {
	since  Instant // from when the master is reached and the others are asked; 0: not now
	guards Instant // from when the master must be paused where no promises hold; 0: it need not
	held   bool    // a majority has promised about this address before
	wanted Instant // when a candidate last asked for the vote that this Sentinel withheld; 0: none did
	first  Instant // and when it asked first
	unable string  // why the master cannot be paused; "": nothing is known against it

	fencedAt Instant // when the pause was first told; 0: there is no fence
	at       Addr    // of the server that is paused
	voters   int     // how many Sentinels there were then: forgetting some makes no majority
	ready    bool    // a connection to it was opened before it is needed
	lifting  Instant // when the end of the pause was told; 0: it was not
	why      string

	restarted Instant // what servers were asked until then tells nothing; 0: all counts
}

func (v *isolation) fenced() bool { return v.fencedAt != 0 }

const (
	// minFence is the least length of a pause. A Sentinel that stands still does not renew
	// it: a short one would let writes in while others promote.
	minFence = time.Minute
	// fenceRedial is the gap between attempts to connect for a fence.
	fenceRedial = 20 * time.Millisecond
)

// fenceMargin is how long before the end of the promises a master is paused: clocks differ
// in rate, and the pause has to get there.
func (m *master) fenceMargin() time.Duration {
	length := m.promiseLength()
	return min(length/5+2*m.link.roundTrip, length/2)
}

// fenceLength is how long a pause lasts that is not renewed.
func (m *master) fenceLength() time.Duration { return max(10*m.promiseLength(), minFence) }

// keepFenced does what the fence of m needs now and returns when it is to be looked at
// again. In TILT no fence is begun, and one that stands is kept.
func (c *Core) keepFenced(now Instant, m *master) Instant {
	v := &m.isolation
	if v.fenced() && m.switchover.active() {
		return Never // whose pause this is now; its end comes back here
	}
	if v.fenced() && !v.at.Same(m.addr) {
		return c.keepReplacedFenced(now, m)
	}
	mode := c.guardMode(m, IsolationFence)
	switch {
	case v.fenced() && mode != GuardOn:
		return c.liftFence(now, m, "an operator has turned the guard off")
	case v.fenced():
	case mode == GuardOff || !c.mayIsolate(m):
		v.since, v.guards, v.held = 0, 0, false
		return c.closeUnused(now, m)
	case c.tilt || !c.reachesMaster(now, m):
		v.since, v.guards = 0, 0
		return c.closeUnused(now, m)
	}
	if v.since == 0 {
		v.since = now
	}
	next := c.askPromises(now, m, m.promiseLength())
	if v.fenced() {
		if c.hasMajority(now, m, v.fencedAt) {
			return min(next, c.liftFence(now, m, "a majority of Sentinels has promised anew, and none knows a later configuration"))
		}
		v.lifting = 0
		return min(next, c.driveFence(now, m))
	}
	return min(next, c.awaitIsolation(now, m, mode))
}

// keepReplacedFenced keeps a former master paused until it follows the new one: the return
// fence sees to that, or the usual correction of a replica that says master.
func (c *Core) keepReplacedFenced(now Instant, m *master) Instant {
	v := &m.isolation
	f := m.fenceAt(v.at)
	switch {
	case f == nil || m.replicaAt(v.at) == nil:
	case m.attempt.Phase() > election.WaitStart:
		// The new one is gone, and the old one may be the only server that can take its place.
		// No replica is promoted that may be paused: who leads and goes on pausing it has the
		// group without a master for good. Before the election that would let a master write
		// that is still cut off, from where its successor always seems to be down.
		return c.liftFence(now, m, "this Sentinel leads a failover of its successor")
	case f.demoting():
		if due := f.order.at.Add(returnSilence); now < due {
			return due // what it answers wakes m sooner
		}
		c.closeFence(now, f, true) // the pause is ended over another connection
	case !f.order.obeyed && v.lifting == 0:
		return c.driveFence(now, m)
	}
	return c.liftFence(now, m, "another server is the master")
}

// mayIsolate reports whether others can replace the master without this Sentinel, and it
// is for this one to prevent writes meanwhile. That is the Sentinel beside the master: on
// the same host it is cut off together with it. Where none is, all guard that reach it.
func (c *Core) mayIsolate(m *master) bool {
	if m.voters() < 3 || m.cfg.Quorum < 2 || len(m.replicas) == 0 || m.info != nil && m.info.Modules {
		return false
	}
	if cn := &m.link.cmd; cn.localIP != "" && cn.localIP == cn.ip {
		return true
	}
	return !slices.ContainsFunc(m.peers, func(p *peer) bool { return p.addr.IP != "" && p.addr.IP == m.addr.IP })
}

// reachesMaster reports whether m answers here, as a master. One that is silent for long
// may be down: no promise must put its failover off.
func (c *Core) reachesMaster(now Instant, m *master) bool {
	l := m.link
	return l.connected() && l.lastAvail >= l.cmd.upAt && !m.has(FlagSDown) && m.role == RoleMaster && m.infoRefresh != 0 &&
		!m.attempt.InProgress() && !m.switchover.active() &&
		(l.unansweredSince == 0 || now < l.unansweredSince.Add(m.promiseLength()/2))
}

// promisedUntil returns when the promises of a majority end, this Sentinel included, and by how
// much before that something is to be done; 0 when no majority has given any.
func (c *Core) promisedUntil(now Instant, m *master, margin time.Duration) Instant {
	var room [8]Instant
	ends := room[:0]
	if c.promisesItself(now, m) {
		ends = append(ends, Never)
	}
	for _, p := range m.peers {
		if c.pledgeCounts(m, p) {
			ends = append(ends, p.pledge.ends(margin))
		}
	}
	needed := majority(m.voters())
	if len(ends) < needed {
		return 0
	}
	slices.Sort(ends)
	return ends[len(ends)-needed]
}

func majority(voters int) int { return voters/2 + 1 }

// promisesItself reports whether this Sentinel counts for itself: it withholds no vote that
// a candidate wants, and the one that it gave last has led to nothing.
func (c *Core) promisesItself(now Instant, m *master) bool {
	v := &m.isolation
	return !v.isWanted(now, c) && !m.attempt.InProgress() && (!c.votePending(now, m) || c.settled(m, m.ledger.For, m.voted.at))
}

// hasMajority reports whether promises of a majority hold for which it was asked after an
// instant, and for longer than would have the master paused again at once.
func (c *Core) hasMajority(now Instant, m *master, after Instant) bool {
	n := 0
	if c.promisesItself(now, m) {
		n++
	}
	for _, p := range m.peers {
		if c.pledgeCounts(m, p) && p.pledge.from > after && p.pledge.ends(m.fenceMargin()) > now {
			n++
		}
	}
	// Whom a RESET has forgotten counts on, unless all that are known by now say so, and are not
	// this one alone: an operator who resets them all after others are gone for good has no other
	// way to say that.
	return n >= majority(max(m.voters(), m.isolation.voters)) || n == m.voters() && n > 1
}

// awaitIsolation begins the fence when the promises are about to end.
func (c *Core) awaitIsolation(now Instant, m *master, mode GuardMode) Instant {
	v := &m.isolation
	if c.promisedUntil(now, m, 0) > now {
		v.held = true
	}
	if !v.held || v.unable != "" {
		v.guards = 0
		return Never // it never rested on promises, or can do nothing
	}
	length := m.promiseLength()
	// The answers of a majority take a moment when the master was just reached again.
	first := v.since.Add(length / 2)
	if v.guards = 0; mode == GuardOn {
		v.guards = first
	}
	due := max(c.promisedUntil(now, m, m.fenceMargin()), first)
	prepare := due.Add(-3 * length / 10)
	if now < prepare {
		c.guardOver(&m.instance, IsolationFence)
		v.why = ""
		return min(prepare, c.closeUnused(now, m))
	}
	next := c.watchReplicas(now, m, length/4)
	if mode == GuardOn {
		next = min(next, c.prepareFence(now, m))
	}
	if now < due {
		return min(next, due)
	}
	if seen := c.replicasSeen(m); now < seen.Add(length/2) && !v.isWanted(now, c) {
		return min(next, seen.Add(length/2)) // nobody has been promoted
	}
	if f := m.fenceAt(m.addr); f != nil && f.info != nil && f.info.Role == RoleReplica {
		return next // which the other connection is about to tell too
	}
	if v.why == "" {
		v.why = c.whyIsolated(now, m)
	}
	if !c.guards(&m.instance, IsolationFence, "pause its writes", v.why) {
		return next
	}
	v.fencedAt, v.at, v.voters = now, m.addr, m.voters()
	m.outdated()
	c.changed()
	return min(next, c.driveFence(now, m))
}

// isWanted reports whether a candidate lately wanted the vote of this Sentinel.
func (v *isolation) isWanted(now Instant, c *Core) bool {
	return v.wanted != 0 && now < v.wanted.Add(2*c.tun.AskPeriod)
}

// whyIsolated says what the fence is for.
func (c *Core) whyIsolated(now Instant, m *master) string {
	have, loose := 0, 0
	if c.promisesItself(now, m) {
		have++
	}
	for _, p := range m.peers {
		if c.pledgeCounts(m, p) && p.pledge.ends(m.fenceMargin()) > now {
			have++
		}
		if !p.pledge.binds {
			loose++
		}
	}
	why := "only " + strconv.Itoa(have) + " of " + strconv.Itoa(m.voters()) + " Sentinels have said lately that they do not replace it, and " +
		strconv.Itoa(majority(m.voters())) + " are a majority"
	if m.isolation.isWanted(now, c) {
		why += "; another one asks for votes"
	}
	if loose > 0 {
		why += "; a heuristic, as " + strconv.Itoa(loose) + " make no promises"
	}
	return why
}

// watchReplicas asks all replicas for INFO, each again after a gap, and the master for new
// replicas.
func (c *Core) watchReplicas(now Instant, m *master, gap time.Duration) Instant {
	next := Never
	m.eachServer(func(i *instance) {
		if !i.link.connected() || i.infoPending {
			return
		}
		if due := i.infoSent.Add(gap); now < due {
			next = min(next, due)
			return
		}
		c.requestInfo(now, i)
		next = min(next, now.Add(gap))
	})
	return next
}

// replicasSeen returns when the last of all replicas that may be promoted was seen to
// follow m; 0 when one was not. As long as all are seen, none is promoted: that a majority of
// Sentinels is away is no reason to stop a master then.
func (c *Core) replicasSeen(m *master) Instant {
	seen, any := Never, false
	for _, r := range m.replicas {
		if r.priority == 0 && r.infoRefresh != 0 {
			continue
		}
		if r.infoRefresh == 0 || r.infoAsked <= m.isolation.restarted || r.role != RoleReplica || !r.masterLinkUp || !c.follows(r, m.addr) || !r.link.connected() {
			return 0
		}
		seen, any = min(seen, r.infoAsked), true
	}
	if !any {
		return 0
	}
	return seen
}

// prepareFence has a connection ready before it is needed.
func (c *Core) prepareFence(now Instant, m *master) Instant {
	f := c.fenceFor(m, m.addr)
	length := m.promiseLength()
	due := f.infoSent.Add(length / 2)
	switch {
	case !f.open():
		if due := c.fenceDue(now, f, fenceRedial); now < due {
			return due
		}
		m.isolation.ready = true
		c.dialFence(now, f)
		c.fenceInfo(now, f)
	case !f.up:
	case now < due:
		return due
	case f.infoSeq != 0:
		c.closeFence(now, f, true) // it does not answer
		return now.Add(time.Millisecond)
	default:
		c.fenceInfo(now, f)
		return now.Add(length / 2)
	}
	return c.fenceTimeout(now, f)
}

// closeUnused closes a connection that was ready and is not needed.
func (c *Core) closeUnused(now Instant, m *master) Instant {
	if f := m.fenceAt(m.addr); f != nil && m.isolation.ready {
		c.leaveFence(now, f, IsolationFence, false)
	}
	m.isolation.ready = false
	return Never
}

// driveFence pauses the server and renews that, again over a new connection when one is
// lost. A replica is not paused, as its stream would wait too. Who has made it one has closed
// this connection, so that each new one asks first.
func (c *Core) driveFence(now Instant, m *master) Instant {
	v := &m.isolation
	f := c.fenceFor(m, v.at)
	length, pause := m.promiseLength(), m.fenceLength()
	if f.info != nil && f.info.Role == RoleReplica || m.isReplicaAt(v.at) {
		return c.liftFence(now, m, "it is a replica")
	}
	if !f.open() {
		if due := c.fenceDue(now, f, fenceRedial); now < due {
			return due
		}
		c.dialFence(now, f)
		c.fenceInfo(now, f)
		return c.fenceTimeout(now, f)
	}
	switch {
	case !f.up:
		return c.fenceTimeout(now, f)
	case f.pauseSeq == 0 && f.cannotPause():
		c.cannotFence(now, m, f.refused)
		return Never
	case f.info != nil && f.pauseSeq == 0 && !m.isHeld(now, f):
		if due := f.pausedAt.Add(fenceRedial); f.refused != "" && now < due {
			return due // a script runs there
		}
		c.fencePause(now, f, IsolationFence, pause, 0)
		return now.Add(length / 2)
	}
	due := max(f.pausedAt, f.infoSent).Add(length / 2)
	switch {
	case now < due:
		return due
	case f.infoSeq != 0 || f.pauseSeq != 0:
		c.closeFence(now, f, true) // it does not answer
		return now.Add(time.Millisecond)
	case f.infoAt <= f.pausedAt:
		c.fenceInfo(now, f)
	default:
		c.fencePause(now, f, IsolationFence, pause, 0)
	}
	return now.Add(length / 2)
}

// isHeld reports whether a pause of this guard surely holds: those of others are shorter.
func (m *master) isHeld(now Instant, f *fence) bool { return f.surely >= now.Add(m.fenceLength()/2) }

// isReplicaAt reports whether the server at an address has said over its usual connection
// that it is a replica.
func (m *master) isReplicaAt(at Addr) bool {
	i := &m.instance
	if r := m.replicaAt(at); r != nil {
		i = &r.instance
	} else if !m.addr.Same(at) {
		return false
	}
	return i.infoRefresh != 0 && i.role == RoleReplica
}

// cannotFence gives up: the guard does what a Sentinel without it does.
func (c *Core) cannotFence(now Instant, m *master, refused string) {
	c.log(LevelWarning, "The writes of '"+m.cfg.Name+"' cannot be paused: "+refused+
		". It needs Redis 6.2 or later, and the rights +client|pause and +client|unpause")
	c.emit(&m.instance, event.GuardEnds{Instance: c.ref(&m.instance), Guard: IsolationFence.String(), Action: "cannot pause its writes", Reason: refused})
	c.forgetFence(now, m)
	m.isolation.unable = refused
}

// liftFence ends the pause that was set and, when that is done, the fence. Where another
// guard holds the server back too, that goes first.
func (c *Core) liftFence(now Instant, m *master, why string) Instant {
	v := &m.isolation
	f := m.fenceAt(v.at)
	gap := max(m.promiseLength(), fenceDialTimeout)
	switch {
	case f == nil || !f.paused(now):
		c.emit(&m.instance, event.GuardEnds{Instance: c.ref(&m.instance), Guard: IsolationFence.String(),
			Action: "ends the pause of " + c.shown(v.at).String() + " after " + now.Sub(v.fencedAt).Round(time.Millisecond).String(), Reason: why})
		c.forgetFence(now, m)
		if f != nil && f.info != nil && f.info.Role == RoleReplica {
			v.since = 0 // the other connection is about to tell that too
		}
		c.touch(m)
		return Never
	case f.holders.without(IsolationFence) != 0:
		return f.until // or sooner: what another guard does about the server wakes m
	case !f.open():
		if due := c.fenceDue(now, f, fenceRedial); now < due {
			return due
		}
		c.dialFence(now, f)
		c.fenceInfo(now, f)
		v.lifting = 0
		return c.fenceTimeout(now, f)
	case !f.up:
		return c.fenceTimeout(now, f)
	}
	due := f.pausedAt.Add(gap) // its answer wakes m sooner
	if f.pauseSeq == 0 {
		if v.lifting == 0 {
			v.lifting = now
			c.fenceRelease(now, f, IsolationFence, true)
		}
		due = v.lifting.Add(gap)
	}
	if now >= due {
		c.closeFence(now, f, true) // it does not answer
		return now.Add(time.Millisecond)
	}
	return due
}

// forgetFence leaves the server, and forgets that it was paused.
func (c *Core) forgetFence(now Instant, m *master) {
	v := &m.isolation
	if f := m.fenceAt(v.at); f != nil {
		c.leaveFence(now, f, IsolationFence, f.paused(now))
		if !f.paused(now) {
			c.letHellosTo(f.server()) // of a pause that was told and has not arrived
		}
	}
	c.guardOver(&m.instance, IsolationFence)
	*v = isolation{since: v.since, held: v.held, restarted: v.restarted}
	m.outdated()
	c.changed()
}

// loses notes that one who was a Sentinel when the pause began is none any more: an operator said
// so, or another one is in its place. A majority of the others must be able to end the pause.
func (v *isolation) loses() {
	if v.voters > 1 {
		v.voters--
	}
}

// saved is what is saved of the fence of a master at an address.
func (v *isolation) saved(at Addr) int {
	if !v.fenced() || !v.at.Same(at) {
		return 0
	}
	return v.voters
}

// recallFence takes up a fence that this Sentinel had set before it was started. Its pause
// may hold or be over; it is, if the process was another one.
func (c *Core) recallFence(now Instant, m *master, ms *MasterState) {
	if ms.Fenced == 0 {
		return
	}
	m.isolation = isolation{held: true, fencedAt: now, at: m.addr, voters: ms.Fenced, why: "it was paused before this Sentinel was started"}
	f := c.fenceFor(m, m.addr)
	f.until, f.process, f.holders = now.Add(m.fenceLength()), ms.RunID, f.holders.with(IsolationFence)
	c.holdHellosAt(f.server(), f.until)
}

// leaveIsolated ends the pause of a master that is removed. A fence that has just lost its
// connection cannot end it, and will not be there when the next one is up: then the command
// connection does.
func (c *Core) leaveIsolated(now Instant, m *master) {
	f := m.fenceAt(m.isolation.at)
	if !m.isolation.fenced() || f == nil {
		return
	}
	if i := m.serverAt(f.at); !f.up && f.paused(now) && i != nil && i.link.connected() {
		c.sendOrder(i, Unpause{}, 0)
		f.until = 0
	}
	c.fenceRelease(now, f, IsolationFence, true)
	if !f.paused(now) || f.order.unpause != 0 {
		c.letHellosTo(f.server())
	}
}

// forgetIsolation forgets what was known of promises when the address of m has changed, or
// all that was known of the others was dropped. A fence stays.
func (c *Core) forgetIsolation(m *master) {
	v := &m.isolation
	*v = isolation{fencedAt: v.fencedAt, at: v.at, voters: v.voters, lifting: v.lifting, why: v.why}
	c.dropPledges(m)
}

// restartIsolation is for a clock that stood still, for a time that it does not know: promises
// have ended meanwhile, pauses may have, and a replica that followed may be a master. A master
// for which there were promises is paused, until they are given anew.
func (c *Core) restartIsolation(m *master) {
	for _, f := range m.fences {
		f.surely = 0
	}
	c.dropPledges(m)
}

// dropPledges forgets what was heard of others. Answers that are under way tell nothing either.
func (c *Core) dropPledges(m *master) {
	for _, p := range m.peers {
		g := &p.pledge
		*g = pledge{seq: g.seq, plain: g.plain, binds: g.binds}
	}
	m.isolation.restarted = c.now
	c.touch(m)
}

// mustFenceFirst reports whether a vote has to wait: this Sentinel reaches the master, and
// pauses it before it helps to replace it. One that cannot be paused in the time of a
// promise holds nobody up.
func (c *Core) mustFenceFirst(now Instant, m *master, in Ask) bool {
	v := &m.isolation
	if in.Epoch <= m.ledger.Epoch || in.Lease != 0 || !v.held || v.since == 0 || v.unable != "" || c.tilt ||
		c.guardMode(m, IsolationFence) != GuardOn || !c.mayIsolate(m) {
		return false
	}
	if f := m.fenceAt(m.addr); v.fenced() && f != nil && m.isHeld(now, f) {
		return false
	}
	if !v.isWanted(now, c) {
		v.first = now
	}
	v.wanted = now
	c.touch(m)
	return now < v.first.Add(m.promiseLength())
}
