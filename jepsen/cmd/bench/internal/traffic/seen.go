package traffic

import (
	"sync"
	"time"
)

// Seen is what clients saw since the last Mark.
type Seen struct {
	Acked int // writes
	// Gap is the longest time without any acknowledgement to a follower.
	Gap time.Duration
	// Stall is the longest time that one client of those that follow had to wait: for
	// a write, from when it was due until it was acknowledged, and for a subscriber,
	// between two messages.
	Stall time.Duration
	// PerConn and PerClient are the largest numbers of errors that one connection and
	// one client had, of those that follow. A pipeline that fails counts once. Of clients
	// that use a library only the latter is known, and is what the application saw.
	PerConn, PerClient int
	// FirstError is that of the first error, in words.
	FirstError string
}

// tally counts since the last mark.
type tally struct{ mark, n int }

// book is what all clients write into.
type book struct {
	mu        sync.Mutex
	mark      int
	seen      Seen
	following bool // whether anyone follows, so that there is a gap
	lastAck   time.Time
	last      map[string]time.Time // by server: its last acknowledgement of a write
	served    map[string]int       // by blocked client: how often it was served
	heard     map[int]time.Time    // by subscriber: when it heard something
}

func newBook() *book {
	return &book{last: map[string]time.Time{}, served: map[string]int{}, heard: map[int]time.Time{}, lastAck: time.Now()}
}

// start begins a new count.
func (b *book) start() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mark++
	now := time.Now()
	b.seen, b.lastAck = Seen{}, now
	for i := range b.heard {
		b.heard[i] = now
	}
	clear(b.last)
}

func (b *book) read() Seen {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.seen
	if b.following {
		s.Gap = max(s.Gap, time.Since(b.lastAck))
	}
	for _, at := range b.heard {
		s.Stall = max(s.Stall, time.Since(at))
	}
	return s
}

// lastFrom returns when a server acknowledged its last write since the mark; the zero
// time if it did not.
func (b *book) lastFrom(addr string) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last[addr]
}

// ack notes n acknowledged writes.
func (b *book) ack(addr string, n int, follows bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.seen.Acked += n
	b.last[addr] = now
	if follows {
		b.seen.Gap = max(b.seen.Gap, now.Sub(b.lastAck))
		b.lastAck = now
	}
}

// waited notes how long one client of those that follow had to wait.
func (b *book) waited(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen.Stall = max(b.seen.Stall, d)
}

// hear notes that a subscriber got a message.
func (b *book) hear(i int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if last, any := b.heard[i]; any {
		b.seen.Stall = max(b.seen.Stall, now.Sub(last))
	}
	b.heard[i] = now
}

// fail notes an error of a follower, on a connection unless it could not be opened.
func (b *book) fail(client *tally, c *conn, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen.FirstError == "" {
		b.seen.FirstError = err.Error()
	}
	b.seen.PerClient = max(b.seen.PerClient, b.count(client))
	if c != nil {
		b.seen.PerConn = max(b.seen.PerConn, b.count(&c.errs))
	}
}

func (b *book) count(t *tally) int {
	if t.mark != b.mark {
		*t = tally{mark: b.mark}
	}
	t.n++
	return t.n
}

// serve notes that a blocked client got what it waited for.
func (b *book) serve(client string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.served[client]++
}

func (b *book) servedTo(client string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.served[client]
}
