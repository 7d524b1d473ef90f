//go:build faultyclock

package node

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// A build with the tag faultyclock is for runs that test what a bad clock does. Its clock
// obeys the file "clock" in the working directory: by how much it is to jump forwards in
// all, and how fast it is to run, as in "2s 1.25". What it has obeyed it writes to the file
// "clock.obeyed".
const (
	clockFile   = "clock"
	obeyedFile  = "clock.obeyed"
	obeyingTime = 20 * time.Millisecond
)

// faultyClock is a clock that somebody else sets.
type faultyClock struct {
	mu     sync.Mutex
	at     time.Time     // when it was set last
	shown  time.Duration // what it showed then
	jumped time.Duration
	rate   float64
}

func newClock() clock {
	origin := time.Now()
	c := &faultyClock{at: origin, rate: 1}
	go c.obey() // as long as the process lives
	return clock{origin, c.since, new(atomic.Int64)}
}

func (c *faultyClock) since() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shown + time.Duration(float64(time.Since(c.at))*c.rate)
}

// set has the clock jump and run as it is told. It never runs backwards, as the clock that
// it stands for never does.
func (c *faultyClock) set(jump time.Duration, rate float64) {
	shown := c.since()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shown = shown + max(0, jump-c.jumped)
	c.at, c.jumped, c.rate = time.Now(), max(c.jumped, jump), rate
}

// obey looks at the file again and again. It is not done where the time is asked for, which
// must not wait for a disk.
func (c *faultyClock) obey() {
	last := ""
	for range time.Tick(obeyingTime) {
		b, err := os.ReadFile(clockFile)
		if err != nil || string(b) == last {
			continue
		}
		var text string
		var rate float64
		if _, err := fmt.Sscan(string(b), &text, &rate); err != nil || rate <= 0 {
			continue // it is being written
		}
		jump, err := time.ParseDuration(text)
		if err != nil {
			continue
		}
		c.set(jump, rate)
		last = string(b)
		_ = os.WriteFile(obeyedFile, b, 0o644) // who waits for it complains
	}
}
