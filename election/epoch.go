package election

import "time"

// Epoch is a Sentinel logical clock value. It orders failover attempts across
// all masters (current epoch) and configurations of one master (config epoch).
// The zero value means "none yet".
type Epoch uint64

// MaxEpoch is the largest epoch accepted from the network without question.
// Stock Sentinels accept anything, so that one forged message carrying 2^64-1
// makes every later election impossible. Above MaxEpoch an epoch is believed
// only when it lies within EpochSlack of the one already known, which keeps
// elections possible even after an attacker has pushed the clock to the limit.
const (
	MaxEpoch   Epoch = 1 << 62
	EpochSlack Epoch = 1 << 20
)

// Plausible reports whether an epoch received from the network may be adopted
// by a Sentinel whose current epoch is cur.
func (e Epoch) Plausible(cur Epoch) bool {
	return e <= MaxEpoch || (e >= cur && e-cur <= EpochSlack) || e <= cur
}

// RunID is the 40 character identity of a Sentinel or of a Redis server.
// The zero value means "not known".
type RunID string

// RunIDLen is the length of every well-formed RunID.
const RunIDLen = 40

// Valid reports whether the id has the length that the protocol demands.
// Only the length is checked: that is all that other Sentinels check.
func (id RunID) Valid() bool { return len(id) == RunIDLen }

// Instant is a point in monotonic time, in nanoseconds since an origin chosen
// by the shell. The core never reads a clock: it compares the instants that it
// is given. The zero value is "never" for fields that record when something
// last happened, so a shell must start its clock above zero.
type Instant int64

// Never is later than every instant that a clock can show.
const Never Instant = 1<<63 - 1

// Add returns the instant d later, and Never when that is beyond all clocks.
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
