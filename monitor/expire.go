package monitor

import "github.com/gosentinel/sentinel/event"

// expireReplicas forgets replicas that were down, and that a master which serves has not
// named, for as long as replica-expire says, and returns when the next one may be. Stock
// Sentinels forget none (state-machine.md §9.7, Forget).
func (c *Core) expireReplicas(now Instant, m *master) Instant {
	after := m.cfg.ReplicaExpire
	if after == 0 || !c.looksSane(now, m) || m.attempt.InProgress() || m.switchover.active() {
		return Never // what changes that comes back here
	}
	next := Never
	for k := len(m.replicas) - 1; k >= 0; k-- {
		r := m.replicas[k]
		if !r.has(FlagSDown) {
			continue
		}
		switch due := max(r.sdownSince, r.listedAt).Add(after); {
		case now < due:
			next = min(next, due)
		case m.infoRefresh < due:
			c.requestInfo(now, &m.instance) // it may name the replica by now
		default:
			c.emit(&r.instance, event.Forgotten{Instance: c.ref(&r.instance), By: c.opts.MyID})
			c.removeReplica(r)
		}
	}
	return next
}

// noteListed notes which of the replicas that are down a master still names.
func (m *master) noteListed(now Instant) {
	for _, r := range m.replicas {
		if r.has(FlagSDown) && m.lists(&r.instance) {
			r.listedAt = now
		}
	}
}
