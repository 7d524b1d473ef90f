package sim

import (
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// pause is CLIENT PAUSE as redis-server 7.0 has it: what a client sends waits, or
// only what may write, which a PUBLISH may. It holds up the connection: what comes
// behind it waits as well. The longest pause wins, the end is by the clock of the
// machine, which may jump, and nobody can ask for it.
type pause struct {
	until   Instant // by the clock of the machine; 0: never paused
	all     bool    // everything waits, and not only writes
	waiting []work
}

// wall is what the clock of the machine shows.
func (s *server) wall() Instant { return s.w.now.Add(s.clock) }

func (s *server) isPaused() bool { return s.pause.until > s.wall() }

// pauseFor begins a pause, or makes the one that there is longer and wider.
func (s *server) pauseFor(d time.Duration, all bool) {
	if s.isPaused() {
		s.pause.all = s.pause.all || all
	} else {
		s.pause.until, s.pause.all = 0, all
	}
	s.pause.until = max(s.pause.until, s.wall().Add(d))
	s.w.say(s.name, "is paused for %v", s.pause.until.Sub(s.wall()))
	s.awaitPauseEnd()
}

func (s *server) awaitPauseEnd() {
	life := s.life
	s.w.after(s.pause.until.Sub(s.wall()), func() {
		if s.life == life {
			s.endPause()
		}
	})
}

// unpause is CLIENT UNPAUSE: it ends every pause, whoever has begun it.
func (s *server) unpause() {
	s.pause.until = 0
	s.endPause()
}

// endPause lets everything go on that waits, if the pause is over.
func (s *server) endPause() {
	if s.isPaused() || s.hung || s.dead {
		return
	}
	waiting := s.pause.waiting
	s.pause.waiting = nil
	for _, m := range waiting {
		m.c.postponed = false
	}
	s.apply()
	for _, m := range waiting {
		if !m.c.closed[1] {
			s.serve(m.c, m.msg)
		}
	}
}

// setClock lets the clock of the machine jump. Pauses, the lag of replicas and the
// time since the master was heard are measured by it.
func (s *server) setClock(by time.Duration) {
	s.clock += by
	for _, r := range s.downstream {
		r.acked = r.acked.Add(-by)
	}
	s.heard = s.heard.Add(-by)
	if s.isPaused() {
		s.awaitPauseEnd()
	} else {
		s.endPause()
	}
}

// postpones reports whether a message has to wait because of a pause. Who would be
// refused anyway is refused at once, and replicas never wait.
func (s *server) postpones(c *conn, msg any) bool {
	if c.postponed {
		return true
	}
	if !s.isPaused() || s.unable() != "" {
		return false
	}
	switch m := msg.(type) {
	case replAck:
	case clientWrite:
		c.postponed = s.refusesWrites() == ""
	case monitor.Send:
		_, publish := m.Cmd.(monitor.PublishHello)
		c.postponed = s.pause.all || publish
	default:
		c.postponed = s.pause.all
	}
	return c.postponed
}
