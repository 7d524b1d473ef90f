package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// Instant is a point in virtual time.
type Instant = monitor.Instant

// origin is the instant at which every world begins. It is above zero because a
// core takes 0 for "never".
const origin = Instant(time.Hour)

// world is virtual time and everything that lives in it. Whatever happens is an
// event in one queue, and every random choice comes from one generator, so the
// same scenario always gives the same run, to the last message.
type world struct {
	now    Instant
	queue  queue
	rng    *rand.Rand
	events int    // fired so far
	hash   uint64 // of everything that happened so far

	opts    Options
	net     network
	servers []*server
	nodes   []sentinel // all Sentinels, of both kinds
	clients []*client
	groups  []*group

	tap    *tap // nil: no process dies at a midpoint
	check  *checker
	meter  *meter
	hellos map[monitor.Hello]*helloMsg // see encoded

	cover Coverage

	forged map[monitor.Hello]bool // by strangers; nil while there is none

	healed bool
	faults int // injected so far
	waits  []waiting
	trace  func(line string) // nil: there is no trace
}

// group is one master with its replicas.
type group struct {
	name    string
	index   int
	servers []*server

	demotions []*demotion // the last one of each server by a switchover, the latest at the end
}

// waiting is a fault that waits for an event to be emitted.
type waiting struct {
	fault Fault
	after Instant
}

// at has who fire at t, or at once when that has passed.
func (w *world) at(t Instant, who handler, code int) { w.queue.add(max(t, w.now), w.now, who, code) }

func (w *world) after(d time.Duration, do func()) { w.at(w.now.Add(d), once(do), 0) }

// advance plays d of virtual time, or less when an invariant is violated.
func (w *world) advance(d time.Duration) {
	end := w.now.Add(d)
	for !w.check.failed() {
		e, ok := w.queue.pop(w.now, end)
		if !ok {
			break
		}
		w.now = e.at
		w.events++
		w.mix(uint64(e.at) ^ uint64(e.seq)<<32 ^ uint64(e.code)<<61)
		e.who.fire(e.code)
	}
	if !w.check.failed() {
		w.now = end
	}
}

// mix adds something that happened to the hash of the run (FNV-1a on words).
func (w *world) mix(v uint64) { w.hash = (w.hash ^ v) * 1099511628211 }

func (w *world) mixText(s string) {
	for i := range len(s) {
		w.mix(uint64(s[i]))
	}
}

func (w *world) uptime() time.Duration { return w.now.Sub(origin) }

// say writes a line of the trace.
func (w *world) say(who, format string, args ...any) {
	if w.trace != nil {
		w.trace(fmt.Sprintf("%9.3fs %-5s %s", w.uptime().Seconds(), who, fmt.Sprintf(format, args...)))
	}
}

// between draws a duration from [low, high].
func (w *world) between(low, high time.Duration) time.Duration {
	if high <= low {
		return low
	}
	return low + time.Duration(w.rng.Int64N(int64(high-low)+1))
}

// chance is true once in n times.
func (w *world) chance(n int) bool { return w.rng.IntN(n) == 0 }
