package fakeredis

// backlogSize bounds how many bytes of the replication stream are kept for
// replicas that reconnect.
const backlogSize = 1 << 20

// backlog keeps the newest bytes of the replication stream. Offsets count from 1:
// the first byte that a new server propagates has offset 1. Call reset before
// use.
type backlog struct {
	ring  []byte // nil until the first byte
	held  int    // number of valid bytes
	write int    // index in ring of the next byte
	next  int64  // offset of the next byte
}

// reset empties the backlog; the next byte will have the given offset.
func (b *backlog) reset(next int64) {
	b.held, b.write, b.next = 0, 0, next
}

// first returns the offset of the oldest byte held, or that of the next byte if
// none is held.
func (b *backlog) first() int64 { return b.next - int64(b.held) }

func (b *backlog) append(p []byte) {
	if b.ring == nil {
		b.ring = make([]byte, backlogSize)
	}
	b.next += int64(len(p))
	if len(p) > len(b.ring) {
		p = p[len(p)-len(b.ring):]
	}
	b.held = min(b.held+len(p), len(b.ring))
	for len(p) > 0 {
		n := copy(b.ring[b.write:], p)
		p = p[n:]
		b.write = (b.write + n) % len(b.ring)
	}
}

// from returns a copy of everything from offset on, or false if some of it is no
// longer, or not yet, held.
func (b *backlog) from(offset int64) ([]byte, bool) {
	if offset < b.first() || offset > b.next {
		return nil, false
	}
	n := int(b.next - offset)
	if n == 0 {
		return nil, true
	}
	start := (b.write - n + len(b.ring)) % len(b.ring)
	out := make([]byte, 0, n)
	if start+n <= len(b.ring) {
		return append(out, b.ring[start:start+n]...), true
	}
	out = append(out, b.ring[start:]...)
	return append(out, b.ring[:b.write]...), true
}
