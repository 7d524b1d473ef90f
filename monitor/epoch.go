package monitor

import (
	"time"

	"github.com/gosentinel/sentinel/event"
)

// epochShared is for how long after its beginning an epoch is shared by the elections of
// all masters.
//
// A Sentinel has one current epoch for all its masters, and votes at no lower one. If each
// of many masters that fail together got an epoch of its own, every election would outdate
// the vote requests of the others. But votes and configuration epochs belong to one
// master, so elections of different masters at one epoch do not meet.
const epochShared = time.Second

// standsAt is the epoch at which this Sentinel would stand for m now: the current one
// while it is young and this Sentinel could still give another its vote about m in it, else
// the next. One that has lost its votes may have given that already, when the epoch was
// young the first time.
func (c *Core) standsAt(m *master) Epoch {
	if c.epochIsYoung() && !m.recall.over && c.epoch > max(m.ledger.Epoch, m.configEpoch) {
		return c.epoch
	}
	return c.epoch + 1
}

func (c *Core) epochIsYoung() bool { return c.epochAt != 0 && c.now < c.epochAt.Add(epochShared) }

// openEpoch begins a new epoch for an election of m.
func (c *Core) openEpoch(m *master) {
	c.epoch, c.epochAt = c.epoch+1, c.now
	c.emit(&m.instance, event.NewEpoch{Epoch: c.epoch})
}
