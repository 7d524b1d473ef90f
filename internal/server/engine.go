package server

import (
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// Engine is the loop that owns the core, as seen by the front end. Its methods
// are safe for concurrent use and wait for the loop. A bool result is false when
// the loop is stopping.
type Engine interface {
	// View runs f on the loop's goroutine, where the core does not change. f must
	// only copy, because the whole Sentinel waits for it.
	View(f func(c Reader, now monitor.Instant)) bool
	// Call carries out an operator's command. If its result depends on a write to
	// disk, it waits for that too.
	Call(op monitor.Op) (monitor.CallResult, bool)
	// Ask answers a question of another Sentinel. The engine fills in q.From.
	Ask(q monitor.Ask) (monitor.Reply, bool)
	// Hello takes a hello message that another Sentinel published directly.
	Hello(h monitor.Hello)
}

// Reader is the part of the core that View gives access to. [*monitor.Core]
// implements it.
type Reader interface {
	Masters(monitor.Instant) []monitor.MasterView
	Master(monitor.Instant, string) (monitor.MasterView, bool)
	Replicas(monitor.Instant, string) ([]monitor.ReplicaView, bool)
	Sentinels(monitor.Instant, string) ([]monitor.SentinelView, bool)
	MasterAddr(string) (monitor.HostPort, bool)
	Options() monitor.Options
	Tunables() monitor.Tunables
	Failures() monitor.Failures
	Tilt(monitor.Instant) (bool, time.Duration)
	Tilts() uint64
}
