package monitor

import (
	"slices"
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
)

// disk is the core's view of what is durable. States are numbered. One write is
// in flight at a time, and all that happens meanwhile goes into the next one
// (group commit), so a burst of changes to thousands of masters costs few
// writes.
type disk struct {
	lastSeq  uint64   // of the last Persist handed out
	durable  uint64   // of the last Persist that succeeded
	inFlight *Persist // nil when no write is under way
	dirty    bool     // the state differs from the last Persist
	gated    []Effect // wait for the next Persist
	waiting  []*master
	refused  int // promises that were not made because gated was full
	dropped  int // events dropped because of that
	failing  bool
	stalled  bool    // failing because the write under way does not end
	retry    Instant // while failing
	began    Instant // of the write under way
	// latency is how long writes take: the last one, or a decaying average of
	// slower ones before it.
	latency time.Duration
	reason  string
}

// next is the number of the Persist that will hold a change made now.
func (d *disk) next() uint64 { return d.lastSeq + 1 }

// diskDeadline is when the disk must be looked at again although it is silent.
func (c *Core) diskDeadline() Instant {
	d := &c.disk
	switch {
	case d.inFlight != nil && !d.stalled:
		return d.began.Add(c.tun.PersistStall)
	case d.inFlight == nil && d.failing:
		return d.retry
	}
	return Never
}

// checkDisk treats a write that does not end, as on a dead network file system,
// like a failed one. It may still succeed; until then nothing waits for it.
func (c *Core) checkDisk() {
	d := &c.disk
	if d.inFlight == nil || d.stalled || c.now < c.diskDeadline() {
		return
	}
	d.stalled = true
	c.persistFailed(c.now, d.inFlight, "the write has not ended after "+c.tun.PersistStall.String())
	c.wakeDiskWaiters()
}

// changed notes that the state must be saved.
func (c *Core) changed() {
	c.changes++
	c.disk.dirty = true
}

// gate queues an effect that may happen only once the current state is durable.
func (c *Core) gate(e Effect) {
	d := &c.disk
	c.changed()
	switch {
	case d.stalled && c.failGated(e): // +persist-error has told
	case len(d.gated) < c.maxGated():
		d.gated = append(d.gated, e)
	case c.failGated(e):
		c.tellFull(&d.refused)
	default:
		c.tellFull(&d.dropped)
	}
}

// tellFull counts what the disk is too slow for, and tells of the first.
func (c *Core) tellFull(count *int) {
	if c.disk.refused+c.disk.dropped == 0 {
		c.log(LevelWarning, "More than "+strconv.Itoa(c.maxGated())+" replies and events wait for the disk: votes are refused until it has caught up")
	}
	*count++
}

// failGated releases a gated effect without its promise, if there is such a
// form of it: a vote request is answered without a vote, and an operator gets
// an error.
func (c *Core) failGated(e Effect) bool {
	switch e := e.(type) {
	case Reply:
		c.free(Reply{To: e.To, Down: e.Down && !c.tilt})
		return true
	case CallResult:
		e.Err = ErrSave
		c.free(e)
		return true
	case Emit:
		if _, ok := e.Event.(event.Monitor); ok {
			c.free(e) // the master is monitored although that is not saved
			return true
		}
	}
	return false
}

// isDurable reports whether the Persist with number seq succeeded.
func (c *Core) isDurable(seq uint64) bool { return seq <= c.disk.durable }

// awaitDisk queues m to be judged when the next write ends.
func (c *Core) awaitDisk(m *master) {
	if !m.awaiting {
		m.awaiting = true
		c.disk.waiting = append(c.disk.waiting, m)
	}
}

// Drain moves all effects since the last Drain to out, which it resets first:
// the free ones, then at most one Persist. Call it after a batch of steps.
func (c *Core) Drain(out *Effects) {
	out.Reset()
	out.Free, c.out = c.out, out.Free

	d := &c.disk
	if m := c.promotes; m != nil && !d.dirty && d.inFlight == nil {
		out.Forecast = c.forecast(m)
	}
	c.promotes = nil
	if !d.dirty || d.inFlight != nil || (d.failing && c.now < d.retry) {
		return
	}
	d.lastSeq++
	d.inFlight = &Persist{Seq: d.lastSeq, State: c.toSave(), Then: d.gated}
	d.gated, d.dirty, d.began = nil, false, c.now
	out.Persist = d.inFlight
}

// forecast returns the state that is to be saved when the promotion of m that is about
// to be ordered has been confirmed: clients get the new address only after that.
func (c *Core) forecast(m *master) *State {
	if m.promoted == nil || m.attempt.Phase() < election.SendReplicaOfNoOne || m.attempt.Published() {
		return nil // it was given up at once, or is confirmed
	}
	attempt, configEpoch := m.attempt, m.configEpoch
	m.configEpoch = m.attempt.Epoch
	for !m.attempt.Published() {
		m.attempt.Advance(m.attempt.Phase()+1, c.now)
	}
	promoted := m.state()
	m.attempt, m.configEpoch = attempt, configEpoch
	s := c.toSave()
	s.Masters[slices.Index(c.masters, m)] = promoted
	return &s
}

func (c *Core) persisted(now Instant, in Persisted) {
	d := &c.disk
	if d.inFlight == nil || d.inFlight.Seq != in.Seq {
		return
	}
	p := d.inFlight
	d.inFlight, d.stalled = nil, false
	took := now.Sub(d.began)
	d.latency = max(took, (7*d.latency+took)/8)
	if in.Err != "" {
		c.persistFailed(now, p, in.Err)
	} else {
		d.durable = p.Seq
		c.durableEpoch = p.State.CurrentEpoch
		if d.failing {
			d.failing = false
			c.emit(nil, event.PersistError{})
		}
	}
	if d.dropped+d.refused > 0 {
		c.log(LevelWarning, strconv.Itoa(d.refused)+" requests were refused and "+strconv.Itoa(d.dropped)+
			" events dropped because the state was not saved in time")
		d.refused, d.dropped = 0, 0
	}
	c.wakeDiskWaiters()
}

// wakeDiskWaiters queues the masters that wait for the disk.
func (c *Core) wakeDiskWaiters() {
	waiting := c.disk.waiting
	c.disk.waiting = nil
	for _, m := range waiting {
		m.awaiting = false
		c.touch(m)
	}
}

// persistFailed takes back what must not happen without the disk: vote requests
// are answered without a vote, operators get an error, events wait for a write
// that succeeds. The votes themselves stay in the ledger. They bind this
// process, and no other has heard of them.
func (c *Core) persistFailed(now Instant, p *Persist, reason string) {
	d := &c.disk
	if !d.failing || d.reason != reason {
		c.emit(nil, event.PersistError{Failing: true, Reason: reason})
	}
	d.failing, d.reason, d.dirty = true, reason, true
	d.retry = now.Add(c.tun.PersistRetry)
	d.gated = append(p.Then, d.gated...)
	p.Then = nil
	kept := d.gated[:0]
	for _, e := range d.gated {
		if !c.failGated(e) {
			kept = append(kept, e)
		}
	}
	clear(d.gated[len(kept):])
	d.gated = kept
	if drop := len(d.gated) - c.maxGated(); drop > 0 {
		d.gated = append(d.gated[:0], d.gated[drop:]...)
		d.dropped += drop
	}
}

// Bounds of the effects that wait for a slow or dead disk: any client can cause some
// with vote requests. An election about a master takes up to three at a voter, for each
// of a few candidates.
const (
	minGated      = 4096
	gatedByMaster = 8
)

func (c *Core) maxGated() int { return max(minGated, gatedByMaster*len(c.masters)) }
