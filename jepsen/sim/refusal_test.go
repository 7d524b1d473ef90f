package sim

import (
	"testing"
	"time"
)

// maskServer restarts the first server, with which the subscription of the Sentinel ends, as a
// firewall is set up before it.
func (s *scene) maskServer() {
	r := s.w.servers[0]
	s.w.opts.Refused = 100 * time.Millisecond
	r.crash(false)
	s.n.seen.unsubscribed[r.addr] = s.w.now
	r.start(loseNothing)
	r.wallOff()
}

// TestMistakable: a Sentinel may take for the end of a process only a firewall behind which
// that has ended, and only for as long as what that has refused can be under way.
func TestMistakable(t *testing.T) {
	s := newScene(t, Gone)
	r := s.w.servers[0]
	s.maskServer()
	restarted := s.w.now
	if !r.mistakable(restarted) {
		t.Error("a firewall that is set up in the moment of a restart cannot be told from it")
	}
	s.w.advance(10 * time.Second)
	if !r.mistakable(restarted) || r.mistakable(s.w.now) || r.mistakable(0) {
		t.Error("it is the subscription that ended then which misleads, and no other")
	}
	r.unwall()
	s.w.advance(20 * time.Millisecond)
	if !r.mistakable(restarted) {
		t.Error("the last refusal may be under way as it is removed")
	}
	s.w.advance(time.Second)
	if r.mistakable(restarted) {
		t.Error("a second later nothing of it is under way")
	}
	r.wallOff()
	if r.mistakable(restarted) {
		t.Error("no process has ended behind the next one")
	}
}
