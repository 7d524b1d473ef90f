package sim

import (
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// underWay is how long what a server has refused can be under way, at most.
const underWay = 3 * time.Second

// wallMoment is how soon a firewall must be set up before or after the process has ended or was
// restarted so that nobody can tell it from that: what a Sentinel had connected shows then
// that a process has ended, and nothing shows that another one is there.
const wallMoment = 500 * time.Millisecond

// wallOff sets a firewall up on the machine of s.
func (s *server) wallOff() {
	if !s.firewall {
		s.firewall, s.walledAt = true, s.w.now
		s.masked = s.dead || s.died != 0 && s.w.now.Sub(s.booted) < wallMoment
	}
}

// gone checks that the process of a master has ended that counts as down for that. The
// server may be back since it has refused last.
func (k *checker) gone(n *node, master string, at monitor.HostPort) {
	k.looked[Gone]++
	s, ok := k.w.net.listeners[at].(*server)
	if !ok {
		k.fail(n.name, Gone, "%s is no server", at)
		return
	}
	after, until := k.w.opts.Refused, k.w.now // half of that may lie between two attempts
	if !s.dead {
		until = s.booted
	}
	switch {
	case s.firewall && s.masked: // cannot be told (state-machine.md §4.5)
	case s.died == 0:
		k.fail(n.name, Gone, "the process of %s at %s has never ended", master, s.name)
	case k.w.now.Sub(s.goneFrom) < after:
		k.fail(n.name, Gone, "the process of %s at %s has ended %v ago", master, s.name, k.w.now.Sub(s.goneFrom))
	case until.Sub(s.goneFrom) < after/2:
		k.fail(n.name, Gone, "%s at %s was gone for %v only", master, s.name, until.Sub(s.goneFrom))
	case k.w.now.Sub(until) > underWay:
		k.fail(n.name, Gone, "%s at %s is back since %v", master, s.name, k.w.now.Sub(until))
	}
}
