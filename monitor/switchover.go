package monitor

import (
	"time"

	"github.com/gosentinel/sentinel/event"
)

// switchover is a planned change of the master that loses no acknowledged write
// (state-machine.md §6.13, Switchover). The zero value: none is under way.
//
// Whoever drives it may stop at any point, for any time, and go on. So it acts
// within a deadline only, over the connections that it began with: what comes
// later could make a second master, because another Sentinel may have taken over.
type switchover struct {
	stage    stage
	stock    bool       // only what comes before the votes is done here
	target   InstanceID // the replica that is to be the master; 0: not chosen yet
	named    InstanceID // the one that the operator named; 0: none
	asked    Instant    // when the operator asked for it
	told     bool       // +switchover-wait was said
	doubt    Instant    // since when no replica is fit or awaited; 0: one is
	deadline Instant    // no promotion and no way back after this
	old, new ConnID     // connections to the master and to the target since the first command

	probe probe
	poll  poll

	pause    pause
	confirm  uint64 // token of the INFO that follows the last command to the master; 0: answered
	history  string // replication id of the master
	proof    uint64 // only an INFO of the target with a later token is one
	end      uint64 // offset at the end of all that it has acknowledged
	retired  retirement
	takeover takeover
}

// stage is how far a switchover has come.
type stage uint8

const (
	noSwitchover stage = iota
	preparing          // nothing but PING and INFO is sent
	electing           // votes are asked for
	pausing            // the writes of the master are being paused
	catchingUp         // the target applies what the master had written by then
	demoting           // the master is made a replica of nobody
	settling           // the target applies the rest
	promoting          // the target is told to be the master; there is no way back
	retiring           // the old master is made a replica of the new one
	takingOver         // another driver left the master as a replica of nobody
)

// probe measures how far the target lags behind.
type probe struct {
	first   Instant // start of the first try
	at      Instant // start of this try; 0: none
	seq     uint64  // token of the INFO of the master
	history string  // what that said; "" while it has not arrived
	offset  uint64
}

// poll asks one server for INFO as fast as it answers.
type poll struct {
	seq uint64 // token of the question in flight; 0: none
	at  Instant
}

// pause is a pause of writes at the master.
type pause struct {
	length  time.Duration
	begun   Instant // when it was asked for; 0: it was not
	seq     uint64  // token while the answer is out; 0 after it
	refused string  // why there is none
}

// asked reports whether the server was told to pause and has not refused.
func (p *pause) asked() bool { return p.begun != 0 && p.refused == "" }

const (
	// switchoverLease is for how long a driver may act after it asked for votes, and
	// for how long the voters wait before they let another act.
	switchoverLease = 2 * time.Second
	// maxPause bounds the pause, together with half of the smallest down-after: other
	// Sentinels publish at the master, and a paused PUBLISH holds up their PINGs.
	maxPause = time.Second
	// minPause is the shortest pause that is of use.
	minPause = 20 * time.Millisecond
	// probePatience is for how long a target that lags behind too far is tried again.
	probePatience = 10 * time.Second
	// prepareDoubt is how long no replica may be fit before a switchover that was
	// accepted is given up: one server has always answered before the other, so that
	// what they say of each other need not fit together.
	prepareDoubt = time.Second
	// waitPoll is the INFO period while a switchover is prepared.
	waitPoll = 100 * time.Millisecond
	// catchUpPoll is the pause between two INFO of a target that catches up.
	catchUpPoll = time.Millisecond
)

func (s *switchover) active() bool { return s.stage != noSwitchover }

// drives reports whether this Sentinel stands between the first command to the
// master and the promotion.
func (s *switchover) drives() bool { return s.stage >= pausing && s.stage <= promoting }

// serves reports whether m is a master that answers, so that a manual failover of
// it is a switchover.
func (c *Core) serves(m *master) bool {
	return m.link.connected() && m.role == RoleMaster && m.infoRefresh != 0 && !m.has(FlagSDown|FlagODown)
}

// unsafe says why a switchover without loss is impossible at m; "" when it is not.
func (c *Core) unsafe(m *master) string {
	if m.info == nil || m.info.ReplID == "" {
		return "the master reports no master_replid, so that it cannot be proved that a replica has its data"
	}
	return ""
}

// handing says that the master is about to hand over to a replica by itself: two
// would be promoted. "" when it is not.
func (m *master) handing() string {
	if m.info != nil && m.info.Handing {
		return "a FAILOVER command is under way at the master"
	}
	return ""
}

// plannedRefusal says why an operator's failover of a master that serves cannot
// begin; nil when it can, or when waiting may help.
func (c *Core) plannedRefusal(now Instant, m *master, named *replica) *CallError {
	if r, wait, why := c.plannedChoice(now, m, named); r == nil && !wait {
		return noGoodReplica(why)
	}
	return nil
}

// beginSwitchover begins with what sends nothing but PING and INFO, until the target
// is known to be able to follow at once. unsafe says why the rest has to be done in
// the way of stock, which lets the master take writes after the promotion; "" when
// it need not.
func (c *Core) beginSwitchover(now Instant, m *master, named *replica, unsafe string) {
	c.forgetChoice(m)
	m.switchover = switchover{stage: preparing, asked: now, stock: unsafe != ""}
	c.noteFact(m, PrepareFact{Stock: unsafe != "", Program: m.byProgram})
	if unsafe != "" {
		c.log(LevelNotice, "This FAILOVER is made in the way of stock, which may lose writes: "+unsafe)
	}
	if named != nil {
		m.switchover.named = named.id
	}
	c.requestInfo(now, &m.instance)
	c.refreshReplicas(now, m)
	c.wakeServers(m)
	c.touch(m)
}

// prepare waits for a replica that has the data of the master and can follow it
// closely. Votes are asked for only then: an election that leads to nothing would
// keep the others from a failover of their own.
func (c *Core) prepare(now Instant, m *master) Instant {
	s := &m.switchover
	due := s.asked.Add(m.cfg.FailoverTimeout)
	if c.tilts > 0 { // in TILT no step runs
		due = max(due, c.tiltSince.Add(c.tun.TiltPeriod+m.cfg.FailoverTimeout))
	}
	named, _ := c.members[s.named].(*replica)
	if why := c.notPreparing(now, m, named); why != "" {
		c.refuseSwitchover(m, why)
		return Never
	}
	r, wait, why := c.plannedChoice(now, m, named)
	switch {
	case now >= due:
		c.refuseSwitchover(m, "no replica is ready after failover-timeout ("+why+")")
		return Never
	case r != nil && s.stock && min(m.infoRefresh, r.infoRefresh) <= s.asked:
		return due // what they said before may be over
	case r != nil && s.stock:
		m.force.named = s.named
		m.switchover = switchover{}
		c.wakeServers(m)
		c.startAttempt(now, m, true)
		c.touch(m)
		return Never
	case r != nil && now < c.awaitChoice(now, m, true):
		return min(due, m.policy.choice.due)
	case r != nil:
		s.doubt = 0
		return min(due, c.probeTarget(now, m, r))
	case !wait && s.doubt == 0:
		s.doubt = now
	case !wait && now >= s.doubt.Add(prepareDoubt):
		c.refuseSwitchover(m, why)
		return Never
	}
	s.probe = probe{}
	if !wait {
		return min(due, s.doubt.Add(prepareDoubt))
	}
	s.doubt = 0
	if !s.told && m.infoRefresh > s.asked { // what was said before may be over
		s.told = true
		c.emit(&m.instance, event.SwitchoverWaits{Instance: c.ref(&m.instance), Reason: why})
	}
	return due
}

// notPreparing says why a switchover of m cannot be waited for any more; "" when it can.
func (c *Core) notPreparing(now Instant, m *master, named *replica) string {
	switch s := &m.switchover; {
	case m.promised(now, c.opts.MyID):
		return "another Sentinel has begun one"
	case !c.serves(m):
		return "the master does not answer as a master any more"
	case !s.stock && m.handing() != "":
		return m.handing()
	case s.named != 0 && named == nil:
		return "the named replica is gone"
	}
	return ""
}

// refuseSwitchover ends a switchover before anything has happened.
func (c *Core) refuseSwitchover(m *master, why string) {
	m.switchover = switchover{}
	c.emit(&m.instance, event.SwitchoverAborted{Instance: c.ref(&m.instance), Reason: why})
	c.wakeServers(m)
}

// wakeServers has the INFO periods of m and its replicas computed anew.
func (c *Core) wakeServers(m *master) {
	c.wake(&m.instance)
	for _, r := range m.replicas {
		c.wake(&r.instance)
	}
}

// probeTarget takes the offset of the master and measures how long the target
// needs to get there. One that needs longer than the pause allows is refused
// before any client notices.
func (c *Core) probeTarget(now Instant, m *master, r *replica) Instant {
	s := &m.switchover
	p := &s.probe
	if s.target != r.id {
		s.target, s.probe, s.poll = r.id, probe{}, poll{}
	}
	if p.first == 0 {
		p.first = now
	}
	limit := c.catchUpTime(m) * 2 / 3
	switch {
	case p.at == 0:
		p.at, p.history = now, ""
		p.seq = c.sendFor(&m.instance, InfoRequest{})
		return now.Add(limit)
	case p.history != "" && r.data().Has(p.history, p.offset):
		c.startSwitchover(now, m)
		return Never
	case now < p.at.Add(limit):
		if p.history == "" {
			return p.at.Add(limit)
		}
		return min(p.at.Add(limit), c.pollServer(now, &r.instance, &s.poll))
	case now < p.first.Add(probePatience):
		p.at, s.poll = 0, poll{}
		return now.Add(catchUpPoll)
	}
	c.refuseSwitchover(m, "replica "+r.name+" needs longer than "+limit.String()+" to apply what the master has written")
	return Never
}

// pollServer asks for INFO again a moment after each answer.
func (c *Core) pollServer(now Instant, i *instance, p *poll) Instant {
	if p.seq != 0 || !i.link.connected() {
		return Never
	}
	if due := p.at.Add(catchUpPoll); now < due {
		return due
	}
	p.at, p.seq = now, c.sendFor(i, InfoRequest{})
	return Never
}

// startSwitchover asks for votes, each of which binds the voter for the lease.
func (c *Core) startSwitchover(now Instant, m *master) {
	m.switchover.stage, m.switchover.poll, m.droveAlone = electing, poll{}, false
	c.startAttempt(now, m, true)
	c.bindItself(m)
	c.touch(m)
}

// pauseLength is how long writes at m may be paused: no Sentinel that watches it
// may take the pause for a failure. A peer that has not told its down-after is
// taken to have ours.
func (c *Core) pauseLength(m *master) time.Duration {
	shortest := m.downAfter
	for _, o := range c.masters {
		if o.addr.Same(m.addr) {
			shortest = min(shortest, o.downAfter)
		}
	}
	for _, p := range m.peers {
		if p.toldDownAfter > 0 {
			shortest = min(shortest, p.toldDownAfter)
		}
	}
	return min(maxPause, shortest/2).Truncate(time.Millisecond)
}

// catchUpTime is the part of the pause in which the target has to apply the rest;
// the other part is for the commands.
func (c *Core) catchUpTime(m *master) time.Duration { return c.pauseLength(m) * 4 / 5 }

// selectTarget is the choice of the replica when the election is won: the one that
// was probed, if nothing has changed.
func (c *Core) selectTarget(now Instant, m *master) Instant {
	s := &m.switchover
	target, _ := c.members[s.target].(*replica)
	var r *replica
	why := "the replica is gone"
	if target != nil {
		r, _, why = c.plannedChoice(now, m, target)
	}
	if r != nil && r.priority == 0 && s.named == 0 {
		r, why = nil, r.name+": its replica-priority is 0"
	}
	s.deadline = m.attempt.VotesAsked.Add(switchoverLease)
	s.pause.length = c.pauseLength(m)
	switch {
	case !c.serves(m):
		why = "the master does not answer as a master any more"
	case r == nil:
	case now.Add(s.pause.length) > s.deadline:
		why = "the election has taken too long"
	default:
		c.choose(now, m, r)
		return Never
	}
	c.endSwitchover(now, m, event.FailoverAbortNoGoodReplica{Instance: c.ref(&m.instance)}, why)
	return Never
}

// endSwitchover gives up a switchover, or a takeover, that is or was to be elected and
// whose promotion is not known.
func (c *Core) endSwitchover(now Instant, m *master, ev Event, why string) {
	if r := m.promoted; m.switchover.stage >= promoting && r != nil {
		c.callBack(&r.instance)
	}
	c.emit(&m.instance, event.SwitchoverAborted{Instance: c.ref(&m.instance), Reason: why})
	c.abort(now, m, ev)
	// Nothing was promoted, as far as this Sentinel is concerned, and it will not
	// act on its votes any more: what comes next need not wait.
	m.attempt.Allow()
	m.lease = lease{holder: c.opts.MyID, until: now}
	c.touch(m)
}

// callBack takes back a role change that is not answered yet, wherever it is, by
// resetting the connection.
func (c *Core) callBack(i *instance) {
	if i.slaveofSeq != 0 && i.link.cmd.id != 0 {
		c.free(Close{Conn: i.link.cmd.id, Abort: true})
		c.forgetConn(i.link, &i.link.cmd)
		c.ready(&i.link.timer)
	}
}

// withdraw gives the master back its role and its writes, where this Sentinel has
// taken them and still may. What else is left is for whoever takes over.
func (c *Core) withdraw(now Instant, m *master) {
	s := &m.switchover
	same := s.drives() && m.link.connected() && m.link.cmd.id == s.old
	if same && now < s.deadline && !c.tilt && (s.stage == settling || s.stage == demoting && m.refusedAt == 0) {
		m.slaveofSeq = c.sendOrder(&m.instance, SlaveOf{Bare: true}, s.deadline)
		c.requestInfo(now, &m.instance)
	}
	if same && s.pause.asked() {
		c.unpause(m)
	}
	if s.active() {
		*s = switchover{}
		c.wakeServers(m)
	}
}

// sendOrder sends i what must not happen after an instant; 0: at any time.
func (c *Core) sendOrder(i *instance, cmd Command, notAfter Instant) uint64 {
	c.lastSeq++
	i.link.pending++
	c.free(Send{Conn: i.link.cmd.id, Token: Token{i.id, c.lastSeq}, Rename: i.master.cfg.Rename, Cmd: cmd, NotAfter: notAfter})
	return c.lastSeq
}
