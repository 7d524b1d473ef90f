package node

import "time"

// standstill finds time that went by and that the clock of the core does not show. A
// machine that is suspended stops the monotonic clock: where the system has one that goes
// on, the difference is known and added to ours. A virtual machine that is paused stops
// both, and its wall clock is set forward some time after: that shows when it happens
// between two looks, less than a heartbeat apart. The zero value begins with its first look.
type standstill struct {
	began bool
	boot  time.Duration // how far the clock that goes on was ahead
	wall  time.Duration // and the wall clock

	read func() (r reading, ok bool) // nil: of this machine
}

// reading is what the clocks of a machine show in one moment.
type reading struct {
	boot time.Duration // of the clock that goes on in a suspend, ahead of the monotonic one; 0 where there is none
	wall time.Duration // of the wall clock, ahead of the monotonic one
}

// shortestStand is what counts: less is the correction of a clock, or the time between two
// readings.
const shortestStand = 500 * time.Millisecond

// look returns how much time went by unseen since the last look. What is known for certain
// is added to the clock.
func (s *standstill) look(c clock) time.Duration {
	read := s.read
	if read == nil {
		read = c.read
	}
	r, ok := read()
	if !ok {
		return 0 // the next look compares with the one before
	}
	suspended, set := r.boot-s.boot, r.wall-s.wall-max(r.boot-s.boot, 0)
	first := !s.began
	s.began, s.boot, s.wall = true, r.boot, r.wall
	switch {
	case first:
		return 0
	case suspended >= shortestStand:
		if c.asleep != nil {
			c.asleep.Add(int64(suspended))
		}
		return suspended
	case set >= shortestStand:
		return set
	}
	return 0
}

// read reads the clocks. Two that are compared must be read in one moment: a process that
// got no CPU in between would seem to have slept.
func (c clock) read() (r reading, ok bool) {
	for range readings {
		now := time.Now()
		r.boot, r.wall = bootAhead(), time.Duration(now.UnixNano()-c.origin.UnixNano())-now.Sub(c.origin)
		if time.Since(now) < shortestStand/readings {
			return r, true
		}
	}
	return reading{}, false
}

// readings is how often the clocks are read to have them in one moment.
const readings = 3
