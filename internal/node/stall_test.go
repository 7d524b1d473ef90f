package node

import (
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/server"
	"github.com/gosentinel/sentinel/monitor"
)

// TestStalls: a stall counts from the arrival, a round from the moment when the loop
// woke. What is long ago is not recent.
func TestStalls(t *testing.T) {
	at := func(d time.Duration) monitor.Instant { return monitor.Instant(d) }
	var s stalls
	s.end(at(time.Hour)) // the start
	for _, round := range []struct{ arrived, woke, done, ask time.Duration }{
		{1000 * time.Millisecond, 1030 * time.Millisecond, 1050 * time.Millisecond, 2 * time.Second},
		{2000 * time.Millisecond, 2000 * time.Millisecond, 2040 * time.Millisecond, 3 * time.Second},
		{70 * time.Second, 69 * time.Second, 69*time.Second + time.Millisecond, 70 * time.Second}, // stamped late
		{130 * time.Second, 130 * time.Second, 130*time.Second + 2*time.Millisecond, 131 * time.Second},
	} {
		s.begin(at(round.woke), at(round.arrived))
		s.end(at(round.done))
		t.Log(s.times(at(round.ask)))
	}
	const ms = time.Millisecond
	want := server.LoopTimes{Stall: 50 * ms, RecentStall: 2 * ms, Round: 40 * ms, RecentRound: 2 * ms}
	if got := s.times(at(131 * time.Second)); got != want {
		t.Errorf("after the last round: %+v, want %+v", got, want)
	}
	if got := s.times(at(time.Hour)); got.RecentStall != 0 || got.Stall != 50*ms {
		t.Errorf("an hour later: %+v", got)
	}
	s = stalls{}
	s.begin(at(59*time.Second), at(58*time.Second))
	s.end(at(59 * time.Second))
	if got := s.times(at(61 * time.Second)).RecentStall; got != time.Second {
		t.Errorf("two seconds after a stall of 1 s: %v", got)
	}
}
