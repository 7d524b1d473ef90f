package node

import (
	"sync/atomic"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// clock converts real time to the instants of the core. It is monotonic, so
// setting the wall clock has no effect.
type clock struct {
	origin time.Time
	since  func() time.Duration // the time that has passed since origin
	asleep *atomic.Int64        // and what of that it does not count; nil: nothing
}

func (c clock) now() monitor.Instant {
	now := monitor.Instant(c.since()) + 1
	if c.asleep != nil {
		now += monitor.Instant(c.asleep.Load())
	}
	return now
}

func (c clock) wall(t monitor.Instant) time.Time { return c.origin.Add(time.Duration(t - 1)) }
