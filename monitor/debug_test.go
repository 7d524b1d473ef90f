package monitor

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/event"
)

// small is a world with one Sentinel, a master and two replicas, in which
// effects collects the effects as they are carried out.
func small(t *testing.T, effects func(Effect)) (*world, *node) { return smallWith(t, 2, effects) }

func smallWith(t *testing.T, replicas int, effects func(Effect)) (*world, *node) {
	t.Helper()
	w := newWorld(1)
	st := oneMaster()
	st.Masters[0].Quorum = 1
	m := w.addServer("mymaster", HostPort{Host: "10.0.0.1", Port: 6379}, HostPort{})
	for _, host := range []string{"10.0.0.2", "10.0.0.3"}[:replicas] {
		w.addServer("mymaster", HostPort{Host: host, Port: 6379}, m.addr)
	}
	addr, _ := IPAddr("10.0.1.100", 26379)
	n := w.addNode("me", addr, st)
	w.onEffect = func(_ *node, e Effect) { effects(e) }
	if err := n.boot(); err != nil {
		t.Fatal(err)
	}
	w.advance(3*time.Second, w.check.failed)
	return w, n
}

// debugOp makes an op of names and values.
func debugOp(words ...string) DebugOp {
	var op DebugOp
	for i := 0; i < len(words); i += 2 {
		op.Changes = append(op.Changes, Change{Option: words[i], Values: words[i+1 : i+2]})
	}
	return op
}

// TestDebugActsAtOnce shortens every period right after something has been
// scheduled by the long one.
func TestDebugActsAtOnce(t *testing.T) {
	counts := map[string]int{}
	w, n := small(t, func(e Effect) {
		if s, ok := e.(Send); ok {
			switch s.Cmd.(type) {
			case InfoRequest:
				counts["INFO"]++
			case PublishHello:
				counts["PUBLISH"]++
			case Ping:
				counts["PING"]++
			}
		}
	})
	second := func() {
		clear(counts)
		w.advance(time.Second, w.check.failed)
	}
	second()
	slow := counts["INFO"] + counts["PUBLISH"] + counts["PING"]
	n.input(Call{From: 1, Op: debugOp("info-period", "100", "publish-period", "100", "ping-period", "100")})
	second()
	for what, got := range counts {
		if got < 3*8 || got > 3*11 { // three servers, ten times a second
			t.Errorf("%d %s in the first second with a period of 100 ms, want about 30 (%d of all kinds before)", got, what, slow)
		}
	}
	n.input(Call{From: 1, Op: debugOp("info-period", "10000", "publish-period", "2000", "ping-period", "1000")})
	second()
	second()
	if got := counts["INFO"] + counts["PUBLISH"] + counts["PING"]; got > slow+9 {
		t.Errorf("%d commands in a second with the old periods back, %d before", got, slow)
	}
	if w.check.failed() {
		t.Error(w.check.violation)
	}
}

// TestDebugActsOnLonelyMaster: a master without replicas is asked once a second
// at first, which must not keep a shorter period from acting.
func TestDebugActsOnLonelyMaster(t *testing.T) {
	asked := 0
	w, n := smallWith(t, 0, func(e Effect) {
		if s, ok := e.(Send); ok {
			if _, ok := s.Cmd.(InfoRequest); ok {
				asked++
			}
		}
	})
	for _, c := range []struct {
		period time.Duration
		least  int
		most   int
	}{{100 * time.Millisecond, 8, 11}, {10 * time.Second, 1, 2}} {
		n.input(Call{From: 1, Op: debugOp("INFO-PERIOD", fmt.Sprint(c.period.Milliseconds()))})
		asked = 0
		w.advance(time.Second, w.check.failed)
		if asked < c.least || asked > c.most {
			t.Errorf("%d times in a second with a period of %v, want %d to %d", asked, c.period, c.least, c.most)
		}
	}
}

// TestSmallTiltTriggerIsNoTilt: the heartbeat of an idle core follows the tilt
// trigger, so that it is not taken for a stalled process.
func TestSmallTiltTriggerIsNoTilt(t *testing.T) {
	tilted := 0
	w, n := small(t, func(e Effect) {
		if ev, ok := e.(Emit); ok {
			if _, tilt := ev.Event.(event.Tilt); tilt {
				tilted++
			}
		}
	})
	n.input(Call{From: 1, Op: debugOp("tilt-trigger", "50")})
	w.advance(20*time.Second, w.check.failed)
	if tilted > 0 {
		t.Errorf("%d tilt events", tilted)
	}
}

func TestSimulatedFailures(t *testing.T) {
	for _, c := range []struct {
		failures Failures
		behind   string // the event that the crash follows
	}{
		{CrashAfterElection, "+elected-leader"},
		{CrashAfterPromotion, "+promoted-slave"},
		{CrashAfterElection | CrashAfterPromotion, "+elected-leader"},
		{0, ""},
	} {
		var names []string
		w, n := small(t, func(e Effect) {
			switch e := e.(type) {
			case Emit:
				names = append(names, e.Event.Name())
			case Crash:
				names = append(names, "crash")
			}
		})
		names = nil
		n.input(Call{From: 1, Op: SimulateOp{CrashAfterElection}}) // is replaced
		n.input(Call{From: 1, Op: SimulateOp{c.failures}})
		n.input(Call{From: 2, Op: FailoverOp{Name: "mymaster"}})
		w.advance(10*time.Second, func() bool { return slices.Contains(names, "crash") })
		if got := n.core.Failures(); got != c.failures {
			t.Errorf("%d: the core simulates %d", c.failures, got)
		}
		at := slices.Index(names, "crash")
		switch {
		case c.behind == "" && at >= 0:
			t.Errorf("crash without a reason: %v", names)
		case c.behind != "" && (at < 1 || names[at-1] != c.behind):
			t.Errorf("%d: %v, want a crash behind %s", c.failures, names, c.behind)
		}
	}
}

// TestTiltsAreCounted: each time TILT is entered counts once, however often it is
// prolonged.
func TestTiltsAreCounted(t *testing.T) {
	core := newCore(t, State{Options: Options{MyID: RunID(strings.Repeat("a", 40))}})
	now := core.now
	for _, step := range []struct {
		after time.Duration
		times int
		want  uint64
	}{
		{time.Second, 1, 0},
		{3 * time.Second, 1, 1}, // a stall
		{3 * time.Second, 1, 1}, // another during TILT
		{time.Second, 40, 1},    // TILT ends
		{3 * time.Second, 1, 2},
	} {
		for range step.times {
			now = now.Add(step.after)
			core.Step(now, Tick{})
		}
		if got := core.Tilts(); got != step.want {
			t.Errorf("%d times %v later: %d, want %d", step.times, step.after, got, step.want)
		}
	}
}
