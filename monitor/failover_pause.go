package monitor

import (
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gosentinel/sentinel/event"
)

// FailoverPause is what an operator has said last about the failovers of a master
// (SENTINEL PAUSE-FAILOVER and RESUME-FAILOVER). The zero value: nothing.
//
// Of two, the one with the higher Version counts, and of equal versions the one with
// the greater By. One that is Resumed is kept for as long as a pause can last:
// otherwise a Sentinel that was away could bring the pause back.
type FailoverPause struct {
	// Version is the wall clock in milliseconds when it was said, or one more than
	// what it replaces if that is later.
	Version uint64
	By      RunID // the Sentinel that the operator told
	Until   int64 // when it ends by itself: Unix time in milliseconds
	Resumed bool
	Reason  string // "" when none was given
}

const (
	// MaxFailoverPause is how long one command can pause failovers. What is forgotten
	// must not keep a master from its failover for ever.
	MaxFailoverPause = 24 * time.Hour
	// MaxPauseReason is how long the reason of a pause can be, in bytes.
	MaxPauseReason = 256

	maxPauseVersion = 1 << 62
)

// failoverPause is a FailoverPause as the core works with it.
type failoverPause struct {
	FailoverPause
	until Instant // Until by the clock of the core
	seq   uint64  // the Persist that holds it
	told  Instant // odownSince of the failure for which it was logged that there is no attempt
}

// newerThan reports whether p replaces o.
func (p *FailoverPause) newerThan(o *FailoverPause) bool {
	return p.Version > o.Version || p.Version == o.Version && p.By > o.By
}

// passed is what a peer was told of the pause of one master.
type passed struct {
	conn    ConnID // over which
	version uint64
	seq     uint64  // token while the answer is out; 0 after it
	due     Instant // when it is told again: it may have lost its state
}

// failoversPaused reports whether an operator has paused the failovers of m.
func (m *master) failoversPaused(now Instant) bool { return !m.pause.Resumed && now < m.pause.until }

// wall returns the wall clock at an instant, in milliseconds of Unix time.
func (c *Core) wall(at Instant) int64 { return c.wallAtZero + int64(at)/int64(time.Millisecond) }

// loadPause takes up a pause that was saved, as far as it is not over. A clock that was
// wrong, here or when it was saved, makes none longer than the longest.
func (c *Core) loadPause(now Instant, m *master, p FailoverPause) {
	left := min(time.Duration(p.Until-c.wall(now))*time.Millisecond, MaxFailoverPause)
	if p.Version == 0 || left <= 0 || p.Until <= c.wall(now) {
		return
	}
	m.pause = failoverPause{FailoverPause: p, until: now.Add(left)}
	m.pause.Until = c.wall(m.pause.until)
}

// pauseOp carries out PAUSE-FAILOVER and RESUME-FAILOVER, of an operator or as another
// Sentinel passes it on.
func (c *Core) pauseOp(now Instant, in Call, op PauseOp) {
	m := c.byName[op.Name]
	err := op.mistake()
	switch {
	case m == nil:
		err = ErrNoSuchMaster
	case err != nil:
	case op.Version == 0:
		if op.Resume {
			op.For = MaxFailoverPause // others may know of a pause that was not heard of here
		}
		op.Version, op.By = max(uint64(max(c.wall(now), 1)), m.pause.Version+1), c.opts.MyID
	}
	if err != nil {
		c.free(CallResult{To: in.From, Err: err})
		return
	}
	p := failoverPause{until: now.Add(op.For)}
	p.FailoverPause = FailoverPause{Version: op.Version, By: op.By, Until: c.wall(p.until), Resumed: op.Resume, Reason: op.Reason}
	if p.newerThan(&m.pause.FailoverPause) {
		c.takePause(now, m, p)
	}
	if c.isDurable(m.pause.seq) {
		c.free(CallResult{To: in.From}) // it was known
	} else {
		c.gate(CallResult{To: in.From})
	}
}

// mistake says what is wrong with an op; nil when nothing is.
func (op *PauseOp) mistake() *CallError {
	switch {
	case !op.Resume && (op.For < time.Millisecond || op.For > MaxFailoverPause), op.Resume && (op.For < 0 || op.For > MaxFailoverPause):
		return errPauseTime
	case len(op.Reason) > MaxPauseReason, !plainText(op.Reason):
		return errPauseReason
	case op.Version > maxPauseVersion, op.Version != 0 && !op.By.Valid():
		return errPassedPause
	}
	return nil
}

var (
	errPauseTime = &CallError{"ERR", "A pause lasts from 1 to " + strconv.FormatInt(MaxFailoverPause.Milliseconds(), 10) +
		" milliseconds (24 hours), and can be renewed; RESUME-FAILOVER ends one"}
	errPauseReason = &CallError{"ERR", "The reason of a pause is one line of text of at most " + strconv.Itoa(MaxPauseReason) + " bytes, without control characters"}
	errPassedPause = &CallError{"ERR", "Invalid version or id of a pause that a Sentinel passes on"}
)

// plainText reports whether a line of the log, of a file and of a reply can hold text.
func plainText(text string) bool {
	for _, r := range text {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return false
		}
	}
	return true
}

// takePause makes p what holds for m, and ends what has begun and can be ended.
func (c *Core) takePause(now Instant, m *master, p failoverPause) {
	was := m.pause
	p.seq = c.disk.next()
	m.pause = p
	m.outdated()
	c.changed()
	c.touch(m)
	paused, before := m.failoversPaused(now), !was.Resumed && now < was.until
	switch {
	case paused && (!before || p.Until != was.Until || p.Reason != was.Reason):
		c.emit(&m.instance, event.FailoverPaused{Instance: c.ref(&m.instance), Until: time.UnixMilli(p.Until).UTC(), By: p.By, Reason: p.Reason})
	case !paused && before:
		c.emit(&m.instance, event.FailoverResumed{Instance: c.ref(&m.instance), Reason: "by an operator of " + string(p.By)})
	}
	if paused {
		c.stopForPause(now, m)
	}
}

// stopForPause gives up an attempt that has ordered nothing yet. One that has goes on:
// half a failover is worse than a whole one. So does what an operator forces, and the
// end of a switchover that another driver left unfinished.
func (c *Core) stopForPause(now Instant, m *master) {
	switch s := m.switchover.stage; {
	case m.force.on, s == takingOver, s == retiring:
	case s == preparing:
		c.refuseSwitchover(m, pausedReason)
	case s == electing:
		c.endSwitchover(now, m, event.FailoverAbortNotElected{Instance: c.ref(&m.instance)}, pausedReason)
	case s == noSwitchover && m.attempt.InProgress() && m.orders == 0 && !m.waitingForPromotion() && !m.attempt.Published():
		c.log(LevelNotice, "The failover of '"+m.cfg.Name+"' is given up: "+pausedReason)
		c.abort(now, m, event.FailoverAbortNotElected{Instance: c.ref(&m.instance)})
		m.attempt.Allow()
	}
}

const pausedReason = "an operator has paused the failovers of this master"

// pausedError is the answer to an operator who wants a failover nevertheless.
func (c *Core) pausedError(now Instant, m *master) *CallError {
	return &CallError{ErrPaused.Code, ErrPaused.Text + " until " + m.pause.end() + ", for " +
		m.pause.until.Sub(now).Truncate(time.Millisecond).String() + " more" + m.pause.because() +
		". SENTINEL RESUME-FAILOVER ends that, and FAILOVER with FORCE goes ahead nevertheless"}
}

func (p *failoverPause) end() string { return time.UnixMilli(p.Until).UTC().Format(time.RFC3339) }

func (p *failoverPause) because() string {
	if p.Reason == "" {
		return ""
	}
	return " (" + p.Reason + ")"
}

// delayedByPause returns until when no attempt may begin because failovers are paused,
// and says so once for each failure.
func (c *Core) delayedByPause(now Instant, m *master) Instant {
	if !m.failoversPaused(now) {
		return 0
	}
	if m.pause.told != m.odownSince {
		m.pause.told = m.odownSince
		why := "an operator has paused them until " + m.pause.end() + m.pause.because()
		c.log(LevelWarning, "No failover of '"+m.cfg.Name+"' is begun: "+why)
		c.noteFact(m, HeldFact{Reason: why})
	}
	return m.pause.until
}

// refusesForPause reports whether a vote is refused because failovers are paused: the
// attempt of one that does not know of the pause, such as redis-sentinel, must not
// succeed with votes of those that do. Where the master is a replica of nobody, the
// vote is not for a failover but for the end of one.
func (m *master) refusesForPause(now Instant) bool {
	return m.failoversPaused(now) && !m.followsNobody()
}

// endPause forgets a pause when its time is over, and returns when that is.
func (c *Core) endPause(now Instant, m *master) Instant {
	switch {
	case m.pause.Version == 0:
		return Never
	case now < m.pause.until:
		return m.pause.until
	}
	if !m.pause.Resumed {
		c.emit(&m.instance, event.FailoverResumed{Instance: c.ref(&m.instance), Reason: "the time of the pause is over"})
	}
	m.pause = failoverPause{}
	m.outdated()
	c.changed()
	return Never
}

// passPauseOn tells all gosentinels what an operator has said last, again on each new
// connection and now and then, and returns when that is due next.
func (c *Core) passPauseOn(now Instant, m *master) Instant {
	switch {
	case m.pause.Version == 0 || c.opts.Observe:
		return Never
	case !c.isDurable(m.pause.seq):
		c.awaitDisk(m)
		return Never
	}
	next := m.pause.until
	for _, p := range m.peers {
		l := p.link
		if !l.connected() || l.gossip.kind != PeerGosentinel || !l.counts() {
			continue
		}
		t := &p.passed
		if t.conn != l.cmd.id {
			*t = passed{conn: l.cmd.id}
		}
		switch {
		case t.seq != 0:
		case t.version == m.pause.Version && now < t.due:
			next = min(next, t.due)
		default:
			t.version, t.due = m.pause.Version, now.Add(gossipRefresh)
			t.seq = c.sendFor(&p.instance, PassPause{Master: m.cfg.Name, Pause: m.pause.FailoverPause, Left: m.pause.until.Sub(now)})
		}
	}
	return next
}

// pausePassed takes the answer of a peer.
func (c *Core) pausePassed(p *peer, in CommandDone) {
	if t := &p.passed; t.seq != 0 && t.seq == in.Token.Seq {
		t.seq = 0
		if in.Refused != "" {
			c.logOnce("pause:"+p.name, LevelWarning, "Sentinel "+p.name+" does not take what an operator says of the failovers of "+
				p.master.cfg.Name+": "+in.Refused)
		}
		c.touch(p.master)
	}
}
