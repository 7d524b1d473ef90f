package server

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// pause is the state of CLIENT PAUSE. Commands that it covers wait, each on the
// goroutine of its connection. Events are still delivered, and the Sentinel's own
// work is not affected. Since the commands of other Sentinels wait too, this one
// looks down to them, as redis-sentinel does.
type pause struct {
	active  atomic.Bool // false: nothing is covered, and mu need not be taken
	mu      sync.Mutex
	until   time.Time
	all     bool          // all commands, not only those that write
	changed chan struct{} // closed and replaced at every change
}

func newPause() *pause { return &pause{changed: make(chan struct{})} }

// start pauses until the given time. If a pause is already active, the later end
// and the wider scope apply.
func (p *pause) start(now, until time.Time, all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.until.After(now) {
		all = all || p.all
		if p.until.After(until) {
			until = p.until
		}
	}
	p.until, p.all = until, all
	p.active.Store(true)
	p.announce()
}

// end ends every pause.
func (p *pause) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = time.Time{}
	p.active.Store(false)
	p.announce()
}

// wake has the commands that wait look again whether their client is still there.
func (p *pause) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.announce()
}

// announce wakes the commands that wait. The caller holds mu.
func (p *pause) announce() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// covers returns how long a command has to wait, 0 or less if it may run, and a
// channel that is closed when that may have changed.
func (p *pause) covers(cmd *command, now time.Time) (time.Duration, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.all && !cmd.flags.has(flagWrite) {
		return 0, p.changed
	}
	wait := p.until.Sub(now)
	if wait <= 0 {
		p.active.Store(false)
	}
	return wait, p.changed
}

// await blocks while a pause covers the command. It reports false if the
// connection or the server ends in the meantime.
func (c *client) await(cmd *command) bool {
	s := c.server
	if !s.pause.active.Load() || cmd.flags.has(flagUnpausable) {
		return true
	}
	for {
		wait, changed := s.pause.covers(cmd, time.Now())
		if wait <= 0 {
			return true
		}
		c.flush() // the replies to earlier commands
		c.setPaused(true)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		case <-s.lifetime.Done():
		}
		timer.Stop()
		c.setPaused(false)
		if c.killed.Load() || s.isClosed() {
			return false
		}
	}
}

func (c *client) setPaused(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused = on
}

func cmdClientPause(r *request) {
	all := true
	switch {
	case len(r.args) > 4:
		r.subcommandSyntax()
		return
	case len(r.args) == 3 || r.is(3, "all"):
	case r.is(3, "write"):
		all = false
	default:
		r.fail("ERR", "CLIENT PAUSE mode must be WRITE or ALL")
		return
	}
	ms, ok := r.number(2)
	switch {
	case !ok:
		r.fail("ERR", "timeout is not an integer or out of range")
	case ms < 0:
		r.fail("ERR", "timeout is negative")
	case ms > math.MaxInt64/int64(time.Millisecond):
		r.fail("ERR", "timeout is out of range")
	default:
		now := time.Now()
		r.server.pause.start(now, now.Add(time.Duration(ms)*time.Millisecond), all)
		r.ok()
	}
}

// cmdClientUnpause runs even while everything is paused. In Redis it waits as
// well, so a pause that is too long cannot be ended.
func cmdClientUnpause(r *request) {
	r.server.pause.end()
	r.ok()
}
