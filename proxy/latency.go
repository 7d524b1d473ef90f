package proxy

import (
	"strconv"
	"sync/atomic"
	"time"
)

// latencyBounds are the upper bounds of the buckets of a histogram. There is one more for
// all that is above.
var latencyBounds = [...]time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 200 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second,
}

// histogram counts how long requests took, from their arrival to the reply. Workers add to
// it, and anybody reads.
type histogram struct {
	buckets [len(latencyBounds) + 1]atomic.Uint64
	sum     atomic.Int64 // nanoseconds
}

func (h *histogram) add(d time.Duration) {
	i := 0
	for i < len(latencyBounds) && d > latencyBounds[i] {
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(int64(d))
}

// snapshot is a histogram of a moment. upTo[i] counts what took latencyBounds[i] at most,
// and the last one counts everything.
type snapshot struct {
	upTo [len(latencyBounds) + 1]uint64
	sum  time.Duration
}

func (h *histogram) read() (s snapshot) {
	n := uint64(0)
	for i := range h.buckets {
		n += h.buckets[i].Load()
		s.upTo[i] = n
	}
	s.sum = time.Duration(h.sum.Load())
	return s
}

func (s *snapshot) count() uint64 { return s.upTo[len(latencyBounds)] }

// quantile returns the bound below which a part of all requests stayed; zero if there were
// none, and negative if that is above all bounds.
func (s *snapshot) quantile(q float64) time.Duration {
	if s.count() == 0 {
		return 0
	}
	for i, d := range latencyBounds {
		if float64(s.upTo[i]) >= q*float64(s.count()) {
			return d
		}
	}
	return -1
}

// mean returns microseconds.
func (s *snapshot) mean() float64 {
	return float64(s.sum.Microseconds()) / max(1, float64(s.count()))
}

// usec writes a quantile in microseconds.
func usec(d time.Duration) string {
	if d < 0 {
		return "inf"
	}
	return strconv.FormatInt(d.Microseconds(), 10)
}

// observe notes how long an answered request took. What waits because it was asked to
// says nothing about servers.
func (c *client) observe(r *req) {
	if r.cmd == localCommand || r.kind == blocking || r.kind == waiting || r.kind == mayBlock && r.via == c.pin {
		return
	}
	took := c.w.now - r.since
	c.l.door.latency.add(took)
	if p := c.w.p; took >= p.config().SlowerThan {
		p.slow.add(p.config().SlowMost, slowRequest{at: time.Now(), took: took, words: r.sample, name: r.cmd.name, addr: c.wire.remote(), client: c.name})
	}
}
