package node

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// TestStandstill: a suspend is told and added to the clock, a wall clock that is set
// forward is told, and nothing else is either.
func TestStandstill(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name       string
		looks      []reading
		told, lost time.Duration
	}{
		{"the start", []reading{{boot: 900 * s, wall: -5 * s}}, 0, 0},
		{"nothing", []reading{{}, {}, {}}, 0, 0},
		{"a suspend", []reading{{boot: 7 * s}, {boot: 10 * s, wall: 3 * s}}, 3 * s, 3 * s},
		{"a suspend, and a wall clock that is set more than that later", []reading{{}, {boot: 3 * s, wall: 3 * s}, {boot: 3 * s, wall: 5 * s}}, 5 * s, 3 * s},
		{"a paused virtual machine whose clock is set then", []reading{{}, {wall: 60 * s}}, 60 * s, 0},
		{"a clock that is set back", []reading{{}, {wall: -60 * s}, {wall: -60 * s}}, 0, 0},
		{"a clock that is corrected a little", []reading{{}, {wall: s / 4}, {wall: s / 2}, {wall: 3 * s / 4}}, 0, 0},
	} {
		var found standstill
		clk := clock{since: func() time.Duration { return 0 }, asleep: new(atomic.Int64)}
		told := time.Duration(0)
		for _, r := range c.looks {
			found.read = func() (reading, bool) { return r, true }
			told += found.look(clk)
			found.read = func() (reading, bool) { return reading{boot: time.Hour, wall: time.Hour}, false }
			told += found.look(clk)
		}
		if lost := time.Duration(clk.now() - 1); told != c.told || lost != c.lost {
			t.Errorf("%s: %v are told and %v added to the clock, want %v and %v", c.name, told, lost, c.told, c.lost)
		}
	}
}

// TestClocksAgree: the clocks of this machine show no standstill while it runs.
func TestClocksAgree(t *testing.T) {
	c := newClock()
	before, ok := c.read()
	for range 100 {
		after, read := c.read()
		if apart := max(after.boot-before.boot, after.wall-before.wall); ok && read && apart >= 2*shortestStand {
			t.Fatalf("the clocks went apart by %v", apart)
		}
	}
}

// TestArrivedBeforeASleep: what arrived before the process slept is judged after the core
// has heard of that.
func TestArrivedBeforeASleep(t *testing.T) {
	l := wokenLoop(t, 10*time.Second)
	if tilt, _ := l.core.Tilt(l.inbox.clock.now()); !tilt {
		t.Error("no TILT after a sleep of 10 s, before anything else is looked at")
	}
	l = wokenLoop(t, time.Second)
	if tilt, _ := l.core.Tilt(l.inbox.clock.now()); tilt {
		t.Error("TILT after a second")
	}
}

// wokenLoop returns a loop that was to wake for something at once, and slept.
func wokenLoop(t *testing.T, slept time.Duration) *loop {
	var since time.Duration
	clk := clock{since: func() time.Duration { return since }}
	core, err := monitor.New(clk.now(), monitor.Params{State: monitor.State{Options: monitor.Options{MyID: idA}}})
	if err != nil {
		t.Fatal(err)
	}
	l := newLoop(loopConfig{core: core, inbox: newInbox(clk)})
	asleep := clk.now()
	since += slept
	l.wake(asleep, asleep.Add(time.Millisecond))
	return l
}
