package mixed

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/redis/go-redis/v9"
)

// Written is what a client saw.
type Written struct {
	Acked, Failed int
	// FirstError is that of the first failed write.
	FirstError error
	// Longest is the longest time between two acknowledgements.
	Longest time.Duration
	// Elapsed is how long the client has been writing.
	Elapsed time.Duration
}

// Rate returns the acknowledged writes per second.
func (w Written) Rate() float64 { return float64(w.Acked) / w.Elapsed.Seconds() }

// writer is a client that writes at a fixed rate and never retries, so that
// every failed write shows.
type writer struct {
	write func(ctx context.Context, n int) error
	every time.Duration
	stop  context.CancelFunc
	done  sync.WaitGroup

	mu      sync.Mutex
	start   time.Time
	seen    Written
	lastAck time.Time
}

// writerWorkers share the writes. One that waits for a slow reply must not keep
// the others from their times.
const writerWorkers = 16

// behind is how late a write may be and still be made. What an outage of the
// machine held up is made up for, so that the rate is kept; what an outage of
// the master held up is not, so that writes go on at the given rate.
const behind = time.Second

// How long a client waits for one write. One that lives through failovers wants
// to know soon that a stopped master does not answer. Where every failed write
// counts, a busy machine must not be the reason.
const (
	impatient = 250 * time.Millisecond
	patient   = 10 * time.Second
)

// startWriter starts a client that finds the master as applications do.
func startWriter(s *Set, perSecond int, limit time.Duration) *writer {
	var addrs []string
	for _, n := range s.Sentinels {
		addrs = append(addrs, n.Addr())
	}
	client := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: s.Master, SentinelAddrs: addrs,
		MaxRetries: -1, DialTimeout: limit, ReadTimeout: limit, WriteTimeout: limit,
		DisableIdentity: true,
		// After so many failed dials in a row go-redis tries but once a second, which
		// would hide what is measured.
		PoolSize: 10000,
	})
	w := newWriter(perSecond, func(ctx context.Context, n int) error {
		return client.Set(ctx, "mixed:"+strconv.Itoa(n%1000), n, 0).Err()
	})
	cancel := w.stop
	w.stop = func() {
		cancel()
		w.done.Wait()
		_ = client.Close()
	}
	return w
}

func newWriter(perSecond int, write func(context.Context, int) error) *writer {
	ctx, cancel := context.WithCancel(context.Background())
	now := time.Now()
	w := &writer{write: write, every: time.Second / time.Duration(perSecond), stop: cancel, start: now, lastAck: now}
	for i := range writerWorkers {
		w.done.Go(func() { w.work(ctx, i, now) })
	}
	return w
}

// work makes every writerWorkers-th write at its time.
func (w *writer) work(ctx context.Context, first int, start time.Time) {
	due := time.NewTimer(0)
	defer due.Stop()
	for n := first; ; n += writerWorkers {
		at := start.Add(time.Duration(n) * w.every)
		late := time.Since(at)
		if late > behind {
			continue
		}
		due.Reset(-late)
		select {
		case <-ctx.Done():
			return
		case <-due.C:
		}
		err := w.write(ctx, n)
		if ctx.Err() != nil {
			return // the write that the end cut off says nothing
		}
		w.count(err, time.Now())
	}
}

func (w *writer) count(err error, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		if w.seen.Failed++; w.seen.FirstError == nil {
			w.seen.FirstError = err
		}
		return
	}
	w.seen.Acked++
	w.seen.Longest = max(w.seen.Longest, at.Sub(w.lastAck))
	w.lastAck = at
}

// mark forgets what was seen so far.
func (w *writer) mark() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	w.seen, w.start = Written{}, now
	w.lastAck = now
}

// written returns what was seen since the start or the last mark.
func (w *writer) written() Written {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	seen.Elapsed = time.Since(w.start)
	return seen
}

// close ends the writer and returns what it saw. It may be called twice.
func (w *writer) close() Written {
	seen := w.written()
	w.stop()
	w.done.Wait()
	return seen
}

// waitAck returns when a write that begins after this call has been acknowledged.
func (w *writer) waitAck(ctx context.Context) error {
	before := w.written().Acked
	return cluster.WaitFor(ctx, "the client to write again", func(context.Context) (string, bool) {
		seen := w.written()
		// One of each worker may have been on its way.
		return strconv.Itoa(seen.Acked-before) + " acknowledged", seen.Acked > before+writerWorkers
	})
}
