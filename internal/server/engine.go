package server

import (
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// Engine is the loop that owns the core, as the front end sees it. Every method
// may be called from any goroutine and waits for the loop. The results that are
// bool are false when the loop is stopping.
type Engine interface {
	// View runs f on the goroutine of the loop, where the core does not change. f
	// must only copy: the whole Sentinel waits for it.
	View(f func(c Reader, now monitor.Instant)) bool
	// Call carries out an operator's command. Where its result depends on the
	// disk it waits for that, too.
	Call(op monitor.Op) (monitor.CallResult, bool)
	// Ask answers a question of another Sentinel; From is filled in by the engine.
	Ask(q monitor.Ask) (monitor.Reply, bool)
	// Hello takes a hello message that another Sentinel published directly.
	Hello(h monitor.Hello)
}

// Reader is what View shows of the core. [*monitor.Core] is one.
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
}
