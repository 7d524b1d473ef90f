package monitor

import (
	"slices"
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/event"
)

// An old master that comes back says that it is a master, and whoever still has its address
// writes to it. All that is lost when it follows the new one, which stock Sentinels have it do
// about ten seconds later. The return fence is there before its clients are: it dials a former
// master that is gone all the time, and its first word is a pause (state-machine.md §9.6,
// Return fence).

// ExMaster is a server that was the master of a group and is no more, until it follows the
// present one.
type ExMaster struct {
	At      HostPort // host as it is known: a name where there is one
	RunID   RunID    // of the process that was the master; "": not known
	History string   // master_replid of that; "": not known
	Modules bool     // it had modules, and is never paused
	// Lost is when it was lost, in milliseconds of Unix time; 0: it is there.
	Lost int64
}

// exMaster is an ExMaster while this process watches it.
type exMaster struct {
	ExMaster
	addr    Addr
	lostAt  Instant // when it was lost; 0: it is there
	gone    bool    // it was down since, or could not be connected to: not only its connections were closed
	serving Instant // when its process was first heard to take writes since it could be reached; 0: not yet
	process RunID   // which one that was
	quiet   Instant // until when no hello is published at it, because others may hold it; 0: it was never lost
	over    bool    // nothing is to be done before it is lost again
	back    bool    // it was lost, and is there again
}

// MaxExMasters bounds how many are remembered of one group. The oldest are left to the
// ordinary rules.
const MaxExMasters = 16

const (
	// returnPause is the length of one pause, and returnRenewal when it is told again.
	returnPause   = 500 * time.Millisecond
	returnRenewal = 150 * time.Millisecond
	// returnLimit is for how long a master that returned is held at most.
	returnLimit = 10 * time.Second
	// returnPoll is how often it is asked while something is waited for.
	returnPoll = 50 * time.Millisecond
	// returnSilence is how long an answer over the fence is waited for.
	returnSilence = 5 * time.Second
)

// How often a lost master is dialled: as closely as possible at first, when a supervisor
// starts it again, and then as far as a refused connection costs next to nothing.
const (
	dialCloselyFor = 30 * time.Second
	dialOftenFor   = 10*time.Minute + dialCloselyFor
	dialOften      = 100 * time.Millisecond
)

// noteExMaster notes that the server of m, which is about to be replaced, was its master, and
// that the one at the new address is no former master any more.
func (c *Core) noteExMaster(now Instant, m *master, next Addr) {
	if e := m.exMasterAt(next); e != nil {
		c.dropExMaster(now, m, e)
	}
	e := &exMaster{addr: m.addr, ExMaster: ExMaster{At: HostPort{Host: m.addr.Host, Port: m.addr.Port}, RunID: m.runID, History: m.lineage.ReplID, Modules: m.info != nil && m.info.Modules}}
	if k := &m.cold; k.runID != "" && (m.runID == "" || !k.over) {
		e.RunID = k.runID // what was heard since may be its next process
	}
	if !m.link.connected() || m.has(FlagSDown) {
		c.loseExMaster(now, m, e)
		e.gone = m.has(FlagSDown)
	}
	if len(m.exMasters) == MaxExMasters {
		c.log(LevelWarning, "Master "+m.cfg.Name+" has more than "+strconv.Itoa(MaxExMasters)+" former masters that are gone: "+
			c.shown(m.exMasters[0].addr).String()+" is not watched for its return any more")
		c.dropExMaster(now, m, m.exMasters[0])
	}
	m.exMasters = append(m.exMasters, e)
	m.outdated()
	c.changed()
}

func (c *Core) loseExMaster(now Instant, m *master, e *exMaster) {
	e.lostAt, e.Lost, e.over, e.back, e.gone = now, c.wall(now), false, false, false
	m.outdated()
	c.changed()
}

func (m *master) exMasterAt(at Addr) *exMaster {
	for _, e := range m.exMasters {
		if e.addr.Same(at) {
			return e
		}
	}
	return nil
}

// dropExMaster forgets that a server was the master. A pause of ours at it, which may be the
// master again, is ended as far as that can be done.
func (c *Core) dropExMaster(now Instant, m *master, e *exMaster) {
	if f := m.fenceAt(e.addr); f != nil {
		c.leaveFence(now, f, ReturnFence, f.info != nil && e.restarted(f.info))
	}
	m.exMasters = slices.DeleteFunc(m.exMasters, func(o *exMaster) bool { return o == e })
	if r := m.replicaAt(e.addr); r != nil {
		c.wake(&r.instance) // hellos go there again
	}
	m.outdated()
	c.changed()
}

// serves notes that the server at an address says over its fence that it takes writes. That
// is noted in TILT too, when nothing is done about it: the time for which it may be held runs.
func (m *master) serves(now Instant, at Addr, info *Info) {
	e := m.exMasterAt(at)
	if e == nil || info.Role != RoleMaster || info.Loading || e.serving != 0 && e.process == info.RunID {
		return
	}
	e.serving, e.process = now, info.RunID
}

// heldOut reports whether the server was held for as long as may be. It seems to be down again
// and again when this Sentinel waits there for the end of a pause of another one: that would
// have it held by both without end.
func (e *exMaster) heldOut(now Instant) bool {
	return e.serving != 0 && now >= e.serving.Add(returnLimit)
}

// noAnswer notes that the server at an address could not be connected to, or said nothing: it
// was away, and may return.
func (m *master) noAnswer(at Addr) {
	if e := m.exMasterAt(at); e != nil {
		e.gone, e.serving = true, 0
	}
}

// forgetExMasters is dropExMaster for all of a master that is removed or reset: what an
// operator has the group forget may be put to another use.
func (c *Core) forgetExMasters(now Instant, m *master) {
	for len(m.exMasters) > 0 {
		c.dropExMaster(now, m, m.exMasters[0])
	}
	c.endCold(now, m)
	m.cold = cold{}
	m.outdated()
	c.dropFences(now, m)
}

// loadExMasters takes up what was saved.
func (c *Core) loadExMasters(now Instant, m *master, saved []ExMaster) {
	for _, s := range saved[:min(len(saved), MaxExMasters)] {
		addr, err := c.addrOf(s.At.Host, s.At.Port)
		if err != nil {
			continue
		}
		e := &exMaster{ExMaster: s, addr: addr}
		if s.Lost != 0 {
			// A clock that was set back makes none younger than now.
			gone := min(max(time.Duration(c.wall(now)-s.Lost)*time.Millisecond, 0), dialOftenFor)
			if e.lostAt = now.Add(-gone); e.lostAt == 0 {
				e.lostAt = 1
			}
			e.gone = true
		}
		m.exMasters = append(m.exMasters, e)
	}
}

// returnFence looks after all former masters of m, and returns when it does so again.
func (c *Core) returnFence(now Instant, m *master) Instant {
	next := Never
	if due := m.mandateEnds(); now < due && len(m.exMasters) > 0 {
		next = due
	}
	c.sweepFences(now, m)
	for k := 0; k < len(m.exMasters); {
		e := m.exMasters[k]
		r := m.replicaAt(e.addr)
		if r == nil || r.followsWell(c) {
			c.dropExMaster(now, m, e) // it was forgotten, or is a replica like any other
			continue
		}
		e.addr = r.addr // its name may have moved
		c.noteLost(now, m, e, r)
		next = min(next, c.watchReturn(now, m, e, r))
		k++
	}
	return next
}

// sweepFences forgets the fences that nothing is to be known of any more.
func (c *Core) sweepFences(now Instant, m *master) {
	m.fences = slices.DeleteFunc(m.fences, func(f *fence) bool {
		r := m.replicaAt(f.at)
		return !f.open() && !f.paused(now) && !f.at.Same(m.addr) && m.exMasterAt(f.at) == nil && (r == nil || !r.heldBack(now))
	})
}

// followsWell reports whether r says, on the present connection, that it follows the master
// and is connected to it.
func (r *replica) followsWell(c *Core) bool {
	return r.link.connected() && !r.has(FlagSDown) && r.infoRefresh > r.link.cmd.upAt && r.role == RoleReplica &&
		r.masterLinkUp && c.follows(r, r.master.current())
}

// noteLost notes when a former master is lost, and when it is there again.
func (c *Core) noteLost(now Instant, m *master, e *exMaster, r *replica) {
	gone := !r.link.connected() || r.has(FlagSDown)
	f := m.fenceAt(e.addr)
	if e.lostAt != 0 && r.has(FlagSDown) {
		e.gone = true
	}
	switch {
	case gone && e.lostAt == 0:
		c.guardOver(&r.instance, ReturnFence)
		c.loseExMaster(now, m, e)
	case !gone && e.lostAt != 0 && r.infoRefresh > r.link.cmd.upAt && (f == nil || !f.open()):
		e.lostAt, e.Lost, e.back = 0, 0, true
		if e.quiet = e.serving.Add(returnQuiet); e.serving == 0 {
			e.quiet = now.Add(returnQuiet)
		}
		m.outdated()
		c.changed()
	case e.back && r.loading:
		e.quiet = now.Add(returnQuiet)
	}
}

// returnQuiet is for how long no hello is published at a former master that is back: for as
// long as another Sentinel may hold it. The hello would wait for the end of that pause, and
// behind it the PINGs: the server would seem to be down, and to return once more.
const returnQuiet = returnLimit + returnPause

// quietAt returns until when no hello is published at i because of that. It ends when the
// server follows the master.
func (c *Core) quietAt(i *instance) Instant {
	e := i.master.exMasterAt(i.addr)
	switch {
	case e == nil || i.kind != KindReplica || c.guardMode(i.master, ReturnFence) != GuardOn:
		return 0
	case e.lostAt != 0: // it is back when it has answered INFO
		return i.link.cmd.upAt.Add(returnQuiet)
	}
	return e.quiet
}

// watchReturn dials a former master that is lost, and deals with one that is back.
func (c *Core) watchReturn(now Instant, m *master, e *exMaster, r *replica) Instant {
	switch c.guardMode(m, ReturnFence) {
	case GuardOff:
		c.endWatch(now, e, m.fenceAt(e.addr))
		return Never
	case GuardReport:
		c.endWatch(now, e, m.fenceAt(e.addr))
		if why := c.returnedMaster(now, m, e, r); why != "" {
			c.guards(&r.instance, ReturnFence, "pause it, and make it a replica of "+c.shown(m.current()).String()+" at once", why)
		}
		return Never
	}
	if e.over {
		return Never // another guard may be there
	}
	f := c.fenceFor(m, e.addr)
	next := c.fenceTimeout(now, f)
	if f.open() && f.info == nil && !c.mayFence(now, m, e) {
		c.quitFence(now, f, ReturnFence) // the pause that waits to be heard there is not wanted any more
	}
	if !f.open() {
		return min(next, c.dialReturn(now, m, e, f))
	}
	return min(next, c.meet(now, m, e, r, f))
}

// returnedMaster says by what the ordinary connection tells that a former master is back as a
// master, for a guard that only reports; "" while it is not.
func (c *Core) returnedMaster(now Instant, m *master, e *exMaster, r *replica) string {
	if !e.back || e.over || e.Modules || r.info == nil || !r.link.connected() || r.infoRefresh <= r.link.cmd.upAt || r.role != RoleMaster || !c.mayFence(now, m, e) ||
		c.stranger(m, e, r.info) != "" {
		return ""
	}
	return backAsMaster
}

const backAsMaster = "it was the master, and is back as one: what its clients write would be lost"

// mayFence reports whether the situation is one in which a former master is held back: there
// is a sane master in its place, nobody else calls it a master, and nobody may be about to
// make it that again: one who was elected is heard of only when the promotion is done.
func (c *Core) mayFence(now Instant, m *master, e *exMaster) bool {
	if !c.looksSane(now, m) || m.attempt.InProgress() || now < m.mandateEnds() || c.disk.failing || c.conflict.open {
		return false
	}
	for key := range addrKeys(e.addr) {
		if o := c.byAddr[key]; o != nil {
			return false // under another name it is the master still
		}
	}
	return true
}

// dialReturn dials a former master that is lost. The pause is part of the first write, so it
// has to be known before that this Sentinel was not cut off itself.
func (c *Core) dialReturn(now Instant, m *master, e *exMaster, f *fence) Instant {
	if e.lostAt == 0 || e.over || e.Modules || e.addr.DialTarget() == "" || !c.mayFence(now, m, e) {
		return Never // what changes that comes back here
	}
	again := c.askConfig(now, m, 0)
	until := c.confirmedUntil(m)
	if now >= until {
		return again
	}
	if due := c.fenceDue(now, f, c.returnGap(now, e)); now < due {
		return min(again, due)
	}
	// Who has lost a connection that was up has seen this server already, and it was told
	// then what to do: another Sentinel has disconnected its clients. So it has at the end of a
	// planned switchover. It must not be paused then, which would hold up the data that it
	// needs, and clients that are about to be told that it takes no writes.
	seen := !e.gone || e.heldOut(now) || f.seenAt != 0 && now < f.seenAt.Add(time.Second)
	f.at = e.addr
	c.dialFence(now, f)
	if !seen {
		c.fencePause(now, f, ReturnFence, returnPause, until)
	}
	c.fenceInfo(now, f)
	return min(again, c.fenceTimeout(now, f))
}

func (c *Core) returnGap(now Instant, e *exMaster) time.Duration {
	switch age := now.Sub(e.lostAt); {
	case age < dialCloselyFor:
		return c.tun.FenceDial
	case age < dialOftenFor:
		return max(dialOften, c.tun.FenceDial)
	}
	return c.tun.PingPeriod
}

// meet goes on with a server that is reached over its fence.
func (c *Core) meet(now Instant, m *master, e *exMaster, r *replica, f *fence) Instant {
	if !f.up {
		return Never
	}
	if f.info == nil {
		due := f.upAt.Add(returnSilence)
		switch {
		case now >= due:
			m.noAnswer(f.at) // it hangs, refuses INFO, or is behind a broken network
			c.closeFence(now, f, true)
			return now.Add(returnPoll)
		case f.infoSeq == 0 && f.infoSent == 0:
			c.fenceInfo(now, f) // it was opened for something else
		}
		return due
	}
	if f.demoting() || f.order.finished {
		return c.seeDemotion(now, m, e, r, f)
	}
	f.seenAt = now
	if done := c.isHarmless(now, m, e, r, f); done {
		c.endWatch(now, e, f)
		return Never
	}
	return c.hold(now, m, e, r, f)
}

// isHarmless reports whether the server that answers needs no fence, or must not have one.
func (c *Core) isHarmless(now Instant, m *master, e *exMaster, r *replica, f *fence) bool {
	info := f.info
	if info.Role != RoleMaster {
		return true // a replica, or nothing that is known
	}
	if info.Modules {
		e.Modules = true // and some crash under a pause
		m.outdated()
		c.changed()
		c.leaveFence(now, f, ReturnFence, e.restarted(info))
		return true
	}
	if why := c.stranger(m, e, info); why != "" {
		c.log(LevelWarning, "Server "+r.name+", which was the master of "+m.cfg.Name+", is back, and is left alone: "+why)
		return true
	}
	return e.heldOut(now)
}

// hold keeps a master that returned from taking writes, and has it follow the new one as soon
// as that is safe.
func (c *Core) hold(now Instant, m *master, e *exMaster, r *replica, f *fence) Instant {
	if !c.mayFence(now, m, e) {
		c.fenceRelease(now, f, ReturnFence, e.restarted(f.info))
		return now.Add(returnPoll)
	}
	c.guards(&r.instance, ReturnFence, "pause it", backAsMaster)
	next := c.askConfig(now, m, f.upAt)
	if c.mayDemoteAtOnce(m, e, r, f) {
		if due := c.demoteReturned(now, m, e, r, f); due != 0 {
			return min(next, due)
		}
	}
	if until := c.confirmedUntil(m); !f.cannotPause() && now < until {
		switch due := f.pausedAt.Add(returnRenewal); {
		case f.pauseSeq != 0:
		case now < due:
			next = min(next, due)
		default:
			c.fencePause(now, f, ReturnFence, returnPause, until)
			next = min(next, now.Add(returnRenewal))
		}
	}
	if due := f.infoSent.Add(returnPoll); now < due {
		return min(next, due)
	}
	c.fenceInfo(now, f)
	return min(next, now.Add(returnPoll))
}

// mayDemoteAtOnce reports whether a master that returned can follow the new one without the
// wait of the ordinary rule: a majority was asked since its return, and knows of no later
// configuration; and it has nothing that could be another group's. Keys that it has read from
// a disk, and whose history nobody knows, may be those of an append only file, or of a server
// that got the address of the old one.
func (c *Core) mayDemoteAtOnce(m *master, e *exMaster, r *replica, f *fence) bool {
	info := f.info
	return !info.Loading && c.now < c.confirmedUntil(m) && c.confirmedSince(m, f.upAt) &&
		(!info.Keys || info.NotLoaded || m.knowsHistory(e, info.ReplID) || m.knowsHistory(e, info.ReplID2)) &&
		m.runID != "" && m.infoRefresh > m.link.cmd.upAt && info.RunID != m.runID && !c.neverFollows(&r.instance, m.addr)
}

// demoteReturned orders the demotion, and returns when it is to be tried again; 0: not.
func (c *Core) demoteReturned(now Instant, m *master, e *exMaster, r *replica, f *fence) Instant {
	switch o := &f.order; {
	case o.refused != "" && !passing(o.refused):
		return 0 // the ordinary rule may have more luck, and says what is wrong
	case o.refused != "" && now < o.at.Add(returnPoll):
		return o.at.Add(returnPoll)
	}
	c.guards(&r.instance, ReturnFence, "make it a replica of "+c.shown(m.addr).String(), backAsMaster)
	c.fenceDemote(now, f, m.addr, now.Add(returnPause), e.restarted(f.info))
	return now.Add(returnSilence)
}

// seeDemotion sees a demotion through.
func (c *Core) seeDemotion(now Instant, m *master, e *exMaster, r *replica, f *fence) Instant {
	if f.order.obeyed && !f.order.told {
		f.order.told = true
		if !f.order.already {
			c.emit(&r.instance, event.ConvertToReplica{Instance: c.ref(&r.instance)})
		}
	}
	if due := c.finishDemotion(now, f); !f.order.finished {
		if late := f.order.at.Add(returnSilence); now < late {
			return min(due, late)
		}
	}
	c.endWatch(now, e, f)
	r.link.cmd.allowRedial()
	r.link.pubsub.allowRedial()
	c.ready(&r.link.timer)
	return Never
}

// endWatch has nothing more done about a server before it is lost again.
func (c *Core) endWatch(now Instant, e *exMaster, f *fence) {
	if f == nil {
		return
	}
	if f.open() {
		e.over = true
	}
	if !f.leaving {
		c.leaveFence(now, f, ReturnFence, false)
	}
}

// restarted reports whether the process is another one than that which was the master. What an
// operator has paused was the process before: no restarted server is paused by anybody else.
func (e *exMaster) restarted(info *Info) bool {
	return e.RunID != "" && info.RunID != "" && info.RunID != e.RunID
}

// stranger says why what answers at the address of a former master is not that server; ""
// when it may be. A server that is known at another address, and did not leave, has this one
// as well: behind it may be the master of now.
func (c *Core) stranger(m *master, e *exMaster, info *Info) string {
	for _, o := range c.masters {
		if i := o.serverWith(info.RunID); i != nil && !i.addr.Same(e.addr) {
			return "it is the server that is known at " + c.shown(i.addr).String()
		}
	}
	if info.ReplID2 != "" && !m.knowsHistory(e, info.ReplID) && !m.knowsHistory(e, info.ReplID2) {
		return "its data have another history"
	}
	return ""
}

// serverWith returns the server of m with a run id that is there, or nil.
func (m *master) serverWith(id RunID) (found *instance) {
	m.eachServer(func(i *instance) {
		if id != "" && i.runID == id && i.link.connected() && !i.has(FlagSDown) {
			found = i
		}
	})
	return found
}

// knowsHistory reports whether a history is one of this group. A server is started from what
// it saved last, which may be before many failovers.
func (m *master) knowsHistory(e *exMaster, id string) bool {
	if id == "" {
		return false
	}
	if id == e.History || m.hasHad(id) {
		return true
	}
	return slices.ContainsFunc(m.replicas, func(r *replica) bool {
		return r.info != nil && !r.addr.Same(e.addr) && (r.info.ReplID == id || r.info.ReplID2 == id)
	})
}

// heldBack reports whether a replica may be paused by this Sentinel, or has not told since
// that it has applied all that it has received: promoted now, it would lose what it has read.
func (r *replica) heldBack(now Instant) bool {
	f := r.master.fenceAt(r.addr)
	return f != nil && (f.pauseSeq != 0 || now < f.until.Add(heldBackFor) && (r.infoSent < f.until || r.infoRefresh < r.infoSent || r.applies()))
}

// heldUntil returns until when that is so if nothing more is heard.
func (r *replica) heldUntil() Instant {
	if f := r.master.fenceAt(r.addr); f.pauseSeq == 0 {
		return f.until.Add(heldBackFor)
	}
	return Never // it comes to an end over the fence
}

// heldBackFor is for how long after a pause a replica is waited for that has not told so:
// one whose stream never rests is as good as before by then. It is not passed over: another
// one may lack much more than what it has read.
const heldBackFor = 5 * time.Second

const heldBackWhy = "it may be paused by this Sentinel, and lose what it has read"
