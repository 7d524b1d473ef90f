package node

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

// usage is what this process had of its machine so far.
type usage struct {
	cpu    time.Duration // it ran, on all CPUs together
	queued time.Duration // its threads were ready to run and got no CPU; 0 where the system does not tell
	faults int64         // pages that had to be read from a disk
}

// pulse looks now and then at what the process had of its machine, so that a stall can
// be explained. One goroutine runs run; the loop calls explain.
type pulse struct {
	clock clock
	read  func() usage

	mu    sync.Mutex
	beats [32]beat // the last ones, in turn; the zero value is one at the start
	next  int
}

// beatPeriod is how old what a stall is compared with can be, besides the stall itself.
// Each look takes 0.15 ms, about as much as a Sentinel with one master needs for half a
// second of all the rest.
const beatPeriod = 5 * time.Second

type beat struct {
	at   monitor.Instant
	used usage
}

func (p *pulse) run(ctx context.Context) {
	ticker := time.NewTicker(beatPeriod)
	defer ticker.Stop()
	for {
		p.beat(p.clock.now())
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (p *pulse) beat(now monitor.Instant) {
	b := beat{now, p.read()} // the reading takes time, and must not hold up the loop
	p.mu.Lock()
	defer p.mu.Unlock()
	p.beats[p.next%len(p.beats)] = b
	p.next++
}

// before returns what had been used at the last beat before an instant.
func (p *pulse) before(at monitor.Instant) usage {
	p.mu.Lock()
	defer p.mu.Unlock()
	var last beat
	for _, b := range p.beats {
		if b.at <= at && b.at >= last.at {
			last = b
		}
	}
	return last.used
}

// explain says in a line of the log by how much this process stood still, and why as far
// as the system tells: whoever looks at +tilt has to know whether to look at the
// machine, at its limits, or at who has stopped the process.
func (p *pulse) explain(log func(monitor.Level, string, ...slog.Attr), e event.Tilt) {
	had, has := p.before(p.clock.now().Add(-e.Stood)), p.read()
	spent := usage{max(has.cpu-had.cpu, 0), max(has.queued-had.queued, 0), max(has.faults-had.faults, 0)}
	cause, why := spent.why(e.Stood)
	log(monitor.LevelWarning, fmt.Sprintf("TILT: this Sentinel stood still for %.3f s: %s. For %v it takes no server for dead and begins no failover, "+
		"as it cannot tell their silence from its own", e.Stood.Seconds(), why, e.For),
		slog.String("cause", cause), slog.Duration("stood", e.Stood), slog.Duration("cpu", spent.cpu), slog.Duration("queued", spent.queued),
		slog.Int64("page_faults", spent.faults))
}

// manyFaults is how many pages read from a disk may explain a stall of a second. A disk
// takes up to 10 ms for each when it is busy.
const manyFaults = 50

// why names what fills most of a stall.
func (u usage) why(stood time.Duration) (cause, text string) {
	switch most := stood / 2; {
	case u.queued >= most && u.queued >= u.cpu:
		return "no-cpu", fmt.Sprintf("it was ready to run and waited %.1f s for a CPU (all its threads together), so the machine is overloaded, or the CPU limit of its container or unit is too low", u.queued.Seconds())
	case u.cpu >= most:
		return "busy", fmt.Sprintf("it was busy itself, with %.1f s of CPU time", u.cpu.Seconds())
	case u.faults >= int64(manyFaults*stood.Seconds()):
		return "swap", fmt.Sprintf("%d pages of its memory had to be read from disk, so the machine or its container has too little memory", u.faults)
	}
	return "stopped", "it did not run and did not wait for a CPU, so it was stopped (SIGSTOP, a debugger, a paused container), its machine was paused (a snapshot, a migration), or the disk that GOSENTINEL_RECORD writes to hung"
}
