//go:build !faultyclock

package node

import (
	"sync/atomic"
	"time"
)

func newClock() clock {
	origin := time.Now()
	return clock{origin, func() time.Duration { return time.Since(origin) }, new(atomic.Int64)}
}
