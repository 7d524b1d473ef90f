package election

import "time"

// Instant is a point in monotonic time, in nanoseconds since an origin chosen
// by the shell. The core never reads a clock: it compares the instants that it
// is given. The zero value is "never" for fields that record when something
// last happened, so a shell must start its clock above zero.
type Instant int64

// Never is later than every instant that a clock can show.
const Never Instant = 1<<63 - 1

// Add returns the instant d later, or Never when that would overflow.
func (t Instant) Add(d time.Duration) Instant {
	if d > 0 && t > Never-Instant(d) {
		return Never
	}
	if t == Never {
		return Never
	}
	return t + Instant(d)
}

// Sub returns the duration from u to t.
func (t Instant) Sub(u Instant) time.Duration { return time.Duration(t - u) }
