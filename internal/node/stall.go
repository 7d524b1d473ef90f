package node

import (
	"sync/atomic"
	"time"

	"github.com/gosentinel/sentinel/internal/server"
	"github.com/gosentinel/sentinel/monitor"
)

// stalls measures how long the loop lets wait what arrives. The loop alone calls
// begin and end.
type stalls struct {
	woke  monitor.Instant
	since monitor.Instant // of what has waited longest in this round

	wait, work longest
}

// begin is called when the loop wakes, for an input that arrived at the instant since,
// or a deadline of that instant.
func (s *stalls) begin(now, since monitor.Instant) {
	s.woke, s.since = now, min(now, since)
}

// end is called when all effects of the round have been carried out.
func (s *stalls) end(now monitor.Instant) {
	if s.woke == 0 {
		return // the start is no round
	}
	s.wait.add(now, now-s.since)
	s.work.add(now, now-s.woke)
	s.woke = 0
}

// times returns what was measured so far. Any goroutine may call it.
func (s *stalls) times(now monitor.Instant) server.LoopTimes {
	return server.LoopTimes{
		Stall: s.wait.ever(), RecentStall: s.wait.recent(now),
		Round: s.work.ever(), RecentRound: s.work.recent(now),
	}
}

// recentSpan is the least span that "recent" covers; the most is twice as long.
const recentSpan = monitor.Instant(time.Minute)

// longest keeps the longest of many durations, ever and recently. One goroutine
// writes, any may read.
type longest struct {
	all  atomic.Int64
	span [2]struct{ number, max atomic.Int64 } // spans take turns
}

func (l *longest) add(now, d monitor.Instant) {
	l.all.Store(max(l.all.Load(), int64(d)))
	n := int64(now / recentSpan)
	s := &l.span[n%2]
	if s.number.Load() != n {
		s.max.Store(0) // first, so that nobody reads an old one as a new one
		s.number.Store(n)
	}
	s.max.Store(max(s.max.Load(), int64(d)))
}

func (l *longest) ever() time.Duration { return time.Duration(l.all.Load()) }

func (l *longest) recent(now monitor.Instant) time.Duration {
	most := int64(0)
	for i := range l.span {
		if s := &l.span[i]; s.number.Load() >= int64(now/recentSpan)-1 {
			most = max(most, s.max.Load())
		}
	}
	return time.Duration(most)
}
