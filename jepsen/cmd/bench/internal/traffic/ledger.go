package traffic

import (
	"math/bits"
	"sync"
)

// ledger are the acknowledged writes of one client: bit n is set when write n was.
type ledger struct {
	mu    sync.Mutex
	words []uint64
}

func (l *ledger) set(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n/64 >= len(l.words) {
		l.words = append(l.words, 0)
	}
	l.words[n/64] |= 1 << (n % 64)
}

// copy returns what has been acknowledged up to now.
func (l *ledger) copy() []uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]uint64(nil), l.words...)
}

// lost counts the acknowledged writes that a server does not have, given what it says
// to GET, and forgets them, so that each is counted once.
func (l *ledger) lost(acked []uint64, got string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	total := 0
	for i, w := range acked {
		gone := w &^ word(got, i)
		l.words[i] &^= gone
		total += bits.OnesCount64(gone)
	}
	return total
}

// word returns 64 bits of a string, in which SETBIT begins with the highest bit of the
// first byte.
func word(s string, i int) (w uint64) {
	for k := range 8 {
		if at := i*8 + k; at < len(s) {
			w |= uint64(bits.Reverse8(s[at])) << (8 * k)
		}
	}
	return w
}
