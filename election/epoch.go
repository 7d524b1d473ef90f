package election

// Epoch is a Sentinel logical clock value. It orders failover attempts across
// all masters (current epoch) and configurations of one master (config epoch).
// The zero value means "none yet".
type Epoch uint64

// MaxEpoch is the largest epoch accepted from the network unconditionally.
// Stock Sentinels accept anything, so that one forged message carrying 2^64-1
// makes every later election impossible. Above MaxEpoch an epoch is accepted
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
