package cli

import (
	"fmt"
	"time"
)

// Progress is how a task says how far it is, for a person who waits.
type Progress struct {
	s     Streams
	begun time.Time
	last  time.Time
}

// Progress begins to measure time.
func (s Streams) Progress() *Progress {
	now := time.Now()
	return &Progress{s, now, now}
}

// Elapsed returns how long the task has been at work.
func (p *Progress) Elapsed() time.Duration { return time.Since(p.begun) }

// Due reports whether a line is due, because the beginning and the last time that
// one was due are at least every ago.
func (p *Progress) Due(every time.Duration) bool {
	now := time.Now()
	if now.Sub(p.last) < every {
		return false
	}
	p.last = now
	return true
}

// Line prints a line.
func (p *Progress) Line(format string, args ...any) {
	fmt.Fprintf(p.s.Info, format+"\n", args...)
}
