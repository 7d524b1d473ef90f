package monitor

import (
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/election"
)

// recall is about the votes of an earlier life that the file has lost. A chart
// writes the file anew at each start of a pod, with a fixed id and without epochs.
// A second vote in an epoch of the earlier life would let two candidates win it
// (invariant S3). So nobody gets a vote before this Sentinel has listened to the
// others: a Sentinel that asked for its vote at some epoch tells that epoch, or a later
// one, with each hello. What is heard then counts as voted in.
type recall struct {
	lost  bool    // votes may be missing
	ears  Instant // since when a server's channel was subscribed to; 0: not yet
	heard Instant // first hello of another Sentinel about this master; 0: none
	over  bool    // votes were missing, and it has listened
}

// listen is for how long the others are listened to: everyone sends a hello
// within one period, and the second makes up for a lost one.
func (c *Core) listen() time.Duration { return 2 * c.tun.PublishPeriod }

// forgetVotes says that votes about m may be missing.
func (c *Core) forgetVotes(m *master) {
	m.recall.lost = true
	m.outdated()
	c.log(LevelNotice, "The file has the id of this Sentinel but no votes about '"+m.cfg.Name+
		"': it votes and stands after it has listened to the others for "+c.listen().String())
}

// recallHeard notes that another Sentinel was heard about m.
func (c *Core) recallHeard(now Instant, m *master) {
	if r := &m.recall; r.lost && r.heard == 0 {
		r.heard = now
		c.touch(m)
	}
}

// recallEars notes that hellos about m can be heard from now on.
func (c *Core) recallEars(now Instant, m *master) {
	if r := &m.recall; r.lost && r.ears == 0 {
		r.ears = now
		c.touch(m)
	}
}

// recollect ends the time of listening and returns when to look again.
func (c *Core) recollect(now Instant, m *master) Instant {
	r := &m.recall
	if !r.lost || r.heard == 0 {
		return Never
	}
	if due := r.heard.Add(c.listen()); now < due {
		return due
	}
	m.recall = recall{over: true}
	m.outdated()
	c.epochsLost = false
	if c.epoch > m.ledger.Epoch {
		m.ledger = election.Ledger{Epoch: c.epoch} // for nobody: a vote for itself, alone, was at an earlier one
	}
	c.log(LevelNotice, "The others were heard: votes about '"+m.cfg.Name+"' are given above epoch "+
		strconv.FormatUint(uint64(m.ledger.Epoch), 10))
	c.changed()
	return Never
}

// mayStandFrom returns from when this Sentinel may stand for election. One that
// could have heard others and has not is alone: nobody can have asked it.
func (c *Core) mayStandFrom(m *master) Instant {
	switch r := &m.recall; {
	case !r.lost:
		return 0
	case r.heard != 0:
		return r.heard.Add(c.listen())
	case r.ears != 0:
		return r.ears.Add(c.listen())
	}
	return Never
}
