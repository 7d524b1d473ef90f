package election

import "time"

// Rank returns the place of self among the Sentinels that may lead the next
// failover of a master, 0 being first. Every Sentinel with the same view
// computes the same order; it differs from master to master and from epoch to
// epoch, so that the work is spread and a candidate that could not win is not
// first again.
func Rank(self RunID, others []RunID, master string, epoch Epoch) int {
	own := weight(self, master, epoch)
	rank := 0
	for _, id := range others {
		w := weight(id, master, epoch)
		if w < own || (w == own && id < self) {
			rank++
		}
	}
	return rank
}

// MaxRank bounds the wait of the last in a long line: beyond it Sentinels share
// a slot and rely on the random part.
const MaxRank = 8

// CandidacyDelay returns how long a Sentinel of the given rank waits between
// seeing the master objectively down and asking for votes.
//
// Sentinels that detect a crash in the same millisecond would otherwise all
// vote for themselves in the same epoch. None would reach a majority, and each
// retry costs the election timeout plus twice the failover timeout. One slot
// must be long enough for the vote request of the Sentinel before to arrive:
// then the later one gives its vote instead of asking for it. jitter in [0,1)
// keeps Sentinels with different views of the order apart.
func CandidacyDelay(rank int, slot time.Duration, jitter float64) time.Duration {
	rank = min(rank, MaxRank)
	return time.Duration(rank)*slot + time.Duration(jitter*float64(slot)/4)
}

// weight is FNV-1a with a final mix, over what the order depends on.
func weight(id RunID, master string, epoch Epoch) uint64 {
	h := uint64(14695981039346656037)
	add := func(s string) {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211
	}
	add(string(id))
	add(master)
	h ^= uint64(epoch) * 0x9e3779b97f4a7c15
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	return h
}
