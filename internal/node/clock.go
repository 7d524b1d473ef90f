package node

import (
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// clock converts real time to the instants of the core. It is monotonic, so
// setting the wall clock has no effect.
type clock struct {
	origin time.Time
	since  func() time.Duration // the time that has passed since origin
}

func (c clock) now() monitor.Instant { return monitor.Instant(c.since()) + 1 }

func (c clock) wall(t monitor.Instant) time.Time { return c.origin.Add(time.Duration(t - 1)) }
