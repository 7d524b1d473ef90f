package monitor

import (
	"slices"
	"time"
)

// RoundTripBounds are the upper bounds of the classes of [RoundTrips].
var RoundTripBounds = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second,
}

// RoundTrips are the times that answers to PING took.
type RoundTrips struct {
	Classes [len(RoundTripBounds) + 1]uint64 // how many were up to each bound; the last: longer
	Sum     time.Duration
}

// roundTrip notes that the PING under way was answered.
func (c *Core) roundTrip(now Instant, l *link) {
	took := now.Sub(l.lastPing)
	l.roundTrip = took
	n, _ := slices.BinarySearch(RoundTripBounds[:], took)
	r := &c.roundTrips[l.owners[0].kind]
	r.Classes[n]++
	r.Sum += took
}

// RoundTrips returns the times that answers of instances of a kind took, since the start.
func (c *Core) RoundTrips(k Kind) RoundTrips { return c.roundTrips[k] }
