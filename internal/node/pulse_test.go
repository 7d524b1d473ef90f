package node

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

// TestTiltSaysWhy: the line beside +tilt says by how much the process stood still, and
// what fills most of that time. What was used before the stall does not count.
func TestTiltSaysWhy(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		stall usage
		cause string
		text  string
	}{
		{usage{}, "stopped", "SIGSTOP"},
		{usage{cpu: s, queued: s, faults: 100}, "stopped", "SIGSTOP"},
		{usage{cpu: 3 * s}, "busy", "3.0 s of CPU time"},
		{usage{cpu: s, queued: 4 * s}, "no-cpu", "waited 4.0 s for a CPU"},
		{usage{cpu: 8 * s, queued: 3 * s}, "busy", "8.0 s"},
		{usage{cpu: s, faults: 5000}, "swap", "5000 pages"},
	} {
		now := 10 * s
		had := usage{cpu: 100 * s, queued: 50 * s, faults: 7}
		p := pulse{clock: clock{since: func() time.Duration { return now }}, read: func() usage { return had }}
		p.beat(p.clock.now())
		now += 5 * s
		had.cpu, had.queued, had.faults = had.cpu+c.stall.cpu, had.queued+c.stall.queued, had.faults+c.stall.faults
		p.beat(p.clock.now()) // before the loop comes to it
		p.explain(func(level monitor.Level, text string, attrs ...slog.Attr) {
			if !strings.HasPrefix(text, "TILT: this Sentinel stood still for 5.000 s: ") || !strings.Contains(text, c.text) ||
				!strings.Contains(text, "For 30s it takes no server for dead") || level != monitor.LevelWarning {
				t.Errorf("%+v: %s", c.stall, text)
			}
			if attrs[0].Value.String() != c.cause || attrs[1].Value.Duration() != 5*s {
				t.Errorf("%+v: %v", c.stall, attrs)
			}
		}, event.Tilt{Entered: true, Stood: 5 * s, For: 30 * s})
	}
}

// TestUsage: the system tells of work that this process does.
func TestUsage(t *testing.T) {
	before := readUsage()
	if before == (usage{}) {
		t.Skip("this system tells nothing")
	}
	for deadline := time.Now().Add(10 * time.Second); readUsage().cpu <= before.cpu; {
		if time.Now().After(deadline) {
			t.Fatal("no CPU time was counted in 10 s of work")
		}
	}
}

func BenchmarkUsage(b *testing.B) {
	for b.Loop() {
		readUsage()
	}
}
