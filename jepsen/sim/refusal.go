package sim

import (
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// underWay is how long what a server has refused can be under way, at most.
const underWay = 3 * time.Second

// gone checks that the process of a master has ended that counts as down for that. The
// server may be back since it has refused last.
func (k *checker) gone(n *node, master string, at monitor.HostPort) {
	k.looked[Gone]++
	s, ok := k.w.net.listeners[at].(*server)
	if !ok {
		k.fail(n.name, Gone, "%s is no server", at)
		return
	}
	after, until := k.w.opts.Refused, k.w.now
	if !s.dead {
		until = s.booted
	}
	switch {
	case s.died == 0:
		k.fail(n.name, Gone, "the process of %s at %s has never ended", master, s.name)
	case k.w.now.Sub(s.died) < after:
		k.fail(n.name, Gone, "the process of %s at %s has ended %v ago", master, s.name, k.w.now.Sub(s.died))
	case until.Sub(s.died) < after/2:
		k.fail(n.name, Gone, "%s at %s was gone for %v only", master, s.name, until.Sub(s.died))
	case k.w.now.Sub(until) > underWay:
		k.fail(n.name, Gone, "%s at %s is back since %v", master, s.name, k.w.now.Sub(until))
	}
}
