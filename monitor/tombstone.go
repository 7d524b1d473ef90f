package monitor

import (
	"slices"
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/event"
)

// A member that is dead for good stays in the lists: it is dialled for ever, and a
// Sentinel counts as a voter for ever. SENTINEL RESET takes everything away together with
// it. SENTINEL FORGET takes one, on all gosentinels, and leaves a tombstone: what others
// still say of the member, such as the INFO of a master that has not noticed its end, or a
// hello that was under way, does not bring it back. What it says itself does
// (state-machine.md §9.7, Forget).

// Tombstone keeps a member away from a master that an operator had forgotten. Of two about
// one member the one with the higher Version counts, and of equal versions the one with
// the greater By.
type Tombstone struct {
	ID RunID    // of a Sentinel; "": it is a replica
	At HostPort // of a replica
	// Version is the wall clock in milliseconds when it was said, or one more than what it
	// replaces if that is later.
	Version uint64
	By      RunID // the Sentinel that the operator told
	Until   int64 // Unix time in milliseconds
	// Over says that the member was back since. It is kept for as long, so that nobody who
	// was away can have the member forgotten once more.
	Over bool
}

const (
	// TombstoneTime is for how long a member that was forgotten is kept away.
	TombstoneTime = time.Hour
	// MaxTombstones bounds those of one master; a further one takes the place of the oldest.
	MaxTombstones = 64

	// backLag is how long ago a replica may have acknowledged its master's stream to be back.
	// It does so once a second.
	backLag = 2 * time.Second
	// awayLag is from when on one that its master still lists is taken to be away.
	awayLag = 5 * time.Second
)

// tombstone is a Tombstone as the core works with it.
type tombstone struct {
	Tombstone
	until  Instant // Until by the clock of the core
	force  bool    // the member may have been alive
	seq    uint64  // the Persist that holds it
	number uint64  // in the order in which this Sentinel heard of them
	away   bool    // the member was seen to be away since
	heard  Instant // of a Sentinel: its last hello; of one that is back: its first one since
}

func (t *Tombstone) newerThan(o *Tombstone) bool {
	return t.Version > o.Version || t.Version == o.Version && t.By > o.By
}

// what names the member, for people and in commands.
func (t *Tombstone) what() string {
	if t.ID != "" {
		return string(t.ID)
	}
	return t.At.String()
}

func (t *Tombstone) about(o *Tombstone) bool { return t.ID == o.ID && t.At == o.At }

// tombstoneOf returns what keeps a member away from m, or nil.
func (m *master) tombstoneOf(of Tombstone) *tombstone {
	for k := range m.tombstones {
		if t := &m.tombstones[k]; t.about(&of) {
			return t
		}
	}
	return nil
}

// buried reports whether a replica of m must not be added.
func (c *Core) buried(m *master, addr Addr) bool {
	return slices.ContainsFunc(m.tombstones, func(t tombstone) bool { return c.keepsAway(&t, addr) })
}

func (c *Core) keepsAway(t *tombstone, addr Addr) bool {
	if t.ID != "" || t.Over {
		return false
	}
	at, err := c.addrOf(t.At.Host, t.At.Port)
	return err == nil && at.Same(addr)
}

// loadTombstones takes up what was saved, as far as it is not over. Who was silent then, or
// not, is not known any more.
func (c *Core) loadTombstones(now Instant, m *master, list []Tombstone) {
	for _, t := range first(MaxTombstones, list) {
		if left := min(time.Duration(t.Until-c.wall(now))*time.Millisecond, TombstoneTime); left > 0 && t.Until > c.wall(now) {
			c.bury(now, m, tombstone{Tombstone: t, until: now.Add(left), heard: now.Add(-3 * c.tun.PublishPeriod)})
		}
	}
}

// bury adds a tombstone, in the place of an earlier one about the same member, or of the
// oldest if there are too many.
func (c *Core) bury(now Instant, m *master, t tombstone) {
	c.lastTombstone++
	t.number = c.lastTombstone
	m.tombstones = slices.DeleteFunc(m.tombstones, func(o tombstone) bool { return o.about(&t.Tombstone) || now >= o.until })
	if len(m.tombstones) == MaxTombstones {
		c.log(LevelWarning, "More than "+strconv.Itoa(MaxTombstones)+" members of "+m.cfg.Name+" were forgotten within "+TombstoneTime.String()+
			": "+m.tombstones[0].what()+" may be found again")
		m.tombstones = m.tombstones[1:]
	}
	m.tombstones = append(slices.Clip(m.tombstones), t)
	m.outdated()
}

// forgetCall carries out FORGET, of an operator or as another Sentinel passes it on.
func (c *Core) forgetCall(now Instant, in Call, op ForgetOp) {
	m, t := c.byName[op.Name], Tombstone{ID: op.ID, At: op.At, Version: op.Version, By: op.By}
	err := op.mistake(c.opts.MyID)
	switch {
	case m == nil:
		err = ErrNoSuchMaster
	case err == nil:
		t.At, err = c.memberNamed(m, op)
	}
	if err == nil {
		err = c.mayForget(now, m, &t, op)
	}
	if err != nil {
		c.free(CallResult{To: in.From, Err: err})
		return
	}
	known := m.tombstoneOf(t)
	if op.Version == 0 {
		t.Version, t.By = uint64(max(c.wall(now), 1)), c.opts.MyID
		if known != nil {
			t.Version = max(t.Version, known.Version+1)
		}
		op.For = TombstoneTime
	}
	if known == nil || t.newerThan(&known.Tombstone) {
		c.takeForget(now, m, t, op)
	} else if c.isDurable(known.seq) {
		c.free(CallResult{To: in.From}) // it was known
		return
	}
	c.gate(CallResult{To: in.From})
}

// mistake says what is wrong with an op; nil when nothing is.
func (op *ForgetOp) mistake(me RunID) *CallError {
	switch {
	case op.ID == me:
		return errForgetSelf
	case op.ID != "" && !op.ID.Valid(), op.ID == "" && (op.At.Host == "" || op.At.Port < 1 || op.At.Port > maxPort):
		return errForgetWhat
	case op.Version > maxPauseVersion, op.Version != 0 && (!op.By.Valid() || op.For < time.Millisecond || op.For > TombstoneTime):
		return errPassedForget
	}
	return nil
}

var (
	errForgetSelf   = &CallError{"ERR", "This is the id of this Sentinel: have another one forget it"}
	errForgetWhat   = &CallError{"ERR", "Name a replica as host:port, or a Sentinel by its id of 40 characters"}
	errPassedForget = &CallError{"ERR", "Invalid time, version or id of a FORGET that a Sentinel passes on"}
)

// memberNamed returns the address of a replica as tombstones have it.
func (c *Core) memberNamed(m *master, op ForgetOp) (HostPort, *CallError) {
	if op.ID != "" {
		return HostPort{}, nil
	}
	addr, err := c.addrOf(op.At.Host, op.At.Port)
	switch {
	case err != nil:
		return op.At, &CallError{"ERR", "Replica " + op.At.String() + ": " + err.Error()}
	case addr.Same(m.addr), addr.Same(m.current()):
		return op.At, &CallError{"ERR", op.At.String() + " is the master: SENTINEL REMOVE forgets that"}
	}
	if r := m.replicaAt(addr); r != nil {
		return c.shown(r.addr), nil
	}
	return c.shown(addr), nil
}

// mayForget says why a member is not forgotten; nil when it is. One that lives would be
// back at once, or, if it is a Sentinel, be left out of the majorities of others.
func (c *Core) mayForget(now Instant, m *master, t *Tombstone, op ForgetOp) *CallError {
	if m.attempt.InProgress() || m.switchover.active() {
		return &CallError{ErrInProgress.Code, "A failover of this master is in progress, which the member may have a part in: try again when it is over"}
	}
	i, heard := c.memberOf(m, t)
	switch {
	case op.Force:
	case i == nil && heard == 0 && op.Version == 0 && m.tombstoneOf(*t) == nil:
		return &CallError{"ERR", "No such replica or Sentinel of this master; FORCE has the other Sentinels forget it nevertheless"}
	case i != nil && i.link.connected() && !i.has(FlagSDown):
		return &CallError{"ERR", t.what() + " is connected and answers. Stop it first; FORCE forgets it nevertheless, until it was away and is back"}
	case t.ID != "" && heard != 0 && now < heard.Add(3*c.tun.PublishPeriod):
		return &CallError{"ERR", "The Sentinel announced itself " + now.Sub(heard).Round(time.Millisecond).String() + " ago. Stop it first; FORCE forgets it nevertheless, until it was away and is back"}
	case i != nil && t.ID == "" && !i.has(FlagSDown):
		return &CallError{"ERR", t.what() + " is not down for this Sentinel yet. Wait for its +sdown, or use FORCE"}
	}
	return nil
}

// memberOf returns the record of a member, nil if it has none, and when the hellos of a
// Sentinel were heard last; 0: never.
func (c *Core) memberOf(m *master, t *Tombstone) (i *instance, heard Instant) {
	if t.ID == "" {
		if addr, err := c.addrOf(t.At.Host, t.At.Port); err == nil {
			if r := m.replicaAt(addr); r != nil {
				i = &r.instance
			}
		}
		return i, 0
	}
	if p := m.peerByID(t.ID); p != nil {
		return &p.instance, p.lastHello
	}
	for _, d := range m.distant {
		if d.id == t.ID {
			heard = max(heard, d.heard)
		}
	}
	return nil, heard
}

// takeForget forgets a member.
func (c *Core) takeForget(now Instant, m *master, t Tombstone, op ForgetOp) {
	i, heard := c.memberOf(m, &t)
	b := tombstone{Tombstone: t, until: now.Add(op.For), force: op.Force, seq: c.disk.next(), heard: heard}
	b.Until = c.wall(b.until)
	b.away = t.ID == "" && !c.stillLists(m, &b)
	ev := event.Forgotten{Instance: c.memberRef(m, &t), By: t.By}
	if i != nil {
		ev.Instance = c.ref(i)
	}
	c.bury(now, m, b)
	switch mem := c.memberRecord(i).(type) {
	case *replica:
		c.removeReplica(mem)
	case *peer:
		c.removePeer(mem)
	}
	c.leaveOut(m, &t)
	c.changed()
	c.touch(m)
	c.emit(&m.instance, ev)
}

func (c *Core) memberRecord(i *instance) member {
	if i == nil {
		return nil
	}
	return c.members[i.id]
}

// memberRef describes a member that has no record.
func (c *Core) memberRef(m *master, t *Tombstone) Instance {
	kind := KindReplica
	if t.ID != "" {
		kind = KindSentinel
	}
	return Instance{Kind: kind, Name: t.what(), Addr: t.At, Master: m.cfg.Name, MasterAddr: c.shown(m.addr)}
}

// leaveOut takes a member out of what a RESET has left behind, and out of the voters that
// cannot be reached.
func (c *Core) leaveOut(m *master, t *Tombstone) {
	f := &m.forgotten
	if t.ID == "" {
		f.replicas = slices.DeleteFunc(f.replicas, func(a Addr) bool { return c.buried(m, a) })
		return
	}
	f.peers = slices.DeleteFunc(f.peers, func(k KnownSentinel) bool { return k.ID == t.ID })
	f.distant = slices.DeleteFunc(f.distant, func(d distant) bool { return d.id == t.ID })
	m.distant = slices.DeleteFunc(m.distant, func(d distant) bool { return d.id == t.ID })
	m.awaited = slices.DeleteFunc(m.awaited, func(a awaited) bool { return a.id == t.ID })
}

// stillLists reports whether the last INFO of m has a replica that was forgotten.
func (c *Core) stillLists(m *master, t *tombstone) bool {
	return m.info != nil && slices.ContainsFunc(m.info.Attached, func(a Attached) bool { return c.sameReplica(t, a) })
}

func (c *Core) sameReplica(t *tombstone, a Attached) bool {
	at, err := c.addrOf(a.At.Host, a.At.Port)
	return err == nil && c.keepsAway(t, at)
}

// seeReplicas looks in INFO of m for replicas that were forgotten and are back: m hears
// them itself, which it did not for a while. That m lists them is not enough. It lists a
// host that was switched off for up to repl-timeout, a minute by default.
func (c *Core) seeReplicas(now Instant, m *master, info *Info) {
	for k := range m.tombstones {
		t := &m.tombstones[k]
		if t.ID != "" || t.Over {
			continue
		}
		at := slices.IndexFunc(info.Attached, func(a Attached) bool { return c.sameReplica(t, a) })
		switch {
		case at < 0, info.Attached[at].Lag >= awayLag:
			t.away = true
		case t.away && info.Attached[at].Online && info.Attached[at].Lag <= backLag:
			c.backAgain(m, t)
		}
	}
}

// heardAgain takes a hello of a Sentinel that was forgotten, and reports whether it stays
// so: unless it was silent for three hello periods, and then says two hellos, one after
// the other. One alone may have been under way for long.
func (c *Core) heardAgain(now Instant, m *master, id RunID) (forgotten bool) {
	t := m.tombstoneOf(Tombstone{ID: id})
	switch {
	case t == nil || t.Over:
		return false
	case !t.away && now < t.heard.Add(3*c.tun.PublishPeriod):
		t.heard = now
		return true
	case !t.away:
		t.away, t.heard = true, now
		return true
	case now < t.heard.Add(c.tun.PublishPeriod/2):
		return true
	}
	c.backAgain(m, t)
	return false
}

// backAgain lets a member be found again.
func (c *Core) backAgain(m *master, t *tombstone) {
	t.Over = true
	m.outdated()
	c.changed()
	c.log(LevelNotice, "A member of "+m.cfg.Name+" is back that was forgotten: "+t.what())
}

// dig lets a replica be found again because an operator, or a failover, names it.
func (c *Core) dig(m *master, addr Addr) {
	for k := range m.tombstones {
		if t := &m.tombstones[k]; c.keepsAway(t, addr) {
			c.backAgain(m, t)
		}
	}
}

// endTombstones forgets tombstones whose time is over, and returns when that is next.
func (c *Core) endTombstones(now Instant, m *master) Instant {
	if len(m.tombstones) == 0 {
		return Never
	}
	before := len(m.tombstones)
	m.tombstones = slices.DeleteFunc(m.tombstones, func(t tombstone) bool { return now >= t.until })
	if len(m.tombstones) < before {
		m.outdated()
		c.changed()
	}
	next := Never
	for _, t := range m.tombstones {
		next = min(next, t.until)
	}
	return next
}

// savedTombstones returns those of m for a State.
func (m *master) savedTombstones() []Tombstone {
	list := make([]Tombstone, 0, len(m.tombstones))
	for _, t := range m.tombstones {
		list = append(list, t.Tombstone)
	}
	return list
}

// passedTombstones is what a peer was told of those of one master.
type passedTombstones struct {
	conn  ConnID  // over which
	upTo  uint64  // number of the last one that it has answered
	asked uint64  // number of the one whose answer is out
	seq   uint64  // token of that; 0: none
	again Instant // when it is told all of them once more; 0: it has refused none
}

// passTombstones tells all gosentinels which members were forgotten, again on each new
// connection, and returns when that is due next.
func (c *Core) passTombstones(now Instant, m *master) Instant {
	next := Never
	for _, p := range m.peers {
		l := p.link
		if len(m.tombstones) == 0 || c.opts.Observe || !l.connected() || l.gossip.kind != PeerGosentinel || !l.counts() {
			continue
		}
		if p.buried.conn != l.cmd.id {
			p.buried = passedTombstones{conn: l.cmd.id}
		}
		if p.buried.seq == 0 {
			next = min(next, c.passTombstone(now, m, p))
		}
	}
	return next
}

// passTombstone tells a peer of the next one, and returns when it is to be tried again.
func (c *Core) passTombstone(now Instant, m *master, p *peer) Instant {
	b := &p.buried
	for k := range m.tombstones {
		t := &m.tombstones[k]
		switch {
		case t.number <= b.upTo || t.Over:
			continue
		case !c.isDurable(t.seq):
			c.awaitDisk(m)
			return Never
		}
		b.asked = t.number
		b.seq = c.sendFor(&p.instance, PassForget{Master: m.cfg.Name, Tombstone: t.Tombstone, Force: t.force, Left: t.until.Sub(now)})
		return Never
	}
	switch {
	case b.again == 0:
		return Never
	case now < b.again:
		return b.again
	}
	b.upTo, b.again = 0, 0
	return c.passTombstone(now, m, p)
}

// forgetPassed takes the answer of a peer. One that refuses, because the member is alive
// for it or a failover is under way, is told again later.
func (c *Core) forgetPassed(p *peer, in CommandDone) {
	b := &p.buried
	if b.seq == 0 || b.seq != in.Token.Seq {
		return
	}
	b.seq, b.upTo = 0, b.asked
	if in.Refused != "" {
		b.again = c.now.Add(3 * c.tun.PublishPeriod) // until then a Sentinel that has ended may count as alive
		c.logOnce("forget:"+p.name, LevelWarning, "Sentinel "+p.name+" does not forget a member of "+p.master.cfg.Name+" yet: "+in.Refused)
	}
	c.touch(p.master)
}
