package monitor

import (
	"slices"
	"time"
)

// refusal watches for the end of the process of a master: then the system there ends what
// was connected, and refuses whatever is new. The zero value: nothing of that was seen
// since the master answered last (state-machine.md §4.5, Refusal).
//
// A refusal alone proves nothing. A firewall can refuse for the host, a server can close
// its port and live on, a restart refuses for a moment. What none of them does is to end
// in order a connection on which nothing was sent: a firewall answers what passes, and
// the subscription to hellos carries nothing from here. So the subscription must have
// been ended like that, nothing else but refusals may have followed, and each replica
// that is there must say that it has lost its master too.
type refusal struct {
	ip       string  // of the server; what answers elsewhere says nothing
	hellos   Instant // when the end of the subscription was seen; 0: it was not
	commands Instant // when the end of the command connection was seen; 0: it was not
	seq      uint64  // replies of replicas to what was sent later count
	since    Instant // when the first refusal arrived of the row that lasts; 0: there was none
	last     Instant // when the last one arrived
	tried    Instant // when the attempt began that it was about
	told     Instant // since when the replicas say so too; 0: they do not
	beside   Instant // when one was refused first that was tried while the subscription held; 0: none was
	walled   bool    // that was so for longer than endSkew: something else than its end refuses
	gone     bool    // it counts as down for that, until it answers
}

// A row of refusals has tries at a fifth of the time that it must last, and not more often
// than refusalFloor. Between two tries the server may have been there: a gap of half the
// time begins a new row, and so does a stalled Sentinel.
const (
	refusalTries = 5
	refusalFloor = 10 * time.Millisecond
)

// endSkew is by how much two connections may seem to end apart that a process ends at once.
const endSkew = 100 * time.Millisecond

func refusalGap(after time.Duration) time.Duration { return max(after/2, 3*refusalFloor) }

// refusalPeriod returns how soon a refused attempt to connect to m is repeated; 0: as
// otherwise.
func (m *master) refusalPeriod() time.Duration {
	if after := m.cfg.DownAfterRefused; after > 0 && m.refusal.ended() && !m.has(FlagSDown) {
		return max(after/refusalTries, refusalFloor)
	}
	return 0
}

// ended reports whether both connections have ended as those of a process do that ends.
func (x *refusal) ended() bool { return x.hellos != 0 && x.commands != 0 && !x.walled }

// watchedBy returns the master that l is the link of, or nil.
func (l *link) watchedBy() *master {
	if len(l.owners) == 0 || l.owners[0].kind != KindMaster {
		return nil
	}
	return l.owners[0].master
}

// connectionLost takes in how a connection to a master has ended, while cn still shows
// what it was.
func (c *Core) connectionLost(now Instant, l *link, cn *conn, loss Loss) {
	m := l.watchedBy()
	if m == nil {
		return
	}
	x := &m.refusal
	if cn.up && x.ip != cn.ip {
		c.notGone(m)
		x.ip = cn.ip
	}
	broken := cn.up && (loss == LossEnded || loss == LossReset)
	switch {
	case broken && (cn == &l.cmd && x.commands != 0 || cn == &l.pubsub && x.hellos != 0): // see cameUp
		x.seq = c.lastSeq
	case cn.up && cn == &l.pubsub && loss == LossEnded && l.pubsubActivity > cn.upAt: // it was subscribed
		x.hellos, x.seq = now, c.lastSeq
		x.walled = x.walled || x.beside != 0 && now > x.beside.Add(endSkew)
	case broken && cn == &l.cmd:
		x.commands, x.seq = now, c.lastSeq
	case !cn.up && loss == LossRefused && x.ip == cn.ip:
		if x.beside == 0 && l.pubsub.up && x.hellos == 0 {
			x.beside = now
		}
		if cn == &l.cmd {
			c.refused(now, m, cn.dialedAt)
		}
	default:
		c.notGone(m)
	}
}

// cameUp takes in that a connection to m is established. That proves a process, but not in
// the moment of its end: the system closes what a process has open one after the other, and
// takes connections for it until it comes to the port. It ends them then, unanswered.
func (c *Core) cameUp(now Instant, m *master) {
	x := &m.refusal
	if end := max(x.hellos, x.commands); end == 0 || now > end.Add(endSkew) {
		c.notGone(m)
		return
	}
	x.since, x.told = 0, 0
}

// notGone forgets what was seen of the end of the process of m. That m counts as down for
// it stays until it answers.
func (c *Core) notGone(m *master) {
	if m.refusal != (refusal{}) {
		m.refusal = refusal{gone: m.refusal.gone, walled: m.refusal.walled && !m.link.cmd.up, beside: m.refusal.beside}
		if m.link.cmd.up {
			m.refusal.beside = 0
		}
		c.guardOver(&m.instance, RefusalDetection)
	}
}

// refused adds an attempt to connect that was refused now to the row.
func (c *Core) refused(now Instant, m *master, tried Instant) {
	x, after := &m.refusal, m.cfg.DownAfterRefused
	switch {
	case after == 0 || !x.ended() || tried < max(x.hellos, x.commands):
		return
	case x.since == 0 || now.Sub(x.last) > refusalGap(after):
		x.since, x.told = now, 0
	}
	x.tried, x.last = tried, now
	for _, r := range m.replicas {
		if r.mayDenyEnd(m) {
			c.requestInfo(now, &r.instance)
		}
	}
	c.touch(m)
}

// sawEnd reports whether r can tell of the end of the process of m: it is there, has had a
// link to the master that it names, and follows no other replica. One that has just been
// told to follow m, or that fills itself for the first time, has lost nothing.
func (r *replica) sawEnd(m *master) bool {
	if !r.link.connected() || r.has(FlagSDown) || r.role != RoleReplica {
		return false
	}
	if r.linkedTo == (HostPort{}) || r.linkedTo != (HostPort{Host: r.masterHost, Port: r.masterPort}) {
		return false
	}
	at, literal := IPAddr(r.masterHost, r.masterPort)
	return !literal || m.replicaAt(at) == nil
}

// mayDenyEnd reports whether r may still have a connection to m, whose process seems to
// have ended: it has not said since that the connection is lost. A replica that hangs is
// waited for, until it is down itself.
func (r *replica) mayDenyEnd(m *master) bool {
	return r.sawEnd(m) && (r.infoSeq <= m.refusal.seq || r.masterLinkUp)
}

// endConfirmed reports whether a replica has confirmed that the process of m has ended,
// and none that is there may deny it.
func (m *master) endConfirmed() bool {
	return slices.ContainsFunc(m.replicas, func(r *replica) bool { return r.sawEnd(m) }) &&
		!slices.ContainsFunc(m.replicas, func(r *replica) bool { return r.mayDenyEnd(m) })
}

// reviewRefusal has m count as down when it is certain that its process has ended.
func (c *Core) reviewRefusal(now Instant, m *master) {
	x, after := &m.refusal, m.cfg.DownAfterRefused
	if x.gone || after == 0 || x.since == 0 || now.Sub(x.last) > refusalGap(after) || m.has(FlagSDown) {
		return
	}
	if !m.endConfirmed() {
		x.told = 0
		return
	}
	if x.told == 0 {
		x.told = now
	}
	// A firewall may have begun the row. The process may have been there until a replica
	// noticed, and after the last attempt.
	if x.tried.Sub(max(x.since, x.told)) < after {
		return
	}
	x.gone = c.guards(&m.instance, RefusalDetection, "count it as down", goneText+" for "+after.String())
}

const goneText = "its process has ended: its host closed the connections, and refuses new ones"
