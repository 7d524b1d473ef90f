package server

import (
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// Engine is the loop that owns the core, as seen by the front end. Its methods
// are safe for concurrent use. What they are given reaches the core in the order of
// the calls. A bool result is false when the loop is stopping.
type Engine interface {
	// View runs f on the loop's goroutine, where the core does not change. f must
	// only copy, because the whole Sentinel waits for it.
	View(f func(c Reader, now monitor.Instant)) bool
	// Addrs returns what clients are told of the addresses of masters.
	Addrs() *Addrs
	// Call carries out an operator's command. If its result depends on a write to
	// disk, it comes after that.
	Call(op monitor.Op) Pending[monitor.CallResult]
	// Ask answers a question of another Sentinel. The engine fills in q.From. A vote
	// comes when it is on disk.
	Ask(q monitor.Ask) Pending[monitor.Reply]
	// Hello takes a hello message that another Sentinel published directly.
	Hello(h monitor.Hello)
}

// Pending is an answer of the engine that may still be on its way.
type Pending[T any] struct {
	answer <-chan any
	gone   <-chan struct{}
}

// NewPending returns the answer that will be sent to a channel with room for it. None
// comes any more once gone is closed.
func NewPending[T any](answer <-chan any, gone <-chan struct{}) Pending[T] {
	return Pending[T]{answer, gone}
}

// Ready reports whether Wait would return at once.
func (p Pending[T]) Ready() bool {
	select {
	case <-p.gone:
		return true
	default:
		return len(p.answer) > 0
	}
}

// Wait waits for the answer, which it returns once. It reports false when none comes.
func (p Pending[T]) Wait() (T, bool) {
	var a any
	select {
	case a = <-p.answer:
	case <-p.gone:
		select { // it may have come just before the end
		case a = <-p.answer:
		default:
		}
	}
	v, ok := a.(T)
	return v, ok
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
	Hurry(monitor.Instant) monitor.Hurry
	GuardCounts() monitor.GuardCounts
}
