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
		s.firewall, s.walledAt, s.maskedAt = true, s.w.now, 0
		if s.dead || s.died != 0 && s.w.now.Sub(s.booted) < wallMoment {
			s.maskedAt = s.w.now
		}
	}
}

// unwall removes it.
func (s *server) unwall() {
	if s.firewall {
		s.firewall, s.hungUp, s.openedAt = false, false, s.w.now
	}
}

// mistakable reports whether a Sentinel whose subscription to s ended in order at an instant
// may take a firewall for the end of the process (state-machine.md §4.5, Refusal): that has
// ended behind it, and what ended the subscription was that, or who ended all of them as the
// firewall was set up. Then it is the replicas that the end has misled, for a moment. The last
// refusal of a row comes soon after the one before.
func (s *server) mistakable(ended Instant) bool {
	o, now := &s.w.opts, s.w.now
	late := max(o.Refused/2, 30*time.Millisecond) + o.Delay + o.Jitter
	if ended == 0 || s.maskedAt == 0 || !s.firewall && now.Sub(s.openedAt) > late {
		return false
	}
	near := func(at Instant) bool { return ended >= at.Add(-wallMoment) && ended <= at.Add(underWay) }
	return near(s.maskedAt) || near(s.walledAt) && now.Sub(s.maskedAt) < o.Refused+o.DownAfter+underWay
}

// connected is when connections to a server came up last.
type connected struct{ last, before Instant } // before: before the turn of last

// reached notes that a connection has come up.
func (h *watch) reached(now Instant, c *conn) {
	if c.kind > pubsubConn {
		return
	}
	x := h.connected[c.addr]
	if x.last != now {
		x.before = x.last
	}
	x.last = now
	h.connected[c.addr] = x
}

// by returns when the last one came up that counts in a turn at an instant: what is told in
// that may be because of what came before.
func (x connected) by(now Instant) Instant {
	if x.last == now {
		return x.before
	}
	return x.last
}

// gone checks that the process of a master has ended that counts as down for that. The
// server may be back since it has refused last. Nothing excuses a Sentinel whose connection
// came up meanwhile.
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
	up := n.seen.connected[at].by(k.w.now)
	switch {
	case up != 0 && k.w.now.Sub(up) < after:
		k.fail(n.name, Gone, "a connection to %s at %s came up %v ago", master, s.name, k.w.now.Sub(up))
	case s.mistakable(n.seen.unsubscribed[at]):
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
